"""A baseline of some of its hops: what was swept is compared with that, bin for bin and box for box."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.axes import same_axis
from baselines.model import Baseline
from sweep.plan import Layout

__all__ = ["baseline_of_hops", "hops_coincide"]

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
    if same_axis(whole, layout) or whole.hop_bins != layout.hop_bins:
        return baseline
    firsts = whole.freq_hz[:: whole.hop_bins]
    wanted = layout.freq_hz[:: layout.hop_bins]
    hops = np.searchsorted(firsts, wanted - layout.bin_width_hz / 2)
    if (hops >= whole.n_hops).any():
        return baseline
    part = replace(whole, freq_hz=_cut(whole.freq_hz, hops, whole), n_hops=hops.size)
    if not same_axis(part, layout):
        return baseline
    return replace(
        baseline,
        layout=part,
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


def hops_coincide(one: Layout, other: Layout) -> bool:
    """Whether hops lie alike wherever both sweeps have some: each bin then lies in the same place of the passband.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> whole, part = (plan_hops((span,)).layout() for span in ((24_000_000, 600_000_000), (433_000_000, 700_000_000)))
    >>> hops_coincide(whole, part)
    True
    """
    if one.hop_bins != other.hop_bins:
        return False
    starts, others = one.freq_hz[:: one.hop_bins], other.freq_hz[:: other.hop_bins]
    alike = np.abs(others[None, :] - starts[:, None]) < one.bin_width_hz / 2
    near = np.abs(others[None, :] - starts[:, None]) < one.hop_bins * one.bin_width_hz * (1 - _SAME)
    return bool((alike | ~near).all())


def _cut(values: NDArray[Any], hops: NDArray[np.intp], whole: Layout) -> NDArray[Any]:
    return values.reshape(whole.n_hops, -1)[hops].ravel()
