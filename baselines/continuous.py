"""The continuous channel: how far a visit rose over a baseline, in boxes of every scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import NDArray

from baselines.aligned import Aligned, Zones
from baselines.boxes import NARROW_SCALES, BoxSums, box_correlation
from baselines.candidates import Scores
from baselines.fitting import PRIOR_SWEEPS, PRIOR_VISITS
from baselines.mask import FEW_SWEEPS, beyond, persistent_excess
from baselines.model import Baseline
from baselines.rise import Rise, box_means, contrast_of, whole_rise
from baselines.summary import VisitSummary
from dsp.groups import known_median, robust_mean

__all__ = ["ScaleScores", "continuous_channel", "contrast_rise", "expected_number", "least_rise", "scale_scores"]

_WORTH_A_LOOK_SIGMAS, _LOW_SIGMAS = 4.0, 3.0
_PERSISTENT_SHARE = 0.6  # of the mean rise, that must be left without the strongest sweep
_SMALLEST_RISE_NEPERS = 0.05  # 0.2 dB; less is not claimed whatever the statistics say
_SINGLE_VISIT_FACTOR = 1.5
_SELDOM_NEPERS, _SELDOM_SHARE = 0.7, 0.7
_SHARE_STEPS = 1025  # of the variance, for which scores are worked out; between them they are interpolated
_QUIET_FREEDOM = 3.0  # of each visit but the first: neighbouring hops are not alike by chance alone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleScores:
    """Rise of a visit over the baseline in boxes of one scale.

    Attributes
    ----------
    scale : int
    score : ndarray of float64, shape (n_bins,)
        Rise over its standard deviation; 0 where it is too small to be claimed.
    share : ndarray of float64, shape (n_bins,)
        Of the variance, that of sweeps within a visit.
    """

    scale: int
    score: NDArray[np.float64]
    share: NDArray[np.float64]


def scale_scores(baseline: Baseline, summary: VisitSummary, aligned: Aligned, rise: Rise, scale: int) -> ScaleScores:
    """Score the mean rise of all groups in boxes of some bins.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
    aligned : Aligned
    rise : Rise
        Of the visit over the baseline.
    scale : int
        One of the baseline's.

    Notes
    -----
    Moderated t (Smyth 2004): the variance between visits, of the box as a whole, and that of the sweeps within a
    visit, which averages out over bins and sweeps, are estimated apart; their degrees of freedom are put together by
    Satterthwaite's formula. Where a baseline knows only noise both are known from many bins alike.
    """
    weights = rise.weights.over(scale)
    score, share = np.zeros(weights.size), np.zeros(weights.size)
    rises = np.flatnonzero(_usable(rise, weights) & (rise.rises.over(scale) > _SMALLEST_RISE_NEPERS * weights))
    variance, within = _variances(baseline, summary, aligned, rise, bins=rises, scale=scale)
    score[rises] = rise.rises.about(rises, scale) / weights[rises] / np.sqrt(variance)
    share[rises] = within / variance
    return ScaleScores(scale=scale, score=score, share=share)


def least_rise(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, rise: Rise, *, share: float, false_alarms: float
) -> NDArray[np.float64]:
    """Rise from which a single bin stands out, in nats, shape (n_bins,); NaN where nothing can be told.

    What `continuous_channel` asks of the narrowest boxes; what it asks of their sweeps one by one comes on top.
    Parameters as there.
    """
    bins = np.flatnonzero(_usable(rise, rise.weight))
    variance, within = _variances(baseline, summary, aligned, rise, bins=bins, scale=1)
    known = among_known(aligned.zones, bins, 1)
    steps, states = np.linspace(0, 1, _SHARE_STEPS), np.array([[False], [True]])
    freedom, number = _chance_terms(baseline, aligned.zones, states, steps, scale=1)
    quiet, busy = -scipy.special.stdtrit(freedom, np.minimum(share * false_alarms / np.maximum(number, 1.0), 0.5))
    of_sweeps = within / variance
    score = np.where(known, baseline.inflation * np.interp(of_sweeps, steps, busy), np.interp(of_sweeps, steps, quiet))
    least = np.full(rise.weight.size, np.nan)
    least[bins] = np.maximum(np.maximum(score, _WORTH_A_LOOK_SIGMAS) * np.sqrt(variance), _SMALLEST_RISE_NEPERS)
    return least


def _usable(rise: Rise, weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Boxes of which anything is known."""
    return np.asarray(weights > 1e-20 * rise.weight.max(initial=1e-30))


def _variances(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, rise: Rise, *, bins: NDArray[np.int64], scale: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of the mean rise of the boxes about some bins, and the part of it that sweeps within a visit have."""
    total, per_group = rise.weights.about(bins, scale), rise.per_group[bins]
    within = rise.known_variances.about(bins, scale) + summary.group_variance * rise.noises.about(bins, scale)
    within *= box_correlation(scale) / total**2
    within += baseline.excess_variance[scale][bins] * (per_group + 1 / baseline.n_sweeps)
    return within + _between(baseline, aligned, bins, scale), within


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
    known, share = among_known(zones, bins, scores.scale), scores.share[bins]
    score = scores.score[bins] / np.where(known, inflation, 1.0)
    freedom, number = _chance_terms(baseline, zones, known, share, scale=scores.scale)
    return np.asarray(scipy.special.stdtr(freedom, -score) * number, np.float64)


def _chance_terms(
    baseline: Baseline, zones: Zones, known: NDArray[np.bool_], share: NDArray[np.float64], *, scale: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of freedom of the scores of some boxes, and how many boxes are independent of each other."""
    # Of noise alone the variance is known, and that between visits is that of many hops.
    n_visits = baseline.n_visits
    of_sweeps = np.where(known, PRIOR_SWEEPS + baseline.n_sweeps - n_visits, np.inf)
    of_visits = np.where(known, PRIOR_VISITS + n_visits - 1, _QUIET_FREEDOM * max(1, n_visits - 1))
    freedom = 1 / np.maximum(share**2 / of_sweeps + (1 - share) ** 2 / of_visits, 1e-6)
    # Bins of one emitter rise and fall together from visit to visit; noise is new in every bin.
    n_bins = zones.known.size
    alone = np.where(known, float(zones.n_known), float(n_bins))
    together = np.where(known, float(zones.n_clusters), n_bins / scale)
    return freedom, alone * share + together * (1 - share)


def among_known(zones: Zones, bins: NDArray[np.int64], scale: int) -> NDArray[np.bool_]:
    """Whether boxes stand on known bins, or hold some: any in a narrow box, a quarter of a wide one."""
    least = 0.5 if scale in NARROW_SCALES else scale / 4
    return np.asarray(zones.known[bins] | (zones.known_sums.about(bins, scale) > least))


def contrast_rise(baseline: Baseline, aligned: Aligned) -> Iterator[tuple[int, Rise]]:
    """Rise of a visit over the baseline for each scale, ascending: the contrast at narrow ones."""
    contrast, shared = contrast_of(baseline, aligned)
    narrow = Rise.of(baseline, contrast)
    yield from ((scale, narrow) for scale in baseline.between_variance if scale in NARROW_SCALES)
    wide = narrow.with_groups(whole_rise(contrast, shared, aligned.zones.wide))
    del narrow, contrast  # they are large
    yield from ((scale, wide) for scale in baseline.between_variance if scale not in NARROW_SCALES)


def continuous_channel(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    rise: Rise,
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
    rise : Rise
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
    among = look[among_known(aligned.zones, look, scale) & (expected[look] <= share * false_alarms)]
    if among.size:
        expected[among] = np.maximum(expected[among], _beyond_the_top(baseline, rise, among, scale))
    expected /= share
    high = expected <= false_alarms
    confirmed = np.zeros(high.size, bool)
    bins = np.flatnonzero(high)
    if bins.size and len(rise.groups) >= FEW_SWEEPS:
        groups = box_means(rise, bins, scale)
        least = _PERSISTENT_SHARE * groups.mean(axis=0)
        persists = robust_mean(groups) > least
        confirmed[bins] = persists & (known_median(groups) > least)
        high[bins] = persists
    elif len(rise.groups) == FEW_SWEEPS - 1:
        confirmed = high.copy()
    return Scores.of(
        "continuous",
        high=high,
        low=scores.score > _LOW_SIGMAS,
        confirmed=confirmed & high,
        expected=expected,
    )


def _beyond_the_top(baseline: Baseline, rise: Rise, bins: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
    """Runs of known bins that a visit without a device lifts at least as far over the strongest sweep ever."""
    excess = persistent_excess(box_means(rise, bins, scale, rise.top))
    if len(rise.groups) >= FEW_SWEEPS:
        return beyond(excess, baseline.top_tail["lasting"])
    # An emitter that few sweeps heard was on for a part of their dwells: one on for all of this one seems stronger.
    seldom = BoxSums.of(rise.weight * np.maximum(rise.top - _SELDOM_NEPERS, 0.0)).about(bins, scale)
    seldom /= np.maximum(rise.weights.about(bins, scale), 1e-30)
    return beyond(excess - _SELDOM_SHARE * seldom, baseline.top_tail["single"])


def _between(baseline: Baseline, aligned: Aligned, bins: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
    between = baseline.between_variance[scale][bins].astype(np.float64)
    if baseline.n_visits == 1:  # it has not seen two visits; how this one's known emitters scatter is all there is
        busy = aligned.zones.busy[bins]
        between = np.where(busy, (_SINGLE_VISIT_FACTOR * aligned.busy_scatter) ** 2 / 2, between)
    between *= 1 + 1 / baseline.n_visits
    return np.where(aligned.zones.known[bins], between, np.maximum(between, aligned.scatter**2))
