"""Emitters of the baseline that a visit does not hear any more: no threat by themselves, but a change."""

from __future__ import annotations

import numpy as np

from baselines.aligned import Aligned
from baselines.candidates import axis_breaks
from baselines.emitters import Emitter
from baselines.model import Baseline
from baselines.summary import VisitSummary
from dsp.emitters import hysteresis_segments, merge_segments
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["missing_emitters"]

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
    steady = (baseline.within_variance < _STEADY_VARIANCE) & (baseline.between_variance[1] < _STEADY_VARIANCE)
    now = aligned.log_mean.max(axis=0) - floor
    gone = (baseline.above_floor > _STRONG_NEPERS) & steady & (now < _GONE_NEPERS)
    segments = hysteresis_segments(gone.astype(np.int8), 1, 1)
    layout = baseline.layout
    power = np.exp(baseline.log_mean.astype(np.float64) + aligned.gain)
    under = np.exp(floor.astype(np.float64) + aligned.gain)
    result = []
    for start, stop in merge_segments(segments, breaks=axis_breaks(layout)):
        run = slice(int(start), int(stop))
        if _is_receivers_own(layout, (int(start) + int(stop)) // 2, int(stop) - int(start)):
            continue
        weight = np.nan_to_num(power[run])
        center = float((layout.freq_hz[run] * weight).sum() / weight.sum())
        result.append(
            Emitter(
                start=int(start),
                stop=int(stop),
                center_freq_hz=center,
                occupied_bw_hz=float((stop - start) * layout.bin_width_hz),
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


def _is_receivers_own(layout: Layout, middle: int, n_bins: int) -> bool:
    """Whether a narrow line is where a receiver hears itself: with other tuning it is elsewhere, and not missing."""
    if n_bins * layout.bin_width_hz > 2 * _OWN_HZ:
        return False
    off_dc_hz = abs(middle % layout.hop_bins - layout.hop_bins // 2) * layout.bin_width_hz
    off_crystal_hz = abs((layout.freq_hz[middle] + _CRYSTAL_HZ / 2) % _CRYSTAL_HZ - _CRYSTAL_HZ / 2)
    return bool((layout.n_averages is not None and off_dc_hz <= _OWN_HZ) or off_crystal_hz <= _OWN_HZ)
