"""Some hops of a baseline: sweeping a part of its band in these, and comparing bin for bin and box for box."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.axes import same_axis
from baselines.model import Baseline
from sweep.plan import Layout

__all__ = ["baseline_of_hops", "hops_coincide", "hops_within", "in_whole_hops"]

_SAME = 1e-3  # of a hop


def baseline_of_hops(baseline: Baseline, layout: Layout) -> Baseline:
    """Cut a baseline to the hops of a sweep, where each of them is a hop of the baseline; else give it as it is.

    Parameters
    ----------
    baseline : Baseline
    layout : Layout
        Of the sweep.

    Returns
    -------
    Baseline
        Its ``layout`` has the bins of the sweep's. What holds for all of the band, such as tails, stays.
    """
    whole = baseline.layout
    hops = hops_within(whole, layout)
    if hops is None or same_axis(whole, layout):
        return baseline
    return replace(
        baseline,
        layout=replace(whole, freq_hz=_cut(whole.freq_hz, hops, whole), n_hops=hops.size),
        log_mean=_cut(baseline.log_mean, hops, whole),
        log_top=_cut(baseline.log_top, hops, whole),
        within_variance=_cut(baseline.within_variance, hops, whole),
        excess_variance={scale: _cut(values, hops, whole) for scale, values in baseline.excess_variance.items()},
        between_variance={scale: _cut(values, hops, whole) for scale, values in baseline.between_variance.items()},
        restless=_cut(baseline.restless, hops, whole),
        floor_dbfs=_cut(baseline.floor_dbfs, hops, whole),
        log_mask=None if baseline.log_mask is None else _cut(baseline.log_mask, hops, whole),
        burst_limits={name: _cut(values, hops, whole) for name, values in baseline.burst_limits.items()},
    )


def hops_within(whole: Layout, layout: Layout) -> NDArray[np.intp] | None:
    """Which hops of a layout the hops of another are, shape (layout.n_hops,); None unless all of them are.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> whole, part = (plan_hops((span,)).layout() for span in ((24_000_000, 60_000_000), (25_920_000, 29_000_000)))
    >>> hops_within(whole, part)
    array([1, 2])
    """
    if whole.hop_bins != layout.hop_bins:
        return None
    firsts, wanted = (one.freq_hz[:: one.hop_bins] for one in (whole, layout))
    hops = np.searchsorted(firsts, wanted - layout.bin_width_hz / 2)
    if (hops >= whole.n_hops).any() or not np.array_equal(_cut(whole.freq_hz, hops, whole), layout.freq_hz):
        return None
    return hops


def hops_coincide(one: Layout, other: Layout) -> bool:
    """Whether hops lie alike wherever both sweeps have some: each bin then lies in the same place of the passband.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> whole, part = (plan_hops((span,)).layout() for span in ((24_000_000, 60_000_000), (25_920_000, 70_000_000)))
    >>> hops_coincide(whole, part)
    True
    """
    if one.hop_bins != other.hop_bins:
        return False
    starts, others = one.freq_hz[:: one.hop_bins], other.freq_hz[:: other.hop_bins]
    alike = np.abs(others[None, :] - starts[:, None]) < one.bin_width_hz / 2
    near = np.abs(others[None, :] - starts[:, None]) < one.hop_bins * one.bin_width_hz * (1 - _SAME)
    return bool((alike | ~near).all())


def in_whole_hops(ranges_hz: tuple[tuple[int, int], ...], layout: Layout) -> tuple[tuple[int, int], ...]:
    """Widen ranges to whole hops of a baseline: each bin then lies where it lay in the passband.

    Elsewhere in the passband the level of a bin is another one, by the ripple of the receiver's filters.

    Parameters
    ----------
    ranges_hz : tuple of (start, stop)
        In Hz. One that reaches above the baseline is tiled on from there; one that begins below it, or in which it has
        a hole, stays as it is.
    layout : Layout
        Of the baseline.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> in_whole_hops(((430_000_000, 433_000_000),), plan_hops(((24_000_000, 500_000_000),)).layout())
    ((429120000, 434877500),)
    """
    return tuple(_in_whole_hops(span, layout) for span in ranges_hz)


def _in_whole_hops(span: tuple[int, int], layout: Layout) -> tuple[int, int]:
    start, stop = span
    width, hop_hz = layout.bin_width_hz, layout.hop_bins * layout.bin_width_hz
    firsts = layout.freq_hz[:: layout.hop_bins]
    met = firsts[(firsts <= stop) & (firsts + hop_hz - width >= start)]
    if met.size == 0 or start < met[0] - width or (np.diff(met) > hop_hz + width / 2).any():
        return span
    return round(met[0]), max(stop, round(met[-1] + hop_hz - width))


def _cut(values: NDArray[Any], hops: NDArray[np.intp], whole: Layout) -> NDArray[Any]:
    return values.reshape(whole.n_hops, -1)[hops].ravel()
