"""The weakest emitter of each kind that a visit would have found, band by band, from trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.injection.curves import Curve
from baselines.injection.signals import KINDS, Kind
from baselines.injection.trials import Trial, Visit, curve_of, run_trials
from baselines.minutes import dwells_met

__all__ = ["Sensitivity", "measure_sensitivity"]

_WANTED = 0.9
_INTERVAL = (0.025, 0.5, 0.975)
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
    backgrounds : dict of str to (ndarray, ndarray)
        Those of `Visit.background` by kind.
    """

    visit: Visit
    trials: tuple[Trial, ...]
    curves: Mapping[str, Mapping[bool, Curve]]
    backgrounds: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]

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
            kind the chance ``met`` that a dwell met it at all, and ``if_met_dbfs``. None where too few were tried.
        """
        curves = self.curves.get(kind.name)
        if curves is None:
            return None
        level_db, chance = self._chances(bins, kind, curves)
        low, middle, high = _crossings(level_db, chance, _WANTED)
        if not kind.keyed:
            return {"dbfs": middle, "low": low, "high": high}
        met = self._met(bins)
        told = {"met": round(met, 4), "if_met_dbfs": middle}
        low, middle, high = _crossings(level_db, chance, _WANTED / max(met, 1e-9))
        return {"dbfs": middle, "low": low, "high": high, **told}

    def n_trials(self, kind: Kind) -> int:
        """Emitters of a kind that were injected."""
        return sum(trial.kind is kind for trial in self.trials)

    def _chances(
        self, bins: slice, kind: Kind, curves: Mapping[bool, Curve]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Chance of detection in the places of a band, by level in dBFS and by curve."""
        background, is_busy_bin = self.backgrounds[kind.name]
        known = np.isfinite(background[bins])
        here, busy = background[bins][known], is_busy_bin[bins][known]
        level_db = np.arange(here.min() - _BELOW_DB, here.max() + _ABOVE_DB, _STEP_DB)
        chance = np.zeros((next(iter(curves.values())).middle_db.size, level_db.size))
        for is_busy in (False, True):
            places = here[busy == is_busy]
            curve = curves.get(is_busy, curves.get(not is_busy))
            if places.size and curve is not None:
                typical = np.quantile(places, np.linspace(0.5 / _QUANTILES, 1 - 0.5 / _QUANTILES, _QUANTILES))
                for place in typical:
                    chance += curve.chance(level_db - place) * (places.size / here.size / _QUANTILES)
        return level_db, chance

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
    trials = tuple(run_trials(visit, kinds))
    rng = np.random.default_rng(len(trials))
    curves: dict[str, dict[bool, Curve]] = {}
    for kind in kinds:
        for busy in (False, True):
            mine = [trial for trial in trials if trial.kind is kind and trial.busy is busy]
            if len(mine) >= _FEWEST_TRIALS:
                curves.setdefault(kind.name, {})[busy] = curve_of(mine, rng)
    backgrounds = {kind.name: visit.background(kind) for kind in kinds}
    return Sensitivity(visit=visit, trials=trials, curves=curves, backgrounds=backgrounds)


def _crossings(
    level_db: NDArray[np.float64], chance: NDArray[np.float64], wanted: float
) -> tuple[float | None, float | None, float | None]:
    """Least level that is found so often: 2.5 %, median and 97.5 % over the curves; None beyond all levels."""
    reached = chance >= wanted
    least = np.where(reached.any(axis=1), level_db[reached.argmax(axis=1)], np.inf)
    low, middle, high = np.quantile(least, _INTERVAL, method="nearest")
    low, middle, high = (round(float(value), 1) if np.isfinite(value) else None for value in (low, middle, high))
    return low, middle, high
