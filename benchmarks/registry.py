"""The benchmarks by name; a new one is a module with ``measure`` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import (
    artefacts,
    comparison,
    faults,
    journal,
    live,
    pair,
    passes,
    replay,
    report,
    rtl_power,
    soapy_power,
    startup,
    storage,
    transforms,
    verify,
)
from benchmarks.effort import Effort
from benchmarks.rows import LeftOut, LeftOutError, Row

__all__ = ["BENCHMARKS", "run"]

BENCHMARKS: dict[str, Callable[[Effort], Iterator[Row | LeftOut]]] = {
    "transforms": transforms.measure,
    "rtl_power": rtl_power.measure,
    "soapy_power": soapy_power.measure,
    "replay": replay.measure,
    "live": live.measure,
    "pair": pair.measure,
    "journal": journal.measure,
    "storage": storage.measure,
    "comparison": comparison.measure,
    "passes": passes.measure,
    "verify": verify.measure,
    "report": report.measure,
    "startup": startup.measure,
    "artefacts": artefacts.measure,
    "faults": faults.measure,
}


def run(name: str, effort: Effort) -> Iterator[Row | LeftOut]:
    """Run one benchmark; what the machine lacks becomes a line that says so."""
    try:
        yield from BENCHMARKS[name](effort)
    except LeftOutError as error:
        yield LeftOut(what=name, reason=str(error))
