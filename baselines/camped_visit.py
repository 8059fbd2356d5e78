"""A visit that camped, for learning from: its stays are further passes of the hops that they were on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from baselines.camped import Camp, hop_layout
from baselines.intercept import Intercept
from baselines.referral import Referral
from baselines.summary import VisitSummary, summarise
from dsp.errors import RecordError
from sweep.record import SweepRecord

__all__ = ["summary_of", "with_camp"]


def summary_of(record: SweepRecord) -> VisitSummary:
    """Sum up the passes of a record, and its stays with them.

    Raises
    ------
    RecordError
        The record is damaged, or no bin of any row was measured.
    """
    rows = Referral(record.layout, record.start.get("instrument") or {}).of(record.rows)
    summary = summarise(record.layout, rows())
    stays = record.stays if record.n_stays else None
    return with_camp(summary, Camp.of(record.layout, stays, Intercept(record.layout)))


def with_camp(summary: VisitSummary, camp: Camp) -> VisitSummary:
    """Put the stays on each hop into the groups of a visit, in order, as if those groups had more passes there.

    What a room sends now and then is then known where later visits camp. That a group of some hops holds more than its
    ``passes`` say makes its noise seem larger than it is: on the safe side.

    Parameters
    ----------
    summary : VisitSummary
        Of the passes, on the axis of the plan.
    camp : Camp
    """
    if not camp.hops:
        return summary
    held = {name: values.copy() for name, values in _largest_of(summary).items()}
    mean, fluctuation_db = summary.mean.copy(), summary.fluctuation_db.copy()
    for hop in camp.hops:
        try:
            stays = summarise(hop_layout(summary.layout, hop), camp.rows(hop))
        except RecordError:  # nothing came
            continue
        bins, of_stays = summary.layout.hop_slice(hop), _largest_of(stays)
        n_passes = summary.passes.copy()
        for index in range(stays.n_groups):
            group = index * summary.n_groups // stays.n_groups
            mean[group, bins] = _mean(mean[group, bins], n_passes[group], stays.mean[index], stays.passes[index])
            n_passes[group] += stays.passes[index]
            fluctuation_db[group, hop] = np.fmax(fluctuation_db[group, hop], stays.fluctuation_db[index, 0])
            for name, values in held.items():
                here = values[group].reshape(summary.layout.n_hops, -1)[hop]
                np.maximum(here, of_stays[name][index], out=here)
    return replace(
        summary,
        mean=mean,
        fluctuation_db=fluctuation_db,
        max_hold=held.get("max_hold"),
        burst_1=held.get("burst_1"),
        bursts={name: held[name] for name in summary.bursts},
    )


def _largest_of(summary: VisitSummary) -> dict[str, NDArray[np.int16]]:
    """Every array of largest values that a visit has, as they are stored: nothing is less than any value."""
    arrays = {"max_hold": summary.max_hold, "burst_1": summary.burst_1, **summary.bursts}
    return {name: values for name, values in arrays.items() if values is not None}


def _mean(
    one: NDArray[np.float32], n_one: np.int64, other: NDArray[np.float32], n_other: np.int64
) -> NDArray[np.float32]:
    """Mean power of so many passes and so many others; of those that were measured."""
    weights = np.where(np.isfinite(one), n_one, 0), np.where(np.isfinite(other), n_other, 0)
    total = np.nan_to_num(one) * weights[0] + np.nan_to_num(other) * weights[1]
    with np.errstate(invalid="ignore"):
        return np.asarray(total / (weights[0] + weights[1]), np.float32)
