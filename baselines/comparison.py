"""A visit against a baseline: the continuous, burst and mask channels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from baselines.alignment import align_gain, estimate_ppm, shift_bins
from baselines.candidates import Scores, burst_scores
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.emitters import hysteresis_segments
from dsp.statistics import DB_PER_NEPER_POWER, burst_p_value, known_median, normal_p_value, robust_mean

__all__ = [
    "Aligned",
    "align",
    "busy_bins",
    "channel_scores",
    "continuous_z",
    "mask_excess",
    "quiet_bins",
    "running_median",
]

_NARROW_SCALES, _WIDE_SCALES = (1, 4, 16), (64, 256, 896)
_QUIET_NEPERS, _QUIET_SIGMAS = 0.5, 3.0
_BUSY_NEPERS = 1.0
_WIDE_RUN, _GAP_BINS, _CONTRAST_BINS = 64, 9, 129
_STEEP_NEPERS = 0.35
_SKIRT_BINS = 4
_QUIET_THRESHOLD, _BUSY_THRESHOLD, _LOW_SIGMAS = 6.5, 7.0, 3.0
_SMALLEST_RISE_NEPERS = 0.12  # about half a dB; less is not claimed whatever the statistics say
_PPM_MATTERS, _PPM_GAIN = 2.0, 0.15
_MIN_SPREAD_BINS = 30
_SMALLEST_SCATTER, _GUESSED_SCATTER, _SINGLE_VISIT_FACTOR = 0.1, 0.35, 1.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """A visit on the baseline's axis, with frequency error and gain taken out.

    Attributes
    ----------
    log_mean : ndarray of float32, shape (G, n_bins)
    log_max : ndarray of float32, shape (G, n_bins), or None
    gain : ndarray of float32, shape (n_bins,)
        ln of the visit's gain over the baseline, median over its groups.
    ppm : float or None
        Frequency error against the baseline; None where it could not be measured.
    ppm_applied : float
        What was taken out; 0 below 2 ppm.
    scatter, busy_scatter : float
        Standard deviation in nats of quiet bins beyond noise, and of busy bins, after alignment.
    """

    log_mean: NDArray[np.float32]
    log_max: NDArray[np.float32] | None
    gain: NDArray[np.float32]
    ppm: float | None
    ppm_applied: float
    scatter: float
    busy_scatter: float


def quiet_bins(baseline: Baseline) -> NDArray[np.bool_]:
    """Bins of a baseline that hold noise only, shape (n_bins,)."""
    above = baseline.log_mean - baseline.floor_dbfs / np.float32(DB_PER_NEPER_POWER)
    steady = baseline.within_variance < _QUIET_SIGMAS**2 * baseline.sweep_variance
    return np.asarray((above < _QUIET_NEPERS) & steady)


def busy_bins(baseline: Baseline) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Bins that hold an emitter of the room, and those of them inside a wide one; each of shape (n_bins,)."""
    above = baseline.log_mean - baseline.floor_dbfs / np.float32(DB_PER_NEPER_POWER)
    busy = np.asarray(above > _BUSY_NEPERS)
    closed = scipy.ndimage.binary_closing(busy, np.ones(_GAP_BINS, bool))
    wide = scipy.ndimage.binary_opening(closed, np.ones(_WIDE_RUN, bool))
    return busy, np.asarray(wide & busy)


def align(baseline: Baseline, summary: VisitSummary) -> Aligned:
    """Take frequency error and gain out of a visit that is on the baseline's axis already."""
    layout = baseline.layout
    log_mean = summary.log_mean
    log_max = None if summary.max_hold is None else np.log(np.maximum(summary.max_hold, np.float32(1e-30)))
    quiet = quiet_bins(baseline)
    estimate = estimate_ppm(_mean(log_mean), baseline.log_mean, layout)
    ppm = None if estimate is None or estimate[1] < _PPM_GAIN else estimate[0]
    applied = ppm if ppm is not None and abs(ppm) > _PPM_MATTERS else 0.0
    if applied:
        log_mean = shift_bins(log_mean, layout, applied)
        log_max = None if log_max is None else shift_bins(log_max, layout, applied)
    gains = np.array([align_gain(group - baseline.log_mean, quiet, layout) for group in log_mean])
    residual = _mean(log_mean - gains - baseline.log_mean)
    spread = _robust_spread(residual[quiet]) or 0.0
    busy_spread = _robust_spread(residual[busy_bins(baseline)[0]])
    noise = summary.group_variance / summary.n_groups + baseline.sweep_variance / baseline.n_sweeps
    return Aligned(
        log_mean=log_mean - gains,
        log_max=None if log_max is None else log_max - gains,
        gain=np.median(gains, axis=0).astype(np.float32),
        ppm=ppm,
        ppm_applied=applied,
        scatter=float(np.sqrt(max(0.0, spread**2 - noise))),
        busy_scatter=_GUESSED_SCATTER if busy_spread is None else max(busy_spread, _SMALLEST_SCATTER),
    )


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
        Shared out over all bins, scales and channels.
    """
    n_tests = baseline.layout.n_bins * (len(_NARROW_SCALES) + len(summary.bursts) + 2)
    p_threshold = false_alarms_per_sweep / n_tests
    channels = [_continuous(baseline, summary, aligned, scale, p_threshold) for scale in _NARROW_SCALES]
    known = np.isfinite(baseline.log_mean)
    channels += [_within(scores, known) for scores in burst_scores(summary, p_threshold, limits=baseline.burst_limits)]
    mask = _mask(baseline, summary, aligned, p_threshold)
    channels += [] if mask is None else [mask]
    # What a narrow box or a burst explains, with its skirts, must not carry a wide box: many hops are no wide emitter.
    explained = np.any([scores.high for scores in channels], axis=0)
    explained = scipy.ndimage.maximum_filter1d(explained, 2 * _SKIRT_BINS + 1)
    wide = [scale for scale in _WIDE_SCALES if scale <= baseline.layout.hop_bins]
    return channels + [_continuous(baseline, summary, aligned, scale, p_threshold, without=explained) for scale in wide]


def continuous_z(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    scale: int,
    *,
    without: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score of a rise over the baseline in boxes of some bins: robust mean over the groups, and their median.

    Bins are weighted by their inverse variance; a group in which a bin was not measured says nothing of it. The
    variance between visits does not average out over a box. Inside a wide emitter narrow boxes are judged by their
    contrast to it: such an emitter rises and falls as a whole, a device on top of it does not.
    """
    rise = aligned.log_mean - _reference(baseline)
    between = baseline.between_variance.astype(np.float64)
    busy, wide = busy_bins(baseline)
    if baseline.n_visits == 1:  # it has not seen two visits; how this one's known emitters scatter is all there is
        between = np.where(busy, (_SINGLE_VISIT_FACTOR * aligned.busy_scatter) ** 2 / 2, between)
    if scale in _NARROW_SCALES and wide.any():
        common = np.array([running_median(group, wide) for group in rise])
        rise = np.where(wide, rise - common, rise)
        between = np.where(wide, baseline.contrast_variance, between)
    correlated = between * (1 + 1 / baseline.n_visits) + np.where(busy, 0.0, aligned.scatter**2)
    process = np.maximum(baseline.within_variance - baseline.sweep_variance, 0.0)
    single = process + summary.group_variance
    n_known = np.count_nonzero(np.isfinite(rise), axis=0)
    independent = single / np.maximum(n_known, 1) + baseline.within_variance / baseline.n_sweeps
    usable = (n_known > 0) & np.isfinite(independent)
    if without is not None:
        usable &= ~without
    weight = np.where(usable, 1.0 / (independent + correlated), 0.0)
    variance = _box(weight**2 * independent, scale) / scale + (_box(weight * np.sqrt(correlated), scale)) ** 2
    enough = _box(usable, scale) * scale > 0.5
    sigma = np.sqrt(np.maximum(variance, 0.0)) / np.where(enough, _box(weight, scale), 1.0) * baseline.inflation
    sigma = np.where(enough & (sigma > 0), sigma, np.inf)
    boxed = np.array([_weighted_box(group, weight, scale) for group in rise])
    claimed, median = np.nan_to_num(robust_mean(boxed)), np.nan_to_num(known_median(boxed))
    claimed = np.where(claimed > _SMALLEST_RISE_NEPERS, claimed, np.minimum(claimed, 0.0))
    return claimed / sigma, median / sigma


def mask_excess(baseline: Baseline, aligned: Aligned) -> NDArray[np.float64] | None:
    """How far, in nats, each group's largest frame reaches above the baseline's mask; shape (G, n_bins)."""
    if baseline.log_mask is None or aligned.log_max is None:
        return None
    filled = np.where(np.isfinite(baseline.log_mask), baseline.log_mask, np.float32(-np.inf))
    mask = scipy.ndimage.maximum_filter1d(filled, 5)
    with np.errstate(invalid="ignore"):
        excess = aligned.log_max.astype(np.float64) - mask
    return np.where(np.isfinite(excess), excess, -np.inf)


def _continuous(
    baseline: Baseline,
    summary: VisitSummary,
    aligned: Aligned,
    scale: int,
    p_threshold: float,
    *,
    without: NDArray[np.bool_] | None = None,
) -> Scores:
    z, median = continuous_z(baseline, summary, aligned, scale, without=without)
    busy, _ = busy_bins(baseline)
    threshold = np.where(busy, _BUSY_THRESHOLD, _QUIET_THRESHOLD)
    p_value = normal_p_value(z)
    high = (z > threshold) & (p_value < p_threshold)
    return Scores(
        channel="continuous", high=high, low=z > _LOW_SIGMAS, confirmed=high & (median > threshold), p_value=p_value
    )


def _mask(baseline: Baseline, summary: VisitSummary, aligned: Aligned, p_threshold: float) -> Scores | None:
    excess = mask_excess(baseline, aligned)
    if excess is None or aligned.log_max is None:
        return None
    frames = float(summary.layout.n_averages or 1) * summary.passes.astype(np.float64)
    over_mean = np.exp(np.clip(np.nan_to_num(aligned.log_max - baseline.log_mean, nan=0.0), -20, 60))
    p_group = burst_p_value("burst_1", over_mean.astype(np.float32), frames[:, None])
    # The largest of few sweeps says little about the largest of one more where an emitter comes and goes.
    margin = np.where(busy_bins(baseline)[0], baseline.mask_margin * (1 + 3 / baseline.n_sweeps), baseline.mask_margin)
    passed = (excess > margin) & (p_group < p_threshold / len(p_group))
    n_passed = np.count_nonzero(passed, axis=0)
    p_value = np.minimum(1.0, p_group.min(axis=0) * len(p_group))
    return Scores(channel="mask", high=n_passed >= 1, low=n_passed >= 1, confirmed=n_passed >= 2, p_value=p_value)


def _within(scores: Scores, known: NDArray[np.bool_]) -> Scores:
    """A channel, only where the baseline knows the bins."""
    return Scores(
        channel=scores.channel,
        high=scores.high & known,
        low=scores.low & known,
        confirmed=scores.confirmed & known,
        p_value=scores.p_value,
    )


def _reference(baseline: Baseline) -> NDArray[np.float32]:
    """The baseline, with the local maximum over two bins each side where it is steep: frequency errors live there."""
    filled = np.nan_to_num(baseline.log_mean, nan=-80.0)
    slope = np.abs(np.gradient(filled))
    steep = scipy.ndimage.maximum_filter1d(slope, 3) > _STEEP_NEPERS
    return np.where(steep, scipy.ndimage.maximum_filter1d(filled, 5), baseline.log_mean).astype(np.float32)


def running_median(rise: NDArray[np.floating], wide: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Median of a rise over its neighbourhood, inside wide emitters only.

    Parameters
    ----------
    rise : ndarray, shape (n_bins,)
    wide : ndarray of bool, shape (n_bins,)

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        0 outside wide emitters.
    """
    result = np.zeros(rise.size)
    runs = scipy.ndimage.binary_closing(wide, np.ones(_GAP_BINS, bool))
    for start, stop in hysteresis_segments(runs.astype(np.int8), 1, 1):
        bins = start + np.flatnonzero(wide[start:stop])
        part = np.nan_to_num(np.asarray(rise[bins], np.float64))
        result[bins] = scipy.ndimage.median_filter(part, min(_CONTRAST_BINS, part.size), mode="nearest")
    return result


def _box(values: NDArray[Any], scale: int) -> NDArray[np.float64]:
    boxed: NDArray[np.float64] = scipy.ndimage.uniform_filter1d(np.asarray(values, np.float64), scale, mode="constant")
    return boxed


def _weighted_box(rise: NDArray[np.floating], weight: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Weighted mean of the known bins of each box; NaN where a box holds none."""
    used = np.isfinite(rise) & (weight > 0)
    enough = _box(used, scale) * scale > 0.5
    total = np.where(enough, _box(weight * used, scale), 1.0)
    return np.where(enough, _box(weight * np.where(used, rise, 0.0), scale) / total, np.nan)


def _robust_spread(values: NDArray[np.floating]) -> float | None:
    """Standard deviation from the median absolute deviation; None for too few values."""
    known = values[np.isfinite(values)]
    if known.size < _MIN_SPREAD_BINS:
        return None
    return 1.4826 * float(np.median(np.abs(known - np.median(known))))


def _mean(groups: NDArray[np.floating]) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # bins never measured stay NaN
        mean: NDArray[np.float64] = np.nanmean(np.asarray(groups, np.float64), axis=0)
    return mean
