"""Threat score: additive terms in natural-logarithm units, each one said as a reason, never a bare number.

The weights are first settings from the method's description; a later fit on simulated outcomes replaces them here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baselines.device_bands import device_bands
from sweep.units import format_hz

__all__ = ["amended", "assess"]

_PRIOR = -1.0
_LEVELS = ((2.5, "high"), (1.0, "medium"), (-0.5, "low"))
_VOICE_BAND_HZ = (6_000.0, 250_000.0)


def assess(
    *,
    kind: str,
    center_freq_hz: float,
    occupied_bw_hz: float,
    duty_cycle: float | None,
    snr_db: float | None,
    excess_db: float | None,
    confirmed: bool,
    has_baseline: bool,
) -> Mapping[str, Any]:
    """Weigh one finding.

    Returns
    -------
    mapping
        ``level`` (high, medium, low, info), ``score`` in nats, ``reasons`` with the term that each adds.

    Examples
    --------
    >>> threat = assess(kind="new", center_freq_hz=425e6, occupied_bw_hz=12e3, duty_cycle=1.0, snr_db=25.0,
    ...     excess_db=25.0, confirmed=True, has_baseline=True)
    >>> threat["level"]
    'high'
    """
    terms: list[tuple[float, str]] = [*_novelty(kind, excess_db, has_baseline=has_baseline)]
    terms += _modulation(occupied_bw_hz, duty_cycle)
    if snr_db is not None and snr_db > 30:
        terms.append((0.5, f"strong here: {snr_db:.0f} dB over the noise"))
    if not confirmed:
        terms.append((-0.5, "not confirmed: only one part of the visit passes the test by itself"))
    terms += [(band.weight, f"{band.what} ({band.source})") for band in device_bands(center_freq_hz)[-1:]]
    terms.append((_PRIOR, "prior: most unknown emitters are harmless"))
    return amended({"score": 0.0, "reasons": []}, terms)


def amended(
    threat: Mapping[str, Any], terms: Sequence[tuple[float, str]], *, level: str | None = None
) -> dict[str, Any]:
    """Add terms to a threat score, each with its reason.

    Parameters
    ----------
    threat : mapping
        ``score`` in nats and ``reasons``.
    terms : sequence of (float, str)
        Weight in nats, and what it is for.
    level : str, optional
        Level that holds whatever the score; by default the one that the score has.

    Examples
    --------
    >>> amended({"score": 0.8, "reasons": ["+0.8 on all the time"]}, [(0.5, "strong here")])
    {'level': 'medium', 'score': 1.3, 'reasons': ['+0.8 on all the time', '+0.5 strong here']}
    """
    score = round(threat["score"] + sum(weight for weight, _ in terms), 2)  # the level is that of what is shown
    reached = next((name for limit, name in _LEVELS if score >= limit), "info")
    reasons = [*threat["reasons"], *(f"{weight:+.1f} {text}" for weight, text in terms)]
    return {"level": level or reached, "score": score, "reasons": reasons}


def _novelty(kind: str, excess_db: float | None, *, has_baseline: bool) -> Sequence[tuple[float, str]]:
    if not has_baseline:
        return [(0.0, "no baseline: whether it belongs to the room is not known")]
    if kind == "missing":
        return [(-1.5, "heard in the baseline and not now")]
    if kind == "raised":
        return [(0.5, "stronger than in the baseline" + ("" if excess_db is None else f" by {excess_db:.1f} dB"))]
    if kind == "changed":
        return [(0.8, "behaves otherwise than in the baseline")]
    return [(1.5, "not in the baseline")]


def _modulation(occupied_bw_hz: float, duty_cycle: float | None) -> Sequence[tuple[float, str]]:
    terms: list[tuple[float, str]] = []
    if _VOICE_BAND_HZ[0] <= occupied_bw_hz <= _VOICE_BAND_HZ[1]:
        terms.append((0.7, f"{format_hz(round(occupied_bw_hz))} wide: room for speech"))
    if duty_cycle is not None and duty_cycle > 0.9:
        terms.append((0.8, "on all the time, as a listening device is"))
    elif duty_cycle is not None and duty_cycle < 0.1:
        terms.append((-0.2, f"on {100 * duty_cycle:.1f} % of the time looked at"))
    return terms
