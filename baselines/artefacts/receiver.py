"""What the receiver makes without any signal: its offset, harmonics of its crystal, and the limit of its range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.outcome import ArtefactTest
from baselines.emitters import Emitter
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["crystal_spur", "dc_offset", "decibels", "dynamic_range", "is_steady", "is_unmodulated", "level_of"]

_DC_BINS, _NARROW_BINS = 2.0, 6.0
_SKIRT_BINS, _SKIRT_HZ, _SKIRT_RATIO = 4.0, 50_000.0, 4.0
_MANY_HOPS, _DC_SHARE = 3, 1 / 3
_ENOUGH_HOPS, _LEAST_OVER_DB, _OVER_SPREADS = 8, 1.5, 4.0
_SPUR_STEP_HZ = 14_400_000.0
_SPUR_BINS, _SPUR_PPM, _SPUR_RISE = 1.5, 1.0, 10.0
_RANGE_DB = 50.0
_BURST_KURTOSIS_DB = 2.0
_CARRIER_KURTOSIS_DB, _LEAST_KURTOSIS_DB, _CARRIER_SHARE = -3.0, -0.7, 0.6


def level_of(emitter: Emitter) -> float:
    """Linear power of an emitter, of its strongest frames where its mean does not show it."""
    return emitter.mean_power if emitter.mean_power > 0 else (emitter.peak_power or 1e-30)


def decibels(power: float) -> float:
    """10 log10 of a linear power."""
    return DB_PER_NEPER_POWER * float(np.log(max(power, 1e-30)))


def is_steady(emitter: Emitter) -> bool:
    """Whether its level within a dwell is that of no burst."""
    return emitter.kurtosis_db is None or emitter.kurtosis_db < _BURST_KURTOSIS_DB


def dc_offset(emitter: Emitter, others: Sequence[Emitter], spectrum: HeardSpectrum) -> ArtefactTest:
    """The receiver's own offset and its skirt: alike at the centre of every hop, as no emitter is.

    Of one or two hops that cannot be said; then what is narrow, steady and at the centre is taken for it, unless it
    rose well above what the baseline has there.
    """
    layout = spectrum.layout
    offset, width = _dc_distance(emitter, spectrum), emitter.occupied_bw_hz / layout.bin_width_hz
    reason = f"{offset:+.1f} bins from the tuned frequency, {width:.1f} bins wide"
    hops = spectrum.own_hops(spectrum.hop_of(emitter))
    if len(hops) >= _MANY_HOPS:
        skirts = _hops_with_skirt(others, spectrum, level_of(emitter))
        alike = {hop: level_db for hop, level_db in skirts.items() if hop in hops}
        inside = _is_skirt(emitter, spectrum) and len(alike) >= max(_MANY_HOPS, _DC_SHARE * len(hops))
        reason += f"; {len(alike)} of {len(hops)} hops have its like"
        over_db, spread_db = _over_others(emitter, alike)
        if inside and over_db > max(_LEAST_OVER_DB, _OVER_SPREADS * spread_db):
            inside = False
            reason += f", but it is {over_db:.1f} dB stronger than they are"
    else:
        narrow = abs(offset) <= _DC_BINS and width <= _NARROW_BINS and is_steady(emitter)
        risen = spectrum.compared and emitter.mean_power > _SKIRT_RATIO * emitter.background_power
        inside = narrow and not risen
    return ArtefactTest(test="dc_offset", passed=not inside, reason=reason)


def crystal_spur(emitter: Emitter, layout: Layout, *, ppm: float, compared: bool, fell_db: float = 0.0) -> ArtefactTest:
    """A harmonic of the crystal that also clocks the tuning and the samples.

    Whatever the error of the crystal, its harmonic k stands on the displayed axis at k x 14.4 MHz times 1 plus the
    correction that the receiver applies: the axis is counted in the same crystal. So the reach is that of a bin, and
    a carrier beside it is not vetoed. No harmonic of a crystal rises by itself: what stands 10 dB above what the
    baseline had there is left standing. Nor does one fall with what comes in at the antenna: over a floor that fell it
    only seems to rise.

    Parameters
    ----------
    emitter : Emitter
    layout : Layout
    ppm : float
        Correction that the receiver applied.
    compared : bool
        Whether the background of the emitter is that of a baseline.
    fell_db : float
        How far the level of the visit lies below that of the baseline there.
    """
    step_hz = _SPUR_STEP_HZ * (1 + ppm * 1e-6)
    multiple = round(emitter.center_freq_hz / step_hz)
    away_hz = emitter.center_freq_hz - multiple * step_hz
    reach_hz = _SPUR_BINS * layout.bin_width_hz + _SPUR_PPM * 1e-6 * emitter.center_freq_hz
    narrow = emitter.occupied_bw_hz <= 4 * layout.bin_width_hz and layout.bin_width_hz <= 20_000
    at_spur = multiple > 0 and narrow and is_unmodulated(emitter) and abs(away_hz) <= reach_hz
    reason = f"{away_hz / 1e3:+.1f} kHz from {multiple} x 14.4 MHz, a harmonic of the dongle's crystal"
    before = emitter.background_power * 10 ** (fell_db / 10)
    if at_spur and compared and emitter.mean_power > _SPUR_RISE * before:
        rise_db = decibels(emitter.mean_power / before)
        return ArtefactTest(
            test="crystal_spur", passed=True, reason=f"{reason}, but {rise_db:.0f} dB above the baseline: no spur rises"
        )
    return ArtefactTest(test="crystal_spur", passed=not at_spur, reason=reason)


def is_unmodulated(emitter: Emitter) -> bool:
    """Whether its kurtosis is that of a carrier in as much noise: (1 + 2 s) / (1 + s)^2 at a ratio s to the noise."""
    if emitter.kurtosis_db is None:
        return False
    ratio = emitter.mean_power / max(emitter.floor_power, 1e-30)
    expected_db = decibels((1 + 2 * ratio) / (1 + ratio) ** 2)
    return emitter.kurtosis_db < max(_CARRIER_KURTOSIS_DB, min(_LEAST_KURTOSIS_DB, _CARRIER_SHARE * expected_db))


def dynamic_range(emitter: Emitter, others: Sequence[Emitter], spectrum: HeardSpectrum) -> ArtefactTest:
    """Whether the strongest emitter of the hop is so much stronger that its sidebands and noise are heard here."""
    hop = spectrum.hop_of(emitter)
    strongest = max(level_of(other) for other in others if spectrum.hop_of(other) == hop)
    below_db = decibels(strongest) - decibels(level_of(emitter))
    reason = f"{below_db:.0f} dB below the strongest emitter of its hop"
    return ArtefactTest(test="dynamic_range", passed=bool(below_db < _RANGE_DB), reason=reason)


def _dc_distance(emitter: Emitter, spectrum: HeardSpectrum) -> float:
    tuned_hz = spectrum.tuned_hz(spectrum.hop_of(emitter))
    return (emitter.center_freq_hz - tuned_hz) / spectrum.layout.bin_width_hz


def _is_skirt(emitter: Emitter, spectrum: HeardSpectrum) -> bool:
    central = abs(_dc_distance(emitter, spectrum)) <= _SKIRT_BINS
    return central and emitter.occupied_bw_hz <= max(_SKIRT_HZ, _NARROW_BINS * spectrum.layout.bin_width_hz)


def _hops_with_skirt(emitters: Sequence[Emitter], spectrum: HeardSpectrum, level: float) -> dict[int, float]:
    """Hops with the like of a skirt at their centre, and its level in dB."""
    return {
        spectrum.hop_of(other): decibels(level_of(other))
        for other in emitters
        if _is_skirt(other, spectrum) and level / _SKIRT_RATIO <= level_of(other) <= level * _SKIRT_RATIO
    }


def _over_others(emitter: Emitter, alike: Mapping[int, float]) -> tuple[float, float]:
    """How far an emitter stands above the skirts of all hops, and their spread (MAD as a sigma), in dB."""
    if len(alike) < _ENOUGH_HOPS:
        return 0.0, 0.0
    levels = np.array(list(alike.values()))
    middle = float(np.median(levels))
    return decibels(level_of(emitter)) - middle, 1.4826 * float(np.median(np.abs(levels - middle)))
