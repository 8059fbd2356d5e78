"""Levels of a hop that was taken at a lower gain, on the scale of the rest of its visit.

A hop that overloads the converter is taken again at a lower gain. What the record keeps is what was measured; what is
judged is brought to the gain of the visit by the tuner's own table. Its noise rises with that, as the noise behind the
amplifier did not fall with the gain, and weak emitters may be lost in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.receivers import receiver_at
from sweep.model import FILL, SweepRow
from sweep.plan import Layout

__all__ = ["Referral"]

_SMALLEST_STEP_DB = 0.05


class Referral:
    """Rows on the scale of the gain that their instrument names.

    Parameters
    ----------
    layout : Layout
    instrument : mapping
        As in the record.
    """

    def __init__(self, layout: Layout, instrument: Mapping[str, Any]) -> None:
        self._n_hops = layout.n_hops
        middles_hz = layout.freq_hz.reshape(layout.n_hops, -1)[:, layout.hop_bins // 2]
        gains_db = [receiver_at(instrument, float(freq_hz)).get("gain_db") for freq_hz in middles_hz]
        self._gain_db = np.array([np.nan if gain is None else gain for gain in gains_db], np.float64)
        self.lowered = np.zeros(layout.n_hops, bool)

    def of(self, rows: Callable[[], Iterable[SweepRow]]) -> Callable[[], Iterator[SweepRow]]:
        """Give rows as often as these are asked for; ``lowered`` then says which hops had another gain."""
        return lambda: map(self._referred, rows())

    def _referred(self, row: SweepRow) -> SweepRow:
        if row.hop_gain_db.size != self._n_hops:
            return row
        step_db = np.nan_to_num(self._gain_db - row.hop_gain_db)
        stepped = (np.abs(step_db) > _SMALLEST_STEP_DB) & (row.hop_flags > 0)
        if not stepped.any():
            return row
        self.lowered |= stepped
        step_cdb = np.where(stepped, np.rint(100 * step_db), 0).astype(np.int32)
        return replace(
            row,
            mean=self._moved(row.mean, step_cdb),
            max_hold=None if row.max_hold is None else self._moved(row.max_hold, step_cdb),
            min_hold=None if row.min_hold is None else self._moved(row.min_hold, step_cdb),
        )

    def _moved(self, levels: NDArray[np.int16], step_cdb: NDArray[np.int32]) -> NDArray[np.int16]:
        moved = levels.reshape(self._n_hops, -1) + step_cdb[:, None]
        moved = np.clip(moved, FILL + 1, -FILL - 1).ravel()
        return np.where(levels == FILL, FILL, moved).astype(np.int16)
