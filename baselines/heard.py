"""Emitters heard without a baseline: whatever stands above the noise floor, steadily or in bursts."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.candidates import Candidate, Scores, burst_scores, gather
from baselines.summary import VisitSummary
from dsp.floor import hop_floors
from dsp.statistics import DB_PER_NEPER_POWER, normal_p_value

__all__ = ["floor_of", "heard_candidates"]

_SCALES = (1, 4, 16)
_FLOOR_MODEL_DB = 0.45  # how far a real passband strays from the fitted floor
_HIGH_SIGMAS, _LOW_SIGMAS = 6.5, 3.0


def floor_of(summary: VisitSummary) -> NDArray[np.float32]:
    """Noise floor in dBFS of each bin, shape (n_bins,), from the quietest quarter of the groups."""
    quiet = np.sort(summary.log_mean, axis=0)[summary.n_groups // 4]  # NaN sorts last
    sigma_db = DB_PER_NEPER_POWER * float(np.sqrt(summary.group_variance))
    hop_bins = summary.layout.hop_bins
    return hop_floors(DB_PER_NEPER_POWER * quiet, hop_bins, sigma_db).astype(np.float32)


def heard_candidates(
    summary: VisitSummary, floor_dbfs: NDArray[np.float32], false_alarms_per_sweep: float
) -> list[Candidate]:
    """Runs of bins above the floor.

    Parameters
    ----------
    summary : VisitSummary
    floor_dbfs : ndarray of float32, shape (n_bins,)
    false_alarms_per_sweep : float
        Shared out over all bins and scales; the continuous channel also allows for the error of the floor itself.

    Returns
    -------
    list of Candidate
    """
    n_tests = summary.layout.n_bins * (len(_SCALES) + 1 + len(summary.bursts))
    p_threshold = false_alarms_per_sweep / n_tests
    channels = [_continuous(summary, floor_dbfs, scale, p_threshold) for scale in _SCALES]
    channels += burst_scores(summary, p_threshold)
    return gather(channels, summary.layout)


def _continuous(summary: VisitSummary, floor_dbfs: NDArray[np.float32], scale: int, p_threshold: float) -> Scores:
    excess = DB_PER_NEPER_POWER * summary.log_mean - floor_dbfs
    smooth = scipy.ndimage.uniform_filter1d(np.nan_to_num(excess), scale, axis=1, mode="nearest")
    steady = _robust_mean(smooth)
    variance = DB_PER_NEPER_POWER**2 * summary.group_variance / summary.n_groups / scale
    sigma = np.sqrt(variance + _FLOOR_MODEL_DB**2)
    z = np.where(np.isfinite(floor_dbfs), steady / sigma, 0.0)
    median = np.median(smooth, axis=0) / sigma
    p_value = normal_p_value(z)
    high = (z > _HIGH_SIGMAS) & (p_value < p_threshold)
    return Scores(
        channel="continuous", high=high, low=z > _LOW_SIGMAS, confirmed=high & (median > _HIGH_SIGMAS), p_value=p_value
    )


def _robust_mean(groups: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over groups without the largest, where there are at least three."""
    values = np.asarray(groups, np.float64)
    total: NDArray[np.float64] = values.sum(axis=0)
    if len(values) < 3:
        return total / len(values)
    trimmed: NDArray[np.float64] = (total - values.max(axis=0)) / (len(values) - 1)
    return trimmed
