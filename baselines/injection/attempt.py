"""Trials on a visit that was judged, by the judge's own code, baseline and thresholds."""

from __future__ import annotations

import numpy as np

from baselines.heard import floor_of
from baselines.injection.sensitivity import Sensitivity, measure_sensitivity
from baselines.injection.signals import KINDS, Kind, half_width
from baselines.injection.trials import Visit
from baselines.outcome import Outcome
from baselines.part import Bar, Part, outcome_of
from baselines.summary import VisitSummary
from baselines.theory import weakest_over_noise_db

__all__ = ["try_sweep"]


def try_sweep(part: Part, bar: Bar, share: float) -> Sensitivity | None:
    """Measure what the passes of a visit would have found.

    Parameters
    ----------
    part : Part
        The passes, judged.
    bar : Bar
        That they were judged by.
    share : float
        Of the false alarms, that they had.

    Returns
    -------
    Sensitivity or None
        None where nothing can be injected: spectra of another program do not say how many frames they are made of.
    """
    summary, outcome = part.summary, part.outcome
    if summary.layout.n_averages is None or summary.max_hold is None or summary.layout.n_averages < 2:
        return None

    def judge(changed: VisitSummary) -> Outcome:
        floor = part.floor_dbfs if bar.baseline is not None else floor_of(changed, bar.instrument)
        return outcome_of(changed, floor, bar, share=share, error=outcome.error)

    kinds = [kind for kind in KINDS if _fits(kind, summary)]
    theory = {
        kind.name: weakest_over_noise_db(
            summary.group_variance / summary.n_groups,
            kind.reference_hz / summary.layout.bin_width_hz,
            threshold_sigmas=outcome.threshold_sigmas,
            model_sigma=outcome.model_sigma,
        )
        for kind in kinds
    }
    visit = Visit(summary=summary, floor_dbfs=part.floor_dbfs, outcome=outcome, judge=judge, theory_db=theory)
    return measure_sensitivity(visit, kinds) if kinds else None


def _fits(kind: Kind, summary: VisitSummary) -> bool:
    """Whether a hop holds an emitter of a kind, with room to place it."""
    met = not kind.keyed or (summary.by_minute is not None and bool(np.any(summary.by_minute)))
    return met and 4 * half_width(kind, summary.layout.bin_width_hz) <= summary.layout.hop_bins
