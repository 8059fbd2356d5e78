"""The steps of a guided visit, in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CHECKS", "Step", "make_steps"]

CHECKS = {
    "search": ("physical search", "Furniture, ceiling, sockets, lamps, gifts, whatever is new or was moved."),
    "nonlinear": ("non-linear junction detector", "Finds semiconductors, also of devices that are switched off."),
    "thermal": ("thermal camera", "A device that is powered is warmer than what is around it."),
    "lines": ("lines", "Telephone, network, mains and alarm wiring: taps, carriers, unknown devices."),
    "wireless": ("Wi-Fi and Bluetooth", "2.4 to 6 GHz, which the dongle cannot hear: list networks and devices."),
    "phones": ("phones", "Telephones and conference equipment: left off hook, changed, forwarded, unknown."),
}
"""Checks that are not done with the receiver: name, and what is looked for."""

_STIMULI = {
    "speak": ("somebody speaks", "Speak loudly and without a pause from now on: a device that speech switches on."),
    "lights": ("lights and switches", "Switch lights and equipment on and off while it sweeps."),
    "door": ("door", "Open and close the door, walk in and out: a device that movement switches on."),
    "call": ("telephone call", "Call the telephone of the room and leave it off hook: a device in it or on its line."),
}
_CLOSING = (
    ("analysis", "analysis", "Lists what was heard, and where it was strongest."),
    ("dispositions", "decisions", "Say of each finding what it is, or leave it open."),
    ("seal", "seal", "Makes sure that every record is sealed, and verifies it."),
    ("report", "report", "Writes the report of each sweep in the room, as PDF and HTML."),
)
_OUTSIDE_WHY = "Take the dongle out of the room. What is heard stronger inside than outside is in the room."


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes
    ----------
    id : str
        ``preflight``, ``position:table`` ...
    kind : str
        What comes before the colon: ``preflight``, ``outside``, ``position``, ``stimulus``, ``check``, ``analysis``,
        ``dispositions``, ``seal`` or ``report``.
    title, todo : str
        In words, for the technician.
    position : str or None
        Of the sweep, where the step is one.
    """

    id: str
    kind: str
    title: str
    todo: str
    position: str | None = None


def make_steps(*, outside: str | None, positions: Sequence[str], stimuli: Sequence[str]) -> tuple[Step, ...]:
    """Plan a visit.

    Parameters
    ----------
    outside : str or None
        Where the reference is taken, for the record.
    positions : sequence of str
        Inside the room; the stimuli are given at the first.
    stimuli : sequence of str

    Examples
    --------
    >>> [step.id for step in make_steps(outside=None, positions=["table"], stimuli=["door"])][:4]
    ['preflight', 'outside', 'position:table', 'stimulus:door']
    """
    ready = Step(id="preflight", kind="preflight", title="check the receiver", todo="Connect dongle and antenna.")
    where = "outside" if outside is None else f"outside, {outside}"
    reference = Step(id="outside", kind="outside", title="reference outside", todo=_OUTSIDE_WHY, position=where)
    return (
        ready,
        reference,
        *(_at(name) for name in positions),
        *(_stimulus(name, positions[0]) for name in stimuli),
        *(Step(id=f"check:{name}", kind="check", title=title, todo=todo) for name, (title, todo) in CHECKS.items()),
        *(Step(id=kind, kind=kind, title=title, todo=todo) for kind, title, todo in _CLOSING),
    )


def _at(name: str) -> Step:
    todo = f"Put the antenna at: {name}. Keep hands and telephones away from it."
    return Step(id=f"position:{name}", kind="position", title=f"sweep at {name}", todo=todo, position=name)


def _stimulus(name: str, position: str) -> Step:
    title, todo = _STIMULI[name]
    where = f"{position}, {name}"
    return Step(id=f"stimulus:{name}", kind="stimulus", title=f"stimulus: {title}", todo=todo, position=where)
