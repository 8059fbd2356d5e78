"""The FFT core: one pass over the samples of a hop gives all that detection needs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from dsp.engine import workspace
from dsp.errors import ParameterError
from dsp.samples import as_components, clip_fraction, component_scale

__all__ = ["BURST_WIDTHS", "HANN_ENBW_BINS", "HopSpectra", "box_count", "frame_powers", "hop_spectra"]

HANN_ENBW_BINS = 1.5
"""Equivalent noise bandwidth of the periodic Hann window in bins (Harris 1978)."""

BURST_WIDTHS = (8, 64, 512)
"""Widths in bins of the burst boxes; a box starts every half width."""

_BLOCK_SAMPLES = 1 << 16  # complex samples that stay in a core's cache with their transform
_HANN_LEAKAGE = np.array([-0.5, 1, -0.5], np.complex64)
_TINY = np.float32(1e-30)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HopSpectra:
    """Spectra and burst features of one hop; linear power, 1 is a full-scale complex tone at a bin centre.

    With p[t, k] the power of frame t, m its mean over frames and q = p / m:

    Attributes
    ----------
    mean, max_hold, min_hold : ndarray of float32, shape (hop_bins,)
        Over frames, ascending in frequency; the middle bin is the hop centre.
    spectral_kurtosis : ndarray of float32, shape (hop_bins,)
        (K + 1) / (K - 1) (K sum p^2 / (sum p)^2 - 1): below 1 a carrier, 1 noise, above 1 bursts (Nita & Gary 2010).
    burst_8, burst_64, burst_512 : ndarray of float32, shape (n_boxes,)
        Largest over frames of the mean of q over a box of that many bins; boxes start every half width.
    burst_8x4 : ndarray of float32, shape (n_boxes of 8,)
        The same for boxes of 8 bins by 4 frames.
    clip_fraction : float
        Components at the rails.
    rms_dbfs, dc_dbfs : float
        Level of the samples without their mean, and of that mean; -inf for none.
    fluctuation_db : float
        Largest rise of a whole frame (geometric mean over bins) over the mean frame: what is common to the hop, such
        as a gain step or an impulse, and no emitter.
    """

    mean: NDArray[np.float32]
    max_hold: NDArray[np.float32]
    min_hold: NDArray[np.float32]
    spectral_kurtosis: NDArray[np.float32]
    burst_8: NDArray[np.float32]
    burst_8x4: NDArray[np.float32]
    burst_64: NDArray[np.float32]
    burst_512: NDArray[np.float32]
    clip_fraction: float
    rms_dbfs: float
    dc_dbfs: float
    fluctuation_db: float


class FramePowers(NamedTuple):
    """Power of every frame, shape (n_frames, hop_bins), and the DC level of the hop, 1 at full scale."""

    power: NDArray[np.float32]
    dc: complex


def box_count(hop_bins: int, width: int) -> int:
    """Boxes of a width, one every half width, that fit in a hop.

    Examples
    --------
    >>> [box_count(768, width) for width in BURST_WIDTHS]
    [191, 23, 2]
    """
    return max(0, hop_bins // (width // 2) - 1)


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
    half = n_fft // 2
    n_used = (n_frames + 1) * half
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
    frames = as_strided(used, (n_frames, 2 * n_fft), (n_fft * step, step), writeable=False)  # I and Q in turn
    power = np.empty((n_frames, hop_bins), np.float32)
    center = np.empty((n_frames, 3), np.complex64)
    block = max(1, min(n_frames, _BLOCK_SAMPLES // n_fft))
    for first in range(0, n_frames, block):
        stop = min(first + block, n_frames)
        _transform_block(frames[first:stop], power[first:stop], center[first:stop], scale)
    # Hann leaks DC into three bins only; half-overlapping frames weigh every sample alike.
    dc = complex(center[:, 1].sum(dtype=np.complex128)) / n_frames
    wire_dc = offset / scale * (1 + 1j)  # of the wire format, as in unsigned bytes
    center -= np.complex64(dc if remove_dc else wire_dc) * _HANN_LEAKAGE
    n_middle = min(3, hop_bins // 2 + 1)
    power[:, hop_bins // 2 - 1 : hop_bins // 2 + 2] = (np.abs(center) ** 2)[:, :n_middle]
    return FramePowers(power, dc - wire_dc)


def hop_spectra(
    raw: NDArray[Any],
    sample_format: str,
    *,
    n_fft: int,
    n_frames: int,
    hop_bins: int,
    full_scale: float = 1.0,
    offset_bins: float = 0.0,
) -> HopSpectra:
    """Analyse one hop: mean, max, min, spectral kurtosis and burst features in one pass.

    Parameters
    ----------
    raw, sample_format, n_fft, n_frames, hop_bins, full_scale, offset_bins
        As for `frame_powers`. At least 2 frames.

    Returns
    -------
    HopSpectra

    Raises
    ------
    ParameterError
        Too few samples or frames, or sizes that do not fit.

    Examples
    --------
    >>> noise = np.random.default_rng(1).integers(118, 138, 2 * 65 * 480).astype(np.uint8)
    >>> hop = hop_spectra(noise, "cu8", n_fft=960, n_frames=64, hop_bins=768)
    >>> hop.mean.shape, hop.burst_64.shape
    ((768,), (23,))
    >>> bool(abs(hop.spectral_kurtosis.mean() - 1) < 0.05)
    True
    """
    if n_frames < 2:
        raise ParameterError(f"a hop needs at least 2 frames, not {n_frames}")
    frames = frame_powers(
        raw,
        sample_format,
        n_fft=n_fft,
        n_frames=n_frames,
        hop_bins=hop_bins,
        full_scale=full_scale,
        offset_bins=offset_bins,
    )
    power = frames.power
    mean = np.ones(n_frames, np.float32) @ power / np.float32(n_frames)
    relative = power / np.maximum(mean, _TINY)
    square = np.einsum("tk,tk->k", relative, relative) / n_frames  # K sum p^2 / (sum p)^2
    burst_8, burst_8x4, burst_64, burst_512 = _burst_features(relative)
    used = raw[: (n_frames + 1) * n_fft]
    return HopSpectra(
        mean=mean,
        max_hold=power.max(axis=0),
        min_hold=power.min(axis=0),
        spectral_kurtosis=np.maximum((n_frames + 1) / (n_frames - 1) * (square - 1), 0).astype(np.float32),
        burst_8=burst_8,
        burst_8x4=burst_8x4,
        burst_64=burst_64,
        burst_512=burst_512,
        clip_fraction=clip_fraction(used, sample_format, full_scale=full_scale),
        rms_dbfs=_decibels(_rms(used.reshape(-1, n_fft), component_scale(sample_format, full_scale)[1]) ** 2),
        dc_dbfs=_decibels(abs(frames.dc) ** 2),
        fluctuation_db=_fluctuation_db(relative),
    )


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


def _rms(halves: NDArray[Any], scale: float) -> float:
    """Rms of the samples about their mean; float32 sums within a row, float64 across rows."""
    rows = halves.astype(np.float32)
    by_column = rows.sum(axis=0)  # integers this small add up without rounding
    n_samples = rows.size // 2
    mean_i, mean_q = by_column[0::2].sum(dtype=float) / n_samples, by_column[1::2].sum(dtype=float) / n_samples
    total = np.matmul(rows[:, None, :], rows[:, :, None]).sum(dtype=float)  # a third of einsum's time
    return float(np.sqrt(max(total / n_samples - mean_i**2 - mean_q**2, 0.0))) / scale


def _burst_features(relative: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Largest box means over frames; boxes of 8, 64 and 512 bins are built from sums of 4, 32 and 256."""
    by_4 = _sum_groups(relative, 4)
    by_32 = _sum_groups(by_4, 8)
    by_256 = _sum_groups(by_32, 8)
    boxes = by_4[:, :-1] + by_4[:, 1:]
    pairs = boxes[:-1] + boxes[1:]
    fours = pairs[:-2] + pairs[2:]
    return (
        _box_max(boxes, 8),
        _box_max(fours, 32) if len(fours) > 0 else np.full(boxes.shape[1], np.nan, np.float32),
        _box_max(by_32[:, :-1] + by_32[:, 1:], 64),
        _box_max(by_256[:, :-1] + by_256[:, 1:], 512),
    )


def _sum_groups(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    n_groups = values.shape[1] // size
    grouped = values[:, : n_groups * size].reshape(values.shape[0], n_groups, size)
    return grouped @ np.ones(size, np.float32)


def _box_max(box_sums: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    result: NDArray[np.float32] = box_sums.max(axis=0) / np.float32(size)
    return result


def _fluctuation_db(relative: NDArray[np.float32]) -> float:
    n_bins = relative.shape[1]
    # Adding is three times as fast as np.maximum, and leaves alone whatever is above 1e-23.
    level = np.log(relative + _TINY) @ np.full(n_bins, 1 / n_bins, np.float32)
    return float(10 / np.log(10) * (level.max() - level.mean()))


def _decibels(power: float) -> float:
    return float(10 * np.log10(power)) if power > 0 else float("-inf")
