"""Peaks of a level, and how far each stands out of what is around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["prominent_peaks"]


def prominent_peaks(level: NDArray[np.floating], least: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Peaks of some prominence: the height over the higher of the two lowest points on the way to higher ground.

    As `scipy.signal.find_peaks`, which would load all of ``scipy.signal`` and ``scipy.stats`` for it: 40 MB and 0.4 s.

    Parameters
    ----------
    level : ndarray, shape (n,)
        Without NaN. The first and the last are no peaks; where no higher ground is, the way ends with them.
    least : float

    Returns
    -------
    ndarray of int64, ndarray of float64, both of shape (m,)
        Index of each peak, of a flat one its middle, and its prominence.

    Examples
    --------
    >>> prominent_peaks(np.array([0.0, 9.0, 6.0, 7.0, 1.0, 8.0, 8.0, 8.0, 0.0]), 2.0)
    (array([1, 6]), array([9., 7.]))
    """
    starts = np.flatnonzero(np.diff(level, prepend=np.inf) != 0)
    stops = np.append(starts[1:], level.size)
    heights = np.asarray(level, np.float64)[starts]
    rises = np.diff(heights) > 0
    peaks = np.flatnonzero(rises[:-1] & ~rises[1:]) + 1
    before, after = _lowest_on_the_way(heights), _lowest_on_the_way(heights[::-1])[::-1]
    prominences = (heights - np.maximum(before, after))[peaks]
    high = prominences >= least
    return (starts + stops - 1)[peaks[high]] // 2, prominences[high]


def _lowest_on_the_way(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lowest between each and the last before it that is higher, itself included."""
    lowest: list[float] = []
    higher: list[tuple[float, float]] = []  # those that no later one hides, each with its lowest
    for height in heights.tolist():
        low = height
        while higher and higher[-1][0] <= height:
            low = min(low, higher.pop()[1])
        higher.append((height, low))
        lowest.append(low)
    return np.array(lowest)
