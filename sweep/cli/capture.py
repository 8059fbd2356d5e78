"""``sweep``, ``replay`` and ``recover``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweep.cli.arguments import DEFAULT_FALSE_ALARMS
from sweep.cli.printing import Printer
from sweep.cli.visits import NO_BASELINE, Comparison, Visit, VisitRequest, findings_json, record_visit
from sweep.cli.wording import findings_lines
from sweep.journal import JournalReader
from sweep.model import IqSource, SpectraSource
from sweep.recovery import recover as recover_journal
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.registry import open_source
from sweep.workspace import Workspace

__all__ = ["capture_options", "recover", "replay", "replay_captures", "sweep"]

_DEFAULT_PASSES = 5  # what the rules of persistence are made for


def sweep(arguments: Namespace) -> int:
    """Sweep a room live."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    comparison = _choose(workspace, arguments)
    options = SourceOptions(
        ranges_hz=tuple(arguments.ranges_hz or ()),
        bin_width_hz=arguments.bin_width,
        gain_db=arguments.gain,
        ppm=arguments.ppm,
        antenna=arguments.antenna,
    )
    passes = None if arguments.duration is not None else arguments.passes or _DEFAULT_PASSES
    source = open_source(arguments.source, options)
    workspace.make_room(arguments.room)
    request = VisitRequest(
        workspace=workspace,
        room=arguments.room,
        comparison=comparison,
        context=_context(arguments, arguments.source),
        live=True,
        passes=passes,
        duration_s=arguments.duration,
        keep_iq=arguments.keep_iq,
    )
    visit = record_visit(source, request)
    _tell(printer, visit)
    printer.document(visit.document)
    return visit.exit_code


def replay(arguments: Namespace) -> int:
    """Replay captures; each visit gives a record."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    comparison = _choose(workspace, arguments)
    sources = open_captures(arguments.paths, capture_options(arguments, antenna=arguments.antenna))
    context = _context(arguments, ", ".join(path.name for path in arguments.paths))
    visits = []
    for visit in replay_captures(sources, workspace, arguments.room, comparison, context):
        _tell(printer, visit)
        visits.append(visit)
    documents = [visit.document for visit in visits]
    printer.document(documents[0] if len(documents) == 1 else documents)
    return max(visit.exit_code for visit in visits)


def replay_captures(
    sources: Sequence[IqSource | SpectraSource],
    workspace: Workspace,
    room: str,
    comparison: Comparison,
    context: dict[str, Any],
) -> Iterator[Visit]:
    """Record the visits of opened captures one after another, until the user stops.

    Yields
    ------
    Visit
        As soon as its record is there.

    Raises
    ------
    QuietroomError
        Of a capture, a journal or a record.
    """
    workspace.make_room(room)
    try:
        for source in sources:
            request = VisitRequest(workspace=workspace, room=room, comparison=comparison, context=context, live=False)
            visit = record_visit(source, request)
            yield visit
            if visit.stopped:
                break
    finally:
        for source in sources:
            source.close()


def recover(arguments: Namespace) -> int:
    """Pack the journal of an interrupted sweep, judged as the sweep would have been."""
    printer = Printer(arguments.json)
    with JournalReader(arguments.journal) as journal:
        start = journal.start
    path = recover_journal(arguments.journal, _planned_comparison(arguments, start).judge)
    visit = Visit(record_path=path, document=findings_json(path), stopped=True)
    _tell(printer, visit)
    printer.document(visit.document)
    return visit.exit_code


def _planned_comparison(arguments: Namespace, start: Mapping[str, Any]) -> Comparison:
    """What the sweep was to be compared with, unless another baseline is asked for."""
    baseline_id = arguments.baseline or start.get("baseline")
    false_alarms = start.get("false_alarms_per_sweep")
    false_alarms = false_alarms if isinstance(false_alarms, float) else DEFAULT_FALSE_ALARMS
    if baseline_id in (None, NO_BASELINE):
        return Comparison.without_baseline(false_alarms)
    workspace = Workspace.of(arguments.journal) or Workspace.open(arguments.workspace)
    return Comparison.choose(workspace.room(str(start.get("room"))), str(baseline_id), false_alarms)


def _choose(workspace: Workspace, arguments: Namespace) -> Comparison:
    return Comparison.choose(workspace.room(arguments.room), arguments.baseline, arguments.false_alarms_per_sweep)


def _context(arguments: Namespace, source: str) -> dict[str, Any]:
    return {"position": arguments.position, "operator": arguments.operator, "source": source}


def capture_options(arguments: Namespace, *, antenna: str | None) -> SourceOptions:
    return SourceOptions(
        sample_rate_hz=arguments.rate,
        center_freq_hz=arguments.center,
        sample_format=arguments.format,
        bin_width_hz=arguments.bin_width,
        antenna=antenna,
    )


def _tell(printer: Printer, visit: Visit) -> None:
    printer.lines(findings_lines(visit.document))
    printer.line(f"Record: {visit.record_path}")
