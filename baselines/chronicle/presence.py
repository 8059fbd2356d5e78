"""Whether there was power where an emitter was heard at another visit, in a record that does not list it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.record import SweepRecord

__all__ = ["Presence", "look_for"]

_MEAN_DB, _UNAVERAGED_DB, _PEAK_DB = 3.0, 6.0, 6.0
"""Over the noise floor, from which a mean is more than noise, and that of spectra of which nobody knows how much they
were averaged; over the usual highest frame of the surroundings, from which a highest frame is."""

_SURROUNDINGS_BINS = 384
_ENOUGH = 0.5
_WIDE_BINS, _WIDE_SHARE = 8, 0.25
_HOPPER = "hopper"
"""A part of its kind of signal. It is on a few of its channels at a time: any power in its band may be it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a record can say of a frequency.

    Attributes
    ----------
    state : str
        ``power_there``, ``not_heard``, ``overloaded`` or ``not_measured``.
    in_baseline : bool
        Whether the baseline that the sweep was compared with has power there as well: it is listed only if it changes.
    limit_dbfs : float or None
        Level of narrowband FM that the sweep finds nine times of ten in that band.
    """

    state: str
    in_baseline: bool = False
    limit_dbfs: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Levels:
    mean: NDArray[np.float32]
    highest: NDArray[np.float32] | None
    floor: NDArray[np.float32]
    baseline: NDArray[np.float32] | None


def look_for(record: SweepRecord, emissions: Sequence[Mapping[str, Any]]) -> list[Presence]:
    """Look for emissions of other records in one that does not list them.

    Raises
    ------
    RecordError
        The record is damaged.
    """
    judged = record.judgement
    levels = _Levels(
        mean=record.summary_mean_dbfs,
        highest=record.summary_max_dbfs,
        floor=judged.noise_floor_dbfs,
        baseline=judged.baseline_dbfs,
    )
    coverage = judged.document.get("coverage") or ()
    return [_look(record, levels, coverage, emission) for emission in emissions]


def _look(
    record: SweepRecord, levels: _Levels, coverage: Sequence[Mapping[str, Any]], emission: Mapping[str, Any]
) -> Presence:
    layout = record.layout
    center_hz = float(emission["center_freq_hz"])
    half_hz = max(float(emission.get("occupied_bw_hz") or 0.0), layout.bin_width_hz) / 2
    hops = _HOPPER in str(emission.get("signal_type"))
    first, last = (int(k) for k in np.searchsorted(layout.freq_hz, (center_hz - half_hz, center_hz + half_hz)))
    entry = next((one for one in coverage if one["start_hz"] <= center_hz <= one["stop_hz"]), None)
    state = "measured" if entry is None and not coverage else (entry or {}).get("state")
    known = np.isfinite(levels.mean[first:last]) & np.isfinite(levels.floor[first:last])
    if state == "overloaded":
        return Presence(state="overloaded")
    if state != "measured" or last <= first or np.mean(known) < _ENOUGH:
        return Presence(state="not_measured")
    limit_dbfs = (entry or {}).get("min_detectable_dbfs")
    least_db = _UNAVERAGED_DB if layout.n_averages is None else _MEAN_DB
    over = (levels.mean - levels.floor)[first:last][known] >= least_db
    peaks = _peaks(levels, first, last)
    if not (over.any() or peaks.any() if hops else _fills(over) or _fills(peaks)):
        return Presence(state="not_heard", limit_dbfs=limit_dbfs)
    return Presence(state="power_there", in_baseline=_in_baseline(levels, first, last), limit_dbfs=limit_dbfs)


def _fills(over: NDArray[np.bool_]) -> bool:
    """Whether so many bins are over that a narrow emitter within a wide one is not taken for it."""
    return bool(over.any() and np.mean(over) >= (_WIDE_SHARE if over.size >= _WIDE_BINS else 0.0))


def _peaks(levels: _Levels, first: int, last: int) -> NDArray[np.bool_]:
    """Bins in which frames were higher than noise makes them: bursts, which a mean hides."""
    if levels.highest is None:
        return np.zeros(last - first, bool)
    over = levels.highest - levels.floor
    around = over[max(0, first - _SURROUNDINGS_BINS) : last + _SURROUNDINGS_BINS]
    usual = float(np.nanmedian(around)) if np.isfinite(around).any() else 0.0
    return np.asarray(over[first:last] - usual >= _PEAK_DB)


def _in_baseline(levels: _Levels, first: int, last: int) -> bool:
    if levels.baseline is None:
        return False
    over: NDArray[np.bool_] = (levels.baseline - levels.floor)[first:last] >= _MEAN_DB
    return _fills(over)
