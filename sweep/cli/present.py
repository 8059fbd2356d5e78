"""``plot`` and ``report``."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from baselines.chronicle import read_room
from baselines.disposition import read_log
from dsp.errors import ParameterError
from reports.content import ReportContent, from_record
from reports.figures.overviews import save_plot
from reports.history import history_document, write_history_html, write_history_pdf
from reports.html import write_html
from reports.pdf import write_pdf
from sweep.cli.evidence import require_intact
from sweep.cli.printing import Printer, output_path
from sweep.guided.log import find_visit
from sweep.record import SweepRecord
from sweep.room_names import check_room_name
from sweep.units import iso_utc
from sweep.workspace import Workspace

__all__ = ["content_of", "history", "plot", "report"]


def plot(arguments: Namespace) -> int:
    """Draw a record."""
    path = Workspace(arguments.workspace).find_record(arguments.record)
    output = output_path(arguments, path, ".png", ".svg", ".pdf")
    with SweepRecord.open(path) as record:
        save_plot(record, output, arguments.range_hz)
    print(output)
    return 0


def report(arguments: Namespace) -> int:
    """Write the report as PDF, and as HTML where wanted; with ``--since`` that of the history of a room."""
    if arguments.since is not None:
        return history(arguments)
    if arguments.json is not None:
        raise ParameterError("--json goes with --since; of one sweep give: quietroom export RECORD --format json")
    path = Workspace(arguments.workspace).find_record(arguments.record)
    output = output_path(arguments, path, ".pdf")
    with SweepRecord.open(path) as record:
        require_intact(record)
        content = content_of(path, record)
    remark = write_pdf(content, output)
    if remark is not None:
        print(f"quietroom: {output}: {remark}", file=sys.stderr)
    print(output)
    if arguments.html:
        page = output.with_suffix(".html")
        write_html(content, page)
        print(page)
    return 0


def history(arguments: Namespace) -> int:
    """Write the history of a room since a day."""
    printer, workspace = Printer(arguments.json), Workspace(arguments.workspace)
    room = check_room_name(arguments.record)
    day = iso_utc(arguments.since)[:10]
    output = output_path(arguments, workspace.sweeps / f"{room}-since-{day}.h5", ".pdf")
    chronicle = read_room(workspace.sweeps, room, arguments.since)
    written = [output, *([output.with_suffix(".html")] if arguments.html else [])]
    remark = write_history_pdf(chronicle, output)
    if remark is not None:
        print(f"quietroom: {output}: {remark}", file=sys.stderr)
    if arguments.html:
        write_history_html(chronicle, written[-1])
    for name, reason in chronicle.unread:
        print(f"quietroom: {name} is left out: {reason}", file=sys.stderr)
    printer.lines([str(path) for path in written])
    printer.document(history_document(chronicle))
    return 0


def content_of(path: Path, record: SweepRecord) -> ReportContent:
    """Gather what a report shows, with the visit and the baseline where they lie in the same workspace.

    Raises
    ------
    RecordError
        The record, its log of decisions or that of the visit is damaged.
    """
    folder = _room_folder(path, record)
    visit_id = record.start.get("visit")
    visit = None if folder is None or visit_id is None else find_visit(folder, visit_id)
    told = None if visit is None else visit.told()
    return from_record(record, read_log(path), visit=told, room_folder=folder)


def _room_folder(path: Path, record: SweepRecord) -> Path | None:
    home, room = Workspace.of(path), record.start.get("room")
    if home is None or not isinstance(room, str):
        return None
    try:
        return home.room(room)
    except ParameterError:  # a room of another program, which has no folder here
        return None
