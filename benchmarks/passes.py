"""A record of many passes over the whole band of a dongle: peak memory of packing, opening, comparing and drawing it.

Each command runs in a process of its own. The rows are those of a town; each pass has noise of its own on top of one of
a few rows that were drawn in full. Held against the limit is the peak; whether it grows with the passes is seen from
the rows for fewer of them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from baselines.learning import build_baseline
from baselines.store import BaselineStore
from baselines.summary import summarise
from benchmarks import USER_ENVIRONMENT
from benchmarks.commands import quietroom, require_peak_memory
from benchmarks.comparison import town_rows
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, Spread
from sweep.journal import JournalWriter
from sweep.model import FILL, SweepRow
from sweep.plan import Layout, SweepPlan, plan_hops
from sweep.workspace import Workspace
from tests.rows import make_start
from tests.visits import PASS_NS, visit_of

__all__ = ["make_visit", "measure"]

_START_HZ, _STOP_HZ = 24_000_000, 1_766_000_000
_LIMIT_MB = 500.0
_MB_A_PASS = 12  # in the journal, and half as much in the record beside it while it is packed
_VISITS, _FEW_PASSES = 2, 5
_NOISE_CDB = 20  # on top of the noise of the row that a pass is made from
_ROOM, _RECORD = "town", "many"


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the peak memory of each command, for each number of passes.

    Raises
    ------
    LeftOutError
        The system does not tell the peak memory of a process.
    """
    require_peak_memory()
    for n_passes in effort.passes:
        with tempfile.TemporaryDirectory() as folder:
            needed = n_passes * _MB_A_PASS + 200
            if shutil.disk_usage(folder).free < needed * 10**6:
                yield LeftOut(what=f"record of {n_passes} passes", reason=f"{folder} has less than {needed} MB free")
                continue
            yield from _rows(Path(folder), n_passes)


def _rows(folder: Path, n_passes: int) -> Iterator[Row]:
    command = [sys.executable, "-m", "benchmarks.passes", str(folder), str(n_passes)]
    subprocess.run(command, env=USER_ENVIRONMENT, check=True)
    sweeps = Workspace(folder).sweeps
    record = sweeps / f"{_RECORD}.h5"
    commands = {
        "judge and pack": ("recover", str(sweeps / f"{_RECORD}.journal")),
        "open": ("findings", str(record)),
        "plot": ("plot", str(record), "-o", str(folder / "plot.png")),
        "compare": ("compare", str(record)),
        "report": ("report", str(record), "-o", str(folder / "report.pdf")),
    }
    for name, arguments in commands.items():
        cost = quietroom("--workspace", str(folder), *arguments)
        yield Row(
            what=f"{name} {n_passes} passes of the whole band: peak memory",
            ours=f"{cost.peak_mb:.0f} MB, {cost.processor_s:.3g} s",
            against=f"limit {_LIMIT_MB:.0f} MB",
            ratio=Spread.of([cost.peak_mb / _LIMIT_MB]),
            goal=Goal(limit=1, at_least=False),
        )


def _make(folder: str, n_passes: str) -> None:
    make_visit(Path(folder), lambda layout: _passes(layout, int(n_passes)))


def make_visit(folder: Path, rows_of: Callable[[Layout], Iterable[SweepRow]]) -> Path:
    """Leave a workspace with a baseline of the town, and the journal of a visit with these rows; give its path."""
    workspace = Workspace.create(folder)
    plan = plan_hops(((_START_HZ, _STOP_HZ),))
    layout = plan.layout()
    summaries = [summarise(layout, town_rows(layout, _FEW_PASSES, day)) for day in range(_VISITS)]
    known = [visit_of(day) for day in range(_VISITS)]
    baseline = build_baseline(summaries, known, room=_ROOM, created="2026-11-20T09:00:00.000000000Z")
    BaselineStore(workspace.make_room(_ROOM)).save(baseline)
    path = workspace.sweeps / f"{_RECORD}.journal"
    with JournalWriter.create(path, _start(plan, baseline.id), layout) as journal:
        for row in rows_of(layout):
            journal.append_row(row)
        journal.sync()
    return path


def _start(plan: SweepPlan, baseline_id: str) -> dict[str, Any]:
    return make_start(plan, room=_ROOM, baseline=baseline_id)


def _passes(layout: Layout, n_passes: int) -> Iterator[SweepRow]:
    """Passes of one visit: rows that were drawn in full, in turn, each time with other noise."""
    drawn = town_rows(layout, _FEW_PASSES, _VISITS)
    rng = np.random.default_rng(3)
    noise = rng.normal(0, _NOISE_CDB, 2 * layout.n_bins).astype(np.int16)
    for number in range(n_passes):
        row = drawn[number % len(drawn)]
        start = int(rng.integers(layout.n_bins))
        off = noise[start : start + layout.n_bins]
        levels = {
            name: np.where(old == FILL, FILL, old + off)
            for name in ("mean", "max_hold")
            if (old := getattr(row, name)) is not None
        }
        later = (number - row.sequence) * PASS_NS
        yield replace(
            row,
            sequence=number,
            utc_ns=row.utc_ns + later,
            monotonic_ns=row.monotonic_ns + later,
            hop_utc_ns=row.hop_utc_ns + later,
            hop_monotonic_ns=row.hop_monotonic_ns + later,
            **levels,
        )


if __name__ == "__main__":
    _make(*sys.argv[1:])
