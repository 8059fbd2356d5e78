"""What the profile of a dongle says of an emitter: lines that it heard without an antenna, and its steps of gain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.receiver import decibels, is_unmodulated
from baselines.emitters import Emitter
from baselines.receivers import receiver_at
from sweep.units import format_hz

__all__ = ["gain_between_db", "own_line"]

_REACH_BINS, _REACH_PPM, _MOST_BINS = 1.5, 1.0, 4
_RISE_DB = 6.0
_SAME_GAIN_DB = 0.05


def own_line(emitter: Emitter, spectrum: HeardSpectrum) -> ArtefactTest | None:
    """A line that the receiver heard with a terminator in place of the antenna; None where no profile tells of any.

    Lines hang on the crystal, as the display does, or on clocks beside it: one stands where it was, or away by the
    correction that was applied. What is modulated, wider, or 6 dB stronger than the line was is left standing.
    """
    profile = _profile_at(spectrum.instrument, emitter.center_freq_hz)
    lines = profile.get("lines") or {}
    if not lines.get("freq_hz"):
        return None
    width_hz, freq_hz = spectrum.layout.bin_width_hz, emitter.center_freq_hz
    places = np.asarray(lines["freq_hz"], np.float64)
    corrected = places * (1 + spectrum.correction_ppm(freq_hz) * 1e-6)
    away = np.minimum(np.abs(places - freq_hz), np.abs(corrected - freq_hz))
    nearest = int(away.argmin())
    reach_hz = _REACH_BINS * max(width_hz, lines["bin_width_hz"]) + _REACH_PPM * 1e-6 * freq_hz
    words = f"{away[nearest] / 1e3:.1f} kHz from a line at {format_hz(lines['freq_hz'][nearest])}"
    if away[nearest] > reach_hz or emitter.occupied_bw_hz > _MOST_BINS * width_hz or not is_unmodulated(emitter):
        return ArtefactTest(test="own_line", passed=True, reason=f"{words} of the receiver's own: it is another")
    words += f" that the receiver makes itself: {lines['dbfs'][nearest]:.1f} dBFS without an antenna "
    words += f"(profile {profile['profile']})"
    now_db = receiver_at(spectrum.instrument, freq_hz).get("gain_db")
    step_db = 0.0 if now_db is None else gain_between_db(spectrum.instrument, freq_hz, lines["gain_db"], now_db)
    risen_db = decibels(emitter.mean_power) - lines["dbfs"][nearest] - max(0.0, step_db)
    if risen_db > _RISE_DB:
        return ArtefactTest(test="own_line", passed=True, reason=f"{words}, but {risen_db:.0f} dB stronger now")
    return ArtefactTest(test="own_line", passed=False, reason=words)


def gain_between_db(instrument: Mapping[str, Any], freq_hz: float, first_db: float, second_db: float) -> float:
    """How much more gain the second setting has than the first: as measured, or as it is called where it was not.

    Examples
    --------
    >>> table = {"gain_db": [16.6, 28.0], "relative_db": [-10.0, 0.0]}
    >>> instrument = {"serial": "A", "profiles": [{"serial": "A", "gains": table}]}
    >>> gain_between_db(instrument, 1e8, 16.6, 28.0), round(gain_between_db(instrument, 1e8, 0.0, 28.0), 1)
    (10.0, 28.0)
    """
    table = _profile_at(instrument, freq_hz).get("gains") or {"gain_db": (), "relative_db": ()}
    found = [
        relative_db
        for wanted_db in (first_db, second_db)
        for gain_db, relative_db in zip(table["gain_db"], table["relative_db"], strict=True)
        if abs(gain_db - wanted_db) <= _SAME_GAIN_DB
    ]
    return float(found[1] - found[0]) if len(found) == 2 else second_db - first_db


def _profile_at(instrument: Mapping[str, Any], freq_hz: float) -> Mapping[str, Any]:
    """The profile of the receiver that heard a frequency, as the start of a record tells it; empty where none does."""
    serial = receiver_at(instrument, freq_hz).get("serial")
    profiles = [one for one in instrument.get("profiles") or () if serial is not None and one["serial"] == serial]
    return profiles[0] if profiles else {}
