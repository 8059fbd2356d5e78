"""The judge: from the rows of a record to its findings, with a baseline or without one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.aligned import align
from baselines.alignment import shift_bins
from baselines.artefacts import HeardSpectrum, Suspect, Vetted, heard_spectrum, vet, vet_joined
from baselines.axes import curve_onto, displaced, emitter_onto, onto
from baselines.candidates import gather
from baselines.comparison import channel_scores
from baselines.compatibility import check_compatibility
from baselines.coverage import coverage_of, is_overloaded
from baselines.emitters import Emitter, measure_emitters
from baselines.explanation import explain, within
from baselines.findings import make_finding, number_findings
from baselines.health import check_health
from baselines.heard import FLOOR_MODEL_DB, floor_of, heard_candidates
from baselines.hoppers import group_hoppers
from baselines.known import KnownEmitter
from baselines.missing import missing_emitters
from baselines.model import Baseline
from baselines.sidebands import absorb_sidebands
from baselines.summary import VisitSummary, summarise
from baselines.tones import join_tones
from baselines.tracking import Followed, Track, follow
from dsp.errors import ParameterError, RecordError
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.looks import MAX_LOOKS, Looks
from sweep.model import HOP_MEASURED, Judge, Judgement, SweepRow
from sweep.plan import Layout

__all__ = ["make_judge"]

_THRESHOLD_SIGMAS = 6.5
_ENOUGH_MEASURED, _TOO_MUCH_OVERLOADED = 0.9, 0.5
_ALL_JUDGED = 0.995
_KNOWN_RATIO = 4.0  # 6 dB over the floor in the baseline: an emitter was there

Rows = Callable[[], Iterable[SweepRow]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outcome:
    """What one way of judging gives.

    ``judged`` is the share of the measured bins that it could judge, ``ppm`` the frequency error that was taken out.
    """

    emitters: list[Emitter]
    kinds: list[str]
    background_dbfs: NDArray[np.float32] | None
    floor_dbfs: NDArray[np.float32]
    reasons: list[str]
    model_sigma: float
    threshold_sigmas: float
    judged: float = 1.0
    ppm: float = 0.0


def make_judge(
    baseline: Baseline | None, *, false_alarms_per_sweep: float = 0.1, known: Sequence[KnownEmitter] = ()
) -> Judge:
    """Make the judge that a sweep session is handed.

    Parameters
    ----------
    baseline : Baseline or None
        Without one, every emitter above the noise floor is listed.
    false_alarms_per_sweep : float
        Core false emitters that are accepted in one report of the whole band; above 0.
    known : sequence of KnownEmitter
        What may be heard; what one of them explains is listed, and is no anomaly. The judgement keeps those of them
        that lie within the sweep, as ``known_emitters``.

    Raises
    ------
    ParameterError
        The number is not above 0.
    """
    if not 0 < false_alarms_per_sweep < 100:
        raise ParameterError(f"{false_alarms_per_sweep} false alarms a sweep is not above 0 and below 100; try 0.1")

    def judge(layout: Layout, rows: Rows, instrument: Mapping[str, Any], looks: Looks | None = None, /) -> Judgement:
        return _judge(
            layout, rows, instrument, looks, baseline=baseline, false_alarms=false_alarms_per_sweep, known=tuple(known)
        )

    return judge


def _judge(
    layout: Layout,
    rows: Rows,
    instrument: Mapping[str, Any],
    looks: Looks | None,
    *,
    baseline: Baseline | None,
    false_alarms: float,
    known: tuple[KnownEmitter, ...],
) -> Judgement:
    try:
        summary = summarise(layout, rows())
    except RecordError as error:
        return _nothing(layout, false_alarms, str(error))
    floor_dbfs = floor_of(summary)
    compared = False
    reasons: list[str] = []
    if baseline is not None:
        compatibility = check_compatibility(baseline, layout, instrument=instrument, gain_db=_gain_of(rows()))
        compared = compatibility.verdict != "incompatible"
        reasons = list(compatibility.reasons)
    if baseline is not None and compared:
        outcome = _compare(summary, floor_dbfs, baseline, false_alarms)
    else:
        outcome = _hear(summary, floor_dbfs, false_alarms)
        reasons = [f"not compared with baseline {baseline.id}: {reasons[0]}"] if baseline is not None else []
    outcome = replace(outcome, reasons=reasons + outcome.reasons)
    spectrum = _spectrum(summary, outcome, instrument, compared=compared)
    heard, rejected, cut = _findings(layout, rows, outcome, spectrum, looks)
    findings = number_findings(explain(heard, known, utc_ns=summary.start_utc_ns, bin_width_hz=layout.bin_width_hz))
    if cut:
        outcome.reasons.append(f"{cut} candidates were not looked at again: a sweep takes {MAX_LOOKS} second looks")
    coverage = coverage_of(
        summary, floor_dbfs, threshold_sigmas=outcome.threshold_sigmas, model_sigma=outcome.model_sigma
    )
    verdict, reasons = _verdict(summary, findings, outcome, has_baseline=compared)
    if baseline is not None and not compared:  # asked to compare, and could not
        verdict = "inconclusive"
    document = {
        "baseline": baseline.id if baseline is not None and compared else None,
        "verdict": verdict,
        "reasons": reasons,
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "findings": findings,
        "rejected_candidates": rejected,
        "known_emitters": within(known, layout),
    }
    return Judgement(document=document, noise_floor_dbfs=floor_dbfs, baseline_dbfs=outcome.background_dbfs)


def _nothing(layout: Layout, false_alarms: float, reason: str) -> Judgement:
    width = layout.bin_width_hz
    gap = {"state": "not_measured", "noise_floor_dbfs": None, "min_detectable_dbfs": None, "dwell_s": None}
    coverage = [
        {
            "start_hz": round(float(layout.freq_hz[0]) - width / 2),
            "stop_hz": round(float(layout.freq_hz[-1]) + width / 2),
            **gap,
            "visits": 0,
            "poi": {"100ms": None, "1s": None, "10s": None},
        }
    ]
    document = {
        "baseline": None,
        "verdict": "inconclusive",
        "reasons": [reason],
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "findings": [],
        "rejected_candidates": [],
        "known_emitters": [],
    }
    return Judgement(document=document, noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32))


def _hear(summary: VisitSummary, floor_dbfs: NDArray[np.float32], false_alarms: float) -> _Outcome:
    floor = _linear(floor_dbfs)
    candidates = heard_candidates(summary, floor_dbfs, false_alarms)
    emitters = measure_emitters(summary, candidates, floor, floor)
    return _Outcome(
        emitters=emitters,
        kinds=["new"] * len(emitters),
        background_dbfs=None,
        floor_dbfs=floor_dbfs,
        reasons=[],
        model_sigma=FLOOR_MODEL_DB / DB_PER_NEPER_POWER,
        threshold_sigmas=_THRESHOLD_SIGMAS,
    )


def _compare(own: VisitSummary, floor_dbfs: NDArray[np.float32], baseline: Baseline, false_alarms: float) -> _Outcome:
    """Against a baseline that shares frequencies."""
    summary, notes = onto(own, baseline.layout)
    aligned = align(baseline, summary)
    shown = curve_onto(DB_PER_NEPER_POWER * (baseline.log_mean + aligned.gain), baseline.layout, own.layout)
    measured = np.isfinite(own.mean).any(axis=0)
    judged = float(np.mean(np.isfinite(shown[measured])))
    reasons = [*notes, *check_health(baseline, utc_ns=own.start_utc_ns).reasons]
    if judged < _ALL_JUDGED:
        reasons.append(f"{100 * (1 - judged):.0f} % of what was measured is not in the baseline and was not compared")
    if aligned.ppm is not None and abs(aligned.ppm) > 2:
        reasons.append(f"frequencies were {aligned.ppm:+.1f} ppm off the baseline's and were corrected")
    channels = channel_scores(baseline, summary, aligned, false_alarms)
    candidates = gather(channels, baseline.layout)
    background = np.exp(baseline.log_mean + aligned.gain)
    floor = _linear(baseline.floor_dbfs) * np.exp(aligned.gain)
    moved = replace(
        summary,
        mean=np.exp(aligned.log_mean + aligned.gain),
        max_hold=None if aligned.log_max is None else np.exp(aligned.log_max + aligned.gain),
    )
    emitters = measure_emitters(moved, candidates, background, floor)
    kinds = [_kind(emitter) for emitter in emitters]
    missing = missing_emitters(baseline, moved, aligned)
    emitters, kinds = emitters + missing, kinds + ["missing"] * len(missing)
    return _Outcome(
        emitters=[emitter_onto(emitter, baseline.layout, own.layout) for emitter in emitters],
        kinds=kinds,
        background_dbfs=shown,
        floor_dbfs=floor_dbfs,
        reasons=reasons,
        model_sigma=float(np.sqrt(np.median(baseline.between_variance) + aligned.scatter**2)),
        threshold_sigmas=_THRESHOLD_SIGMAS * baseline.quiet_inflation,
        judged=judged,
        ppm=aligned.ppm_applied,
    )


def _kind(emitter: Emitter) -> str:
    known = emitter.background_power > _KNOWN_RATIO * emitter.floor_power
    if not known:
        return "new"
    return "raised" if "continuous" in emitter.channels else "changed"


def _spectrum(
    summary: VisitSummary, outcome: _Outcome, instrument: Mapping[str, Any], *, compared: bool
) -> HeardSpectrum:
    """What the receiver heard, on its own frequencies: those of the baseline may be some ppm off."""
    shown = outcome.background_dbfs
    background = None if shown is None else _linear(shift_bins(shown, summary.layout, -outcome.ppm))
    ppm = instrument.get("ppm")
    return heard_spectrum(
        summary,
        background=background if compared else None,
        floor=_linear(outcome.floor_dbfs),
        ppm=float(ppm) if isinstance(ppm, int | float) else 0.0,
    )


def _findings(
    layout: Layout, rows: Rows, outcome: _Outcome, spectrum: HeardSpectrum, looks: Looks | None
) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]], int]:
    """Vet, follow over the passes, and write down; what fails a test of the receiver is kept apart.

    Gives the findings, what was rejected, and how many got no second look because there were enough.
    """
    followed = list(zip(outcome.emitters, follow(layout, rows(), outcome.emitters, ppm=outcome.ppm), strict=True))
    suspects = [
        Suspect(emitter=displaced(emitter, layout, outcome.ppm), track=track, heard=kind != "missing")
        for (emitter, track), kind in zip(followed, outcome.kinds, strict=True)
    ]
    vetted, cut = vet(suspects, spectrum, looks)
    findings: list[dict[str, Any]] = []
    rejected: list[Mapping[str, Any]] = []
    for emitter, track, kind, tests in _grouped(outcome, followed, vetted, spectrum):
        finding = make_finding(
            emitter,
            track,
            tests,
            kind=kind,
            visits=1,
            has_baseline=spectrum.compared,
            bin_width_hz=layout.bin_width_hz,
        )
        if tests.is_artefact:
            rejected.append({**finding, "id": f"R{len(rejected) + 1}"})
        else:
            findings.append(finding)
    return findings, rejected, cut


def _grouped(
    outcome: _Outcome, followed: Sequence[Followed], vetted: Sequence[Vetted], spectrum: HeardSpectrum
) -> Iterator[tuple[Emitter, Track, str, Vetted]]:
    """Each emitter with its kind and its tests; of those that are no artefact, what belongs together becomes one."""
    kinds = {id(emitter): kind for emitter, kind in zip(outcome.emitters, outcome.kinds, strict=True)}
    tests = {id(emitter): outcomes for emitter, outcomes in zip(outcome.emitters, vetted, strict=True)}
    real = [item for item in followed if spectrum.has_hops and not tests[id(item[0])].is_artefact]
    new = [item for item in real if kinds[id(item[0])] == "new"]
    layout = spectrum.layout
    joined = join_tones(group_hoppers(_without_sidebands(new, spectrum), layout))
    for emitter, track in _without_sidebands(joined, spectrum):
        yield emitter, track, "new", tests.get(id(emitter)) or vet_joined(emitter, spectrum)
    grouped = {id(emitter) for emitter, _ in new}
    for emitter, track in followed:
        if id(emitter) not in grouped:
            yield emitter, track, kinds[id(emitter)], tests[id(emitter)]


def _without_sidebands(followed: Sequence[Followed], spectrum: HeardSpectrum) -> list[Followed]:
    return absorb_sidebands(followed, spectrum.layout.bin_width_hz, compared=spectrum.compared)


def _verdict(
    summary: VisitSummary, findings: Sequence[Mapping[str, Any]], outcome: _Outcome, *, has_baseline: bool
) -> tuple[str, list[str]]:
    reasons = list(outcome.reasons)
    if not has_baseline:
        reasons.append("no baseline: every emitter heard is listed, whether it belongs to the room is not known")
    overloaded = float(np.mean(is_overloaded(summary)))
    measured = float(np.mean(summary.measured > 0))
    if overloaded > 0:
        reasons.append(f"{100 * overloaded:.0f} % of the hops were overloaded: the receiver makes signals of its own")
    if measured < 1:
        reasons.append(f"{100 * (1 - measured):.0f} % of the hops were never measured")
    if any(finding["kind"] != "missing" and finding["known_as"] is None for finding in findings):
        return "anomalies", reasons
    if measured * outcome.judged < _ENOUGH_MEASURED or overloaded > _TOO_MUCH_OVERLOADED:
        return "inconclusive", reasons
    return "no_anomaly_detected", reasons


def _gain_of(rows: Iterable[SweepRow]) -> float | None:
    for row in itertools.islice(rows, 1):
        gains = row.hop_gain_db[(row.hop_flags & HOP_MEASURED) > 0]
        known = gains[np.isfinite(gains)]
        return float(np.median(known)) if known.size else None
    return None


def _linear(power_db: NDArray[np.floating]) -> NDArray[np.float32]:
    linear: NDArray[np.float32] = np.power(np.float32(10), np.asarray(power_db, np.float32) / np.float32(10))
    return linear
