"""A visit brought onto its baseline: frequency error and gain taken out, and how well that went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.alignment import block_medians
from baselines.boxes import BoxSums
from baselines.compatibility import no_step
from baselines.fallen import fallen_hops
from baselines.level import Setting, believed_gain
from baselines.model import Baseline
from baselines.receivers import Part, by_receivers, parts_of, receiver_at
from baselines.shifts import FrequencyError, Shift, align_gains, displaced_by, measure_shift
from baselines.summary import VisitSummary
from baselines.wide import GAP_BINS, WideRuns
from dsp.groups import known_mean, known_median
from dsp.running import closed_runs, long_runs, running_maximum
from dsp.statistics import to_nepers
from sweep.plan import Layout

__all__ = ["Aligned", "Zones", "align", "busy_bins", "quiet_bins", "zones_of"]

_QUIET_NEPERS = 0.5
_BUSY_NEPERS = 1.0
_WIDE_RUN = 64
_REACH_BINS = 3
_SKIRTS = ((1.0, 8), (2.3, 24), (4.6, 48), (6.9, 80))
"""From so many nats over the floor on, the skirts of an emitter are felt so many bins away."""

_MIN_SPREAD_BINS, _MIN_SPREAD_HOPS = 30, 5
_SIGMAS_PER_MAD = 1.4826
_SMALLEST_SCATTER, _GUESSED_SCATTER = 0.1, 0.35


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zones:
    """Bins of a baseline by what they hold.

    Attributes
    ----------
    busy : ndarray of bool, shape (n_bins,)
        Those of an emitter of the room.
    wide : WideRuns
        Of them those inside a wide one.
    known : ndarray of bool, shape (n_bins,)
        Those in which the baseline has noticed anything but noise, and the bins next to them.
    known_sums : BoxSums
        Of the known bins, to count those of a box.
    n_known, n_clusters : int
        Bins of these, and runs of them.
    """

    busy: NDArray[np.bool_]
    wide: WideRuns
    known: NDArray[np.bool_]
    known_sums: BoxSums
    n_known: int
    n_clusters: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """A visit on the baseline's axis, with frequency error and gain taken out.

    Attributes
    ----------
    log_mean : ndarray of float32, shape (G, n_bins)
    log_max : ndarray of float32, shape (G, n_bins), or None
    gain : ndarray of float32, shape (n_bins,)
        ln of the visit's gain over the baseline, median over its groups.
    shift : Shift
        Frequency error against the baseline, taken out.
    scatter, busy_scatter : float
        Standard deviation in nats, after alignment, of quiet bins or hops beyond what noise explains, and of busy
        bins.
    zones : Zones
        Of the baseline.
    notes : tuple of str
        What is to be said of the level.
    """

    log_mean: NDArray[np.float32]
    log_max: NDArray[np.float32] | None
    gain: NDArray[np.float32]
    shift: Shift
    scatter: float
    busy_scatter: float
    zones: Zones
    notes: tuple[str, ...]


def quiet_bins(baseline: Baseline) -> NDArray[np.bool_]:
    """Bins of a baseline that hold noise only, shape (n_bins,)."""
    return np.asarray((baseline.above_floor < _QUIET_NEPERS) & ~baseline.restless)


def busy_bins(above_floor: NDArray[np.floating]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Bins that hold an emitter of the room, and those of them inside a wide one.

    Parameters
    ----------
    above_floor : ndarray, shape (n_bins,)
        In nats.

    Returns
    -------
    (ndarray of bool, ndarray of bool), each of shape (n_bins,)
    """
    busy = np.asarray(above_floor > _BUSY_NEPERS)
    return busy, long_runs(closed_runs(busy, GAP_BINS), _WIDE_RUN) & busy


def zones_of(baseline: Baseline) -> Zones:
    """Sort the bins of a baseline by what they hold."""
    above_floor = baseline.above_floor
    busy, wide = busy_bins(above_floor)
    known = running_maximum((above_floor > _QUIET_NEPERS) | baseline.restless, _REACH_BINS)
    for nepers, reach in _SKIRTS:
        known |= running_maximum(above_floor > nepers, reach)
    n_clusters = np.count_nonzero(np.diff(known.astype(np.int8), prepend=0) > 0)
    return Zones(
        busy=busy,
        wide=WideRuns.of(wide),
        known=known,
        known_sums=BoxSums.of(known.astype(np.float32)),
        n_known=int(np.count_nonzero(known)),
        n_clusters=int(n_clusters),
    )


def align(
    baseline: Baseline,
    summary: VisitSummary,
    gain_step_db: Callable[[float], float | None] = no_step,
    *,
    instrument: Mapping[str, Any] | None = None,
    frame: Mapping[str, Any] | None = None,
    error: FrequencyError | None = None,
) -> Aligned:
    """Take frequency error and gain out of a visit that is on the baseline's axis already.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
    gain_step_db : callable
        From a frequency in Hz to the gain setting of the visit over that of the baseline, as for `believed_gain`.
    instrument : mapping, optional
        Of the visit, as in its record; several receivers are each aligned by themselves.
    frame : mapping, optional
        Of the visit whose frequencies the baseline has; by default its first.
    error : FrequencyError, optional
        Against the baseline, where it is known; else it is measured.
    """
    layout = baseline.layout
    frame = baseline.visits[0].instrument if frame is None else frame
    parts = parts_of(layout, instrument or {}, (frame,))
    log_mean = summary.log_mean
    log_max = None if summary.max_hold is None else to_nepers(summary.max_hold)
    quiet, zones = quiet_bins(baseline), zones_of(baseline)
    mean = known_mean(log_mean, np.float64)
    shift = measure_shift(mean, baseline.log_mean, layout, parts, known=error)
    log_mean = displaced_by(log_mean, layout, shift)
    log_max = None if log_max is None else displaced_by(log_max, layout, shift)
    shown = np.empty_like(log_mean)
    lowered = np.zeros(layout.n_hops, bool) if summary.lowered is None else summary.lowered
    for gain, group, fell in zip(shown, log_mean, _fallen(baseline, summary, log_mean, quiet, shift), strict=True):
        difference = group - baseline.log_mean
        gain[:] = align_gains(difference, quiet & ~np.repeat(fell, layout.hop_bins), layout, shift.parts)
        apart = np.repeat(lowered | fell, layout.hop_bins)
        if apart.any():
            _lift_apart(gain, difference, quiet & apart, shift, layout)
    level = believed_gain(baseline, log_mean, shown, _settings(shift.parts, gain_step_db))
    del shown
    log_mean -= level.gains
    log_max = None if log_max is None else np.subtract(log_max, level.gains, out=log_max)
    residual = known_mean((group - baseline.log_mean for group in log_mean), np.float64)
    busy_spread = _robust_spread(residual[zones.busy])
    noise = summary.group_variance / summary.n_groups + baseline.sweep_variance / baseline.n_sweeps
    return Aligned(
        log_mean=log_mean,
        log_max=log_max,
        gain=known_median(level.gains).astype(np.float32),
        shift=shift,
        scatter=_scatter(baseline, residual, quiet, noise),
        zones=zones,
        notes=(*level.notes, *shift.remarks, *_unmeasured(shift, instrument or {}, frame)),
        busy_scatter=_GUESSED_SCATTER if busy_spread is None else max(busy_spread, _SMALLEST_SCATTER),
    )


def _fallen(
    baseline: Baseline,
    summary: VisitSummary,
    log_mean: NDArray[np.float32],
    quiet: NDArray[np.bool_],
    shift: Shift,
) -> NDArray[np.bool_]:
    """Hops of each group that fell silent while others did not, shape (G, n_hops); each receiver by itself."""
    layout = baseline.layout
    fell = np.zeros((len(log_mean), layout.n_hops), bool)
    if not summary.n_deaf or layout.n_hops == 1:
        return fell
    differences = (group - baseline.log_mean for group in log_mean)
    floors = np.array([block_medians(one, quiet & np.isfinite(one), layout.hop_bins) for one in differences])
    middles = np.arange(layout.n_hops) * layout.hop_bins + layout.hop_bins // 2
    for _, bins in by_receivers(shift.parts):
        heard = np.zeros(layout.n_bins, bool)
        heard[bins] = True
        hops = np.flatnonzero(heard[middles])
        fell[:, hops] = fallen_hops(floors[:, hops])
    return fell


def _lift_apart(
    gain: NDArray[np.float32],
    difference: NDArray[np.float32],
    noise_apart: NDArray[np.bool_],
    shift: Shift,
    layout: Layout,
) -> None:
    """Give hops their own curve that were taken at a lower gain, or fell silent: theirs alone rises or falls.

    The noise of the first did not fall with the gain. ``noise_apart`` are their quiet bins. Bins go by the hop that
    they were received in.
    """
    own = block_medians(difference, noise_apart & np.isfinite(difference), layout.hop_bins)
    hops = displaced_by(np.repeat(np.arange(layout.n_hops, dtype=np.float32), layout.hop_bins), layout, shift)
    known = np.flatnonzero(np.isfinite(hops))
    known = known[np.isfinite(own[hops[known].astype(np.int64)])]
    gain[known] = own[hops[known].astype(np.int64)]


def _settings(parts: Sequence[Part], gain_step_db: Callable[[float], float | None]) -> list[Setting]:
    return [
        Setting(bins=bins, freq_hz=group[0].middle_hz, step_db=gain_step_db(group[0].middle_hz))
        for group, bins in by_receivers(parts)
    ]


def _unmeasured(shift: Shift, instrument: Mapping[str, Any], frame: Mapping[str, Any]) -> list[str]:
    """Another dongle may be tens of ppm off: where nothing steady told how far, that is to be said."""
    said = []
    for group in shift.unmeasured:
        mine, theirs = (receiver_at(one, group[0].middle_hz).get("serial") for one in (instrument, frame))
        if mine and theirs and mine != theirs:
            where = "" if len(shift.parts) == 1 else f" from {', '.join(part.words for part in group)}"
            said.append(
                f"the frequency error of dongle {mine} against {theirs} could not be measured: too few steady emitters"
                f"{where}; what the room always had may be listed as new"
            )
    return said


def _scatter(baseline: Baseline, residual: NDArray[np.float64], quiet: NDArray[np.bool_], noise: float) -> float:
    """How far alignment left quiet bins from the baseline: hop by hop where the hops tell, and else bin by bin.

    A wide device lifts a large part of the bins of a short sweep, but few of its hops. With a baseline of one visit
    the bins themselves are asked, for it does not know how they vary.
    """
    if baseline.n_visits > 1 and baseline.layout.n_hops >= _MIN_SPREAD_HOPS:
        hops = block_medians(residual, quiet & np.isfinite(residual), baseline.layout.hop_bins)
        hops = hops[np.isfinite(hops)]
        if hops.size >= _MIN_SPREAD_HOPS:
            spread = _SIGMAS_PER_MAD * float(np.median(np.abs(hops - np.median(hops))))
            noise = np.pi / 2 * noise * hops.size / np.count_nonzero(quiet)
            return float(np.sqrt(max(0.0, spread**2 - noise)))
    spread = _robust_spread(residual[quiet]) or 0.0
    return float(np.sqrt(max(0.0, spread**2 - noise)))


def _robust_spread(values: NDArray[np.floating]) -> float | None:
    """Standard deviation from the median absolute deviation; None for too few values."""
    known = values[np.isfinite(values)]
    if known.size < _MIN_SPREAD_BINS:
        return None
    return _SIGMAS_PER_MAD * float(np.median(np.abs(known - np.median(known))))
