"""``export``: a record for other tools."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from baselines.disposition import read_log
from dsp.errors import ParameterError
from reports.exports.formats import SUFFIXES, exported
from reports.exports.source import ExportSource
from reports.exports.writing import write_exports
from sweep.cli.evidence import require_intact
from sweep.cli.printing import output_path
from sweep.record import SweepRecord
from sweep.workspace import Workspace

__all__ = ["export"]


def export(arguments: Namespace) -> int:
    """Write a record in the formats of other tools, with what was decided about its findings."""
    path = Workspace(arguments.workspace).find_record(arguments.record)
    places = {name: _place(arguments, path, name) for name in arguments.formats}
    with SweepRecord.open(path) as record:
        require_intact(record)
        source = ExportSource(record, read_log(path))
        contents = {place: exported(name, source) for name, place in places.items()}
        write_exports(contents, overwrite=arguments.overwrite)
    for place in places.values():
        print(place)
    return 0


def _place(arguments: Namespace, record: Path, name: str) -> Path:
    """Where a format goes: the folder or the one file of ``--output``, or the reports of the workspace."""
    output: Path | None = arguments.output
    if output is not None and output.is_dir():
        return output / f"{record.stem}{SUFFIXES[name]}"
    if output is not None and len(arguments.formats) > 1:
        raise ParameterError(f"{output}: is no folder, and one file cannot hold {len(arguments.formats)} formats")
    return output_path(arguments, record, *dict.fromkeys((SUFFIXES[name], Path(SUFFIXES[name]).suffix)))
