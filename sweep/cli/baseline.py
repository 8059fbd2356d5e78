"""``baseline learn``, ``baseline list``, ``baseline show`` and ``compare``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from baselines.compatibility import Compatibility, check_compatibility
from baselines.health import age_days, check_health
from baselines.learning import learn as learn_baseline
from baselines.model import Baseline
from baselines.store import BaselineStore
from dsp.errors import ParameterError, RecordError
from sweep.cli.baseline_words import baseline_document, description, dongle_of, span_of, visits_of
from sweep.cli.capture import RECORD_ENDS, capture_options, refuse_records, replay_captures
from sweep.cli.evidence import read_evidence, require_intact
from sweep.cli.printing import Printer, table, wrapped
from sweep.cli.room_history import in_room, outside_record, ready_register
from sweep.cli.visits import NO_BASELINE, Comparison
from sweep.cli.wording import evidence_lines, known_changes
from sweep.health.losses import judged_instrument
from sweep.looks import StoredLooks
from sweep.record import SweepRecord
from sweep.room_names import check_room_name
from sweep.sources.recorded import open_captures
from sweep.units import format_hz, iso_utc
from sweep.workspace import Workspace

__all__ = ["compare", "learn", "list_versions", "show"]

_DAY_NS = 86_400 * 10**9
_FIT = {
    "compatible": "compatible with",
    "usable": "comparable, with reservations, with",
    "incompatible": "incompatible with",
}


def learn(arguments: Namespace) -> int:
    """Make a new version of a room's baseline; captures are replayed into records first."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    room = arguments.room
    parent = None
    if arguments.extend is not None:
        parent = BaselineStore(workspace.room(room)).load(arguments.extend or None)
    given = [path for path in arguments.paths if path.suffix.lower() in RECORD_ENDS]
    records = [] if parent is None else visits_of(parent, workspace)
    records += [workspace.find_record(str(path)) for path in given]
    _check_records(records, room)
    records += _replayed(arguments, workspace, [path for path in arguments.paths if path not in given])
    baseline = learn_baseline(
        records,
        workspace.make_room(room),
        room=room,
        created=iso_utc(time.time_ns()),
        parent=None if parent is None else parent.id,
    )
    printer.line(f"Learnt baseline {baseline.id} of {room}")
    printer.lines(description(baseline))
    if baseline.n_visits == 1:
        warning = "Warning: one visit only. How much the room changes from visit to visit is not known yet; "
        printer.lines(wrapped(f"{warning}learn again with two or three visits."))
    printer.document(baseline_document(baseline))
    return 0


def list_versions(arguments: Namespace) -> int:
    """List the versions of a room's baseline, with whether the room's latest sweep may be compared with them."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    store = BaselineStore(workspace.room(arguments.room))
    baselines = [store.load(baseline_id) for baseline_id in store.list()]
    latest = _latest_record(workspace, arguments.room)
    verdicts = [_compatibility(baseline, latest) for baseline in baselines]
    rows = [
        (
            baseline.id,
            f"{age_days(baseline, utc_ns=time.time_ns()):.0f} d",
            f"{baseline.n_visits}, {sum(visit.n_passes for visit in baseline.visits)}",
            check_health(baseline, utc_ns=time.time_ns()).verdict,
            "-" if verdict is None else verdict.verdict,
            f"{span_of(baseline)} in {format_hz(baseline.layout.bin_width_hz)}",
            dongle_of(baseline),
        )
        for baseline, verdict in zip(baselines, verdicts, strict=True)
    ]
    if rows:
        printer.lines(table(("id", "age", "visits, passes", "health", "latest sweep", "plan", "dongle"), rows))
    else:
        printer.line(f"Room {arguments.room} has no baseline; learn one with 'quietroom baseline learn'.")
    documents = [baseline_document(baseline, verdict) for baseline, verdict in zip(baselines, verdicts, strict=True)]
    printer.document({"schema": "quietroom.baselines/1", "room": arguments.room, "baselines": documents})
    return 0


def show(arguments: Namespace) -> int:
    """Show one version, by default the latest."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    baseline = BaselineStore(workspace.room(arguments.room)).load(arguments.id)
    latest = _latest_record(workspace, arguments.room)
    verdict = _compatibility(baseline, latest)
    days = age_days(baseline, utc_ns=time.time_ns())
    printer.line(f"Baseline {baseline.id} of {baseline.room}, last visit {days:.0f} days ago")
    printer.lines(description(baseline))
    if latest is not None and verdict is not None:
        reasons = "".join(f"; {reason}" for reason in verdict.reasons)
        printer.lines(wrapped(f"The latest sweep, {latest.name}, is {_FIT[verdict.verdict]} it{reasons}"))
    printer.document(baseline_document(baseline, verdict))
    return 0


def compare(arguments: Namespace) -> int:
    """Judge a record anew. The record stays as it is."""
    printer = Printer(arguments.json)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    workspace = Workspace.around(arguments.workspace, path)
    with SweepRecord.open(path) as record:
        require_intact(record)
        room = _room_of(record)
        comparison = Comparison.choose(workspace, room, arguments.baseline, arguments.false_alarms_per_sweep)
        if comparison.baseline_id is None and arguments.baseline is None:
            raise RecordError(
                f"room {room} has no baseline to compare with; learn one with 'quietroom baseline learn', "
                f"or give --baseline {NO_BASELINE}"
            )
        outside = None if arguments.outside is None else outside_record(workspace.find_record(arguments.outside), room)
        ready_register(workspace, room)
        judge = in_room(
            comparison.judge, workspace, room, position=record.start.get("position"), outside=outside, enter=False
        )
        instrument = judged_instrument(record.start, record.gaps, record.layout.n_hops, record.n_rows, record.notes)
        stays = record.stays if record.n_stays else None
        judgement = judge(record.layout, record.rows, instrument, StoredLooks(record.looks), stays)
        before = record.judgement.document.get("known_emitters")
    evidence = read_evidence(path, judgement=judgement)
    printer.lines(evidence_lines(evidence))
    printer.lines(known_changes(before, judgement.document["known_emitters"]))
    printer.document(evidence.document)
    return evidence.exit_code


def _room_of(record: SweepRecord) -> str:
    """Room that a record names, which is a word of whoever wrote it."""
    room = str(record.start.get("room"))
    try:
        return check_room_name(room)
    except ParameterError as error:
        raise RecordError(f"{record.path}: {error}; fetch an intact copy of the record") from error


def _check_records(records: Sequence[Path], room: str) -> None:
    """A record of another room, or an altered one, would make a baseline in which anything may hide."""
    for path in records:
        with SweepRecord.open(path) as record:
            swept = record.start.get("room")
            if swept != room:
                raise ParameterError(f"{path} is a sweep of room {swept!r}, not of {room!r}; give sweeps of one room")
            require_intact(record)


def _replayed(arguments: Namespace, workspace: Workspace, captures: Sequence[Path]) -> list[Path]:
    if not captures:
        return []
    refuse_records(captures)
    sources = open_captures(captures, capture_options(arguments, antenna=None))
    context = {"source": ", ".join(path.name for path in captures)}
    comparison = Comparison.choose(workspace, arguments.room, NO_BASELINE, with_trials=False)
    visits = replay_captures(sources, workspace, arguments.room, comparison, context)
    return [evidence.path for evidence in visits]


def _latest_record(workspace: Workspace, room: str) -> Path | None:
    """The record of a room with the latest start; names tell, but a room's name may begin like another's."""
    for path in sorted(workspace.sweeps.glob(f"{room}-*.h5"), reverse=True):
        try:
            with SweepRecord.open(path) as record:
                if record.start.get("room") == room:
                    return path
        except RecordError:  # a damaged record is no reason not to list baselines
            continue
    return None


def _compatibility(baseline: Baseline, path: Path | None) -> Compatibility | None:
    if path is None:
        return None
    with SweepRecord.open(path) as record:
        instrument = record.instrument
        return check_compatibility(baseline, record.layout, instrument=asdict(instrument), gain_db=instrument.gain_db)
