"""A visit against a baseline: the continuous, burst and mask channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.aligned import Aligned, running_median
from baselines.candidates import Scores, burst_scores
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.statistics import burst_p_value, known_median, normal_p_value, robust_mean
from sweep.plan import Layout

__all__ = ["channel_scores", "continuous_z", "mask_excess"]

_NARROW_SCALES, _WIDE_SCALES = (1, 4, 16), (64, 256, 896)
_STEEP_NEPERS = 0.35
_SKIRT_BINS = 4
_DC_SKIRT_HZ = 25_000.0
_QUIET_THRESHOLD, _BUSY_THRESHOLD, _LOW_SIGMAS = 6.5, 7.0, 3.0
_SMALLEST_RISE_NEPERS = 0.12  # about half a dB; less is not claimed whatever the statistics say
_SINGLE_VISIT_FACTOR = 1.5


def channel_scores(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, false_alarms_per_sweep: float
) -> list[Scores]:
    """Run the three channels.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
        On the baseline's axis.
    aligned : Aligned
        Of this summary.
    false_alarms_per_sweep : float
        Shared out over all bins, scales and channels.
    """
    n_tests = baseline.layout.n_bins * (len(_NARROW_SCALES) + len(summary.bursts) + 2)
    p_threshold = false_alarms_per_sweep / n_tests
    channels = [_continuous(baseline, summary, aligned, scale, p_threshold) for scale in _NARROW_SCALES]
    known = np.isfinite(baseline.log_mean)
    channels += [_within(scores, known) for scores in burst_scores(summary, p_threshold, limits=baseline.burst_limits)]
    mask = _mask(baseline, summary, aligned, p_threshold)
    channels += [] if mask is None else [mask]
    # What a narrow box or a burst explains, with its skirts, must not carry a wide box: many hops are no wide emitter.
    explained = np.any([scores.high for scores in channels], axis=0)
    explained = scipy.ndimage.maximum_filter1d(explained, 2 * _SKIRT_BINS + 1)
    wide = [scale for scale in _WIDE_SCALES if scale <= baseline.layout.hop_bins]
    return channels + [_continuous(baseline, summary, aligned, scale, p_threshold, without=explained) for scale in wide]


def continuous_z(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    scale: int,
    *,
    without: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score of a rise over the baseline in boxes of some bins: robust mean over the groups, and their median.

    Bins are weighted by their inverse variance; a group in which a bin was not measured says nothing of it. The
    variance between visits does not average out over a box. Inside a wide emitter narrow boxes are judged by their
    contrast to it: such an emitter rises and falls as a whole, a device on top of it does not.
    """
    rise = aligned.log_mean - _reference(baseline) - _unmoved_by_gain(baseline.layout, aligned.gain)
    between = baseline.between_variance.astype(np.float64)
    busy, wide = aligned.zones.busy, aligned.zones.wide
    if baseline.n_visits == 1:  # it has not seen two visits; how this one's known emitters scatter is all there is
        between = np.where(busy, (_SINGLE_VISIT_FACTOR * aligned.busy_scatter) ** 2 / 2, between)
    if scale in _NARROW_SCALES and wide.any():
        common = np.array([running_median(group, wide) for group in rise])
        rise = np.where(wide, rise - common, rise)
        between = np.where(wide, baseline.contrast_variance, between)
    correlated = between * (1 + 1 / baseline.n_visits) + np.where(busy, 0.0, aligned.scatter**2)
    process = np.maximum(baseline.within_variance - baseline.sweep_variance, 0.0)
    single = process + summary.group_variance
    n_known = np.count_nonzero(np.isfinite(rise), axis=0)
    independent = single / np.maximum(n_known, 1) + baseline.within_variance / baseline.n_sweeps
    usable = (n_known > 0) & np.isfinite(independent)
    if without is not None:
        usable &= ~without
    weight = np.where(usable, 1.0 / (independent + correlated), 0.0)
    variance = _box(weight**2 * independent, scale) / scale + (_box(weight * np.sqrt(correlated), scale)) ** 2
    enough = _box(usable, scale) * scale > 0.5
    total = np.where(enough, _box(weight, scale), 1.0)
    inflation = np.where(aligned.zones.near, baseline.inflation, baseline.quiet_inflation)
    sigma = np.sqrt(np.maximum(variance, 0.0)) / total * _box(weight * inflation, scale) / total
    sigma = np.where(enough & (sigma > 0), sigma, np.inf)
    boxed = np.array([_weighted_box(group, weight, scale) for group in rise])
    claimed, median = np.nan_to_num(robust_mean(boxed)), np.nan_to_num(known_median(boxed))
    claimed = np.where(claimed > _SMALLEST_RISE_NEPERS, claimed, np.minimum(claimed, 0.0))
    return claimed / sigma, median / sigma


def mask_excess(baseline: Baseline, aligned: Aligned) -> NDArray[np.float64] | None:
    """How far, in nats, each group's largest frame reaches above the baseline's mask; shape (G, n_bins)."""
    if baseline.log_mask is None or aligned.log_max is None:
        return None
    filled = np.where(np.isfinite(baseline.log_mask), baseline.log_mask, np.float32(-np.inf))
    mask = scipy.ndimage.maximum_filter1d(filled, 5)
    with np.errstate(invalid="ignore"):
        excess = aligned.log_max.astype(np.float64) - mask
    return np.where(np.isfinite(excess), excess, -np.inf)


def _continuous(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    scale: int,
    p_threshold: float,
    *,
    without: NDArray[np.bool_] | None = None,
) -> Scores:
    z, median = continuous_z(baseline, summary, aligned, scale, without=without)
    threshold = np.where(aligned.zones.busy, _BUSY_THRESHOLD, _QUIET_THRESHOLD)
    p_value = normal_p_value(z)
    high = (z > threshold) & (p_value < p_threshold)
    return Scores(
        channel="continuous", high=high, low=z > _LOW_SIGMAS, confirmed=high & (median > threshold), p_value=p_value
    )


def _mask(baseline: Baseline, summary: VisitSummary, aligned: Aligned, p_threshold: float) -> Scores | None:
    excess = mask_excess(baseline, aligned)
    if excess is None or aligned.log_max is None:
        return None
    frames = float(summary.layout.n_averages or 1) * summary.passes.astype(np.float64)
    over_mean = np.exp(np.clip(np.nan_to_num(aligned.log_max - baseline.log_mean, nan=0.0), -20, 60))
    p_group = burst_p_value("burst_1", over_mean.astype(np.float32), frames[:, None])
    # The largest of few sweeps says little about the largest of one more where an emitter comes and goes.
    margin = np.where(aligned.zones.busy, baseline.mask_margin * (1 + 3 / baseline.n_sweeps), baseline.mask_margin)
    passed = (excess > margin) & (p_group < p_threshold / len(p_group))
    n_passed = np.count_nonzero(passed, axis=0)
    p_value = np.minimum(1.0, p_group.min(axis=0) * len(p_group))
    return Scores(channel="mask", high=n_passed >= 1, low=n_passed >= 1, confirmed=n_passed >= 2, p_value=p_value)


def _within(scores: Scores, known: NDArray[np.bool_]) -> Scores:
    """A channel, only where the baseline knows the bins."""
    return Scores(
        channel=scores.channel,
        high=scores.high & known,
        low=scores.low & known,
        confirmed=scores.confirmed & known,
        p_value=scores.p_value,
    )


def _reference(baseline: Baseline) -> NDArray[np.float32]:
    """The baseline, with the local maximum over two bins each side where it is steep: frequency errors live there."""
    filled = np.nan_to_num(baseline.log_mean, nan=-80.0)
    slope = np.abs(np.gradient(filled))
    steep = scipy.ndimage.maximum_filter1d(slope, 3) > _STEEP_NEPERS
    return np.where(steep, scipy.ndimage.maximum_filter1d(filled, 5), baseline.log_mean).astype(np.float32)


def _unmoved_by_gain(layout: Layout, gain: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the skirt of the receiver's own DC seems to rise, shape (n_bins,): it stays as the gain goes down."""
    position = np.arange(layout.n_bins) % layout.hop_bins - layout.hop_bins // 2
    skirt = np.abs(position) * layout.bin_width_hz <= _DC_SKIRT_HZ
    return np.where(skirt & (layout.n_averages is not None), np.maximum(-gain, 0), np.float32(0)).astype(np.float32)


def _box(values: NDArray[Any], scale: int) -> NDArray[np.float64]:
    boxed: NDArray[np.float64] = scipy.ndimage.uniform_filter1d(np.asarray(values, np.float64), scale, mode="constant")
    return boxed


def _weighted_box(rise: NDArray[np.floating], weight: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Weighted mean of the known bins of each box; NaN where a box holds none."""
    used = np.isfinite(rise) & (weight > 0)
    enough = _box(used, scale) * scale > 0.5
    total = np.where(enough, _box(weight * used, scale), 1.0)
    return np.where(enough, _box(weight * np.where(used, rise, 0.0), scale) / total, np.nan)
