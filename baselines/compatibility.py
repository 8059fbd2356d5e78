"""Whether a sweep may be compared with a baseline at all: dongle, gain, plan, antenna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baselines.axes import shared_bins
from baselines.model import Baseline
from sweep.plan import Layout
from sweep.units import format_hz

__all__ = ["Compatibility", "check_compatibility", "gain_step_db"]

_GAIN_STEP_DB = 0.6
_WIDTH_TOLERANCE = 1e-3
_CORRECTION_PPM = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatibility:
    """Verdict: ``compatible``, ``usable`` (with the reasons kept in the findings) or ``incompatible``."""

    verdict: str
    reasons: tuple[str, ...]


def check_compatibility(
    baseline: Baseline, layout: Layout, *, instrument: Mapping[str, Any] | None = None, gain_db: float | None = None
) -> Compatibility:
    """Compare what a sweep and a baseline were made with.

    Parameters
    ----------
    baseline : Baseline
    layout : Layout
        Of the sweep.
    instrument : mapping, optional
        Of the sweep, as in its record.
    gain_db : float, optional
        Of the sweep.
    """
    width, wanted = layout.bin_width_hz, baseline.layout.bin_width_hz
    if width > wanted * (1 + _WIDTH_TOLERANCE):
        return Compatibility(
            verdict="incompatible",
            reasons=(
                f"bins of {format_hz(width)} are wider than the baseline's {format_hz(wanted)}; sweep on the same plan",
            ),
        )
    if not shared_bins(layout, baseline.layout).any():
        return Compatibility(verdict="incompatible", reasons=("the sweep and the baseline share no frequency",))
    reasons = []
    if width < wanted * (1 - _WIDTH_TOLERANCE):
        reasons.append("bins are narrower than the baseline's; bursts are not compared")
    elif layout.n_bins != baseline.layout.n_bins or layout.hop_bins != baseline.layout.hop_bins:
        reasons.append("the plans differ; only shared frequencies are compared, wide bursts are not")
    reasons += _equipment(baseline, instrument or {}, gain_db)
    return Compatibility(verdict="usable" if reasons else "compatible", reasons=tuple(reasons))


def gain_step_db(baseline: Baseline, instrument: Mapping[str, Any], gain_db: float | None) -> float | None:
    """Gain setting of a sweep over that of a baseline; None where either is not known, or the equipment differs."""
    settings = [visit.gain_db for visit in baseline.visits if visit.gain_db is not None]
    if gain_db is None or len(settings) < baseline.n_visits or _other_equipment(baseline, instrument):
        return None
    return gain_db - sum(settings) / len(settings)


def _equipment(baseline: Baseline, instrument: Mapping[str, Any], gain_db: float | None) -> list[str]:
    last = baseline.visits[-1]
    reasons = _other_equipment(baseline, instrument)
    mine, theirs = instrument.get("ppm"), last.instrument.get("ppm")
    if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)) and abs(mine - theirs) > _CORRECTION_PPM:
        reasons.append(f"correction {mine:g} ppm differs from the baseline's {theirs:g} ppm")
    gains = [visit.gain_db for visit in baseline.visits if visit.gain_db is not None]
    if gain_db is not None and gains and min(abs(gain_db - gain) for gain in gains) > _GAIN_STEP_DB:
        reasons.append(f"gain {gain_db:g} dB differs from the baseline's {gains[-1]:g} dB; levels were aligned")
    return reasons


def _other_equipment(baseline: Baseline, instrument: Mapping[str, Any]) -> list[str]:
    last = baseline.visits[-1]
    reasons = []
    for field in ("serial", "tuner", "antenna"):
        mine, theirs = instrument.get(field), last.instrument.get(field)
        if mine and theirs and mine != theirs:
            reasons.append(f"{field} {mine} differs from the baseline's {theirs}")
    return reasons
