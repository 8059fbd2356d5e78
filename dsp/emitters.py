"""From bins to emitters: segments, merging, occupied bandwidth and centre."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["Occupied", "hysteresis_segments", "merge_segments", "occupied_bandwidth"]


class Occupied(NamedTuple):
    """Bandwidth that holds a share of an emitter's power; all in bins from the start of the array."""

    center: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Width in bins."""
        return self.high - self.low


def hysteresis_segments(
    score: NDArray[np.floating], high: float | NDArray[np.floating], low: float | NDArray[np.floating]
) -> NDArray[np.int64]:
    """Runs of bins at or above ``low`` that hold at least one at or above ``high``.

    Parameters
    ----------
    score : ndarray, shape (n,)
        NaN never counts.
    high, low : float or ndarray
        ``low`` at most ``high``.

    Returns
    -------
    ndarray of int64, shape (n_segments, 2)
        Start and stop (exclusive) of each run.

    Examples
    --------
    >>> hysteresis_segments(np.array([0, 3, 9, 4, 0, 3, 0.]), 6, 2)
    array([[1, 4]])
    """
    above_low = np.concatenate([[False], np.asarray(score >= low), [False]])
    edges = np.flatnonzero(above_low[1:] != above_low[:-1])
    runs = edges.reshape(-1, 2)
    seeds = np.concatenate([[0], np.cumsum(np.asarray(score >= high))])
    return runs[seeds[runs[:, 1]] > seeds[runs[:, 0]]].astype(np.int64)


def merge_segments(
    segments: NDArray[np.int64], *, min_gap: int = 4, width_share: float = 0.25, breaks: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Join neighbours whose gap is at most max(min_gap, width_share x the wider of the two).

    Parameters
    ----------
    segments : ndarray of int64, shape (n, 2)
        Start and stop, ascending, not overlapping.
    min_gap : int
        In bins.
    width_share : float
    breaks : ndarray of int64, optional
        Bins at which the frequency axis jumps; nothing is joined across one.

    Returns
    -------
    ndarray of int64, shape (m, 2)

    Examples
    --------
    >>> merge_segments(np.array([[0, 10], [13, 20], [40, 41]]))
    array([[ 0, 20],
           [40, 41]])
    """
    jumps = np.asarray([] if breaks is None else breaks, np.int64)
    merged: list[list[int]] = []
    for start, stop in segments.tolist():
        if merged:
            before = merged[-1]
            gap = start - before[1]
            widest = max(before[1] - before[0], stop - start)
            jumped = np.searchsorted(jumps, before[1] - 1, "right") != np.searchsorted(jumps, start, "right")
            if gap <= max(min_gap, width_share * widest) and not jumped:
                before[1] = max(before[1], stop)
                continue
        merged.append([start, stop])
    return np.array(merged, np.int64).reshape(-1, 2)


def occupied_bandwidth(power: NDArray[np.floating], share: float = 0.99) -> Occupied:
    """Occupied bandwidth: what is left when half of the remaining power is cut from each side (ITU-R SM.443).

    Parameters
    ----------
    power : ndarray, shape (n,)
        Linear power of each bin with the background subtracted; negative values count as 0.
    share : float
        Share of the power inside, 0.99 by the recommendation.

    Returns
    -------
    Occupied
        Edges are interpolated within a bin; bin k reaches from k - 0.5 to k + 0.5. The centre is the centroid of
        the power between the edges.

    Raises
    ------
    ParameterError
        There is no power above 0, or the share is not between 0 and 1.

    Examples
    --------
    >>> flat = occupied_bandwidth(np.array([0, 0, 1, 1, 1, 1, 0.]), 0.5)
    >>> round(flat.low, 6), round(flat.high, 6), round(flat.center, 6)
    (2.5, 4.5, 3.5)
    """
    positive = np.maximum(np.asarray(power, np.float64), 0.0)
    total = positive.sum()
    if not total > 0 or not 0 < share < 1:
        raise ParameterError(f"no occupied bandwidth of share {share} in a total power of {total}")
    cumulative = np.concatenate([[0.0], np.cumsum(positive)]) / total
    edges = np.arange(positive.size + 1) - 0.5
    rising = np.concatenate([[True], np.diff(cumulative) > 0])  # interpolation wants strictly rising abscissae
    low, high = np.interp([(1 - share) / 2, (1 + share) / 2], cumulative[rising], edges[rising])
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * positive
    center = float((inside * np.arange(positive.size)).sum() / inside.sum())
    return Occupied(center, float(low), float(high))
