"""Distributions of averaged spectra: how far from noise is far."""

from __future__ import annotations

import math

import numpy as np
import scipy.special
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = [
    "DB_PER_NEPER_POWER",
    "LIN_FROM_CDB",
    "burst_level",
    "burst_p_value",
    "effective_averages",
    "log_power_variance",
    "normal_p_value",
    "to_linear",
    "to_nepers",
]

DB_PER_NEPER_POWER = 10 / math.log(10)
"""dB in one natural-logarithm unit of power."""

_HANN_HALF_OVERLAP_CORRELATION = 1 / 36  # squared correlation of neighbouring Hann frames at half overlap

_BURST_SHAPE = {"burst_1": 1.0, "burst_8": 4.2, "burst_8x4": 17.0, "burst_64": 32.9, "burst_512": 263.0}
"""Degrees of freedom over two of each box. By its variance a box of 8 Hann bins has 4.4, but its tail is heavier than
that of such a gamma variate: 4.2 keeps the chance honest down to 1e-6, measured on 4.8 million boxes of noise."""

_FRAMES_PER_TRIAL = {"burst_8x4": 1.6}  # neighbouring boxes of four frames share most of their samples


def _table() -> NDArray[np.float32]:
    table = 10.0 ** (np.arange(65536, dtype=np.uint16).view(np.int16) / 1000.0)
    table[np.uint16(32768)] = np.nan
    return table.astype(np.float32)


LIN_FROM_CDB = _table()
"""Linear power of each int16 in hundredths of a dB, indexed by its bits as uint16; NaN for "not measured"."""

_NEPERS_FROM_CDB = np.log(np.maximum(LIN_FROM_CDB, np.float32(1e-30)))


def to_linear(cdb: NDArray[np.int16]) -> NDArray[np.float32]:
    """Turn stored hundredths of a dB into linear power.

    Parameters
    ----------
    cdb : ndarray of int16, any shape

    Returns
    -------
    ndarray of float32, same shape
        NaN where the value is -32768, "not measured".

    Examples
    --------
    >>> to_linear(np.array([0, -1000, -32768], np.int16))
    array([1. , 0.1, nan], dtype=float32)
    """
    result: NDArray[np.float32] = LIN_FROM_CDB[cdb.view(np.uint16)]
    return result


def to_nepers(cdb: NDArray[np.int16]) -> NDArray[np.float32]:
    """Turn stored hundredths of a dB into the natural logarithm of power.

    Parameters
    ----------
    cdb : ndarray of int16, any shape

    Returns
    -------
    ndarray of float32, same shape
        Not below that of 1e-30; NaN where the value is -32768, "not measured".

    Examples
    --------
    >>> to_nepers(np.array([0, -1000, -32768], np.int16)).round(2)
    array([ 0. , -2.3,  nan], dtype=float32)
    """
    result: NDArray[np.float32] = _NEPERS_FROM_CDB[cdb.view(np.uint16)]
    return result


def effective_averages(n_frames: float) -> float:
    """Independent averages that half-overlapping Hann frames are worth (Welch 1967).

    Examples
    --------
    >>> round(effective_averages(64), 1)
    60.7
    """
    return n_frames / (1 + 2 * _HANN_HALF_OVERLAP_CORRELATION * (1 - 1 / n_frames))


def log_power_variance(n_averages: float) -> float:
    """Variance of the natural logarithm of a mean of exponential powers: the trigamma function.

    Parameters
    ----------
    n_averages : float
        Independent averages, above 0.

    Raises
    ------
    ParameterError
        Not above 0.

    Examples
    --------
    >>> round(log_power_variance(64), 5)
    0.01575
    """
    if not n_averages > 0:
        raise ParameterError(f"{n_averages} averages have no variance; give a number above 0")
    return float(scipy.special.polygamma(1, n_averages))


def burst_p_value(
    feature: str, value: NDArray[np.float32], n_frames: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Chance that noise alone gives a burst feature at least this large.

    Parameters
    ----------
    feature : str
        ``burst_1``, ``burst_8``, ``burst_8x4``, ``burst_64`` or ``burst_512``.
    value : ndarray of float32
        Largest box mean of relative power.
    n_frames : float or ndarray of float64
        Frames that the largest was taken over.

    Returns
    -------
    ndarray of float64
        1 - (1 - Q(a, a x))^n with Q the upper regularised incomplete gamma function and a the box's degrees of
        freedom over two. NaN where the value is NaN.

    Examples
    --------
    >>> p = burst_p_value("burst_1", np.array([5, 30], np.float32), 64)
    >>> bool(p[0] > 0.1), bool(p[1] < 1e-10)
    (True, True)
    """
    shape = _BURST_SHAPE[feature]
    one = scipy.special.gammaincc(shape, shape * np.asarray(value, np.float64))
    trials = np.asarray(n_frames, np.float64) / _FRAMES_PER_TRIAL.get(feature, 1.0)
    result: NDArray[np.float64] = -np.expm1(trials * np.log1p(-np.minimum(one, 1 - 1e-16)))
    return result


def burst_level(feature: str, p_value: float, n_frames: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Value of a burst feature that noise alone exceeds with some chance: the inverse of `burst_p_value`.

    Parameters
    ----------
    feature : str
        As for `burst_p_value`.
    p_value : float
        Above 0.
    n_frames : float or ndarray of float64

    Returns
    -------
    ndarray of float64, shape of ``n_frames``
        0 for a chance of 1 and above.

    Examples
    --------
    >>> level = burst_level("burst_8", 1e-9, 64)
    >>> bool(np.isclose(burst_p_value("burst_8", level.astype(np.float32), 64), 1e-9, rtol=1e-4))
    True
    """
    shape = _BURST_SHAPE[feature]
    trials = np.asarray(n_frames, np.float64) / _FRAMES_PER_TRIAL.get(feature, 1.0)
    one = -np.expm1(np.log1p(-min(p_value, 1.0 - 1e-16)) / trials) if p_value < 1 else np.ones_like(trials)
    return np.asarray(scipy.special.gammainccinv(shape, one) / shape, np.float64)


def normal_p_value(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance of a standard normal at or above z.

    Examples
    --------
    >>> round(float(normal_p_value(np.array([1.6449]))[0]), 3)
    0.05
    """
    result: NDArray[np.float64] = scipy.special.ndtr(-np.asarray(z, np.float64))
    return result
