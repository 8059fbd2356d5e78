"""A visit against a baseline: the continuous, burst and mask channels.

Every channel gives for each bin the number of emitters at least as strong that a visit without a device is expected
to show; the channels share out the false alarms that are accepted.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import Aligned
from baselines.boxes import NARROW_SCALES
from baselines.candidates import BURST_SHARE, Among, Scores, burst_scores
from baselines.continuous import continuous_channel, least_rise
from baselines.mask import beyond, mask_channel, mask_excess
from baselines.model import Baseline
from baselines.rise import Rise, contrast_of, whole_rise
from baselines.summary import VisitSummary
from dsp.groups import known_mean
from dsp.running import running_maximum
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["channel_scores", "excess_threshold_db"]

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
    contrast, risen = contrast_of(baseline, aligned)
    scales = sorted(baseline.between_variance)

    def continuous(rise: Rise, narrow: bool) -> list[Scores]:
        return [
            continuous_channel(
                baseline,
                summary,
                aligned,
                rise,
                scale=scale,
                share=_CONTINUOUS_SHARE / len(scales),
                false_alarms=false_alarms_per_sweep,
            )
            for scale in scales
            if (scale in NARROW_SCALES) == narrow
        ]

    channels = continuous(Rise.of(baseline, contrast), narrow=True)
    channels += _burst_channels(baseline, summary, aligned, false_alarms_per_sweep)
    # What a narrow box or a burst explains, with its skirts, must not carry a wide box: many hops are no wide emitter.
    explained = running_maximum(np.any([scores.high for scores in channels], axis=0), _SKIRT_BINS)
    rest = whole_rise(contrast, risen, aligned.zones.wide)
    rest[:, explained] = np.nan
    del contrast  # it is large
    return channels + continuous(Rise.of(baseline, rest), narrow=False)


def excess_threshold_db(
    baseline: Baseline, summary: VisitSummary, aligned: Aligned, false_alarms_per_sweep: float
) -> NDArray[np.float32]:
    """Excess of the mean level of a bin over the aligned baseline, in dB, below which no bin by itself is listed.

    That of the continuous channel at its narrowest scale, shape (n_bins,); NaN where nothing can be told. Wide emitters
    and bursts are found below it, in other channels; among the room's own emitters, and in the sweeps one by one, more
    is asked. Parameters as for `channel_scores`.
    """
    contrast, _ = contrast_of(baseline, aligned)
    share = _CONTINUOUS_SHARE / len(baseline.between_variance)
    rise = Rise.of(baseline, contrast)
    least = least_rise(baseline, summary, aligned, rise, share=share, false_alarms=false_alarms_per_sweep)
    # What is judged is the rise over what surrounds it, of a bin in a wide emitter for one; shown is the plain excess.
    plain = known_mean(aligned.log_mean, np.float64) - baseline.log_mean
    least += plain - known_mean(contrast, np.float64)
    return np.asarray(DB_PER_NEPER_POWER * least, np.float32)


def _burst_channels(baseline: Baseline, summary: VisitSummary, aligned: Aligned, false_alarms: float) -> list[Scores]:
    """The burst features, and the largest frames."""
    known = np.isfinite(baseline.log_mean)
    excess = mask_excess(baseline, aligned)
    usual = partial(beyond, tail=baseline.mask_tail["single"])
    among = None if excess is None else Among(known=aligned.zones.known, excess=excess, usual=usual)
    bursts = burst_scores(summary, false_alarms, limits=baseline.burst_limits, among=among)
    channels = [_within(scores, known) for scores in bursts]
    if excess is not None:
        channels.append(mask_channel(baseline, summary, aligned, excess, share=_MASK_SHARE, false_alarms=false_alarms))
    return channels


def _within(scores: Scores, known: NDArray[np.bool_]) -> Scores:
    """A channel, only where the baseline knows the bins."""
    return replace(scores, high=scores.high & known, low=scores.low & known, confirmed=scores.confirmed & known)
