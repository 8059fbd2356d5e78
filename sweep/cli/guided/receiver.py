"""The step that checks the receiver: the checks of ``devices --check``, before anybody carries anything about."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.wording import count
from sweep.cli.checking import check_devices
from sweep.cli.guided.console import Option
from sweep.cli.guided.visiting import Result, Visiting
from sweep.cli.printing import Printer
from sweep.guided.log import DONE, NOT_POSSIBLE
from sweep.guided.steps import Step
from sweep.health import checks as states

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
    wanted = Namespace(workspace=visiting.workspace.root, warm_up=None)
    while True:
        told, code = check_devices(sources, wanted, Printer(None))
        if code == 0:
            return _result(told)
        word = visiting.console.choose(
            f"{step.id}.checked", (_AGAIN, _GO_ON), default=_AGAIN.word, unattended=_GO_ON.word
        )
        if word == _GO_ON.word:
            return _result(told)


def _result(told: Sequence[Mapping[str, Any]]) -> Result:
    found = [check for one in told for check in one["checks"]]
    failed = [f"{check['name']}: {check['words']}" for check in found if check["state"] == states.FAIL]
    no_receiver = [c["words"] for c in found if c["name"] == _NO_RECEIVER and c["state"] == states.NOT_POSSIBLE]
    order = (states.FAIL, states.WARN, states.PASS, states.NOT_POSSIBLE)
    counts = [(sum(check["state"] == state for check in found), state) for state in order]
    text = "; ".join([", ".join(f"{n} {state}" for n, state in counts if n), *failed])
    if no_receiver and not failed:
        return Result(outcome=NOT_POSSIBLE, text="; ".join(no_receiver))
    details = {"failed": failed, "checks": [dict(check) for check in found]}
    return Result(outcome=DONE, text=text or count(0, "check"), details=details)
