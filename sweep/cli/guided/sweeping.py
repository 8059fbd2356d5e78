"""The steps that sweep: outside, at the positions, and under a stimulus."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from dsp.errors import QuietroomError
from reports.content.wording import count
from sweep.cli.arguments import DEFAULT_PASSES
from sweep.cli.capture import recover_record, sweep_room
from sweep.cli.evidence import Evidence, read_evidence
from sweep.cli.guided.analysis import short_verdict
from sweep.cli.guided.console import Option
from sweep.cli.guided.visiting import Result, Visiting
from sweep.cli.parser import build_parser
from sweep.cli.wording import verdict_line
from sweep.guided.steps import Step
from sweep.journal import JournalReader
from sweep.record import SweepRecord

__all__ = ["sweep_arguments", "sweep_step"]

_STOPPED = "stopped by the user"
_KEEP, _AGAIN = Option(1, "keep", "keep it"), Option(2, "again", "sweep again")


def sweep_step(visiting: Visiting, step: Step) -> Result:
    """Sweep; what an interrupted attempt left is recovered and offered first.

    Raises
    ------
    QuietroomError
        Of the source, or of what it writes.
    LeftError
        The technician leaves.
    """
    _recover_left(visiting, step)
    for evidence, is_whole in _left(visiting, step):
        visiting.console.say(f"A sweep of this step is there already: {evidence.path.name}", *_said(evidence))
        default = _KEEP.word if is_whole else _AGAIN.word
        if visiting.console.choose(f"{step.id}.left", (_KEEP, _AGAIN), default=default) == _KEEP.word:
            return _result(evidence)
    while True:
        begun = time.monotonic()
        evidence = sweep_room(sweep_arguments(visiting, step), visit=visiting.log.id)
        visiting.console.say(*_said(evidence))
        if evidence.seal is not None:
            visiting.console.say(f"Seal: {evidence.seal}")
        seconds = round(time.monotonic() - begun, 1)
        if _is_whole(evidence.path):
            return _result(evidence, seconds=seconds)
        visiting.console.say("It was stopped before all passes were made.")
        if visiting.console.choose(f"{step.id}.stopped", (_KEEP, _AGAIN), default=_KEEP.word) == _KEEP.word:
            return _result(evidence)


def sweep_arguments(visiting: Visiting, step: Step) -> Namespace:
    """Write what a technician would type for a sweep of this step."""
    log = visiting.log
    words = ["--workspace", str(visiting.workspace.root), "sweep", visiting.room, "--operator", log.operator]
    words += ["--position", str(step.position), "--passes", str(log.planned.passes or DEFAULT_PASSES)]
    words += [word for text in log.planned.source for word in ("--source", text)]
    words += [word for text in log.planned.ranges for word in ("--range", text)]
    if log.planned.camp_s is not None:
        words += ["--camp", f"{log.planned.camp_s:f}s"]
    if visiting.time_server is not None:
        words += ["--time-server", visiting.time_server]
    arguments: Namespace = build_parser().parse_args(words)
    return arguments


def _recover_left(visiting: Visiting, step: Step) -> None:
    """Make records of journals that a kill or a power cut left of this step."""
    for path in sorted(visiting.workspace.sweeps.glob(f"{visiting.room}-*.journal")):
        try:
            with JournalReader(path) as journal:
                start = journal.start
            if (start.get("visit"), start.get("position")) != (visiting.log.id, step.position):
                continue
            words = ["--workspace", str(visiting.workspace.root), "recover", str(path)]
            recover_record(build_parser().parse_args(words))
        except QuietroomError as error:
            visiting.console.say(f"An interrupted sweep is left: {error}")


def _left(visiting: Visiting, step: Step) -> Iterator[tuple[Evidence, bool]]:
    """Records of this step that the log does not know, and whether all passes are in them; the latest first."""
    known = {outcome.details.get("record") for outcome in visiting.log.history}
    for path in sorted(visiting.workspace.sweeps.glob(f"{visiting.room}-*.h5"), reverse=True):
        if path.name in known or not _is_of(path, visiting, step):
            continue
        yield read_evidence(path), _is_whole(path)


def _is_whole(path: Path) -> bool:
    """Whether all passes are in a record, and none was stopped in the middle."""
    with SweepRecord.open(path) as record:
        stopped = any(gap.reason.startswith(_STOPPED) for gap in record.gaps)
        return not (record.recovered or stopped) and record.n_rows >= (record.start.get("passes_planned") or 0)


def _is_of(path: Path, visiting: Visiting, step: Step) -> bool:
    try:
        with SweepRecord.open(path) as record:
            return (record.start.get("visit"), record.start.get("position")) == (visiting.log.id, step.position)
    except QuietroomError:
        return False


def _said(evidence: Evidence) -> list[str]:
    return [verdict_line(evidence.document), f"Record: {evidence.path}"]


def _result(evidence: Evidence, *, seconds: float | None = None) -> Result:
    document = evidence.document
    verdict = str(document["verdict"])
    text = f"{short_verdict(document)}; {count(len(document['findings']), 'finding')}"
    took = {} if seconds is None else {"seconds": seconds}
    return Result(text=text, details={"record": evidence.path.name, "verdict": verdict, **took})
