"""Means and variances of a room from its visits: the statistical part of a baseline, before it is calibrated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.aligned import busy_bins, running_median
from baselines.alignment import align_gain, estimate_ppm, ppm_to_apply, shift_bins, trusted_ppm
from baselines.model import Baseline, BaselineVisit
from baselines.summary import VisitSummary
from dsp.floor import hop_floors
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["SMALLEST_MASK_MARGIN", "fit_model"]

_PRIOR_SWEEPS, _PRIOR_VISITS = 6.0, 4.0
_QUIET_BETWEEN, _BUSY_BETWEEN, _CONTRAST_BETWEEN = 0.03**2, 0.35**2, 0.12**2
"""Variance between visits, in nats squared, that is assumed until two visits have shown it."""

_DILATION_SIGMAS, _DILATION_BINS = 5.0, 8
_BOX_DILATION = 8
SMALLEST_MASK_MARGIN = 1.0
"""Least, in nats, that a frame must reach above the baseline's mask."""


def fit_model(summaries: Sequence[VisitSummary], visits: tuple[BaselineVisit, ...], target: Layout) -> Baseline:
    """Learn means and variances of aligned visits, with a calibration that changes nothing and without a name.

    Parameters
    ----------
    summaries : sequence of VisitSummary
        One for each visit, on the target's axis.
    visits : tuple of BaselineVisit
    target : Layout
    """
    sweep_variance = float(np.mean([summary.group_variance for summary in summaries]))
    logs, gains = _aligned_logs(summaries, target, sweep_variance)
    visit_means = np.array([_nan(np.nanmean, log) for log in logs])
    log_mean = _nan(np.nanmean, visit_means).astype(np.float32)
    floor = hop_floors(DB_PER_NEPER_POWER * log_mean, target.hop_bins, DB_PER_NEPER_POWER * np.sqrt(sweep_variance))
    n_sweeps = sum(len(log) for log in logs)
    within = _within_variance(logs, visit_means, sweep_variance)
    neutral = Baseline(
        id="",
        room="",
        created="",
        layout=target,
        n_sweeps=n_sweeps,
        visits=visits,
        log_mean=log_mean,
        within_variance=within,
        between_variance=within,
        contrast_variance=within,
        floor_dbfs=floor.astype(np.float32),
        log_mask=_log_mask(summaries, gains),
        burst_limits=_burst_limits(summaries),
        sweep_variance=sweep_variance,
        inflation=1.0,
        quiet_inflation=1.0,
        mask_margin=SMALLEST_MASK_MARGIN,
    )
    between, contrast = _between_variances(neutral, visit_means, [len(log) for log in logs])
    return replace(neutral, between_variance=between, contrast_variance=contrast)


def _aligned_logs(
    summaries: Sequence[VisitSummary], target: Layout, sweep_variance: float
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """ln(mean) of every group of every visit on one gain, twice: the second time against all visits."""
    raw = [summary.log_mean for summary in summaries]
    reference = _nan(np.nanmean, raw[0])
    gains: list[NDArray[np.float32]] = []
    for _ in range(2):
        quiet = _rough_quiet(reference, target, sweep_variance)
        for index in range(1, len(raw)):
            estimate = estimate_ppm(_nan(np.nanmean, raw[index]), reference, target)
            if applied := ppm_to_apply(trusted_ppm(estimate)):
                raw[index] = shift_bins(raw[index], target, applied)
        gains = [np.array([align_gain(group - reference, quiet, target) for group in log]) for log in raw]
        aligned = [log - gain for log, gain in zip(raw, gains, strict=True)]
        reference = _nan(np.nanmean, np.array([_nan(np.nanmean, log) for log in aligned]))
    return aligned, gains


def _rough_quiet(log_mean: NDArray[np.floating], target: Layout, sweep_variance: float) -> NDArray[np.bool_]:
    sigma_db = DB_PER_NEPER_POWER * float(np.sqrt(sweep_variance))
    floor = hop_floors(DB_PER_NEPER_POWER * np.asarray(log_mean), target.hop_bins, sigma_db)
    return np.asarray(DB_PER_NEPER_POWER * log_mean < floor + 0.5 * DB_PER_NEPER_POWER)


def _within_variance(
    logs: Sequence[NDArray[np.float32]], visit_means: NDArray[np.floating], sweep_variance: float
) -> NDArray[np.float32]:
    """Pooled variance between the sweeps of a visit, shrunk towards noise (Smyth 2004), dilated in frequency."""
    squares = np.zeros(visit_means.shape[1])
    freedom = np.zeros(visit_means.shape[1])
    for log, mean in zip(logs, visit_means, strict=True):
        squares += np.nan_to_num(np.nansum((log - mean) ** 2, axis=0))
        freedom += np.maximum(np.count_nonzero(np.isfinite(log), axis=0) - 1, 0)
    variance = (_PRIOR_SWEEPS * sweep_variance + squares) / (_PRIOR_SWEEPS + freedom)
    return _dilated(variance, sweep_variance)


def _dilated(variance: NDArray[np.float64], sweep_variance: float) -> NDArray[np.float32]:
    """Where a bin varies much, its neighbours may: an emitter drifts, and its skirts fade with it."""
    loud = np.where(variance > _DILATION_SIGMAS**2 * sweep_variance, variance, 0.0)
    around = scipy.ndimage.maximum_filter1d(loud, 2 * _DILATION_BINS + 1)
    return np.maximum(variance, 0.5 * around).astype(np.float32)


def _between_variances(
    model: Baseline, visit_means: NDArray[np.floating], n_groups: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Variance between visits beyond that of the sweeps, shrunk towards bins alike; and of contrasts."""
    busy, wide = busy_bins(model)
    prior = np.where(busy, _BUSY_BETWEEN, _QUIET_BETWEEN)
    contrast_prior = np.full(busy.size, _CONTRAST_BETWEEN)
    if len(visit_means) < 2:
        return prior.astype(np.float32), contrast_prior.astype(np.float32)
    centred = visit_means - model.log_mean
    sampling = model.within_variance * float(np.mean(1.0 / np.asarray(n_groups)))
    between = _shrunk(centred, sampling, prior, busy)
    common = np.array([running_median(visit, wide) for visit in centred])
    contrast = _shrunk(np.where(wide, centred - common, centred), sampling, contrast_prior, busy)
    return between, contrast


def _shrunk(
    centred: NDArray[np.floating], sampling: NDArray[np.floating], guess: NDArray[np.float64], busy: NDArray[np.bool_]
) -> NDArray[np.float32]:
    freedom = np.maximum(np.count_nonzero(np.isfinite(centred), axis=0) - 1, 0)
    observed = np.nan_to_num(np.nansum(centred**2, axis=0)) / np.maximum(freedom, 1)
    extra = observed - sampling
    prior = guess.copy()
    # Of many quiet bins alike, some fall below their sampling error as others rise above it: both belong in the mean.
    # Bins of one busy emitter rise and fall together, so that chance does not even out.
    for kind, lowest in ((busy, 0.0), (~busy, -np.inf)):
        seen = kind & (freedom > 0)
        if np.count_nonzero(seen) >= 20:
            prior[kind] = max(float(np.mean(np.clip(extra[seen], lowest, 4.0))), 0.01**2)
    result: NDArray[np.float64] = (_PRIOR_VISITS * prior + freedom * np.maximum(extra, 0.0)) / (_PRIOR_VISITS + freedom)
    return result.astype(np.float32)


def _log_mask(summaries: Sequence[VisitSummary], gains: Sequence[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    masks = []
    for summary, gain in zip(summaries, gains, strict=True):
        if summary.max_hold is None:
            return None
        masks.append(_nan(np.nanmax, np.log(np.maximum(summary.max_hold, np.float32(1e-30))) - gain))
    return _nan(np.nanmax, np.array(masks)).astype(np.float32)


def _burst_limits(summaries: Sequence[VisitSummary]) -> dict[str, NDArray[np.float32]]:
    """Largest value of each feature in any sweep, two of its own standard deviations on top, dilated."""
    limits: dict[str, NDArray[np.float32]] = {}
    stacks = {"burst_1": [summary.burst_1 for summary in summaries]}
    stacks |= {name: [summary.bursts.get(name) for summary in summaries] for name in summaries[0].bursts}
    for name, parts in stacks.items():
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            continue
        logs = np.log(np.maximum(np.concatenate(known), np.float32(1e-6)))
        spread = _nan(np.nanstd, logs) if len(logs) > 1 else np.full(logs.shape[1], 0.3, np.float32)
        top = np.nan_to_num(_nan(np.nanmax, logs) + 2 * np.nan_to_num(spread), nan=0.0)
        reach = 2 * _BOX_DILATION + 1 if name in ("burst_1", "burst_8", "burst_8x4") else 3
        limits[name] = np.exp(scipy.ndimage.maximum_filter1d(top, reach)).astype(np.float32)
    return limits


def _nan(function: Callable[..., Any], values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Apply a NaN-ignoring reduction over the first axis; all-NaN bins stay NaN without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result: NDArray[np.float32] = function(values, axis=0)
    return result
