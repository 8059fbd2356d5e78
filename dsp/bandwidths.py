"""Bandwidths of an emitter, as ITU-R SM.443 defines them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["Occupied", "occupied_bandwidth", "x_db_bandwidth"]

_EDGE_RATIO = 0.1  # how deep a bin counts when an edge is interpolated: what is subtracted may leave nothing


class Occupied(NamedTuple):
    """Bandwidth that holds a share of an emitter's power; all in bins from the start of the array."""

    center: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Width in bins."""
        return self.high - self.low


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
    cumulative = np.concatenate([[0.0], np.cumsum(positive)])
    cumulative /= cumulative[-1]
    edges = np.arange(positive.size + 1) - 0.5
    wanted = np.array([(1 - share) / 2, (1 + share) / 2])
    holds = np.searchsorted(cumulative, wanted, side="right") - 1  # bins of power above 0, with nothing between
    low, high = edges[holds] + (wanted - cumulative[holds]) / (cumulative[holds + 1] - cumulative[holds])
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * positive
    center = float((inside * np.arange(positive.size)).sum() / inside.sum())
    return Occupied(center, float(low), float(high))


def x_db_bandwidth(power: NDArray[np.floating], background: float, x_db: float) -> float | None:
    """x-dB bandwidth: the width beyond which everything is x dB or more under the highest bin (ITU-R SM.443).

    The resolution of the window is not taken out: a carrier in a Hann window is up to 2 bins wide at -6 dB and 4.4 at
    -26 dB.

    Parameters
    ----------
    power : ndarray, shape (n,)
        Linear power of each bin with the background subtracted, of one emitter and what is beside it.
    background : float
        Linear level that a bin without the emitter has.
    x_db : float
        Above 0.

    Returns
    -------
    float or None
        Width in bins, each edge interpolated in dB between two bins; None where the highest bin is not x dB above the
        background, or where an edge is not within the array.

    Raises
    ------
    ParameterError
        x is not above 0.

    Examples
    --------
    >>> bins = np.arange(101) - 50
    >>> round(x_db_bandwidth(10 ** (-0.1 * np.square(bins / 5.0)), 1e-6, 26.0), 2)
    50.98
    """
    if not 0 < x_db < np.inf:
        raise ParameterError(f"a bandwidth at {x_db} dB below the top is none; x is above 0")
    limit = float(power.max(initial=0.0)) * 10 ** (-x_db / 10)
    if not limit > max(background, 0.0):
        return None
    inside = np.flatnonzero(power >= limit)
    first, last = int(inside[0]), int(inside[-1])
    if first == 0 or last == power.size - 1:
        return None
    depth_db = 10 * np.log10(np.maximum(power[[first - 1, first, last, last + 1]] / limit, _EDGE_RATIO))
    low = first - depth_db[1] / (depth_db[1] - depth_db[0])
    high = last + depth_db[2] / (depth_db[2] - depth_db[3])
    return float(high - low)
