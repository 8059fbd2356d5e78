"""How the noise floor of the hops moves while a visit goes on: an antenna that came loose is not a quiet room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweep.model import FILL, HOP_MEASURED
from sweep.plan import Layout
from sweep.row_blocks import RowBlock

__all__ = ["HopFloors"]

_STEP_BINS, _LOW_PERCENT = 8, 20.0
_DEAF_CDB = 300.0


class HopFloors:
    """Compares the floor of each hop, row by row, with that of its first row at the same gain.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        self._n_hops = layout.n_hops
        self._first = np.full(layout.n_hops, np.nan)
        self._last = np.full(layout.n_hops, np.nan)
        self._gain_db = np.full(layout.n_hops, np.nan, np.float32)
        self.n_deaf = 0

    @property
    def drift_db(self) -> float:
        """How far the floor of the middle hop moved from its first row to its last, in dB; 0 where nothing is known."""
        moved = self._last - self._first
        known = moved[np.isfinite(moved)]
        return float(np.median(known)) / 100 if known.size else 0.0

    def add(self, block: RowBlock) -> None:
        """Take the next rows."""
        arrays = block.arrays
        step = _STEP_BINS if self._n_hops > 1 else 1
        levels = arrays["mean"].reshape(len(block), self._n_hops, -1)[:, :, ::step]
        measured = ((arrays["hop_flags"] & HOP_MEASURED) > 0) & (levels != FILL).all(axis=2)
        floors = np.percentile(levels, _LOW_PERCENT, axis=2)
        for floor, gain_db, known in zip(floors, arrays["hop_gain_db"], measured, strict=True):
            self._add_row(floor, gain_db, known)

    def _add_row(self, floor: NDArray[np.float64], gain_db: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        anew = known & ~((gain_db == self._gain_db) | (np.isnan(gain_db) & np.isnan(self._gain_db)))
        anew |= known & np.isnan(self._first)
        self._first[anew] = floor[anew]
        self._gain_db[anew] = gain_db[anew]
        self._last[known] = floor[known]
        self.n_deaf += int(np.count_nonzero(known & (floor < self._first - _DEAF_CDB)))
