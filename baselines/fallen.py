"""Hops that fell silent while a visit went on: in one pass some of them are deaf, and the rest are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["fallen_hops"]

_FALL_NEPERS = 3.0 / DB_PER_NEPER_POWER


def fallen_hops(floors: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Hops whose floor lies 3 dB below what it was in another group, and below the hops of its own that kept theirs.

    One gain for all of such a group would lift what still hears. A wide emitter that went off leaves a hop no lower
    than the others are, and where the floor of all hops fell alike one gain is right. Where none kept its floor,
    nothing tells these apart, and none is said to have fallen.

    Parameters
    ----------
    floors : ndarray, shape (G, n_hops)
        Quiet bins of each group and hop over the baseline, in nats; NaN where nothing is known.

    Returns
    -------
    ndarray of bool, shape (G, n_hops)

    Examples
    --------
    >>> fallen_hops(np.array([[0.0, 0.1, 2.0], [0.1, -1.4, 0.0], [-1.4, -1.4, -1.4]])).tolist()
    [[False, False, False], [False, True, False], [False, False, False]]
    """
    fell = floors < np.fmax.reduce(floors) - _FALL_NEPERS
    kept = np.where(fell, np.nan, floors)
    others = [np.median(known) if (known := row[np.isfinite(row)]).size else np.nan for row in kept]
    return np.asarray(fell & (floors < np.array(others)[:, None] - _FALL_NEPERS))
