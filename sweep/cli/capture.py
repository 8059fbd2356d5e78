"""``sweep``, ``replay`` and ``recover``."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from baselines.hops import in_whole_hops
from baselines.judge import make_judge
from dsp.errors import ParameterError, RecordError
from sweep.cli.arguments import DEFAULT_FALSE_ALARMS, DEFAULT_PASSES
from sweep.cli.checking import check_source
from sweep.cli.evidence import Evidence, read_evidence
from sweep.cli.printing import Printer
from sweep.cli.profiles import profiles_of
from sweep.cli.room_history import in_room, ready_register
from sweep.cli.sealing import Sealer
from sweep.cli.visits import NO_BASELINE, Comparison, VisitRequest, bytes_needed, record_visit, wants_trials
from sweep.cli.wording import evidence_lines
from sweep.facts.loading import load_facts
from sweep.facts.start import start_facts
from sweep.health.machine import check_clock, check_disk
from sweep.journal import JournalReader
from sweep.model import Instrument, IqSource, Judge, SpectraSource
from sweep.recovery import recover as recover_journal
from sweep.room_names import check_room_name
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.registry import open_sources
from sweep.workspace import Workspace

__all__ = [
    "RECORD_ENDS",
    "capture_options",
    "recover",
    "refuse_records",
    "replay",
    "replay_captures",
    "sweep",
    "sweep_room",
]

RECORD_ENDS = (".h5", ".hdf5")
_FIRST_DONGLE = "rtlsdr:0"
_GAIN_TOLERANCE_DB = 0.05


def sweep(arguments: Namespace) -> int:
    """Sweep a room live."""
    printer = Printer(arguments.json)
    evidence = sweep_room(arguments)
    printer.lines(evidence_lines(evidence))
    printer.document(evidence.document)
    return evidence.exit_code


def sweep_room(arguments: Namespace, *, visit: str | None = None) -> Evidence:
    """Make one sweep.

    Parameters
    ----------
    arguments : Namespace
        Of ``sweep``.
    visit : str, optional
        The guided visit that it is part of, for the record.

    Raises
    ------
    QuietroomError
        Of the files of the workspace, the source, the journal or the record.
    """
    workspace = Workspace.open(arguments.workspace)
    facts = load_facts(workspace.root, workspace.room(arguments.room))
    comparison = _choose(workspace, arguments)
    texts = arguments.source or [_FIRST_DONGLE]
    options = _source_options(arguments, len(texts))
    if comparison.layout is not None:
        ranges_hz = in_whole_hops(options[0].ranges_hz, comparison.layout)
        options = [replace(each, ranges_hz=ranges_hz) for each in options]
    passes = None if arguments.duration is not None else arguments.passes or DEFAULT_PASSES
    source = open_sources(texts, options)
    _say_gains(options, source.instrument)
    _say_settling(source)
    workspace.make_room(arguments.room)
    told = (
        start_facts(facts, source.instrument)
        | profiles_of(workspace, source, options)
        | ({} if visit is None else {"visit": visit})
    )
    if arguments.operator is None and facts.operator is not None:
        told["operator"] = facts.operator
    request = VisitRequest(
        workspace=workspace,
        room=arguments.room,
        comparison=comparison,
        context=_context(arguments, ", ".join(texts)) | told,
        live=True,
        passes=passes,
        duration_s=arguments.duration,
        keep_iq=arguments.keep_iq,
        camp_s=arguments.camp,
        time_server=arguments.time_server,
    )
    try:
        disk = check_disk(workspace.sweeps, bytes_needed(source, request, passes))
        check_source(source, texts, (disk, check_clock()))
    except BaseException:
        source.close()
        raise
    return record_visit(source, request).evidence


def replay(arguments: Namespace) -> int:
    """Replay captures; each visit gives a record."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    refuse_records(arguments.paths)
    comparison = _choose(workspace, arguments)
    sources = open_captures(arguments.paths, capture_options(arguments, antenna=arguments.antenna))
    context = _context(arguments, ", ".join(path.name for path in arguments.paths))
    told: list[Evidence] = []
    server = arguments.time_server
    for evidence in replay_captures(sources, workspace, arguments.room, comparison, context, time_server=server):
        printer.lines(["", *evidence_lines(evidence)] if told else evidence_lines(evidence))
        told.append(evidence)
    documents = [evidence.document for evidence in told]
    printer.document(documents[0] if len(documents) == 1 else documents)
    return max(evidence.exit_code for evidence in told)


def replay_captures(
    sources: Sequence[IqSource | SpectraSource],
    workspace: Workspace,
    room: str,
    comparison: Comparison,
    context: dict[str, Any],
    *,
    time_server: str | None = None,
) -> Iterator[Evidence]:
    """Record the visits of opened captures one after another, until the user stops.

    Yields
    ------
    Evidence
        As soon as a record is there.

    Raises
    ------
    QuietroomError
        Of a capture, a journal or a record.
    """
    workspace.make_room(room)
    try:
        for source in sources:
            request = VisitRequest(
                workspace=workspace,
                room=room,
                comparison=comparison,
                context=context,
                live=False,
                time_server=time_server,
            )
            visit = record_visit(source, request)
            yield visit.evidence
            if visit.stopped:
                break
    finally:
        for source in sources:
            source.close()


def recover(arguments: Namespace) -> int:
    """Pack the journal of an interrupted sweep, judged as the sweep would have been."""
    printer = Printer(arguments.json)
    evidence = recover_record(arguments)
    printer.lines(evidence_lines(evidence))
    printer.document(evidence.document)
    return evidence.exit_code


def recover_record(arguments: Namespace) -> Evidence:
    """Make the record of an interrupted sweep.

    Raises
    ------
    QuietroomError
        The journal is damaged or in use, or the record cannot be written.
    """
    with JournalReader(arguments.journal) as journal:
        start, is_judged = journal.start, journal.judgement is not None
    path = recover_journal(arguments.journal, None if is_judged else _planned_judge(arguments, start))
    evidence = read_evidence(path)
    home = Workspace.of(path)
    if home is not None:
        evidence = replace(evidence, seal=Sealer.ready(home, arguments.time_server).seal_closed(path))
    return evidence


def _planned_judge(arguments: Namespace, start: Mapping[str, Any]) -> Judge:
    """The judge that the sweep was to have, unless another baseline is asked for."""
    baseline_id = arguments.baseline or start.get("baseline")
    false_alarms = start.get("false_alarms_per_sweep")
    false_alarms = false_alarms if isinstance(false_alarms, float) else DEFAULT_FALSE_ALARMS
    home, room = Workspace.of(arguments.journal), start.get("room")
    if baseline_id in (None, NO_BASELINE) and (home is None or room is None):
        return make_judge(None, false_alarms_per_sweep=false_alarms, with_trials=wants_trials())
    workspace, name = home or Workspace.open(arguments.workspace), str(room)
    try:
        check_room_name(name)
    except ParameterError as error:
        raise RecordError(f"{arguments.journal}: {error}; use another copy of the journal") from error
    try:
        comparison = Comparison.choose(workspace, name, str(baseline_id or NO_BASELINE), false_alarms)
    except RecordError as error:
        raise RecordError(f"{error}; or save the rows without it: quietroom recover --baseline none") from error
    ready_register(workspace, name)
    return in_room(comparison.judge, workspace, name, position=start.get("position"))


def _choose(workspace: Workspace, arguments: Namespace) -> Comparison:
    return Comparison.choose(workspace, arguments.room, arguments.baseline, arguments.false_alarms_per_sweep)


def _context(arguments: Namespace, source: str) -> dict[str, Any]:
    return {"position": arguments.position, "operator": arguments.operator, "source": source}


def capture_options(arguments: Namespace, *, antenna: str | None) -> SourceOptions:
    """What the user says of captures."""
    return SourceOptions(
        sample_rate_hz=arguments.rate,
        center_freq_hz=arguments.center,
        sample_format=arguments.format,
        bin_width_hz=arguments.bin_width,
        antenna=antenna,
    )


def refuse_records(paths: Sequence[Path]) -> None:
    """Say what to do with a record or a journal that is given as if it were samples.

    Raises
    ------
    ParameterError
        One is among the paths.
    """
    for path in paths:
        name = shlex.quote(str(path))
        if path.suffix.lower() in RECORD_ENDS:
            raise ParameterError(
                f"{path} is a sweep record, not samples; judge it anew with: quietroom compare {name} "
                f"(or replay the samples that --keep-iq kept: {path.with_suffix('.iq')})"
            )
        if path.suffix == ".journal":
            raise ParameterError(f"{path} is a journal; make its record first: quietroom recover {name}")


def _source_options(arguments: Namespace, n_sources: int) -> list[SourceOptions]:
    """What the user says of each source; a gain or correction that is given once is that of all."""
    gains, corrections = arguments.gain or [None], arguments.ppm or [0]
    for option, values in (("--gain", gains), ("--ppm", corrections)):
        if len(values) not in (1, n_sources):
            raise ParameterError(
                f"{option} was given {len(values)} times for {n_sources} sources; give it once, or once for each"
            )
    return [
        SourceOptions(
            ranges_hz=tuple(arguments.ranges_hz or ()),
            bin_width_hz=arguments.bin_width,
            gain_db=gains[number % len(gains)],
            ppm=corrections[number % len(corrections)],
            antenna=arguments.antenna,
        )
        for number in range(n_sources)
    ]


def _say_gains(options: Sequence[SourceOptions], instrument: Instrument) -> None:
    """A tuner has steps; that it took another gain than asked for must not pass in silence."""
    used = [one.gain_db for one in instrument.receivers or (instrument,) if one.gain_db is not None]
    for asked_db in dict.fromkeys(one.gain_db for one in options if one.gain_db is not None and used):
        used_db = min(used, key=lambda gain_db: abs(gain_db - asked_db))
        if abs(used_db - asked_db) > _GAIN_TOLERANCE_DB:
            text = f"quietroom: the tuner has no gain of {asked_db:g} dB; {used_db:g} dB, the nearest, is used"
            print(text, file=sys.stderr)


def _say_settling(source: IqSource) -> None:
    """Where the settle time could not be measured a pass takes several times as long, and somebody stands and waits."""
    used = source.instrument.receivers or (source.instrument,)
    for one in used:
        if one.settle_measured is False and one.settle_s and not one.synthetic:
            pass_s = source.plan.n_hops / len(used) * one.settle_s
            text = (
                f"quietroom: the settle time of {one.product or one.driver} could not be measured; to be safe "
                f"{1e3 * one.settle_s:.0f} ms after each retune are thrown away, about {pass_s:.2g} s of each pass"
            )
            print(text, file=sys.stderr)
