"""The judge: from the rows of a record to its findings, with a baseline or without one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from baselines.camped import CAMP_SHARE, Camp, with_stays
from baselines.compatibility import check_compatibility, gain_step_db, no_step
from baselines.coverage import coverage_of
from baselines.explanation import explain, within
from baselines.findings import number_findings
from baselines.heard import floor_of
from baselines.hops import baseline_of_hops
from baselines.injection.attempt import try_sweep
from baselines.intercept import Intercept
from baselines.known import KnownEmitter
from baselines.model import Baseline
from baselines.not_heard import not_heard
from baselines.part import FEWEST_TO_CONFIRM, Bar, Rows, findings_of, part_of
from baselines.referral import Referral
from baselines.summary import VisitSummary, summarise
from baselines.uncertainty import Repeatability, level_uncertainty
from baselines.verdict import failures, nothing_measured, verdict_of
from dsp.errors import ParameterError, RecordError
from sweep.looks import MAX_LOOKS, Looks
from sweep.model import HOP_MEASURED, Judge, Judgement, Stays, SweepRow
from sweep.plan import Layout

__all__ = ["make_judge"]


def make_judge(
    baseline: Baseline | None,
    *,
    false_alarms_per_sweep: float = 0.1,
    known: Sequence[KnownEmitter] = (),
    with_trials: bool = False,
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
    with_trials : bool
        Whether what the visit would have found is measured, by synthetic emitters; a second or some of work. Else it is
        reckoned.

    Raises
    ------
    ParameterError
        The number is not above 0.
    """
    if not 0 < false_alarms_per_sweep < 100:
        raise ParameterError(f"{false_alarms_per_sweep} false alarms a sweep is not above 0 and below 100; try 0.1")

    def judge(
        layout: Layout,
        rows: Rows,
        instrument: Mapping[str, Any],
        looks: Looks | None = None,
        stays: Stays | None = None,
        /,
    ) -> Judgement:
        return _judge(
            layout,
            rows,
            instrument,
            looks=looks,
            stays=stays,
            baseline=baseline,
            false_alarms=false_alarms_per_sweep,
            known=tuple(known),
            with_trials=with_trials,
        )

    return judge


def _judge(
    layout: Layout,
    rows: Rows,
    instrument: Mapping[str, Any],
    *,
    looks: Looks | None,
    stays: Stays | None,
    baseline: Baseline | None,
    false_alarms: float,
    known: tuple[KnownEmitter, ...],
    with_trials: bool,
) -> Judgement:
    heard_when, referral = Intercept(layout), Referral(layout, instrument)
    rows = referral.of(rows)
    try:
        summary = replace(summarise(layout, rows(), heard_when), lowered=referral.lowered)
    except RecordError as error:
        document = nothing_measured(layout, false_alarms, [*failures(instrument), str(error)])
        return Judgement(document=document, noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32))
    floor_dbfs = floor_of(summary, instrument)
    bar, reasons = _bar(baseline, layout, rows, instrument, false_alarms)
    compared = bar.baseline is not None
    share = 1.0 if stays is None else 1.0 - CAMP_SHARE
    sweep = part_of(rows, summary, floor_dbfs, bar, share=share)
    outcome = sweep.outcome
    outcome.reasons[:0] = reasons
    heard, rejected, cut = findings_of(sweep, looks)
    camp = Camp.of(layout, stays, heard_when)
    if camp.hops:
        heard, rejected, more_cut = with_stays(sweep, camp, bar, looks, heard=heard, rejected=rejected)
        cut += more_cut
        outcome.reasons.append(camp.words)
    repeatability = Repeatability(baseline=bar.baseline, gain_step_db=bar.gain_step_db, lowered=summary.was_lowered)
    heard, rejected = (
        [{**one, "power_uncertainty_db": level_uncertainty(one, layout, repeatability)} for one in items]
        for items in (heard, rejected)
    )
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
        summary,
        floor_dbfs,
        heard_when,
        threshold_sigmas=outcome.threshold_sigmas,
        model_sigma=outcome.model_sigma,
        camped=camp.n_dwells(layout),
        tried=try_sweep(sweep, bar, share) if with_trials else None,
    )
    verdict, reasons = verdict_of(summary, findings, outcome, has_baseline=compared, instrument=instrument)
    if baseline is not None and not compared:  # asked to compare, and could not
        verdict = "inconclusive"
    document = {
        "baseline": baseline.id if baseline is not None and compared else None,
        "verdict": verdict,
        "reasons": reasons,
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "witnesses": [witnesses.document for witnesses in outcome.witnesses] if compared else None,
        "not_heard": not_heard(layout),
        "findings": findings,
        "unconfirmed": unconfirmed,
        "rejected_candidates": [{**item, "id": f"R{number}"} for number, item in enumerate(rejected, 1)],
        "known_emitters": within(known, layout),
    }
    return Judgement(
        document=document,
        noise_floor_dbfs=floor_dbfs,
        baseline_dbfs=outcome.background_dbfs,
        threshold_db=None if outcome.threshold_db is None else outcome.threshold_db(),
    )


def _bar(
    baseline: Baseline | None, layout: Layout, rows: Rows, instrument: Mapping[str, Any], false_alarms: float
) -> tuple[Bar, list[str]]:
    """What the visit is held against, and what is to be said of that."""
    reasons: list[str] = []
    gain_step: Callable[[float], float | None] = no_step
    if baseline is not None:
        gain_db = _gain_of(rows())
        compatibility = check_compatibility(baseline, layout, instrument=instrument, gain_db=gain_db)
        gain_step = partial(gain_step_db, baseline, instrument, gain_db)
        reasons = list(compatibility.reasons)
        if compatibility.verdict == "incompatible":
            reasons = [f"not compared with baseline {baseline.id}: {reasons[0]}"]
            baseline = None
        else:
            baseline = baseline_of_hops(baseline, layout)
    bar = Bar(baseline=baseline, gain_step_db=gain_step, instrument=instrument, false_alarms=false_alarms)
    return bar, reasons


def _heard_once(finding: Mapping[str, Any], summary: VisitSummary) -> bool:
    """Whether a swept emission lacks the persistence that so many sweeps would show of an emitter that stays.

    A band that was camped on was heard all the time: there a single burst is all that there was to hear.
    """
    swept = summary.layout.n_hops > 1 and summary.n_groups >= FEWEST_TO_CONFIRM and not finding.get("camp_hits")
    return swept and not finding["confirmed"] and finding["kind"] != "missing"


def _gain_of(rows: Iterable[SweepRow]) -> float | None:
    for row in itertools.islice(rows, 1):
        gains = row.hop_gain_db[(row.hop_flags & HOP_MEASURED) > 0]
        known = gains[np.isfinite(gains)]
        return float(np.median(known)) if known.size else None
    return None
