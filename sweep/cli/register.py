"""``register``: digests of seals, kept by somebody who does not hold the key."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

import msgspec

from baselines.disposition import decision_log
from dsp.errors import RecordError
from sweep.cli.printing import Printer, short_time, table
from sweep.cli.verify import claim_lines, with_own_codes
from sweep.seal.claims import result_of
from sweep.seal.files import seal_path
from sweep.seal.register import Register
from sweep.seal.register_check import check_whole_register
from sweep.seal.sealing import head_of, load_seal
from sweep.workspace import Workspace

__all__ = ["add", "check", "list_entries"]


def add(arguments: Namespace) -> int:
    """Add the seals of records."""
    printer = Printer(arguments.json)
    register = Register(arguments.register)
    paths = [Workspace(arguments.workspace).find_record(name) for name in arguments.records]
    for path in paths:
        if not seal_path(path).exists():
            raise RecordError(f"{path}: is not sealed; seal it first: quietroom seal {path}")
    added = []
    for path in sorted(paths, key=lambda path: load_seal(path).told.seal_counter):
        seal = load_seal(path)
        entry = register.add(seal, head_of(decision_log(path)))
        was = "was there already" if entry is None else "added"
        printer.line(f"{path.name}: number {seal.told.seal_counter}, {seal.digest[:16]}..., {was}")
        added += [] if entry is None else [entry]
    printer.line(f"Head: {register.head} (note it elsewhere; with it, a cut of the register's end is found)")
    printer.document({"added": [msgspec.to_builtins(asdict(entry)) for entry in added], "head": register.head})
    return 0


@with_own_codes
def check(arguments: Namespace) -> int:
    """Check a register, and hold records against it."""
    printer = Printer(arguments.json)
    records, folder = _records(arguments)
    claims = list(check_whole_register(Register(arguments.register), records, folder=folder, head=arguments.head))
    result = result_of(claims)
    printer.lines(claim_lines(claims))
    printer.document(
        {
            "exit_code": int(result),
            "claims": [{"claim": claim.name, "state": claim.state.value, "text": claim.text} for claim in claims],
        }
    )
    return int(result)


def list_entries(arguments: Namespace) -> int:
    """List what a register holds."""
    printer = Printer(arguments.json)
    register = Register(arguments.register)
    entries = register.entries()
    rows = [
        (
            str(entry.counter),
            entry.chain[:8],
            short_time(entry.time),
            entry.seal[:16],
            str(entry.decisions.count),
            entry.record,
        )
        for entry in entries
    ]
    printer.lines(table(("number", "chain", "registered", "seal", "decisions", "record"), rows))
    printer.line(f"Head: {register.head}")
    printer.document({"entries": [msgspec.to_builtins(asdict(entry)) for entry in entries], "head": register.head})
    return 0


def _records(arguments: Namespace) -> tuple[list[Path], Path | None]:
    """The records that are named; without any, all of the workspace, where there is one."""
    workspace = Workspace(arguments.workspace)
    if arguments.records:
        return [workspace.find_record(name) for name in arguments.records], None
    if not workspace.sweeps.is_dir():
        return [], None
    return sorted(path for path in workspace.sweeps.glob("*.h5")), workspace.sweeps
