"""The visits of a baseline brought onto one gain and one frequency, before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.floors import row_floors
from baselines.model import BaselineVisit
from baselines.receivers import parts_of
from baselines.shifts import Shift, align_gains, displaced_by, measure_shift
from baselines.summary import VisitSummary
from dsp.groups import known_mean
from dsp.statistics import DB_PER_NEPER_POWER, to_nepers
from sweep.plan import Layout

__all__ = ["FittedVisit", "fitted_visits"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedVisit:
    """A visit of a baseline on the gain and the frequencies of all of them.

    Attributes
    ----------
    summary : VisitSummary
    visit : BaselineVisit
        Where it came from.
    log_mean : ndarray of float32, shape (G, n_bins)
    log_max : ndarray of float32, shape (1 or 2, n_bins), or None
        Largest frames of its first G // 2 groups, where it has two or more, and of the others.
    mean, squares : ndarray of float32, shape (n_bins,)
        Mean of the groups, and sum of the squares of what they are off it.
    freedom : ndarray of int8, shape (n_bins,)
        How many of these squares are known beyond one.
    """

    summary: VisitSummary
    visit: BaselineVisit
    log_mean: NDArray[np.float32]
    log_max: NDArray[np.float32] | None
    mean: NDArray[np.float32]
    squares: NDArray[np.float32]
    freedom: NDArray[np.int8]

    @classmethod
    def of(
        cls,
        summary: VisitSummary,
        visit: BaselineVisit,
        log_mean: NDArray[np.float32],
        log_max: NDArray[np.float32] | None,
    ) -> FittedVisit:
        """Take what a model needs of each visit by itself, however many models it goes into."""
        mean = known_mean(log_mean, np.float32)
        squares, n_known = np.zeros(mean.size, np.float32), np.zeros(mean.size, np.int8)
        for log in log_mean:
            off = log - mean
            known = np.isfinite(off)
            off *= off
            np.copyto(off, 0, where=~known)
            squares += off
            n_known += known
        return cls(
            summary=summary,
            visit=visit,
            log_mean=log_mean,
            log_max=log_max,
            mean=mean,
            squares=squares,
            freedom=np.maximum(n_known, 1) - np.int8(1),
        )


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
    logs = [summary.log_mean for summary in summaries]
    sweep_variance = float(np.mean([summary.group_variance for summary in summaries]))
    reference = known_mean(logs[0], np.float32)
    quiet = _rough_quiet(reference, target, visits[0], sweep_variance)
    cuts = [parts_of(target, visit.instrument, (visits[0].instrument,)) for visit in visits]
    shifts: list[Shift | None] = [None] * len(logs)
    for index in range(1, len(logs)):
        mean = known_mean(logs[index], np.float32)
        found = measure_shift(mean, reference, target, cuts[index])
        logs[index], cuts[index], shifts[index] = displaced_by(logs[index], target, found), found.parts, found
    means = [
        known_mean((group - align_gains(group - reference, quiet, target, parts) for group in log), np.float32)
        for log, parts in zip(logs, cuts, strict=True)
    ]
    reference = known_mean(means, np.float32)
    quiet = _rough_quiet(reference, target, visits[0], sweep_variance)
    fitted = []
    for summary, visit, log, parts, shift in zip(summaries, visits, logs, cuts, shifts, strict=True):
        gains = np.array([align_gains(group - reference, quiet, target, parts) for group in log])
        fitted.append(_fitted(summary, visit, log, gains, shift))
    return fitted


def _fitted(
    summary: VisitSummary,
    visit: BaselineVisit,
    log_mean: NDArray[np.float32],
    gains: NDArray[np.float32],
    shift: Shift | None,
) -> FittedVisit:
    log_max = None
    if summary.max_hold is not None:
        middle = len(gains) // 2
        log_max = np.full((min(len(gains), 2), gains.shape[1]), np.nan, np.float32)
        for group, (held, gain) in enumerate(zip(summary.max_hold, gains, strict=True)):
            half = log_max[int(group >= middle) if middle else 0]
            log_held = to_nepers(held)
            log_held = log_held if shift is None else displaced_by(log_held, summary.layout, shift)
            np.fmax(half, log_held - gain, out=half)
    visit = replace(visit, level_db=round(DB_PER_NEPER_POWER * float(np.median(gains)), 3))
    return FittedVisit.of(summary, visit, np.subtract(log_mean, gains, out=log_mean), log_max)


def _rough_quiet(
    log_mean: NDArray[np.floating], target: Layout, first: BaselineVisit, sweep_variance: float
) -> NDArray[np.bool_]:
    sigma_db = DB_PER_NEPER_POWER * float(np.sqrt(sweep_variance))
    parts = parts_of(target, first.instrument)
    floor = row_floors(DB_PER_NEPER_POWER * np.asarray(log_mean), target, parts, sigma_db)
    return np.asarray(DB_PER_NEPER_POWER * log_mean < floor + 0.5 * DB_PER_NEPER_POWER)
