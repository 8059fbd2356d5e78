"""``findings`` and ``mark``."""

from __future__ import annotations

from argparse import Namespace

from baselines.disposition import mark as mark_finding
from baselines.disposition import read_log
from sweep.cli.evidence import read_evidence
from sweep.cli.printing import Printer
from sweep.cli.wording import decision_lines, evidence_lines
from sweep.workspace import Workspace

__all__ = ["findings", "mark"]


def findings(arguments: Namespace) -> int:
    """List the findings of a record with what was decided about each."""
    printer = Printer(arguments.json)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    decisions = read_log(path)
    evidence = read_evidence(path, decisions=decisions)
    printer.lines(evidence_lines(evidence, {entry["finding"]: entry["as"] for entry in decisions}))
    printer.lines(decision_lines(decisions))
    printer.document(evidence.document)
    return 0


def mark(arguments: Namespace) -> int:
    """Add a decision to the log beside the record."""
    printer = Printer(arguments.json)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    entry = mark_finding(path, arguments.finding, as_=arguments.as_, reason=arguments.reason, by=arguments.by)
    printer.line(f"{arguments.finding} of {path.name} is noted as {arguments.as_} by {arguments.by}")
    printer.document(dict(entry))
    return 0
