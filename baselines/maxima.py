"""The largest bursts that a baseline has seen, and where they were more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.summary import VisitSummary
from dsp.running import running_maximum
from dsp.statistics import burst_level, to_nepers

__all__ = ["burst_limits", "bursting_bins"]

_BOX_DILATION = 8
_NOISE_P = 1e-6
_SMALLEST_NEPERS, _NEVER_NEPERS = np.log(np.float32(1e-6)), -20.0
_GUESSED_SPREAD = 0.3  # of a single sweep


def bursting_bins(summaries: Sequence[VisitSummary], over_mean: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Bins whose largest frame was more than noise gives.

    Parameters
    ----------
    summaries : sequence of VisitSummary
    over_mean : ndarray, shape (n_bins,)
        ln of the largest frame of all of them over the mean.
    """
    level = burst_level("burst_1", _NOISE_P, _n_frames(summaries))
    return np.asarray(over_mean > np.log(level))


def burst_limits(summaries: Sequence[VisitSummary]) -> dict[str, NDArray[np.float32]]:
    """Largest value of each feature in any sweep, two of its own standard deviations on top, dilated.

    Zero where no sweep had more than noise gives: there theory is the only limit.
    """
    limits: dict[str, NDArray[np.float32]] = {}
    stacks = {"burst_1": [summary.burst_1 for summary in summaries]}
    stacks |= {name: [summary.bursts.get(name) for summary in summaries] for name in summaries[0].bursts}
    for name, parts in stacks.items():
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            continue
        largest, spread = _largest_and_spread(known)
        noise = np.exp(largest) < burst_level(name, _NOISE_P, _n_frames(summaries))
        top = np.where(noise, np.float32(-np.inf), largest + 2 * spread)
        reach = _BOX_DILATION if name in ("burst_1", "burst_8", "burst_8x4") else 1
        limits[name] = np.exp(running_maximum(top, reach))
    return limits


def _largest_and_spread(parts: Sequence[NDArray[np.int16]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Largest logarithm of a feature over all groups, and its standard deviation; each of shape (n_boxes,)."""
    logs = (np.maximum(to_nepers(group), _SMALLEST_NEPERS) for part in parts for group in part)
    n_boxes = parts[0].shape[1]
    largest = np.full(n_boxes, _NEVER_NEPERS, np.float32)
    total, squares, n_known = np.zeros(n_boxes), np.zeros(n_boxes), np.zeros(n_boxes)
    for log in logs:
        known = np.isfinite(log)
        value = np.where(known, log, np.float32(0)).astype(np.float64)
        total += value
        squares += value * value
        n_known += known
        np.fmax(largest, log, out=largest)
    if sum(map(len, parts)) == 1:
        return largest, np.full(n_boxes, _GUESSED_SPREAD, np.float32)
    n_known = np.maximum(n_known, 1)
    return largest, np.sqrt(np.maximum(squares / n_known - (total / n_known) ** 2, 0)).astype(np.float32)


def _n_frames(summaries: Sequence[VisitSummary]) -> float:
    return float(sum(s.passes.sum() for s in summaries)) * float(summaries[0].layout.n_averages or 1)
