"""The verdict of a visit, with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baselines.coverage import is_overloaded
from baselines.not_heard import not_heard
from baselines.outcome import Outcome
from baselines.summary import VisitSummary
from sweep.plan import Layout

__all__ = ["nothing_measured", "verdict_of"]

_ENOUGH_MEASURED, _TOO_MUCH_OVERLOADED = 0.9, 0.5


def verdict_of(
    summary: VisitSummary, findings: Sequence[Mapping[str, Any]], outcome: Outcome, *, has_baseline: bool
) -> tuple[str, list[str]]:
    reasons = list(outcome.reasons)
    if not has_baseline:
        reasons.append("no baseline: every emitter heard is listed, whether it belongs to the room is not known")
    overloaded = float(np.mean(is_overloaded(summary)))
    measured = float(np.mean(summary.measured > 0))
    if overloaded > 0:
        reasons.append(f"{100 * overloaded:.0f} % of the hops were overloaded: the receiver makes signals of its own")
    if summary.n_lossy:
        dwells = "dwell" if summary.n_lossy == 1 else "dwells"
        reasons.append(f"samples were lost on the way to this machine in {summary.n_lossy} {dwells}")
    if measured < 1:
        reasons.append(f"{100 * (1 - measured):.0f} % of the hops were never measured")
    if any(finding["kind"] != "missing" and finding["known_as"] is None for finding in findings):
        return "anomalies", reasons
    if measured * outcome.judged < _ENOUGH_MEASURED or overloaded > _TOO_MUCH_OVERLOADED:
        return "inconclusive", reasons
    return "no_anomaly_detected", reasons


def nothing_measured(layout: Layout, false_alarms: float, reason: str) -> dict[str, Any]:
    """Judgement of a visit of which nothing was measured."""
    width = layout.bin_width_hz
    gap = {
        "state": "not_measured",
        "noise_floor_dbfs": None,
        "min_detectable_dbfs": None,
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
        "reasons": [reason],
        "false_alarms_per_sweep": false_alarms,
        "coverage": coverage,
        "not_heard": not_heard(layout),
        "findings": [],
        "unconfirmed": [],
        "rejected_candidates": [],
        "known_emitters": [],
    }
