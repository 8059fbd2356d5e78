"""How far a visit rose over a baseline, bin by bin and in boxes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import Aligned
from baselines.boxes import BoxesAbout, BoxSums
from baselines.fitting import box_weights
from baselines.model import Baseline
from baselines.wide import WideRuns
from dsp.running import running_maximum
from sweep.plan import Layout

__all__ = ["Rise", "box_means", "contrast_of", "whole_rise"]

_STEEP_NEPERS = 0.35
_DC_SKIRT_HZ = 25_000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rise:
    """Rise of the groups of a visit over a baseline, with the running sums that every scale is judged by.

    Attributes
    ----------
    groups : ndarray of float32, shape (G, n_bins)
        In nats; NaN where it says nothing.
    top : ndarray of float32, shape (n_bins,)
        How far the strongest sweep of the baseline rose.
    weight : ndarray of float64, shape (n_bins,)
        Of each bin in a box; 0 where nothing is known.
    per_group : ndarray of float64, shape (n_bins,)
        One over the number of groups that say something.
    weights, rises : BoxSums
        Of the weight, and of the weighted mean over the groups.
    noises, known_variances : BoxSums
        Of the squared weight times the variance of that mean: for each unit of the variance of a noise bin in a
        group, and what the baseline adds to it.
    """

    groups: NDArray[np.float32]
    top: NDArray[np.float32]
    weight: NDArray[np.float64]
    per_group: NDArray[np.float64]
    weights: BoxSums
    rises: BoxSums
    noises: BoxSums
    known_variances: BoxSums

    @classmethod
    def of(cls, baseline: Baseline, groups: NDArray[np.float32]) -> Rise:
        """Weigh a rise by a baseline."""
        n_known = np.zeros(groups.shape[1])
        for group in groups:
            n_known += np.isfinite(group)
        per_group = 1 / np.maximum(n_known, 1)
        weight = np.where((n_known > 0) & np.isfinite(baseline.log_mean), box_weights(baseline), 0.0)
        within = np.nan_to_num(baseline.within_variance)
        process = np.maximum(within - baseline.sweep_variance, 0.0)
        return cls(
            groups=groups,
            top=_top_rise(baseline),
            weight=weight,
            per_group=per_group,
            weights=BoxSums.of(weight),
            rises=_weighted(weight * per_group, groups),
            noises=BoxSums.of(weight**2 * per_group),
            known_variances=BoxSums.of(weight**2 * (process * per_group + within / baseline.n_sweeps)),
        )

    def with_groups(self, groups: NDArray[np.float32]) -> Rise:
        """Another rise, that is known in the same groups and bins."""
        return replace(self, groups=groups, rises=_weighted(self.weight * self.per_group, groups))


def _weighted(weight: NDArray[np.float64], groups: NDArray[np.float32]) -> BoxSums:
    total = np.zeros(weight.size)
    for group in groups:
        total += np.where(np.isfinite(group), group, np.float32(0))
    return BoxSums.of(weight * total)


def contrast_of(baseline: Baseline, aligned: Aligned) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Contrast of each group over the baseline in nats, shape (G, n_bins), and the rise itself at the wide bins.

    A wide emitter rises and falls as a whole, a device on top of it does not: narrow boxes look at the contrast.
    Elsewhere that is the rise.
    """
    contrast = aligned.log_mean - _reference(baseline)
    contrast -= _unmoved_by_gain(baseline.layout, aligned.gain)
    wide = aligned.zones.wide
    risen = contrast[:, wide.bins]
    for group, rise in zip(contrast, risen, strict=True):
        group[wide.bins] = rise - wide.median(rise)
    return contrast, risen


def whole_rise(contrast: NDArray[np.float32], risen: NDArray[np.float32], wide: WideRuns) -> NDArray[np.float32]:
    """Rise of each group, shape (G, n_bins), from what `contrast_of` gives."""
    rise = contrast.copy()
    rise[:, wide.bins] = risen
    return rise


def box_means(
    rise: Rise, bins: NDArray[np.int64], scale: int, under: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """Weighted mean of each group over the boxes about some bins.

    Parameters
    ----------
    rise : Rise
    bins : ndarray of int64, shape (n,)
        Ascending.
    scale : int
    under : ndarray of float32, shape (n_bins,), optional
        Subtracted from the rise first.

    Returns
    -------
    ndarray of float64, shape (G, n)
    """
    boxes = BoxesAbout.of(bins, scale, rise.weight.size)
    weight, groups = rise.weight[boxes.covered], rise.groups[:, boxes.covered]
    if under is not None:
        groups = groups - under[boxes.covered]
    total = np.maximum(boxes.sums(weight), 1e-30)
    return np.array([boxes.sums(weight * np.nan_to_num(group)) / total for group in groups])


def _top_rise(baseline: Baseline) -> NDArray[np.float32]:
    """How far the strongest sweep of the baseline rose over its mean, in nats, shape (n_bins,)."""
    top = running_maximum(np.nan_to_num(baseline.log_top, nan=-80.0), 1)
    return np.asarray(np.maximum(top - _reference(baseline), 0.0), np.float32)


def _reference(baseline: Baseline) -> NDArray[np.float32]:
    """The baseline, with the local maximum over a bin each side where it is steep: frequency errors live there."""
    filled = np.nan_to_num(baseline.log_mean, nan=-80.0)
    slope = np.abs(np.gradient(filled))
    steep = running_maximum(slope > _STEEP_NEPERS, 1)
    return np.where(steep, running_maximum(filled, 1), baseline.log_mean).astype(np.float32)


def _unmoved_by_gain(layout: Layout, gain: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the skirt of the receiver's own DC seems to rise, shape (n_bins,): it stays as the gain goes down."""
    position = np.arange(layout.n_bins) % layout.hop_bins - layout.hop_bins // 2
    skirt = np.abs(position) * layout.bin_width_hz <= _DC_SKIRT_HZ
    return np.where(skirt & (layout.n_averages is not None), np.maximum(-gain, 0), np.float32(0)).astype(np.float32)
