"""Threat score: additive log-likelihood ratios in nats, each one said as a reason, never a bare number.

The score is the logarithm of the odds that an emitter is a planted device: 0 is even, +1.1 is three to one. It is the
sum of a stated prior, of what the simulator taught about the measurements of a finding, and of what is stated about its
band; other records of the room and the list of known emitters add their own. See ``docs/detection.md``.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from baselines.device_bands import device_bands
from baselines.mask import FEW_SWEEPS
from sweep.units import format_hz

__all__ = ["LEVELS", "ORDERED", "PRIOR", "STATED", "UNCOMPARED", "WEIGHTS", "amended", "assess", "classes_of"]

WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "kind": {"changed": -0.7, "raised": -0.4, "new": 0.2},
    "shape": {"under 6 kHz": -0.4, "6 to 30 kHz": -0.7, "30 to 250 kHz": -0.9, "over 250 kHz": -0.3, "hopper": 1.4},
    "time": {"under 10 %": 0.1, "10 to 90 %": -1.0, "over 90 %": -0.1},
    "persistence": {"not confirmed": -2.5, "too few passes": 0.4, "confirmed": 1.1},
    "level": {"under 5 dB": 0.0, "5 to 10 dB": 0.0, "10 to 20 dB": 0.0, "over 20 dB": 2.8},
    "chance": {"over 0.1": -2.2, "0.001 to 0.1": -0.6, "1e-6 to 0.001": 0.8, "under 1e-6": 1.1},
}
"""Log-likelihood ratio in nats of each class of each group of terms, device against emitter of the town, of what a
comparison with a baseline lists.

Fitted by ``python -m benchmarks.detection.threat``, which prints both tables.
"""

UNCOMPARED: Mapping[str, Mapping[str, float]] = {
    "kind": {"no baseline": -1.3},
    "shape": {"under 6 kHz": -0.3, "6 to 30 kHz": -0.6, "30 to 250 kHz": -2.4, "over 250 kHz": 1.3, "hopper": 2.3},
    "time": {"under 10 %": 2.3, "10 to 90 %": -0.8, "over 90 %": -1.2},
    "persistence": {"not confirmed": -0.7, "too few passes": -0.1, "confirmed": 1.1},
    "level": {"under 5 dB": -0.6, "5 to 10 dB": -0.6, "10 to 20 dB": 0.1, "over 20 dB": 2.3},
    "chance": {"over 0.1": -0.7, "0.001 to 0.1": 0.3, "1e-6 to 0.001": 0.3, "under 1e-6": 0.3},
}
"""The same without a baseline, where everything on the air is listed, over the same prior."""

ORDERED = frozenset({"kind", "persistence", "level", "chance"})
"""Groups whose classes rise: the fit does not let a later class weigh less than an earlier one."""

PRIOR = -2.2
"""Stated: of the emitters that a comparison lists, one in ten is a planted device."""

STATED: Mapping[str, float] = {"missing": -3.0, "harmonic": -0.5}
"""Stated, since no planted bug of the simulator is either: a device that is not heard is not there to be found, and
what lies at a harmonic of a strong emitter may come from that."""

LEVELS = ((0.0, "high"), (-1.4, "medium"), (-2.9, "low"))
"""Least score of each level: more likely a device than not; one in five; one in twenty; below that is info."""

_WIDTHS_HZ = (6_000.0, 30_000.0, 250_000.0)
_DUTIES = (0.1, 0.9)
_LEVELS_DB = (5.0, 10.0, 20.0)
_RARITIES = (-0.1, -1e-3, -1e-6)


def assess(finding: Mapping[str, Any], *, compared: bool) -> dict[str, Any]:
    """Weigh one finding.

    Parameters
    ----------
    finding : mapping
        As in the findings JSON, without its threat.
    compared : bool
        Whether there was a baseline.

    Returns
    -------
    dict
        ``level`` (high, medium, low, info), ``score`` in nats, ``reasons`` with the term that each adds.

    Examples
    --------
    >>> threat = assess({"kind": "new", "center_freq_hz": 425e6, "occupied_bw_hz": 12e3, "duty_cycle": 1.0,
    ...     "snr_db": 25.0, "excess_db": 25.0, "p_value": 1e-20, "confirmed": True, "passes": 5,
    ...     "signal_type": "continuous narrowband", "harmonic_of_hz": None}, compared=True)
    >>> threat["level"]
    'high'
    """
    terms = list(_measured(finding, compared=compared))
    terms += [(band.weight, f"{band.what} ({band.source})") for band in device_bands(finding["center_freq_hz"])[-1:]]
    terms.append((PRIOR, "prior: nine unknown emitters of ten are harmless"))
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
    >>> amended({"score": -0.1, "reasons": ["-0.1 on all the time"]}, [(0.5, "strong here")])
    {'level': 'high', 'score': 0.4, 'reasons': ['-0.1 on all the time', '+0.5 strong here']}
    """
    score = round(threat["score"] + sum(weight for weight, _ in terms), 2)  # the level is that of what is shown
    reached = next((name for limit, name in LEVELS if score >= limit), "info")
    reasons = [*threat["reasons"], *(f"{weight:+.1f} {text}" for weight, text in terms)]
    return {"level": level or reached, "score": score, "reasons": reasons}


def classes_of(finding: Mapping[str, Any], *, compared: bool) -> dict[str, str]:
    """Class of a finding in each group of `WEIGHTS` in which it was measured.

    Examples
    --------
    >>> classes_of({"kind": "new", "occupied_bw_hz": 12e3, "duty_cycle": None, "snr_db": 25.0, "p_value": None,
    ...     "confirmed": False, "passes": 5, "signal_type": "intermittent narrowband"}, compared=True)
    {'kind': 'new', 'shape': '6 to 30 kHz', 'persistence': 'not confirmed', 'level': 'over 20 dB'}
    """
    hops = finding["signal_type"].startswith("frequency hopper")
    chance = finding["p_value"]
    classes = {
        "kind": finding["kind"] if compared else "no baseline",
        "shape": "hopper" if hops else _class("shape", _WIDTHS_HZ, finding["occupied_bw_hz"]),
        "time": _class("time", _DUTIES, finding["duty_cycle"]),
        "persistence": _persistence(finding),
        "level": _class("level", _LEVELS_DB, finding["snr_db"]),
        "chance": _class("chance", _RARITIES, None if chance is None else -chance),
    }
    return {group: name for group, name in classes.items() if name is not None}


def _class(group: str, edges: Sequence[float], value: float | None) -> str | None:
    return None if value is None else list(WEIGHTS[group])[bisect(edges, value)]


def _persistence(finding: Mapping[str, Any]) -> str | None:
    """None where only stays heard it: that the passes did not says nothing of a burst that they could not meet."""
    if finding["confirmed"]:
        return "confirmed"
    if finding.get("camp_hits") and not finding["hits"]:
        return None
    return "too few passes" if finding["passes"] < FEW_SWEEPS else "not confirmed"


def _measured(finding: Mapping[str, Any], *, compared: bool) -> Iterator[tuple[float, str]]:
    """Terms of what was measured, and in words what that is."""
    if finding["kind"] == "missing":
        yield STATED["missing"], "heard in the baseline and not now"
        return
    words, weights = _words(finding), WEIGHTS if compared else UNCOMPARED
    for group, name in classes_of(finding, compared=compared).items():
        yield weights[group][name], words.get(name) or words[group]
    if finding["harmonic_of_hz"] is not None:
        at = format_hz(finding["harmonic_of_hz"])
        yield STATED["harmonic"], f"at a harmonic of a strong emitter at {at}: may come from that"


def _words(finding: Mapping[str, Any]) -> dict[str, str]:
    """What is said of a class, or else of its group."""
    excess_db, duty, chance = finding["excess_db"], finding["duty_cycle"], finding["p_value"]
    by = "" if excess_db is None else f" by {excess_db:.1f} dB"
    return {
        "no baseline": "no baseline: whether it belongs to the room is not known",
        "new": "not in the baseline",
        "raised": f"stronger than in the baseline{by}",
        "changed": "behaves otherwise than in the baseline",
        "hopper": finding["signal_type"],
        "shape": f"{format_hz(finding['occupied_bw_hz'])} wide",
        "over 90 %": "on all the time",
        "time": "" if duty is None else f"on {100 * duty:.1f} % of the time looked at",
        "confirmed": "confirmed: heard in enough passes to say that it stays",
        "not confirmed": "not confirmed: heard in too few of the passes to say that it stays",
        "too few passes": "not confirmed: a visit of fewer than three passes cannot show that it stays",
        "level": f"{finding['snr_db']} dB over the noise",
        "chance": "" if chance is None else f"by chance with a probability of {chance:.1g}",
    }
