"""Emitters heard without a baseline: whatever stands above the noise floor, steadily or in bursts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.special
from numpy.typing import NDArray

from baselines.candidates import BURST_SHARE, Candidate, Scores, burst_scores, gather
from baselines.floors import row_floors
from baselines.receivers import parts_of
from baselines.summary import VisitSummary
from dsp.groups import known_median, robust_mean, sorted_groups
from dsp.statistics import DB_PER_NEPER_POWER, normal_p_value

__all__ = ["FLOOR_MODEL_DB", "floor_of", "heard_candidates"]

_SCALES = (1, 4, 16)
FLOOR_MODEL_DB = 0.38
"""How far a real passband strays from the fitted floor."""

_HIGH_SIGMAS, _LOW_SIGMAS = 6.5, 2.6


def floor_of(summary: VisitSummary, instrument: Mapping[str, Any] | None = None) -> NDArray[np.float32]:
    """Noise floor in dBFS of each bin, shape (n_bins,), from the quietest quarter of the groups.

    Parameters
    ----------
    summary : VisitSummary
    instrument : mapping, optional
        Of the visit, as in its record: several receivers have a floor each.
    """
    ordered = sorted_groups(summary.log_mean)
    n_known = np.count_nonzero(np.isfinite(ordered), axis=0)
    quiet = np.take_along_axis(ordered, (n_known // 4)[None], axis=0)[0]
    sigma = float(np.sqrt(summary.group_variance))
    # Noise in the second lowest of five groups is below its mean: by this many sigmas (Blom 1958).
    count = np.arange(len(ordered) + 1)
    quiet -= (sigma * scipy.special.ndtri((count // 4 + 0.625) / (count + 0.25)))[n_known]
    sigma_db = DB_PER_NEPER_POWER * sigma
    parts = parts_of(summary.layout, instrument or {})
    return row_floors(DB_PER_NEPER_POWER * quiet, summary.layout, parts, sigma_db).astype(np.float32)


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
    channels = [_continuous(summary, floor_dbfs, scale, false_alarms_per_sweep) for scale in _SCALES]
    channels += burst_scores(summary, false_alarms_per_sweep)
    return gather(channels, summary.layout)


def _continuous(summary: VisitSummary, floor_dbfs: NDArray[np.float32], scale: int, false_alarms: float) -> Scores:
    excess = DB_PER_NEPER_POWER * summary.log_mean - floor_dbfs
    known = np.isfinite(excess)
    smooth = scipy.ndimage.uniform_filter1d(np.where(known, excess, 0.0), scale, axis=1, mode="nearest")
    share = scipy.ndimage.uniform_filter1d(known.astype(np.float64), scale, axis=1, mode="nearest")
    smooth = np.where(known, smooth / np.where(known, share, 1.0), np.nan)
    n_known = np.maximum(np.count_nonzero(known, axis=0), 1)
    variance = DB_PER_NEPER_POWER**2 * summary.group_variance / n_known / scale
    sigma = np.sqrt(variance + FLOOR_MODEL_DB**2)
    z = np.nan_to_num(robust_mean(smooth)) / sigma
    median = np.nan_to_num(known_median(smooth)) / sigma
    expected = normal_p_value(z) * (z.size * len(_SCALES) / (1 - BURST_SHARE))
    high = (z > _HIGH_SIGMAS) & (expected <= false_alarms)
    return Scores.of(
        "continuous",
        high=high,
        low=z > _LOW_SIGMAS,
        confirmed=high & (median > _HIGH_SIGMAS),
        expected=expected,
    )
