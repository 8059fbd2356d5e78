"""Numbers and answers in the words of a careful expert; what was not measured is never given a number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.units import format_hz

__all__ = [
    "EXERCISE",
    "NOT_MEASURED",
    "NOT_RECORDED",
    "bandwidth",
    "bursts",
    "by_accident",
    "chance",
    "count",
    "frequency",
    "frequency_range",
    "listed",
    "number",
    "p_value",
    "recorded",
    "remarks",
    "seconds",
    "utc",
    "verdict",
    "widths",
]

_NO_BASELINE = "no baseline"
_RARE, _OFTEN = 1e-6, 0.1  # no model of a room is worth words further than the first of these
NOT_MEASURED, NOT_RECORDED = "not measured", "not recorded"
EXERCISE = "EXERCISE. The signals in this record are synthetic, in whole or in part; it is not a sweep of a real room."


def number(value: float | None, unit: str = "", *, digits: int = 1) -> str:
    """Write a measured number with its unit.

    Examples
    --------
    >>> number(-71.26, "dBFS"), number(-0.01, "dB"), number(None, "dB"), number(float("nan"))
    ('-71.3 dBFS', '0.0 dB', 'not measured', 'not measured')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:z.{digits}f} {unit}".rstrip()


def frequency(value_hz: float | None) -> str:
    """Write a frequency in MHz: to the kilohertz, and to 100 Hz where that says more. Bins are wider than that.

    Examples
    --------
    >>> frequency(433_920_000), frequency(144_501_250), frequency(None)
    ('433.920 MHz', '144.5012 MHz', 'not measured')
    """
    if value_hz is None or not math.isfinite(value_hz):
        return NOT_MEASURED
    text = f"{value_hz / 1e6:.4f}"
    return f"{text[:-1] if text.endswith('0') else text} MHz"


def frequency_range(start_hz: float, stop_hz: float) -> str:
    """Write a range in MHz, finer where it is narrow.

    Examples
    --------
    >>> frequency_range(24e6, 1766e6), frequency_range(433.795e6, 434.045e6)
    ('24 to 1766 MHz', '433.795 to 434.045 MHz')
    """
    digits = 3 if stop_hz - start_hz < 2e6 else 2
    low, high = (f"{hz / 1e6:.{digits}f}".rstrip("0").rstrip(".") for hz in (start_hz, stop_hz))
    return f"{low} to {high} MHz"


def bandwidth(value_hz: float | None) -> str:
    """Write a bandwidth to three figures, in the unit that suits it.

    Examples
    --------
    >>> bandwidth(20_821), bandwidth(1_465_679), bandwidth(None)
    ('20.8 kHz', '1.47 MHz', 'not measured')
    """
    if value_hz is None or not math.isfinite(value_hz):
        return NOT_MEASURED
    return format_hz(float(f"{value_hz:.3g}"))


def widths(finding: Mapping[str, Any]) -> str:
    """Write the widths of an emitter at 6 and 26 dB under its highest bin.

    Examples
    --------
    >>> widths({"width_6db_hz": 8_125, "width_26db_hz": None})
    '8.12 kHz at -6 dB, not measured at -26 dB'
    """
    return ", ".join(f"{bandwidth(finding.get(f'width_{x_db}db_hz'))} at -{x_db} dB" for x_db in (6, 26))


def seconds(value_s: float | None) -> str:
    """Write a length of time to two figures, in the unit that suits it.

    Examples
    --------
    >>> seconds(0.0084), seconds(0.5), seconds(62.0), seconds(None)
    ('8.4 ms', '500 ms', '62 s', 'not measured')
    """
    if value_s is None or not math.isfinite(value_s):
        return NOT_MEASURED
    return f"{float(f'{value_s:.2g}'):g} s" if value_s >= 1 else f"{float(f'{value_s * 1e3:.2g}'):g} ms"


def bursts(finding: Mapping[str, Any]) -> str:
    """Write length and period of an emitter's bursts, with what they were resolved to.

    Examples
    --------
    >>> bursts({"burst_length_s": 0.0084, "burst_period_s": None, "burst_resolution_s": 0.001})
    'length 8.4 ms, period not measured, resolved to 1 ms'
    >>> bursts({"burst_length_s": None, "burst_period_s": None})
    'not measured'
    """
    length_s, period_s = finding.get("burst_length_s"), finding.get("burst_period_s")
    if length_s is None and period_s is None:
        return NOT_MEASURED
    return (
        f"length {seconds(length_s)}, period {seconds(period_s)}, "
        f"resolved to {seconds(finding.get('burst_resolution_s'))}"
    )


def p_value(value: float | None) -> str:
    """Write a probability; one too small for a double is a bound, not zero.

    Examples
    --------
    >>> p_value(3.21e-11), p_value(0.0), p_value(None)
    ('3.2e-11', 'below 1e-300', 'not measured')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return "below 1e-300" if value <= 1e-300 else f"{value:.2g}"


def by_accident(value: float | None, *, compared: bool = True) -> str:
    """Say what the p-value of a finding means: the chance that a visit to the room as it was shows as much anywhere.

    Where nothing was ``compared``, that of noise alone.

    Examples
    --------
    >>> by_accident(0.0021)
    'with nothing new on the air, 1 visit in 480 would show anything this strong (p 0.0021)'
    >>> by_accident(3.2e-11)
    'with nothing new on the air, fewer than 1 visit in a million would show anything this strong (p 3.2e-11)'
    >>> by_accident(None)
    'not measured'
    """
    said = p_value(value)
    if value is None or said == NOT_MEASURED:
        return NOT_MEASURED
    visits = "fewer than 1 visit in a million"
    if value >= _RARE:
        visits = f"{100 * value:.0f} % of visits" if value > _OFTEN else f"1 visit in {float(f'{1 / value:.2g}'):.0f}"
    return f"with nothing {'new ' if compared else ''}on the air, {visits} would show anything this strong (p {said})"


def chance(value: float | None) -> str:
    """Write a probability in percent; certainty is not claimed by rounding.

    Examples
    --------
    >>> chance(0.113), chance(0.9999), chance(0.0001), chance(None)
    ('11 %', 'above 99 %', 'below 1 %', 'not measured')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if 0.99 < value < 1:
        return "above 99 %"
    return "below 1 %" if 0 < value < 0.01 else f"{100 * value:.0f} %"


def utc(text: str | None) -> str:
    """Write an ISO 8601 time to the second.

    Examples
    --------
    >>> utc("2026-09-21T14:13:20.000000000Z"), utc(None)
    ('2026-09-21 14:13:20 UTC', 'not recorded')
    """
    if not text:
        return NOT_RECORDED
    return f"{text[:10]} {text[11:19]} UTC" if text.endswith("Z") and len(text) >= 20 else text


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things.

    Examples
    --------
    >>> count(1, "pass", "passes"), count(3, "emitter")
    ('1 pass', '3 emitters')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], *, most: int = 12) -> str:
    """Join names with commas and "and"; a long list ends with how many are left out.

    Examples
    --------
    >>> listed(["A", "B", "C"]), listed(["A", "B", "C"], most=1)
    ('A, B and C', 'A and 2 more')
    """
    shown = list(items)
    if len(shown) > most:
        shown = [*shown[:most], f"{len(items) - most} more"]
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1] if shown else "") if part)


def recorded(value: object) -> str:
    """Write a fact from a record; an empty one was not recorded."""
    if value is None or value in ("", (), []):
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(item) for item in value)
    return str(value)


def remarks(document: Mapping[str, Any]) -> list[str]:
    """Reasons of a judgement, without the one that the verdict says itself: that there was no baseline.

    Examples
    --------
    >>> remarks({"baseline": None, "reasons": ["no baseline: every emitter heard is listed", "two hops were lost."]})
    ['two hops were lost']
    """
    reasons = [str(reason).rstrip(". ") for reason in document.get("reasons") or ()]
    kept = [reason for reason in reasons if document.get("baseline") or not reason.startswith(_NO_BASELINE)]
    return [reason for reason in kept if reason]


def verdict(document: Mapping[str, Any]) -> str:
    """Say what a judgement found, in one sentence that claims no more than it holds.

    Examples
    --------
    >>> verdict({"verdict": "no_anomaly_detected", "findings": [], "baseline": "20261118-6c081f35"})
    'No anomalous emitter was detected.'
    >>> verdict({"verdict": "inconclusive", "reasons": ["two hops were overloaded"]})
    'Inconclusive: two hops were overloaded.'
    """
    answer = document.get("verdict")
    if answer == "no_anomaly_detected":
        return _nothing_found(document)
    if answer == "anomalies":
        return _found(document)
    return f"Inconclusive: {'; '.join(remarks(document)) or 'the record gives no reason'}."


def _found(document: Mapping[str, Any]) -> str:
    """What was found; where nothing was compared, emitters are heard, but none can be called anomalous."""
    n_heard, n_known, n_missing = _counts(document)
    was = "was" if n_heard == 1 else "were"
    said = []
    if document.get("baseline") is None:
        said.append(f"{count(n_heard, 'emitter')} {was} heard. Without a baseline none can be called anomalous.")
    elif n_heard or not n_missing:
        said.append(f"{count(n_heard, 'anomalous emitter')} {was} detected.")
    return " ".join([*said, *_also(n_known, n_missing)])


def _nothing_found(document: Mapping[str, Any]) -> str:
    _, n_known, n_missing = _counts(document)
    if document.get("baseline"):
        return " ".join(["No anomalous emitter was detected.", *_also(n_known, n_missing)])
    heard = "only known ones were heard" if n_known else "none was heard"
    return f"No anomalous emitter was detected; {heard}, and no baseline was compared with."


def _counts(document: Mapping[str, Any]) -> tuple[int, int, int]:
    """Findings that are heard and not known, that are known, and that are missing."""
    findings = document.get("findings") or ()
    n_missing = sum(finding.get("kind") == "missing" for finding in findings)
    n_known = sum(finding.get("kind") != "missing" and finding.get("known_as") is not None for finding in findings)
    return len(findings) - n_missing - n_known, n_known, n_missing


def _also(n_known: int, n_missing: int) -> list[str]:
    said = []
    if n_known:
        said.append(f"{count(n_known, 'known emitter')} {'was' if n_known == 1 else 'were'} heard.")
    if n_missing:
        said.append(f"{count(n_missing, 'emitter')} of the baseline {'was' if n_missing == 1 else 'were'} not heard.")
    return said
