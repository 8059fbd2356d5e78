"""Means and variances of a room from its visits: the statistical part of a baseline, before it is calibrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.special
from numpy.typing import NDArray

from baselines.aligned import busy_bins
from baselines.boxes import NARROW_SCALES, SCALES, BoxSums, box_correlation
from baselines.fitted import FittedVisit
from baselines.floors import row_floors
from baselines.maxima import bursting_bins
from baselines.model import Baseline
from baselines.receivers import parts_of
from baselines.wide import WideRuns
from dsp.groups import known_mean, known_median
from dsp.running import long_runs, running_maximum
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["PRIOR_SWEEPS", "PRIOR_VISITS", "box_weights", "fit_model"]

PRIOR_SWEEPS, PRIOR_VISITS = 6.0, 3.0
"""Degrees of freedom that the guess of a variance is worth, between sweeps and between visits (Smyth 2004)."""

_QUIET_BETWEEN, _BUSY_BETWEEN, _CONTRAST_BETWEEN = 0.03**2, 0.35**2, 0.12**2
"""Variance between visits, in nats squared, that is assumed until two visits have shown it."""

_DILATION_SIGMAS, _DILATION_BINS = 5.0, 8
_RESTLESS_P = 1e-3
_PRIOR_HOPS = 9
_TELLING_SCALES = (4, 16, 48)
_LEVEL_BETWEEN = 0.6**2
_SHOWN_SIGMAS, _SHOWN_REACH_BINS, _FLOOR_ERROR = 3.5, 2, 0.02
_LARGEST_BETWEEN = 4.0
_BLOCK_BINS = 1 << 15
_BOXES_A_ROW = 2  # a box as wide as the row says nothing of a rise


def fit_model(fitted: Sequence[FittedVisit], target: Layout, *, frame: Mapping[str, Any] | None = None) -> Baseline:
    """Learn means and variances, with a calibration that changes nothing, without limits of bursts and a name.

    Parameters
    ----------
    fitted : sequence of FittedVisit
    target : Layout
    frame : mapping, optional
        Instrument of the visit whose gain they were brought onto; by default that of the first.
    """
    summaries = [one.summary for one in fitted]
    sweep_variance = float(np.mean([summary.group_variance for summary in summaries]))
    log_mean = known_mean((one.mean for one in fitted), np.float32)
    parts = parts_of(target, fitted[0].visit.instrument if frame is None else frame)
    sigma_db = DB_PER_NEPER_POWER * float(np.sqrt(sweep_variance))
    floor = row_floors(DB_PER_NEPER_POWER * log_mean, target, parts, sigma_db)
    within, restless = _within_variance(fitted, sweep_variance)
    log_mask = _log_mask(fitted)
    if log_mask is not None:
        restless |= bursting_bins(summaries, log_mask - log_mean)
    neutral = Baseline(
        id="",
        room="",
        created="",
        layout=target,
        n_sweeps=sum(len(one.log_mean) for one in fitted),
        visits=tuple(one.visit for one in fitted),
        log_mean=log_mean,
        log_top=np.fmax.reduce([np.fmax.reduce(one.log_mean) for one in fitted]),
        within_variance=within,
        excess_variance={},
        between_variance={},
        restless=restless,
        floor_dbfs=floor.astype(np.float32),
        log_mask=log_mask,
        burst_limits={},
        sweep_variance=sweep_variance,
        inflation=1.0,
        top_tail={"single": (0.5, 0.3), "lasting": (0.5, 0.3)},
        mask_tail={"single": (1.0, 0.3), "lasting": (1.0, 0.3)},
    )
    excess, unsteady = _excess_variances(neutral, fitted)
    between, moved = _between_variances(neutral, fitted)
    felt = long_runs(restless | moved | unsteady, 2)  # chance makes some, one at a time
    return replace(neutral, excess_variance=excess, between_variance=between, restless=felt)


def box_weights(model: Baseline) -> NDArray[np.float64]:
    """Weight of each bin in a box, shape (n_bins,): how much of an added power shows there, over its variance."""
    above = np.clip(np.nan_to_num(model.above_floor), 0.0, 20.0)
    return np.asarray(np.exp(-above) * model.sweep_variance / np.nan_to_num(model.within_variance, nan=1.0))


def _within_variance(
    fitted: Sequence[FittedVisit], sweep_variance: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pooled variance between the sweeps of a visit, dilated in frequency, and where it is more than noise.

    A bin that does not show more than noise has the variance of noise, which is known; one that does has its own,
    shrunk towards noise.
    """
    squares, freedom = np.zeros(fitted[0].mean.size), np.zeros(fitted[0].mean.size)
    for one in fitted:
        squares += one.squares
        freedom += one.freedom
    own = (PRIOR_SWEEPS * sweep_variance + squares) / (PRIOR_SWEEPS + freedom)
    most = np.zeros(int(freedom.max()) + 1)
    most[1:] = scipy.special.chdtri(np.arange(1, most.size), _RESTLESS_P)
    restless = squares > sweep_variance * most[freedom.astype(np.int64)]
    variance = np.where(restless, own, sweep_variance)
    loud = np.where(variance > _DILATION_SIGMAS**2 * sweep_variance, variance, 0.0)
    around = running_maximum(loud, _DILATION_BINS)  # an emitter's skirts fade with it
    return np.maximum(variance, 0.5 * around).astype(np.float32), np.asarray(restless | (around > 0))


def _excess_variances(
    model: Baseline, fitted: Sequence[FittedVisit]
) -> tuple[dict[int, NDArray[np.float32]], NDArray[np.bool_]]:
    """Variance of each box between the sweeps of a visit beyond that of its bins, and where there is any.

    The bins of an emitter that comes and goes, or of its skirts, rise together: too little for one bin to tell.
    """
    weight = np.where(np.isfinite(model.log_mean), box_weights(model), 0.0)
    weights = BoxSums.of(weight)
    noises = BoxSums.of(weight**2 * np.nan_to_num(model.within_variance))
    freedom = sum(max(len(one.log_mean) - 1, 0) for one in fitted)
    unsteady = np.zeros(weight.size, bool)
    result = {scale: np.zeros(weight.size, np.float32) for scale in _scales(model.layout)}
    if freedom == 0:
        return result, unsteady
    off = [(log, one.mean) for one in fitted for log in one.log_mean]
    for scale, box_squares in _box_squares(off, weight, [scale for scale in result if scale > 1]):
        total = np.maximum(weights.over(scale), 1e-30)
        squares = box_squares / total**2
        theory = noises.over(scale) / total**2 * box_correlation(scale)
        more = squares > theory * scipy.special.chdtri(freedom, _RESTLESS_P)
        own = (PRIOR_SWEEPS * theory + squares) / (PRIOR_SWEEPS + freedom) - theory
        result[scale] = np.where(more, np.maximum(own, 0.0), 0.0).astype(np.float32)
        if scale in _TELLING_SCALES:
            unsteady |= more
    return result, unsteady


def _box_squares(
    off: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], weight: NDArray[np.float64], scales: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Squared weighted sums over the boxes of each scale of what spectra are off others, added up over the pairs.

    Block after block: what a processor has at hand is summed at all scales before the next is fetched.
    """
    n_bins, reach = weight.size, max(scales, default=0)
    squares = {scale: np.zeros(n_bins) for scale in scales}
    for start in range(0, n_bins, _BLOCK_BINS):
        stop, first = min(start + _BLOCK_BINS, n_bins), max(0, start - reach)
        around, inner = slice(first, min(stop + reach, n_bins)), slice(reach, reach + stop - start)
        away = np.zeros(stop - start + 2 * reach)  # 0 beyond the ends
        known = away[first - start + reach : around.stop - start + reach]
        for spectrum, other in off:
            difference = spectrum[around] - other[around]
            np.copyto(difference, 0, where=np.isnan(difference))
            np.multiply(weight[around], difference, out=known)
            sums = BoxSums.of(away)
            for scale in scales:
                box = sums.within(inner, scale)
                squares[scale][start:stop] += np.multiply(box, box, out=box)
    for scale in scales:
        yield scale, squares.pop(scale)


def _scales(layout: Layout) -> list[int]:
    return [scale for scale in SCALES if scale in NARROW_SCALES or _BOXES_A_ROW * scale <= layout.n_bins]


def _between_variances(
    model: Baseline, fitted: Sequence[FittedVisit]
) -> tuple[dict[int, NDArray[np.float32]], NDArray[np.bool_]]:
    """Variance of each box between visits beyond that of the sweeps, by scale, and bins that moved more than others."""
    busy, wide = busy_bins(model.above_floor)
    felt = busy | model.restless
    weight = np.where(np.isfinite(model.log_mean), box_weights(model), 0.0)
    weights = BoxSums.of(weight)
    noises = BoxSums.of(weight**2 * np.nan_to_num(model.within_variance))
    shown = BoxSums.of(weight * np.clip(np.nan_to_num(model.above_floor), -1.0, 20.0))
    freedom, a_group = len(fitted) - 1, float(np.mean([1 / len(one.log_mean) for one in fitted]))
    moved = np.zeros(busy.size, bool)
    result: dict[int, NDArray[np.float32]] = {}
    for scale, squares in _visit_squares(model, fitted, weight, wide):
        narrow = scale in NARROW_SCALES
        guess = np.where(felt, _CONTRAST_BETWEEN if narrow else _BUSY_BETWEEN, _QUIET_BETWEEN)
        guess = np.where(felt & ~wide, _BUSY_BETWEEN, guess)
        if freedom < 1:
            result[scale] = guess.astype(np.float32)
            continue
        total = np.maximum(weights.over(scale), 1e-30)
        sampling = noises.over(scale) / total**2 * (box_correlation(scale) * a_group)
        observed = np.divide(squares, total**2 * freedom, out=squares)
        prior = _prior(observed, sampling, guess=guess, felt=felt, freedom=freedom, layout=model.layout)
        prior += _LEVEL_BETWEEN * np.where(felt, 0.0, _shown(model, shown.over(scale) / total, scale)) ** 2
        above = observed > (prior + sampling) * scipy.special.chdtri(freedom, _RESTLESS_P) / freedom
        own = (PRIOR_VISITS * prior + freedom * np.maximum(observed - sampling, 0.0)) / (PRIOR_VISITS + freedom)
        kept = own if not narrow else np.where(felt | above, own, prior)
        result[scale] = np.where(felt, own, np.maximum(kept, prior)).astype(np.float32)
        moved |= above & narrow
    return result, moved


def _visit_squares(
    model: Baseline, fitted: Sequence[FittedVisit], weight: NDArray[np.float64], wide: NDArray[np.bool_]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Squares of what visits are off the model in the boxes of each scale: at narrow ones of the contrast."""
    scales = _scales(model.layout)
    runs = WideRuns.of(wide)
    contrasts, nothing = [], np.broadcast_to(np.float32(0), weight.shape)
    for one in fitted:
        contrast = one.mean - model.log_mean
        contrast[runs.bins] -= runs.median(contrast[runs.bins])
        contrasts.append((contrast, nothing))
    yield from _box_squares(contrasts, weight, [scale for scale in scales if scale in NARROW_SCALES])
    del contrasts
    whole = [(one.mean, model.log_mean) for one in fitted]
    yield from _box_squares(whole, weight, [scale for scale in scales if scale not in NARROW_SCALES])


def _shown(model: Baseline, above: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Share of the power of each box that an emitter, too weak to count as one, has in the baseline: its level varies.

    ``above`` is the mean of the box over the floor. Boxes about the bins next to it count too: it may lie between two.
    """
    error = np.sqrt(model.sweep_variance * box_correlation(scale) / scale / model.n_sweeps)
    near = running_maximum(above, _SHOWN_REACH_BINS) - _SHOWN_SIGMAS * float(error) - _FLOOR_ERROR
    return np.asarray(-np.expm1(-np.maximum(near, 0.0)), np.float64)


def _prior(
    observed: NDArray[np.float64],
    sampling: NDArray[np.float64],
    *,
    guess: NDArray[np.float64],
    felt: NDArray[np.bool_],
    freedom: int,
    layout: Layout,
) -> NDArray[np.float64]:
    """What bins like it show: of quiet ones those of the hops around, of emitters all others."""
    prior = guess.copy()
    if np.count_nonzero(felt) >= 20:
        prior[felt] = max(float(np.mean(np.clip(observed - sampling, 0.0, _LARGEST_BETWEEN)[felt])), 0.01**2)
    # The median of quiet bins: emitters that come up once do not move it.
    ratio = np.where(felt, np.nan, observed / np.maximum(sampling, 1e-30)).reshape(layout.n_hops, -1)
    noise = known_median(sampling.reshape(layout.n_hops, -1).T)
    usual = known_median(ratio.T) / (2 * scipy.special.gammaincinv(freedom / 2, 0.5) / freedom)
    extra = np.nan_to_num((usual - 1) * noise)
    smooth = scipy.ndimage.uniform_filter1d(extra, min(_PRIOR_HOPS, extra.size), mode="nearest")
    quiet = np.repeat(np.maximum(smooth, 1e-6), layout.n_bins // layout.n_hops)
    return np.where(felt, prior, quiet)


def _log_mask(fitted: Sequence[FittedVisit]) -> NDArray[np.float32] | None:
    masks = [np.fmax.reduce(one.log_max) for one in fitted if one.log_max is not None]
    return np.fmax.reduce(masks) if len(masks) == len(fitted) else None
