"""The second look: does an emitter stay where it is when the receiver's own oscillator moves?

What is in the air stays. The offset of the receiver moves with its tuning, an image twice as far, a ghost of the third
harmonic two times as far the other way or four times. What is heard at its own frequency again is in the air. What is
gone from there, and is heard where one of these would have gone, is the receiver's. What is only gone may have been
switched off meanwhile: it is looked at with the first tuning again, and with a third one; only what comes back and
goes a second time is the receiver's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.look_levels import LookLevel, covered, measure_look
from baselines.artefacts.mixing import WAYS, moved_hz
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.receiver import decibels, is_steady
from baselines.artefacts.tunings import LookBook
from baselines.emitters import Emitter
from baselines.tracking import Track
from sweep.looks import Look, LookRequest

__all__ = ["Suspect", "lo_shift", "varies_db"]

_PRESENT_SIGMAS, _EXPECTED_SIGMAS = 3.0, 6.0
_PRESENT_SHARE = 0.1
_MOVED_DB = 4.0
_CONTINUOUS_DUTY, _STEADY_DB = 0.9, 3.0
_ALL_SEEN = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An emitter of the visit, on the visit's own frequencies, and how it was followed.

    Attributes
    ----------
    emitter : Emitter
    track : Track
    heard : bool
        False for what the baseline has and this visit has not.
    """

    emitter: Emitter
    track: Track
    heard: bool


def varies_db(emitter: Emitter, spectrum: HeardSpectrum) -> float:
    """Spread of an emitter's level over the groups of passes, highest against lowest, in dB; 0 for one group."""
    inside = slice(emitter.start, emitter.stop)
    levels = np.nansum(spectrum.groups[:, inside] - spectrum.background[inside], axis=1)
    least = 1e-3 * max(float(levels.max()), 1e-30)
    return decibels(float(levels.max())) - decibels(max(float(levels.min()), least)) if levels.size > 1 else 0.0


def lo_shift(suspect: Suspect, spectrum: HeardSpectrum, book: LookBook, *, explained: bool) -> ArtefactTest:
    """Look again with the tuning moved.

    Parameters
    ----------
    suspect : Suspect
    spectrum : HeardSpectrum
    book : LookBook
    explained : bool
        Whether another test has a reason why the receiver would make it: then its absence is enough.
    """
    emitter = suspect.emitter
    look = book.moved(emitter, spectrum)
    if isinstance(look, str):
        return _outcome(None, look)
    shift_hz = look.request.center_freq_hz - spectrum.tuned_hz(spectrum.hop_of(emitter))
    with_shift = f"with the tuning moved by {shift_hz / 1e3:+.0f} kHz"
    level = measure_look(emitter, spectrum, look)
    if _state(level) == "present":
        return _outcome(True, _stayed(level, with_shift))
    if not _is_continuous(suspect, spectrum):
        return _outcome(None, f"not possible: it was not on the air during the second look {with_shift}")
    if _state(level) == "unclear":
        return _outcome(None, f"not possible: too weak to tell {with_shift}")
    went = _where_to(emitter, spectrum, look, shift_hz)
    if went is not None or explained:
        return _outcome(False, f"it was gone {with_shift}" + (f", and heard {went}" if went else ""))
    return _return(emitter, spectrum, book, look, with_shift)


def _stayed(level: LookLevel, with_shift: str) -> str:
    if level.power < _PRESENT_SIGMAS * level.sigma:
        return f"its bursts stayed {with_shift}"
    change_db = decibels(level.power) - decibels(level.expected)
    return f"it stayed {with_shift}, {change_db:+.1f} dB against the sweep"


def _outcome(passed: bool | None, reason: str) -> ArtefactTest:
    return ArtefactTest(test="lo_shift", passed=passed, reason=reason)


def _state(level: LookLevel) -> str:
    heard = level.power > max(_PRESENT_SIGMAS * level.sigma, _PRESENT_SHARE * level.expected)
    if heard or level.burst:
        return "present"
    gone = level.power < _PRESENT_SIGMAS * level.sigma and level.expected > _EXPECTED_SIGMAS * level.sigma
    return "gone" if gone else "unclear"


def _is_continuous(suspect: Suspect, spectrum: HeardSpectrum) -> bool:
    """Whether it was always there: what comes and goes may be gone for reasons of its own."""
    track, emitter = suspect.track, suspect.emitter
    on = track.duty_cycle is None or track.duty_cycle >= _CONTINUOUS_DUTY
    return on and is_steady(emitter) and varies_db(emitter, spectrum) <= _STEADY_DB


def _where_to(emitter: Emitter, spectrum: HeardSpectrum, look: Look, shift_hz: float) -> str | None:
    """Where what vanished is heard now, when that is where the receiver would have put it."""
    places = [(shift_hz, "as far on as the tuning: the receiver's own offset")]
    places += [(moved_hz(way, shift_hz), way.words) for way in WAYS]
    for moved, words in places:
        if (
            covered(emitter, spectrum, look.request.center_freq_hz - moved, margin_bins=0) < _ALL_SEEN
            and moved != shift_hz
        ):
            continue
        level = measure_look(emitter, spectrum, look, moved_hz=moved)
        alike = abs(decibels(level.power) - decibels(max(level.expected, 1e-30))) <= _MOVED_DB
        if alike and level.power > _EXPECTED_SIGMAS * level.sigma:
            return f"{moved / 1e3:+.0f} kHz from there: {words}" if moved != shift_hz else words
    return None


def _return(emitter: Emitter, spectrum: HeardSpectrum, book: LookBook, moved: Look, with_shift: str) -> ArtefactTest:
    """Look with the first tuning again, and with a third one."""
    hop = spectrum.hop_of(emitter)
    back = book.get(LookRequest(center_freq_hz=round(spectrum.tuned_hz(hop))))
    if isinstance(back, str):
        return _outcome(None, f"{back}; it was gone {with_shift}, or switched off")
    if covered(emitter, spectrum, back.request.center_freq_hz, margin_bins=0) < _ALL_SEEN:
        return _outcome(None, f"not possible: it was gone {with_shift}, at the first tuning the offset hides it")
    if _state(measure_look(emitter, spectrum, back)) != "present":
        return _outcome(None, "not possible: it was not on the air during the second look, at either tuning")
    third = book.moved(emitter, spectrum, other_than_hz=moved.request.center_freq_hz)
    if isinstance(third, str):
        return _outcome(None, f"{third}; it was gone {with_shift}, and back with the first tuning")
    if _state(measure_look(emitter, spectrum, third)) != "gone":
        return _outcome(None, f"not possible: it was gone {with_shift}, and not gone with another tuning")
    return _outcome(False, f"it was gone {with_shift}, back with the first tuning, and gone again with a third")
