"""Third-order products of the strongest emitters that a hop takes in: at 2a - b and a + b - c.

Two tones of powers A and B give 2A + B - 2 IP3 in dB at 2a - b, and three give A + B + C - 2 IP3 + 6 at a + b - c (the
textbook's third-order intercept, here at the converter). The intercept of a dongle is not known, but its spectrum
bounds it from below: every place where a product should be says how large the products can be at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from baselines.artefacts.heard_spectrum import HeardSpectrum, Strong
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.receiver import decibels, level_of
from baselines.emitters import Emitter
from sweep.units import format_hz

__all__ = ["intermodulation", "may_be_product"]

_PARENTS, _PARENT_RANGE_DB = 5, 30.0
_TRIPLE_DB = 6.0
_LOWEST_IP3_DBFS = -6.0
_TOLERANCE_DB = 6.0
_SLACK_BINS = 2.0
_FLAT_RATES = 0.42
_BURST_KURTOSIS_DB = 5.0  # a product of three steady noises has up to 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """A product: its place, its width at most, and its level for an intercept of 0 dBFS.

    ``sure`` says that its parents lie in the flat part of the passband, so that the level is theirs.
    """

    freq_hz: float
    width_hz: float
    level_db: float
    sure: bool
    words: str


def intermodulation(emitter: Emitter, spectrum: HeardSpectrum) -> ArtefactTest:
    """Whether an emitter is what the strongest ones that the receiver hears at that tuning make of each other.

    It is taken for one when it stands at the place of a product, or where that folds back to, is no stronger than the
    product can be, and no wider; never when other products, which would then be stronger, are not there.
    """
    hop = spectrum.hop_of(emitter)
    products = list(_products(_parents(emitter, spectrum, hop), spectrum, hop))
    if not products:
        reason = "fewer than two emitters there are strong enough to make products"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    fitting = [product for product in products if _fits(emitter, product, spectrum)]
    if not fitting:
        reason = "at no product of the strongest emitters there"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    product = max(fitting, key=lambda one: one.level_db)
    lowest_ip3_db = max(_LOWEST_IP3_DBFS, _bound(products, spectrum, hop))
    over_db = decibels(level_of(emitter)) - (product.level_db - 2 * lowest_ip3_db)
    reason = f"at {product.words}"
    if over_db > _TOLERANCE_DB:
        reason += f", but {over_db:.0f} dB stronger than that product can be"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    return ArtefactTest(test="intermodulation", passed=False, reason=f"{reason}, and no stronger than that product")


def may_be_product(emitter: Emitter, spectrum: HeardSpectrum) -> bool:
    """Whether the strongest emitters there are strong enough to make something of this level, wherever it stands."""
    hop = spectrum.hop_of(emitter)
    powers = sorted((decibels(one.power) for one in _parents(emitter, spectrum, hop)), reverse=True)
    if not powers:
        return False
    most_db = 3 * powers[0] + _TRIPLE_DB - 2 * _LOWEST_IP3_DBFS
    return decibels(level_of(emitter)) <= most_db


def _parents(emitter: Emitter, spectrum: HeardSpectrum, hop: int) -> list[Strong]:
    """The strongest there, without the emitter itself; they make products only when they are far stronger.

    What comes in bursts is made by what comes in bursts.
    """
    others = [one for one in spectrum.strong_near(hop) if one.stop <= emitter.start or one.start >= emitter.stop]
    if emitter.kurtosis_db is not None and emitter.kurtosis_db > _BURST_KURTOSIS_DB:
        others = others if any(one.in_bursts for one in others) else []
    ordered = sorted(others, key=lambda one: -one.power)[:_PARENTS]
    if not ordered:
        return []
    least = max(ordered[0].power * 10 ** (-_PARENT_RANGE_DB / 10), 10 * level_of(emitter))
    return [one for one in ordered if one.power >= least]


def _products(parents: list[Strong], spectrum: HeardSpectrum, hop: int) -> Iterator[_Product]:
    rate_hz, tuned_hz = spectrum.sample_rate_hz, spectrum.tuned_hz(hop)
    for plus, other, minus in _triples(parents):
        family = (plus, other, minus)
        freq_hz = plus.center_freq_hz + other.center_freq_hz - minus.center_freq_hz
        folded = round((freq_hz - tuned_hz) / rate_hz)
        words = " + ".join(format_hz(round(one.center_freq_hz)) for one in (plus, other))
        if plus is other:
            words = f"2 x {format_hz(round(plus.center_freq_hz))}"
        yield _Product(
            freq_hz=freq_hz - folded * rate_hz,
            width_hz=sum(one.width_hz for one in family),
            level_db=sum(decibels(one.power) for one in family) + (0.0 if plus is other else _TRIPLE_DB),
            sure=all(abs(one.center_freq_hz - tuned_hz) <= _FLAT_RATES * rate_hz for one in family),
            words=f"{words} - {format_hz(round(minus.center_freq_hz))}{', folded back' if folded else ''}",
        )


def _triples(parents: list[Strong]) -> Iterator[tuple[Strong, Strong, Strong]]:
    for plus, other in itertools.combinations_with_replacement(parents, 2):
        yield from ((plus, other, minus) for minus in parents if minus is not plus and minus is not other)


def _fits(emitter: Emitter, product: _Product, spectrum: HeardSpectrum) -> bool:
    slack_hz = _SLACK_BINS * spectrum.layout.bin_width_hz
    near = abs(emitter.center_freq_hz - product.freq_hz) <= slack_hz + 0.25 * product.width_hz
    return near and emitter.occupied_bw_hz <= product.width_hz + 2 * slack_hz


def _bound(products: list[_Product], spectrum: HeardSpectrum, hop: int) -> float:
    """Lowest intercept in dBFS that the spectrum allows: at each place no more than is heard can be a product."""
    bins = spectrum.layout.hop_slice(hop)
    axis = spectrum.layout.freq_hz[bins]
    heard, floor = spectrum.mean[bins], spectrum.floor[bins]
    bounds = []
    for product in products:
        inside = np.abs(axis - product.freq_hz) <= product.width_hz / 2 + _SLACK_BINS * spectrum.layout.bin_width_hz
        whole = inside.sum() * spectrum.layout.bin_width_hz >= 0.9 * product.width_hz
        if product.sure and whole and inside.any():
            sigma = np.sqrt(1.5 * spectrum.bin_variance * np.sum(floor[inside] ** 2))
            most = (max(float(np.sum(heard[inside] - floor[inside])), 0.0) + 3 * sigma) / spectrum.layout.enbw_bins
            bounds.append((product.level_db - decibels(most)) / 2)
    return max(bounds, default=-np.inf)
