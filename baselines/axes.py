"""Putting spectra of one frequency axis onto another, explicitly, and saying so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.emitters import Emitter
from baselines.summary import VisitSummary
from dsp.errors import ParameterError
from sweep.model import FILL
from sweep.plan import Layout
from sweep.units import format_hz

__all__ = ["curve_onto", "displaced", "emitter_onto", "onto", "same_axis", "shared_bins", "union_axis"]

_SAME_WIDTH, _SAME_PLACE = 1e-3, 0.02


def same_axis(first: Layout, second: Layout) -> bool:
    """Whether two layouts have the same bins in the same hops."""
    return first is second or (
        first.n_bins == second.n_bins
        and first.hop_bins == second.hop_bins
        and bool(np.array_equal(first.freq_hz, second.freq_hz))
    )


def union_axis(layouts: list[Layout]) -> Layout:
    """An axis that holds the bins of all layouts.

    Raises
    ------
    ParameterError
        The bin widths differ.
    """
    first = layouts[0]
    if all(same_axis(first, other) for other in layouts):
        return first
    width = first.bin_width_hz
    for other in layouts:
        if abs(other.bin_width_hz / width - 1) > _SAME_WIDTH:
            raise ParameterError(
                f"bin widths {format_hz(width)} and {format_hz(other.bin_width_hz)} cannot be learnt into one "
                "baseline; give sweeps of one plan"
            )
    freq_hz = np.unique(np.round(np.concatenate([other.freq_hz for other in layouts]), 3))
    keep = np.concatenate([[True], np.diff(freq_hz) > 0.5 * width])
    freq_hz = freq_hz[keep]
    return Layout(
        freq_hz=freq_hz,
        bin_width_hz=width,
        n_hops=1,
        hop_bins=freq_hz.size,
        enbw_bins=first.enbw_bins,
        n_averages=first.n_averages if all(other.n_averages == first.n_averages for other in layouts) else None,
        notes=(f"union of {len(layouts)} frequency axes",),
    )


def onto(summary: VisitSummary, target: Layout) -> tuple[VisitSummary, tuple[str, ...]]:
    """Put a visit onto another axis.

    Bins that coincide are taken over. Narrower bins are averaged in power into the wider ones that they fill.

    Returns
    -------
    VisitSummary, tuple of str
        The visit on the target's axis, NaN where it has nothing, and what was done.

    Raises
    ------
    ParameterError
        The visit's bins are wider than the target's, or nothing overlaps.
    """
    source = summary.layout
    if same_axis(source, target):
        return summary, ()
    if target.bin_width_hz / source.bin_width_hz < 1 - _SAME_WIDTH:
        raise ParameterError(
            f"bins of {format_hz(source.bin_width_hz)} are wider than the baseline's {format_hz(target.bin_width_hz)}; "
            "sweep again on the baseline's plan, or learn a baseline from sweeps like this one"
        )
    shared = shared_bins(source, target)
    if not shared.any():
        raise _no_overlap(source, target)
    return _matched(summary, target, shared) if _alike(source, target) else _averaged(summary, target, shared)


def curve_onto(values: NDArray[np.floating], source: Layout, target: Layout) -> NDArray[np.float32]:
    """Put a curve onto another axis by its nearest bins, for figures.

    Parameters
    ----------
    values : ndarray, shape (source.n_bins,)
    source, target : Layout

    Returns
    -------
    ndarray of float32, shape (target.n_bins,)
        NaN beyond half a bin of the source.
    """
    if same_axis(source, target):
        return values.astype(np.float32)
    nearest = _nearest(source, target)
    near = np.abs(source.freq_hz[nearest] - target.freq_hz) <= 0.5 * source.bin_width_hz
    return np.where(near, values[nearest], np.nan).astype(np.float32)


def emitter_onto(emitter: Emitter, source: Layout, target: Layout) -> Emitter:
    """Give an emitter the bins that it has on another axis, with its powers scaled to as many bins."""
    if same_axis(source, target):
        return emitter
    low = source.freq_hz[emitter.start] - source.bin_width_hz / 2
    high = source.freq_hz[emitter.stop - 1] + source.bin_width_hz / 2
    first, last = np.searchsorted(target.freq_hz, [low, high]).tolist()
    start = min(first, target.n_bins - 1)
    stop = max(last, start + 1)
    scale = (stop - start) / target.enbw_bins / ((emitter.stop - emitter.start) / source.enbw_bins)
    return replace(
        emitter,
        start=start,
        stop=stop,
        mean_power=emitter.mean_power * scale,
        background_power=emitter.background_power * scale,
        floor_power=emitter.floor_power * scale,
        peak_power=None if emitter.peak_power is None else emitter.peak_power * scale,
    )


def displaced(emitter: Emitter, layout: Layout, ppm: float) -> Emitter:
    """An emitter where the visit itself heard it, whose frequencies were so far off the baseline's.

    Parameters
    ----------
    emitter : Emitter
        On the frequencies of the baseline.
    layout : Layout
    ppm : float
        Frequency error that was taken out of the visit.
    """
    offset = round(ppm * 1e-6 * emitter.center_freq_hz / layout.bin_width_hz)
    if not ppm:
        return emitter
    start = min(max(emitter.start + offset, 0), layout.n_bins - 1)
    stop = min(max(emitter.stop + offset, start + 1), layout.n_bins)
    return replace(emitter, start=start, stop=stop, center_freq_hz=emitter.center_freq_hz * (1 + ppm * 1e-6))


def shared_bins(source: Layout, target: Layout) -> NDArray[np.bool_]:
    """Bins of the target that a visit on the source's axis can fill, shape (target.n_bins,)."""
    if _alike(source, target):
        away_hz = np.abs(source.freq_hz[_nearest(source, target)] - target.freq_hz)
        return np.asarray(away_hz <= 0.5 * source.bin_width_hz)
    first, last = _within(source, target)
    return np.asarray(last - first >= max(1, int(0.9 * target.bin_width_hz / source.bin_width_hz)))


def _alike(source: Layout, target: Layout) -> bool:
    return abs(target.bin_width_hz / source.bin_width_hz - 1) <= _SAME_WIDTH


def _within(source: Layout, target: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First bin of the source whose centre is in each of the target's bins, and the one after the last."""
    half_hz = target.bin_width_hz / 2
    first, last = (np.searchsorted(source.freq_hz, target.freq_hz + edge_hz) for edge_hz in (-half_hz, half_hz))
    return first.astype(np.int64), last.astype(np.int64)


def _nearest(source: Layout, target: Layout) -> NDArray[np.int64]:
    """Index of the source's bin nearest to each of the target's."""
    above = np.clip(np.searchsorted(source.freq_hz, target.freq_hz), min(1, source.n_bins - 1), source.n_bins - 1)
    below = np.maximum(above - 1, 0)
    is_below = target.freq_hz - source.freq_hz[below] < source.freq_hz[above] - target.freq_hz
    return np.where(is_below, below, above).astype(np.int64)


def _matched(summary: VisitSummary, target: Layout, shared: NDArray[np.bool_]) -> tuple[VisitSummary, tuple[str, ...]]:
    source = summary.layout
    nearest = _nearest(source, target)
    away = np.abs(source.freq_hz[nearest] - target.freq_hz) / source.bin_width_hz
    notes = [f"{np.count_nonzero(shared)} of {target.n_bins} baseline bins are in this sweep"]
    if away[shared].max() > _SAME_PLACE:
        notes.append(f"bins were matched to the nearest, up to {away[shared].max():.2f} of a bin away")

    def take(stored: NDArray[np.int16] | None) -> NDArray[np.int16] | None:
        return None if stored is None else np.where(shared, stored[..., nearest], np.int16(FILL))

    mean = np.where(shared, summary.mean[..., nearest], np.float32(np.nan))
    return _rebuilt(summary, target, mean, take(summary.max_hold), take(summary.burst_1)), tuple(notes)


def _averaged(summary: VisitSummary, target: Layout, shared: NDArray[np.bool_]) -> tuple[VisitSummary, tuple[str, ...]]:
    source = summary.layout
    first, last = _within(source, target)
    known = np.isfinite(summary.mean)
    total = _cumulative(np.where(known, summary.mean, 0.0))
    n_known = _cumulative(known)
    whole = shared & (n_known[:, last] - n_known[:, first] == last - first)
    mean = np.where(whole, (total[:, last] - total[:, first]) / np.maximum(last - first, 1), np.nan)
    note = (
        f"bins of {format_hz(source.bin_width_hz)} were averaged in power into the baseline's of "
        f"{format_hz(target.bin_width_hz)}; "
        f"{np.count_nonzero(shared)} of {target.n_bins} are covered"
    )
    return _rebuilt(summary, target, mean.astype(np.float32), None, None), (note,)


def _cumulative(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)


def _rebuilt(
    summary: VisitSummary,
    target: Layout,
    mean: NDArray[np.float32],
    max_hold: NDArray[np.int16] | None,
    burst_1: NDArray[np.int16] | None,
) -> VisitSummary:
    has_all = np.isfinite(mean).reshape(len(mean), target.n_hops, -1).any(axis=(0, 2))
    return VisitSummary(
        layout=target,
        passes=summary.passes,
        mean=mean,
        max_hold=max_hold,
        burst_1=burst_1,
        bursts={},
        kurtosis_db=None,
        fluctuation_db=np.repeat(summary.fluctuation_db.max(axis=1)[:, None], target.n_hops, axis=1),
        measured=np.asarray(has_all, np.float64),
        overloaded=np.full(target.n_hops, float(summary.overloaded.max())),
        n_lossy=summary.n_lossy,
        n_unlocked=summary.n_unlocked,
        n_deaf=summary.n_deaf,
        level_drift_db=summary.level_drift_db,
        n_rows=summary.n_rows,
        start_utc_ns=summary.start_utc_ns,
        stop_utc_ns=summary.stop_utc_ns,
        pass_variance=summary.pass_variance,
    )


def _no_overlap(source: Layout, target: Layout) -> ParameterError:
    return ParameterError(
        f"the sweep covers {source.freq_hz[0] / 1e6:g} to {source.freq_hz[-1] / 1e6:g} MHz and the baseline "
        f"{target.freq_hz[0] / 1e6:g} to {target.freq_hz[-1] / 1e6:g} MHz: nothing to compare; choose another baseline"
    )
