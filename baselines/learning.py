"""Learning a baseline from the visits of a room."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from baselines.axes import onto, union_axis
from baselines.calibration import calibrated
from baselines.camped_visit import summary_of
from baselines.fitted import fitted_visits
from baselines.maxima import burst_limits
from baselines.model import Baseline, BaselineVisit
from baselines.store import BaselineStore
from baselines.summary import VisitSummary
from dsp.errors import ParameterError
from sweep.record import SweepRecord

__all__ = ["build_baseline", "learn"]


def learn(
    record_paths: Sequence[Path], room_folder: Path, *, room: str, created: str, parent: str | None = None
) -> Baseline:
    """Learn a new version of a room's baseline from sweep records, and put it in the room's store.

    Parameters
    ----------
    record_paths : sequence of Path
        Each record is one visit.
    room_folder : Path
    room, created : str
        Name, and time in ISO 8601.
    parent : str, optional
        Version whose visits are among the records.

    Raises
    ------
    RecordError
        A record is damaged or holds nothing measured.
    ParameterError
        The records cannot be put together.
    """
    summaries: list[VisitSummary] = []
    visits: list[BaselineVisit] = []
    for path in record_paths:
        with SweepRecord.open(path) as record:
            summaries.append(summary_of(record))
            visits.append(_visit(record, summaries[-1]))
    if len({visit.record_id for visit in visits}) < len(visits):
        raise ParameterError("the same record was given twice; each visit counts once")
    baseline = replace(build_baseline(summaries, visits, room=room, created=created), parent=parent)
    BaselineStore(room_folder).save(baseline)
    return baseline


def _visit(record: SweepRecord, summary: VisitSummary) -> BaselineVisit:
    start = record.start
    instrument = start.get("instrument") or {}
    return BaselineVisit(
        record_id=str(start.get("record_id") or record.path.stem),
        last_leaf=record.leaves[-1].hex() if record.leaves else "",
        start_time=str(start["start_time"]),
        n_passes=record.n_rows,
        instrument=dict(instrument),
        plan_digest=None if record.plan is None else record.plan.digest,
        gain_db=None if record.plan is None else record.plan.gain_db,
        measured_share=round(float(summary.measured.mean()), 4),
        overloaded_share=round(float(summary.overloaded.mean()), 4),
    )


def build_baseline(
    summaries: Sequence[VisitSummary], visits: Sequence[BaselineVisit], *, room: str, created: str
) -> Baseline:
    """Learn a room from visits when it was known to hold no device.

    Parameters
    ----------
    summaries : sequence of VisitSummary
        One for each visit.
    visits : sequence of BaselineVisit
        What each was, in the same order.
    room, created : str
        Name, and time in ISO 8601.

    Returns
    -------
    Baseline
        With ``inflation`` and mask tails from predicting each visit (or, with one visit, each half of
        it) from the others.

    Raises
    ------
    ParameterError
        No visit, or axes that cannot be put together.
    """
    if not summaries:
        raise ParameterError("a baseline needs at least one visit; give a record or a capture")
    target = union_axis([summary.layout for summary in summaries])
    placed = [onto(summary, target)[0] for summary in summaries]
    model = calibrated(fitted_visits(placed, visits, target), target)
    identity = hashlib.sha256(
        "\n".join([room, created, *(f"{visit.record_id} {visit.last_leaf}" for visit in visits)]).encode()
    ).hexdigest()
    name = f"{created[:10].replace('-', '')}-{identity[:8]}"
    return replace(model, id=name, room=room, created=created, burst_limits=burst_limits(placed))
