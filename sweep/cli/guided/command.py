"""``visit``: begin or go on with a guided visit."""

from __future__ import annotations

import shlex
from argparse import Namespace

from dsp.errors import ParameterError
from sweep.cli.guided.analysis import visit_document, visit_verdict
from sweep.cli.guided.console import Console, LeftError, Option, read_answers
from sweep.cli.guided.flow import lead
from sweep.cli.guided.visiting import Visiting
from sweep.cli.printing import Printer
from sweep.facts.loading import Facts, load_facts
from sweep.facts.schema import STIMULI
from sweep.guided.log import VisitLog, VisitPlanned, visit_logs
from sweep.room_records import VISIT_NS
from sweep.workspace import Workspace

__all__ = ["visit"]

_UNFINISHED = 3
_GO_ON = Option(1, "go-on", "go on with it")
_NEW = Option(2, "new", "begin a new visit")
_OPERATOR = "Who carries out the visit?"


def visit(arguments: Namespace) -> int:
    """Lead a technician through a visit of a room."""
    printer = Printer(arguments.json)
    if printer.quiet:
        raise ParameterError("a visit asks on standard output; give --json a file")
    workspace = Workspace.open(arguments.workspace)
    console = Console(read_answers(arguments.answers), unattended=arguments.yes)
    facts = load_facts(workspace.root, workspace.make_room(arguments.room))
    try:
        log = _choose(workspace, arguments, console, facts)
    except (LeftError, KeyboardInterrupt):
        console.say("", "Nothing was begun.")
        return _UNFINISHED
    visiting = Visiting(
        workspace=workspace, room=arguments.room, log=log, console=console, time_server=arguments.time_server
    )
    try:
        lead(visiting)
    except (LeftError, KeyboardInterrupt) as left:
        _say_left(visiting, arguments, str(left))
        printer.document(visit_document(visiting))
        return _UNFINISHED
    console.say("", f"The visit is finished. Its log is {log.path}")
    if console.unused:
        console.say(f"Answers that no question asked for: {', '.join(console.unused)}")
    printer.document(visit_document(visiting))
    return _UNFINISHED if visit_verdict(visiting)[0] == "inconclusive" else 0


def _choose(workspace: Workspace, arguments: Namespace, console: Console, facts: Facts) -> VisitLog:
    """The visit that is not finished, or a new one.

    Raises
    ------
    LeftError
        The technician leaves.
    RecordError
        The log of the last visit is damaged.
    """
    paths = visit_logs(workspace.room(arguments.room))
    last = VisitLog(paths[-1]) if paths and not arguments.new else None
    if last is not None and not last.is_finished:
        n_done = len(last.outcomes)
        console.say(f"Visit {last.id} of room {arguments.room}: {n_done} of {len(last.steps)} steps are finished.")
        is_recent = last.age_s * 1e9 <= VISIT_NS
        if console.choose("resume", (_GO_ON, _NEW), default=(_GO_ON if is_recent else _NEW).word) == _GO_ON.word:
            return last
    operator = arguments.operator or console.text("operator", _OPERATOR, default=facts.operator)
    log = VisitLog.begin(workspace.room(arguments.room), _planned(arguments, facts), by=operator)
    console.say(f"Visit {log.id} of room {arguments.room}, {len(log.steps)} steps. Leave at any time with 0 or Ctrl-C.")
    return log


def _planned(arguments: Namespace, facts: Facts) -> VisitPlanned:
    plan = facts.plan
    ranges = [f"{start}:{stop}" for start, stop in arguments.ranges_hz or ()]
    return VisitPlanned(
        outside=plan.outside,
        positions=tuple(arguments.position or plan.positions or ("table",)),
        stimuli=STIMULI if plan.stimuli is None else plan.stimuli,
        source=tuple(arguments.source or plan.source or ()),
        ranges=tuple(ranges or plan.ranges or ()),
        passes=arguments.passes or plan.passes,
        camp_s=plan.camp_s if arguments.camp is None else arguments.camp,
    )


def _say_left(visiting: Visiting, arguments: Namespace, why: str) -> None:
    log = visiting.log
    step = log.next_step
    place = "" if str(arguments.workspace) == "." else f"--workspace {shlex.quote(str(arguments.workspace))} "
    if why:
        visiting.console.say("", why)
    visiting.console.say(
        "",
        f"Left with {len(log.outcomes)} of {len(log.steps)} steps finished; next: {step.title if step else 'nothing'}.",
        f"Go on with: quietroom {place}visit {arguments.room}",
    )
