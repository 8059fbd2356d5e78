"""``export``: findings for another tool."""

from __future__ import annotations

from argparse import Namespace

from baselines.disposition import read_log
from dsp.errors import ParameterError
from reports.exports.document import findings_document, write_json
from reports.exports.table import write_csv
from sweep.cli.printing import output_path
from sweep.record import SweepRecord
from sweep.workspace import Workspace

__all__ = ["export"]

_WRITERS = {"json": write_json, "csv": write_csv}


def export(arguments: Namespace) -> int:
    """Write the findings of a record, with what was decided about them."""
    if arguments.output is not None and len(arguments.formats) > 1:
        raise ParameterError(f"-o {arguments.output} names one file for {len(arguments.formats)} formats; leave -o out")
    path = Workspace(arguments.workspace).find_record(arguments.record)
    with SweepRecord.open(path) as record:
        document = findings_document(record, read_log(path))
    for name in arguments.formats:
        output = output_path(arguments, path, f".{name}")
        _WRITERS[name](document, output)
        print(output)
    return 0
