"""What a visit shows: emitters above the noise floor, or over a baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import align
from baselines.axes import curve_onto, emitter_onto, onto
from baselines.candidates import Scores, candidate_of, gather
from baselines.comparison import channel_scores, excess_threshold_db
from baselines.emitters import Emitter, measure_emitters
from baselines.health import check_health
from baselines.heard import FLOOR_MODEL_DB, heard_candidates
from baselines.missing import missing_emitters
from baselines.model import Baseline
from baselines.shifts import NO_ERROR, FrequencyError
from baselines.summary import VisitSummary
from baselines.witnesses import Witnesses, call_witnesses
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["Outcome", "compare", "hear", "linear"]

_THRESHOLD_SIGMAS = 5.6  # what 0.1 false alarms ask of one of 700,000 bins at nine scales
_NFM_BINS = 4
_ALL_JUDGED = 0.995
_KNOWN_RATIO = 4.0  # 6 dB over the floor in the baseline: an emitter was there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one way of judging gives.

    ``judged`` is the share of the measured bins that it could judge, ``error`` the frequency error that was taken out,
    and ``errors_ppm`` that of each emitter. ``threshold_db`` works out `excess_threshold_db` on the axis of the visit;
    None without a baseline. Of a comparison ``strongest_dbfs`` is what the baseline's strongest sweep would be in this
    visit, ``known`` the bins in which the baseline has noticed anything but noise, ``gain_db`` the gain over the
    baseline that was taken out, and ``witnesses`` tell whether each receiver heard the room.
    """

    emitters: list[Emitter]
    kinds: list[str]
    errors_ppm: list[float]
    background_dbfs: NDArray[np.float32] | None
    floor_dbfs: NDArray[np.float32]
    reasons: list[str]
    model_sigma: float
    threshold_sigmas: float
    judged: float = 1.0
    error: FrequencyError = NO_ERROR
    threshold_db: Callable[[], NDArray[np.float32]] | None = None
    strongest_dbfs: NDArray[np.float32] | None = None
    known: NDArray[np.bool_] | None = None
    gain_db: NDArray[np.float32] | None = None
    witnesses: tuple[Witnesses, ...] = ()


def hear(summary: VisitSummary, floor_dbfs: NDArray[np.float32], false_alarms: float) -> Outcome:
    """List every emitter above the noise floor of the visit itself."""
    floor = linear(floor_dbfs)
    candidates = heard_candidates(summary, floor_dbfs, false_alarms)
    emitters = measure_emitters(summary, candidates, floor, floor)
    return Outcome(
        emitters=emitters,
        kinds=["new"] * len(emitters),
        errors_ppm=[0.0] * len(emitters),
        background_dbfs=None,
        floor_dbfs=floor_dbfs,
        reasons=[],
        model_sigma=FLOOR_MODEL_DB / DB_PER_NEPER_POWER,
        threshold_sigmas=_THRESHOLD_SIGMAS,
    )


def compare(
    own: VisitSummary,
    floor_dbfs: NDArray[np.float32],
    baseline: Baseline,
    false_alarms: float,
    *,
    gain_step_db: Callable[[float], float | None],
    instrument: Mapping[str, Any],
    error: FrequencyError | None = None,
) -> Outcome:
    """List what stands out against a baseline that shares frequencies.

    Parameters
    ----------
    own : VisitSummary
    floor_dbfs : ndarray of float32, shape (n_bins,)
        Noise floor of the visit.
    baseline : Baseline
    false_alarms : float
        Accepted in the report.
    gain_step_db : callable
        From a frequency to the step of `baselines.compatibility.gain_step_db`.
    instrument : mapping
        Of the visit, as in its record.
    error : FrequencyError, optional
        Against the baseline, where it is known; else it is measured.
    """
    summary, notes = onto(own, baseline.layout)
    aligned = align(baseline, summary, gain_step_db, instrument=instrument, error=error)
    shown, strongest, known = (
        curve_onto(values, baseline.layout, own.layout)
        for values in (
            DB_PER_NEPER_POWER * (baseline.log_mean + aligned.gain),
            DB_PER_NEPER_POWER * (baseline.log_top + aligned.gain),
            aligned.zones.known.astype(np.float32),
        )
    )
    measured = np.isfinite(own.mean).any(axis=0)
    judged = float(np.mean(np.isfinite(shown[measured])))
    reasons = [*notes, *check_health(baseline, utc_ns=own.start_utc_ns).reasons, *aligned.notes]
    if judged < _ALL_JUDGED:
        reasons.append(f"{100 * (1 - judged):.0f} % of what was measured is not in the baseline and was not compared")
    channels = channel_scores(baseline, summary, aligned, false_alarms)
    candidates = gather(channels, baseline.layout)
    background = np.exp(baseline.log_mean + aligned.gain)
    floor = linear(baseline.floor_dbfs) * np.exp(aligned.gain)
    moved = replace(summary, mean=np.exp(aligned.log_mean + aligned.gain))
    peak = None if aligned.log_max is None else np.exp(np.fmax.reduce(aligned.log_max) + aligned.gain)
    measured_emitters = measure_emitters(moved, candidates, background, floor, peak)
    emitters = [_of_own(emitter, channels) for emitter in measured_emitters]
    kinds = [_kind(emitter) for emitter in emitters]
    missing = missing_emitters(baseline, moved, aligned)
    emitters, kinds = emitters + missing, kinds + ["missing"] * len(missing)
    axis = own.layout if summary is own else baseline.layout
    return Outcome(
        emitters=[emitter_onto(emitter, axis, own.layout) for emitter in emitters],
        kinds=kinds,
        errors_ppm=[aligned.shift.error_of(emitter.start, emitter.stop) for emitter in emitters],
        background_dbfs=shown,
        floor_dbfs=floor_dbfs,
        reasons=reasons,
        model_sigma=float(np.sqrt(np.median(baseline.between_variance[_NFM_BINS]) + aligned.scatter**2)),
        threshold_sigmas=_THRESHOLD_SIGMAS,
        judged=judged,
        error=aligned.shift.error,
        threshold_db=lambda: curve_onto(
            excess_threshold_db(baseline, summary, aligned, false_alarms), baseline.layout, own.layout
        ),
        strongest_dbfs=strongest,
        known=known > 0.5,
        gain_db=curve_onto(DB_PER_NEPER_POWER * aligned.gain, baseline.layout, own.layout),
        witnesses=call_witnesses(baseline, aligned),
    )


def _of_own(emitter: Emitter, channels: Sequence[Scores]) -> Emitter:
    """An emitter with what its own bins say: a part of a candidate is not as sure as the strongest part is."""
    own = candidate_of(emitter.start, emitter.stop, channels)
    if own is None:
        return emitter
    return replace(emitter, channels=own.channels, p_value=own.p_value, confirmed=own.confirmed)


def _kind(emitter: Emitter) -> str:
    known = emitter.background_power > _KNOWN_RATIO * emitter.floor_power
    if not known:
        return "new"
    return "raised" if "continuous" in emitter.channels else "changed"


def linear(power_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn dB into linear power, as float32 of the same shape."""
    power: NDArray[np.float32] = np.power(np.float32(10), np.asarray(power_db, np.float32) / np.float32(10))
    return power
