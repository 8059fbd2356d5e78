"""Random rows and layouts for tests of the record."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from sweep.journal import JournalWriter
from sweep.leaf import ROW_ARRAYS
from sweep.model import FILL, HopGap, Instrument, Judgement, SweepRow
from sweep.plan import Layout, SweepPlan

START_NS = 1_795_000_000_123_456_789
OPTIONAL = ("max_hold", "min_hold", "spectral_kurtosis", "burst_8", "burst_8x4", "burst_64", "burst_512")


def make_plan(n_hops: int = 2, hop_bins: int = 16) -> SweepPlan:
    centers = tuple(100_000_000 + hop * hop_bins * 2500 for hop in range(n_hops))
    return SweepPlan(
        sample_rate_hz=2_400_000,
        n_fft=960,
        n_frames=64,
        hop_bins=hop_bins,
        hop_centers_hz=centers,
        gain_db=29.7,
    )


def make_layout(n_hops: int = 2, hop_bins: int = 16) -> Layout:
    return make_plan(n_hops, hop_bins).layout()


def make_row(sequence: int, layout: Layout, *, seed: int = 0, absent: tuple[str, ...] = ()) -> SweepRow:
    """Noise near -60 dBFS with some bins not measured; NaN, infinity and negative zero among the hop values."""
    rng = np.random.default_rng((seed, sequence))
    arrays: dict[str, Any] = {}
    for name, dtype in ROW_ARRAYS:
        if name in absent:
            continue
        size = layout.n_hops if name.startswith("hop_") else layout.n_bins
        if name.startswith("burst_"):
            size = layout.n_hops * 3
        if dtype == np.int16:
            arrays[name] = rng.normal(-6000, 500, size).astype(np.int16)
            arrays[name][rng.random(size) < 0.05] = FILL
        elif dtype.kind == "f":
            arrays[name] = rng.normal(-20, 5, size).astype(dtype)
            arrays[name][rng.random(size) < 0.2] = rng.choice([np.nan, np.inf, -0.0])
        else:
            arrays[name] = rng.integers(0, 7, size).astype(dtype)
    return SweepRow(
        sequence=sequence,
        utc_ns=START_NS + sequence * 27_000_000_001,
        monotonic_ns=5_000_000 + sequence * 27_000_000_001,
        **arrays,
    )


def same_rows(one: SweepRow, other: SweepRow) -> bool:
    """Equal in every bit."""
    for field in fields(SweepRow):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
                return False
        elif a is not b and a != b:
            return False
    return True


def make_start(plan: SweepPlan | None = None, **more: Any) -> dict[str, Any]:
    instrument = Instrument(driver="rtlsdr", serial="00000001", tuner="R820T", gain_db=29.7, sample_format="cu8")
    plain = {**asdict(plan), "hop_centers_hz": list(plan.hop_centers_hz)} if plan else None
    return {
        "record_id": "test-record",
        "title": "Sweep of the board room",
        "room": "board room",
        "site": "Zürich",
        "position": "table",
        "operator": "A. Technician",
        "people": ["A. Technician", "B. Auditor"],
        "source": "rtlsdr:00000001",
        "software": "quietroom 0.1.0",
        "fft_engine": "scipy.fft 1.17.1",
        "start_time": "2026-11-18T11:06:40.123456789Z",
        "plan": plain,
        "instrument": json.loads(json.dumps(asdict(instrument))),
        "baseline": None,
        "synthetic": False,
        "passes_planned": 3,
        "options": {"ppm": 0},
        **more,
    }


def make_finding(name: str = "F1") -> dict[str, Any]:
    return {
        "id": name,
        "kind": "new",
        "center_freq_hz": 100_010_000,
        "occupied_bw_hz": 11_000,
        "power_dbfs": -41.5,
        "snr_db": None,
        "excess_db": 12.25,
        "p_value": 1e-12,
        "first_seen": "2026-11-18T11:06:40Z",
        "last_seen": "2026-11-18T11:07:40Z",
        "hits": 3,
        "visits": 1,
        "duty_cycle": None,
        "signal_type": "narrowband FM voice",
        "threat": {"level": "high", "score": 0.9, "reasons": ["new"]},
    }


def make_judgement(layout: Layout, *, baseline: bool = True) -> Judgement:
    levels = np.linspace(-70, -60, layout.n_bins).astype(np.float32)
    levels[0] = np.nan
    document = {
        "verdict": "anomalies",
        "reasons": ["one emitter is new"],
        "baseline": "B1" if baseline else None,
        "false_alarms_per_sweep": 0.1,
        "coverage": [
            {
                "start_hz": 100_000_000,
                "stop_hz": 100_040_000,
                "state": "measured",
                "noise_floor_dbfs": -65.5,
                "min_detectable_dbfs": None,
                "dwell_s": 0.013,
                "visits": 1,
                "poi": {"100ms": 0.1, "1s": 0.5, "10s": 0.99},
            }
        ],
        "findings": [make_finding()],
        "unconfirmed": [],
        "rejected_candidates": [],
    }
    return Judgement(
        document=document,
        noise_floor_dbfs=levels,
        baseline_dbfs=levels + np.float32(1) if baseline else None,
        threshold_db=-levels if baseline else None,
    )


def as_bytes(values: np.ndarray | None) -> bytes | None:
    """To compare arrays that may not be there."""
    return None if values is None else values.tobytes()


def make_gap(**more: Any) -> HopGap:
    fields_ = {"pass_index": 1, "hop_index": 1, "utc_ns": START_NS, "monotonic_ns": 7, "reason": "dongle pulled — é"}
    return HopGap(**{**fields_, **more})


def write_journal(
    path: Path,
    n_rows: int = 3,
    *,
    layout: Layout | None = None,
    closed: bool = True,
    absent: tuple[str, ...] = (),
    baseline: bool = True,
    start: dict[str, Any] | None = None,
) -> list[SweepRow]:
    """Write a journal with gaps, a note and a finding, and give its rows."""
    plan = make_plan()
    layout = layout or plan.layout()
    rows = [make_row(sequence, layout, absent=absent) for sequence in range(n_rows)]
    with JournalWriter.create(path, start or make_start(plan), layout) as journal:
        for row in rows:
            journal.append_row(row)
        journal.append_gap(make_gap())
        journal.append_gap(make_gap(hop_index=None, reason="retune failed"))
        journal.append_note("gain lowered", utc_ns=START_NS, kind="gain")
        journal.append_finding(make_finding())
        journal.sync()
        if closed:
            journal.finish_with(make_judgement(layout, baseline=baseline), end_time="2026-11-18T11:10:00Z")
    return rows
