"""Third-order products of the strongest emitters of a hop: at 2a - b and a + b - c.

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

__all__ = ["intermodulation"]

_PARENTS, _PARENT_RANGE_DB = 5, 30.0
_TRIPLE_DB = 6.0
_LOWEST_IP3_DBFS = -6.0
_TOLERANCE_DB = 6.0
_SLACK_BINS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """A product: its place, its width at most, and its level for an intercept of 0 dBFS."""

    freq_hz: float
    width_hz: float
    level_db: float
    words: str


def intermodulation(emitter: Emitter, spectrum: HeardSpectrum) -> ArtefactTest:
    """Whether an emitter is what the strongest ones of its hop make of each other.

    It is taken for one when it stands at the place of a product, is no stronger than that product can be, and no
    wider; never when other products, which would then be stronger, are not there.
    """
    hop = spectrum.hop_of(emitter)
    parents = _parents(emitter, spectrum, hop)
    products = list(_products(parents))
    if not products:
        reason = "fewer than two emitters in the hop are strong enough to make products"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    level_db = decibels(level_of(emitter))
    fitting = [product for product in products if _fits(emitter, product, spectrum)]
    if not fitting:
        reason = "at no product of the strongest emitters of the hop"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    product = max(fitting, key=lambda one: one.level_db)
    reason = f"at {product.words}"
    lowest_ip3_db = max(_LOWEST_IP3_DBFS, _bound(products, spectrum, hop))
    most_db = product.level_db - 2 * lowest_ip3_db
    if level_db > most_db + _TOLERANCE_DB:
        reason += f", but {level_db - most_db:.0f} dB stronger than that product can be"
        return ArtefactTest(test="intermodulation", passed=True, reason=reason)
    return ArtefactTest(test="intermodulation", passed=False, reason=f"{reason}, and no stronger than that product")


def _parents(emitter: Emitter, spectrum: HeardSpectrum, hop: int) -> list[Strong]:
    """The strongest of the hop, without the emitter itself; they make products only when they are far stronger."""
    inside = [
        one
        for one in spectrum.strong
        if spectrum.hop_of(one) == hop and (one.stop <= emitter.start or one.start >= emitter.stop)
    ]
    ordered = sorted(inside, key=lambda one: -one.power)[:_PARENTS]
    if not ordered:
        return []
    least = max(ordered[0].power * 10 ** (-_PARENT_RANGE_DB / 10), 10 * level_of(emitter))
    return [one for one in ordered if one.power >= least]


def _products(parents: list[Strong]) -> Iterator[_Product]:
    for one, other in itertools.permutations(parents, 2):
        yield _Product(
            freq_hz=2 * one.center_freq_hz - other.center_freq_hz,
            width_hz=2 * one.width_hz + other.width_hz,
            level_db=2 * decibels(one.power) + decibels(other.power),
            words=f"2 x {format_hz(round(one.center_freq_hz))} - {format_hz(round(other.center_freq_hz))}",
        )
    for one, other in itertools.combinations(parents, 2):
        for third in parents:
            if third in (one, other):
                continue
            yield _Product(
                freq_hz=one.center_freq_hz + other.center_freq_hz - third.center_freq_hz,
                width_hz=one.width_hz + other.width_hz + third.width_hz,
                level_db=_TRIPLE_DB + sum(decibels(parent.power) for parent in (one, other, third)),
                words=f"{format_hz(round(one.center_freq_hz))} + {format_hz(round(other.center_freq_hz))} - "
                f"{format_hz(round(third.center_freq_hz))}",
            )


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
        if whole and inside.any():
            sigma = np.sqrt(1.5 * spectrum.bin_variance * np.sum(floor[inside] ** 2))
            most = (max(float(np.sum(heard[inside] - floor[inside])), 0.0) + 3 * sigma) / spectrum.layout.enbw_bins
            bounds.append((product.level_db - decibels(most)) / 2)
    return max(bounds, default=-np.inf)
