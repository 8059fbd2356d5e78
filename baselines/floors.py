"""The noise floor of a row that several receivers heard: a step of gain between them is no signal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.receivers import Part, by_receivers
from dsp.floor import hop_floors
from sweep.plan import Layout

__all__ = ["row_floors"]


def row_floors(
    power_db: NDArray[np.floating], layout: Layout, parts: Sequence[Part], sigma_db: float
) -> NDArray[np.float64]:
    """Noise floor of a whole row (see `dsp.floor.hop_floors`); a hop borrows from those of its own receiver only.

    Parameters
    ----------
    power_db : ndarray, shape (n_bins,)
        In dB; NaN where not measured.
    layout : Layout
    parts : sequence of Part
    sigma_db : float
        Standard deviation of a noise bin in dB.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
    """
    size = layout.hop_bins
    borders_in_hops = any(part.bins.start % size for part in parts)  # where an axis is another one than the visit's own
    if len(parts) == 1 or borders_in_hops:
        return hop_floors(power_db, size, sigma_db)
    floors = np.empty(layout.n_bins)
    for _, bins in by_receivers(parts):
        floors[bins] = hop_floors(power_db[bins], size, sigma_db)
    return floors
