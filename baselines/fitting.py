"""Means and variances of a room from its visits: the statistical part of a baseline, before it is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage
import scipy.stats
from numpy.typing import NDArray

from baselines.aligned import busy_bins, running_median
from baselines.alignment import align_gain, estimate_ppm, shift_bins, staying_bins, trusted_ppm
from baselines.boxes import NARROW_SCALES, SCALES, BoxSums, box_correlation
from baselines.maxima import burst_limits, bursting_bins
from baselines.model import Baseline, BaselineVisit
from baselines.summary import VisitSummary
from dsp.floor import hop_floors
from dsp.statistics import DB_PER_NEPER_POWER, known_reduction
from sweep.plan import Layout

__all__ = ["PRIOR_SWEEPS", "PRIOR_VISITS", "FittedVisit", "box_weights", "fit_model", "fitted_visits"]

PRIOR_SWEEPS, PRIOR_VISITS = 6.0, 3.0
"""Degrees of freedom that the guess of a variance is worth, between sweeps and between visits (Smyth 2004)."""

_QUIET_BETWEEN, _BUSY_BETWEEN, _CONTRAST_BETWEEN = 0.03**2, 0.35**2, 0.12**2
"""Variance between visits, in nats squared, that is assumed until two visits have shown it."""

_DILATION_SIGMAS, _DILATION_BINS = 5.0, 8
_RESTLESS_P = 1e-3
_PRIOR_HOPS = 9
_TELLING_SCALES = (4, 16, 48)
_LEVEL_BETWEEN = 0.6**2
_SHOWN_SIGMAS, _SHOWN_BINS, _FLOOR_ERROR = 3.5, 5, 0.02
_LARGEST_BETWEEN = 4.0
_BOXES_A_ROW = 2  # a box as wide as the row says nothing of a rise


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedVisit:
    """A visit of a baseline on the gain and the frequencies of all of them.

    ``log_mean`` and ``log_max`` have the shape (G, n_bins); ``visit`` says where it came from.
    """

    summary: VisitSummary
    visit: BaselineVisit
    log_mean: NDArray[np.float32]
    log_max: NDArray[np.float32] | None


def fitted_visits(
    summaries: Sequence[VisitSummary], visits: Sequence[BaselineVisit], target: Layout
) -> list[FittedVisit]:
    """Bring visits onto one gain and one frequency, twice: the second time against all of them.

    Parameters
    ----------
    summaries : sequence of VisitSummary
        On the target's axis.
    visits : sequence of BaselineVisit
    target : Layout
    """
    raw = [summary.log_mean for summary in summaries]
    held = [None if s.max_hold is None else np.log(np.maximum(s.max_hold, np.float32(1e-30))) for s in summaries]
    reference = known_reduction(np.nanmean, raw[0])
    sweep_variance = float(np.mean([summary.group_variance for summary in summaries]))
    gains: list[NDArray[np.float32]] = []
    for turn in range(2):
        quiet = _rough_quiet(reference, target, sweep_variance)
        for index in range(1, len(raw)) if turn == 0 else ():
            mean = known_reduction(np.nanmean, raw[index])
            ppm = trusted_ppm(estimate_ppm(mean, reference, target))
            if ppm:
                stays = staying_bins(mean, reference, target, ppm)
                raw[index] = shift_bins(raw[index], target, ppm, stays)
                maxima = held[index]
                held[index] = None if maxima is None else shift_bins(maxima, target, ppm, stays)
        gains = [np.array([align_gain(group - reference, quiet, target) for group in log]) for log in raw]
        aligned = [log - gain for log, gain in zip(raw, gains, strict=True)]
        reference = known_reduction(np.nanmean, np.array([known_reduction(np.nanmean, log) for log in aligned]))
    return [
        FittedVisit(
            summary=summary,
            visit=replace(visit, level_db=round(DB_PER_NEPER_POWER * float(np.median(gain)), 3)),
            log_mean=log - gain,
            log_max=None if maxima is None else maxima - gain,
        )
        for summary, visit, log, maxima, gain in zip(summaries, visits, raw, held, gains, strict=True)
    ]


def fit_model(fitted: Sequence[FittedVisit], target: Layout) -> Baseline:
    """Learn means and variances, with a calibration that changes nothing and without a name."""
    summaries = [one.summary for one in fitted]
    sweep_variance = float(np.mean([summary.group_variance for summary in summaries]))
    visit_means = np.array([known_reduction(np.nanmean, one.log_mean) for one in fitted])
    log_mean = known_reduction(np.nanmean, visit_means).astype(np.float32)
    floor = hop_floors(DB_PER_NEPER_POWER * log_mean, target.hop_bins, DB_PER_NEPER_POWER * np.sqrt(sweep_variance))
    within, restless = _within_variance(fitted, visit_means, sweep_variance)
    log_top = known_reduction(np.nanmax, np.array([known_reduction(np.nanmax, one.log_mean) for one in fitted])).astype(
        np.float32
    )
    log_mask = _log_mask(fitted)
    if log_mask is not None:
        restless |= bursting_bins(summaries, log_mask - log_mean)
    neutral = Baseline(
        id="",
        room="",
        created="",
        layout=target,
        n_sweeps=sum(len(one.log_mean) for one in fitted),
        visits=tuple(one.visit for one in fitted),
        log_mean=log_mean,
        log_top=log_top,
        within_variance=within,
        excess_variance={},
        between_variance={},
        restless=restless,
        floor_dbfs=floor.astype(np.float32),
        log_mask=log_mask,
        burst_limits=burst_limits(summaries),
        sweep_variance=sweep_variance,
        inflation=1.0,
        top_tail={"single": (0.5, 0.3), "lasting": (0.5, 0.3)},
        mask_tail={"single": (1.0, 0.3), "lasting": (1.0, 0.3)},
    )
    excess, unsteady = _excess_variances(neutral, fitted, visit_means)
    between, moved = _between_variances(neutral, visit_means, [len(one.log_mean) for one in fitted])
    felt = restless | moved | unsteady
    felt = scipy.ndimage.binary_opening(felt, np.ones(2, bool))  # chance makes some, one at a time
    return replace(neutral, excess_variance=excess, between_variance=between, restless=np.asarray(felt))


def box_weights(model: Baseline) -> NDArray[np.float64]:
    """Weight of each bin in a box, shape (n_bins,): how much of an added power shows there, over its variance."""
    above = np.clip(np.nan_to_num(model.above_floor), 0.0, 20.0)
    return np.asarray(np.exp(-above) * model.sweep_variance / np.nan_to_num(model.within_variance, nan=1.0))


def _rough_quiet(log_mean: NDArray[np.floating], target: Layout, sweep_variance: float) -> NDArray[np.bool_]:
    sigma_db = DB_PER_NEPER_POWER * float(np.sqrt(sweep_variance))
    floor = hop_floors(DB_PER_NEPER_POWER * np.asarray(log_mean), target.hop_bins, sigma_db)
    return np.asarray(DB_PER_NEPER_POWER * log_mean < floor + 0.5 * DB_PER_NEPER_POWER)


def _within_variance(
    fitted: Sequence[FittedVisit], visit_means: NDArray[np.floating], sweep_variance: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pooled variance between the sweeps of a visit, dilated in frequency, and where it is more than noise.

    A bin that does not show more than noise has the variance of noise, which is known; one that does has its own,
    shrunk towards noise.
    """
    squares = np.zeros(visit_means.shape[1])
    freedom = np.zeros(visit_means.shape[1])
    for one, mean in zip(fitted, visit_means, strict=True):
        squares += np.nan_to_num(np.nansum((one.log_mean - mean) ** 2, axis=0))
        freedom += np.maximum(np.count_nonzero(np.isfinite(one.log_mean), axis=0) - 1, 0)
    own = (PRIOR_SWEEPS * sweep_variance + squares) / (PRIOR_SWEEPS + freedom)
    most = np.zeros(int(freedom.max()) + 1)
    most[1:] = scipy.stats.chi2.isf(_RESTLESS_P, np.arange(1, most.size))
    restless = squares > sweep_variance * most[freedom.astype(np.int64)]
    variance = np.where(restless, own, sweep_variance)
    loud = np.where(variance > _DILATION_SIGMAS**2 * sweep_variance, variance, 0.0)
    around = scipy.ndimage.maximum_filter1d(loud, 2 * _DILATION_BINS + 1)  # an emitter's skirts fade with it
    return np.maximum(variance, 0.5 * around).astype(np.float32), np.asarray(restless | (around > 0))


def _excess_variances(
    model: Baseline, fitted: Sequence[FittedVisit], visit_means: NDArray[np.floating]
) -> tuple[dict[int, NDArray[np.float32]], NDArray[np.bool_]]:
    """Variance of each box between the sweeps of a visit beyond that of its bins, and where there is any.

    The bins of an emitter that comes and goes, or of its skirts, rise together: too little for one bin to tell.
    """
    weight = np.where(np.isfinite(model.log_mean), box_weights(model), 0.0)
    noise = weight**2 * np.nan_to_num(model.within_variance)
    freedom = sum(max(len(one.log_mean) - 1, 0) for one in fitted)
    unsteady = np.zeros(weight.size, bool)
    result: dict[int, NDArray[np.float32]] = {}
    for scale in _scales(model.layout):
        result[scale] = np.zeros(weight.size, np.float32)
        if scale == 1 or freedom == 0:
            continue
        total = np.maximum(BoxSums.of(weight).over(scale), 1e-30)
        squares = np.zeros(weight.size)
        for one, mean in zip(fitted, visit_means, strict=True):
            for log in one.log_mean:
                squares += (BoxSums.of(weight * np.nan_to_num(log - mean)).over(scale) / total) ** 2
        theory = BoxSums.of(noise).over(scale) / total**2 * box_correlation(scale)
        more = squares > theory * scipy.stats.chi2.isf(_RESTLESS_P, freedom)
        own = (PRIOR_SWEEPS * theory + squares) / (PRIOR_SWEEPS + freedom) - theory
        result[scale] = np.where(more, np.maximum(own, 0.0), 0.0).astype(np.float32)
        if scale in _TELLING_SCALES:
            unsteady |= more
    return result, unsteady


def _scales(layout: Layout) -> list[int]:
    return [scale for scale in SCALES if scale in NARROW_SCALES or _BOXES_A_ROW * scale <= layout.n_bins]


def _between_variances(
    model: Baseline, visit_means: NDArray[np.floating], n_groups: Sequence[int]
) -> tuple[dict[int, NDArray[np.float32]], NDArray[np.bool_]]:
    """Variance of each box between visits beyond that of the sweeps, by scale, and bins that moved more than others."""
    busy, wide = busy_bins(model.above_floor)
    felt = busy | model.restless
    centred = np.nan_to_num(visit_means - model.log_mean)
    contrast = np.array([visit - running_median(visit, wide) for visit in centred]) if wide.any() else centred
    weight = np.where(np.isfinite(model.log_mean), box_weights(model), 0.0)
    noise = weight**2 * np.nan_to_num(model.within_variance)
    freedom = len(visit_means) - 1
    moved = np.zeros(busy.size, bool)
    result: dict[int, NDArray[np.float32]] = {}
    for scale in _scales(model.layout):
        narrow = scale in NARROW_SCALES
        guess = np.where(felt, _CONTRAST_BETWEEN if narrow else _BUSY_BETWEEN, _QUIET_BETWEEN)
        guess = np.where(felt & ~wide, _BUSY_BETWEEN, guess)
        total = np.maximum(BoxSums.of(weight).over(scale), 1e-30)
        sampling = (
            BoxSums.of(noise).over(scale) / total**2 * box_correlation(scale) * float(np.mean(1 / np.array(n_groups)))
        )
        if freedom < 1:
            result[scale] = guess.astype(np.float32)
            continue
        boxes = np.array([BoxSums.of(weight * one).over(scale) / total for one in (contrast if narrow else centred)])
        observed = np.sum(boxes**2, axis=0) / freedom
        prior = _prior(observed, sampling, guess=guess, felt=felt, freedom=freedom, layout=model.layout)
        prior += _LEVEL_BETWEEN * np.where(felt, 0.0, _shown(model, weight, scale)) ** 2
        above = observed > (prior + sampling) * scipy.stats.chi2.isf(_RESTLESS_P, freedom) / freedom
        own = (PRIOR_VISITS * prior + freedom * np.maximum(observed - sampling, 0.0)) / (PRIOR_VISITS + freedom)
        kept = own if not narrow else np.where(felt | above, own, prior)
        result[scale] = np.where(felt, own, np.maximum(kept, prior)).astype(np.float32)
        moved |= above & narrow
    return result, moved


def _shown(model: Baseline, weight: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Share of the power of each box that an emitter, too weak to count as one, has in the baseline: its level varies.

    Boxes about the bins next to it count too: it may lie between two.
    """
    above = np.clip(np.nan_to_num(model.above_floor), -1.0, 20.0)
    mean = BoxSums.of(weight * above).over(scale) / np.maximum(BoxSums.of(weight).over(scale), 1e-30)
    error = np.sqrt(model.sweep_variance * box_correlation(scale) / scale / model.n_sweeps)
    near = scipy.ndimage.maximum_filter1d(mean, _SHOWN_BINS) - _SHOWN_SIGMAS * float(error) - _FLOOR_ERROR
    return np.asarray(-np.expm1(-np.maximum(near, 0.0)), np.float64)


def _prior(
    observed: NDArray[np.float64],
    sampling: NDArray[np.float64],
    *,
    guess: NDArray[np.float64],
    felt: NDArray[np.bool_],
    freedom: int,
    layout: Layout,
) -> NDArray[np.float64]:
    """What bins like it show: of quiet ones those of the hops around, of emitters all others."""
    prior = guess.copy()
    if np.count_nonzero(felt) >= 20:
        prior[felt] = max(float(np.mean(np.clip(observed - sampling, 0.0, _LARGEST_BETWEEN)[felt])), 0.01**2)
    # The median of quiet bins: emitters that come up once do not move it.
    ratio = np.where(felt, np.nan, observed / np.maximum(sampling, 1e-30)).reshape(layout.n_hops, -1)
    noise = np.median(sampling.reshape(layout.n_hops, -1), axis=1)
    usual = known_reduction(np.nanmedian, ratio.T) / (scipy.stats.chi2.median(freedom) / freedom)
    extra = np.nan_to_num((usual - 1) * noise)
    smooth = scipy.ndimage.uniform_filter1d(extra, min(_PRIOR_HOPS, extra.size), mode="nearest")
    quiet = np.repeat(np.maximum(smooth, 1e-6), layout.n_bins // layout.n_hops)
    return np.where(felt, prior, quiet)


def _log_mask(fitted: Sequence[FittedVisit]) -> NDArray[np.float32] | None:
    masks = [known_reduction(np.nanmax, one.log_max) for one in fitted if one.log_max is not None]
    return known_reduction(np.nanmax, np.array(masks)).astype(np.float32) if len(masks) == len(fitted) else None
