"""What an emitter of the sweep measures in a second look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.emitters import Emitter
from dsp.statistics import effective_averages, log_power_variance, to_linear
from sweep.looks import Look

__all__ = ["DC_BINS", "LookLevel", "covered", "measure_look"]

DC_BINS = 10
"""Bins at the centre of a look that its offset and skirt may fill: 20 kHz of flicker noise to each side."""

_REACH_BINS, _MARGIN_BINS = 64, 3
_FEWEST_AROUND = 16
_MODEL_SIGMA = 0.02  # how far the background of a look strays from that of the sweep, after levelling (0.1 dB)
_BURST_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class LookLevel:
    """Linear powers over the background, noise-bandwidth corrected.

    Attributes
    ----------
    power : float
        In the look.
    expected : float
        From the sweep, in the same bins, at the gain of the look.
    sigma : float
        Standard deviation of ``power`` by noise.
    burst : bool
        Whether some frames of the look have the level of the sweep's strongest.
    """

    power: float
    expected: float
    sigma: float
    burst: bool


def covered(emitter: Emitter, spectrum: HeardSpectrum, center_freq_hz: float, *, margin_bins: int = 4) -> float:
    """Share of an emitter's bins that a look at this tuning shows, its centre left out."""
    layout = spectrum.layout
    place = _places(np.arange(emitter.start, emitter.stop), spectrum, center_freq_hz)
    inside = (np.abs(place) > DC_BINS) & (np.abs(place) < layout.hop_bins // 2 - margin_bins)
    return float(np.mean(inside))


def measure_look(
    emitter: Emitter, spectrum: HeardSpectrum, look: Look, *, gain_step_db: float = 0.0, moved_hz: float = 0.0
) -> LookLevel:
    """Measure an emitter in a look that covers it.

    The background of the look is that of the sweep, levelled by the bins around the emitter: the passband differs from
    place to place, and the noise with the gain.

    Parameters
    ----------
    emitter : Emitter
        On the visit's own frequencies.
    spectrum : HeardSpectrum
    look : Look
        Not a failed one.
    gain_step_db : float
        Gain of the look against that of the sweep.
    moved_hz : float
        Measure so far from the emitter, and what is there now over what was there in the sweep.
    """
    layout = spectrum.layout
    own = spectrum.own_bins(spectrum.hop_of(emitter))  # beside them another receiver heard the sweep
    bins = np.arange(max(own.start, emitter.start - _REACH_BINS), min(own.stop, emitter.stop + _REACH_BINS))
    offset = round(moved_hz / layout.bin_width_hz)
    place = _places(bins, spectrum, look.request.center_freq_hz) + offset
    seen = (np.abs(place) > (0 if moved_hz else DC_BINS)) & (place >= -(look.n_bins // 2)) & (place < look.n_bins // 2)
    bins, place = bins[seen], place[seen] + look.n_bins // 2
    inside = (bins >= emitter.start) & (bins < emitter.stop)
    mean = to_linear(look.mean).astype(np.float64).mean(axis=0)[place]
    gain = float(10 ** (gain_step_db / 10))
    behind, before = _before(bins, spectrum, offset)
    level = _levelling(bins, mean, before, emitter, spectrum) if not moved_hz else gain
    background = level * behind
    averages = effective_averages((layout.n_averages or 1) * max(1, len(look.flags)))
    noise = 1.5 * log_power_variance(averages) * np.sum(background[inside] ** 2)
    sigma = float(np.sqrt(noise + (_MODEL_SIGMA * background[inside].sum()) ** 2))
    sweep_excess = spectrum.mean[bins[inside]] - spectrum.background[bins[inside]]
    peak = to_linear(look.max_hold).astype(np.float64).max(axis=0)[place][inside]
    n_frames = max(2.0, (layout.n_averages or 1) * len(look.flags))
    over = np.maximum(peak - background[inside] * (np.log(n_frames) + 2.0), 0.0).sum() / layout.enbw_bins
    return LookLevel(
        power=float((mean - background)[inside].sum() / layout.enbw_bins),
        expected=float(max(sweep_excess.sum(), 0.0) * gain / layout.enbw_bins),
        sigma=sigma / layout.enbw_bins,
        burst=emitter.peak_power is not None and bool(over > _BURST_SHARE * gain * emitter.peak_power > 0),
    )


def _places(bins: NDArray[np.int64], spectrum: HeardSpectrum, center_freq_hz: float) -> NDArray[np.int64]:
    """Bins of the sweep in bins from the centre of a look."""
    away_hz = spectrum.layout.freq_hz[bins] - center_freq_hz
    return np.rint(away_hz / spectrum.layout.bin_width_hz).astype(np.int64)


def _before(
    bins: NDArray[np.int64], spectrum: HeardSpectrum, offset: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Background, and mean power in the sweep, of bins; of those so far beside them the mean, or the floor."""
    if not offset:
        return spectrum.background[bins], spectrum.mean[bins]
    beside = np.clip(bins + offset, 0, spectrum.layout.n_bins - 1)
    wanted = spectrum.layout.freq_hz[bins] + offset * spectrum.layout.bin_width_hz
    there = np.abs(spectrum.layout.freq_hz[beside] - wanted) < spectrum.layout.bin_width_hz
    mean = np.where(there, np.maximum(spectrum.mean[beside], spectrum.floor[bins]), spectrum.floor[bins])
    return mean, mean


def _levelling(
    bins: NDArray[np.int64],
    mean: NDArray[np.float64],
    before: NDArray[np.float64],
    emitter: Emitter,
    spectrum: HeardSpectrum,
) -> float:
    """Ratio of the look to the sweep in the bins around an emitter; 1 where there are too few."""
    layout = spectrum.layout
    around = (bins < emitter.start - _MARGIN_BINS) | (bins >= emitter.stop + _MARGIN_BINS)
    around &= np.abs(bins % layout.hop_bins - layout.hop_bins // 2) > DC_BINS
    around &= before > 0
    if np.count_nonzero(around) < _FEWEST_AROUND:
        return 1.0
    return float(np.median(mean[around] / before[around]))
