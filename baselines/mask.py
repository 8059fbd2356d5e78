"""The mask channel: frames above anything that the baseline ever held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import Aligned
from baselines.boxes import BoxesAbout
from baselines.candidates import ROUNDING, Scores, quiet_fluctuation
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.groups import sorted_groups
from dsp.running import running_maximum
from dsp.statistics import burst_level, burst_p_value

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
    return np.asarray(sorted_groups(excess)[rank], np.float64)


def mask_excess(baseline: Baseline, aligned: Aligned) -> NDArray[np.float32] | None:
    """How far, in nats, each group's largest frame reaches above the baseline's mask; shape (G, n_bins)."""
    if baseline.log_mask is None or aligned.log_max is None:
        return None
    with np.errstate(invalid="ignore"):
        excess = aligned.log_max - _mask_of(baseline)
    excess[~np.isfinite(excess)] = -np.inf
    wide = aligned.zones.wide
    for group in excess:  # what rises as a whole is judged by the continuous channel
        group[wide.bins] -= np.maximum(wide.median(np.maximum(group[wide.bins], -20.0)), 0.0)
    return excess


def mask_channel(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    excess: NDArray[np.float32],
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
    excess : ndarray of float32, shape (G, n_bins)
        From `mask_excess`.
    share : float
        Of the false alarms, that this channel may make.
    false_alarms : float
        Accepted in one report, over all channels.
    """
    n_groups, n_bins = excess.shape
    frames = float(summary.layout.n_averages or 1) * summary.passes.astype(np.float64)
    above_mean = np.nan_to_num(_mask_of(baseline) - baseline.log_mean)
    trials = n_bins * n_groups / share
    least = np.log(np.maximum(burst_level("burst_1", false_alarms / trials, frames), 1e-30)) - ROUNDING
    # What fluctuation and a common rise take away can only make a frame less of a peak: where it is none, none is left.
    peaks = [(group > 0) & (group + above_mean >= limit) for group, limit in zip(excess, least, strict=True)]
    look = np.flatnonzero(np.any(peaks, axis=0))
    over_mask, known = excess[:, look].astype(np.float64), aligned.zones.known[look]
    over_mean = np.nan_to_num(over_mask, neginf=0.0) + above_mean[look] - _common_rise(baseline, aligned, look)
    over_mean -= np.log(quiet_fluctuation(summary))[:, look // summary.layout.hop_bins]
    by_noise = burst_p_value("burst_1", np.exp(np.clip(over_mean, -20, 60)).astype(np.float32), frames[:, None])
    quiet = np.where(over_mask > 0, by_noise * trials, np.inf)
    tail = baseline.mask_tail["single" if n_groups < FEW_SWEEPS else "lasting"]
    among = np.where(known, beyond(persistent_excess(over_mask), tail) / share, 0.0)
    expected = np.full(n_bins, np.inf)
    expected[look] = np.maximum(quiet.min(axis=0), among)
    high = expected <= false_alarms
    confirmed = np.zeros(n_bins, bool)
    confirmed[look] = np.count_nonzero(quiet <= false_alarms, axis=0) >= max(2, (n_groups + 1) // 2)
    confirmed |= aligned.zones.known & (n_groups >= FEW_SWEEPS)
    return Scores.of("mask", high=high, low=high, confirmed=high & confirmed, expected=expected)


def beyond(excess: NDArray[np.float64], tail: tuple[float, float]) -> NDArray[np.float64]:
    """Runs of known bins that a visit without a device lifts at least as far above the mask."""
    margin, decay = tail
    return np.asarray(np.exp(-np.clip((excess - margin) / decay, -20.0, 700.0)))


def _mask_of(baseline: Baseline) -> NDArray[np.float32]:
    if baseline.log_mask is None:
        return baseline.log_mean
    filled = np.where(np.isfinite(baseline.log_mask), baseline.log_mask, np.float32(-np.inf))
    return running_maximum(filled, 2)


def _common_rise(baseline: Baseline, aligned: Aligned, bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """By how much each group rose over many bins about some, shape (G, n): a wide emitter is no peak."""
    boxes = BoxesAbout.of(bins, _COMMON_BINS, baseline.log_mean.size)
    rise = aligned.log_mean[:, boxes.covered] - baseline.log_mean[boxes.covered]
    known = np.isfinite(rise).all(axis=0)
    n_bins = np.maximum(boxes.sums(known), 1.0)
    return np.maximum(boxes.sums(np.where(known, rise, np.float32(0))) / n_bins, 0.0)
