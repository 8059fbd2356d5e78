"""From bins to emitters: segments, merging, and what is one emission."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from dsp.peaks import prominent_peaks

__all__ = ["hysteresis_segments", "merge_segments", "split_at_valleys"]

_EMISSION_DB = 26.0  # the x-dB bandwidth that bounds one emission (ITU-R SM.443)
_PROMINENCE_DB = 8.0
_CLEAR_DB, _FAINT_DB, _TINY = 6.0, 3.0, 1e-300
_COMB_PEAKS, _COMB_SPREAD_DB, _COMB_JITTER = 6, 9.0, 0.3
_BLOCK_PEAKS, _BLOCK_SPREAD_DB = 12, 12.0
_FADED_PEAKS, _FADED_SPACING_BINS = 40, 30  # a block whose parts fade apart still shows its close, even raster
_SKIRT_DB, _SKIRT_BINS = 20.0, 16


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
    segments: NDArray[np.int64],
    *,
    min_gap: int = 4,
    width_share: float = 0.25,
    max_gap: int | None = None,
    breaks: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Join neighbours whose gap is at most max(min_gap, width_share x the wider of the two).

    Parameters
    ----------
    segments : ndarray of int64, shape (n, 2)
        Start and stop, ascending, not overlapping.
    min_gap : int
        In bins.
    width_share : float
    max_gap : int, optional
        No wider gap is joined. A wide segment grows as it joins, and with it what it may join: without a limit a
        whole band can become one chain.
    breaks : ndarray of int64, optional
        Bins after which the frequency axis jumps, ascending; nothing is joined across such a place.

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
    largest = np.inf if max_gap is None else max_gap
    merged: list[list[int]] = []
    for start, stop in segments.tolist():
        if merged:
            before = merged[-1]
            gap = start - before[1]
            widest = max(before[1] - before[0], stop - start)
            jumped = np.searchsorted(jumps, before[1] - 1) != np.searchsorted(jumps, start)
            if gap <= max(min_gap, min(width_share * widest, largest)) and not jumped:
                before[1] = max(before[1], stop)
                continue
        merged.append([start, stop])
    return np.array(merged, np.int64).reshape(-1, 2)


def split_at_valleys(power: NDArray[np.floating], background: NDArray[np.floating]) -> NDArray[np.int64]:
    """Split a run of bins into emitters: each a peak with what lies within 26 dB of it, and a plateau under them.

    A run of many peaks of like height (the comb of an OFDM block) stays one emitter. A plateau 20 dB or more under
    the strongest peak is its skirt (keying splatter, a receiver at its limits), not an emitter of its own.

    Parameters
    ----------
    power : ndarray, shape (n,)
        Linear power of the run with the background subtracted.
    background : ndarray, shape (n,)
        Linear background; what is below it by 10 dB is not resolved.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        Start and stop of each emitter within the run, ascending by start, at least one; a plateau overlaps the peaks
        that stand on it.

    Examples
    --------
    >>> power = np.full(60, 0.01)
    >>> power[[10, 40]] = 100, 50
    >>> split_at_valleys(power, np.ones(60))
    array([[10, 11],
           [40, 41]])
    """
    n = power.size
    whole = np.array([[0, n]], np.int64)
    if n < 3:
        return whole
    level = 10 * np.log10(np.maximum(np.maximum(power, 0.1 * background), _TINY))
    padded = np.concatenate([[level.min() - _EMISSION_DB], level, [level.min() - _EMISSION_DB]])
    peaks, depths = prominent_peaks(padded, _PROMINENCE_DB)
    if len(peaks) == 0:
        return whole
    peaks = peaks - 1
    heights = level[peaks]
    if len(peaks) >= _COMB_PEAKS and np.ptp(np.sort(heights)[len(peaks) // 4 :]) < _COMB_SPREAD_DB:
        return whole
    if len(peaks) >= _BLOCK_PEAKS and heights.max() - np.median(heights) < _BLOCK_SPREAD_DB:
        return whole
    if len(peaks) >= _FADED_PEAKS and np.median(np.diff(peaks)) <= _FADED_SPACING_BINS:
        return whole
    valleys = [int(left + level[left:right].argmin()) for left, right in itertools.pairwise(peaks)]
    bounds = list(zip([0, *valleys], [*(valley + 1 for valley in valleys), n], strict=True))
    pieces = [
        _around(level, int(peak), min(float(depth) - 3.0, _resolved_db(level, background, int(peak))), bound)
        for peak, depth, bound in zip(peaks, depths, bounds, strict=True)
    ]
    pieces = _join_combs(peaks, pieces)
    return np.array(sorted(pieces + _plateau(level, pieces)), np.int64)


def _resolved_db(level: NDArray[np.floating], background: NDArray[np.floating], peak: int) -> float:
    """How far under a peak its own emission can be told from what the background does."""
    over_db = float(level[peak] - 10 * np.log10(max(float(background[peak]), _TINY)))
    return over_db + _FAINT_DB if over_db > _CLEAR_DB else np.inf


def _around(level: NDArray[np.floating], peak: int, depth_db: float, bound: tuple[int, int]) -> tuple[int, int]:
    """Bins next to a peak that are within 26 dB, or so many dB, of it, and nearer than its neighbours."""
    inside = level >= level[peak] - min(_EMISSION_DB, depth_db)
    outside = np.flatnonzero(~inside)
    before, after = outside[outside < peak], outside[outside > peak]
    start = int(before[-1]) + 1 if before.size else 0
    stop = int(after[0]) if after.size else level.size
    return max(start, bound[0]), min(stop, bound[1])


def _join_combs(peaks: NDArray[np.int64], pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join runs of evenly spaced peaks: the subcarrier groups of one OFDM block."""
    if len(peaks) < _COMB_PEAKS:
        return pieces
    spacing = np.diff(peaks)
    even = np.abs(spacing - np.median(spacing)) <= _COMB_JITTER * np.median(spacing)
    joined: list[tuple[int, int]] = []
    for start, stop in _runs(even):  # run of spacings [start, stop) joins peaks start .. stop
        if stop - start >= _COMB_PEAKS - 1:
            joined.append((pieces[start][0], pieces[stop][1]))
    return joined + [piece for piece in pieces if not any(low <= piece[0] < high for low, high in joined)]


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _plateau(level: NDArray[np.floating], pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    left = np.ones(level.size, bool)
    for start, stop in pieces:
        left[max(0, start - 2) : stop + 2] = False
    strong = left & (scipy.ndimage.median_filter(level, 9) > level.max() - _SKIRT_DB)
    if np.count_nonzero(strong) < max(_SKIRT_BINS, level.size // 3):
        return []
    bins = np.flatnonzero(strong)
    return [(int(bins[0]), int(bins[-1]) + 1)]
