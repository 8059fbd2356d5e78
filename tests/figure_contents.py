"""Contents that figures are drawn from in tests: small, and the same everywhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from report_records import BUGS_HZ, document, finding, make_record

from baselines.chronicle import EmitterTold, RecordTold, RoomChronicle, Sight, VisitHeld
from baselines.occupancy import Occupancy
from baselines.uncertainty import expanded_uncertainty
from reports.content import ReportContent, from_record
from reports.content.passes import Passes, StayShown
from reports.figures.camps import camp_figure
from reports.figures.closeups import finding_figure
from reports.figures.occupancies import occupancy_figure
from reports.figures.overviews import difference_figure, spectrum_figure, waterfall_figure
from reports.figures.positions import positions_figure
from reports.figures.timelines import timeline_figure
from reports.history.grid import grid_figure
from sweep.guided.log import DONE, SKIPPED, Outcome, VisitTold
from sweep.guided.steps import make_steps
from sweep.model import HopGap
from sweep.plan import plan_hops
from sweep.record import Waterfall

PLACES = (
    ("table", -41.0, expanded_uncertainty(statistical=0.4, gain=0.6, antenna=1.0), None),
    ("window", -47.5, expanded_uncertainty(statistical=0.6), None),
    ("east wall", None, None, -58.0),
    ("outside, corridor", -55.0, None, None),
)


def full_content() -> ReportContent:
    """A sweep with all that a figure can show: bursts, stays, a gap, positions, a visit, bins not measured."""
    levels = [
        {"position": name, "record": f"{name}.h5", "power_dbfs": p, "power_uncertainty_db": u, "limit_dbfs": q}
        for name, p, u, q in PLACES
    ]
    found = [finding("F1", BUGS_HZ[0], "high", positions=levels), finding("F2", BUGS_HZ[1], "low", positions=levels)]
    unconfirmed = [finding("U1", 434_400_000, "info")]
    with (
        tempfile.TemporaryDirectory() as folder,
        make_record(Path(folder), document(findings=found, unconfirmed=unconfirmed)) as record,
    ):
        content = from_record(record)
    rng = np.random.default_rng(3)
    shape = content.layout.n_bins
    mean = rng.normal(-60, 0.4, shape).astype(np.float32)
    baseline = np.full(shape, -60, np.float32)
    station = np.abs(content.layout.freq_hz - 101.3e6) < 60_000
    mean[station] += 12
    baseline[station] += 12
    for hz in BUGS_HZ:
        mean[np.abs(content.layout.freq_hz - hz) < 9000] = -42
    mean[:40] = np.nan
    fall = np.where(np.isnan(mean), np.nan, mean)[None, :] + np.zeros((8, 1))
    fall[2::3, np.abs(content.layout.freq_hz - 434.4e6) < 20_000] = -45
    times = np.array([0, 10, 20, 30, 60, 70, 80, 90], float)
    passes = np.column_stack([times, times + 9])
    tracks = {
        name: replace(track, time_s=times, mean_dbfs=np.full(8, -42.0), max_dbfs=-40.0 - 2.0 * np.arange(8))
        for name, track in content.tracks.items()
    }
    occupied = (np.arange(shape) % 97 < 3) * 6 + station * 2
    return replace(
        content,
        start={**content.start, "start_time": "2026-11-18T05:46:40Z"},
        end_time="2026-11-18T05:50:00Z",
        n_rows=8,
        mean_dbfs=mean,
        max_dbfs=mean + np.float32(9),
        noise_floor_dbfs=np.full(shape, -60, np.float32),
        baseline_dbfs=baseline,
        threshold_db=np.where(station, 6, 2).astype(np.float32),
        waterfall=Waterfall(fall.astype(np.float32), times, content.layout.freq_hz),
        passes=Passes(
            begun_ns=0,
            times_s=passes,
            tracks=tracks,
            occupancy=Occupancy(n_occupied=occupied.astype(np.int32), n_samples=np.full(shape, 8, np.int32)),
        ),
        stays=tuple(_stay(content, number) for number in range(4)),
        gaps=(HopGap(pass_index=4, hop_index=1, utc_ns=0, monotonic_ns=45 * 10**9, reason="dongle pulled"),),
        visit=_visit(),
    )


def _stay(content: ReportContent, number: int) -> StayShown:
    dwells = np.full((62, content.layout.hop_bins), -52, np.float32)
    dwells[5 * number : 5 * number + 12, 355:375] = -40
    return StayShown(
        hop=1, start_s=100.0 + 5 * number, stop_s=100.8 + 5 * number, peak_dbfs=dwells.max(axis=0), dwells_dbfs=dwells
    )


def _visit() -> VisitTold:
    steps = make_steps(outside="corridor", positions=["table", "window"], stimuli=["speak"])
    told = []
    for number, step in enumerate(steps[:9]):
        done = SKIPPED if step.kind == "check" and number % 2 else DONE
        time = f"2026-11-18T05:{41 + 2 * number:02d}:00.000000000Z"
        told.append((step, Outcome(step=step.id, outcome=done, text="", by="A. Technician", time=time, details={})))
    fields: dict[str, Any] = {"id": "20261118T053900Z", "operator": "A. Technician", "digest": "00" * 32}
    return VisitTold(
        begun="2026-11-18T05:39:00.000000000Z", steps=(*told, *((step, None) for step in steps[9:])), **fields
    )


def chronicle() -> RoomChronicle:
    """Five visits and as many emitters, each with another course."""
    courses = {
        "high": ("not_heard", "not_heard", "seen", "seen", "seen"),
        "medium": ("not_measured", "seen", "not_measured", "seen", "not_heard"),
        "low": ("seen", "seen", "not_heard", "overloaded", "seen"),
        "info": ("seen", "power_there", "power_there", "power_there", "power_there"),
        None: ("not_heard", "unconfirmed", "not_heard", "not_measured", "not_heard"),
    }
    emitters = [
        EmitterTold(
            id=f"H{number}",
            center_freq_hz=100e6 * number,
            occupied_bw_hz=12_500.0,
            known_as=None,
            numbers=(f"E{number}",),
            sights=tuple(Sight(state=state, threat=threat if state == "seen" else None) for state in states),
        )
        for number, (threat, states) in enumerate(courses.items(), 1)
    ]
    visits = tuple(VisitHeld(records=(_told(day),)) for day in range(1, 6))
    return RoomChronicle(room="lab", since_ns=0, visits=visits, emitters=tuple(emitters), unread=())


def _told(day: int) -> RecordTold:
    return RecordTold(
        path=Path(f"lab-{day}.h5"),
        record_id=str(day),
        schema="1.4.0",
        verdict="anomalies",
        start_ns=1_790_000_000 * 10**9 + day * 30 * 86_400 * 10**9,
        position="table",
        operator=None,
        baseline=None,
        serial="1",
        gain_db=28.0,
        synthetic=False,
        is_sealed=True,
        bin_width_hz=2500.0,
        findings=(),
        unconfirmed=(),
        decisions={},
        trouble=None,
    )


def whole_band(content: ReportContent) -> ReportContent:
    """The band of a dongle, 697,344 bins, with peaks of one bin that all differ."""
    layout = plan_hops(((24_000_000, 1_766_000_000),)).layout()
    rng = np.random.default_rng(1)
    level = rng.normal(-80, 0.6, layout.n_bins).astype(np.float32)
    empty = Passes(begun_ns=None, times_s=np.empty((0, 2)), tracks={}, occupancy=None)
    return replace(
        content,
        layout=layout,
        mean_dbfs=level,
        max_dbfs=level + np.float32(9),
        noise_floor_dbfs=np.full(layout.n_bins, -80, np.float32),
        baseline_dbfs=np.full(layout.n_bins, -80, np.float32),
        threshold_db=(2.0 + rng.random(layout.n_bins)).astype(np.float32),
        waterfall=Waterfall(level[None, ::349].copy(), np.zeros(1), layout.freq_hz[::349]),
        passes=empty,
        stays=(),
        gaps=(),
        visit=None,
    )


FIGURES: dict[str, Callable[[ReportContent], Figure | None]] = {
    "spectrum": spectrum_figure,
    "difference": difference_figure,
    "waterfall": waterfall_figure,
    "finding": lambda content: finding_figure(content, content.findings[0]),
    "camp": camp_figure,
    "occupancy": occupancy_figure,
    "positions": positions_figure,
    "timeline": timeline_figure,
    "history": lambda _: grid_figure(chronicle()),
}
