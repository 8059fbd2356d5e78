"""``plot`` and ``report``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from baselines.disposition import read_log
from dsp.errors import ParameterError
from reports.content import from_record
from reports.figures.overviews import save_plot
from reports.html import write_html
from reports.pdf import write_pdf
from sweep.cli.evidence import require_intact
from sweep.cli.printing import output_path
from sweep.guided.log import VisitTold, find_visit
from sweep.record import SweepRecord
from sweep.workspace import Workspace

__all__ = ["plot", "report"]


def plot(arguments: Namespace) -> int:
    """Draw a record."""
    path = Workspace(arguments.workspace).find_record(arguments.record)
    output = output_path(arguments, path, ".png", ".svg", ".pdf")
    with SweepRecord.open(path) as record:
        save_plot(record, output, arguments.range_hz)
    print(output)
    return 0


def report(arguments: Namespace) -> int:
    """Write the report as PDF, and as HTML where wanted."""
    path = Workspace(arguments.workspace).find_record(arguments.record)
    output = output_path(arguments, path, ".pdf")
    with SweepRecord.open(path) as record:
        require_intact(record)
        content = from_record(record, read_log(path), visit=_visit(path, record))
    write_pdf(content, output)
    print(output)
    if arguments.html:
        page = output.with_suffix(".html")
        write_html(content, page)
        print(page)
    return 0


def _visit(path: Path, record: SweepRecord) -> VisitTold | None:
    """The guided visit that a record names, where it lies in the same workspace."""
    home, room, visit_id = Workspace.of(path), record.start.get("room"), record.start.get("visit")
    if home is None or visit_id is None or not isinstance(room, str):
        return None
    try:
        folder = home.room(room)
    except ParameterError:  # a room of another program, which has no visits here
        return None
    log = find_visit(folder, visit_id)
    return None if log is None else log.told()
