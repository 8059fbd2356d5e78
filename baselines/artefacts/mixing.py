"""Strong emitters that are heard where they are not: images, and mixing with the third harmonic of the tuner.

Each way into the receiver maps frequencies onto the displayed axis. A test looks where the emitter would come from,
and asks two things of what is there: that it is much stronger, and that the emitter has its shape, all of it. A
transmitter that happens to stand on such a place has another shape, or stands there alone where more of a strong
emission should be heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.receiver import decibels
from baselines.emitters import Emitter
from sweep.units import format_hz

__all__ = ["ALIAS", "WAYS", "Way", "mixing_tests", "moved_hz"]

_LOW_IF_HZ = 3_570_000.0  # R820T
_LEAST_DB, _MOST_DB = 18.0, 85.0
_ALIKE = 0.6
_MORE_THAN_HEARD, _SIGMAS = 2.0, 6.0
_SLACK_BINS = 2
_SIDE_BINS = 4
_LOWEST_SOURCE_RATIO = 10.0  # the emitter behind an image stands at least 10 dB over the floor
_WIDEST_BINS = 400
_REACH_RATES = 0.7


ALIAS = "alias"
"""Name of the test for what folds back into the band; it goes when the tuning moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way into the receiver: what is displayed at f comes from ``a x tuned + b x f + offset``.

    Attributes
    ----------
    test : str
        Name of its test.
    words : str
    a, b : int
    offset_hz : float
    """

    test: str
    words: str
    a: int
    b: int
    offset_hz: float


WAYS = (
    Way(test="iq_image", words="the image about the tuned frequency", a=2, b=-1, offset_hz=0.0),
    Way(test="low_if_image", words="the image of the low IF", a=2, b=-1, offset_hz=2 * _LOW_IF_HZ),
    Way(test="third_harmonic", words="mixing with the third harmonic", a=2, b=1, offset_hz=2 * _LOW_IF_HZ),
    Way(test="third_harmonic", words="mixing with the third harmonic", a=4, b=-1, offset_hz=4 * _LOW_IF_HZ),
)
"""Of an R820T with its IF of 3.57 MHz, which mixes with the oscillator above the signal."""


def _aliases(spectrum: HeardSpectrum) -> tuple[Way, ...]:
    """What lies beyond half the sample rate and is not filtered away folds back to the other side of the hop."""
    words = "folded by the sample rate"
    sides = (-spectrum.sample_rate_hz, spectrum.sample_rate_hz)
    return tuple(Way(test=ALIAS, words=words, a=0, b=1, offset_hz=side) for side in sides)


def moved_hz(way: Way, shift_hz: float) -> float:
    """How far what comes in this way moves on the display when the tuning moves.

    Examples
    --------
    >>> [moved_hz(way, 100.0) for way in WAYS]
    [200.0, 200.0, -200.0, 400.0]
    """
    return -way.a / way.b * shift_hz


def mixing_tests(emitter: Emitter, spectrum: HeardSpectrum) -> list[ArtefactTest]:
    """Test an emitter against every way into the receiver; one outcome for each name."""
    outcomes: dict[str, ArtefactTest] = {}
    for way in (*WAYS, *_aliases(spectrum)):
        outcome = _test(way, emitter, spectrum)
        before = outcomes.get(way.test)
        if before is None or (before.passed is not False and outcome.passed is not None):
            outcomes[way.test] = outcome
    return list(outcomes.values())


def _test(way: Way, emitter: Emitter, spectrum: HeardSpectrum) -> ArtefactTest:
    hop = spectrum.hop_of(emitter)
    tuned_hz = spectrum.tuned_hz(hop)
    here = np.arange(emitter.start, emitter.stop)
    source_hz = way.a * tuned_hz + way.b * spectrum.layout.freq_hz[here] + way.offset_hz
    middle_hz = float(np.mean(source_hz))
    if way.test == ALIAS and abs(middle_hz - tuned_hz) > _REACH_RATES * spectrum.sample_rate_hz:
        return ArtefactTest(test=way.test, passed=True, reason="nothing folds back to there")
    there = spectrum.bins_at(spectrum.shown_hz(source_hz, hop))
    if np.mean(there >= 0) < 0.5:
        where = format_hz(round(middle_hz))
        return ArtefactTest(test=way.test, passed=None, reason=f"not possible: {where} was not swept")
    known = there >= 0
    source = float(spectrum.excess[there[known]].sum())
    own = float((spectrum.mean[here] - spectrum.background[here])[known].sum())
    if source <= _LOWEST_SOURCE_RATIO * float(spectrum.floor[there[known]].sum()) or own <= 0:
        return ArtefactTest(test=way.test, passed=True, reason=f"nothing strong at {format_hz(round(middle_hz))}")
    weaker_db = decibels(source) - decibels(own) + spectrum.gain_over_db(tuned_hz, middle_hz)
    reason = f"{weaker_db:.0f} dB below what is at {format_hz(round(middle_hz))}"
    if not _LEAST_DB <= weaker_db <= _MOST_DB:
        return ArtefactTest(test=way.test, passed=True, reason=f"{reason}: no image is that strong")
    why = _unlike(way, emitter, spectrum, ratio=own / source)
    return ArtefactTest(
        test=way.test, passed=why is not None, reason=f"{reason}, {why or f'and has its shape: {way.words}'}"
    )


def _unlike(way: Way, emitter: Emitter, spectrum: HeardSpectrum, *, ratio: float) -> str | None:
    """Why an emitter is not what the source would make here; None when it is."""
    here, there = _overlap(way, emitter, spectrum)
    own = spectrum.mean[here] - spectrum.background[here]
    source = np.maximum(spectrum.excess[there], 0.0)
    if _similarity(own, source, near=np.abs(here - (emitter.start + emitter.stop) / 2), emitter=emitter) < _ALIKE:
        return "but its shape is another"
    beyond = (here < emitter.start - _SLACK_BINS) | (here >= emitter.stop + _SLACK_BINS)
    predicted = ratio * float(source[beyond].sum())
    heard = float(np.maximum(own[beyond].sum(), 0.0))
    sigma = float(np.sqrt(1.5 * spectrum.bin_variance * np.sum(spectrum.background[here[beyond]] ** 2)))
    if predicted > _MORE_THAN_HEARD * heard + _SIGMAS * sigma:
        return "but of that more would be heard beside it"
    return None


def _overlap(way: Way, emitter: Emitter, spectrum: HeardSpectrum) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bins of the hop around the emitter, and those that would be heard there, over all of the source."""
    layout = spectrum.layout
    hop = spectrum.hop_of(emitter)
    tuned_hz = spectrum.tuned_hz(hop)
    first = max(hop * layout.hop_bins, emitter.start - _WIDEST_BINS)
    last = min((hop + 1) * layout.hop_bins, emitter.stop + _WIDEST_BINS)
    here = np.arange(first, last)
    source_hz = way.a * tuned_hz + way.b * layout.freq_hz[here] + way.offset_hz
    there = spectrum.bins_at(spectrum.shown_hz(source_hz, hop))
    loud = (there >= 0) & (spectrum.excess[there] > _LOWEST_SOURCE_RATIO * spectrum.floor[there])
    quiet = np.flatnonzero(~loud)
    before, after = quiet[here[quiet] < emitter.start - _SIDE_BINS], quiet[here[quiet] >= emitter.stop + _SIDE_BINS]
    low = int(before[-1]) if before.size else 0
    high = int(after[0]) + 1 if after.size else here.size
    kept = slice(max(0, low - _SIDE_BINS), high + _SIDE_BINS)
    here, there = here[kept], there[kept]
    return here[there >= 0], there[there >= 0]


def _similarity(
    own: NDArray[np.float64], source: NDArray[np.float64], *, near: NDArray[np.float64], emitter: Emitter
) -> float:
    """Cosine of the angle between two spectra around the emitter, at the best of a few shifts; 1 for one shape."""
    chosen = near <= (emitter.stop - emitter.start) / 2 + _SIDE_BINS
    part = np.maximum(own[chosen], 0.0)
    best = 0.0
    for shift in range(-_SLACK_BINS, _SLACK_BINS + 1):
        other = np.roll(source, shift)[chosen]
        size = float(np.sqrt(np.sum(part**2) * np.sum(other**2)))
        if size > 0:
            best = max(best, float(np.sum(part * other)) / size)
    return best
