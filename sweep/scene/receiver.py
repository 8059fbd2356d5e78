"""The simulated dongle: noise, passband, artefacts, 8-bit converter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sweep.scene.draws import Key, integer, uniform
from sweep.scene.response import REACH, Response
from sweep.scene.schema import Receiver
from sweep.scene.window import Window

__all__ = ["QUANTISATION_POWER", "View", "add_noise", "add_spurs", "distort", "quantise", "views"]

QUANTISATION_POWER = 2 / (12 * 128**2)
"""Of the 8-bit converter, both components, relative to a full-scale complex tone (-49.9 dBFS)."""

_NOISE_BITS = 22
_SHAPE_BITS = 12  # the response is even over steps of 600 Hz
_SKIRT_BITS = 19
_SKIRT_HZ = (50.0, 20e3)
_LOW_IF_HZ = 3_570_000.0
_SPUR_STEPS_HZ = (14_400_000, 28_800_000)


@dataclass(frozen=True, slots=True)
class View:
    """A place in the spectrum that the receiver hears when it is tuned elsewhere.

    A signal at ``multiple * tuned + offset_hz + d`` appears at ``d`` from the tuned frequency, or at ``-d`` when
    ``inverted``, ``loss_db`` weaker than through the front door.
    """

    multiple: int
    offset_hz: float
    inverted: bool
    loss_db: float


def views(receiver: Receiver) -> tuple[View, ...]:
    """Give the ways into the receiver: the wanted one, the low-IF image, third-harmonic mixing (R820T, 3.57 MHz IF)."""
    found = [View(1, 0.0, False, 0.0)]
    if receiver.low_if_image_rejection_db is not None:
        found.append(View(1, 2 * _LOW_IF_HZ, True, receiver.low_if_image_rejection_db))
    if receiver.third_harmonic_rejection_db is not None:
        found.append(View(3, 2 * _LOW_IF_HZ, False, receiver.third_harmonic_rejection_db))
    return tuple(found)


@lru_cache(maxsize=2)
def _noise_table(sample_rate_hz: int) -> NDArray[np.complex64]:
    """Gaussian noise of unit density times the response of the receiver, folded as its samples are; periodic."""
    n, n_shape = 1 << _NOISE_BITS, 1 << _SHAPE_BITS
    rng = np.random.default_rng(1928)  # Johnson's year
    white = rng.standard_normal(2 * n, dtype=np.float32).view(np.complex64)
    response = Response(sample_rate_hz)
    freqs = fft.fftfreq(n_shape, 1 / sample_rate_hz)
    power = response.over(freqs) ** 2 + response.over(sample_rate_hz - np.abs(freqs)) ** 2
    spectrum = fft.fft(white, overwrite_x=True).reshape(n_shape, n // n_shape)
    spectrum *= np.sqrt(0.5 * power).astype(np.float32)[:, None]
    table = np.asarray(fft.ifft(spectrum.ravel(), overwrite_x=True), np.complex64)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=2)
def _skirt_table(sample_rate_hz: int) -> NDArray[np.complex64]:
    """1/f noise between 50 Hz and 20 kHz, mean power 1; periodic."""
    n = 1 << _SKIRT_BITS
    freqs = np.abs(fft.fftfreq(n, 1 / sample_rate_hz))
    shape = np.where((freqs > 0) & (freqs < _SKIRT_HZ[1]), 1 / np.sqrt(np.maximum(freqs, _SKIRT_HZ[0])), 0)
    rng = np.random.default_rng(1925)  # the year of flicker noise
    table = fft.ifft(shape * (rng.standard_normal(n) + 1j * rng.standard_normal(n)))
    table /= np.sqrt(np.mean(np.abs(table) ** 2))
    table = table.astype(np.complex64)
    table.setflags(write=False)
    return np.asarray(table)


def _cut(table: NDArray[np.complex64], n: int, start: int) -> NDArray[np.complex64]:
    if start + n <= table.size:
        return table[start : start + n]
    return table.take(np.arange(start, start + n), mode="wrap")


def add_noise(window: Window, receiver: Receiver, density: float, key: Key) -> None:
    """Add thermal noise, DC offset and the skirt around it.

    Parameters
    ----------
    window : Window
    receiver : Receiver
    density : float
        Noise power per Hz, relative to full scale.
    key : tuple
        Of this hop. Noise is the sum of two cuts from a table of 4 million samples, each at its own place, so that
        two hops hardly ever share both. The two lie a quarter of the table apart or more: a sum of neighbouring cuts
        would be a comb filter.
    """
    rate, iq = window.sample_rate_hz, window.iq
    scale = math.sqrt(0.5 * density * rate)
    table = _noise_table(rate)
    first = integer(table.size, *key, "noise", 0)
    second = first + table.size // 4 + integer(table.size // 2, *key, "noise", 1)
    for number, start in enumerate((first, second % table.size)):
        turn = complex(np.exp(2j * np.pi * uniform(*key, "turn", number)))
        iq += np.complex64(scale * turn) * _cut(table, window.n, start)
    if receiver.dc_skirt_dbfs is not None:
        skirts = _skirt_table(rate)
        skirt = _cut(skirts, window.n, integer(skirts.size, *key, "skirt"))
        iq += np.float32(10 ** (receiver.dc_skirt_dbfs / 20)) * skirt
    if receiver.dc_offset_dbfs is not None:
        angle = 2 * np.pi * uniform(key[0], "dc")  # the same in every hop: it is in the converter
        iq += np.complex64(10 ** (receiver.dc_offset_dbfs / 20) * np.exp(1j * angle))


def add_spurs(window: Window, receiver: Receiver, tuned_hz: float, correction: float, seed: int) -> None:
    """Add harmonics of the crystal, where the dongle's own clock says they are, whatever its error.

    Parameters
    ----------
    window : Window
    receiver : Receiver
    tuned_hz : float
        Frequency that the dongle was told to tune to.
    correction : float
        1 plus the ppm correction that the dongle applies: tuning is corrected, the crystal's harmonics are not.
    seed : int
        Of the scene; the levels of a dongle's spurs are its own and do not change.
    """
    reach = REACH * window.sample_rate_hz
    for step, level in zip(_SPUR_STEPS_HZ, (receiver.spur_14_4_dbfs, receiver.spur_28_8_dbfs), strict=True):
        number = round(tuned_hz / (step * correction))
        offset_hz = number * step * correction - tuned_hz
        if level is None or abs(offset_hz) > reach:
            continue
        power_dbfs = level + 12 * (uniform(seed, "spur", step, number) - 0.5)
        window.add(offset_hz, 10 ** (power_dbfs / 20), window.spans([window.time]))


def distort(iq: NDArray[np.complex64], receiver: Receiver, seed: int) -> None:
    """Apply third-order intermodulation and the IQ image to signals, in place.

    y = x / sqrt(1 + 2 |x|^2 / A^2) has the series x (1 - |x|^2 / A^2 + ...): two tones of amplitude A would give
    products of amplitude A, so A is the third-order intercept. It saturates instead of folding over.
    """
    intercept = 10 ** (receiver.ip3_dbfs / 10)
    power = np.square(iq.real) + np.square(iq.imag)
    if float(power.max()) ** 1.5 / intercept > 1e-4:  # else all products lie far below one step of the converter
        power *= np.float32(2 / intercept)
        power += np.float32(1)
        iq /= np.sqrt(power, out=power)
    if receiver.image_rejection_db is not None:
        angle = 2 * np.pi * uniform(seed, "image")
        iq += np.complex64(10 ** (-receiver.image_rejection_db / 20) * np.exp(1j * angle)) * np.conj(iq)


def quantise(iq: NDArray[np.complex64]) -> NDArray[np.uint8]:
    """Convert to interleaved unsigned bytes, clipping: u = round(127.5 + 128 x).

    Parameters
    ----------
    iq : ndarray of complex64, shape (n,)
        1 is full scale.

    Returns
    -------
    ndarray of uint8, shape (2 * n,)

    Examples
    --------
    >>> quantise(np.array([0.004 - 2j, 0.5 + 0.25j], np.complex64)).tolist()
    [128, 0, 192, 160]
    """
    steps = iq.view(np.float32) * np.float32(128)
    steps += np.float32(128)  # 127.5, and a half because the conversion cuts off
    np.clip(steps, 0, 255, out=steps)
    return steps.astype(np.uint8)
