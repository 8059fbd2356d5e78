"""The judge: from the rows of a record to its findings, with a baseline or without one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from baselines.alignment import shift_bins
from baselines.artefacts import HeardSpectrum, Suspect, Vetted, heard_spectrum, vet, vet_joined
from baselines.axes import displaced
from baselines.compatibility import check_compatibility, gain_step_db
from baselines.coverage import coverage_of
from baselines.emitters import Emitter
from baselines.explanation import explain, within
from baselines.findings import make_finding, number_findings
from baselines.heard import floor_of
from baselines.hoppers import group_hoppers
from baselines.intercept import Intercept
from baselines.known import KnownEmitter
from baselines.model import Baseline
from baselines.outcome import Outcome, compare, hear, linear
from baselines.sidebands import absorb_sidebands
from baselines.summary import VisitSummary, summarise
from baselines.tones import join_tones
from baselines.tracking import Followed, Track, follow
from baselines.verdict import nothing_measured, verdict_of
from dsp.errors import ParameterError, RecordError
from sweep.looks import MAX_LOOKS, Looks
from sweep.model import HOP_MEASURED, Judge, Judgement, SweepRow
from sweep.plan import Layout

__all__ = ["make_judge"]

_FEWEST_TO_CONFIRM = 3
"""Sweeps from which on one of them is no evidence that an emitter stays."""
_QUIET_RATIO = 1.5

Rows = Callable[[], Iterable[SweepRow]]


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
    heard_when = Intercept(layout)
    try:
        summary = summarise(layout, heard_when.watching(rows()))
    except RecordError as error:
        document = nothing_measured(layout, false_alarms, str(error))
        return Judgement(document=document, noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32))
    floor_dbfs = floor_of(summary)
    compared = False
    gain_step: float | None = None
    reasons: list[str] = []
    if baseline is not None:
        gain_db = _gain_of(rows())
        compatibility = check_compatibility(baseline, layout, instrument=instrument, gain_db=gain_db)
        gain_step = gain_step_db(baseline, instrument, gain_db)
        compared = compatibility.verdict != "incompatible"
        reasons = list(compatibility.reasons)
    if baseline is not None and compared:
        outcome = compare(summary, floor_dbfs, baseline, false_alarms, gain_step)
    else:
        outcome = hear(summary, floor_dbfs, false_alarms)
        reasons = [f"not compared with baseline {baseline.id}: {reasons[0]}"] if baseline is not None else []
    outcome = replace(outcome, reasons=reasons + outcome.reasons)
    spectrum = _spectrum(summary, outcome, instrument, compared=compared)
    heard, rejected, cut = _findings(layout, rows, outcome, spectrum, looks, n_rows=summary.n_rows)
    explained = explain(heard, known, utc_ns=summary.start_utc_ns, bin_width_hz=layout.bin_width_hz)
    once = [finding for finding in explained if compared and _heard_once(finding, summary)]
    findings = number_findings([finding for finding in explained if finding not in once])
    unconfirmed = number_findings(once, prefix="U")
    if unconfirmed:
        heard_too_seldom = "1 emission was" if len(unconfirmed) == 1 else f"{len(unconfirmed)} emissions were"
        outcome.reasons.append(f"{heard_too_seldom} heard in too few passes to be confirmed")
    if cut:
        outcome.reasons.append(f"{cut} candidates were not looked at again: a sweep takes {MAX_LOOKS} second looks")
    coverage = coverage_of(
        summary, floor_dbfs, heard_when, threshold_sigmas=outcome.threshold_sigmas, model_sigma=outcome.model_sigma
    )
    verdict, reasons = verdict_of(summary, findings, outcome, has_baseline=compared)
    if baseline is not None and not compared:  # asked to compare, and could not
        verdict = "inconclusive"
    document = {
        "baseline": baseline.id if baseline is not None and compared else None,
        "verdict": verdict,
        "reasons": reasons,
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "findings": findings,
        "unconfirmed": unconfirmed,
        "rejected_candidates": rejected,
        "known_emitters": within(known, layout),
    }
    return Judgement(document=document, noise_floor_dbfs=floor_dbfs, baseline_dbfs=outcome.background_dbfs)


def _spectrum(
    summary: VisitSummary, outcome: Outcome, instrument: Mapping[str, Any], *, compared: bool
) -> HeardSpectrum:
    """What the receiver heard, on its own frequencies: those of the baseline may be some ppm off."""
    shown = outcome.background_dbfs
    background = None if shown is None else linear(shift_bins(shown, summary.layout, -outcome.ppm))
    ppm = instrument.get("ppm")
    return heard_spectrum(
        summary,
        background=background if compared else None,
        floor=linear(outcome.floor_dbfs),
        ppm=float(ppm) if isinstance(ppm, int | float) else 0.0,
    )


def _findings(
    layout: Layout, rows: Rows, outcome: Outcome, spectrum: HeardSpectrum, looks: Looks | None, *, n_rows: int
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
        # An emitter of the room that stands under it would be a hit in every pass by itself.
        alone = emitter.background_power < _QUIET_RATIO * emitter.floor_power
        stays = tests.heard_again or (alone and n_rows >= _FEWEST_TO_CONFIRM and 2 * track.hits > n_rows)
        finding = make_finding(
            replace(emitter, confirmed=emitter.confirmed or stays),
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
    outcome: Outcome, followed: Sequence[Followed], vetted: Sequence[Vetted], spectrum: HeardSpectrum
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


def _heard_once(finding: Mapping[str, Any], summary: VisitSummary) -> bool:
    """Whether a swept emission lacks the persistence that so many sweeps would show of an emitter that stays.

    A band that was camped on was heard all the time: there a single burst is all that there was to hear.
    """
    swept = summary.layout.n_hops > 1 and summary.n_groups >= _FEWEST_TO_CONFIRM
    return swept and not finding["confirmed"] and finding["kind"] != "missing"


def _without_sidebands(followed: Sequence[Followed], spectrum: HeardSpectrum) -> list[Followed]:
    return absorb_sidebands(followed, spectrum.layout.bin_width_hz, compared=spectrum.compared)


def _gain_of(rows: Iterable[SweepRow]) -> float | None:
    for row in itertools.islice(rows, 1):
        gains = row.hop_gain_db[(row.hop_flags & HOP_MEASURED) > 0]
        known = gains[np.isfinite(gains)]
        return float(np.median(known)) if known.size else None
    return None
