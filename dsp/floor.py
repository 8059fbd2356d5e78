"""Noise floor of a spectrum that also holds emitters, without a baseline."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["forward_mean_excision", "hop_floors", "noise_floor", "whittaker"]

_ASYMMETRY = 0.08  # weight of a bin above the curve against one below it, in the first, rough fit
_ROUGH_FITS, _CLIPPED_FITS = 12, 6
_CLIP_SIGMAS = 2.5
_CROWDED = 0.4  # above this share of occupied bins the quantile itself stands on emitters


def whittaker(y: NDArray[np.float64], weight: NDArray[np.float64], stiffness: float) -> NDArray[np.float64]:
    """Smooth a curve by penalised least squares on its second differences (Whittaker 1923, Eilers 2003).

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Finite wherever its weight is above 0.
    weight : ndarray of float64, shape (n,)
        0 or above, not all 0.
    stiffness : float
        The penalty; features shorter than about 2 pi times its fourth root are smoothed away.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ParameterError
        Fewer than 3 points, or all weights 0.

    Examples
    --------
    >>> line = np.arange(9.0)
    >>> bool(np.allclose(whittaker(line, np.ones(9), 1e4), line))
    True
    """
    n = y.size
    if n < 3 or not np.any(weight > 0):
        raise ParameterError(f"a smoother needs at least 3 points with weight, not {n}")
    bands = np.zeros((3, n))
    bands[0, 2:] = 1
    bands[1, 1] = bands[1, -1] = -2
    bands[1, 2:-1] = -4
    bands[2] = 6
    bands[2, [0, -1]] = 1
    bands[2, [1, -2]] = 5 if n > 3 else 4
    bands *= stiffness
    bands[2] += weight + 1e-9
    smooth: NDArray[np.float64] = scipy.linalg.solveh_banded(bands, weight * np.where(weight > 0, y, 0.0))
    return smooth


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
    """Estimate the noise floor under the emitters of one hop.

    A stiff curve is fitted from below (asymmetric least squares, Eilers 2005), then refitted to the bins that do not
    stand out above it. In a crowded hop the curve may not rise above the level of forward mean excision.

    Parameters
    ----------
    power_db : ndarray, shape (n,)
        Mean power of each bin in dB; NaN where not measured.
    sigma_db : float
        Standard deviation of a noise bin in dB.

    Returns
    -------
    ndarray of float64, shape (n,)
        Floor in the same dB; NaN everywhere when fewer than 3 bins were measured.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = -60 + 0.5 * rng.standard_normal(768)
    >>> y[300:330] += 20
    >>> bool(abs(noise_floor(y, 0.5) + 60).max() < 0.4)
    True
    """
    y = np.asarray(power_db, np.float64)
    known = np.isfinite(y)
    if np.count_nonzero(known) < 3:
        return np.full(y.size, np.nan)
    filled = np.where(known, y, 0.0)
    stiffness = max(10.0, (y.size / 12) ** 4)
    curve = np.full(y.size, np.quantile(y[known], 0.2))
    for _ in range(_ROUGH_FITS):
        weight = np.where(filled > curve, _ASYMMETRY, 1.0) * known
        curve = whittaker(np.minimum(filled, curve + 10 * sigma_db), weight, stiffness)
    curve = curve + 0.8 * sigma_db  # the expectile of this asymmetry lies about that far below the mean
    sigma = max(sigma_db, 0.05)
    for _ in range(_CLIPPED_FITS):
        low = (filled < curve + _CLIP_SIGMAS * sigma) & known
        if np.count_nonzero(low) < max(3, y.size // 20):
            break
        curve = whittaker(filled, low.astype(np.float64), stiffness)
    occupied = np.mean(filled[known] > curve[known] + 4 * sigma)
    if occupied > _CROWDED:
        averages = (10 / np.log(10) / sigma) ** 2
        level = 10 * np.log10(forward_mean_excision(10 ** (y[known] / 10), averages))
        curve = np.minimum(curve, level + sigma)
    curve[~known] = np.nan
    return curve


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
    hops = np.asarray(power_db, np.float64).reshape(-1, hop_bins)
    floors = np.array([noise_floor(hop, sigma_db) for hop in hops])
    level = np.array([np.median(floor) if np.isfinite(floor).all() else np.nan for floor in floors])
    if len(hops) < 5:
        return floors.ravel()
    for index, own in enumerate(level):
        around = level[max(0, index - 30) : index + 31]
        usual = np.nanquantile(around, 0.15) if np.isfinite(around).any() else np.nan
        if own > usual + 3.0:  # a wide multiplex fills the hop
            floors[index] += usual - own
    return floors.ravel()
