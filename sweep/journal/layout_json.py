"""The layout of the rows, without its frequencies, as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep.limits import MAX_BINS, MAX_HOPS
from sweep.plan import Layout

__all__ = ["LayoutDocument", "layout_document", "layout_from"]


class LayoutDocument(msgspec.Struct, frozen=True):
    """All of a layout but its frequencies."""

    bin_width_hz: float
    n_hops: int
    hop_bins: int
    enbw_bins: float
    n_averages: int | None
    notes: tuple[str, ...] = ()


def layout_document(layout: Layout) -> dict[str, Any]:
    """Give all of a layout but its frequencies, for JSON."""
    return {
        "bin_width_hz": float(layout.bin_width_hz),
        "n_hops": layout.n_hops,
        "hop_bins": layout.hop_bins,
        "enbw_bins": float(layout.enbw_bins),
        "n_averages": layout.n_averages,
        "notes": list(layout.notes),
    }


def layout_from(told: LayoutDocument, freq_hz: NDArray[np.float64]) -> Layout:
    """Put a layout together again.

    Parameters
    ----------
    told : LayoutDocument
    freq_hz : ndarray of float64, shape (n_bins,)

    Raises
    ------
    RecordError
        Fields do not agree with each other or with the frequencies.
    """
    if not 0 < freq_hz.size <= MAX_BINS or told.n_hops < 1 or told.n_hops * told.hop_bins != freq_hz.size:
        raise RecordError(
            f"layout of {told.n_hops} hops of {told.hop_bins} bins does not fit {freq_hz.size} frequencies"
        )
    if told.n_hops > MAX_HOPS:
        raise RecordError(f"layout has {told.n_hops} hops, above {MAX_HOPS}")
    if not np.isfinite(freq_hz).all() or not told.bin_width_hz > 0:
        raise RecordError(f"layout has a frequency that is no number, or a bin width of {told.bin_width_hz} Hz")
    return Layout(freq_hz=freq_hz, **msgspec.structs.asdict(told))
