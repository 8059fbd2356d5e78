"""The verdict of a visit, with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baselines.coverage import is_overloaded
from baselines.not_heard import not_heard
from baselines.outcome import Outcome
from baselines.summary import VisitSummary
from sweep.health.checks import FAIL, checks_of
from sweep.health.drift import Drift
from sweep.plan import Layout

__all__ = ["failures", "nothing_measured", "verdict_of"]

_ENOUGH_MEASURED, _TOO_MUCH_OVERLOADED = 0.9, 0.5
_TOO_MUCH_LOSSY, _TOO_MUCH_LOST = 0.25, 0.1
_WORTH_SAYING = 0.01
_TOO_FAR_PPM = 5.0  # three and a half bins of 2.5 kHz at 1766 MHz: what is heard in one pass is not found in the next
_LEVEL_DB = 1.5


def verdict_of(
    summary: VisitSummary,
    findings: Sequence[Mapping[str, Any]],
    outcome: Outcome,
    *,
    has_baseline: bool,
    instrument: Mapping[str, Any],
) -> tuple[str, list[str]]:
    """Give the verdict and its reasons; the rules are in ``docs/verdict.md``."""
    failed, lost = failures(instrument), instrument.get("lost") or {"share": 0.0}
    reasons = [*failed, *outcome.reasons]
    if not has_baseline:
        reasons.append("no baseline: every emitter heard is listed, whether it belongs to the room is not known")
    overloaded = float(np.mean(is_overloaded(summary)))
    measured = float(np.mean(summary.measured > 0))
    n_dwells = max(1.0, float(summary.measured.sum()) * summary.n_rows)
    lossy = summary.n_lossy / n_dwells
    if overloaded > 0:
        reasons.append(f"{100 * overloaded:.0f} % of the hops were overloaded: the receiver makes signals of its own")
    if summary.n_lossy:
        dwells = "dwell" if summary.n_lossy == 1 else "dwells"
        reasons.append(f"samples were lost on the way to this machine in {summary.n_lossy} {dwells}")
    unlocked, deaf = (count / n_dwells for count in (summary.n_unlocked, summary.n_deaf))
    if unlocked > 0:
        reasons.append(f"the tuner was not locked in {_percent(unlocked)} of the dwells")
    if deaf > _WORTH_SAYING:
        reasons.append(
            f"the noise floor fell by 3 dB or more against the start of the visit in {_percent(deaf)} of the dwells: "
            "the receiver went deaf there; check antenna and cable"
        )
    drift_ppm, drift_reasons = _drift(instrument, 0.0 if deaf > _WORTH_SAYING else summary.level_drift_db)
    reasons += drift_reasons
    if measured < 1:
        reasons.append(f"{100 * (1 - measured):.0f} % of the hops were never measured")
    if lost["share"] > 0:
        reasons.append(f"{_percent(lost['share'])} of the dwells were lost: {lost['reason']}")
    reasons += [witnesses.words for witnesses in outcome.witnesses if witnesses.words]
    nothing_heard = not has_baseline and not findings
    if nothing_heard:
        reasons.append("nothing but noise was received: nothing shows that the antenna was connected")
    if failed:
        if findings:
            reasons.append("what was heard is listed; take it for real until a receiver that works says otherwise")
        return "inconclusive", reasons
    if any(finding["kind"] != "missing" and finding["known_as"] is None for finding in findings):
        return "anomalies", reasons
    too_little = measured * outcome.judged < _ENOUGH_MEASURED
    too_little |= overloaded > _TOO_MUCH_OVERLOADED or lossy > _TOO_MUCH_LOSSY
    too_little |= drift_ppm >= _TOO_FAR_PPM
    too_little |= nothing_heard or any(witnesses.is_deaf for witnesses in outcome.witnesses)
    if too_little or max(lost["share"], unlocked, deaf) > _TOO_MUCH_LOST:
        return "inconclusive", reasons
    return "no_anomaly_detected", reasons


def _drift(instrument: Mapping[str, Any], level_db: float) -> tuple[float, list[str]]:
    """How far the crystal surely strayed while it swept, in ppm, and what is to be said of that and of the level."""
    told, reasons = instrument.get("drift") or {"ppm": 0.0, "known_to_ppm": 0.0}, []
    drift = Drift(ppm=told["ppm"], known_to_ppm=told["known_to_ppm"])
    if drift.is_worth_saying:
        reasons.append(
            f"the crystal drifted while it swept ({drift.text}): emitters moved from pass to pass; let the dongle warm "
            "up and sweep again"
        )
    if abs(level_db) >= _LEVEL_DB:
        reasons.append(
            f"the noise floor of all hops moved by {level_db:+.1f} dB while it swept: the gain drifted, or somebody "
            "changed antenna or cable"
        )
    return drift.sure_ppm, reasons


def failures(instrument: Mapping[str, Any]) -> list[str]:
    """Say which checks before the sweep failed.

    Examples
    --------
    >>> failures({"checks": [{"name": "dc", "state": "FAIL", "words": "at most -3.0 dBFS"}]})
    ['the receiver failed its check (dc): at most -3.0 dBFS']
    """
    return [
        f"{f'receiver {serial}' if serial else 'the receiver'} failed its check ({check['name']}): {check['words']}"
        for serial, check in checks_of(instrument)
        if check["state"] == FAIL
    ]


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def nothing_measured(layout: Layout, false_alarms: float, reasons: Sequence[str]) -> dict[str, Any]:
    """Judgement of a visit of which nothing was measured."""
    width = layout.bin_width_hz
    gap: dict[str, Any] = {
        "state": "not_measured",
        "noise_floor_dbfs": None,
        "min_detectable_dbfs": None,
        "min_detectable": {},
        "min_detectable_detail": {},
        "dwell_s": None,
        "camp_s": None,
    }
    coverage = [
        {
            "start_hz": round(float(layout.freq_hz[0]) - width / 2),
            "stop_hz": round(float(layout.freq_hz[-1]) + width / 2),
            **gap,
            "visits": 0,
            "poi": {"100ms": None, "1s": None, "10s": None},
        }
    ]
    return {
        "baseline": None,
        "verdict": "inconclusive",
        "reasons": list(reasons),
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "not_heard": not_heard(layout),
        "findings": [],
        "unconfirmed": [],
        "rejected_candidates": [],
        "known_emitters": [],
    }
