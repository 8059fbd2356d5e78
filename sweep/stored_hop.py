"""One hop in stored units: analysed, quantised, and what is known of how it was received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.spectra import BURST_WIDTHS, HopSpectra, box_count, hop_spectra
from sweep.model import FILL, HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED, HopGap, HopSamples
from sweep.plan import SweepPlan

__all__ = [
    "OVERLOAD_CLIP_FRACTION",
    "OVERLOAD_RMS_DBFS",
    "StoredHop",
    "examine",
    "is_overloaded",
    "level_sizes",
    "to_centidecibels",
]

OVERLOAD_CLIP_FRACTION = 1e-4
OVERLOAD_RMS_DBFS = 20 * np.log10(0.3)
"""Beyond either, the converter itself makes signals (``detection.md`` of the project; AD-conversion practice)."""

_LOWEST = FILL + 1  # a measured power of zero: the lowest level that can be stored
_MEASURES = ("mean", "max_hold", "min_hold", "spectral_kurtosis")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredHop:
    """One hop in stored units, before it has its place in a row.

    Attributes
    ----------
    pass_index, hop_index : int
    levels : ndarray of int16, shape (n_levels,)
        All measures one after another, as in a ``SweepRow``.
    facts : mapping of str to float
        Its ``hop_*`` fields of a ``SweepRow``.
    """

    pass_index: int
    hop_index: int
    levels: NDArray[np.int16]
    facts: Mapping[str, Any]

    @property
    def utc_ns(self) -> int:
        """Start of its samples, in nanoseconds since 1970 UTC."""
        return int(self.facts["hop_utc_ns"])

    @property
    def monotonic_ns(self) -> int:
        """Start of its samples on the monotonic clock."""
        return int(self.facts["hop_monotonic_ns"])


def to_centidecibels(power: NDArray[np.float32]) -> NDArray[np.int16]:
    """Quantise linear power to hundredths of a dB.

    Parameters
    ----------
    power : ndarray of float32
        Linear, not negative; NaN where nothing was measured.

    Returns
    -------
    ndarray of int16, same shape
        1000 log10(power), rounded to even, kept between -32767 and 32767; `FILL` for NaN.

    Examples
    --------
    >>> to_centidecibels(np.array([1.0, 0.5, 0.0, np.nan], np.float32)).tolist()
    [0, -301, -32767, -32768]
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN becomes some whole number, and then FILL
        levels = np.log10(power)
        levels *= np.float32(1000)
        np.rint(levels, out=levels)
        np.maximum(levels, np.float32(_LOWEST), out=levels)
        np.minimum(levels, np.float32(-_LOWEST), out=levels)
        stored = levels.astype(np.int16)
    unknown = np.isnan(levels)
    if unknown.any():
        stored[unknown] = FILL
    return stored


def examine(plan: SweepPlan, block: HopSamples | HopGap) -> StoredHop | HopGap:
    """Analyse the samples of a hop and bring them in stored units.

    Parameters
    ----------
    plan : SweepPlan
    block : HopSamples or HopGap
        What a source gave.

    Returns
    -------
    StoredHop or HopGap
        A gap where there are no samples, or none that can be put on the bins of the plan.
    """
    if isinstance(block, HopGap):
        return block
    unusable = _unusable(plan, block)
    if unusable is not None:
        return unusable
    spectra = _analyse(plan, block)
    overloaded = is_overloaded(block, spectra)
    return StoredHop(
        pass_index=block.pass_index,
        hop_index=block.hop_index,
        levels=to_centidecibels(np.concatenate([getattr(spectra, name) for name in level_sizes(plan.hop_bins)])),
        facts={
            "hop_utc_ns": block.utc_ns,
            "hop_monotonic_ns": block.monotonic_ns,
            "hop_center_freq_hz": block.center_freq_hz,
            "hop_gain_db": np.nan if block.gain_db is None else block.gain_db,
            "hop_clip_fraction": spectra.clip_fraction,
            "hop_rms_dbfs": spectra.rms_dbfs,
            "hop_dc_dbfs": spectra.dc_dbfs,
            "hop_fluctuation_db": spectra.fluctuation_db,
            "hop_dropped_samples": block.dropped_samples,
            "hop_flags": HOP_MEASURED | HOP_OVERLOADED * overloaded | HOP_UNLOCKED * (not block.tuner_locked),
        },
    )


def _unusable(plan: SweepPlan, hop: HopSamples) -> HopGap | None:
    """Why the samples of a hop cannot be put on the bins of the plan, if they cannot."""
    wanted_hz, n_samples = plan.hop_centers_hz[hop.hop_index], hop.raw.size // 2
    reason = None
    if abs(_offset_bins(plan, hop)) > max(0.5, (plan.n_fft - plan.hop_bins) / 2):
        reason = f"tuned to {hop.center_freq_hz:.0f} Hz where the plan has {wanted_hz} Hz"
    elif n_samples < plan.hop_samples:
        reason = f"{n_samples} samples came where the plan has {plan.hop_samples}"
    if reason is None:
        return None
    return HopGap(
        pass_index=hop.pass_index,
        hop_index=hop.hop_index,
        utc_ns=hop.utc_ns,
        monotonic_ns=hop.monotonic_ns,
        reason=reason,
    )


def _analyse(plan: SweepPlan, hop: HopSamples) -> HopSpectra:
    return hop_spectra(
        hop.raw,
        hop.sample_format,
        n_fft=plan.n_fft,
        n_frames=plan.n_frames,
        hop_bins=plan.hop_bins,
        full_scale=hop.full_scale,
        offset_bins=_offset_bins(plan, hop),
    )


def _offset_bins(plan: SweepPlan, hop: HopSamples) -> float:
    """How far above the grid the receiver was tuned, in bins."""
    return (hop.center_freq_hz - plan.hop_centers_hz[hop.hop_index]) / plan.bin_width_hz


@lru_cache(maxsize=16)
def level_sizes(hop_bins: int) -> dict[str, int]:
    """Values of each stored measure in one hop, in stored order.

    Examples
    --------
    >>> sum(level_sizes(768).values())
    3479
    """
    boxes = {width: box_count(hop_bins, width) for width in BURST_WIDTHS}
    sizes = dict.fromkeys(_MEASURES, hop_bins)
    return sizes | {f"burst_{width}": count for width, count in boxes.items()} | {"burst_8x4": boxes[8]}


def is_overloaded(hop: HopSamples, spectra: HopSpectra) -> bool:
    """Whether a hop drove the converter too far.

    A float capture has lost the level of its converter, so for it only the rails count.
    """
    too_loud = hop.sample_format != "cf32_le" and spectra.rms_dbfs > OVERLOAD_RMS_DBFS
    return bool(too_loud or spectra.clip_fraction > OVERLOAD_CLIP_FRACTION)
