"""Findings: what an emitter is, in the words and units of the findings JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baselines.allocations import allocation
from baselines.artefacts import Vetted
from baselines.emitters import Emitter
from baselines.threat import assess
from baselines.tracking import NEVER_HEARD, Track
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.units import iso_utc

__all__ = ["make_finding", "number_findings", "signal_type"]

_CONTINUOUS_DUTY = 0.9
_SMALLEST_P = 1e-300  # what underflows is not impossible


def signal_type(emitter: Emitter, track: Track, bin_width_hz: float) -> str:
    """Name the kind of signal in plain terms, from bandwidth, kurtosis and duty cycle."""
    if emitter.channels_heard > 1:
        return f"frequency hopper, {emitter.channels_heard} channels heard"
    width_hz = emitter.occupied_bw_hz
    duty = track.duty_cycle
    time = "continuous" if duty is None or duty > _CONTINUOUS_DUTY else "burst" if duty < 0.1 else "intermittent"
    carrier = emitter.kurtosis_db is not None and emitter.kurtosis_db < -3.0 and width_hz <= 4 * bin_width_hz
    if carrier and time == "continuous":
        return "continuous carrier"
    band = "narrowband" if width_hz <= 30_000 else "wideband" if width_hz <= 400_000 else "broadband block"
    return f"{time} {band}"


def make_finding(
    emitter: Emitter,
    track: Track,
    vetted: Vetted,
    *,
    kind: str,
    visits: int,
    has_baseline: bool,
    bin_width_hz: float,
) -> dict[str, Any]:
    """Write one finding; what was not measured is None.

    ``power_dbfs`` is the mean over the pass in which the emitter was strongest: measured, where a division by a duty
    cycle would only be reckoned.
    """
    gone = kind == "missing"
    on_power = 0.0 if gone else track.strongest_power or emitter.mean_power
    snr_db = _ratio_db(on_power, emitter.floor_power)
    now = emitter.floor_power if gone else on_power + emitter.background_power
    excess_db = _ratio_db(now, emitter.background_power) if has_baseline else None
    if gone:
        track = NEVER_HEARD
    finding: dict[str, Any] = {
        "id": "",
        "kind": kind,
        "center_freq_hz": round(emitter.center_freq_hz),
        "occupied_bw_hz": round(emitter.occupied_bw_hz),
        "width_6db_hz": None if emitter.width_6db_hz is None else round(emitter.width_6db_hz),
        "width_26db_hz": None if emitter.width_26db_hz is None else round(emitter.width_26db_hz),
        "power_dbfs": _round(_decibels(on_power)),
        "snr_db": _round(snr_db),
        "excess_db": _round(excess_db),
        "p_value": None if emitter.p_value is None else max(emitter.p_value, _SMALLEST_P),
        "first_seen": None if track.first_utc_ns is None else iso_utc(track.first_utc_ns),
        "last_seen": None if track.last_utc_ns is None else iso_utc(track.last_utc_ns),
        "hits": track.hits,
        "passes": track.passes,
        "visits": visits,
        "duty_cycle": None if track.duty_cycle is None else round(track.duty_cycle, 4),
        "burst_length_s": _seconds(track.burst_length_s),
        "burst_period_s": _seconds(track.burst_period_s),
        "burst_resolution_s": _seconds(track.burst_resolution_s),
        "signal_type": "not heard" if gone else signal_type(emitter, track, bin_width_hz),
        "allocation": allocation(max(0, round(emitter.center_freq_hz))),
        "known_as": None,
        "confirmed": emitter.confirmed,
        "channels": list(emitter.channels),
        "artefact_tests": [test.as_dict() for test in vetted.tests],
        "harmonic_of_hz": None if vetted.harmonic_of_hz is None else round(vetted.harmonic_of_hz),
    }
    return {**finding, "threat": assess(finding, compared=has_baseline)}


def number_findings(findings: Sequence[dict[str, Any]], prefix: str = "F") -> list[Mapping[str, Any]]:
    """Order by threat, then level, and give each its id: F1, F2 ..."""
    ordered = sorted(
        findings,
        key=lambda item: (-item["threat"]["score"], _weakest_last(item["power_dbfs"]), item["center_freq_hz"]),
    )
    return [{**item, "id": f"{prefix}{number}"} for number, item in enumerate(ordered, 1)]


def _weakest_last(power_dbfs: float | None) -> float:
    return np.inf if power_dbfs is None else -power_dbfs


def _decibels(power: float) -> float | None:
    return DB_PER_NEPER_POWER * float(np.log(power)) if power > 0 else None


def _ratio_db(over: float, under: float) -> float | None:
    return _decibels(over / under) if over > 0 and under > 0 else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
