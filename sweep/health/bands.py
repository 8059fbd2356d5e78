"""A band cut out of a stretch of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cut_band"]


def cut_band(
    spectrum: NDArray[np.complexfloating], offset_hz: float, sample_rate_hz: int, *, band_hz: float, rate_hz: float
) -> tuple[NDArray[np.complexfloating], float, float]:
    """Cut a band out of the spectrum of all samples.

    Parameters
    ----------
    spectrum : ndarray of complex, shape (n,)
        As `numpy.fft.fft` gives it.
    offset_hz : float
        Middle of the band against the tuned frequency.
    sample_rate_hz : int
    band_hz, rate_hz : float
        Width of the band, and the rate at which it is wanted: not less.

    Returns
    -------
    ndarray of complex, shape (about n * rate_hz / sample_rate_hz,)
        Samples of the band.
    float
        Their rate, in Hz.
    float
        What became their middle, in Hz against the tuned frequency: a whole number of steps of the spectrum.

    Examples
    --------
    >>> tone = np.exp(2j * np.pi * 0.25 * np.arange(64))
    >>> band, rate_hz, middle_hz = cut_band(np.fft.fft(tone), 250.0, 1000, band_hz=125.0, rate_hz=250.0)
    >>> band.size, rate_hz, middle_hz, bool(np.allclose(band, 1))
    (16, 250.0, 250.0, True)
    """
    n = spectrum.size
    size, half = round(rate_hz * n / sample_rate_hz), round(band_hz * n / sample_rate_hz) // 2
    middle = round(offset_hz * n / sample_rate_hz)
    inside = np.arange(-half, half)
    band = np.zeros(size, spectrum.dtype)
    band[inside % size] = spectrum[(middle + inside) % n]
    return np.fft.ifft(band) * (size / n), size * sample_rate_hz / n, middle * sample_rate_hz / n
