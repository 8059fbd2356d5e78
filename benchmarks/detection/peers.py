"""Rules that other tools use, each a score in dB for every bin; a threshold on it makes a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.visits import Visit
from dsp.statistics import to_linear

__all__ = ["RULES", "PeerBaseline", "peer_baseline"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeerBaseline:
    """What other tools keep of a room, in dBFS, each of shape (n_bins,)."""

    mean_db: NDArray[np.float32]
    max_hold_db: NDArray[np.float32]


def peer_baseline(visits: Sequence[Visit]) -> PeerBaseline:
    """Mean and maximum of all passes of all visits."""
    rows = [row for visit in visits for row in visit.rows]
    total = np.zeros(rows[0].mean.size)
    for row in rows:
        total += to_linear(row.mean)
    held = np.max([row.max_hold for row in rows], axis=0)
    return PeerBaseline(mean_db=_decibels(total / len(rows)), max_hold_db=held.astype(np.float32) / 100)


def _mean_db(visit: Visit) -> NDArray[np.float32]:
    return _decibels(np.mean([to_linear(row.mean) for row in visit.rows], axis=0))


def _max_hold_db(visit: Visit) -> NDArray[np.float32]:
    return np.max([row.max_hold for row in visit.rows], axis=0).astype(np.float32) / 100


def _decibels(power: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)), np.float32)


def _over_median(visit: Visit, _: PeerBaseline) -> NDArray[np.float32]:
    mean = _mean_db(visit).reshape(visit.plan.n_hops, -1)
    return np.asarray((mean - np.median(mean, axis=1, keepdims=True)).ravel(), np.float32)


RULES: dict[str, Callable[[Visit, PeerBaseline], NDArray[np.float32]]] = {
    "absolute threshold": lambda visit, _: _mean_db(visit),
    "median + X": _over_median,
    "baseline mean + X": lambda visit, baseline: _mean_db(visit) - baseline.mean_db,
    "max-hold mask + X": lambda visit, baseline: _max_hold_db(visit) - baseline.max_hold_db,
}
"""By name: a threshold on the level, on the level over the median of its hop, over the mean of the baseline, and on
the held maxima over those of the baseline."""
