"""Calibrating a baseline: each visit is predicted from the others, and what it exceeds is allowed for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.ndimage
import scipy.special

from baselines.aligned import Aligned, align
from baselines.comparison import continuous_z, mask_excess
from baselines.fitting import SMALLEST_MASK_MARGIN, fit_model
from baselines.model import Baseline, BaselineVisit
from baselines.summary import VisitSummary

__all__ = ["calibrated"]

_LARGEST_MASK_MARGIN = 2.5
_LARGEST_BURST_MARGIN = 4.0
_LARGEST_INFLATION = 4.0
_SCALES = (1, 16, 64, 256)
_MIN_SCORES = 50


def calibrated(model: Baseline, summaries: Sequence[VisitSummary]) -> Baseline:
    """Give a model the inflation, mask margin and burst limits that its own visits ask for.

    Parameters
    ----------
    model : Baseline
        As fitted to all visits.
    summaries : sequence of VisitSummary
        One for each visit, on the model's axis. A single visit is cut in two halves that predict each other; one
        that has a single group is left as it is.
    """
    real_visits = len(summaries) > 1
    folds = summaries if real_visits else _halves(summaries[0])
    if len(folds) < 2:
        return model
    inflation, quiet_inflation, mask_margin = 1.0, 1.0, SMALLEST_MASK_MARGIN
    factors = dict.fromkeys(model.burst_limits, 1.0)
    for index, left_out in enumerate(folds):
        partial = fit_model(_without(folds, index), _visits(model, index, real_visits=real_visits), model.layout)
        aligned = align(partial, left_out)
        near, quiet = _excess_scores(partial, left_out, aligned)
        inflation, quiet_inflation = max(inflation, near), max(quiet_inflation, quiet)
        excess = mask_excess(partial, aligned)
        if excess is not None:
            mask_margin = max(mask_margin, float(excess.max()) + 0.2)
        for name in factors.keys() & partial.burst_limits.keys():
            value = left_out.burst_1 if name == "burst_1" else left_out.bursts.get(name)
            if value is not None:
                factors[name] = max(factors[name], float(np.nanmax(value / partial.burst_limits[name])) * 1.05)
    return replace(
        model,
        inflation=min(inflation, _LARGEST_INFLATION),
        quiet_inflation=min(quiet_inflation, _LARGEST_INFLATION),
        mask_margin=min(mask_margin, _LARGEST_MASK_MARGIN),
        burst_limits={
            name: (limit * np.float32(min(factors[name], _LARGEST_BURST_MARGIN))).astype(np.float32)
            for name, limit in model.burst_limits.items()
        },
    )


def _without(folds: Sequence[VisitSummary], index: int) -> list[VisitSummary]:
    return [fold for position, fold in enumerate(folds) if position != index]


def _visits(model: Baseline, index: int, *, real_visits: bool) -> tuple[BaselineVisit, ...]:
    if not real_visits:
        return model.visits
    return tuple(visit for position, visit in enumerate(model.visits) if position != index)


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


def _excess_scores(model: Baseline, left_out: VisitSummary, aligned: Aligned) -> tuple[float, float]:
    """How much larger the scores of a visit left out are than those of as many normal variates.

    Near the room's emitters and away from them apart: what a broadcaster does says nothing of a quiet band.
    """
    near = aligned.zones.near
    largest = [1.0, 1.0]
    for scale in _SCALES:
        if scale > model.layout.hop_bins:
            break
        z, _ = continuous_z(model, left_out, aligned, scale)
        within = near if scale == 1 else scipy.ndimage.maximum_filter1d(near, scale)
        for kind, bins in enumerate((within, ~within)):
            scores = z[bins & np.isfinite(z)]
            if scores.size < _MIN_SCORES:
                continue
            expected = float(-scipy.special.ndtri(1.0 / max(2.0, scores.size / scale)))
            largest[kind] = max(largest[kind], float(scores.max()) / (expected + 1.0))
    return largest[0], largest[1]
