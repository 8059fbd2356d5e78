"""A small sweep record with two findings, for tests of the reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rows import START_NS, make_gap, make_row, make_start

from sweep.journal import JournalWriter
from sweep.model import Judgement
from sweep.packing import pack
from sweep.plan import SweepPlan, plan_hops
from sweep.record import SweepRecord

BUGS_HZ = (100_600_000, 433_920_000)
N_ROWS = 4
SPUR = {"test": "crystal_spur", "passed": False, "reason": "0.0 kHz from 7 x 14.4 MHz"}
DISPOSITION = {
    "finding": "F1",
    "as": "known",
    "reason": "door opener",
    "by": "A. Technician",
    "time": "2026-11-18T06:00:00Z",
}


def report_plan() -> SweepPlan:
    """Two ranges that do not touch, of one hop each."""
    return plan_hops(((100_000_000, 101_000_000), (433_000_000, 434_000_000)), gain_db=29.7)


def finding(name: str, center_freq_hz: int, level: str, **more: Any) -> dict[str, Any]:
    """A finding with every field of the contract."""
    return {
        "id": name,
        "kind": "new",
        "center_freq_hz": center_freq_hz,
        "occupied_bw_hz": 12_500,
        "power_dbfs": -42.25,
        "snr_db": 17.5,
        "excess_db": 16.75,
        "p_value": 3.2e-11,
        "first_seen": "2026-11-18T05:46:40.123456789Z",
        "last_seen": "2026-11-18T05:47:40.000000000Z",
        "hits": 3,
        "visits": 1,
        "duty_cycle": 0.75,
        "width_6db_hz": 8_125,
        "width_26db_hz": None,
        "burst_length_s": 0.0084,
        "burst_period_s": 0.04,
        "burst_resolution_s": 0.001,
        "signal_type": "intermittent narrowband",
        "allocation": "amateur",
        "known_as": None,
        "artefact_tests": [{"test": "crystal_spur", "passed": True}, {"test": "lo_shift", "passed": None}],
        "threat": {"level": level, "score": 1.5, "reasons": ["+1.5 not in the baseline"]},
        **more,
    }


def unmeasured(name: str, center_freq_hz: int) -> dict[str, Any]:
    """A finding of which nothing but its place is known."""
    known = {"id": name, "kind": "new", "center_freq_hz": center_freq_hz}
    empty = {"artefact_tests": [], "threat": {"level": "info", "score": None, "reasons": []}}
    return {**dict.fromkeys(finding(name, 0, "info")), **known, **empty}


def document(**more: Any) -> dict[str, Any]:
    """A judgement with two findings, one rejected candidate and a hop that was overloaded."""
    measured = {
        "start_hz": 100_000_000,
        "stop_hz": 101_917_500,
        "state": "measured",
        "noise_floor_dbfs": -60.25,
        "min_detectable_dbfs": -55.5,
        "dwell_s": 0.052,
        "visits": 1,
        "poi": {"100ms": 0.11, "1s": 0.52, "10s": None},
    }
    overloaded = {**measured, "start_hz": 433_000_000, "stop_hz": 434_917_500, "state": "overloaded"}
    return {
        "verdict": "anomalies",
        "reasons": [],
        "baseline": "B-2026-11-01",
        "false_alarms_per_sweep": 0.1,
        "coverage": [measured, overloaded],
        "findings": [finding("F1", BUGS_HZ[0], "high"), unmeasured("F2", BUGS_HZ[1])],
        "unconfirmed": [],
        "rejected_candidates": [finding("R1", 100_800_000, "info", artefact_tests=[SPUR])],
        **more,
    }


def make_record(
    folder: Path,
    judged: Mapping[str, Any] | None = None,
    *,
    n_rows: int = N_ROWS,
    baseline: bool = True,
    absent: tuple[str, ...] = (),
    flags: tuple[int, int] | None = None,
    **start: Any,
) -> SweepRecord:
    """Write, pack and open a record; the findings stand 20 dB above the noise in all rows but the first."""
    plan = report_plan()
    layout = plan.layout()
    rng = np.random.default_rng(5)
    bugs = np.isin(layout.freq_hz, BUGS_HZ)
    journal = folder / "sweep.journal"
    with JournalWriter.create(journal, make_start(plan, **start), layout) as writer:
        for sequence in range(n_rows):
            mean = rng.normal(-6000, 60, layout.n_bins) + 2000 * bugs * (sequence > 0)
            mean = mean.astype(np.int16)
            peak = mean + np.int16(900)
            row = replace(make_row(sequence, layout, absent=absent), mean=mean, max_hold=peak)
            writer.append_row(row if flags is None else replace(row, hop_flags=np.array(flags, np.uint8)))
        writer.append_gap(make_gap())
        writer.append_note("gain lowered", utc_ns=START_NS, kind="gain")
        writer.sync()
        floor = np.full(layout.n_bins, -60, np.float32)
        judgement = Judgement(
            document=document() if judged is None else judged,
            noise_floor_dbfs=floor,
            baseline_dbfs=floor + np.float32(0.5) if baseline else None,
        )
        writer.finish_with(judgement, end_time="2026-11-18T05:50:00Z")
    pack(journal, folder / "sweep.h5")
    return SweepRecord.open(folder / "sweep.h5")
