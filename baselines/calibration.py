"""Calibrating a baseline: each visit is predicted from the others, and what it exceeds is allowed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import Aligned, align, zones_of
from baselines.continuous import contrast_rise, expected_number, scale_scores
from baselines.fitting import FittedVisit, fit_model
from baselines.mask import mask_excess, persistent_excess
from baselines.model import Baseline
from baselines.rise import Rise, box_means
from baselines.summary import VisitSummary

__all__ = ["calibrated"]

_LARGEST_INFLATION, _INFLATION_STEP = 3.0, 0.05
_COUNTED = 3.0
_TOP_SCALE = 4
_WORTH_A_LOOK_SIGMAS = 2.0
_FEWEST_EXCEEDANCES, _TAIL_SHARE = 8, 0.1
_SMALLEST_DECAY, _LARGEST_DECAY = 0.15, 0.6
_LARGEST_MARGIN = 2.5
_GUESSED_MARGIN, _GUESSED_DECAY, _GUESSED_RUNS = 1.0, 0.15, 2000
"""Tail that is assumed where a baseline shows too few runs, as simulated towns have it: of so many runs one is expected
that far beyond."""


def calibrated(model: Baseline, fitted: Sequence[FittedVisit]) -> Baseline:
    """Give a model the inflation and the tails of the mask that its own visits ask for.

    Parameters
    ----------
    model : Baseline
        As fitted to all visits.
    fitted : sequence of FittedVisit
        All visits. A single visit is cut in two halves that predict each other; one that has a single group gets
        tails that are a guess.
    """
    folds = list(fitted) if len(fitted) > 1 else _halves(fitted[0])
    n_runs = zones_of(model).n_clusters
    if len(folds) < 2:
        return replace(model, top_tail=_tails([], [], n_runs), mask_tail=_tails([], [], n_runs))
    counts = np.zeros(round((_LARGEST_INFLATION - 1) / _INFLATION_STEP) + 1)
    n_scales = 0
    single: list[NDArray[np.float64]] = []
    lasting: list[NDArray[np.float64]] = []
    top_single: list[NDArray[np.float64]] = []
    top_lasting: list[NDArray[np.float64]] = []
    for index, left_out in enumerate(folds):
        partial = fit_model([fold for position, fold in enumerate(folds) if position != index], model.layout)
        aligned = align(partial, left_out.summary)
        rises = contrast_rise(partial, aligned)
        counts += _false_clusters(partial, left_out.summary, aligned, rises, counts.size)
        n_scales += len(partial.between_variance)
        known = np.flatnonzero(aligned.zones.known)
        over_top = box_means(rises[_TOP_SCALE], known, _TOP_SCALE, rises[_TOP_SCALE].top)
        top_single += _run_maxima(over_top, known)
        top_lasting += _run_maxima(persistent_excess(over_top)[None], known)
        excess = mask_excess(partial, aligned)
        if excess is not None:
            over_mask = excess[:, known]
            single += _run_maxima(over_mask, known)
            lasting += _run_maxima(persistent_excess(over_mask)[None], known)
    enough = np.flatnonzero(counts <= _COUNTED * n_scales)
    step = int(enough[0]) if enough.size else counts.size - 1
    return replace(
        model,
        inflation=1 + step * _INFLATION_STEP,
        top_tail=_tails(top_single, top_lasting, n_runs),
        mask_tail=_tails(single, lasting, n_runs),
    )


def _halves(fitted: FittedVisit) -> list[FittedVisit]:
    """Two halves of one visit, to be predicted from each other."""
    n_groups = fitted.summary.n_groups
    if n_groups < 2:
        return [fitted]
    return [_part(fitted, slice(0, n_groups // 2)), _part(fitted, slice(n_groups // 2, None))]


def _part(fitted: FittedVisit, groups: slice) -> FittedVisit:
    summary = fitted.summary
    part = replace(
        summary,
        passes=summary.passes[groups],
        mean=summary.mean[groups],
        max_hold=None if summary.max_hold is None else summary.max_hold[groups],
        burst_1=None if summary.burst_1 is None else summary.burst_1[groups],
        bursts={name: value[groups] for name, value in summary.bursts.items()},
        fluctuation_db=summary.fluctuation_db[groups],
    )
    return replace(
        fitted,
        summary=part,
        log_mean=fitted.log_mean[groups],
        log_max=None if fitted.log_max is None else fitted.log_max[groups],
    )


def _false_clusters(
    model: Baseline, left_out: VisitSummary, aligned: Aligned, rises: Mapping[int, Rise], n_steps: int
) -> NDArray[np.float64]:
    """Runs of known bins that a visit left out lifts beyond chance, summed over scales, by the inflation tried.

    Chance allows so many of them at each scale; counted is what it allows, not the most extreme one: an emitter that
    came up for the first time in the visit left out must not set the scale.
    """
    counts = np.zeros(n_steps)
    known = aligned.zones.known
    cluster = np.cumsum(np.diff(known.astype(np.int8), prepend=0) > 0)
    for scale in model.between_variance:
        scores = scale_scores(model, left_out, aligned, rises[scale], scale)
        bins = np.flatnonzero(known & (scores.score > _WORTH_A_LOOK_SIGMAS))
        for step in range(n_steps):
            expected = expected_number(model, aligned.zones, scores, bins, 1 + step * _INFLATION_STEP)
            bins = bins[expected < _COUNTED]  # with more inflation all the others are expected even more often
            if not bins.size:
                break
            counts[step] += np.unique(cluster[bins]).size
    return counts


def _run_maxima(values: NDArray[np.float64], known: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Largest value of each group, shape (G, n), in each run of the known bins that it is given for."""
    starts = np.flatnonzero(np.diff(known, prepend=-2) > 1)
    return list(np.maximum.reduceat(values, starts, axis=1)) if starts.size else []


def _tails(
    single: Sequence[NDArray[np.float64]], lasting: Sequence[NDArray[np.float64]], n_runs: int
) -> dict[str, tuple[float, float]]:
    """Tails of single sweeps and of what lasts.

    What lasts is never stronger than its strongest sweep: where too few runs tell of it, the tail of single sweeps
    bounds its own.
    """
    guess = _GUESSED_MARGIN + _GUESSED_DECAY * float(np.log(max(1, n_runs) / _GUESSED_RUNS))
    of_single = _tail(single) or (max(0.0, guess), _GUESSED_DECAY)
    return {"single": of_single, "lasting": _tail(lasting) or of_single}


def _tail(maxima: Sequence[NDArray[np.float64]]) -> tuple[float, float] | None:
    """Exponential tail of the excess of runs: where one run in a visit is expected to lie beyond, and its decay.

    The tail is that of the highest tenth, without the few most extreme: emitters that came up for the first time.
    None where the runs are too few to tell.
    """
    values = np.sort(np.concatenate(list(maxima))) if maxima else np.empty(0)
    values = values[np.isfinite(values)]
    n_tail = int(_TAIL_SHARE * values.size)
    if n_tail < _FEWEST_EXCEEDANCES:
        return None
    base = float(values[-n_tail])
    middle = float(values[-(n_tail // 2)])
    decay = float(np.clip((middle - base) / np.log(2.0), _SMALLEST_DECAY, _LARGEST_DECAY))
    margin = base + decay * float(np.log(max(1.0, n_tail / len(maxima))))
    return float(np.clip(margin, 0.0, _LARGEST_MARGIN)), decay
