"""Putting spectra of one frequency axis onto another, explicitly, and saying so."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from baselines.summary import VisitSummary
from dsp.errors import ParameterError
from sweep.plan import Layout

__all__ = ["onto", "same_axis", "union_axis"]

_SAME_WIDTH, _SAME_PLACE = 1e-3, 0.02


def same_axis(first: Layout, second: Layout) -> bool:
    """Whether two layouts have the same bins in the same hops."""
    return (
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
                f"bin widths {width:g} Hz and {other.bin_width_hz:g} Hz cannot be learnt into one baseline; "
                "give sweeps of one plan"
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
    ratio = target.bin_width_hz / source.bin_width_hz
    if ratio < 1 - _SAME_WIDTH:
        raise ParameterError(
            f"bins of {source.bin_width_hz:g} Hz are wider than the baseline's {target.bin_width_hz:g} Hz; "
            "sweep again on the baseline's plan, or learn a baseline from sweeps like this one"
        )
    if ratio <= 1 + _SAME_WIDTH:
        return _matched(summary, target)
    return _averaged(summary, target, ratio)


def _matched(summary: VisitSummary, target: Layout) -> tuple[VisitSummary, tuple[str, ...]]:
    source = summary.layout
    nearest = np.clip(np.searchsorted(source.freq_hz, target.freq_hz), 1, source.n_bins - 1)
    nearest -= target.freq_hz - source.freq_hz[nearest - 1] < source.freq_hz[nearest] - target.freq_hz
    away = np.abs(source.freq_hz[nearest] - target.freq_hz) / source.bin_width_hz
    shared = away <= 0.5
    if not shared.any():
        raise _no_overlap(source, target)
    notes = [f"{np.count_nonzero(shared)} of {target.n_bins} baseline bins are in this sweep"]
    if away[shared].max() > _SAME_PLACE:
        notes.append(f"bins were matched to the nearest, up to {away[shared].max():.2f} of a bin away")

    def take(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        if values is None:
            return None
        return np.where(shared, values[..., nearest], np.float32(np.nan)).astype(np.float32)

    mean = take(summary.mean)
    assert mean is not None
    return _rebuilt(summary, target, mean, take(summary.max_hold), take(summary.burst_1)), tuple(notes)


def _averaged(summary: VisitSummary, target: Layout, ratio: float) -> tuple[VisitSummary, tuple[str, ...]]:
    source = summary.layout
    edges = np.stack([target.freq_hz - target.bin_width_hz / 2, target.freq_hz + target.bin_width_hz / 2])
    first, last = np.searchsorted(source.freq_hz, edges[0]), np.searchsorted(source.freq_hz, edges[1])
    enough = last - first >= max(1, int(0.9 * ratio))
    if not enough.any():
        raise _no_overlap(source, target)
    total = np.concatenate(
        [np.zeros((summary.n_groups, 1)), np.cumsum(np.nan_to_num(summary.mean), axis=1, dtype=np.float64)], axis=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.where(enough, (total[:, last] - total[:, first]) / (last - first), np.nan)
    note = (
        f"bins of {source.bin_width_hz:g} Hz were averaged in power into the baseline's of {target.bin_width_hz:g} Hz; "
        f"{np.count_nonzero(enough)} of {target.n_bins} are covered"
    )
    return _rebuilt(summary, target, mean.astype(np.float32), None, None), (note,)


def _rebuilt(
    summary: VisitSummary,
    target: Layout,
    mean: NDArray[np.float32],
    max_hold: NDArray[np.float32] | None,
    burst_1: NDArray[np.float32] | None,
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
