"""Frames of a hop and their power: half-overlapping, Hann-windowed, transformed block by block."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.engine import workspace
from dsp.errors import ParameterError
from dsp.samples import as_components, component_scale

__all__ = ["FramePowers", "Frames", "fill_powers", "frame_powers", "view_frames"]

_BLOCK_SAMPLES = 1 << 16  # complex samples that stay in a core's cache with their transform
_HANN_LEAKAGE = np.array([-0.5, 1, -0.5], np.complex64)


class FramePowers(NamedTuple):
    """Power of every frame, shape (n_frames, hop_bins), and the DC level of the hop, 1 at full scale."""

    power: NDArray[np.float32]
    dc: complex


class Frames(NamedTuple):
    """Overlapping frames of one hop, shape (n_frames, 2 * n_fft), I and Q in turn; offset and scale of a component."""

    components: NDArray[Any]
    offset: float
    scale: float


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
    """Check the sizes and lay the frames over the samples; nothing is copied unless they must be mixed.

    Parameters and errors are those of `frame_powers`.
    """
    n_used = (n_frames + 1) * (n_fft // 2)
    components = as_components(raw, sample_format)
    if n_fft % 2 or hop_bins % 2 or not 2 <= hop_bins <= n_fft or n_fft < 4 or n_frames < 1:
        raise ParameterError(f"{n_fft} points, {hop_bins} bins and {n_frames} frames do not fit together")
    if components.size < 2 * n_used:
        raise ParameterError(f"{n_frames} frames of {n_fft} points need {n_used} samples, not {components.size // 2}")
    offset, scale = component_scale(sample_format, full_scale)
    used = components[: 2 * n_used]
    if offset_bins:
        used, offset = _mix(used, offset_bins / n_fft), 0.0
    step = used.strides[0]
    # numpy's as_strided does the same in ten times the time, which counts in every hop
    frames = np.ndarray((n_frames, 2 * n_fft), used.dtype, used, strides=(n_fft * step, step))
    frames.flags.writeable = False
    return Frames(frames, offset, scale)


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
    return FramePowers(power, fill_powers(power, frames, remove_dc=remove_dc))


def fill_powers(power: NDArray[np.float32], frames: Frames, *, remove_dc: bool) -> complex:
    """Put the power of each frame in its row; gives the DC level.

    Parameters
    ----------
    power : ndarray of float32, shape (n_frames, hop_bins)
        Filled, as `frame_powers` gives it.
    frames : Frames
    remove_dc : bool
        As for `frame_powers`.
    """
    n_frames, hop_bins = power.shape
    center = np.empty((n_frames, 3), np.complex64)
    block = max(1, min(n_frames, 2 * _BLOCK_SAMPLES // frames.components.shape[1]))
    for first in range(0, n_frames, block):
        rows = slice(first, min(first + block, n_frames))
        _transform_block(frames.components[rows], power[rows], center[rows], frames.scale)
    # Hann leaks DC into three bins only; half-overlapping frames weigh every sample alike.
    dc = complex(center[:, 1].sum(dtype=np.complex128)) / n_frames
    wire_dc = frames.offset / frames.scale * (1 + 1j)  # of the wire format, as in unsigned bytes
    center -= np.complex64(dc if remove_dc else wire_dc) * _HANN_LEAKAGE
    n_middle = min(3, hop_bins // 2 + 1)
    power[:, hop_bins // 2 - 1 : hop_bins // 2 + 2] = (np.abs(center) ** 2)[:, :n_middle]
    return complex(dc - wire_dc)


def _transform_block(
    frames: NDArray[Any], power: NDArray[np.float32], center: NDArray[np.complex64], scale: float
) -> None:
    """Window and transform the frames of one block; their power, and the three bins around DC, go out."""
    n_frames, half_bins = power.shape[0], power.shape[1] // 2
    n_fft = frames.shape[1] // 2
    dc = n_fft // 2
    buffer, transform = workspace(n_frames, n_fft)
    np.multiply(frames, _window(n_fft, scale), out=buffer.view(np.float32))
    spectrum = transform()
    center[:] = spectrum[:, dc - 1 : dc + 2]
    np.abs(spectrum[:, dc - half_bins : dc + half_bins], out=power)
    np.multiply(power, power, out=power)


@functools.lru_cache(maxsize=16)
def _window(n_fft: int, scale: float) -> NDArray[np.float32]:
    """Periodic Hann window, for I and Q in turn, with unit sum at full scale.

    Its sign alternates from sample to sample: that moves the spectrum by half the rate, so that it comes in ascending
    order and the wanted bins lie together.
    """
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    taper[1::2] *= -1
    return np.repeat(taper / (np.abs(taper).sum() * scale), 2).astype(np.float32)


def _mix(components: NDArray[Any], cycles_per_sample: float) -> NDArray[np.float32]:
    """Shift in frequency, after DC is gone: DC belongs to the receiver's frame."""
    centred = components.reshape(-1, 2).astype(np.float32)
    centred -= centred.mean(axis=0, dtype=np.float64).astype(np.float32)
    mixed = centred.view(np.complex64)[:, 0] * _mixer(len(centred), cycles_per_sample)
    return mixed.view(np.float32)


@functools.lru_cache(maxsize=4)
def _mixer(n_samples: int, cycles_per_sample: float) -> NDArray[np.complex64]:
    mixer: NDArray[np.complex64] = np.exp(2j * np.pi * cycles_per_sample * np.arange(n_samples)).astype(np.complex64)
    return mixer
