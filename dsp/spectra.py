"""The FFT core: one pass over the samples of a hop gives all that detection needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.frames import fill_powers, view_frames
from dsp.samples import clip_fraction
from dsp.thread_cache import thread_cache

__all__ = ["BURST_WIDTHS", "HANN_ENBW_BINS", "HopSpectra", "box_count", "hop_spectra"]

HANN_ENBW_BINS = 1.5
"""Equivalent noise bandwidth of the periodic Hann window in bins (Harris 1978)."""

BURST_WIDTHS = (8, 64, 512)
"""Widths in bins of the burst boxes; a box starts every half width."""

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


def box_count(hop_bins: int, width: int) -> int:
    """Boxes of a width, one every half width, that fit in a hop.

    Examples
    --------
    >>> [box_count(768, width) for width in BURST_WIDTHS]
    [191, 23, 2]
    """
    return max(0, hop_bins // (width // 2) - 1)


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
    power = _scratch("power", n_frames, hop_bins)
    dc = fill_powers(power, frames, remove_dc=True)
    mean: NDArray[np.float32] = np.ones(n_frames, np.float32) @ power / np.float32(n_frames)
    max_hold, min_hold = power.max(axis=0), power.min(axis=0)
    relative = np.divide(power, np.maximum(mean, _TINY), out=power)
    square = np.einsum("tk,tk->k", relative, relative) / n_frames  # K sum p^2 / (sum p)^2
    burst_8, burst_8x4, burst_64, burst_512 = _burst_features(relative)
    # Adding is three times as fast as np.maximum, and leaves alone whatever is above 1e-23.
    log_relative = np.log(np.add(relative, _TINY, out=relative), out=relative)
    used = raw[: (n_frames + 1) * n_fft]
    return HopSpectra(
        mean=mean,
        max_hold=max_hold,
        min_hold=min_hold,
        spectral_kurtosis=np.maximum((n_frames + 1) / (n_frames - 1) * (square - 1), 0).astype(np.float32),
        burst_8=burst_8,
        burst_8x4=burst_8x4,
        burst_64=burst_64,
        burst_512=burst_512,
        clip_fraction=clip_fraction(used, sample_format, full_scale=full_scale),
        rms_dbfs=_decibels(_rms(used.reshape(-1, n_fft), frames.scale) ** 2),
        dc_dbfs=_decibels(abs(dc) ** 2),
        fluctuation_db=_fluctuation_db(log_relative),
    )


@thread_cache(maxsize=4)
def _scratch(purpose: str, n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Memory kept from hop to hop, to each thread its own: fresh pages may cost as much as the transforms."""
    return np.empty((n_rows, n_columns), np.float32)


def _rms(halves: NDArray[Any], scale: float) -> float:
    """Rms of the samples about their mean; float32 sums within a row, float64 across rows."""
    rows = _scratch("components", *halves.shape)
    np.copyto(rows, halves)
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


def _fluctuation_db(log_relative: NDArray[np.float32]) -> float:
    n_bins = log_relative.shape[1]
    level = log_relative @ np.full(n_bins, 1 / n_bins, np.float32)
    return float(10 / np.log(10) * (level.max() - level.mean()))


def _decibels(power: float) -> float:
    return float(10 * np.log10(power)) if power > 0 else float("-inf")
