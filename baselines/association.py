"""Which emissions of two sweeps are one emitter: by frequency and width, as well as each is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pair", "Places", "pairs_of"]

_BINS, _WIDTH_FACTOR = 3.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where some emissions are.

    Attributes
    ----------
    center_hz, width_hz : ndarray of float64, shape (n,)
        Centroid, and occupied bandwidth.
    bin_width_hz : ndarray of float64, shape (n,)
        Of the sweep in which each was heard.
    """

    center_hz: NDArray[np.float64]
    width_hz: NDArray[np.float64]
    bin_width_hz: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A place of each of two sweeps that may be one emitter, so many Hz apart."""

    away_hz: float
    own: int
    known: int


def pairs_of(own: Places, known: Places, drift: NDArray[np.float64] | float) -> list[Pair]:
    """Pair what lies close enough and is about as wide, the nearest first.

    Centroids lie within half the larger bandwidth, or within 3 bins and what the frequencies may be off; widths differ
    by a factor of 2 at most, or by a bin.

    Parameters
    ----------
    own, known : Places
    drift : float, or ndarray of float64 of the shape of ``known``
        Relative error between the frequencies of the two: 1e-6 is 1 ppm.

    Examples
    --------
    >>> places = [Places(center_hz=np.array([hz]), width_hz=np.array([1e4]), bin_width_hz=np.array([2500.0]))
    ...           for hz in (433.92e6, 433.93e6)]
    >>> pairs_of(*places, 1e-6), pairs_of(*places, 10e-6)
    ([], [Pair(away_hz=10000.0, own=0, known=0)])
    """
    pairs = []
    for index, (center, width, bin_width) in enumerate(zip(own.center_hz, own.width_hz, own.bin_width_hz, strict=True)):
        bins = np.maximum(known.bin_width_hz, bin_width)
        away = np.abs(known.center_hz - center)
        reach = np.maximum(np.maximum(known.width_hz, width) / 2, _BINS * bins + drift * center)
        low, high = np.minimum(known.width_hz, width), np.maximum(known.width_hz, width)
        alike = (high <= _WIDTH_FACTOR * low) | (high - low <= bins)
        near = np.flatnonzero((away <= reach) & alike).tolist()
        pairs += [Pair(away_hz=float(away[k]), own=index, known=k) for k in near]
    return sorted(pairs, key=lambda pair: (pair.away_hz, pair.own, pair.known))
