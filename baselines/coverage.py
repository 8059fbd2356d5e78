"""What a visit covered, and the weakest steady emitter and the shortest burst that it could have found."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.summary import VisitSummary
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["coverage_of", "is_overloaded"]

_BLOCK_HZ = 50_000_000
_REFERENCE_BANDWIDTH_HZ = 11_000.0  # narrowband FM speech
_PD_90_SIGMAS = 1.28
_OVERLOADED_SHARE = 0.5
_BURSTS_S = {"100ms": 0.1, "1s": 1.0, "10s": 10.0}


def coverage_of(
    summary: VisitSummary, floor_dbfs: NDArray[np.floating], *, threshold_sigmas: float, model_sigma: float
) -> list[Mapping[str, Any]]:
    """Describe each band of the sweep.

    Parameters
    ----------
    summary : VisitSummary
        On its own axis.
    floor_dbfs : ndarray, shape (n_bins,)
    threshold_sigmas : float
        What the continuous channel asks of a quiet bin.
    model_sigma : float
        Error of the background in nats: of the fitted floor, or between visits.

    Returns
    -------
    list of mapping
        As in the findings JSON; contiguous hops of like state are one entry, cut every 50 MHz.
        ``min_detectable_dbfs`` is the steady narrowband FM emitter (11 kHz) that the stated threshold finds with
        probability 0.9 on the median floor, by the detector's own statistics.
    """
    layout = summary.layout
    rise_sigma = (threshold_sigmas, model_sigma)
    states = _states(summary)
    hop_hz = layout.hop_bins * layout.bin_width_hz
    starts = layout.freq_hz[:: layout.hop_bins] - layout.bin_width_hz / 2
    if layout.n_hops == 1:
        return _single_hop(summary, floor_dbfs, rise_sigma)
    entries: list[Mapping[str, Any]] = []
    first = 0
    for hop in range(1, layout.n_hops + 1):
        joined = hop < layout.n_hops and states[hop] == states[first]
        joined = joined and starts[hop] - starts[hop - 1] <= 1.01 * hop_hz
        if joined and starts[hop] + hop_hz - starts[first] <= _BLOCK_HZ:
            continue
        bins = slice(first * layout.hop_bins, hop * layout.hop_bins)
        entries.append(_entry(summary, floor_dbfs, bins, states[first], rise_sigma))
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


def _single_hop(
    summary: VisitSummary, floor_dbfs: NDArray[np.floating], rise_sigma: tuple[float, float]
) -> list[Mapping[str, Any]]:
    """One hop, or spectra of another tool: cut where bins are missing."""
    layout = summary.layout
    jumps = np.flatnonzero(np.diff(layout.freq_hz) > 1.5 * layout.bin_width_hz) + 1
    known = np.asarray(np.isfinite(summary.mean).any(axis=0))
    turns = np.flatnonzero(np.diff(known.astype(np.int8))) + 1
    edges = np.unique(np.concatenate([[0], jumps, turns, [layout.n_bins]]))
    state = _states(summary)[0]
    return [
        _entry(
            summary,
            floor_dbfs,
            slice(int(start), int(stop)),
            state if known[start] else "not_measured",
            rise_sigma,
        )
        for start, stop in itertools.pairwise(edges.tolist())
    ]


def _entry(
    summary: VisitSummary,
    floor_dbfs: NDArray[np.floating],
    bins: slice,
    state: str,
    rise_sigma: tuple[float, float],
) -> Mapping[str, Any]:
    layout = summary.layout
    width = layout.bin_width_hz
    values = floor_dbfs[bins]
    floor = float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else None
    measured = state != "not_measured" and floor is not None
    hops = slice(bins.start // layout.hop_bins, max(bins.stop // layout.hop_bins, bins.start // layout.hop_bins + 1))
    share = float(summary.measured[hops].mean())
    dwell_s = None if layout.n_averages is None else (layout.n_averages + 1) / 2 / width * summary.n_rows * share
    return {
        "start_hz": round(float(layout.freq_hz[bins.start]) - width / 2),
        "stop_hz": round(float(layout.freq_hz[bins.stop - 1]) + width / 2),
        "state": state,
        "noise_floor_dbfs": round(floor, 2) if measured and floor is not None else None,
        "min_detectable_dbfs": _weakest(summary, floor, *rise_sigma) if measured else None,
        "dwell_s": round(dwell_s, 6) if measured and dwell_s is not None else None,
        "visits": 1,
        "poi": {name: _intercept(summary, length, share) if measured else None for name, length in _BURSTS_S.items()},
    }


def _weakest(
    summary: VisitSummary, floor_dbfs: float | None, threshold_sigmas: float, model_sigma: float
) -> float | None:
    if floor_dbfs is None:
        return None
    layout = summary.layout
    n_bins = max(1.0, _REFERENCE_BANDWIDTH_HZ / layout.bin_width_hz)
    noise = summary.group_variance / summary.n_groups / n_bins
    rise = (threshold_sigmas + _PD_90_SIGMAS) * float(np.sqrt(noise + model_sigma**2))
    over_noise = np.expm1(rise) * n_bins / layout.enbw_bins
    return round(floor_dbfs + DB_PER_NEPER_POWER * float(np.log(over_noise)), 2)


def _intercept(summary: VisitSummary, length_s: float, share: float) -> float | None:
    """Chance that one burst of a length, at a random time of the visit, meets a dwell on its frequency.

    ``share`` is that of the passes in which its hop was measured.
    """
    layout = summary.layout
    if layout.n_averages is None:
        return None
    dwell_s = (layout.n_averages + 1) / 2 / layout.bin_width_hz
    if layout.n_hops == 1:
        return round(share, 4)
    if summary.n_rows < 2:
        return None
    cycle_s = (summary.stop_utc_ns - summary.start_utc_ns) / 1e9 / (summary.n_rows - 1)
    return round(min(1.0, (length_s + dwell_s) / cycle_s * share), 4) if cycle_s > 0 else None
