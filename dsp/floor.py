"""Noise floor of a spectrum that also holds emitters, without a baseline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.groups import known_median, known_quantile

__all__ = ["forward_mean_excision", "hop_floors", "noise_floor", "whittaker"]

_SIDE_BY_SIDE = 90  # from so many rows on
_WELL_POSED = 1e-9
_ASYMMETRY = 0.08  # weight of a bin above the curve against one below it, in the first, rough fit
_ROUGH_FITS, _CLIPPED_FITS = 12, 6
_SETTLED_DB = 1e-6  # a hop that moves by less in a fit is not fitted again
_CLIP_SIGMAS, _CLIPPED_WEIGHT = 2.5, 0.01
_FEWEST_BINS = 3
_WIDEST_BINS = 8192  # a stiffer curve over more bins would be beyond double precision
_CROWDED = 0.4  # above this share of occupied bins the quantile itself stands on emitters

_NEIGHBOURS, _FEWEST_NEIGHBOURS = 30, 3
_LOW_SHARE, _BULGE_DB = 0.2, 2.0  # no passband bulges more over the fifth of it that is lowest
_MULTIPLEX_DB = 2.0  # a hop this far above both its sides is full of signal


def whittaker(y: NDArray[np.float64], weight: NDArray[np.float64], stiffness: float) -> NDArray[np.float64]:
    """Smooth curves by penalised least squares on their second differences (Whittaker 1923, Eilers 2003).

    Parameters
    ----------
    y : ndarray of float64, shape (..., n)
        Each row is smoothed by itself. Finite wherever its weight is above 0.
    weight : ndarray of float64, same shape
        0 or above; a row of zeros gives a meaningless curve.
    stiffness : float
        The penalty; features shorter than about 2 pi times its fourth root are smoothed away.

    Returns
    -------
    ndarray of float64, same shape

    Raises
    ------
    ParameterError
        Fewer than 3 points in a row.

    Examples
    --------
    >>> line = np.arange(9.0)
    >>> bool(np.allclose(whittaker(line, np.ones(9), 1e4), line))
    True
    """
    n = y.shape[-1]
    if n < 3:
        raise ParameterError(f"a smoother needs at least 3 points, not {n}")
    bands = np.zeros((3, n))  # second-difference penalty D'D: two upper diagonals and the main one
    bands[0, 2:] = 1
    bands[1, 1:] = -4
    bands[1, [1, -1]] = -2
    bands[2] = 6
    bands[2, [1, -2]] = 5 if n > 3 else 4
    bands[2, [0, -1]] = 1
    right = np.where(weight > 0, y, 0.0) * weight
    n_rows = y.size // n
    if n_rows >= _SIDE_BY_SIDE:
        return _solved_side_by_side(stiffness * bands, weight.reshape(-1, n), right.reshape(-1, n)).reshape(y.shape)
    system = np.tile(stiffness * bands, n_rows)  # the corners of a row are zero, so rows do not touch
    system[2] += weight.ravel() + _WELL_POSED
    smooth: NDArray[np.float64] = scipy.linalg.solveh_banded(system, right.ravel(), check_finite=False)
    return smooth.reshape(y.shape)


def _solved_side_by_side(
    bands: NDArray[np.float64], weight: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve many systems of a penalty and of weights on its diagonal, a row each.

    Each step of the elimination (LDL', Golub and Van Loan, 4.3.6) is one operation on all rows; LAPACK, which takes
    them one after another, calls a function for each element and needs three times as long. Everything is over the
    outermost coefficient of the penalty: then a multiplier of the second row back is the inverse pivot itself.
    """
    scale = 1 / float(bands[0, -1])
    couplings = scale * np.append(bands[1, 1:], 0.0)
    inverses = scale * weight.T  # of the pivots, step by step
    inverses += scale * (bands[2] + _WELL_POSED)[:, None]
    solved = scale * right.T
    multipliers = np.empty_like(solved)
    nothing = coupling = np.zeros(len(right))
    inverse_2 = inverse_1 = solved_2 = solved_1 = multiplier_1 = nothing  # of one and two steps ago
    for step, usual in enumerate(couplings):
        pivot, own, multiplier = inverses[step], solved[step], multipliers[step]
        pivot -= coupling * multiplier_1
        pivot -= inverse_2
        np.reciprocal(pivot, out=pivot)
        own -= coupling * solved_1
        own -= solved_2
        own *= pivot
        coupling = usual - multiplier_1
        np.multiply(coupling, pivot, out=multiplier)
        inverse_2, inverse_1, solved_2, solved_1, multiplier_1 = inverse_1, pivot, solved_1, own, multiplier
    solved_2 = solved_1 = nothing
    for step in reversed(range(len(solved))):
        own = solved[step]
        own -= multipliers[step] * solved_1
        own -= inverses[step] * solved_2
        solved_2, solved_1 = solved_1, own
    return solved.T


def forward_mean_excision(power: NDArray[np.float64], n_averages: float) -> float:
    """Mean noise power of a crowded band by forward consecutive mean excision (Vartiainen 2010).

    Parameters
    ----------
    power : ndarray of float64, shape (n,)
        Linear mean power of each bin.
    n_averages : float
        Independent averages in each.

    Returns
    -------
    float
        Linear power.
    """
    ordered = np.sort(power)
    n_kept = max(3, ordered.size // 10)
    factor = 1 + 3 / np.sqrt(n_averages)
    means = np.cumsum(ordered) / np.arange(1, ordered.size + 1)
    while n_kept < ordered.size and ordered[n_kept] <= factor * means[n_kept - 1]:
        n_kept += 1
    return float(means[n_kept - 1])


def noise_floor(power_db: NDArray[np.floating], sigma_db: float) -> NDArray[np.float64]:
    """Estimate the noise floor under the emitters of each hop.

    A stiff curve is fitted from below (asymmetric least squares, Eilers 2005), then refitted to the bins that do not
    stand out above it. A crowded hop gets the one level of forward mean excision.

    Parameters
    ----------
    power_db : ndarray, shape (..., n)
        Mean power of each bin in dB, a hop a row; NaN where not measured.
    sigma_db : float
        Standard deviation of a noise bin in dB.

    Returns
    -------
    ndarray of float64, same shape
        Floor in the same dB; NaN in every hop with fewer than 3 measured bins, and in bins not measured.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = -60 + 0.5 * rng.standard_normal(768)
    >>> y[300:330] += 20
    >>> bool(abs(noise_floor(y, 0.5) + 60).max() < 0.4)
    True
    """
    y = np.atleast_2d(np.asarray(power_db, np.float64))
    known = np.isfinite(y)
    n_known = np.count_nonzero(known, axis=1)
    floor = np.full(y.shape, np.nan)
    for count in np.unique(n_known[n_known >= _FEWEST_BINS]):  # hops with as many known bins are fitted together
        mine = known & (n_known == count)[:, None]
        floor[mine] = _floor_of_known(y[mine].reshape(-1, count), sigma_db).ravel()
    return floor.reshape(np.shape(power_db))


def _floor_of_known(y: NDArray[np.float64], sigma_db: float) -> NDArray[np.float64]:
    y = np.asfortranarray(y)  # hops side by side: what is solved for all of them at once lies together
    sigma = max(sigma_db, 0.05)
    curve = _clipped_fit(y, _rough_fit(y, sigma_db), sigma)
    occupied = np.mean(y > curve + 4 * sigma, axis=1) > _CROWDED
    averages = (10 / np.log(10) / sigma) ** 2
    for hop in np.flatnonzero(occupied):
        level = 10 * np.log10(forward_mean_excision(10 ** (y[hop] / 10), averages))
        curve[hop] = level  # too few bins are left to know its shape
    return curve


def _rough_fit(y: NDArray[np.float64], sigma_db: float) -> NDArray[np.float64]:
    def refit(y: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
        weight = np.where(y > curve, _ASYMMETRY, 1.0)
        return whittaker(np.minimum(y, curve + 10 * sigma_db), weight, _stiffness(y))

    start = np.zeros_like(y) + np.quantile(y, 0.2, axis=1, keepdims=True)
    curve = _settled(refit, y, start, _ROUGH_FITS)
    return curve + 0.8 * sigma_db  # the expectile of this asymmetry lies about that far below the mean


def _clipped_fit(y: NDArray[np.float64], curve: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    def refit(y: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
        low = y < curve + _CLIP_SIGMAS * sigma
        enough = np.count_nonzero(low, axis=1, keepdims=True) >= max(3, y.shape[1] // 20)
        # A bin that stands out says nothing new; a little weight on the curve so far keeps the system well posed.
        refitted = whittaker(np.where(low, y, curve), np.where(low, 1.0, _CLIPPED_WEIGHT), _stiffness(y))
        return np.where(enough, refitted, curve)

    return _settled(refit, y, curve, _CLIPPED_FITS)


def _settled(
    refit: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    y: NDArray[np.float64],
    curve: NDArray[np.float64],
    rounds: int,
) -> NDArray[np.float64]:
    """Refit the curve of each hop, a row, until it stays where it is, but at most so often."""
    moving = np.arange(len(y))
    for _ in range(rounds):
        before = _hops(curve, moving)
        after = refit(_hops(y, moving), before)
        still = np.abs(after - before).max(axis=1) <= _SETTLED_DB
        if moving.size == len(y):
            curve = after
        else:
            curve[moving] = after
        moving = moving[~still]
        if moving.size == 0:
            break
    return curve


def _hops(values: NDArray[np.float64], hops: NDArray[np.int64]) -> NDArray[np.float64]:
    """Some rows of values, still side by side in memory."""
    return values if len(hops) == len(values) else np.take(values.T, hops, axis=1).T


def _stiffness(y: NDArray[np.float64]) -> float:
    return max(10.0, float(min(y.shape[1], _WIDEST_BINS) / 12) ** 4)


def hop_floors(power_db: NDArray[np.floating], hop_bins: int, sigma_db: float) -> NDArray[np.float64]:
    """Noise floor of a whole row, hop by hop, where a hop that is full of signal borrows from its neighbours.

    Parameters
    ----------
    power_db : ndarray, shape (n_hops * hop_bins,)
        In dB; NaN where not measured.
    hop_bins : int
    sigma_db : float
        Standard deviation of a noise bin in dB.

    Returns
    -------
    ndarray of float64, shape (n_hops * hop_bins,)
    """
    floors = noise_floor(np.asarray(power_db, np.float64).reshape(-1, hop_bins), sigma_db)
    if len(floors) < 5:
        return floors.ravel()
    # A curve that rose into a signal which reaches the edge of its hop is held down to what is known of the rest.
    floors = np.minimum(floors, known_quantile(floors.T, _LOW_SHARE)[:, None] + _BULGE_DB)
    level = known_median(floors.T)
    missing = np.full(_NEIGHBOURS, np.nan)
    sides = np.lib.stride_tricks.sliding_window_view(np.concatenate([missing, level, missing]), _NEIGHBOURS)
    quarter = known_quantile(sides.T, 0.25)
    quarter[np.count_nonzero(np.isfinite(sides), axis=1) < _FEWEST_NEIGHBOURS] = np.nan
    # Noise that slopes is above one side only: the higher one counts.
    usual = np.maximum(quarter[: level.size], quarter[_NEIGHBOURS + 1 :])
    return (floors + np.where(level > usual + _MULTIPLEX_DB, usual - level, 0.0)[:, None]).ravel()
