"""Emitters of the baseline that a visit does not hear any more: no threat by themselves, but a change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import Aligned
from baselines.candidates import axis_breaks
from baselines.emitters import Emitter
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.emitters import hysteresis_segments, merge_segments
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["missing_emitters", "steady_emitters"]

_STRONG_NEPERS, _GONE_NEPERS = 2.3, 1.0  # 10 dB over the floor then, less than 4 dB now
_STEADY_VARIANCE = 0.5**2
_OWN_HZ, _CRYSTAL_HZ = 20_000.0, 14.4e6


def missing_emitters(baseline: Baseline, summary: VisitSummary, aligned: Aligned) -> list[Emitter]:
    """Steady emitters, 10 dB or more over the floor in every visit of the baseline, that every group of a visit lacks.

    Parameters
    ----------
    baseline : Baseline
    summary : VisitSummary
        On the baseline's axis.
    aligned : Aligned
        Of this summary.

    Returns
    -------
    list of Emitter
        ``mean_power`` is what the baseline had.
    """
    floor = baseline.floor_dbfs / np.float32(DB_PER_NEPER_POWER)
    gone = _steady(baseline) & (aligned.log_mean.max(axis=0) - floor < _GONE_NEPERS)
    layout = baseline.layout
    power = np.exp(baseline.log_mean.astype(np.float64) + aligned.gain)
    under = np.exp(floor.astype(np.float64) + aligned.gain)
    result = []
    for run in _runs(gone, layout):
        weight = np.nan_to_num(power[run])
        center = float((layout.freq_hz[run] * weight).sum() / weight.sum())
        result.append(
            Emitter(
                start=run.start,
                stop=run.stop,
                center_freq_hz=center,
                occupied_bw_hz=float((run.stop - run.start) * layout.bin_width_hz),
                mean_power=float(weight.sum() / layout.enbw_bins),
                background_power=float(weight.sum() / layout.enbw_bins),
                floor_power=float(np.nansum(under[run]) / layout.enbw_bins),
                peak_power=None,
                kurtosis_db=None,
                channels=("continuous",),
                p_value=None,
                confirmed=summary.n_groups > 1,
            )
        )
    return result


def steady_emitters(baseline: Baseline) -> list[slice]:
    """Bins of each steady emitter, 10 dB or more over the floor in every visit of a baseline."""
    return _runs(_steady(baseline), baseline.layout)


def _steady(baseline: Baseline) -> NDArray[np.bool_]:
    steady = (baseline.within_variance < _STEADY_VARIANCE) & (baseline.between_variance[1] < _STEADY_VARIANCE)
    return np.asarray((baseline.above_floor > _STRONG_NEPERS) & steady)


def _runs(chosen: NDArray[np.bool_], layout: Layout) -> list[slice]:
    """Runs of bins, those left out that are the receiver's own."""
    segments = merge_segments(hysteresis_segments(chosen.astype(np.int8), 1, 1), breaks=axis_breaks(layout))
    return [
        slice(start, stop)
        for start, stop in segments.tolist()
        if not _is_receivers_own(layout, (start + stop) // 2, stop - start)
    ]


def _is_receivers_own(layout: Layout, middle: int, n_bins: int) -> bool:
    """Whether a narrow line is where a receiver hears itself: with other tuning it is elsewhere, and not missing."""
    if n_bins * layout.bin_width_hz > 2 * _OWN_HZ:
        return False
    off_dc_hz = abs(middle % layout.hop_bins - layout.hop_bins // 2) * layout.bin_width_hz
    off_crystal_hz = abs((layout.freq_hz[middle] + _CRYSTAL_HZ / 2) % _CRYSTAL_HZ - _CRYSTAL_HZ / 2)
    return bool((layout.n_averages is not None and off_dc_hz <= _OWN_HZ) or off_crystal_hz <= _OWN_HZ)
