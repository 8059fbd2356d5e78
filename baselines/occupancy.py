"""Occupancy: the share of the time that frequencies, and bands of them, were in use.

ITU-R SM.1880 (spectrum occupancy measurement) and Report ITU-R SM.2256 (its evaluation). The samples of a channel,
here a bin, are the passes of a sweep: each is the mean level over one dwell. What was above a threshold was occupied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.model import FILL, SweepRow

__all__ = ["THRESHOLD_DB", "BandOccupancy", "Occupancy", "OccupancyCounter"]

THRESHOLD_DB = 5.0
"""Over the noise floor, from which a sample is occupied: SM.2256 asks for so much that noise does not pass.

The mean of 16 frames of noise lies that high once in 10^8 samples, that of 8 three times in 10^5."""

_FEWEST_AVERAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BandOccupancy:
    """Occupancy of a band, as far as it was measured.

    Attributes
    ----------
    share : float
        Frequency band occupancy (FBO): the part of all samples of all its channels that were above the threshold.
    ever : float
        The part of its channels that were occupied in at least one sample.
    n_channels, n_samples : int
        Channels that were measured, and the samples of each: the median over them.
    """

    share: float
    ever: float
    n_channels: int
    n_samples: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occupancy:
    """Occupancy of every channel of a sweep.

    Attributes
    ----------
    n_occupied, n_samples : ndarray of int32, shape (n_bins,)
        Samples above the threshold, and all; 0 samples where nothing was measured or can be told.
    """

    n_occupied: NDArray[np.int32]
    n_samples: NDArray[np.int32]

    @property
    def share(self) -> NDArray[np.float64]:
        """Frequency channel occupancy (FCO) of each bin, shape (n_bins,); NaN where nothing was measured."""
        known = np.where(self.n_samples > 0, self.n_occupied / np.maximum(self.n_samples, 1), np.nan)
        return np.asarray(known, np.float64)

    def of(self, bins: NDArray[np.bool_]) -> BandOccupancy | None:
        """Occupancy of some bins together; None where none of them was measured."""
        samples, occupied = self.n_samples[bins], self.n_occupied[bins]
        known = samples > 0
        if not known.any():
            return None
        return BandOccupancy(
            share=float(occupied.sum() / samples.sum()),
            ever=float(np.mean(occupied[known] > 0)),
            n_channels=int(np.count_nonzero(known)),
            n_samples=int(np.median(samples[known])),
        )


class OccupancyCounter:
    """Counts, pass after pass, where a level was above the threshold.

    Parameters
    ----------
    floor_dbfs : ndarray of float32, shape (n_bins,)
        Noise floor; where it is NaN nothing is counted.
    left_out : ndarray of bool, shape (n_bins,), optional
        Bins in which the receiver hears itself.

    Examples
    --------
    >>> counter = OccupancyCounter(np.full(3, -60, np.float32))
    >>> for levels in ([-6000, -5000, FILL], [-6000, -5600, -5000]):
    ...     counter.take(np.array(levels, np.int16))
    >>> counter.result().share
    array([0. , 0.5, 1. ])
    """

    def __init__(self, floor_dbfs: NDArray[np.float32], left_out: NDArray[np.bool_] | None = None) -> None:
        level = np.rint(100 * (np.asarray(floor_dbfs, np.float64) + THRESHOLD_DB))
        counted = np.isfinite(level)
        if left_out is not None:
            counted &= ~left_out
        self._counted = counted
        self._threshold = np.where(counted, level, 0).clip(FILL + 1, -FILL - 1).astype(np.int16)
        self._n_occupied = np.zeros(level.size, np.int32)
        self._n_samples = np.zeros(level.size, np.int32)

    @staticmethod
    def suits(n_averages: int | None) -> bool:
        """Whether samples were averaged enough for noise to stay below the threshold; unknown is not enough."""
        return n_averages is not None and n_averages >= _FEWEST_AVERAGES

    def add(self, row: SweepRow) -> None:
        """Take the next pass."""
        self.take(row.mean)

    def take(self, level: NDArray[np.int16]) -> None:
        """Take the levels of a pass, in cdB(FS), shape (n_bins,)."""
        self._n_samples += self._counted & (level != FILL)
        self._n_occupied += self._counted & (level > self._threshold)

    def result(self) -> Occupancy:
        """What was counted so far."""
        return Occupancy(n_occupied=self._n_occupied.copy(), n_samples=self._n_samples.copy())
