"""Tables of a record: findings and what was not confirmed, gaps, events, and what was covered how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h5py

from sweep.health.checks import checks_of
from sweep.journal import Note
from sweep.model import HopGap
from sweep.packing.hdf5 import make_table

__all__ = ["write_checks", "write_events", "write_findings", "write_gaps", "write_segments"]

_FINDING_NUMBERS = (
    "center_freq_hz",
    "occupied_bw_hz",
    "power_dbfs",
    "snr_db",
    "excess_db",
    "p_value",
    "hits",
    "visits",
    "duty_cycle",
    "width_6db_hz",
    "width_26db_hz",
    "burst_length_s",
    "burst_period_s",
    "burst_resolution_s",
    "camp_hits",
    "camp_dwells",
)
_FINDING_TEXTS = ("id", "kind", "first_seen", "last_seen", "signal_type")
_SEGMENT_NUMBERS = ("start_hz", "stop_hz", "noise_floor_dbfs", "min_detectable_dbfs", "dwell_s", "camp_s", "visits")


def write_findings(entry: h5py.Group, findings: Sequence[Mapping[str, Any]], name: str = "findings") -> None:
    """Write a list of findings as the table ``name``; a number that was not measured is NaN."""
    numbers = {key: [_number(finding.get(key)) for finding in findings] for key in _FINDING_NUMBERS}
    numbers["power_expanded_uncertainty_db"] = [_expanded(finding) for finding in findings]
    texts = {key: [str(finding.get(key) or "") for finding in findings] for key in _FINDING_TEXTS}
    threats = [finding["threat"] for finding in findings]
    texts["threat_level"] = [threat["level"] for threat in threats]
    numbers["threat_score"] = [_number(threat.get("score")) for threat in threats]
    make_table(entry, name, texts, numbers, {})


def write_gaps(entry: h5py.Group, gaps: Sequence[HopGap]) -> None:
    """Write what was not received; hop -1 is from there to the end of the pass."""
    integers = {
        "pass_index": [gap.pass_index for gap in gaps],
        "hop_index": [-1 if gap.hop_index is None else gap.hop_index for gap in gaps],
        "utc_ns": [gap.utc_ns for gap in gaps],
        "monotonic_ns": [gap.monotonic_ns for gap in gaps],
    }
    make_table(entry, "gaps", {"reason": [gap.reason for gap in gaps]}, {}, integers)


def write_events(entry: h5py.Group, notes: Sequence[Note]) -> None:
    """Write everything else that happened."""
    words = {"kind": [note.kind for note in notes], "text": [note.text for note in notes]}
    make_table(entry, "events", words, {}, {"utc_ns": [note.utc_ns for note in notes]})


def write_checks(health: h5py.Group, instrument: Mapping[str, Any]) -> None:
    """Write what was checked before the sweep; nothing where nothing was, as with a recording."""
    told = list(checks_of(instrument))
    if told:
        texts = {"receiver": [receiver for receiver, _ in told]}
        texts |= {key: [str(check.get(key) or "") for _, check in told] for key in ("name", "state", "words", "unit")}
        make_table(health, "checks", texts, {"value": [_number(check.get("value")) for _, check in told]}, {})


def write_segments(coverage: h5py.Group, segments: Sequence[Mapping[str, Any]]) -> None:
    """Write what was covered how well, with a column for each length of burst that has a chance."""
    numbers = {name: [_number(segment.get(name)) for segment in segments] for name in _SEGMENT_NUMBERS}
    for period in sorted({period for segment in segments for period in segment["poi"]}):
        numbers[f"poi_{period}"] = [_number(segment["poi"].get(period)) for segment in segments]
    for kind in sorted({kind for segment in segments for kind in segment.get("min_detectable") or {}}):
        levels = [(segment.get("min_detectable") or {}).get(kind) for segment in segments]
        numbers[f"min_detectable_{kind}_dbfs"] = [_number(value) for value in levels]
    make_table(coverage, "segments", {"state": [segment["state"] for segment in segments]}, numbers, {})


def _expanded(finding: Mapping[str, Any]) -> float:
    return _number((finding.get("power_uncertainty_db") or {}).get("expanded"))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
