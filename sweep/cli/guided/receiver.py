"""The step that checks the receiver: the checks of ``devices --check``, before anybody carries anything about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.wording import count
from sweep.cli.arguments import DEFAULT_PASSES, range_hz
from sweep.cli.checking import Planned, check_devices
from sweep.cli.guided.console import Option
from sweep.cli.guided.times import about, sweep_seconds
from sweep.cli.guided.visiting import Result, Visiting
from sweep.cli.printing import Printer
from sweep.guided.log import DONE, NOT_POSSIBLE, VisitLog
from sweep.guided.steps import Step
from sweep.health import checks as states
from sweep.sources.options import SourceOptions

__all__ = ["preflight_step"]

_FIRST_DONGLE = "rtlsdr:0"
_AGAIN = Option(1, "again", "check again")
_GO_ON = Option(2, "go-on", "go on all the same: the visit will be inconclusive")
_NO_RECEIVER = "receiver"


def preflight_step(visiting: Visiting, step: Step) -> Result:
    """Check the receivers until they pass, or the technician goes on all the same.

    Raises
    ------
    QuietroomError
        A source does not exist.
    LeftError
        The technician leaves.
    """
    sources = visiting.log.planned.source or (_FIRST_DONGLE,)
    planned = _planned(visiting.log)
    while True:
        told, code = check_devices(sources, workspace=visiting.workspace.root, printer=Printer(None), planned=planned)
        if code == 0:
            _say_time(visiting, told, planned.sweeps)
            return _result(told)
        word = visiting.console.choose(
            f"{step.id}.checked", (_AGAIN, _GO_ON), default=_AGAIN.word, unattended=_GO_ON.word
        )
        if word == _GO_ON.word:
            return _result(told)


def _planned(log: VisitLog) -> Planned:
    """What the visit is to sweep; of several receivers each does a part, and its checks are those of all of it."""
    ranges = tuple(range_hz(text) for text in log.planned.ranges)
    return Planned(
        options=SourceOptions(ranges_hz=ranges, shared=len(log.planned.source) > 1),
        sweeps=sum(step.position is not None for step in log.steps),
        passes=log.planned.passes or DEFAULT_PASSES,
        camp_s=log.planned.camp_s or 0.0,
    )


def _say_time(visiting: Visiting, told: Sequence[Mapping[str, Any]], sweeps: int) -> None:
    """A technician with ten minutes must know before the first sweep what all of them take."""
    seconds = sweep_seconds(told)
    if seconds is not None:
        visiting.console.say(
            f"A sweep takes about {about(seconds)}; {count(sweeps, 'sweep')}, about {about(sweeps * seconds)} in all."
        )


def _result(told: Sequence[Mapping[str, Any]]) -> Result:
    found = [check for one in told for check in one["checks"]]
    failed = [f"{check['name']}: {check['words']}" for check in found if check["state"] == states.FAIL]
    no_receiver = [c["words"] for c in found if c["name"] == _NO_RECEIVER and c["state"] == states.NOT_POSSIBLE]
    order = (states.FAIL, states.WARN, states.PASS, states.NOT_POSSIBLE)
    counts = [(sum(check["state"] == state for check in found), state) for state in order]
    text = "; ".join([", ".join(f"{n} {state}" for n, state in counts if n), *failed])
    if no_receiver and not failed:
        return Result(outcome=NOT_POSSIBLE, text="; ".join(no_receiver))
    seconds = sweep_seconds(told)
    takes = {} if seconds is None else {"sweep_s": seconds}
    details = {"failed": failed, "checks": [dict(check) for check in found], **takes}
    return Result(outcome=DONE, text=text or count(0, "check"), details=details)
