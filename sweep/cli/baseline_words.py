"""A baseline in words and as JSON, and the records that it was learnt from."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from baselines.compatibility import Compatibility
from baselines.health import check_health
from baselines.model import Baseline, BaselineVisit
from dsp.errors import RecordError
from sweep.cli.printing import short_time, span, wrapped
from sweep.record import SweepRecord
from sweep.room_records import room_records
from sweep.units import format_hz
from sweep.workspace import Workspace

__all__ = ["baseline_document", "description", "dongle_of", "span_of", "visits_of"]


def visits_of(baseline: Baseline, workspace: Workspace) -> list[Path]:
    """Find the records that a baseline was learnt from.

    Raises
    ------
    RecordError
        One of them is not in the workspace any more, or is not what it was.
    """
    by_id = {item.record_id: item.path for item in room_records(workspace.sweeps, baseline.room)}
    missing = [visit.record_id for visit in baseline.visits if visit.record_id not in by_id]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise RecordError(
            f"baseline {baseline.id} cannot be extended: {', '.join(missing)}, which it was learnt from, {are} not in "
            f"{workspace.sweeps}; put them back, or learn without --extend"
        )
    paths = [by_id[visit.record_id] for visit in baseline.visits]
    for path, visit in zip(paths, baseline.visits, strict=True):
        _check_same(path, visit, baseline)
    return paths


def _check_same(path: Path, visit: BaselineVisit, baseline: Baseline) -> None:
    with SweepRecord.open(path) as record:
        last_leaf = record.leaves[-1].hex() if record.leaves else ""
    if last_leaf != visit.last_leaf:
        raise RecordError(f"{path} is not the record that baseline {baseline.id} was learnt from; put that one back")


def description(baseline: Baseline) -> list[str]:
    """Say what a baseline is, in lines."""
    layout = baseline.layout
    lines = [
        f"  created  {short_time(baseline.created)}",
        f"  plan     {span_of(baseline)}, {layout.n_bins} bins of {format_hz(layout.bin_width_hz)}",
        f"  dongle   {dongle_of(baseline)}",
    ]
    if baseline.parent is not None:
        lines.append(f"  extends  {baseline.parent}")
    for number, visit in enumerate(baseline.visits, start=1):
        gain = _gain(visit)
        lines.append(
            f"  visit {number}  {short_time(visit.start_time)}, {visit.n_passes} passes, {gain}: {visit.record_id}"
        )
    health = check_health(baseline, utc_ns=time.time_ns())
    reasons = f": {'; '.join(health.reasons)}" if health.reasons else ""
    return lines + wrapped(f"health   {health.verdict}{reasons}", indent="  ")


def baseline_document(baseline: Baseline, verdict: Compatibility | None = None) -> dict[str, Any]:
    """Say what a baseline is, as JSON."""
    layout = baseline.layout
    return {
        "schema": "quietroom.baseline/1",
        "id": baseline.id,
        "room": baseline.room,
        "created": baseline.created,
        "parent": baseline.parent,
        "n_visits": baseline.n_visits,
        "n_sweeps": baseline.n_sweeps,
        "start_hz": round(layout.freq_hz[0]),
        "stop_hz": round(layout.freq_hz[-1]),
        "bin_width_hz": layout.bin_width_hz,
        "n_bins": layout.n_bins,
        "plan_digest": baseline.plan_digest,
        "visits": [asdict(visit) for visit in baseline.visits],
        "health": asdict(check_health(baseline, utc_ns=time.time_ns())),
        "compatibility": None if verdict is None else asdict(verdict),
    }


def span_of(baseline: Baseline) -> str:
    """Range of frequencies of a baseline."""
    return span(float(baseline.layout.freq_hz[0]), float(baseline.layout.freq_hz[-1]))


def dongle_of(baseline: Baseline) -> str:
    """Driver and serial of the visits."""
    named = {
        " ".join(str(visit.instrument[field]) for field in ("driver", "serial") if visit.instrument.get(field))
        for visit in baseline.visits
    }
    return ", ".join(sorted(name for name in named if name)) or "not recorded"


def _gain(visit: BaselineVisit) -> str:
    """Gain setting of a visit; of each receiver where several shared the plan."""
    receivers = visit.instrument.get("receivers") or ({"gain_db": visit.gain_db},)
    gains = dict.fromkeys(one.get("gain_db") for one in receivers)
    if None in gains:
        return "gain not recorded"
    return f"gain {' and '.join(f'{gain_db:g}' for gain_db in gains)} dB"
