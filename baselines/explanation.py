"""Which findings known emitters explain, and which known emitters are not what they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from baselines.known import KnownEmitter
from baselines.threat import amended
from sweep.plan import Layout

__all__ = ["explain", "within"]

_KNOWN_NATS = -3.0
"""Term of the threat score for a finding that an entry explains: somebody answers for it."""

_CHANGED_NATS = 0.5
"""Term for an emitter that is where a known one is and is not what that was: perhaps something hides behind it."""

_EXPIRED_NATS = 0.0
"""An expired entry says nothing either way."""


def explain(
    findings: Sequence[Mapping[str, Any]], known: Sequence[KnownEmitter], *, utc_ns: int, bin_width_hz: float
) -> list[dict[str, Any]]:
    """Hold findings against the known emitters.

    Parameters
    ----------
    findings : sequence of mapping
        As in the findings JSON.
    known : sequence of KnownEmitter
    utc_ns : int
        Time of the sweep, nanoseconds since 1970 UTC: entries expire by it, not by the time of judging.
    bin_width_hz : float
        Widths that differ by less are the same.

    Returns
    -------
    list of dict
        The findings with ``known_as`` (None, or name and id of the entry), the threat level ``info`` where it is
        explained, and otherwise a reason where an entry has its frequency.
    """
    return [_explained(finding, known, utc_ns, bin_width_hz) for finding in findings]


def within(known: Sequence[KnownEmitter], layout: Layout) -> list[dict[str, Any]]:
    """Write down the entries that may explain a finding on these frequencies."""
    low, high = float(layout.freq_hz[0]), float(layout.freq_hz[-1])
    return [
        asdict(entry)
        for entry in known
        if low - entry.tolerance_hz <= entry.center_freq_hz <= high + entry.tolerance_hz
    ]


def _explained(
    finding: Mapping[str, Any], known: Sequence[KnownEmitter], utc_ns: int, bin_width_hz: float
) -> dict[str, Any]:
    at = float(finding["center_freq_hz"])
    there = [entry for entry in known if abs(at - entry.center_freq_hz) <= entry.tolerance_hz]
    there.sort(key=lambda entry: abs(at - entry.center_freq_hz))
    objections = [(entry, _objection(finding, entry, utc_ns, bin_width_hz)) for entry in there]
    for entry, objection in objections:
        if objection is None:
            reason = f"known as {entry.name} ({entry.id}): {entry.reason} ({entry.by})"
            threat = amended(finding["threat"], [(_KNOWN_NATS, reason)], level="info")
            return {**finding, "known_as": f"{entry.name} ({entry.id})", "threat": threat}
    terms = [objection for _, objection in objections[:1] if objection is not None]
    return {**finding, "known_as": None, "threat": amended(finding["threat"], terms)}


def _objection(
    finding: Mapping[str, Any], entry: KnownEmitter, utc_ns: int, bin_width_hz: float
) -> tuple[float, str] | None:
    """Why an entry with its frequency does not explain a finding, as a term of the threat score."""
    named = f"known as {entry.name} ({entry.id})"
    if entry.has_expired(utc_ns):
        return _EXPIRED_NATS, f"{named} until {entry.expires}: the entry has expired"
    changes = [
        change for change in (_level_change(finding, entry), _width_change(finding, entry, bin_width_hz)) if change
    ]
    return (_CHANGED_NATS, f"{named}, but {' and '.join(changes)}") if changes else None


def _level_change(finding: Mapping[str, Any], entry: KnownEmitter) -> str | None:
    power_dbfs = finding["power_dbfs"]
    if power_dbfs is None or entry.power_dbfs is None or entry.tolerance_db is None:
        return None
    change_db = power_dbfs - entry.power_dbfs
    if abs(change_db) <= entry.tolerance_db:
        return None
    return f"{abs(change_db):.0f} dB {'stronger' if change_db > 0 else 'weaker'}"


def _width_change(finding: Mapping[str, Any], entry: KnownEmitter, bin_width_hz: float) -> str | None:
    width_hz = finding["occupied_bw_hz"]
    if not width_hz or entry.bandwidth_hz is None or entry.bandwidth_factor is None:
        return None
    ratio = width_hz / entry.bandwidth_hz
    if abs(width_hz - entry.bandwidth_hz) <= bin_width_hz or max(ratio, 1 / ratio) <= entry.bandwidth_factor:
        return None
    return f"{ratio:.1f} times as wide" if ratio > 1 else f"{1 / ratio:.1f} times narrower"
