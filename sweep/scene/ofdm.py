"""Blocks of orthogonal carriers: LTE, DVB-T, DAB.

Only the carriers that fall into the hop are made, so a 20 MHz block costs no more than a narrow one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sweep.scene.draws import Key, generator, uniform
from sweep.scene.schedule import Interval, intersect
from sweep.scene.schema import Ofdm
from sweep.scene.window import Window

__all__ = ["STANDARDS", "Standard", "add_block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """Timing of a standard; ``occupied`` is the fraction of the block that carriers fill."""

    spacing_hz: float
    symbol_s: float
    occupied: float
    null_s: float = 0.0
    frame_s: float = 0.0


STANDARDS = {
    # 3GPP TS 36.211: 14 symbols in 1 ms, 9 of 10 MHz used
    "lte": Standard(spacing_hz=15_000.0, symbol_s=1e-3 / 14, occupied=0.9),
    # ETSI EN 300 744: 8k mode, guard 1/8, 7.61 of 8 MHz used
    "dvbt": Standard(spacing_hz=1116.07, symbol_s=1008e-6, occupied=0.951),
    # ETSI EN 300 401, mode I: 1 kHz raster, a null symbol of 1.297 ms in each frame of 96 ms
    "dab": Standard(spacing_hz=1000.0, symbol_s=1.246e-3, occupied=1.0, null_s=1.297e-3, frame_s=96e-3),
}

_QPSK = np.exp(0.25j * np.pi * np.array([1, 3, 5, 7])).astype(np.complex64)
_EDGE_HZ = 60e3
_FLOOR = 10 ** (-22 / 20)  # the symbols' own side lobes are at -23 dB: -45 dB remain beside the block
_REFERENCE_SYMBOLS = (0, 4, 7, 11)


def add_block(
    window: Window, spec: Ofdm, *, offset_hz: float, amplitude: float, key: Key, intervals: list[Interval], echo: Key
) -> None:
    """Add a block to a window.

    Parameters
    ----------
    window : Window
    spec : Ofdm
    offset_hz : float
        Centre of the block in baseband.
    amplitude : float
        Root mean square of the whole block with all carriers on.
    key, echo : tuple
        Of the random data, and of what the echo's phase stays constant for.
    intervals : list of tuple of int
        When it is on, in ns.

    Notes
    -----
    An LTE block switches its resource blocks (12 carriers for 1 ms) on with probability ``load``; its reference
    signals and the first symbol of a subframe are always there.
    """
    standard = STANDARDS[spec.standard]
    n_fft = max(8, round(window.sample_rate_hz / standard.spacing_hz))
    raster = window.sample_rate_hz / n_fft
    shift = round(offset_hz / raster)
    index = np.rint(fft.fftfreq(n_fft) * n_fft).astype(np.int64)
    half = 0.5 * spec.bandwidth_hz * standard.occupied
    inside = np.abs((index - shift) * raster) <= half
    if not inside.any():
        return
    length = max(n_fft, round(standard.symbol_s * window.sample_rate_hz))
    first, into = divmod(window.start_ns / (1e9 * standard.symbol_s), 1)
    skip = int(into * length)
    rng = generator(*key, window.start_ns)
    symbols = _QPSK[rng.integers(0, 4, ((skip + window.n) // length + 1, n_fft), dtype=np.uint8)]
    symbols *= (inside * _weights(window, spec, np.asarray(index * raster, np.float64), shift * raster, echo)).astype(
        np.float32
    )
    if spec.standard == "lte" and spec.load < 1:
        symbols *= _loaded(symbols.shape[0], index - shift, int(first), spec.load, rng)
    time = fft.ifft(symbols, axis=1, overwrite_x=True)
    stream = np.concatenate([time[:, 2 * n_fft - length :], time], axis=1).ravel()[skip : skip + window.n]
    if min(abs(abs(shift * raster) - half), abs(shift * raster) + half) < 0.5 * window.sample_rate_hz:
        stream = _filtered(stream, window, shift * raster, half)
    # the carriers are on the transform's raster; the rest of the offset is mixed in now
    rest = offset_hz - shift * raster
    scale = amplitude * n_fft * np.sqrt(raster / (2 * half)) / window.response_at(rest)
    window.add(rest, scale, window.spans(_without_nulls(standard, key, window, intervals)), baseband=stream)


def _weights(window: Window, spec: Ofdm, freqs: NDArray[np.float64], centre: float, echo: Key) -> NDArray[np.float64]:
    weights = window.response_over(freqs)
    if spec.echo_db is None:
        return weights
    level = 10 ** (-spec.echo_db / 20)
    turn = np.exp(2j * np.pi * ((freqs - centre) * spec.echo_s + uniform(*echo, "echo")))
    return np.asarray(weights * np.abs(1 + level * turn) / np.sqrt(1 + level**2), np.float64)


def _loaded(
    n_symbols: int, carrier: NDArray[np.int64], first: int, load: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mask of shape (n_symbols, n_fft): which resource elements of an LTE downlink carry power."""
    symbol = first + np.arange(n_symbols)
    subframe, place = symbol // 14 - first // 14, symbol % 14
    block = carrier // 12 - carrier.min() // 12
    on = rng.random((subframe[-1] + 1, int(block.max()) + 1)) < load
    reference = np.isin(place, _REFERENCE_SYMBOLS)[:, None] & (carrier % 3 == 0)  # two antenna ports
    return np.asarray(on[subframe[:, None], block] | reference | (place == 0)[:, None], np.bool_)


def _filtered(stream: NDArray[np.complex64], window: Window, centre: float, half: float) -> NDArray[np.complex64]:
    freqs = fft.fftfreq(stream.size, 1 / window.sample_rate_hz)
    beyond = np.clip((np.abs(freqs - centre) - half) / _EDGE_HZ, 0, 1)
    mask = _FLOOR + (1 - _FLOOR) * 0.5 * (1 + np.cos(np.pi * beyond))
    return np.asarray(fft.ifft(fft.fft(stream) * mask.astype(np.float32)), np.complex64)


def _without_nulls(standard: Standard, key: Key, window: Window, intervals: list[Interval]) -> list[Interval]:
    if not standard.null_s:
        return intervals
    frame, null = round(standard.frame_s * 1e9), round(standard.null_s * 1e9)
    phase = int(uniform(*key, "frame") * frame)
    start, stop = window.time
    numbers = range((start - phase) // frame, (stop - phase) // frame + 1)
    sounding = [(phase + k * frame + null, phase + (k + 1) * frame) for k in numbers]
    return intersect(intervals, sounding)
