"""How hard each place of a sweep is to hear an emitter at: what was on the air there, in this visit and ever before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.injection.signals import Kind
from baselines.outcome import Outcome
from baselines.summary import VisitSummary
from dsp.groups import known_mean
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["Places", "places_for"]

_BUSY_DB, _TELLING_BINS = 1.0, 8
"""From so far above the noise floor on a place is busy: something else is there."""

_KNOWN_SHARE, _REACH_BINS = 0.5, 3
_LEAST_POWER = 1e-30
_LEAST_RISE_NEPERS, _LARGEST_RISE_NEPERS = 0.01, 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """All bins of a sweep as places for an emitter of one kind.

    Attributes
    ----------
    level_dbfs : ndarray of float64, shape (n_bins,)
        In the reference bandwidth about each bin, what an emitter there is judged against; NaN where nothing was
        measured.
    busy : ndarray of bool, shape (n_bins,)
        Where others are or were: then it takes more than standing out of noise.
    """

    level_dbfs: NDArray[np.float64]
    busy: NDArray[np.bool_]


def places_for(
    kinds: Sequence[Kind], summary: VisitSummary, floor_dbfs: NDArray[np.floating], outcome: Outcome
) -> dict[str, Places]:
    """Sort out the places for each kind, by its name.

    Parameters
    ----------
    kinds : sequence of Kind
    summary : VisitSummary
    floor_dbfs : ndarray, shape (n_bins,)
    outcome : Outcome
        Of the visit. With a baseline that tells how hard a place is: among the room's emitters by its strongest sweep,
        in which one may have been on that is silent now; elsewhere by the excess that the detector asks of a bin, which
        is large where visits differed. Else what is heard tells.

    Notes
    -----
    Levels are averaged as logarithms, as the detector does it: a wide emitter shows in the gaps between others.
    """
    measured = known_mean(summary.mean, np.float64)
    heard = np.log(np.maximum(measured, _LEAST_POWER))
    steady, keyed = heard, heard
    if outcome.strongest_dbfs is not None and outcome.known is not None:
        strongest = np.nan_to_num(np.asarray(outcome.strongest_dbfs, np.float64) / DB_PER_NEPER_POWER, nan=-80.0)
        keyed = np.maximum(heard, scipy.ndimage.maximum_filter1d(strongest, _REACH_BINS))
        steady = np.where(outcome.known, keyed, _asked(outcome, outcome.known, keyed))
    floor = np.exp(np.asarray(floor_dbfs, np.float64) / DB_PER_NEPER_POWER)
    places = {}
    for kind in kinds:
        n_bins = max(1.0, kind.reference_hz / summary.layout.bin_width_hz)
        width = max(round(n_bins), _TELLING_BINS)  # of fewer noise alone seems to hold something
        busy = _smooth(measured, width) > 10 ** (_BUSY_DB / 10) * _smooth(floor, width)
        if outcome.known is not None:
            busy |= _smooth(outcome.known.astype(np.float64), round(n_bins)) > _KNOWN_SHARE
        level = _log_mean(keyed if kind.keyed else steady, np.isfinite(measured), round(n_bins))
        level = DB_PER_NEPER_POWER * (level + np.log(n_bins / summary.layout.enbw_bins))
        places[kind.name] = Places(level_dbfs=level, busy=np.asarray(busy, np.bool_))
    return places


def _asked(outcome: Outcome, known: NDArray[np.bool_], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a steady emitter must bring to be listed, ln of power by bin, less what it must over undisturbed noise."""
    if outcome.threshold_db is None or outcome.background_dbfs is None:
        return otherwise
    rise = np.asarray(outcome.threshold_db(), np.float64) / DB_PER_NEPER_POWER
    more = np.log(np.expm1(np.clip(rise, _LEAST_RISE_NEPERS, _LARGEST_RISE_NEPERS)))
    asked = np.asarray(outcome.background_dbfs, np.float64) / DB_PER_NEPER_POWER + more
    quiet = ~known & np.isfinite(asked)
    if not quiet.any():
        return otherwise
    return np.where(np.isfinite(asked), asked - np.median(more[quiet]), otherwise)


def _log_mean(values: NDArray[np.float64], measured: NDArray[np.bool_], width: int) -> NDArray[np.float64]:
    share = np.maximum(_smooth(measured.astype(np.float64), width), 1e-9)
    return np.where(measured, _smooth(np.where(measured, values, 0.0), width) / share, np.nan)


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    return np.asarray(scipy.ndimage.uniform_filter1d(np.nan_to_num(values), width, mode="nearest"), np.float64)
