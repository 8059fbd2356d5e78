"""When in a minute each hop was listened to: what meets a transmitter that is on for a second in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.model import HOP_MEASURED

__all__ = ["MINUTE_PARTS", "count_by_minute", "dwells_met"]

MINUTE_PARTS = 120
"""Into which a minute is cut."""

_PARTS_A_SECOND = MINUTE_PARTS // 60


def count_by_minute(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
    """Measured dwells of each hop by the part of a minute in which they began, shape (n_hops, 120).

    Parameters
    ----------
    arrays : mapping
        ``hop_flags`` and ``hop_monotonic_ns`` of some rows, shape (n_rows, n_hops) each.
    """
    measured = (arrays["hop_flags"] & HOP_MEASURED) > 0
    parts = arrays["hop_monotonic_ns"] // (60_000_000_000 // MINUTE_PARTS) % MINUTE_PARTS
    n_hops = measured.shape[1]
    cells = (np.arange(n_hops) * MINUTE_PARTS + parts)[measured]
    return np.bincount(cells, minlength=n_hops * MINUTE_PARTS).reshape(n_hops, MINUTE_PARTS).astype(np.int32)


def dwells_met(by_minute: NDArray[np.int32]) -> NDArray[np.int32]:
    """Dwells that lie in the second of a burst, for each part of the minute in which it may begin.

    Parameters
    ----------
    by_minute : ndarray of int32, shape (..., 120)

    Returns
    -------
    ndarray of int32, shape (..., 120)

    Examples
    --------
    >>> counts = np.zeros(120, np.int32)
    >>> counts[5] = 3
    >>> np.flatnonzero(dwells_met(counts)).tolist()
    [4, 5]
    """
    return np.asarray(sum(np.roll(by_minute, -part, axis=-1) for part in range(_PARTS_A_SECOND)), np.int32)
