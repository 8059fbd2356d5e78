"""The largest bursts that a baseline has seen, and where they were more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.summary import VisitSummary
from dsp.statistics import burst_p_value, known_reduction

__all__ = ["burst_limits", "bursting_bins"]

_BOX_DILATION = 8
_NOISE_P = 1e-6


def bursting_bins(summaries: Sequence[VisitSummary], over_mean: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Bins whose largest frame was more than noise gives.

    Parameters
    ----------
    summaries : sequence of VisitSummary
    over_mean : ndarray, shape (n_bins,)
        ln of the largest frame of all of them over the mean.
    """
    ratio = np.exp(np.clip(np.nan_to_num(over_mean), -20, 60)).astype(np.float32)
    return np.asarray(burst_p_value("burst_1", ratio, _n_frames(summaries)) < _NOISE_P)


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
        logs = np.log(np.maximum(np.concatenate(known), np.float32(1e-6)))
        spread = known_reduction(np.nanstd, logs) if len(logs) > 1 else np.full(logs.shape[1], 0.3, np.float32)
        largest = np.nan_to_num(known_reduction(np.nanmax, logs), nan=-20.0)
        noise = burst_p_value(name, np.exp(largest).astype(np.float32), _n_frames(summaries)) > _NOISE_P
        top = np.where(noise, -np.inf, largest + 2 * np.nan_to_num(spread))
        reach = 2 * _BOX_DILATION + 1 if name in ("burst_1", "burst_8", "burst_8x4") else 3
        limits[name] = np.exp(scipy.ndimage.maximum_filter1d(top, reach)).astype(np.float32)
    return limits


def _n_frames(summaries: Sequence[VisitSummary]) -> float:
    return float(sum(s.passes.sum() for s in summaries)) * float(summaries[0].layout.n_averages or 1)
