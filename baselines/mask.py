"""The mask channel: frames above anything that the baseline ever held."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.aligned import Aligned, running_median
from baselines.boxes import BoxSums
from baselines.candidates import Scores, quiet_fluctuation
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.statistics import burst_p_value

__all__ = ["FEW_SWEEPS", "beyond", "mask_channel", "mask_excess", "persistent_excess"]

FEW_SWEEPS = 3
"""Fewer sweeps than this cannot show that an emitter stays."""

_COMMON_BINS = 257


def persistent_excess(excess: NDArray[np.floating]) -> NDArray[np.float64]:
    """Largest value that half of the groups reach; the largest of one or two groups.

    Parameters
    ----------
    excess : ndarray, shape (G, n)

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> persistent_excess(np.array([[1.0], [5.0], [3.0], [2.0], [4.0]]))
    array([3.])
    """
    n_groups = len(excess)
    rank = n_groups - 1 if n_groups < FEW_SWEEPS else n_groups - (n_groups + 1) // 2
    result: NDArray[np.float64] = np.partition(np.asarray(excess, np.float64), rank, axis=0)[rank]
    return result


def mask_excess(baseline: Baseline, aligned: Aligned) -> NDArray[np.float64] | None:
    """How far, in nats, each group's largest frame reaches above the baseline's mask; shape (G, n_bins)."""
    if baseline.log_mask is None or aligned.log_max is None:
        return None
    with np.errstate(invalid="ignore"):
        excess = aligned.log_max.astype(np.float64) - _mask_of(baseline)
    excess = np.where(np.isfinite(excess), excess, -np.inf)
    wide = aligned.zones.wide
    if wide.any():  # what rises as a whole is judged by the continuous channel
        excess -= [np.maximum(running_median(np.maximum(group, -20.0), wide), 0.0) for group in excess]
    return excess


def mask_channel(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    excess: NDArray[np.float64],
    *,
    share: float,
    false_alarms: float,
) -> Scores:
    """Judge the largest frames of a visit: away from emitters against noise, among them against those of old.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
    aligned : Aligned
    excess : ndarray of float64, shape (G, n_bins)
        From `mask_excess`.
    share : float
        Of the false alarms, that this channel may make.
    false_alarms : float
        Accepted in one report, over all channels.
    """
    n_groups = len(excess)
    frames = float(summary.layout.n_averages or 1) * summary.passes.astype(np.float64)
    over_mean = np.nan_to_num(excess, neginf=0.0) + np.nan_to_num(_mask_of(baseline) - baseline.log_mean)
    over_mean -= _common_rise(baseline, aligned)
    over_mean -= np.repeat(np.log(quiet_fluctuation(summary)), summary.layout.hop_bins, axis=1)
    by_noise = burst_p_value("burst_1", np.exp(np.clip(over_mean, -20, 60)).astype(np.float32), frames[:, None])
    quiet = np.where(excess > 0, by_noise * (excess.shape[1] * n_groups), np.inf)
    tail = baseline.mask_tail["single" if n_groups < FEW_SWEEPS else "lasting"]
    known = np.maximum(beyond(persistent_excess(excess), tail), quiet.min(axis=0))
    expected = np.where(aligned.zones.known, known, quiet.min(axis=0)) / share
    high = expected <= false_alarms
    confirmed = np.count_nonzero(quiet / share <= false_alarms, axis=0) >= max(2, (n_groups + 1) // 2)
    confirmed |= aligned.zones.known & (n_groups >= FEW_SWEEPS)
    return Scores(channel="mask", high=high, low=high, confirmed=high & confirmed, expected=expected)


def beyond(excess: NDArray[np.float64], tail: tuple[float, float]) -> NDArray[np.float64]:
    """Runs of known bins that a visit without a device lifts at least as far above the mask."""
    margin, decay = tail
    return np.asarray(np.exp(-np.clip((excess - margin) / decay, -20.0, 700.0)))


def _mask_of(baseline: Baseline) -> NDArray[np.float32]:
    if baseline.log_mask is None:
        return baseline.log_mean
    filled = np.where(np.isfinite(baseline.log_mask), baseline.log_mask, np.float32(-np.inf))
    return np.asarray(scipy.ndimage.maximum_filter1d(filled, 5), np.float32)


def _common_rise(baseline: Baseline, aligned: Aligned) -> NDArray[np.float64]:
    """By how much each group rose over many bins together, shape (G, n_bins): a wide emitter is no peak."""
    weight = np.isfinite(baseline.log_mean) * np.isfinite(aligned.log_mean).all(axis=0)
    n_bins = np.maximum(BoxSums.of(weight).over(_COMMON_BINS), 1.0)
    rises = [np.nan_to_num(group - baseline.log_mean) * weight for group in aligned.log_mean]
    return np.array([np.maximum(BoxSums.of(rise).over(_COMMON_BINS) / n_bins, 0.0) for rise in rises])
