"""Periodic modulation waveforms, made once for a sample rate and then cut from anywhere.

Pulses are shaped in the frequency domain of the whole period, which gives exact filters at any ratio of sample rate
to symbol rate, and no seam. A library is coarse where linear interpolation between its points is good enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sweep.scene.audio import integral, music, speech
from sweep.scene.window import to_phase

__all__ = [
    "Library",
    "carrier_phase",
    "dmr_phase",
    "dsss_baseband",
    "gsm_phase",
    "speech_integral",
    "stereo_phase",
    "tetra_baseband",
]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """One period of a waveform: its points lie ``step`` samples apart."""

    points: NDArray[np.generic]
    step: int


def _library(points: NDArray[np.generic], step: int) -> Library:
    points.setflags(write=False)
    return Library(points, step)


def _grid(sample_rate_hz: int, least_rate_hz: float, seconds: float) -> tuple[int, int, float]:
    """Choose the step in samples, the number of points, and the exact period in seconds."""
    step = max(1, int(sample_rate_hz // least_rate_hz))
    n = round(seconds * sample_rate_hz / step)
    return step, n, n * step / sample_rate_hz


def _shape(
    symbols: NDArray[np.float64] | NDArray[np.complex128],
    pulse: NDArray[np.float64] | NDArray[np.complex128],
    n: int,
) -> NDArray[np.complex128]:
    """Put one impulse per symbol through a filter given at ``fftfreq`` of n points.

    A stream of m symbols has a spectrum that repeats every m bins, so no common multiple of rates is needed.
    """
    order = np.rint(fft.fftfreq(n) * n).astype(np.int64)
    spectrum = fft.fft(symbols)[order % symbols.size]
    return np.asarray(fft.ifft(spectrum * pulse), np.complex128)


def _rrc(freqs: NDArray[np.float64], symbol_rate_hz: float, roll_off: float) -> NDArray[np.float64]:
    """Root-raised-cosine frequency response (Proakis, Digital Communications, eq. 9.2-29)."""
    edge = np.clip((np.abs(freqs) / symbol_rate_hz - 0.5 * (1 - roll_off)) / roll_off, 0, 1)
    return np.asarray(np.cos(0.5 * np.pi * edge), np.float64)


def _frequency_to_phase(freq_hz: NDArray[np.float64], seconds: float) -> NDArray[np.uint32]:
    return to_phase(integral(freq_hz, seconds, freq_hz.size))


def _unit_power(signal: NDArray[np.complex128]) -> NDArray[np.complex64]:
    return np.asarray(signal / np.sqrt(np.mean(np.abs(signal) ** 2)), np.complex64)


@lru_cache(maxsize=4)
def speech_integral(sample_rate_hz: int, least_rate_hz: float) -> Library:
    """Integral of speech in s (float64): times the deviation in Hz it is the phase of an FM transmitter in cycles."""
    step, n, _ = _grid(sample_rate_hz, least_rate_hz, 4.0)
    return _library(integral(speech(), 4.0, n), step)


@lru_cache(maxsize=4)
def stereo_phase(sample_rate_hz: int, deviation_hz: float) -> Library:
    """Phase (uint32) of broadcast FM: sum, pilot, difference at 38 kHz, RDS at 57 kHz (ITU-R BS.450, IEC 62106)."""
    n_mpx = 160_000
    left, right = (fft.irfft(fft.rfft(side), n_mpx) * (n_mpx / side.size) for side in music())
    pilot = 2 * np.pi * 19_000 * np.arange(n_mpx) / n_mpx
    multiplex = 0.45 * (left + right) + 0.45 * (left - right) * np.sin(2 * pilot)
    multiplex += 0.09 * np.sin(pilot) + 0.04 * _rds(n_mpx) * np.sin(3 * pilot)
    return _library(to_phase(deviation_hz * integral(multiplex, 1.0, sample_rate_hz)), 1)


def _rds(n: int) -> NDArray[np.float64]:
    bit_s = 1 / 1187.5
    bits = np.random.default_rng(57_000).choice([-1.0, 1.0], 1188)
    freqs = fft.fftfreq(n, 1 / n)
    pulse = np.where(np.abs(freqs) < 2 / bit_s, np.cos(0.25 * np.pi * freqs * bit_s), 0)
    biphase = _shape(bits, pulse * (1 - np.exp(-1j * np.pi * freqs * bit_s)), n).real
    return np.asarray(biphase / np.abs(biphase).max(), np.float64)


@lru_cache(maxsize=4)
def carrier_phase(sample_rate_hz: int) -> Library:
    """Phase noise in cycles per radian wanted (float64): a random walk above 10 Hz, rms 1 / (2 pi)."""
    step, n, seconds = _grid(sample_rate_hz, 20_000, 4.0)
    freqs = fft.rfftfreq(n, seconds / n)
    shape = 1 / np.maximum(freqs, 10.0) * (freqs > 0)
    rng = np.random.default_rng(28_800_000)
    noise = fft.irfft(shape * (rng.standard_normal(freqs.size) + 1j * rng.standard_normal(freqs.size)), n)
    return _library(np.asarray(noise / noise.std() / (2 * np.pi), np.float64), step)


@lru_cache(maxsize=4)
def tetra_baseband(sample_rate_hz: int) -> Library:
    """Baseband (complex64) of pi/4-DQPSK at 18 kBd, root-raised-cosine 0.35 (ETSI EN 300 392-2, clause 5)."""
    step, n, seconds = _grid(sample_rate_hz, 400_000, 1.0)
    turns = np.random.default_rng(18_000).choice([1, 3, -3, -1], round(18_000 * seconds))
    symbols = np.exp(0.25j * np.pi * np.cumsum(turns))
    freqs = fft.fftfreq(n, seconds / n)
    return _library(_unit_power(_shape(symbols, _rrc(freqs, 18_000, 0.35), n)), step)


@lru_cache(maxsize=4)
def dmr_phase(sample_rate_hz: int) -> Library:
    """Phase (uint32) of 4-FSK at 4800 Bd, 648 and 1944 Hz, root-raised-cosine 0.2 (ETSI TS 102 361-1, clause 10)."""
    step, n, seconds = _grid(sample_rate_hz, 200_000, 1.0)
    n_symbols = round(4800 * seconds)
    levels = np.random.default_rng(4800).choice([-1944.0, -648.0, 648.0, 1944.0], n_symbols)
    freqs = fft.fftfreq(n, seconds / n)
    freq_hz = _shape(levels, _rrc(freqs, 4800, 0.2), n).real * (n / n_symbols)
    return _library(_frequency_to_phase(freq_hz, seconds), step)


@lru_cache(maxsize=4)
def gsm_phase(sample_rate_hz: int) -> Library:
    """Phase (uint32) of GMSK, BT 0.3, 270.833 kBd (3GPP TS 45.004)."""
    step, n, seconds = _grid(sample_rate_hz, 2_400_000, 0.5)
    baud = 270_833.0
    n_symbols = round(baud * seconds)
    bits = np.random.default_rng(270_833).choice([-1.0, 1.0], n_symbols)
    freqs = fft.fftfreq(n, seconds / n)
    gauss = np.exp(-0.5 * np.log(2) * (freqs / (0.3 * baud)) ** 2)
    freq_hz = _shape(0.25 * baud * bits, gauss * np.sinc(freqs / baud), n).real * (n / n_symbols)
    return _library(_frequency_to_phase(freq_hz, seconds), step)


@lru_cache(maxsize=4)
def dsss_baseband(sample_rate_hz: int, bandwidth_hz: float) -> Library:
    """Baseband (complex64) of BPSK spread by a code longer than its data bits, filtered to its main lobe."""
    _, n, seconds = _grid(sample_rate_hz, sample_rate_hz, 0.25)
    chip_rate = bandwidth_hz / 2
    chips = np.random.default_rng(63).choice([-1.0, 1.0], round(chip_rate * seconds))
    freqs = fft.fftfreq(n, seconds / n)
    lobe = np.where(np.abs(freqs) < chip_rate, np.sinc(freqs / chip_rate), 0)
    return _library(_unit_power(_shape(chips, lobe, n)), 1)
