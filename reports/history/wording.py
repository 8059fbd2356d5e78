"""What the states and changes of an emitter are called."""

from __future__ import annotations

from baselines.chronicle import Change, EmitterTold, RoomChronicle, Sight
from reports.content.levels import short_level
from reports.content.wording import frequency, number
from sweep.units import iso_utc

__all__ = ["change_text", "emitter_name", "sight_text", "visit_name"]

_STATES = {
    "seen": "found",
    "unconfirmed": "heard, not confirmed",
    "power_there": "power there, not listed",
    "not_heard": "not heard",
    "overloaded": "not measured (overloaded)",
    "not_measured": "not measured",
}
_CHANGES = {
    "appeared": "appeared: not heard at the visit before that measured there",
    "vanished": "not heard any more",
    "returned": "heard again",
    "listed": "listed; there was power before, which was not",
    "unlisted": "not listed any more; there is power still",
}


def visit_name(chronicle: RoomChronicle, visit: int) -> str:
    """Date of a visit, with the time where two fall on one day."""
    days = [iso_utc(one.start_ns)[:10] for one in chronicle.visits]
    text = iso_utc(chronicle.visits[visit].start_ns)
    return text[:10] if days.count(text[:10]) == 1 else f"{text[:10]} {text[11:16]}"


def emitter_name(emitter: EmitterTold) -> str:
    """Id and frequency."""
    return f"{emitter.id} ({frequency(emitter.center_freq_hz)})"


def sight_text(sight: Sight, unit: str = "dBFS") -> str:
    """What a visit says of an emitter, in a few words.

    Examples
    --------
    >>> sight_text(Sight(state="seen", power_dbfs=-61.26, finding="F2")), sight_text(Sight(state="not_measured"))
    ('found, -61.3 dBFS (F2)', 'not measured')
    >>> sight_text(Sight(state="seen", power_dbfs=-61.26, uncertainty_db=2.0))
    'found, -61.3 \u00b1 2.0 dBFS'
    >>> sight_text(Sight(state="not_heard", limit_dbfs=-70.0))
    'not heard; limit -70.0 dBFS'
    """
    text = _STATES[sight.state]
    if sight.is_missing:
        text = "missing: its baseline has it" if sight.state == "not_heard" else text
    if sight.state == "power_there" and sight.in_baseline:
        text = "as its baseline has it"
    if sight.power_dbfs is not None:
        uncertainty = None if sight.uncertainty_db is None else {"expanded": sight.uncertainty_db}
        level = short_level({"power_dbfs": sight.power_dbfs, "power_uncertainty_db": uncertainty}, unit)
        text += f", {level}"
    if sight.state == "not_heard" and sight.limit_dbfs is not None:
        text += f"; limit {number(sight.limit_dbfs, unit)}"
    if sight.finding is not None:
        text += f" ({sight.finding})"
    if sight.is_ambiguous:
        text += "; perhaps another"
    return text


def change_text(change: Change) -> str:
    """What changed, in a few words.

    Examples
    --------
    >>> change_text(Change(visit=2, kind="level", difference_db=-7.04))
    '7.0 dB weaker'
    """
    if change.kind == "level":
        difference_db = change.difference_db or 0.0
        return f"{number(abs(difference_db), 'dB')} {'stronger' if difference_db > 0 else 'weaker'}"
    if change.kind == "signal_type":
        return f"kind of signal: {change.after}, before {change.before}"
    if change.kind == "decision":
        return f"decided: {change.after}" + ("" if change.before is None else f", before {change.before}")
    return _CHANGES[change.kind]
