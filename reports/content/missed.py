"""What a sweep could not have heard, in plain words, from its own coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.content.coverage import POI_KEYS, heard_ranges, not_heard, service_states, span_hz, worst
from reports.content.material import ReportContent
from reports.content.wording import chance, count, frequency_range, listed, number

__all__ = ["heard_text", "level_scale", "missed"]

_POI_NAMES = dict(zip(POI_KEYS, ("0.1 s", "1 s", "10 s"), strict=True))
_HOLES = (
    ("overloaded", "Overloaded range.", "There the receiver was overloaded; weaker transmitters went unnoticed."),
    ("not_measured", "Gaps in the range.", "Planned, but not received; a transmitter there was not noticed."),
)
_MOST_RANGES, _MOST_BANDS = 6, 20


def missed(content: ReportContent) -> list[tuple[str, str]]:
    """Pairs of a subject and what is said of it; the longest list is that of the frequencies."""
    said = [("Frequencies that were not listened to.", _unheard_bands(content))]
    for state, subject, what in _HOLES:
        ranges = not_heard(content, state)
        if ranges:
            said.append((subject, f"{_ranges_text(ranges)}. {what}"))
    said += [
        ("Weak or distant transmitters.", _weak_signals(content)),
        ("Short transmissions.", _short_signals(content)),
        ("Silent devices.", "A recorder, or a transmitter that sends later, on command or only when somebody speaks."),
        ("What is not radio.", "Wired microphones, light and infrared, sound through walls and ducts."),
    ]
    if content.document.get("baseline"):
        said.append(("Old devices.", "One that was on whenever the baseline was learned counts as the room's."))
    return said


def heard_text(content: ReportContent) -> str:
    """Ranges that were listened to without overload."""
    return _ranges_text(heard_ranges(content)) or "nothing without overload"


def level_scale(content: ReportContent) -> str:
    """What levels are relative to."""
    if content.level_unit == "dBFS":
        return "dBFS, relative to the full scale of the receiver"
    return "dB on the scale of the program that made the spectra"


def _ranges_text(ranges_hz: list[tuple[float, float]]) -> str:
    return listed([frequency_range(*pair) for pair in ranges_hz], most=_MOST_RANGES)


def _unheard_bands(content: ReportContent) -> str:
    said = f"Heard was {heard_text(content)}."
    if heard_ranges(content):
        said = f"Heard was {heard_text(content)}, {span_hz(heard_ranges(content)) / 1e6:.4g} MHz in all."
    for state, words in (
        ("not listened to", "Not heard at all"),
        ("in part", "Heard only in part"),
        ("overloaded", "Heard only under overload"),
    ):
        bands = [service.in_short for service, found in service_states(content) if found == state]
        if bands:
            said += f" {words}: {listed(bands, most=_MOST_BANDS)}."
    return said


def _weak_signals(content: ReportContent) -> str:
    best, least = (worst(_measured(content), "min_detectable_dbfs", highest=high) for high in (False, True))
    if best is None or least is None:
        return "The weakest level that would have been noticed was not measured."
    weakest, strongest = (number(value, content.level_unit) for value in (best, least))
    span = f"about {strongest}" if round(best) == round(least) else f"{weakest} to {strongest}, by frequency,"
    return f"One that reached the receiver with less than {span} would not have been noticed."


def _short_signals(content: ReportContent) -> str:
    entries = _measured(content)
    dwell_s = worst(entries, "dwell_s", highest=False)
    poi = [entry.get("poi") or {} for entry in entries]
    chances = [
        f"{chance(value)} for one of {_POI_NAMES[key]}"
        for key in POI_KEYS
        if (value := worst(poi, key, highest=False)) is not None
    ]
    said = "Each frequency was listened to only for part of the time."
    if dwell_s is not None:
        passes = count(content.n_rows, "pass", "passes")
        said = f"Each frequency was listened to for {dwell_s:.3g} s in all, spread over {passes}."
        camped_s = worst(entries, "camp_s", highest=True)
        if camped_s:
            said = f"Each frequency was listened to for at least {dwell_s:.3g} s, spread over {passes}; on some the"
            said += f" receiver also stayed, for up to {camped_s:.3g} s."
    return said + (
        f" The chance to catch a single transmission, where it was least: {listed(chances)}." if chances else ""
    )


def _measured(content: ReportContent) -> list[Mapping[str, Any]]:
    return [entry for entry in content.document.get("coverage") or () if entry.get("state") == "measured"]
