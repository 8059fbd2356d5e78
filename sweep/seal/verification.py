"""Verification of a record: one claim a question, each answered apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.x509 import Certificate

from dsp.errors import RecordError
from sweep.chain import ChainedLog
from sweep.guided.signed import check_visit
from sweep.record import SweepRecord
from sweep.seal.allowed_signers import AllowedSigner
from sweep.seal.baseline_check import BaselineFile, check_baseline
from sweep.seal.claims import Claim, Result, failed, result_of
from sweep.seal.companions_check import check_decisions, check_journal, check_samples, check_snippets
from sweep.seal.contents_check import check_complete, check_file, check_gaps
from sweep.seal.files import seal_path
from sweep.seal.ledger import SealLedger
from sweep.seal.origin_check import check_origin
from sweep.seal.place_check import check_counter, check_register
from sweep.seal.register import Register
from sweep.seal.report_check import check_report
from sweep.seal.rows_check import check_root, check_rows
from sweep.seal.sealing import load_seal
from sweep.seal.statement import Seal
from sweep.workspace import Workspace

__all__ = ["NOT_EXCLUDED", "Verification", "VerifyRequest", "verify"]

NOT_EXCLUDED = (
    "signals fed to the receiver on purpose, or kept from it",
    "a clock set wrong before a time token was made",
    "a sweep that was never started, or deleted before it was sealed",
    "a thief of the key who seals an altered record anew: that only a register finds",
)
"""What no seal can exclude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """A record, and what the verifier brings to judge it by; None where he brings nothing.

    Attributes
    ----------
    record_path : Path
    decisions : ChainedLog
        The log of decisions about the record.
    allowed_signers : list of AllowedSigner or None
    register : Register or None
    authorities : list of Certificate or None
        Of time servers.
    journal_path, report_path : Path or None
    workspace : Workspace or None
        In which the record lies: with a list of its seals, its baselines and its visits.
    baseline_file : callable
        From the id of a baseline and the name of its room to the file, where it is there.
    """

    record_path: Path
    decisions: ChainedLog
    allowed_signers: list[AllowedSigner] | None = None
    register: Register | None = None
    authorities: list[Certificate] | None = None
    journal_path: Path | None = None
    report_path: Path | None = None
    workspace: Workspace | None = None
    baseline_file: BaselineFile = field(default=lambda name, room: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came of it.

    Attributes
    ----------
    claims : tuple of Claim
    seal : Seal or None
        None where there is none that can be read.
    """

    claims: tuple[Claim, ...]
    seal: Seal | None

    @property
    def result(self) -> Result:
        """What the claims come to."""
        return result_of(self.claims)


def verify(request: VerifyRequest) -> Verification:
    """Check all that can be checked. Damage makes claims fail; it raises nothing."""
    seal, trouble = _seal(request.record_path)
    claims = [] if trouble is None else [failed("seal", trouble)]
    claims += _of_record(request, seal)
    ledger = None if request.workspace is None else SealLedger(request.workspace.root)
    claims += check_origin(request.record_path, seal, request.allowed_signers, request.authorities)
    claims += [
        _answer("register", lambda: check_register(request.record_path, seal, request.register)),
        _answer("counter", lambda: check_counter(request.record_path, seal, ledger)),
        _answer("samples", lambda: check_samples(request.record_path, seal)),
        _answer("decisions", lambda: check_decisions(request.decisions, seal, request.register)),
    ]
    return Verification(claims=tuple(claims), seal=seal)


def _seal(record_path: Path) -> tuple[Seal | None, str | None]:
    if not seal_path(record_path).exists():
        return None, None
    try:
        return load_seal(record_path), None
    except RecordError as error:
        return None, str(error)


def _of_record(request: VerifyRequest, seal: Seal | None) -> Iterator[Claim]:
    """What is asked of the record itself; a record that cannot be opened fails at its rows."""
    path = request.record_path
    try:
        record = SweepRecord.open(path)
    except RecordError as error:
        yield failed("rows", str(error))
        yield _answer("file", lambda: check_file(path, None, seal))
        return
    with record:
        yield _answer("rows", lambda: check_rows(record, seal))
        yield _answer("root", lambda: check_root(record, seal))
        yield _answer("file", lambda: check_file(path, record, seal))
        yield _answer("gaps", lambda: check_gaps(record, seal))
        yield _answer("complete", lambda: check_complete(record))
        yield _answer("journal", lambda: check_journal(record, request.journal_path))
        yield _answer("snippets", lambda: check_snippets(record))
        yield _answer("baseline", lambda: check_baseline(record, seal, request.baseline_file))
        yield _answer("report", lambda: check_report(record, seal, request.report_path))
        yield _answer("visit", lambda: check_visit(record, seal, request.workspace, request.allowed_signers))


def _answer(name: str, question: Callable[[], Claim]) -> Claim:
    """Ask, and take damage for an answer."""
    try:
        return question()
    except RecordError as error:
        return failed(name, str(error))
