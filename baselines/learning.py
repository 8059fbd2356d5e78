"""Learning a baseline from visits, and calibrating it by leaving one out."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.stats
from numpy.typing import NDArray

from baselines.alignment import align_gain, estimate_ppm, shift_bins
from baselines.axes import onto, union_axis
from baselines.comparison import Aligned, align, busy_bins, continuous_z, mask_excess
from baselines.model import Baseline, BaselineVisit
from baselines.store import BaselineStore
from baselines.summary import VisitSummary, summarise
from dsp.errors import ParameterError
from dsp.floor import hop_floors
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout
from sweep.record import SweepRecord

__all__ = ["build_baseline", "learn"]

_PRIOR_SWEEPS, _PRIOR_VISITS = 6.0, 4.0
_QUIET_BETWEEN, _BUSY_BETWEEN, _CONTRAST_BETWEEN = 0.03**2, 0.35**2, 0.12**2
"""Variance between visits, in nats squared, that is assumed until two visits have shown it."""

_DILATION_SIGMAS, _DILATION_BINS = 5.0, 8
_BOX_DILATION = 8
_SMALLEST_MASK_MARGIN, _LARGEST_MASK_MARGIN = 1.0, 2.5
_LARGEST_BURST_MARGIN = 4.0
_LARGEST_INFLATION = 4.0


def learn(record_paths: Sequence[Path], room_folder: Path, *, room: str, created: str) -> Baseline:
    """Learn a new version of a room's baseline from sweep records, and put it in the room's store.

    Parameters
    ----------
    record_paths : sequence of Path
        Each record is one visit.
    room_folder : Path
    room, created : str
        Name, and time in ISO 8601.

    Raises
    ------
    RecordError
        A record is damaged or holds nothing measured.
    ParameterError
        The records cannot be put together.
    """
    summaries: list[VisitSummary] = []
    visits: list[BaselineVisit] = []
    for path in record_paths:
        with SweepRecord.open(path) as record:
            summaries.append(summarise(record.layout, record.rows()))
            visits.append(_visit(record))
    if len({visit.record_id for visit in visits}) < len(visits):
        raise ParameterError("the same record was given twice; each visit counts once")
    baseline = build_baseline(summaries, visits, room=room, created=created)
    BaselineStore(room_folder).save(baseline)
    return baseline


def _visit(record: SweepRecord) -> BaselineVisit:
    start = record.start
    instrument = start.get("instrument") or {}
    return BaselineVisit(
        record_id=str(start.get("record_id") or record.path.stem),
        last_leaf=record.leaves[-1].hex() if record.leaves else "",
        start_time=str(start["start_time"]),
        n_passes=record.n_rows,
        instrument=dict(instrument),
        plan_digest=None if record.plan is None else record.plan.digest,
        gain_db=None if record.plan is None else record.plan.gain_db,
    )


def build_baseline(
    summaries: Sequence[VisitSummary], visits: Sequence[BaselineVisit], *, room: str, created: str
) -> Baseline:
    """Learn a room from visits when it was known to hold no device.

    Parameters
    ----------
    summaries : sequence of VisitSummary
        One for each visit.
    visits : sequence of BaselineVisit
        What each was, in the same order.
    room, created : str
        Name, and time in ISO 8601.

    Returns
    -------
    Baseline
        With ``inflation``, burst limits and mask margin from predicting each visit (or, with one visit, each half of
        it) from the others.

    Raises
    ------
    ParameterError
        No visit, or axes that cannot be put together.
    """
    if not summaries:
        raise ParameterError("a baseline needs at least one visit; give a record or a capture")
    target = union_axis([summary.layout for summary in summaries])
    placed = [onto(summary, target)[0] for summary in summaries]
    model = _model(placed, tuple(visits), target)
    folds = placed if len(placed) > 1 else _halves(placed[0])
    if len(folds) > 1:
        model = _calibrated(model, folds, tuple(visits), real_visits=len(placed) > 1)
    identity = hashlib.sha256(
        "\n".join([room, created, *(f"{visit.record_id} {visit.last_leaf}" for visit in visits)]).encode()
    ).hexdigest()
    return replace(model, id=f"{created[:10].replace('-', '')}-{identity[:8]}", room=room, created=created)


def _model(summaries: Sequence[VisitSummary], visits: tuple[BaselineVisit, ...], target: Layout) -> Baseline:
    """Means and variances of aligned visits; neutral calibration."""
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
        mask_margin=_SMALLEST_MASK_MARGIN,
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
            if estimate is not None and estimate[1] > 0.15 and abs(estimate[0]) > 2.0:
                raw[index] = shift_bins(raw[index], target, estimate[0])
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
    common = np.array([_wide_common(visit, wide) for visit in centred])
    contrast = _shrunk(np.where(wide, centred - common, centred), sampling, contrast_prior, busy)
    return between, contrast


def _shrunk(
    centred: NDArray[np.floating], sampling: NDArray[np.floating], guess: NDArray[np.float64], busy: NDArray[np.bool_]
) -> NDArray[np.float32]:
    freedom = np.maximum(np.count_nonzero(np.isfinite(centred), axis=0) - 1, 0)
    observed = np.nan_to_num(np.nansum(centred**2, axis=0)) / np.maximum(freedom, 1)
    extra = np.maximum(observed - sampling, 0.0)
    prior = guess.copy()
    for kind in (busy, ~busy):
        seen = kind & (freedom > 0)
        if np.count_nonzero(seen) >= 20:
            prior[kind] = max(float(np.mean(np.minimum(extra[seen], 4.0))), 0.01**2)
    result: NDArray[np.float64] = (_PRIOR_VISITS * prior + freedom * extra) / (_PRIOR_VISITS + freedom)
    return result.astype(np.float32)


def _wide_common(rise: NDArray[np.floating], wide: NDArray[np.bool_]) -> NDArray[np.float64]:
    smooth = scipy.ndimage.median_filter(np.nan_to_num(np.asarray(rise, np.float64)), 129, mode="nearest")
    return np.where(wide, smooth, 0.0)


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


def _halves(summary: VisitSummary) -> list[VisitSummary]:
    """Two halves of one visit, to be predicted from each other."""
    if summary.n_groups < 2:
        return [summary]
    middle = summary.n_groups // 2
    return [_part(summary, slice(0, middle)), _part(summary, slice(middle, None))]


def _part(summary: VisitSummary, groups: slice) -> VisitSummary:
    return replace(
        summary,
        passes=summary.passes[groups],
        mean=summary.mean[groups],
        max_hold=None if summary.max_hold is None else summary.max_hold[groups],
        burst_1=None if summary.burst_1 is None else summary.burst_1[groups],
        bursts={name: value[groups] for name, value in summary.bursts.items()},
        fluctuation_db=summary.fluctuation_db[groups],
    )


def _calibrated(
    model: Baseline, folds: Sequence[VisitSummary], visits: tuple[BaselineVisit, ...], *, real_visits: bool
) -> Baseline:
    """Predict each fold from the others and keep what was exceeded."""
    inflation, mask_margin = 1.0, _SMALLEST_MASK_MARGIN
    factors = dict.fromkeys(model.burst_limits, 1.0)
    for index, left_out in enumerate(folds):
        others = [fold for position, fold in enumerate(folds) if position != index]
        kept = tuple(visit for position, visit in enumerate(visits) if position != index) if real_visits else visits
        partial = _model(others, kept, model.layout)
        aligned = align(partial, left_out)
        inflation = max(inflation, _excess_score(partial, left_out, aligned))
        excess = mask_excess(partial, aligned)
        if excess is not None:
            mask_margin = max(mask_margin, float(excess.max()) + 0.2)
        for name, limit in partial.burst_limits.items():
            value = left_out.burst_1 if name == "burst_1" else left_out.bursts[name]
            if value is not None:
                factors[name] = max(factors[name], float(np.nanmax(value / limit)) * 1.05)
    return replace(
        model,
        inflation=min(inflation, _LARGEST_INFLATION),
        mask_margin=min(mask_margin, _LARGEST_MASK_MARGIN),
        burst_limits={
            name: (limit * np.float32(min(factors[name], _LARGEST_BURST_MARGIN))).astype(np.float32)
            for name, limit in model.burst_limits.items()
        },
    )


def _excess_score(model: Baseline, left_out: VisitSummary, aligned: Aligned) -> float:
    """How much larger the largest scores of a visit left out are than those of as many normal variates."""
    largest = 1.0
    for scale in (1, 16):
        z, _ = continuous_z(model, left_out, aligned, scale)
        z = z[np.isfinite(z) & (z > 0)]
        if z.size < 50:
            continue
        n_independent = max(2.0, model.layout.n_bins / scale)
        expected = float(scipy.stats.norm.isf(1.0 / n_independent))
        largest = max(largest, float(np.max(z)) / (expected + 1.0))
    return largest


def _nan(function: object, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Apply a NaN-ignoring reduction over the first axis; all-NaN bins stay NaN without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result: NDArray[np.float32] = function(values, axis=0)  # type: ignore[operator]
    return result
