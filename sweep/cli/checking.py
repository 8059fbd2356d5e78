"""``devices --check``, and the checks that begin every live visit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from dsp.errors import DeviceError
from sweep.cli.printing import Printer, table, wrapped
from sweep.health.checks import FAIL, NOT_POSSIBLE, PASS, WARN, Check, checks_of
from sweep.health.machine import check_clock, check_disk, planned_bytes
from sweep.health.preflight import preflight
from sweep.health.survey import CheckedSource
from sweep.model import Instrument, IqSource
from sweep.plan import SweepPlan
from sweep.sources.live import LiveSource
from sweep.sources.options import SourceOptions
from sweep.sources.registry import open_source

__all__ = ["Planned", "check_devices", "check_lines", "check_source"]

_EXIT_FAILED = 3
_DISK_BYTES = 256 << 20  # a few passes over all that a dongle tunes, journal and record
_SHORT = 55
_DONGLE = "rtlsdr:"


class _Noting(Protocol):
    """A live source that keeps what was checked."""

    def note_checks(self, checks: Sequence[Check]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is to be swept after the checks.

    Attributes
    ----------
    options : SourceOptions
    sweeps, passes : int
        Sweeps, and passes of each.
    camp_s : float
        Of each sweep.
    """

    options: SourceOptions
    sweeps: int
    passes: int
    camp_s: float

    def bytes_of(self, plan: SweepPlan) -> int:
        """What all sweeps together may need of the disk."""
        return self.sweeps * planned_bytes(plan, self.passes, camp_s=self.camp_s)

    def sweep_s(self, plan: SweepPlan, settle_s: float | None) -> float:
        """About how long a sweep takes a receiver that does all of it."""
        return self.passes * plan.n_hops * (plan.dwell_s + (settle_s or 0.0)) + self.camp_s


def check_devices(
    texts: Sequence[str],
    *,
    workspace: Path,
    printer: Printer,
    warm_up_s: float | None = None,
    planned: Planned | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Check sources one after another, and say in a table what came of it.

    Parameters
    ----------
    texts : sequence of str
        Sources as on the command line.
    workspace : Path
        On whose disk there must be room; the current folder where it does not exist.
    printer : Printer
    warm_up_s : float, optional
        Watch each receiver for so long.
    planned : Planned, optional
        What is to be swept; by default all that the receiver tunes.

    Returns
    -------
    (list of dict, int)
        For JSON, and the exit code: 3 where a check failed. ``sweep_s`` tells about how long a planned sweep takes.
    """
    folder = workspace if workspace.is_dir() else Path()
    told: list[dict[str, Any]] = []
    for text in texts:
        found, source = _opened_checks(text, warm_up_s, SourceOptions() if planned is None else planned.options)
        n_bytes, seconds = _DISK_BYTES, None
        if planned is not None and isinstance(source, LiveSource):
            n_bytes = planned.bytes_of(source.plan)
            seconds = round(planned.sweep_s(source.plan, source.instrument.settle_s), 1)
        checks = (*found, check_disk(folder, n_bytes), check_clock())
        printer.lines([*([""] if told else []), f"{text}:", *check_lines(("", asdict(check)) for check in checks)])
        one = {"source": text, "checks": [asdict(check) for check in checks]}
        told.append(one if seconds is None else {**one, "sweep_s": seconds})
    failed = any(check["state"] == FAIL for one in told for check in one["checks"])
    return told, _EXIT_FAILED if failed else 0


def check_source(source: IqSource, texts: Sequence[str], machine: Iterable[Check]) -> None:
    """Check the receivers of a visit before it begins, note that in the source, and say what is not good.

    Nothing is checked where the source is not a receiver. Whatever is found, the sweep goes on: the verdict says it.
    """
    if not hasattr(source, "note_checks"):
        return
    receivers: Sequence[Any] = getattr(source, "receivers", (source,))
    for receiver in receivers:
        instrument: Instrument = receiver.instrument
        receiver.note_checks((*_serial_checks(instrument.serial, texts), *preflight(cast("CheckedSource", receiver))))
    cast("_Noting", source).note_checks(tuple(machine))
    _say(source.instrument)


def check_lines(checks: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Lay checks out in a table; a long text stands below its line.

    Examples
    --------
    >>> check = {"name": "dc", "state": "PASS", "words": "at most -60.0 dBFS", "value": -60.0, "unit": "dBFS"}
    >>> print("\\n".join(check_lines([("", check)])))
    check  result  measured  what it means
    dc     PASS    -60 dBFS  at most -60.0 dBFS
    """
    told = list(checks)
    names = [f"{serial} {check['name']}".strip() for serial, check in told]
    words = [str(check["words"]) for _, check in told]
    rows = [
        (name, check["state"], _measured(check), text if len(text) <= _SHORT else "")
        for name, (_, check), text in zip(names, told, words, strict=True)
    ]
    header, *body = table(("check", "result", "measured", "what it means"), rows)
    lines = [header]
    for line, text in zip(body, words, strict=True):
        lines += [line, *(wrapped(text, indent="    ") if len(text) > _SHORT else [])]
    return lines


def _opened_checks(
    text: str, warm_up_s: float | None, options: SourceOptions
) -> tuple[tuple[Check, ...], IqSource | None]:
    """Checks of a source, and the source, closed; None where it cannot be opened."""
    try:
        source = open_source(text, options)
    except DeviceError as error:
        return (Check(name="receiver", state=FAIL, words=str(error)),), None
    try:
        if not hasattr(source, "note_checks"):
            words = "is no receiver: there is nothing to check"
            return (Check(name="receiver", state=NOT_POSSIBLE, words=f"{text} {words}"),), source
        found = preflight(cast("CheckedSource", source), warm_up_s=warm_up_s)
        return (*_serial_checks(source.instrument.serial, (text,)), *found), source
    finally:
        source.close()


def _serial_checks(serial: str | None, texts: Sequence[str]) -> tuple[Check, ...]:
    if not any(text.startswith(_DONGLE) for text in texts):
        return ()
    from sweep.sources.rtlsdr import serial_check  # noqa: PLC0415 - only where a dongle is used

    return (serial_check(serial or ""),)


def _say(instrument: Instrument) -> None:
    """One line on how the checks went, and one for each that is not good, before anybody waits for a sweep."""
    told = list(checks_of(asdict(instrument)))
    counts = {state: sum(check["state"] == state for _, check in told) for state in (PASS, WARN, FAIL, NOT_POSSIBLE)}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [f"receiver check: {said}"]
    for serial, check in told:
        if check["state"] in (WARN, FAIL):
            lines.append(f"{check['state']} {serial} {check['name']}: {check['words']}".replace("  ", " "))
    if counts[FAIL]:
        lines.append("the sweep goes on, and its verdict will be inconclusive; Ctrl-C ends it")
    for line in lines:
        print(f"quietroom: {line}", file=sys.stderr)


def _measured(check: Mapping[str, Any]) -> str:
    if check.get("value") is None:
        return "-"
    unit = str(check.get("unit") or "")
    return f"{check['value']:g} {unit}".rstrip()
