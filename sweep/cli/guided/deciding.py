"""Decisions about the findings of a visit: one for each emitter, entered at every sweep that heard it."""

from __future__ import annotations

from baselines.disposition import mark, read_log
from reports.content.wording import count
from sweep.cli.guided.analysis import Heard, heard_inside
from sweep.cli.guided.console import Option
from sweep.cli.guided.visiting import Result, Visiting
from sweep.cli.wording import level_of
from sweep.guided.steps import Step
from sweep.units import format_hz

__all__ = ["dispositions_step"]

_OPTIONS = (
    Option(1, "open", "leave it open"),
    Option(2, "known", "known: it belongs here"),
    Option(3, "explained", "explained: we know what it was"),
    Option(4, "suspicious", "suspicious: to be looked into"),
    Option(5, "device", "a device was found"),
    Option(6, "rest", "leave this and all others open"),
)
_WHY = {
    "known": ("equipment of the room", "building services", "station or service outside"),
    "explained": ("equipment of the technician", "somebody's telephone", "the receiver itself"),
    "suspicious": ("stronger inside than outside", "not known to anybody here", "came with the stimulus"),
    "device": ("found by physical search", "located with the antenna"),
}


def dispositions_step(visiting: Visiting, step: Step) -> Result:
    """Ask for a decision about each emitter that has none.

    Raises
    ------
    LeftError
        The technician leaves; what was decided is kept.
    RecordError, ParameterError
        A log of decisions is damaged, or refuses.
    """
    console = visiting.console
    waiting = [one for one in heard_inside(visiting) if _is_open(one)]
    n_decided = 0
    for number, one in enumerate(waiting, 1):
        finding = one.finding
        console.say("", f"Finding {number} of {len(waiting)}: {_described(one)}")
        console.say(*(finding["threat"]["reasons"] or ()), indent="    ")
        word = console.choose(f"decision:{one.name}", _OPTIONS, default="open")
        if word == "rest":
            break
        if word == "open":
            continue
        reason = console.text(f"decision:{one.name}.reason", "Why? A number, or words:", presets=_WHY[word])
        for swept, item in one.places:
            mark(swept.path, item["id"], as_=word, reason=reason, by=visiting.log.operator)
        n_decided += 1
    n_open = len(waiting) - n_decided
    text = f"{count(n_decided, 'decision')}, {n_open} left open" if waiting else "nothing to decide"
    console.say(text)
    return Result(text=text, details={"decided": n_decided, "open": n_open})


def _described(one: Heard) -> str:
    finding = one.finding
    kind = finding.get("signal_type") or "unknown kind of signal"
    places = ", ".join(str(swept.step.position) for swept, _ in one.places)
    at = f"{format_hz(finding['center_freq_hz'])}, {level_of(finding, 'dBFS')}"
    return f"{one.name} at {at}, {kind}, threat {finding['threat']['level']}, heard at: {places}"


def _is_open(one: Heard) -> bool:
    """Whether one of its findings waits for a decision: nobody decided, and no list of known emitters explains it."""
    for swept, finding in one.places:
        decided = {entry["finding"] for entry in read_log(swept.path)}
        if finding.get("known_as") is None and finding["id"] not in decided:
            return True
    return False
