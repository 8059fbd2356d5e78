"""Probability of detection over the level of an emitter, learnt from trials, with what is not known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import NDArray

__all__ = ["Curve", "fit_curve"]

_SIGMAS_DB = np.array([0.3, 0.6, 1.0, 1.5, 2.2, 3.3, 5.0])
_LAPSES = np.array([0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.35])
_STEP_DB, _BEYOND_DB = 0.25, 6.0
_N_DRAWS = 80


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Curves that agree with the trials, each as likely as the others; see `fit_curve`.

    Attributes
    ----------
    middle_db, sigma_db, lapse : ndarray of float64, shape (80,)
        The chance of detection of an emitter x dB over its background is ``(1 - lapse) Q(-(x - middle) / sigma)``.
    most_db : float
        Over which nothing was tried: what is stronger is found as often, and no more is claimed.
    """

    middle_db: NDArray[np.float64]
    sigma_db: NDArray[np.float64]
    lapse: NDArray[np.float64]
    most_db: float

    def chance(self, over_db: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance of detection by each curve, shape (80, ...)."""
        shape = (-1, *[1] * over_db.ndim)
        middle, sigma, lapse = (values.reshape(shape) for values in (self.middle_db, self.sigma_db, self.lapse))
        tried_db = np.minimum(over_db, self.most_db)
        return np.asarray((1 - lapse) * scipy.special.ndtr((tried_db - middle) / sigma), np.float64)


def fit_curve(over_db: NDArray[np.float64], found: NDArray[np.bool_], rng: np.random.Generator) -> Curve:
    """Draw curves by how likely they make the trials: a posterior of flat priors on a grid.

    Parameters
    ----------
    over_db : ndarray of float64, shape (n,)
        Level of each emitter over its background.
    found : ndarray of bool, shape (n,)
    rng : Generator

    Notes
    -----
    A probit with a lapse rate: however strong they are, some emitters fall where the detector does not look. See
    F. A. Wichmann and N. J. Hill, "The psychometric function: I", Perception & Psychophysics 63 (2001) 1293-1313.
    """
    middles = np.arange(over_db.min() - _BEYOND_DB, over_db.max() + _BEYOND_DB, _STEP_DB)
    shape = (middles.size, _SIGMAS_DB.size, _LAPSES.size)
    detected = scipy.special.ndtr((over_db - middles[:, None, None]) / _SIGMAS_DB[:, None])
    likelihood = np.empty(shape)
    for index, lapse in enumerate(_LAPSES):
        chance = np.clip((1 - lapse) * detected, 1e-6, 1 - 1e-6)
        likelihood[..., index] = np.where(found, np.log(chance), np.log1p(-chance)).sum(axis=-1)
    weight = np.exp(likelihood - likelihood.max()).ravel()
    total = np.cumsum(weight) / weight.sum()
    places = (np.arange(_N_DRAWS) + rng.random()) / _N_DRAWS
    middle, sigma, lapse_index = np.unravel_index(np.minimum(np.searchsorted(total, places), weight.size - 1), shape)
    order = rng.permutation(_N_DRAWS)  # two curves are paired at random
    return Curve(
        middle_db=middles[middle][order],
        sigma_db=_SIGMAS_DB[sigma][order],
        lapse=_LAPSES[lapse_index][order],
        most_db=float(over_db.max()),
    )
