"""The weakest emitter of each kind that a visit would have found, band by band, from trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.injection.curves import Curve
from baselines.injection.places import Places
from baselines.injection.signals import KINDS, Kind
from baselines.injection.trials import Trial, Visit, curve_of, run_trials
from baselines.minutes import dwells_met

__all__ = ["Sensitivity", "measure_sensitivity"]

_WANTED = 0.9
_INTERVAL = (0.025, 0.975)
_LEVELS = ("dbfs", "low", "high")
_LEVELS_IF_MET = ("if_met_dbfs", "if_met_low", "if_met_high")
_STEP_DB, _BELOW_DB, _ABOVE_DB = 0.2, 20.0, 35.0
_QUANTILES = 21
_FEWEST_TRIALS = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivity:
    """What trials showed of a visit.

    Attributes
    ----------
    visit : Visit
    trials : tuple of Trial
    curves : dict of str to dict of bool to Curve
        By kind, in quiet and in busy places, where there were enough trials.
    places : dict of str to Places
        Those of `Visit.places` by kind.
    """

    visit: Visit
    trials: tuple[Trial, ...]
    curves: Mapping[str, Mapping[bool, Curve]]
    places: Mapping[str, Places]

    def of_band(self, bins: slice, kind: Kind) -> dict[str, Any] | None:
        """The weakest emitter of a kind found with probability 0.9, wherever in a band it may be.

        Parameters
        ----------
        bins : slice
            Of the row.
        kind : Kind

        Returns
        -------
        dict or None
            ``dbfs`` with its 95 % interval ``low`` and ``high``, None where no level is found so often; of a keyed
            kind the chance ``met`` that a dwell met it at all, and ``if_met_dbfs``, ``if_met_low`` and ``if_met_high``.
            ``busy_share`` of the places of the band have others, that can mask an emitter; ``elsewhere`` has the same
            levels for the rest of the places, and is None where there is no rest. None where too few were tried.

        Notes
        -----
        ``dbfs`` is where the mean over all curves that agree with the trials reaches 0.9, so that over many bands and
        visits it is kept; the middle of the levels at which each of them does would be too low.
        """
        curves = self.curves.get(kind.name)
        if curves is None:
            return None
        met = self._met(bins) if kind.keyed else None
        places = self.places[kind.name]
        known = np.isfinite(places.level_dbfs[bins])
        busy = places.busy[bins][known]
        told = _told(places.level_dbfs[bins][known], busy, curves, met)
        quiet = places.level_dbfs[bins][known][~busy]
        elsewhere = _told(quiet, np.zeros(quiet.size, bool), curves, met) if quiet.size else None
        return {**told, "busy_share": round(float(busy.mean()), 3), "elsewhere": elsewhere}

    def n_trials(self, kind: Kind) -> int:
        """Emitters of a kind that were injected."""
        return sum(trial.kind is kind for trial in self.trials)

    def _met(self, bins: slice) -> float:
        """Chance that a burst of a second in each minute met any dwell, mean over the hops of a band."""
        summary = self.visit.summary
        if summary.by_minute is None:
            return 0.0
        hops = slice(bins.start // summary.layout.hop_bins, -(-bins.stop // summary.layout.hop_bins))
        met = dwells_met(summary.by_minute[:, hops].sum(axis=0))
        return float(np.mean(met > 0))


def measure_sensitivity(visit: Visit, kinds: Sequence[Kind] = KINDS) -> Sensitivity:
    """Try what a visit finds.

    Parameters
    ----------
    visit : Visit
        Of samples whose frames were counted.
    kinds : sequence of Kind
    """
    places = visit.places(kinds)
    trials = tuple(run_trials(visit, kinds, places))
    rng = np.random.default_rng(len(trials))
    curves: dict[str, dict[bool, Curve]] = {}
    for kind in kinds:
        for busy in (False, True):
            mine = [trial for trial in trials if trial.kind is kind and trial.busy is busy]
            if len(mine) >= _FEWEST_TRIALS:
                curves.setdefault(kind.name, {})[busy] = curve_of(mine, rng)
    return Sensitivity(visit=visit, trials=trials, curves=curves, places=places)


def _told(
    place_dbfs: NDArray[np.float64], busy: NDArray[np.bool_], curves: Mapping[bool, Curve], met: float | None
) -> dict[str, Any]:
    """Levels at which emitters at some places are found with probability 0.9, and once a dwell met them."""
    level_db, chance = _chances(place_dbfs, busy, curves)
    if met is None:
        return dict(zip(_LEVELS, _crossings(level_db, chance, _WANTED), strict=True))
    if_met = dict(zip(_LEVELS_IF_MET, _crossings(level_db, chance, _WANTED), strict=True))
    told = dict(zip(_LEVELS, _crossings(level_db, chance, _WANTED / max(met, 1e-9)), strict=True))
    return {**told, "met": round(met, 4), **if_met}


def _chances(
    place_dbfs: NDArray[np.float64], busy: NDArray[np.bool_], curves: Mapping[bool, Curve]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chance of detection at some places, by level in dBFS and by curve; both in steps of 0.2 dB."""
    low, high = place_dbfs.min() - _BELOW_DB, place_dbfs.max() + _ABOVE_DB
    steps = np.arange(round(low / _STEP_DB), round(high / _STEP_DB) + 1)
    chance = np.zeros((next(iter(curves.values())).middle_db.size, steps.size))
    for is_busy in (False, True):
        some = place_dbfs[busy == is_busy]
        curve = curves.get(is_busy, curves.get(not is_busy))
        if not some.size or curve is None:
            continue
        typical = np.quantile(some, np.linspace(0.5 / _QUANTILES, 1 - 0.5 / _QUANTILES, _QUANTILES))
        places = np.rint(typical / _STEP_DB).astype(np.int64)
        over = np.arange(steps[0] - places.max(), steps[-1] - places.min() + 1)
        found = curve.chance(_STEP_DB * over)
        for place in places:  # at another place the curve is as many steps further on
            first = int(steps[0] - place - over[0])
            chance += found[:, first : first + steps.size] * (some.size / place_dbfs.size / _QUANTILES)
    return _STEP_DB * steps, chance


def _crossings(
    level_db: NDArray[np.float64], chance: NDArray[np.float64], wanted: float
) -> tuple[float | None, float | None, float | None]:
    """Least level that is found so often, with its 95 % interval over the curves; None beyond all levels."""
    every = np.concatenate([chance, chance.mean(axis=0, keepdims=True)])
    reached = every >= wanted
    least = np.where(reached.any(axis=1), level_db[reached.argmax(axis=1)], np.inf)
    low, high = np.quantile(least[:-1], _INTERVAL, method="nearest")
    ends = (least[-1], min(low, least[-1]), max(high, least[-1]))
    level, low, high = (round(float(value), 1) if np.isfinite(value) else None for value in ends)
    return level, low, high
