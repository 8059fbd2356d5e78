"""``verify``: one line a claim."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

from baselines.disposition import decision_log
from dsp.errors import ParameterError, QuietroomError
from sweep.cli.printing import Printer, shown, wrapped
from sweep.cli.sealing import baseline_file
from sweep.seal.allowed_signers import read_allowed_signers
from sweep.seal.claims import Claim, Result
from sweep.seal.register import Register
from sweep.seal.time_token import read_authorities
from sweep.seal.verification import NOT_EXCLUDED, Verification, VerifyRequest
from sweep.seal.verification import verify as verify_record
from sweep.workspace import Workspace

__all__ = ["CANNOT_VERIFY", "claim_lines", "verify", "with_own_codes"]

CANNOT_VERIFY = 4
"""Exit code where nothing was verified, since 2 means something else here."""

_RESULTS = {
    Result.PROVEN: "the record is as it was sealed, and who sealed it and when is proven",
    Result.ALTERED: "ALTERED: this is not what was sealed, do not rely on it",
    Result.INCOMPLETE: "incomplete or recovered; nothing was found altered",
    Result.UNPROVEN: "nothing was found altered, but who sealed it, or when, is not proven",
}


def with_own_codes(command: Callable[[Namespace], int]) -> Callable[[Namespace], int]:
    """Let a command whose exit codes are verdicts end with another code where it could give none."""

    @wraps(command)
    def answer(arguments: Namespace) -> int:
        try:
            return command(arguments)
        except BrokenPipeError:  # whoever read our output went away: the command line sees to that
            raise
        except (QuietroomError, OSError, MemoryError) as error:
            print(f"quietroom: {shown(' '.join(str(error).split())) or 'not enough memory'}", file=sys.stderr)
            return CANNOT_VERIFY

    return answer


@with_own_codes
def verify(arguments: Namespace) -> int:
    """Verify a record, and say in a line each what holds, what fails and what was not checked."""
    printer = Printer(arguments.json)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    done = verify_record(_request(arguments, path))
    if done.seal is not None and done.seal.told.marking:
        printer.line(f"{done.seal.told.marking}: this record holds simulated samples")
    printer.lines(claim_lines(done.claims))
    printer.lines(wrapped(f"Result: {_RESULTS[done.result]}"))
    printer.lines(wrapped(f"No seal can exclude: {'; '.join(NOT_EXCLUDED)}"))
    printer.document(_document(path, done))
    return int(done.result)


def claim_lines(claims: Iterable[Claim]) -> list[str]:
    """One line a claim: state, name, what was found.

    Examples
    --------
    >>> from sweep.seal.claims import passed
    >>> claim_lines([passed("rows", "5 rows have the hashes that were sealed")])
    ['PASS         rows          5 rows have the hashes that were sealed']
    """
    return [shown(f"{claim.state.value:<11}  {claim.name:<12}  {claim.text}") for claim in claims]


def _request(arguments: Namespace, path: Path) -> VerifyRequest:
    home = Workspace.of(path)
    signers, register, authorities = arguments.allowed_signers, arguments.register, arguments.time_ca
    for named in (register, arguments.journal, arguments.report):
        if named is not None and not named.is_file():
            raise ParameterError(f"{named}: no such file; check the name")
    return VerifyRequest(
        record_path=path,
        decisions=decision_log(path),
        allowed_signers=None if signers is None else read_allowed_signers(signers),
        register=None if register is None else Register(register),
        authorities=None if authorities is None else read_authorities(authorities),
        journal_path=arguments.journal,
        report_path=arguments.report or _report(home, path),
        workspace=home,
        baseline_file=lambda name, room: None if home is None else baseline_file(home, name, room),
    )


def _report(home: Workspace | None, path: Path) -> Path | None:
    """The report of a record in its workspace, where one was written there."""
    written = None if home is None else home.reports / f"{path.stem}.pdf"
    return written if written is not None and written.is_file() else None


def _document(path: Path, done: Verification) -> dict[str, Any]:
    seal = done.seal
    return {
        "schema": "quietroom.verification/1",
        "record": str(path),
        "result": done.result.name.lower(),
        "exit_code": int(done.result),
        "seal": None if seal is None else seal.digest,
        "seal_counter": None if seal is None else seal.told.seal_counter,
        "marking": None if seal is None else seal.told.marking,
        "claims": [
            {"claim": claim.name, "state": claim.state.value, "text": claim.text, "rows": list(claim.rows)}
            for claim in done.claims
        ],
        "not_excluded": list(NOT_EXCLUDED),
    }
