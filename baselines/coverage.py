"""What a visit covered, and the weakest steady emitter and the shortest burst that it could have found."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.injection.sensitivity import Sensitivity
from baselines.injection.signals import KINDS, Kind
from baselines.intercept import BURSTS_S, Intercept
from baselines.summary import VisitSummary
from baselines.theory import weakest_over_noise_db
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["coverage_of", "is_overloaded"]

_BLOCK_HZ = 50_000_000
_NFM = KINDS[0].name
_OVERLOADED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Covered:
    """What the entries of one visit are made from; ``chances`` and ``camped`` go by hop."""

    summary: VisitSummary
    floor_dbfs: NDArray[np.floating]
    chances: Mapping[str, NDArray[np.float64]] | None
    camped: NDArray[np.int64]
    threshold_sigmas: float
    model_sigma: float
    tried: Sensitivity | None


def coverage_of(
    summary: VisitSummary,
    floor_dbfs: NDArray[np.floating],
    heard: Intercept,
    *,
    threshold_sigmas: float,
    model_sigma: float,
    camped: NDArray[np.int64] | None = None,
    tried: Sensitivity | None = None,
) -> list[Mapping[str, Any]]:
    """Describe each band of the sweep.

    Parameters
    ----------
    summary : VisitSummary
        On its own axis.
    floor_dbfs : ndarray, shape (n_bins,)
    heard : Intercept
        That has seen every dwell of the visit.
    threshold_sigmas : float
        What the continuous channel asks of a quiet bin.
    model_sigma : float
        Error of the background in nats: of the fitted floor, or between visits.
    camped : ndarray of int64, shape (n_hops,), optional
        Dwells of the stays on each hop.
    tried : Sensitivity, optional
        What trials on the passes showed.

    Returns
    -------
    list of mapping
        As in the findings JSON; contiguous hops of like state that were camped on for as long are one entry, cut
        every 50 MHz. ``dwell_s`` counts passes and stays, ``camp_s`` the stays; ``poi`` is that of `Intercept`, mean
        over the hops.
        ``min_detectable`` is by kind the level of the weakest emitter that is found with probability 0.9, and
        ``min_detectable_detail`` says how that is known: by ``injection`` into the visit, wherever in the band it may
        be, with its 95 % interval; or from ``theory``, steady and on the median floor, with no interval. What was
        injected were the passes; what theory expects of stays beside them is ``with_stays_dbfs``.
        ``min_detectable_dbfs`` is that of narrowband FM.
    """
    layout = summary.layout
    visit = _Covered(
        summary=summary,
        floor_dbfs=floor_dbfs,
        chances=heard.chances(),
        camped=np.zeros(layout.n_hops, np.int64) if camped is None else camped,
        threshold_sigmas=threshold_sigmas,
        model_sigma=model_sigma,
        tried=tried,
    )
    if layout.n_hops == 1:
        return _single_hop(visit)
    states = list(zip(_states(summary), visit.camped.tolist(), strict=True))
    hop_hz = layout.hop_bins * layout.bin_width_hz
    starts = layout.freq_hz[:: layout.hop_bins] - layout.bin_width_hz / 2
    entries: list[Mapping[str, Any]] = []
    first = 0
    for hop in range(1, layout.n_hops + 1):
        joined = hop < layout.n_hops and states[hop] == states[first]
        joined = joined and starts[hop] - starts[hop - 1] <= 1.01 * hop_hz
        if joined and starts[hop] + hop_hz - starts[first] <= _BLOCK_HZ:
            continue
        bins = slice(first * layout.hop_bins, hop * layout.hop_bins)
        entries.append(_entry(visit, bins, states[first][0]))
        first = hop
    return entries


def _states(summary: VisitSummary) -> list[str]:
    return [
        "not_measured" if measured == 0 else "overloaded" if overloaded else "measured"
        for measured, overloaded in zip(summary.measured, is_overloaded(summary), strict=True)
    ]


def is_overloaded(summary: VisitSummary) -> NDArray[np.bool_]:
    """Hops that were overloaded in half of their passes or more, shape (n_hops,)."""
    return np.asarray((summary.measured > 0) & (summary.overloaded >= _OVERLOADED_SHARE * summary.measured))


def _single_hop(visit: _Covered) -> list[Mapping[str, Any]]:
    """One hop, or spectra of another tool: cut where bins are missing."""
    layout = visit.summary.layout
    jumps = np.flatnonzero(np.diff(layout.freq_hz) > 1.5 * layout.bin_width_hz) + 1
    known = np.asarray(np.isfinite(visit.summary.mean).any(axis=0))
    turns = np.flatnonzero(np.diff(known.astype(np.int8))) + 1
    edges = np.unique(np.concatenate([[0], jumps, turns, [layout.n_bins]]))
    state = _states(visit.summary)[0]
    return [
        _entry(visit, slice(int(start), int(stop)), state if known[start] else "not_measured")
        for start, stop in itertools.pairwise(edges.tolist())
    ]


def _entry(visit: _Covered, bins: slice, state: str) -> Mapping[str, Any]:
    layout, summary = visit.summary.layout, visit.summary
    width = layout.bin_width_hz
    values = visit.floor_dbfs[bins]
    floor = float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else None
    measured = state != "not_measured" and floor is not None
    hops = slice(bins.start // layout.hop_bins, max(bins.stop // layout.hop_bins, bins.start // layout.hop_bins + 1))
    passes, stays = float(summary.measured[hops].mean()) * summary.n_rows, int(visit.camped[hops.start])
    dwell_s = None if layout.n_averages is None or not measured else (layout.n_averages + 1) / 2 / width
    chances = visit.chances if measured else None
    weakest, detail = _weakest(visit, bins, floor, stays) if measured and floor is not None else ({}, {})
    return {
        "start_hz": round(float(layout.freq_hz[bins.start]) - width / 2),
        "stop_hz": round(float(layout.freq_hz[bins.stop - 1]) + width / 2),
        "state": state,
        "noise_floor_dbfs": round(floor, 2) if measured and floor is not None else None,
        "min_detectable_dbfs": weakest.get(_NFM),
        "min_detectable": weakest,
        "min_detectable_detail": detail,
        "dwell_s": None if dwell_s is None else round(dwell_s * (passes + stays), 6),
        "camp_s": None if dwell_s is None else round(dwell_s * stays, 6),
        "visits": 1,
        "poi": {name: None if chances is None else round(float(chances[name][hops].mean()), 4) for name in BURSTS_S},
    }


def _weakest(
    visit: _Covered, bins: slice, floor_dbfs: float, stays: int
) -> tuple[dict[str, float | None], dict[str, dict[str, Any]]]:
    """Level by kind, and how it is known."""
    weakest: dict[str, float | None] = {}
    detail: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        told = None if visit.tried is None else visit.tried.of_band(bins, kind)
        if told is not None and visit.tried is not None:
            detail[kind.name] = _measured(told, visit.tried.n_trials(kind))
            weakest[kind.name] = told["dbfs"]
            if stays and not kind.keyed and told["dbfs"] is not None:
                gain_db = _reckoned(visit, kind, floor_dbfs, 0) - _reckoned(visit, kind, floor_dbfs, stays)
                detail[kind.name]["with_stays_dbfs"] = round(told["dbfs"] - max(gain_db, 0.0), 2)
                detail[kind.name]["with_stays_basis"] = "theory"
        elif not kind.keyed:
            weakest[kind.name] = round(_reckoned(visit, kind, floor_dbfs, stays), 2)
            detail[kind.name] = {"basis": "theory"}
        else:
            weakest[kind.name], detail[kind.name] = None, {"basis": "not measured"}
    return weakest, detail


def _measured(told: Mapping[str, Any], n_trials: int) -> dict[str, Any]:
    """What trials on the passes showed: stays can only add to it, and what they add is not measured."""
    return {"basis": "injection", "n_injected": n_trials, **{name: told[name] for name in told if name != "dbfs"}}


def _reckoned(visit: _Covered, kind: Kind, floor_dbfs: float, stays: int) -> float:
    """Level that the passes or the stays find by theory, whichever listened for longer: they are judged apart."""
    summary, layout = visit.summary, visit.summary.layout
    n_bins = max(1.0, kind.reference_hz / layout.bin_width_hz)
    variance = min(summary.group_variance / summary.n_groups, summary.pass_variance / max(stays, 1))
    over_db = weakest_over_noise_db(
        variance, n_bins, threshold_sigmas=visit.threshold_sigmas, model_sigma=visit.model_sigma
    )
    return floor_dbfs + over_db + DB_PER_NEPER_POWER * float(np.log(n_bins / layout.enbw_bins))
