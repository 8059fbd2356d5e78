"""The error of a crystal against broadcast stations, which keep their frequency far better than it does.

The mean of the instantaneous frequency of a broadcast FM station over some tenths of a second is its carrier, as sound
has no mean. Stations lie on whole multiples of 100 kHz (of 50 kHz in a few countries; ITU-R BS.412), and keep within
2 kHz, mostly within some hertz. Speech and music leave an error of a few ppm in so short a time: hence the median over
stations, and their spread is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.health.bands import cut_band

__all__ = ["CarrierError", "carrier_error", "station_offsets"]

_RASTER_HZ, _HALF_CHANNEL_HZ = 100_000, 100_000
_CLEAR_DB = 15.0
_SEGMENTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierError:
    """Frequency error over several stations.

    Attributes
    ----------
    ppm : float
        Median; positive where a station appears too low, as with a crystal that is too fast.
    spread_ppm : float
        Largest distance of a station from the median.
    n_stations : int
    known_to_ppm : float
        The spread, or how well such stations are known at all where that is more.
    """

    ppm: float
    spread_ppm: float
    n_stations: int
    known_to_ppm: float


def carrier_error(offsets: list[tuple[float, float]], *, known_to_ppm: float) -> CarrierError | None:
    """Join what stations say; None of none.

    Parameters
    ----------
    offsets : list of (float, float)
        Frequency and offset from it of each station, in Hz.
    known_to_ppm : float
        How well such stations are known where they all agree.

    Examples
    --------
    >>> error = carrier_error([(100e6, -3000.0), (90e6, -2700.0), (98e6, -2940.0)], known_to_ppm=0.5)
    >>> error.ppm, error.spread_ppm, error.n_stations, error.known_to_ppm
    (30.0, 0.0, 3, 0.5)
    """
    if not offsets:
        return None
    ppm = np.array([-1e6 * offset_hz / freq_hz for freq_hz, offset_hz in offsets])
    middle = float(np.median(ppm))
    spread = round(float(np.max(np.abs(ppm - middle))), 3)
    return CarrierError(
        ppm=round(middle, 3), spread_ppm=spread, n_stations=ppm.size, known_to_ppm=max(spread, known_to_ppm)
    )


def station_offsets(iq: NDArray[np.complex64], center_freq_hz: int, sample_rate_hz: int) -> list[tuple[float, float]]:
    """Find the FM stations in a stretch of samples and how far each lies off the raster.

    Parameters
    ----------
    iq : ndarray of complex64, shape (n,)
    center_freq_hz, sample_rate_hz : int

    Returns
    -------
    list of (float, float)
        Frequency on the raster and offset from it, in Hz.
    """
    half_hz = 0.4 * sample_rate_hz - _HALF_CHANNEL_HZ
    first = int(np.ceil((center_freq_hz - half_hz) / _RASTER_HZ)) * _RASTER_HZ
    channels = np.arange(first, center_freq_hz + half_hz, _RASTER_HZ)
    if not channels.size:
        return []
    spectrum, step_hz = _spectrum(iq, sample_rate_hz)
    levels_db = np.array([_channel_db(spectrum, step_hz, freq_hz - center_freq_hz) for freq_hz in channels])
    floor_db = float(np.percentile(levels_db, 20))
    whole, found = np.fft.fft(iq), []
    for index, level_db in enumerate(levels_db):
        around = levels_db[max(0, index - 2) : index + 3]
        if level_db < floor_db + _CLEAR_DB or level_db < around.max():
            continue
        freq_hz = float(channels[index])
        found.append((freq_hz, _mean_offset_hz(whole, freq_hz - center_freq_hz, sample_rate_hz)))
    return found


def _spectrum(iq: NDArray[np.complex64], sample_rate_hz: int) -> tuple[NDArray[np.float64], float]:
    size = iq.size // _SEGMENTS
    frames = iq[: size * _SEGMENTS].reshape(_SEGMENTS, size) * np.hanning(size).astype(np.float32)
    power = np.mean(np.abs(np.fft.fft(frames)) ** 2, axis=0)
    return np.asarray(power, np.float64), sample_rate_hz / size


def _channel_db(spectrum: NDArray[np.float64], step_hz: float, offset_hz: float) -> float:
    middle, half = round(offset_hz / step_hz), max(1, round(0.5 * _HALF_CHANNEL_HZ / step_hz))
    bins = spectrum[np.arange(middle - half, middle + half + 1) % spectrum.size]
    return float(10 * np.log10(bins.mean() + 1e-30))


def _mean_offset_hz(spectrum: NDArray[np.complexfloating], offset_hz: float, sample_rate_hz: int) -> float:
    """Mean instantaneous frequency of one channel against the middle of its raster."""
    rate_hz = 4.0 * _HALF_CHANNEL_HZ
    channel, rate_hz, middle_hz = cut_band(
        spectrum, offset_hz, sample_rate_hz, band_hz=2.0 * _HALF_CHANNEL_HZ, rate_hz=rate_hz
    )
    channel = channel[channel.size // 50 : -(channel.size // 50)]  # the ends ring
    steps = channel[1:] * channel[:-1].conj()
    return float(np.angle(steps).mean() * rate_hz / (2 * np.pi)) + middle_hz - offset_hz
