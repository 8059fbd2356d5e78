"""From step to step: do it, skip it with a reason, go back, or leave."""

from __future__ import annotations

from collections.abc import Callable

from dsp.errors import QuietroomError
from sweep.cli.guided.analysis import analysis_step
from sweep.cli.guided.checks import ask_reason, check_step
from sweep.cli.guided.closing import report_step, seal_step
from sweep.cli.guided.console import Option
from sweep.cli.guided.deciding import dispositions_step
from sweep.cli.guided.receiver import preflight_step
from sweep.cli.guided.sweeping import sweep_step
from sweep.cli.guided.times import time_needed
from sweep.cli.guided.visiting import Result, Visiting
from sweep.guided.log import REOPENED, SKIPPED
from sweep.guided.steps import Step

__all__ = ["lead"]

_DO = Option(1, "do", "do it")
_SKIP = Option(2, "skip", "skip it")
_BACK = Option(3, "back", "back")
_AGAIN = Option(1, "again", "try again")

_Action = Callable[[Visiting, Step], Result]
_ACTIONS: dict[str, _Action] = {
    "preflight": preflight_step,
    "outside": sweep_step,
    "position": sweep_step,
    "stimulus": sweep_step,
    "analysis": analysis_step,
    "dispositions": dispositions_step,
    "seal": seal_step,
    "report": report_step,
}


def lead(visiting: Visiting) -> None:
    """Go through the steps that are not finished; each is on the disk before the next is asked.

    Raises
    ------
    LeftError
        The technician left.
    QuietroomError
        The log of the visit is damaged or cannot be written, or a given answer is wrong.
    """
    while (step := visiting.log.next_step) is not None:
        _announce(visiting, step)
        result = check_step(visiting, step) if step.kind == "check" else _ask(visiting, step)
        if result is None:
            _go_back(visiting, step)
        else:
            visiting.log.add(step, result.outcome, result.text, details=result.details)
            visiting.console.say(f"{step.title}: {result.outcome}{f', {result.text}' if result.text else ''}. Kept.")


def _announce(visiting: Visiting, step: Step) -> None:
    steps = visiting.log.steps
    number = steps.index(step) + 1
    following = steps[number].title if number < len(steps) else "the end"
    takes = time_needed(visiting.log) if step.position is not None else ""
    visiting.console.say("", f"[{number} of {len(steps)}] {step.title}{takes}")
    visiting.console.say(step.todo, f"After this: {following}.", indent="    ")


def _ask(visiting: Visiting, step: Step) -> Result | None:
    """Let the technician choose what is done about a step; None to go back."""
    word = visiting.console.choose(step.id, (_DO, _SKIP, _BACK), default=_DO.word)
    while word in (_DO.word, _AGAIN.word):
        try:
            return _ACTIONS[step.kind](visiting, step)
        except (QuietroomError, OSError) as error:
            visiting.console.say(f"It did not work: {' '.join(str(error).split())}")
            options = (_AGAIN, _SKIP, _BACK)
            word = visiting.console.choose(f"{step.id}.failed", options, default=_AGAIN.word, unattended="leave")
    if word == _BACK.word:
        return None
    return Result(outcome=SKIPPED, text=ask_reason(visiting, step))


def _go_back(visiting: Visiting, step: Step) -> None:
    steps = visiting.log.steps
    number = steps.index(step)
    if number == 0:
        visiting.console.say("This is the first step.")
        return
    visiting.log.add(steps[number - 1], REOPENED, "to be done again")
