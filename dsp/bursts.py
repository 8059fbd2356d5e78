"""Bursts in the power of a signal over time: when it is on, for how long, and how regularly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["BurstTiming", "burst_segments", "burst_timing"]

_LEVELS = 256
_TWO_LEVELS = 0.8
"""Share of the variance in dB that lies between the two levels. The best cut through one Gaussian level gives 2/pi,
through the exponential power of a single noise frame 0.7."""

_RARE_SIGMAS, _SIGMAS_PER_MAD = 6.0, 1.4826
_SMALLEST_RISE_DB = 3.0
_TINY = 1e-30


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTiming:
    """When a signal is on; times in s.

    Attributes
    ----------
    n_bursts : int
    duty_cycle : float
        Share of the frames in which it is on.
    length_s : float or None
        Median length of the bursts that begin and end within what was measured, their first and last frames by the
        share of the power that they hold; None where there is no such burst.
    period_s : float or None
        From start to start, where all between was measured: the mean of those distances that lie within a quarter, or
        a frame, of their median; None for fewer than two distances.
    regularity : float or None
        Share of the distances that do; 1 for a clock.
    """

    n_bursts: int
    duty_cycle: float
    length_s: float | None
    period_s: float | None
    regularity: float | None


def burst_segments(power: NDArray[np.floating]) -> NDArray[np.int64]:
    """Find the frames in which a signal is on.

    The level in dB is cut in two where the variance between both sides is largest (Otsu 1979). Where that does not
    show two levels, frames count as on that stand six standard deviations above the median; where there are none, the
    signal is steady and all frames are one segment. A burst begins at the cut and ends halfway from it to the lower
    level: modulation does not break it.

    Parameters
    ----------
    power : ndarray, shape (n,)
        Linear power of each frame; NaN, which never counts as on, where not measured.

    Returns
    -------
    ndarray of int64, shape (n_bursts, 2)
        First frame on, and first frame off again, of each burst; ascending.

    Raises
    ------
    ParameterError
        The power is not one row of frames.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979) 62-66.

    Examples
    --------
    >>> burst_segments(np.array([1, 1, 90, 99, 1, 1, 95, 1.])).tolist()
    [[2, 4], [6, 7]]
    """
    if power.ndim != 1:
        raise ParameterError(f"power of shape {power.shape} is not one row of frames")
    known = np.isfinite(power)
    if not known.any():
        return np.empty((0, 2), np.int64)
    level = 10 * np.log10(np.maximum(np.where(known, power, 0.0), _TINY))
    limits = _limits(level[known])
    if limits is None:
        return _runs(known)
    high, low = limits
    runs = _runs(known & (level >= low))
    return runs[[bool((level[start:stop] >= high).any()) for start, stop in runs]]


def burst_timing(power: NDArray[np.floating], frame_s: float) -> BurstTiming:
    """Measure length, period and duty cycle of a burst train.

    Parameters
    ----------
    power : ndarray, shape (n,)
        Linear power of each frame; NaN where not measured. For how long one NaN lasts does not matter.
    frame_s : float
        From frame to frame, in s; above 0.

    Raises
    ------
    ParameterError
        The frames have no length, or the power is not one row of them.

    Examples
    --------
    >>> keyed = np.tile([1.0, 1, 1, 1, 50, 50], 5)
    >>> timing = burst_timing(keyed, 0.01)
    >>> timing.length_s, round(timing.period_s, 6), round(timing.duty_cycle, 3)
    (0.02, 0.06, 0.333)
    """
    if not 0 < frame_s < np.inf:
        raise ParameterError(f"frames of {frame_s} s have no length; give the time from frame to frame")
    segments = burst_segments(power)
    measured = np.concatenate([[False], np.isfinite(power), [False]])
    known = np.count_nonzero(measured)
    begins = measured[segments[:, 0]]  # the frame before it
    whole = segments[begins & measured[segments[:, 1] + 1]]
    begun = segments[begins, 0]
    n_unknown = np.cumsum(~measured)[begun + 1]
    period, regularity = _period(np.diff(begun)[np.diff(n_unknown) == 0].astype(np.float64))
    return BurstTiming(
        n_bursts=len(segments),
        duty_cycle=float(np.diff(segments, axis=1).sum() / known) if known else 0.0,
        length_s=float(np.median(_lengths(power, segments, whole))) * frame_s if len(whole) else None,
        period_s=None if period is None else period * frame_s,
        regularity=regularity,
    )


def _lengths(power: NDArray[np.floating], segments: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frames of each burst; the first and the last of three or more count by the share of the power that they hold."""
    off = np.isfinite(power)
    for start, stop in segments:
        off[start:stop] = False
    level = float(np.median(power[off])) if off.any() else 0.0
    lengths = []
    for start, stop in whole:
        inner = float(np.median(power[start + 1 : stop - 1])) if stop - start > 2 else np.nan
        ends = np.clip((power[[start, stop - 1]] - level) / (inner - level), 0.0, 1.0)
        lengths.append(stop - start - 2 + float(ends.sum()) if inner > level else float(stop - start))
    return np.array(lengths)


def _period(distances: NDArray[np.float64]) -> tuple[float | None, float | None]:
    if distances.size < 2:
        return None, None
    median = float(np.median(distances))
    near = np.abs(distances - median) <= max(1.0, 0.25 * median)
    if not near.any():  # the median of an even number may lie between two that differ widely
        return median, 0.0
    return float(distances[near].mean()), float(near.mean())


def _limits(level: NDArray[np.float64]) -> tuple[float, float] | None:
    """Levels in dB at which a burst begins and ends; None for a steady signal."""
    cut = _otsu(level)
    if cut is not None:
        off = float(np.median(level[level < cut]))
        return cut, (cut + off) / 2
    median = float(np.median(level))
    spread = _SIGMAS_PER_MAD * float(np.median(np.abs(level - median)))
    high = median + max(_RARE_SIGMAS * spread, _SMALLEST_RISE_DB)
    return (high, (high + median) / 2) if (level >= high).any() else None


def _otsu(level: NDArray[np.float64]) -> float | None:
    """The cut with the largest variance between its sides; None where that is not most of the variance."""
    low, high = float(level.min()), float(level.max())
    if high - low < _SMALLEST_RISE_DB:
        return None
    counts, edges = np.histogram(level, _LEVELS, (low, high))
    middle = (edges[:-1] + edges[1:]) / 2
    n_below, sum_below = np.cumsum(counts), np.cumsum(counts * middle)
    n_above = n_below[-1] - n_below
    sides = (n_below > 0) & (n_above > 0)
    below = sum_below / np.maximum(n_below, 1)
    above = (sum_below[-1] - sum_below) / np.maximum(n_above, 1)
    between = np.where(sides, n_below * n_above * np.square(above - below), 0.0) / level.size**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    if between.max() < _TWO_LEVELS * level.var() or above[best[0]] - below[best[0]] < _SMALLEST_RISE_DB:
        return None
    return float(edges[(best[0] + best[-1]) // 2 + 1])  # the middle of the empty stretch between two levels


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2).astype(np.int64)
