"""The gain step: a real emitter falls as the gain does, a third-order product three times as far.

What does not fall at all is made behind the amplifier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.look_levels import LookLevel, measure_look
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.own_lines import gain_between_db
from baselines.artefacts.receiver import decibels, is_steady
from baselines.artefacts.second_look import Suspect, varies_db
from baselines.artefacts.tunings import LookBook
from sweep.looks import Look
from sweep.model import HOP_OVERLOADED

__all__ = ["STRONG_DB", "gain_step"]

STRONG_DB = 20.0
"""Over the noise floor: what is weaker is lost in the noise after the step."""

_STEP_DB, _LEAST_STEP_DB = -6.0, 3.0
_TOLERANCE_DB, _DOUBTED_DB, _TOO_FAR_DB = 2.0, 1.2, 3.0
_STUCK_SHARE = 0.35
_SEEN_SIGMAS = 3.0
_MEASURABLE_SIGMAS = 6.0
_STEADY_DB = 3.0
_CONTINUOUS_DUTY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fall:
    """How far the level fell for a step of the gain, and at least, by noise; ``overloaded`` before the step.

    ``doubted`` says that another test takes it for a product: then it must not fall much further than the gain did.
    """

    fall_db: float
    least_db: float
    step_db: float
    overloaded: bool
    doubted: bool

    @property
    def verdict(self) -> bool | None:
        """True as an emitter's, False as a product's or as nothing that came by the antenna, None between."""
        if self.least_db >= self.step_db + _TOO_FAR_DB:
            return False
        most_db = self.step_db + (_DOUBTED_DB if self.doubted else _TOLERANCE_DB)
        if self.step_db - _TOLERANCE_DB <= self.fall_db <= most_db:
            return True
        return False if self.fall_db <= _STUCK_SHARE * self.step_db and not self.overloaded else None


def gain_step(suspect: Suspect, spectrum: HeardSpectrum, book: LookBook, *, explained: bool) -> ArtefactTest:
    """Compare two looks at one tuning, the second with less gain.

    Parameters
    ----------
    suspect : Suspect
    spectrum : HeardSpectrum
    book : LookBook
    explained : bool
        Whether another test says that it may be a product: then one step is enough. Otherwise what speaks against an
        emitter is tried again at another tuning.
    """
    emitter = suspect.emitter
    duty = suspect.track.duty_cycle
    if not is_steady(emitter) or (duty is not None and duty < _CONTINUOUS_DUTY):
        return _outcome(None, "not possible: it is not on all the time")
    spread_db = varies_db(emitter, spectrum)
    if spread_db > _STEADY_DB:
        return _outcome(None, f"not possible: its level varies by {spread_db:.0f} dB from pass to pass")
    first = book.moved(emitter, spectrum)
    fall = first if isinstance(first, str) else _fall(suspect, spectrum, book, first, doubted=explained)
    if isinstance(first, str) or isinstance(fall, str):
        return _outcome(None, str(fall))
    if fall.verdict is False and not explained:
        other = book.moved(emitter, spectrum, other_than_hz=first.request.center_freq_hz)
        again = other if isinstance(other, str) else _fall(suspect, spectrum, book, other, doubted=False)
        if isinstance(again, str) or again.verdict is not False:
            return _outcome(None, f"{_words(fall)}; not the same when it was tried again")
    return _outcome(fall.verdict, _words(fall))


def _outcome(passed: bool | None, reason: str) -> ArtefactTest:
    return ArtefactTest(test="gain_step", passed=passed, reason=reason)


def _words(fall: _Fall) -> str:
    words = f"it fell by {fall.fall_db:.1f} dB for {fall.step_db:.1f} dB less gain"
    if fall.verdict is False:
        product = fall.fall_db > fall.step_db
        return f"{words}, as {'a product of third order does' if product else 'nothing does that the antenna hears'}"
    return words if fall.verdict else f"{words}, which tells nothing"


def _fall(suspect: Suspect, spectrum: HeardSpectrum, book: LookBook, before: Look, *, doubted: bool) -> _Fall | str:
    """Measure the fall at the tuning of a look, or say why that cannot be."""
    lowered = book.get(replace(before.request, gain_step_db=_STEP_DB))
    if isinstance(lowered, str):
        return lowered
    step_db = -_STEP_DB
    if before.gain_db is not None and lowered.gain_db is not None:
        freq_hz = suspect.emitter.center_freq_hz
        step_db = gain_between_db(spectrum.instrument, freq_hz, lowered.gain_db, before.gain_db)
    if step_db < _LEAST_STEP_DB:
        return "not possible: the receiver has no lower gain"
    one = measure_look(suspect.emitter, spectrum, before)
    other = measure_look(suspect.emitter, spectrum, lowered, gain_step_db=-step_db)
    if one.power < _MEASURABLE_SIGMAS * one.sigma or _lost(one, other, step_db):
        return "not possible: too weak to tell"
    return _Fall(
        fall_db=decibels(one.power) - decibels(max(other.power, other.sigma)),
        least_db=decibels(one.power) - decibels(max(other.power, 0.0) + _SEEN_SIGMAS * other.sigma),
        step_db=step_db,
        overloaded=bool((before.flags & HOP_OVERLOADED).any()),
        doubted=doubted,
    )


def _lost(one: LookLevel, other: LookLevel, step_db: float) -> bool:
    """Whether a real emitter would be lost in the noise after the step."""
    return one.power * 10 ** (-step_db / 10) < _MEASURABLE_SIGMAS * other.sigma
