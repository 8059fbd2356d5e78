"""dBm beside dBFS: only near a frequency at which a known level was fed, at its gain, while that calibration holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.levels import short_level
from reports.content.wording import frequency

__all__ = ["calibration_rows", "level_dbm", "with_dbm", "with_levels"]

_NEAR = 0.05
"""Share of its frequency within which a calibration is taken to hold: tuners differ by some dB over an octave."""


def level_dbm(start: Mapping[str, Any], finding: Mapping[str, Any]) -> float | None:
    """Level of a finding in dBm at the input of the receiver; None where nothing says it.

    Examples
    --------
    >>> known = {"at_hz": 433_920_000, "offset_db": 12.0}
    >>> start = {"calibration": [{"serial": "A1", "absolute": [known]}]}
    >>> level_dbm(start, {"center_freq_hz": 434.4e6, "power_dbfs": -60.0})
    -48.0
    >>> level_dbm(start, {"center_freq_hz": 868.3e6, "power_dbfs": -60.0}) is None
    True
    """
    told, power, center_hz = _profiles(start), finding.get("power_dbfs"), finding.get("center_freq_hz")
    if len(told) != 1 or power is None or center_hz is None or (start.get("instrument") or {}).get("receivers"):
        return None  # of several receivers nobody can say here which one heard it
    near = [one for one in told[0].get("absolute") or () if abs(center_hz - one["at_hz"]) <= _NEAR * one["at_hz"]]
    if not near:
        return None
    return float(power + min(near, key=lambda one: abs(center_hz - one["at_hz"]))["offset_db"])


def with_levels(start: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add ``power_dbm`` to findings of a document; None where nothing says it."""
    return [{**item, "power_dbm": level_dbm(start, item)} for item in items]


def with_dbm(text: str, start: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Add dBm to a level in words, where they are known; how well the level that was fed was known is not in them."""
    value = level_dbm(start, finding)
    return text if value is None else f"{text} ({short_level({**finding, 'power_dbfs': value}, 'dBm')})"


def calibration_rows(start: Mapping[str, Any], unit: str) -> list[tuple[str, str]]:
    """Say which profiles there are, what holds and what has expired."""
    none = f"none: levels are in {unit}, not in dBm"
    rows = []
    for one in _profiles(start):
        ppm = "not measured" if one.get("ppm") is None else f"{one['ppm']:+.2f} ppm"
        rows.append(("Profile of the receiver", f"{one['profile']}, SHA-256 {one['sha256']}, crystal {ppm}"))
        levels = [
            f"at {frequency(known['at_hz'])}, of {known['measured']}, valid until {known['expires']}; the "
            "uncertainty of the level that was fed is not recorded"
            for known in one.get("absolute") or ()
        ]
        expired = [f"EXPIRED on {day}: no dBm" for day in one.get("expired") or ()]
        rows.append(("Calibration in dBm", "; ".join([*levels, *expired]) or none))
    return rows or [("Calibration", none)]


def _profiles(start: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return list(start.get("calibration") or ())
