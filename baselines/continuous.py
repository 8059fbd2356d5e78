"""The continuous channel: how far a visit rose over a baseline, in boxes of every scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.stats
from numpy.typing import NDArray

from baselines.aligned import Aligned, Zones, running_median
from baselines.boxes import NARROW_SCALES, BoxSums, box_correlation
from baselines.candidates import Scores
from baselines.fitting import PRIOR_SWEEPS, PRIOR_VISITS, box_weights
from baselines.mask import FEW_SWEEPS, beyond, persistent_excess
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.statistics import known_median, robust_mean
from sweep.plan import Layout

__all__ = [
    "ScaleScores",
    "box_means",
    "continuous_channel",
    "contrast_rise",
    "expected_number",
    "scale_scores",
    "top_rise",
]

_STEEP_NEPERS = 0.35
_DC_SKIRT_HZ = 25_000.0
_WORTH_A_LOOK_SIGMAS, _LOW_SIGMAS = 4.0, 3.0
_PERSISTENT_SHARE = 0.6  # of the mean rise, that must be left without the strongest sweep
_SMALLEST_RISE_NEPERS = 0.05  # 0.2 dB; less is not claimed whatever the statistics say
_SINGLE_VISIT_FACTOR = 1.5
_QUIET_FREEDOM = 3.0  # of each visit but the first: neighbouring hops are not alike by chance alone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleScores:
    """Rise of a visit over the baseline in boxes of one scale.

    Attributes
    ----------
    scale : int
    score : ndarray of float64, shape (n_bins,)
        Rise over its standard deviation.
    share : ndarray of float64, shape (n_bins,)
        Of the variance, that of sweeps within a visit.
    sigma : ndarray of float64, shape (n_bins,)
        In nats.
    """

    scale: int
    score: NDArray[np.float64]
    share: NDArray[np.float64]
    sigma: NDArray[np.float64]


def scale_scores(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, rise: NDArray[np.floating], scale: int
) -> ScaleScores:
    """Score the mean rise of all groups in boxes of some bins.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
    aligned : Aligned
    rise : ndarray, shape (G, n_bins)
        ln of the visit over the baseline; NaN where it says nothing.
    scale : int
        One of the baseline's.

    Notes
    -----
    Moderated t (Smyth 2004): the variance between visits, of the box as a whole, and that of the sweeps within a
    visit, which averages out over bins and sweeps, are estimated apart; their degrees of freedom are put together by
    Satterthwaite's formula. Where a baseline knows only noise both are known from many bins alike.
    """
    n_known = np.count_nonzero(np.isfinite(rise), axis=0)
    weight = np.where((n_known > 0) & np.isfinite(baseline.log_mean), box_weights(baseline), 0.0)
    total = np.maximum(BoxSums.of(weight).over(scale), 1e-30)
    mean = np.nan_to_num(rise).sum(axis=0) / np.maximum(n_known, 1)
    claimed = BoxSums.of(weight * mean).over(scale) / total
    process = np.maximum(np.nan_to_num(baseline.within_variance) - baseline.sweep_variance, 0.0)
    of_visit = (process + summary.group_variance) / np.maximum(n_known, 1)
    of_baseline = np.nan_to_num(baseline.within_variance) / baseline.n_sweeps
    within = BoxSums.of(weight**2 * (of_visit + of_baseline)).over(scale) / total**2 * box_correlation(scale)
    within += baseline.excess_variance[scale] * (1 / np.maximum(n_known, 1) + 1 / baseline.n_sweeps)
    between = _between(baseline, aligned, scale)
    sigma = np.sqrt(within + between)
    usable = total > 1e-20 * weight.max(initial=1e-30)
    score = np.where(usable & (claimed > _SMALLEST_RISE_NEPERS), claimed, np.minimum(claimed, 0.0)) / sigma
    return ScaleScores(scale=scale, score=score, share=within / (within + between), sigma=sigma)


def expected_number(
    baseline: Baseline, zones: Zones, scores: ScaleScores, bins: NDArray[np.int64], inflation: float = 1.0
) -> NDArray[np.float64]:
    """Boxes at least as high as those of some bins that a visit without a device shows at this scale.

    Parameters
    ----------
    baseline : Baseline
    zones : Zones
        Of the baseline.
    scores : ScaleScores
    bins : ndarray of int64
    inflation : float
        By which scores among the room's emitters exceed their theory.

    Returns
    -------
    ndarray of float64, shape of ``bins``
    """
    known, share = zones.known[bins], scores.share[bins]
    score = scores.score[bins] / np.where(known, inflation, 1.0)
    # Of noise alone the variance is known, and that between visits is that of many hops.
    n_visits = baseline.n_visits
    of_sweeps = np.where(known, PRIOR_SWEEPS + baseline.n_sweeps - n_visits, np.inf)
    of_visits = np.where(known, PRIOR_VISITS + n_visits - 1, _QUIET_FREEDOM * max(1, n_visits - 1))
    freedom = 1 / np.maximum(share**2 / of_sweeps + (1 - share) ** 2 / of_visits, 1e-6)
    # Bins of one emitter rise and fall together from visit to visit; noise is new in every bin.
    alone = np.where(known, float(zones.n_known), float(scores.score.size))
    together = np.where(known, float(zones.n_clusters), scores.score.size / scores.scale)
    return np.asarray(scipy.stats.t.sf(score, freedom) * (alone * share + together * (1 - share)), np.float64)


def contrast_rise(baseline: Baseline, aligned: Aligned) -> dict[int, NDArray[np.float32]]:
    """Rise of each group over the baseline in nats, by scale, each of shape (G, n_bins).

    At narrow scales, inside a wide emitter, it is the contrast to it: such an emitter rises and falls as a whole, a
    device on top of it does not.
    """
    rise = np.asarray(aligned.log_mean - _reference(baseline), np.float32)
    rise -= _unmoved_by_gain(baseline.layout, aligned.gain)
    contrast = rise
    if aligned.zones.wide.any():
        contrast = np.array([group - running_median(group, aligned.zones.wide) for group in rise], np.float32)
    return {scale: contrast if scale in NARROW_SCALES else rise for scale in baseline.between_variance}


def top_rise(baseline: Baseline) -> NDArray[np.float32]:
    """How far the strongest sweep of the baseline rose over its mean, in nats, shape (n_bins,)."""
    top = scipy.ndimage.maximum_filter1d(np.nan_to_num(baseline.log_top, nan=-80.0), 3)
    return np.asarray(np.maximum(top - _reference(baseline), 0.0), np.float32)


def box_means(
    baseline: Baseline, rise: NDArray[np.floating], bins: NDArray[np.int64], scale: int
) -> NDArray[np.float64]:
    """Weighted mean of each group over the boxes about some bins, shape (G, n)."""
    weight = np.nan_to_num(box_weights(baseline)) * np.isfinite(rise).any(axis=0)
    total = np.maximum(BoxSums.of(weight).about(bins, scale), 1e-30)
    return np.array([BoxSums.of(weight * np.nan_to_num(group)).about(bins, scale) / total for group in rise])


def continuous_channel(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    rise: NDArray[np.float32],
    *,
    scale: int,
    share: float,
    false_alarms: float,
) -> Scores:
    """Judge the mean rise of a visit at one scale, and whether its sweeps show it one by one.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
    aligned : Aligned
    rise : ndarray of float32, shape (G, n_bins)
        From `contrast_rise`; NaN where it says nothing.
    scale : int
    share : float
        Of the false alarms, that this scale may make.
    false_alarms : float
        Accepted in one report, over all channels.
    """
    scores = scale_scores(baseline, summary, aligned, rise, scale)
    expected = np.full(scores.score.size, np.inf)
    look = np.flatnonzero(scores.score > _WORTH_A_LOOK_SIGMAS)
    expected[look] = expected_number(baseline, aligned.zones, scores, look, baseline.inflation)
    among = look[aligned.zones.known[look] & (expected[look] <= share * false_alarms)]
    expected[among] = np.maximum(expected[among], _beyond_the_top(baseline, aligned, rise, among, scale))
    expected /= share
    high = expected <= false_alarms
    confirmed = np.zeros(high.size, bool)
    bins = np.flatnonzero(high)
    if bins.size and len(rise) >= FEW_SWEEPS:
        groups = box_means(baseline, rise, bins, scale)
        least = _PERSISTENT_SHARE * groups.mean(axis=0)
        persists = robust_mean(groups) > least
        confirmed[bins] = persists & (known_median(groups) > least)
        high[bins] = persists
    elif len(rise) == FEW_SWEEPS - 1:
        confirmed = high.copy()
    return Scores(
        channel="continuous",
        high=high,
        low=scores.score > _LOW_SIGMAS,
        confirmed=confirmed & high,
        expected=expected,
    )


def _beyond_the_top(
    baseline: Baseline, aligned: Aligned, rise: NDArray[np.float32], bins: NDArray[np.int64], scale: int
) -> NDArray[np.float64]:
    """Runs of known bins that a visit without a device lifts at least as far above the strongest sweep ever."""
    excess = persistent_excess(box_means(baseline, rise - top_rise(baseline), bins, scale))
    return beyond(excess, baseline.top_tail["single" if len(rise) < FEW_SWEEPS else "lasting"])


def _between(baseline: Baseline, aligned: Aligned, scale: int) -> NDArray[np.float64]:
    between = baseline.between_variance[scale].astype(np.float64)
    if baseline.n_visits == 1:  # it has not seen two visits; how this one's known emitters scatter is all there is
        busy = aligned.zones.busy
        between = np.where(busy, (_SINGLE_VISIT_FACTOR * aligned.busy_scatter) ** 2 / 2, between)
    between *= 1 + 1 / baseline.n_visits
    return np.where(aligned.zones.known, between, np.maximum(between, aligned.scatter**2))


def _reference(baseline: Baseline) -> NDArray[np.float32]:
    """The baseline, with the local maximum over a bin each side where it is steep: frequency errors live there."""
    filled = np.nan_to_num(baseline.log_mean, nan=-80.0)
    slope = np.abs(np.gradient(filled))
    steep = scipy.ndimage.maximum_filter1d(slope, 3) > _STEEP_NEPERS
    return np.where(steep, scipy.ndimage.maximum_filter1d(filled, 3), baseline.log_mean).astype(np.float32)


def _unmoved_by_gain(layout: Layout, gain: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the skirt of the receiver's own DC seems to rise, shape (n_bins,): it stays as the gain goes down."""
    position = np.arange(layout.n_bins) % layout.hop_bins - layout.hop_bins // 2
    skirt = np.abs(position) * layout.bin_width_hz <= _DC_SKIRT_HZ
    return np.where(skirt & (layout.n_averages is not None), np.maximum(-gain, 0), np.float32(0)).astype(np.float32)
