"""The FFT core: one pass over the samples of a hop gives all that detection needs."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.burst_boxes import BURST_WIDTHS, BurstBoxes, box_count, largest_boxes
from dsp.errors import ParameterError
from dsp.frames import PowerSums, block_frames, fill_powers, view_frames
from dsp.levels import SampleLevel
from dsp.samples import clip_fraction
from dsp.statistics import DB_PER_NEPER_POWER
from dsp.thread_cache import scratch

__all__ = ["BURST_WIDTHS", "HANN_ENBW_BINS", "HopSpectra", "box_count", "hop_spectra"]

HANN_ENBW_BINS = 1.5
"""Equivalent noise bandwidth of the periodic Hann window in bins (Harris 1978)."""

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
        As for `dsp.frames.frame_powers`. At least 2 frames.

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
    frames = view_frames(
        raw,
        sample_format,
        n_fft=n_fft,
        n_frames=n_frames,
        hop_bins=hop_bins,
        full_scale=full_scale,
        offset_bins=offset_bins,
    )
    power = scratch("power", n_frames, hop_bins)
    level = SampleLevel()
    sums = fill_powers(power, frames, remove_dc=True, level=level)
    shape = _shape_over_frames(power, sums, block_frames(n_fft))
    return HopSpectra(
        mean=sums.mean,
        max_hold=sums.max_hold,
        min_hold=sums.min_hold,
        spectral_kurtosis=shape.kurtosis,
        burst_8=shape.boxes.by_8,
        burst_8x4=shape.boxes.by_8x4,
        burst_64=shape.boxes.by_64,
        burst_512=shape.boxes.by_512,
        clip_fraction=clip_fraction(raw[: frames.halves.size], sample_format, full_scale=full_scale),
        rms_dbfs=_decibels((level.rms / frames.scale) ** 2),
        dc_dbfs=_decibels(abs(sums.dc) ** 2),
        fluctuation_db=shape.fluctuation_db,
    )


class _Shape(NamedTuple):
    """What the powers of single frames, relative to their mean, say."""

    kurtosis: NDArray[np.float32]
    boxes: BurstBoxes
    fluctuation_db: float


def _shape_over_frames(power: NDArray[np.float32], sums: PowerSums, block: int) -> _Shape:
    """Kurtosis, burst boxes and fluctuation, block by block; in place, the powers are lost."""
    n_frames, hop_bins = power.shape
    inverse, ones = 1 / np.maximum(sums.mean, _TINY), np.ones(hop_bins, np.float32)
    has_zeros = not (sums.min_hold > _TINY * sums.mean).all()
    square, boxes, last = np.zeros(hop_bins, np.float32), [], None
    log_sums = np.empty(n_frames, np.float32)
    for first in range(0, n_frames, block):
        relative = power[first : first + block]
        np.multiply(relative, inverse, out=relative)
        square += np.einsum("tk,tk->k", relative, relative)
        largest, last = largest_boxes(relative, last)
        boxes.append(largest)
        if has_zeros:
            np.maximum(relative, _TINY, out=relative)
        np.vecdot(np.log(relative, out=relative), ones, out=log_sums[first : first + block])
    square *= (n_frames + 1) / (n_frames - 1) / n_frames  # K sum p^2 / (sum p)^2 is the sum of q^2 over K
    square -= (n_frames + 1) / (n_frames - 1)
    highest, mean = np.maximum.reduce(log_sums), np.add.reduce(log_sums) / n_frames
    return _Shape(
        kurtosis=np.maximum(square, 0, out=square),
        boxes=functools.reduce(BurstBoxes.or_larger, boxes),
        fluctuation_db=DB_PER_NEPER_POWER / hop_bins * float(highest - mean),
    )


def _decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else -math.inf
