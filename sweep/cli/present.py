"""``plot`` and ``report``."""

from __future__ import annotations

from argparse import Namespace

from baselines.disposition import read_log
from reports.content import from_record
from reports.figures import save_plot
from reports.html import write_html
from reports.pdf import write_pdf
from sweep.cli.evidence import require_intact
from sweep.cli.printing import output_path
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
        content = from_record(record, read_log(path))
    write_pdf(content, output)
    print(output)
    if arguments.html:
        page = output.with_suffix(".html")
        write_html(content, page)
        print(page)
    return 0
