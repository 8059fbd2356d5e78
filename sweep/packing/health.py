"""Health of the receiver, gathered from blocks of rows as they pass by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.model import HOP_OVERLOADED, HOP_UNLOCKED

__all__ = ["Health"]


class Health:
    """What the rows that pass by say of the receiver."""

    def __init__(self) -> None:
        self._totals = {"overloaded_hops": 0, "unlocked_hops": 0, "dropped_samples": 0}
        self._highest: dict[str, float] = {}

    def add(self, stacked: Mapping[str, NDArray[Any]]) -> None:
        """Take a block of rows."""
        flags = stacked["hop_flags"]
        self._totals["overloaded_hops"] += int(np.count_nonzero(flags & HOP_OVERLOADED))
        self._totals["unlocked_hops"] += int(np.count_nonzero(flags & HOP_UNLOCKED))
        self._totals["dropped_samples"] += int(stacked["hop_dropped_samples"].sum(dtype=np.int64))
        for name in ("hop_clip_fraction", "hop_rms_dbfs", "hop_fluctuation_db"):
            known = stacked[name][~np.isnan(stacked[name])]
            if known.size:
                self._highest[f"{name}_max"] = max(float(known.max()), self._highest.get(f"{name}_max", -np.inf))

    def totals(self) -> dict[str, int | float]:
        """Sums and highest values; one that was never measured is absent."""
        return {**self._totals, **self._highest}
