"""Frames of a hop and their power: half-overlapping, Hann-windowed, transformed block by block."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.engine import workspace
from dsp.errors import ParameterError
from dsp.levels import SampleLevel
from dsp.samples import as_components, component_scale
from dsp.thread_cache import scratch

__all__ = ["FramePowers", "Frames", "PowerSums", "block_frames", "fill_powers", "frame_powers", "view_frames"]

_BLOCK_SAMPLES = 1 << 17
_LONG_ROW = 8  # frames that are windowed as one row: numpy's loops have costs of their own for each
_OVER_FRAMES = (np.add, np.maximum, np.minimum)
_ADD_TWO = np.ones(2, np.float32)
_HANN_LEAKAGE = np.array([-0.5, 1, -0.5], np.complex64)


class FramePowers(NamedTuple):
    """Power of every frame, shape (n_frames, hop_bins), and the DC level of the hop, 1 at full scale."""

    power: NDArray[np.float32]
    dc: complex


class PowerSums(NamedTuple):
    """Power over the frames of a hop, each of shape (hop_bins,), and its DC level."""

    mean: NDArray[np.float32]
    max_hold: NDArray[np.float32]
    min_hold: NDArray[np.float32]
    dc: complex


class Mixing(NamedTuple):
    """What shifts a hop in frequency: its mean goes first, as DC belongs to the receiver's frame; in wire units.

    The mixer has the shape (n_frames + 1, n_fft // 2), a half frame a row.
    """

    mean: complex
    mixer: NDArray[np.complex64]


class Frames(NamedTuple):
    """Samples of one hop by half frames, shape (n_frames + 1, n_fft), I and Q in turn; offset and scale of a component.

    Frame t is made of the halves t and t + 1.
    """

    halves: NDArray[Any]
    offset: float
    scale: float
    mixing: Mixing | None


def view_frames(
    raw: NDArray[Any],
    sample_format: str,
    *,
    n_fft: int,
    n_frames: int,
    hop_bins: int,
    full_scale: float,
    offset_bins: float,
) -> Frames:
    """Check the sizes and lay the frames over the samples; nothing is copied.

    Parameters and errors are those of `frame_powers`.
    """
    n_used = (n_frames + 1) * (n_fft // 2)
    components = as_components(raw, sample_format)
    if n_fft % 2 or hop_bins % 2 or not 2 <= hop_bins <= n_fft or n_fft < 4 or n_frames < 1:
        raise ParameterError(f"{n_fft} points, {hop_bins} bins and {n_frames} frames do not fit together")
    if components.size < 2 * n_used:
        raise ParameterError(f"{n_frames} frames of {n_fft} points need {n_used} samples, not {components.size // 2}")
    offset, scale = component_scale(sample_format, full_scale)
    halves = components[: 2 * n_used].reshape(n_frames + 1, n_fft)
    mixing = None
    if offset_bins:
        mean = complex(*halves.reshape(-1, 2).mean(axis=0, dtype=np.float64))
        mixing = Mixing(mean, _mixer(n_used, offset_bins / n_fft).reshape(n_frames + 1, n_fft // 2))
    return Frames(halves, offset, scale, mixing)


def frame_powers(
    raw: NDArray[Any],
    sample_format: str,
    *,
    n_fft: int,
    n_frames: int,
    hop_bins: int,
    full_scale: float = 1.0,
    offset_bins: float = 0.0,
    remove_dc: bool = True,
) -> FramePowers:
    """Power spectra of half-overlapping Hann frames.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
        Interleaved I and Q in the wire type, at least ``(n_frames + 1) * n_fft // 2`` samples; the rest is not used.
    sample_format : str
        See `dsp.samples.decode`.
    n_fft : int
        Points of the transform, even.
    n_frames : int
    hop_bins : int
        Even number of bins kept around the centre.
    full_scale : float
        For float captures that are not scaled to 1.
    offset_bins : float
        The samples are mixed up by this part of a bin, for a tuned frequency that is not on the grid.
    remove_dc : bool
        Subtract the mean of the hop: the receiver's own DC offset is no emitter. A modulated emitter at the hop
        centre loses nothing by it; only an unmodulated carrier within one reciprocal dwell of it does.

    Returns
    -------
    FramePowers
        ``power`` is float32 of shape (n_frames, hop_bins), ascending in frequency, scaled so that a full-scale
        complex tone at a bin centre is 1 (Welch 1967 with the "spectrum" scaling of scipy).

    Raises
    ------
    ParameterError
        Too few samples, or sizes that do not fit.
    """
    frames = view_frames(
        raw,
        sample_format,
        n_fft=n_fft,
        n_frames=n_frames,
        hop_bins=hop_bins,
        full_scale=full_scale,
        offset_bins=offset_bins,
    )
    power = np.empty((n_frames, hop_bins), np.float32)
    return FramePowers(power, fill_powers(power, frames, remove_dc=remove_dc).dc)


def fill_powers(
    power: NDArray[np.float32], frames: Frames, *, remove_dc: bool, level: SampleLevel | None = None
) -> PowerSums:
    """Put the power of each frame in its row; gives what there is to know of each bin, and the DC level.

    Parameters
    ----------
    power : ndarray of float32, shape (n_frames, hop_bins)
        Filled, as `frame_powers` gives it.
    frames : Frames
    remove_dc : bool
        As for `frame_powers`.
    level : SampleLevel, optional
        Takes all samples, in wire units.
    """
    n_frames = len(power)
    center = np.empty((n_frames, 3), np.complex64)
    block = block_frames(frames.halves.shape[1])
    blocks = [slice(first, min(first + block, n_frames)) for first in range(0, n_frames, block)]
    for rows in blocks:
        decoded = _decode_block(frames, rows.start, rows.stop + 1, level)
        _transform_block(decoded, frames.scale, power[rows], center[rows])
    dc = _settle_dc(power, center, frames, remove_dc=remove_dc)
    total, highest, lowest = functools.reduce(_joined, (_over_frames(power[rows]) for rows in blocks))
    return PowerSums(total / np.float32(n_frames), highest, lowest, dc)


def _settle_dc(
    power: NDArray[np.float32], center: NDArray[np.complex64], frames: Frames, *, remove_dc: bool
) -> complex:
    """Put the power of the three bins around DC in place once the mean of the hop is known; gives the DC level."""
    wire_dc = frames.offset / frames.scale * (1 + 1j)  # of the wire format, as in unsigned bytes
    if frames.mixing is not None:
        return frames.mixing.mean / frames.scale - wire_dc
    # Hann leaks DC into three bins only; half-overlapping frames weigh every sample alike.
    dc = complex(np.add.reduce(center[:, 1], dtype=np.complex128)) / len(center)
    center -= np.complex64(dc if remove_dc else wire_dc) * _HANN_LEAKAGE
    components = np.square(center.view(np.float32))
    half = power.shape[1] // 2
    power[:, half - 1 : half + 2] = (components[:, 0::2] + components[:, 1::2])[:, : half + 1]
    return dc - wire_dc


def _over_frames(power: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    return tuple(operation.reduce(power, axis=0) for operation in _OVER_FRAMES)


def _joined(
    one: tuple[NDArray[np.float32], ...], other: tuple[NDArray[np.float32], ...]
) -> tuple[NDArray[np.float32], ...]:
    return tuple(operation(*both) for operation, *both in zip(_OVER_FRAMES, one, other, strict=True))


def block_frames(n_fft: int) -> int:
    """Frames that are worked on at once: enough for few calls, few enough to stay in the cache with what they make.

    Examples
    --------
    >>> block_frames(1024)
    128
    """
    return max(2, _BLOCK_SAMPLES // n_fft // 2 * 2)


def _decode_block(frames: Frames, first: int, stop: int, level: SampleLevel | None) -> NDArray[np.float32]:
    """Some half frames as float32, in wire units, mixed where they must be."""
    halves = frames.halves[first:stop]
    decoded = scratch("halves", *halves.shape)
    np.copyto(decoded, halves)
    if level is not None:
        level.take(decoded[min(first, 1) :])  # its first half was the last of the block before
    if frames.mixing is not None:
        samples = decoded.view(np.complex64)
        samples -= np.complex64(frames.mixing.mean)
        samples *= frames.mixing.mixer[first:stop]
    return decoded


def _transform_block(
    decoded: NDArray[np.float32], scale: float, power: NDArray[np.float32], center: NDArray[np.complex64]
) -> None:
    """Window and transform the frames of one block; their power, and the three bins around DC, go out.

    First every second frame, then those between: each lot lies together in the samples, and numpy works on it as on one
    long row, in two thirds of the time.
    """
    n_frames, hop_bins = power.shape
    n_fft = decoded.shape[1]
    n_even, dc = (n_frames + 1) // 2, n_fft // 2
    lots = (0, slice(0, n_even)), (1, slice(n_even, n_frames))
    buffer, transform = workspace(n_frames, n_fft)
    windowed = buffer.view(np.float32)
    for first, rows in lots:
        n_rows = rows.stop - rows.start
        window = _window(n_fft, scale, math.gcd(n_rows, _LONG_ROW))
        lot = decoded[first : first + 2 * n_rows].reshape(-1, window.size)
        np.multiply(lot, window, out=windowed[rows].reshape(-1, window.size))
    spectrum = transform()
    components = spectrum.view(np.float32)
    for first, rows in lots:
        center[first::2] = spectrum[rows, dc - 1 : dc + 2]
    np.square(components, out=components)
    squares = components.reshape(n_frames, n_fft, 2)[:, dc - hop_bins // 2 : dc + hop_bins // 2]
    for first, rows in lots:
        np.matmul(squares[rows], _ADD_TWO, out=power[first::2])  # half the time of adding every second to the rest


@functools.lru_cache(maxsize=16)
def _window(n_fft: int, scale: float, n_rows: int) -> NDArray[np.float32]:
    """Periodic Hann window, for I and Q in turn, with unit sum at full scale, once for each of some frames.

    Its sign alternates from sample to sample: that moves the spectrum by half the rate, so that it comes in ascending
    order and the wanted bins lie together.
    """
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    taper[1::2] *= -1
    components = np.repeat(taper / (np.abs(taper).sum() * scale), 2).astype(np.float32)
    return np.tile(components, n_rows)


@functools.lru_cache(maxsize=4)
def _mixer(n_samples: int, cycles_per_sample: float) -> NDArray[np.complex64]:
    mixer: NDArray[np.complex64] = np.exp(2j * np.pi * cycles_per_sample * np.arange(n_samples)).astype(np.complex64)
    return mixer
