"""The step that checks the receiver."""

from __future__ import annotations

from sweep.cli.guided.visiting import Result, Visiting
from sweep.guided.log import NOT_POSSIBLE
from sweep.guided.steps import Step

__all__ = ["preflight_step"]

_NO_CHECK = "this version has no check of the receiver"


def preflight_step(visiting: Visiting, step: Step) -> Result:
    """Say that the receiver was not checked."""
    visiting.console.say(f"NOT POSSIBLE: {_NO_CHECK}")
    return Result(outcome=NOT_POSSIBLE, text=_NO_CHECK)
