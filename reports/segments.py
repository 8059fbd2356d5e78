"""Contiguous stretches of a frequency axis, and fewer points that keep every peak."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["contiguous_slices", "envelope", "max_bins"]

_GAP_BINS = 1.5


def contiguous_slices(freq_hz: NDArray[np.float64], bin_width_hz: float) -> tuple[slice, ...]:
    """Split an axis where neighbouring bins are further apart than one bin width.

    Parameters
    ----------
    freq_hz : ndarray of float64, shape (n_bins,)
        Ascending, in Hz.
    bin_width_hz : float

    Returns
    -------
    tuple of slice
        In order; together they cover the axis.

    Examples
    --------
    >>> contiguous_slices(np.array([10.0, 12.0, 14.0, 90.0, 92.0]), 2.0)
    (slice(0, 3, None), slice(3, 5, None))
    """
    if freq_hz.size == 0:
        return ()
    cuts = np.flatnonzero(np.diff(freq_hz) > _GAP_BINS * bin_width_hz) + 1
    edges = [0, *(int(cut) for cut in cuts), int(freq_hz.size)]
    return tuple(slice(start, stop) for start, stop in pairwise(edges))


def envelope(
    freq_hz: NDArray[np.float64], level_db: NDArray[np.floating], n_columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest level in each of a number of columns, so that a drawing keeps every peak.

    Parameters
    ----------
    freq_hz : ndarray of float64, shape (n_bins,)
        In Hz.
    level_db : ndarray of float, shape (n_bins,)
        In dB; NaN where nothing was measured.
    n_columns : int
        Columns wanted; fewer come back when there are fewer bins.

    Returns
    -------
    center_hz, low_db, high_db : ndarray of float64, shape (min(n_columns, n_bins),)
        NaN where a column holds no measured bin.

    Examples
    --------
    >>> envelope(np.arange(4.0), np.array([-90.0, -20.0, np.nan, -95.0]), 2)
    (array([0.5, 2.5]), array([-90., -95.]), array([-20., -95.]))
    """
    n_bins = int(freq_hz.size)
    if n_bins == 0:
        empty = np.empty(0)
        return empty, empty, empty
    edges = np.linspace(0, n_bins, min(n_columns, n_bins) + 1).astype(np.intp)
    starts, lasts = edges[:-1], edges[1:] - 1
    level = np.asarray(level_db, np.float64)
    center = (freq_hz[starts] + freq_hz[lasts]) / 2
    return center, np.fmin.reduceat(level, starts), np.fmax.reduceat(level, starts)


def max_bins(values: NDArray[np.floating], n_wanted: int, axis: int) -> NDArray[np.float64]:
    """Shorten an axis to at most ``n_wanted`` entries, each the maximum of those it stands for.

    NaN means "not measured" and gives way to any number.

    Examples
    --------
    >>> max_bins(np.array([[1.0, 5.0, np.nan, 2.0]]), 2, axis=1)
    array([[5., 2.]])
    """
    length = values.shape[axis]
    if length <= n_wanted:
        return np.array(values, np.float64)
    starts = np.linspace(0, length, n_wanted + 1).astype(np.intp)[:-1]
    return np.asarray(np.fmax.reduceat(np.asarray(values, np.float64), starts, axis=axis))
