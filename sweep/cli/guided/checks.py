"""Checks that are not done with the receiver: done, done with a result, or not done and why."""

from __future__ import annotations

from sweep.cli.guided.console import Option
from sweep.cli.guided.visiting import Result, Visiting
from sweep.guided.log import DONE, SKIPPED
from sweep.guided.steps import Step

__all__ = ["WHY_NOT", "ask_reason", "check_step"]

WHY_NOT = ("no time", "no equipment for it", "no access", "not asked for by the client")
_NO_REASON = "no reason given: nobody was asked (--yes)"
_OPTIONS = (
    Option(1, "nothing", "done, nothing found"),
    Option(2, "result", "done, with a result"),
    Option(3, "not-done", "not done"),
    Option(4, "back", "back"),
)


def check_step(visiting: Visiting, step: Step) -> Result | None:
    """Ask what came of a check; None to go back a step.

    Raises
    ------
    LeftError
        The technician leaves.
    """
    console = visiting.console
    word = console.choose(step.id, _OPTIONS, default="not-done")
    if word == "back":
        return None
    if word == "nothing":
        return Result(outcome=DONE, text="nothing found", details={"result": None})
    if word == "result":
        text = console.text(f"{step.id}.result", "What was found?")
        return Result(outcome=DONE, text=text, details={"result": text})
    return Result(outcome=SKIPPED, text=ask_reason(visiting, step))


def ask_reason(visiting: Visiting, step: Step) -> str:
    """Ask why a step is skipped; it goes into the log and the report."""
    default = _NO_REASON if visiting.console.unattended else None
    return visiting.console.text(f"{step.id}.reason", "Why not? A number, or words:", presets=WHY_NOT, default=default)
