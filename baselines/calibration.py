"""Calibrating a baseline: each visit is predicted from the others, and what it exceeds is allowed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import align, zones_of
from baselines.continuous import contrast_rise, expected_number, scale_scores
from baselines.fitted import FittedVisit
from baselines.fitting import fit_model
from baselines.mask import mask_excess, persistent_excess
from baselines.model import Baseline
from baselines.rise import box_means
from sweep.plan import Layout

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


@dataclass(frozen=True, slots=True)
class _Maxima:
    """Largest excess of each run of known bins in visits left out: in single sweeps, and in what lasts."""

    single: list[NDArray[np.float64]] = field(default_factory=list)
    lasting: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, excess: NDArray[np.float64], known: NDArray[np.int64]) -> None:
        """Take in the excess of each group of a visit, shape (G, n), at the known bins, shape (n,)."""
        starts = np.flatnonzero(np.diff(known, prepend=-2) > 1)
        if starts.size:
            self.single.extend(np.maximum.reduceat(excess, starts, axis=1))
            self.lasting.append(np.maximum.reduceat(persistent_excess(excess), starts))

    def tails(self, n_runs: int) -> dict[str, tuple[float, float]]:
        """Tails of single sweeps and of what lasts, in a baseline of so many runs.

        What lasts is never stronger than its strongest sweep: where too few runs tell of it, the tail of single
        sweeps bounds its own.
        """
        guess = _GUESSED_MARGIN + _GUESSED_DECAY * float(np.log(max(1, n_runs) / _GUESSED_RUNS))
        of_single = _tail(self.single) or (max(0.0, guess), _GUESSED_DECAY)
        return {"single": of_single, "lasting": _tail(self.lasting) or of_single}


def calibrated(fitted: Sequence[FittedVisit], target: Layout) -> Baseline:
    """Fit a model, and give it the inflation and the tails of the mask that its own visits ask for.

    Parameters
    ----------
    fitted : sequence of FittedVisit
        All visits. A single visit is cut in two halves that predict each other; one that has a single group gets
        tails that are a guess.
    target : Layout
        Their axis.
    """
    folds = list(fitted) if len(fitted) > 1 else _halves(fitted[0])
    counts = np.zeros(round((_LARGEST_INFLATION - 1) / _INFLATION_STEP) + 1)
    top, mask = _Maxima(), _Maxima()
    for left_out in folds if len(folds) > 1 else ():
        others = [fold for fold in folds if fold is not left_out]
        partial = fit_model(others, target, frame=folds[0].visit.instrument)
        counts += _false_clusters(partial, left_out, top, mask, counts.size, frame=folds[0].visit.instrument)
    model = fit_model(fitted, target)  # last: two models at a time would take a lot of memory
    enough = np.flatnonzero(counts <= _COUNTED * len(folds) * len(model.between_variance))
    step = int(enough[0]) if enough.size else counts.size - 1
    n_runs = zones_of(model).n_clusters
    return replace(
        model, inflation=1 + step * _INFLATION_STEP, top_tail=top.tails(n_runs), mask_tail=mask.tails(n_runs)
    )


def _halves(fitted: FittedVisit) -> list[FittedVisit]:
    """Two halves of one visit, to be predicted from each other."""
    middle = fitted.summary.n_groups // 2
    if middle == 0:
        return [fitted]
    return [_part(fitted, slice(0, middle), 0), _part(fitted, slice(middle, None), 1)]


def _part(fitted: FittedVisit, groups: slice, half: int) -> FittedVisit:
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
    log_max = None if fitted.log_max is None else fitted.log_max[half, None]
    return FittedVisit.of(part, fitted.visit, fitted.log_mean[groups], log_max)


def _false_clusters(
    partial: Baseline, left_out: FittedVisit, top: _Maxima, mask: _Maxima, n_steps: int, *, frame: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Hold a visit against a model of the others: take in its maxima, and count its false clusters.

    These are runs of known bins that the visit lifts beyond chance, summed over scales, by the inflation tried. Chance
    allows so many of them at each scale; counted is what it allows, not the most extreme one: an emitter that came up
    for the first time in the visit left out must not set the scale.
    """
    aligned = align(partial, left_out.summary, instrument=left_out.visit.instrument, frame=frame)
    known = np.flatnonzero(aligned.zones.known)
    excess = mask_excess(partial, aligned)
    if excess is not None:
        mask.add(excess[:, known].astype(np.float64), known)
    del excess  # it is large, as are the largest frames
    aligned = replace(aligned, log_max=None)
    counts = np.zeros(n_steps)
    cluster = np.cumsum(np.diff(known, prepend=-2) > 1)
    for scale, rise in contrast_rise(partial, aligned):
        if scale == _TOP_SCALE:
            top.add(box_means(rise, known, scale, rise.top), known)
        scores = scale_scores(partial, left_out.summary, aligned, rise, scale)
        high = scores.score[known] > _WORTH_A_LOOK_SIGMAS
        bins, runs = known[high], cluster[high]
        for step in range(n_steps):
            expected = expected_number(partial, aligned.zones, scores, bins, 1 + step * _INFLATION_STEP)
            few = expected < _COUNTED  # with more inflation all the others are expected even more often
            bins, runs = bins[few], runs[few]
            if not bins.size:
                break
            counts[step] += np.unique(runs).size
    return counts


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
