"""Is it in the air at all? Tests for what the receiver itself makes.

Only what the data allow is tested here; looking again with the local oscillator moved needs a source that can be
retuned and is reported as not possible on a recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.emitters import Emitter
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["ArtefactTest", "artefact_tests"]

_DC_BINS, _NARROW_BINS = 2.0, 6.0
_SKIRT_BINS, _SKIRT_HZ, _SKIRT_RATIO = 4.0, 50_000.0, 4.0
_MANY_HOPS, _DC_SHARE = 3, 1 / 3
_SPUR_STEP_HZ = 14_400_000.0
_SPUR_PPM = 60.0
_IMAGE_DB, _IMAGE_BINS = 25.0, 2.0
_RANGE_DB = 50.0
_BURST_KURTOSIS_DB = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactTest:
    """One test: ``passed`` True speaks for a real emitter, False for an artefact, None means not possible here."""

    test: str
    passed: bool | None
    reason: str

    def as_dict(self) -> Mapping[str, Any]:
        """For the findings JSON."""
        return {"test": self.test, "passed": self.passed, "reason": self.reason}


def artefact_tests(
    emitter: Emitter, others: Sequence[Emitter], layout: Layout, *, has_iq: bool, compared: bool
) -> list[ArtefactTest]:
    """Run every test on one emitter.

    Parameters
    ----------
    emitter : Emitter
    others : sequence of Emitter
        All emitters of the same visit, this one included.
    layout : Layout
    has_iq : bool
        Whether the hop structure is known; spectra of other tools have lost it.
    compared : bool
        Whether a baseline has told what the receiver makes all the time. Without one, an emitter is also held
        against the strongest one of its hop.
    """
    tests = [_spur(emitter, layout)]
    if has_iq:
        tests += [_dc(emitter, others, layout, compared=compared), _image(emitter, others, layout)]
        if not compared:
            tests.append(_range(emitter, others, layout))
    tests.append(
        ArtefactTest(test="lo_shift", passed=None, reason="not possible: the samples were taken at one tuning only")
    )
    return tests


def _steady(emitter: Emitter) -> bool:
    return emitter.kurtosis_db is None or emitter.kurtosis_db < _BURST_KURTOSIS_DB


def _hop(emitter: Emitter, layout: Layout) -> int:
    return (emitter.start + emitter.stop) // 2 // layout.hop_bins


def _hop_center_hz(hop: int, layout: Layout) -> float:
    return float(layout.freq_hz[hop * layout.hop_bins + layout.hop_bins // 2])


def _dc(emitter: Emitter, others: Sequence[Emitter], layout: Layout, *, compared: bool) -> ArtefactTest:
    """The receiver's own offset and its skirt: alike at the centre of every hop, as no emitter is.

    Of one or two hops that cannot be said; then what is narrow, steady and at the centre is taken for it, unless it
    rose well above what the baseline has there.
    """
    offset, width = _dc_offset(emitter, layout), emitter.occupied_bw_hz / layout.bin_width_hz
    reason = f"{offset:+.1f} bins from the tuned frequency, {width:.1f} bins wide"
    if layout.n_hops >= _MANY_HOPS:
        alike = _hops_with_skirt(others, layout, _level(emitter))
        inside = _is_skirt(emitter, layout) and len(alike) >= max(_MANY_HOPS, _DC_SHARE * layout.n_hops)
        reason += f"; {len(alike)} of {layout.n_hops} hops have its like"
    else:
        narrow = abs(offset) <= _DC_BINS and width <= _NARROW_BINS and _steady(emitter)
        inside = narrow and not (compared and emitter.mean_power > _SKIRT_RATIO * emitter.background_power)
    return ArtefactTest(test="dc_offset", passed=not inside, reason=reason)


def _dc_offset(emitter: Emitter, layout: Layout) -> float:
    return (emitter.center_freq_hz - _hop_center_hz(_hop(emitter, layout), layout)) / layout.bin_width_hz


def _is_skirt(emitter: Emitter, layout: Layout) -> bool:
    central = abs(_dc_offset(emitter, layout)) <= _SKIRT_BINS
    return central and emitter.occupied_bw_hz <= max(_SKIRT_HZ, _NARROW_BINS * layout.bin_width_hz)


def _hops_with_skirt(emitters: Sequence[Emitter], layout: Layout, level: float) -> set[int]:
    return {
        _hop(other, layout)
        for other in emitters
        if _is_skirt(other, layout) and level / _SKIRT_RATIO <= _level(other) <= level * _SKIRT_RATIO
    }


def _spur(emitter: Emitter, layout: Layout) -> ArtefactTest:
    multiple = round(emitter.center_freq_hz / _SPUR_STEP_HZ)
    away_hz = emitter.center_freq_hz - multiple * _SPUR_STEP_HZ
    reach_hz = 1.5 * layout.bin_width_hz + _SPUR_PPM * 1e-6 * emitter.center_freq_hz
    narrow = emitter.occupied_bw_hz <= 4 * layout.bin_width_hz and layout.bin_width_hz <= 20_000
    unmodulated = emitter.kurtosis_db is not None and emitter.kurtosis_db < -3.0
    at_spur = multiple > 0 and narrow and unmodulated and abs(away_hz) <= reach_hz
    reason = f"{away_hz / 1e3:+.1f} kHz from {multiple} x 14.4 MHz, a harmonic of the dongle's crystal"
    return ArtefactTest(test="crystal_spur", passed=not at_spur, reason=reason)


def _image(emitter: Emitter, others: Sequence[Emitter], layout: Layout) -> ArtefactTest:
    hop = _hop(emitter, layout)
    mirror_hz = 2 * _hop_center_hz(hop, layout) - emitter.center_freq_hz
    for other in others:
        if other is emitter or _hop(other, layout) != hop:
            continue
        stronger_db = _decibels(_level(other)) - _decibels(_level(emitter))
        near = abs(other.center_freq_hz - mirror_hz) <= _IMAGE_BINS * layout.bin_width_hz
        if near and stronger_db >= _IMAGE_DB:
            reason = f"mirrors an emitter {stronger_db:.0f} dB stronger about the tuned frequency"
            return ArtefactTest(test="iq_image", passed=False, reason=reason)
    return ArtefactTest(test="iq_image", passed=True, reason="no much stronger emitter at the mirror frequency")


def _range(emitter: Emitter, others: Sequence[Emitter], layout: Layout) -> ArtefactTest:
    hop = _hop(emitter, layout)
    strongest = max(_level(other) for other in others if _hop(other, layout) == hop)
    below_db = _decibels(strongest) - _decibels(_level(emitter))
    reason = f"{below_db:.0f} dB below the strongest emitter of its hop"
    return ArtefactTest(test="dynamic_range", passed=bool(below_db < _RANGE_DB), reason=reason)


def _level(emitter: Emitter) -> float:
    return emitter.mean_power if emitter.mean_power > 0 else (emitter.peak_power or 1e-30)


def _decibels(power: float) -> float:
    return DB_PER_NEPER_POWER * float(np.log(max(power, 1e-30)))
