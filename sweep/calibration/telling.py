"""What the start of a record says of the profiles of the dongles that sweep."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from sweep.calibration.profile import Absolute, DongleProfile, StoredProfile, Terminated, find_profile
from sweep.model import Instrument
from sweep.plan import SweepPlan

__all__ = ["calibration_facts"]

_SAME_GAIN_DB = 0.05
_MOST_LINES = 2000


def calibration_facts(
    workspace: Path, instrument: Instrument, today: date, *, plan: SweepPlan | None = None
) -> list[dict[str, Any]]:
    """Name the profile of each receiver, the known levels that hold today at its gain, its own lines and its gains.

    Parameters
    ----------
    workspace : Path
    instrument : Instrument
    today : date
    plan : SweepPlan, optional
        Own lines are told as far as they lie within it; without one none are.

    Returns
    -------
    list of dict
        JSON values; empty where no receiver has a profile. What has expired is named, and is not in ``absolute``.

    Raises
    ------
    ParameterError
        A profile is damaged.
    """
    told = []
    for one in instrument.receivers or (instrument,):
        stored = None if one.serial is None else find_profile(workspace, one.serial)
        if stored is not None:
            told.append(_told(stored, one, today) | _for_tests(stored.profile, plan))
    return told


def _told(stored: StoredProfile, receiver: Instrument, today: date) -> dict[str, Any]:
    profile = stored.profile
    fits = [
        one
        for one in profile.absolute
        if receiver.gain_db is not None and abs(one.gain_db - receiver.gain_db) <= _SAME_GAIN_DB
    ]
    return {
        "serial": profile.serial,
        "profile": stored.id,
        "sha256": stored.sha256,
        "made": f"{profile.made:%Y-%m-%dT%H:%M:%SZ}",
        "ppm": None if profile.frequency is None else profile.frequency.ppm,
        "absolute": [_level(one) for one in fits if one.expires >= today],
        "expired": [one.expires.isoformat() for one in fits if one.expires < today],
    }


def _for_tests(profile: DongleProfile, plan: SweepPlan | None) -> dict[str, Any]:
    """What the tests for artefacts take from a profile."""
    terminated, gains = profile.terminated, profile.gains
    lines = None
    if terminated is not None and plan is not None:
        within = _within(terminated, plan)
        lines = {
            "gain_db": terminated.gain_db,
            "bin_width_hz": terminated.bin_width_hz,
            "freq_hz": [freq_hz for freq_hz, _ in within],
            "dbfs": [dbfs for _, dbfs in within],
        }
    table = None if gains is None else {"gain_db": list(gains.gain_db), "relative_db": list(gains.relative_db)}
    return {"lines": lines, "gains": table}


def _within(terminated: Terminated, plan: SweepPlan) -> list[tuple[int, float]]:
    """The strongest lines that lie in a hop of a plan, in order of frequency."""
    half_hz = plan.hop_bins * plan.bin_width_hz // 2
    centers = np.sort(np.asarray(plan.hop_centers_hz))
    freqs = np.asarray(terminated.spur_freq_hz, np.int64)
    at = np.searchsorted(centers, freqs)
    beside = centers[np.clip(np.stack([at - 1, at]), 0, centers.size - 1)]
    heard = np.flatnonzero(np.abs(beside - freqs).min(axis=0) <= half_hz)
    strongest = sorted(heard, key=lambda one: -terminated.spur_dbfs[one])[:_MOST_LINES]
    return [(terminated.spur_freq_hz[one], terminated.spur_dbfs[one]) for one in sorted(strongest)]


def _level(one: Absolute) -> dict[str, Any]:
    return {
        "at_hz": one.at_hz,
        "gain_db": one.gain_db,
        "offset_db": round(one.offset_db, 2),
        "measured": one.measured.date().isoformat(),
        "expires": one.expires.isoformat(),
    }
