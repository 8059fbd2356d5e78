"""What every format says of a finding and of a sweep in words, the same in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.levels import level_interval
from reports.content.wording import by_accident, chance, count, frequency, frequency_range, listed, number, verdict
from reports.exports.source import ExportSource, Reported

__all__ = ["EXERCISE", "coverage_text", "decision_text", "description", "marked", "sweep_text", "title"]

EXERCISE = "EXERCISE"
_KINDS = {
    "new": "Emission that the baseline does not have",
    "raised": "Emission stronger than in the baseline",
    "changed": "Emission unlike that of the baseline",
    "missing": "Emission of the baseline that was not heard",
}
_MOST_RANGES = 6


def marked(source: ExportSource, text: str) -> str:
    """Put the mark of an exercise before a text, where the record is one."""
    return f"{EXERCISE}: {text}" if source.synthetic else text


def title(source: ExportSource, item: Reported) -> str:
    """Name a finding in a line, with its frequency."""
    kind = str(item.finding.get("kind"))
    name = _KINDS.get(kind, "Emission")
    if kind == "new" and not source.is_compared:
        name = "Emission heard, without a baseline to compare with"
    prefix = "" if item.is_confirmed else "Unconfirmed: "
    return marked(source, f"{prefix}{name}, {frequency(item.finding.get('center_freq_hz'))}")


def description(source: ExportSource, item: Reported) -> str:
    """Say what was measured, how likely it is by accident, what artefact tests gave, and how it was weighed."""
    finding = item.finding
    signal = str(finding.get("signal_type") or "signal type not measured")
    parts = [f"{signal[:1].upper()}{signal[1:]}."]
    level = level_interval(finding, source.level_unit) or number(finding.get("power_dbfs"), source.level_unit)
    parts.append(f"Level {level}, {number(finding.get('snr_db'), 'dB')} above the noise.")
    if not item.is_confirmed:
        parts.append("Heard in too few passes to be a finding.")
    elif finding.get("p_value") is not None:
        accident = by_accident(finding["p_value"], compared=source.is_compared)
        parts.append(f"{accident[:1].upper()}{accident[1:]}.")
    failed = [str(test.get("test")) for test in finding.get("artefact_tests") or () if test.get("passed") is False]
    if failed:
        parts.append(f"May be made by the receiver itself: {listed(failed)}.")
    reasons = [str(reason) for reason in (finding.get("threat") or {}).get("reasons") or ()]
    if reasons:
        parts.append(f"Weighed: {'; '.join(reasons)}.")
    return " ".join(parts)


def decision_text(item: Reported) -> str:
    """Say what was decided, by whom and why; who sent it and what for is never claimed."""
    decided = item.decision
    if decided is None:
        if item.finding.get("known_as") is not None:
            return f"Listed as known: {item.finding['known_as']}."
        return "Nobody has decided yet what it is: an unidentified emission is not by itself a listening device."
    return f"Decided to be {decided['as']} by {decided['by']} on {decided['time']}: {decided['reason']}."


def sweep_text(source: ExportSource) -> str:
    """Say what the sweep found, in one sentence that claims no more than it holds."""
    return marked(source, f"Radio sweep of {source.room}. {verdict(source.document)}")


def coverage_text(document: Mapping[str, Any], unit: str = "dBFS") -> str:
    """Say what a sweep could have missed.

    Examples
    --------
    >>> heard = {"start_hz": 430_000_000, "stop_hz": 440_000_000, "state": "measured", "min_detectable_dbfs": -52.5}
    >>> coverage_text({"coverage": [{**heard, "poi": {"1s": 0.25}}], "not_heard": ["above 1766 MHz"]})
    'Measured: 430 to 440 MHz. Could be missed there: emissions below -52.5 dBFS; a burst of 1 s, met with a ...'
    """
    entries = document.get("coverage") or ()
    measured = [entry for entry in entries if entry.get("state") == "measured"]
    parts = [f"Measured: {_ranges(measured) or 'nothing'}."]
    limits = _known(measured, "min_detectable_dbfs")
    met = [entry["poi"]["1s"] for entry in measured if (entry.get("poi") or {}).get("1s") is not None]
    could = [f"emissions below {number(max(limits), unit)}"] if limits else []
    could += [f"a burst of 1 s, met with a chance of {chance(min(met))}"] if met else []
    if could:
        parts.append(f"Could be missed there: {'; '.join(could)}.")
    for state, words in (("overloaded", "Overloaded"), ("not_measured", "Not measured")):
        ranges = _ranges([entry for entry in entries if entry.get("state") == state])
        parts += [f"{words}: {ranges}."] if ranges else []
    unheard = [str(text).rstrip(". ") for text in document.get("not_heard") or ()]
    return " ".join([*parts, *([f"Not heard: {'; '.join(unheard)}."] if unheard else [])])


def _known(entries: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [entry[key] for entry in entries if entry.get(key) is not None]


def _ranges(entries: Sequence[Mapping[str, Any]]) -> str:
    shown = [frequency_range(entry["start_hz"], entry["stop_hz"]) for entry in entries]
    more = len(shown) - _MOST_RANGES
    return "; ".join([*shown[:_MOST_RANGES], *([f"and {count(more, 'more range')}"] if more > 0 else [])])
