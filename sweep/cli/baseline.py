"""``baseline learn``, ``baseline list``, ``baseline show`` and ``compare``."""

from __future__ import annotations

from argparse import Namespace

from dsp.errors import RecordError
from sweep.cli.printing import Printer
from sweep.cli.visits import Comparison, findings_document
from sweep.cli.wording import findings_lines
from sweep.record import SweepRecord
from sweep.workspace import Workspace

__all__ = ["compare", "learn", "list_versions", "show"]


def compare(arguments: Namespace) -> int:
    """Judge a record anew. The record stays as it is."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    path = workspace.find_record(arguments.record)
    with SweepRecord.open(path) as record:
        room = workspace.room(str(record.start.get("room")))
        comparison = Comparison.choose(room, arguments.baseline, arguments.false_alarms_per_sweep)
        if comparison.baseline_id is None and arguments.baseline is None:
            raise RecordError(
                f"room {room.name} has no baseline to compare with; learn one with 'quietroom baseline learn', "
                "or give --baseline none"
            )
        judgement = comparison.judge(record.layout, record.rows)
        document = findings_document(judgement.document, record=path, start=record.start)
    printer.lines(findings_lines(document))
    printer.document(document)
    return 3 if document["verdict"] == "inconclusive" else 0
