"""What the start of a record says of the profiles of the dongles that sweep."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sweep.calibration.profile import Absolute, StoredProfile, find_profile
from sweep.model import Instrument

__all__ = ["calibration_facts"]

_SAME_GAIN_DB = 0.05


def calibration_facts(workspace: Path, instrument: Instrument, today: date) -> list[dict[str, Any]]:
    """Name the profile of each receiver, and the known levels that hold today at its gain.

    Parameters
    ----------
    workspace : Path
    instrument : Instrument
    today : date

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
            told.append(_told(stored, one, today))
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


def _level(one: Absolute) -> dict[str, Any]:
    return {
        "at_hz": one.at_hz,
        "gain_db": one.gain_db,
        "offset_db": round(one.offset_db, 2),
        "measured": one.measured.date().isoformat(),
        "expires": one.expires.isoformat(),
    }
