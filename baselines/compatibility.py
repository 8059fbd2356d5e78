"""Whether a sweep may be compared with a baseline at all: dongle, gain, plan, antenna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baselines.axes import shared_bins
from baselines.hops import hops_coincide, hops_within
from baselines.model import Baseline
from baselines.receivers import parts_of, receiver_at
from sweep.plan import Layout
from sweep.units import format_hz

__all__ = ["Compatibility", "check_compatibility", "gain_step_db", "no_step"]

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
    elif hops_within(baseline.layout, layout) is None:
        reasons.append("the plans differ; only shared frequencies are compared, wide bursts are not")
        if not hops_coincide(baseline.layout, layout):
            reasons.append("hops lie elsewhere than the baseline's, so that a rise of 1 dB may be the receiver's own")
    reasons += _equipment(baseline, layout, instrument or {}, gain_db)
    return Compatibility(verdict="usable" if reasons else "compatible", reasons=tuple(reasons))


def gain_step_db(
    baseline: Baseline, instrument: Mapping[str, Any], gain_db: float | None, freq_hz: float = 0.0
) -> float | None:
    """Gain setting of a sweep over that of a baseline; None where either is not known, or the equipment differs.

    Parameters
    ----------
    baseline : Baseline
    instrument : mapping
        Of the sweep, as in its record.
    gain_db : float or None
        Of the sweep, where one receiver made it.
    freq_hz : float
        Several receivers have a gain each: that of the one which heard this frequency counts.
    """
    mine = receiver_at(instrument, freq_hz)
    own_db = gain_db if mine is instrument else mine.get("gain_db")
    known = [visit.gain_db_at(freq_hz) for visit in baseline.visits]
    settings = [setting_db for setting_db in known if setting_db is not None]
    theirs = receiver_at(baseline.visits[-1].instrument, freq_hz)
    if own_db is None or len(settings) < baseline.n_visits or _other_equipment(mine, theirs):
        return None
    return float(own_db) - sum(settings) / len(settings)


def no_step(freq_hz: float) -> float | None:
    """Give the step of a visit whose gain setting is not compared with any: None at all frequencies."""
    return None


def _equipment(baseline: Baseline, layout: Layout, instrument: Mapping[str, Any], gain_db: float | None) -> list[str]:
    """What differs, part by part where several receivers were used; one word where it is the same in all parts."""
    last = baseline.visits[-1]
    parts = parts_of(layout, instrument, (last.instrument,))
    found: dict[str, list[str]] = {}
    for part in parts:
        mine, theirs = (receiver_at(one, part.middle_hz) for one in (instrument, last.instrument))
        own_db = gain_db if mine is instrument else mine.get("gain_db")
        known = [visit.gain_db_at(part.middle_hz) for visit in baseline.visits]
        gains = [gain for gain in known if gain is not None]
        for reason in (*_other_equipment(mine, theirs), *_other_settings(mine, theirs, own_db, gains)):
            found.setdefault(reason, []).append(part.words)
    return [reason if len(where) == len(parts) else f"{reason} ({', '.join(where)})" for reason, where in found.items()]


def _other_settings(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], gain_db: float | None, gains: Sequence[float]
) -> list[str]:
    reasons = []
    own, before = mine.get("ppm"), theirs.get("ppm")
    if isinstance(own, (int, float)) and isinstance(before, (int, float)) and abs(own - before) > _CORRECTION_PPM:
        reasons.append(f"correction {own:g} ppm differs from the baseline's {before:g} ppm")
    if gain_db is not None and gains and min(abs(gain_db - gain) for gain in gains) > _GAIN_STEP_DB:
        reasons.append(f"gain {gain_db:g} dB differs from the baseline's {gains[-1]:g} dB; levels were aligned")
    return reasons


def _other_equipment(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return [
        f"{field} {mine[field]} differs from the baseline's {theirs[field]}"
        for field in ("serial", "tuner", "antenna")
        if mine.get(field) and theirs.get(field) and mine[field] != theirs[field]
    ]
