"""A visit against a baseline: the continuous, burst and mask channels.

Every channel gives for each bin the number of emitters at least as strong that a visit without a device is expected
to show; the channels share out the false alarms that are accepted.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.aligned import Aligned
from baselines.boxes import NARROW_SCALES
from baselines.candidates import BURST_SHARE, Scores, burst_scores
from baselines.continuous import continuous_channel, contrast_rise
from baselines.mask import beyond, mask_channel, mask_excess
from baselines.model import Baseline
from baselines.summary import VisitSummary

__all__ = ["channel_scores"]

_MASK_SHARE = 0.2
_CONTINUOUS_SHARE = 1 - BURST_SHARE - _MASK_SHARE
_SKIRT_BINS = 4


def channel_scores(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, false_alarms_per_sweep: float
) -> list[Scores]:
    """Run the three channels.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
        On the baseline's axis.
    aligned : Aligned
        Of this summary.
    false_alarms_per_sweep : float
        Shared out over all channels, scales and bins.
    """
    rises = contrast_rise(baseline, aligned)
    scales = sorted(baseline.between_variance)

    def continuous(scale: int, rise: NDArray[np.float32]) -> Scores:
        share = _CONTINUOUS_SHARE / len(scales)
        return continuous_channel(
            baseline, summary, aligned, rise, scale=scale, share=share, false_alarms=false_alarms_per_sweep
        )

    channels = [continuous(scale, rises[scale]) for scale in scales if scale in NARROW_SCALES]
    known = np.isfinite(baseline.log_mean)
    excess = mask_excess(baseline, aligned)
    allowed = None if excess is None else (aligned.zones.known, beyond(excess, baseline.mask_tail["single"]))
    bursts = burst_scores(summary, false_alarms_per_sweep, limits=baseline.burst_limits, allowed=allowed)
    channels += [_within(scores, known) for scores in bursts]
    if excess is not None:
        channels.append(
            mask_channel(baseline, summary, aligned, excess, share=_MASK_SHARE, false_alarms=false_alarms_per_sweep)
        )
    # What a narrow box or a burst explains, with its skirts, must not carry a wide box: many hops are no wide emitter.
    explained = np.any([scores.high for scores in channels], axis=0)
    explained = scipy.ndimage.maximum_filter1d(explained, 2 * _SKIRT_BINS + 1)
    return channels + [
        continuous(scale, np.where(explained, np.float32(np.nan), rises[scale]))
        for scale in scales
        if scale not in NARROW_SCALES
    ]


def _within(scores: Scores, known: NDArray[np.bool_]) -> Scores:
    """A channel, only where the baseline knows the bins."""
    return Scores(
        channel=scores.channel,
        high=scores.high & known,
        low=scores.low & known,
        confirmed=scores.confirmed & known,
        expected=scores.expected,
    )
