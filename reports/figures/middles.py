"""The middle of every hop, where a receiver hears itself: left out of overviews, in which it would be all one sees.

A zero-IF receiver adds its DC offset and 1/f noise around the frequency that it is tuned to. An overview shows the
highest bin of each column; over the whole band every column then shows the receiver and not the air.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.plan import Layout

__all__ = ["bins_of", "is_overview", "middle_bins", "overview_bins", "peak_beside_middles"]

_HALF_HZ = 20_000.0


def _half_bins(layout: Layout) -> int:
    return int(np.ceil(_HALF_HZ / layout.bin_width_hz))


def is_overview(layout: Layout, n_bins: int, n_columns: int) -> bool:
    """Whether a drawing of so many bins in so many columns leaves the middles of hops out.

    Only where a column holds at least twice as many bins as a middle, so that no column is left without a level; a
    closer view shows everything.
    """
    fewest = overview_bins(layout)
    return fewest is not None and n_bins >= fewest * n_columns


def overview_bins(layout: Layout) -> int | None:
    """Bins of a column from which on the middles of hops are left out; None where there are none to leave out."""
    return 4 * _half_bins(layout) if layout.n_hops > 1 and layout.n_averages is not None else None


def middle_bins(layout: Layout, findings: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    """Bins within 20 kHz of the tuned frequency of each hop, but for those of narrow findings: what is listed is shown.

    A finding that is wider than a middle shows beside it.

    Returns
    -------
    ndarray of bool, shape (n_bins,)
    """
    middle = _is_middle(layout, 0, layout.n_bins)
    for finding in findings:
        first, last = bins_of(layout, finding)
        if last - first <= 4 * _half_bins(layout):
            middle[first:last] = False
    return middle


def peak_beside_middles(layout: Layout, level_db: NDArray[np.floating], finding: Mapping[str, Any]) -> float | None:
    """Highest level of a finding as an overview shows it; None where nothing was measured."""
    first, last = bins_of(layout, finding)
    level = level_db[first:last]
    if last - first > 4 * _half_bins(layout):
        level = level[~_is_middle(layout, first, last)]
    return float(np.nanmax(level)) if np.isfinite(level).any() else None


def bins_of(layout: Layout, finding: Mapping[str, Any]) -> tuple[int, int]:
    """First bin within the occupied bandwidth of a finding, and the one after the last; at least the nearest bin."""
    center_hz = float(finding["center_freq_hz"])
    half_hz = max(float(finding.get("occupied_bw_hz") or 0.0), layout.bin_width_hz) / 2
    first, last = (int(k) for k in np.searchsorted(layout.freq_hz, (center_hz - half_hz, center_hz + half_hz)))
    first = min(first, layout.n_bins - 1)
    return first, max(last, first + 1)


def _is_middle(layout: Layout, first: int, last: int) -> NDArray[np.bool_]:
    offset = np.abs(np.arange(first, last) % layout.hop_bins - layout.hop_bins // 2)
    return np.asarray(offset <= _half_bins(layout))
