"""The error of a crystal against GSM base stations, which keep their frequency to 0.05 ppm (3GPP TS 45.010).

Each sends, five times in 51 frames, a burst of nothing but a tone a quarter of the symbol rate above its carrier (FCCH,
3GPP TS 45.002 section 5.2.4, TS 45.004). Only three such tones or more, at the times at which they must come and of one
frequency, are taken for a base station; carriers lie on whole multiples of 200 kHz.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sweep.health.bands import cut_band

__all__ = ["GSM_BANDS_HZ", "gsm_offsets"]

GSM_BANDS_HZ = ((869_200_000, 893_800_000), (925_200_000, 959_800_000))
"""Carriers of base stations that a dongle tunes: GSM 850, and GSM 900 with its extension."""

_RASTER_HZ, _BAND_HZ = 200_000, 400_000
_TONE_HZ = 1_625_000 / 24
_FRAME_S, _TONE_S = 0.06 / 13, 148 * 48 / 13e6
_PLACES = frozenset({0, 10, 20, 30, 40, 11, 21, 31, 41})
"""Frames, of 51, from one such burst to another."""

_WINDOW, _LONGEST = 0.9, 2.0  # of a burst; nothing of one is left in a window that lies so far away
_LAG = 3  # samples of the band, two symbols: data is another by then, a tone goes on
_COHERENCE, _LEAST_POWER, _LEAST_BURSTS = 0.6, 0.5, 3
_LEAST_SHARE = 0.001  # of the strongest channel: what is weaker is what that one leaves of itself beside it
_IN_TIME_FRAMES, _ALIKE_HZ = 0.03, 150.0
_FURTHEST_HZ = 85_000.0


def gsm_offsets(iq: NDArray[np.complex64], center_freq_hz: int, sample_rate_hz: int) -> list[tuple[float, float]]:
    """Find GSM base stations in a stretch of samples and how far each lies off its carrier.

    Parameters
    ----------
    iq : ndarray of complex64, shape (n,)
        Of 0.25 s or so: four bursts at least lie in them, of which three must be heard.
    center_freq_hz, sample_rate_hz : int

    Returns
    -------
    list of (float, float)
        Carrier and offset from it, in Hz.
    """
    half_hz = 0.4 * sample_rate_hz
    first = int(np.ceil((center_freq_hz - half_hz) / _RASTER_HZ)) * _RASTER_HZ
    spectrum = np.fft.fft(iq)
    cut = {
        float(carrier_hz): cut_band(
            spectrum, carrier_hz + _TONE_HZ - center_freq_hz, sample_rate_hz, band_hz=_BAND_HZ, rate_hz=_BAND_HZ
        )
        for carrier_hz in np.arange(first, center_freq_hz + half_hz, _RASTER_HZ)
    }
    powers = {carrier_hz: float(np.mean(np.abs(channel) ** 2)) for carrier_hz, (channel, _, _) in cut.items()}
    found = []
    for carrier_hz, (channel, rate_hz, middle_hz) in cut.items():
        if powers[carrier_hz] < _LEAST_SHARE * max(powers.values()):
            continue
        offsets = _of_one_station(list(_bursts(channel, rate_hz)))
        if offsets.size:
            tone_hz = float(np.median(offsets)) + middle_hz + center_freq_hz
            found.append((carrier_hz, tone_hz - _TONE_HZ - carrier_hz))
    return [one for one in found if abs(one[1]) <= _FURTHEST_HZ]


def _bursts(channel: NDArray[np.complexfloating], rate_hz: float) -> Iterator[tuple[float, float]]:
    """Give time in s and frequency in Hz of each stretch, as long as a burst, that is a tone."""
    size = round(_WINDOW * _TONE_S * rate_hz)
    power = _sums(np.abs(channel[_LAG:]) ** 2, size).real
    held = np.abs(_sums(channel[_LAG:] * channel[:-_LAG].conj(), size))
    coherent = (held > _COHERENCE * power) & (power > _LEAST_POWER * power.mean())
    edges = np.flatnonzero(np.diff(np.concatenate(([0], coherent.view(np.int8), [0]))))
    for start, stop in edges.reshape(-1, 2):
        if stop - start <= _LONGEST * _TONE_S * rate_hz:
            at = (start + stop) // 2
            part = channel[at : at + size]
            coarse = float(np.angle(np.vdot(part[:-1], part[1:])))
            part = part * np.exp(-1j * coarse * np.arange(size))
            slope = float(np.polyfit(np.arange(size), np.unwrap(np.angle(part)), 1)[0])
            yield at / rate_hz, (coarse + slope) * rate_hz / (2 * np.pi)


def _sums(values: NDArray[np.inexact], size: int) -> NDArray[np.complex128]:
    """Sum of each window of so many values."""
    total = np.concatenate(([0], np.cumsum(values)))
    return np.asarray(total[size:] - total[:-size], np.complex128)


def _of_one_station(bursts: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Frequencies of the bursts that come as those of a base station do; empty where too few do."""
    best: list[float] = []
    for begun_s, freq_hz in bursts:
        alike = [
            other_hz
            for time_s, other_hz in bursts
            if abs(other_hz - freq_hz) <= _ALIKE_HZ and _in_time((time_s - begun_s) / _FRAME_S)
        ]
        best = max(best, alike, key=len)
    return np.array(best if len(best) >= _LEAST_BURSTS else [], np.float64)


def _in_time(frames: float) -> bool:
    """Whether a burst may come so long after another one.

    Examples
    --------
    >>> [_in_time(frames) for frames in (0, 10.01, 51, -10, 5, 10.4)]
    [True, True, True, True, False, False]
    """
    whole = round(frames)
    return abs(frames - whole) <= _IN_TIME_FRAMES and whole % 51 in _PLACES
