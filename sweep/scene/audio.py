"""Speech-like and music-like sound, made rather than recorded.

A transmitter's spectrum depends on what it sends: speech has pitch, syllables and pauses, and a station sends
compressed music. Both are periodic without a seam, so they can be entered anywhere.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["integral", "music", "speech"]

Sound = NDArray[np.float64]

SPEECH_RATE_HZ = 16_000
MUSIC_RATE_HZ = 40_000


def _smooth(rng: np.random.Generator, n: int, seconds: float, cutoff_hz: float) -> Sound:
    """Periodic Gaussian noise below a cutoff, standard deviation 1."""
    freqs = fft.rfftfreq(n, seconds / n)
    shape = np.exp(-0.5 * (freqs / cutoff_hz) ** 2) * (freqs > 0)
    noise = fft.irfft(shape * (rng.standard_normal(freqs.size) + 1j * rng.standard_normal(freqs.size)), n)
    return np.asarray(noise / noise.std(), np.float64)


def _shaped(rng: np.random.Generator, n: int, seconds: float, gain: Sound) -> Sound:
    noise = fft.irfft(gain * (rng.standard_normal(gain.size) + 1j * rng.standard_normal(gain.size)), n)
    return np.asarray(noise / noise.std(), np.float64)


def _to_full_deviation(spectrum: NDArray[np.complex128], n: int) -> Sound:
    """Give the sound of a spectrum, scaled so that it reaches +-1, between its samples too."""
    peak = np.abs(fft.irfft(spectrum, 8 * n)).max() * 8
    sound = np.asarray(fft.irfft(spectrum, n) / peak, np.float64)
    sound.setflags(write=False)
    return sound


@lru_cache(maxsize=2)
def speech(seconds: float = 4.0) -> Sound:
    """Make speech-like sound: pitch harmonics under moving formants, hiss, syllables and pauses.

    Parameters
    ----------
    seconds : float
        Period.

    Returns
    -------
    ndarray of float64, shape (16000 * seconds,)
        At 16 kHz, limited to +-1, band 300 to 3000 Hz with 6 dB/octave pre-emphasis, as a radio's microphone
        amplifier gives it.
    """
    rng = np.random.default_rng(20261123)
    n = round(SPEECH_RATE_HZ * seconds)
    pitch = 120 * np.exp(0.15 * _smooth(rng, n, seconds, 3.0))
    turns = np.cumsum(pitch) / SPEECH_RATE_HZ
    turns *= round(turns[-1]) / turns[-1]
    formants = [500 + 150 * _smooth(rng, n, seconds, 4.0), 1500 + 400 * _smooth(rng, n, seconds, 4.0)]
    voiced = np.zeros(n)
    for harmonic in range(1, 30):
        tone = harmonic * pitch
        weight = sum(np.exp(-0.5 * ((tone - formant) / 180) ** 2) for formant in formants)
        voiced += weight * np.cos(2 * np.pi * (harmonic * turns + rng.random()))
    freqs = fft.rfftfreq(n, seconds / n)
    hiss = _shaped(rng, n, seconds, np.exp(-0.5 * ((freqs - 2600) / 700) ** 2))
    syllables = np.clip(0.35 + 0.6 * _smooth(rng, n, seconds, 3.0), 0.02, 1)
    hissing = np.clip(_smooth(rng, n, seconds, 4.0) - 0.7, 0, 1)
    sound = syllables * (voiced / voiced.std() + hissing * hiss)
    band = fft.rfft(sound) * (freqs / 1000) / (1 + (300 / np.maximum(freqs, 1)) ** 4) / (1 + (freqs / 3000) ** 12)
    sound = fft.irfft(band, n)
    limited = np.tanh(0.8 * sound / sound.std())
    # a low-pass after the limiter, as every transmitter has, keeps the splash of the limiter off the air
    filtered = fft.rfft(np.asarray(limited, np.float64)) / (1 + (freqs / 3200) ** 12)
    return _to_full_deviation(np.asarray(filtered, np.complex128), n)


@lru_cache(maxsize=2)
def music(seconds: float = 1.0) -> tuple[Sound, Sound]:
    """Make music-like stereo sound, left and right, at 40 kHz, 30 Hz to 15 kHz.

    Pink noise and chords under a beat, heavily compressed, then 50 us pre-emphasis (ITU-R BS.450), limited to +-1.
    """
    rng = np.random.default_rng(19540101)
    n = round(MUSIC_RATE_HZ * seconds)
    freqs = fft.rfftfreq(n, seconds / n)
    pink = np.where(freqs > 30, 1 / np.sqrt(np.maximum(freqs, 30)), 0) / (1 + (freqs / 9000) ** 4)
    beat = 0.5 + np.exp(-np.mod(np.arange(n) / n * 4, 1) * 5)
    turns = np.arange(n) / n
    chord = sum(np.sin(2 * np.pi * (round(tone * seconds) * turns + rng.random())) for tone in (220, 277, 330, 440))
    middle = beat * _shaped(rng, n, seconds, pink) + 0.25 * chord
    emphasis = (1 + 2j * np.pi * freqs * 50e-6) / (1 + (freqs / 15_000) ** 30)
    sides = []
    for _ in range(2):
        dry = np.tanh(0.6 * (middle + 0.4 * _shaped(rng, n, seconds, pink)))
        wet = np.tanh(0.9 * fft.irfft(fft.rfft(dry) * emphasis, n))
        sides.append(_to_full_deviation(fft.rfft(wet) / (1 + (freqs / 15_000) ** 30), n))
    return sides[0], sides[1]


def integral(sound: Sound, seconds: float, n: int) -> Sound:
    """Integrate periodic sound over time and sample it at n points of its period.

    Parameters
    ----------
    sound : ndarray of float64
        One period; its mean is taken away, so that the integral is periodic too.
    seconds : float
        Period.
    n : int
        Points wanted, at least as many as the sound has.

    Returns
    -------
    ndarray of float64, shape (n,), unit s
        Times a frequency deviation in Hz it is a phase in cycles.

    Examples
    --------
    >>> import numpy as np
    >>> sound = np.cos(2 * np.pi * np.arange(100) / 100)
    >>> bool(np.allclose(integral(sound, 1.0, 400)[100], 1 / (2 * np.pi)))
    True
    """
    spectrum = fft.rfft(sound)
    order = np.arange(spectrum.size)
    spectrum = spectrum / (2j * np.pi * np.maximum(order, 1) / seconds) * (order > 0)
    return np.asarray(fft.irfft(spectrum, n) * (n / sound.size), np.float64)
