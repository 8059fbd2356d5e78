"""The log of a visit, signed at its "seal" step: a chain alone shows no change to somebody who gives it new hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import rfc8785

from dsp.errors import ParameterError, RecordError
from sweep.guided.log import VisitLog, find_visit
from sweep.record import SweepRecord
from sweep.seal.allowed_signers import AllowedSigner
from sweep.seal.claims import Claim, Result, failed, passed, unchecked
from sweep.seal.signers import Signer
from sweep.seal.sshsig import NAMESPACE, SshSignature, read_signature
from sweep.seal.statement import Seal
from sweep.workspace import Workspace

__all__ = ["SIGNED", "check_visit", "sign_visit"]

SIGNED = "signed"
"""What of the details of a step holds the signature."""

_VISIT = "visit"
_KIND = "urn:quietroom:visit:1"


class _Signed(msgspec.Struct, frozen=True):
    count: int
    head: str
    signature: str


def sign_visit(log: VisitLog, signer: Signer) -> Mapping[str, Any]:
    """Sign all lines that the log has so far.

    Returns
    -------
    mapping
        Details for the next line: number of lines, hash of the last, SSH signature over both and the visit's name.
    """
    count, head = len(log.heads), log.heads[-1]
    signature = signer.sign(_statement(log.id, count, head)).decode("ascii")
    return {SIGNED: {"count": count, "head": head, "signature": signature}}


def check_visit(
    record: SweepRecord, seal: Seal | None, workspace: Workspace | None, allowed: list[AllowedSigner] | None
) -> Claim:
    """Check the log of the visit that a record is of, where it lies in the same workspace.

    Raises
    ------
    RecordError
        The log is damaged.
    """
    visit, room = record.start.get("visit"), record.start.get("room")
    if visit is None:
        return passed(_VISIT, "the record is of no guided visit")
    log = _find(workspace, room, visit)
    if log is None:
        return unchecked(_VISIT, f"the log of visit {visit} is not here")
    keys = [line.key.fingerprint for line in allowed or () if line.may_sign(NAMESPACE)]
    return _of_log(log, keys if seal is None else [seal.told.signer.fingerprint, *keys])


def _of_log(log: VisitLog, known: Sequence[str]) -> Claim:
    n_lines = len(log.heads)
    signed = next((one.details[SIGNED] for one in reversed(log.history) if SIGNED in one.details), None)
    if signed is None:
        said = f"{n_lines} lines in an unbroken chain, but not signed: that happens at its step 'seal', with a key"
        return unchecked(_VISIT, said)
    told, signature = _read(log, signed)
    if not signature.covers(_statement(log.id, told.count, told.head)):
        return failed(_VISIT, "the signature at its step 'seal' is not over this visit: the log was altered")
    if not 0 < told.count <= n_lines or log.heads[told.count - 1] != told.head:
        return failed(_VISIT, f"the first {told.count} lines are not those that were signed: the log was altered")
    fingerprint = signature.key.fingerprint
    if fingerprint not in known:
        return failed(
            _VISIT, f"signed by {fingerprint}, neither the key of the seal nor an allowed one", Result.UNPROVEN
        )
    after = n_lines - told.count - 1  # the line of the signature itself is vouched for by it
    more = f"; {after} later in the chain, not signed" if after else ""
    return passed(_VISIT, f"{told.count} lines as signed by {fingerprint}{more}")


def _find(workspace: Workspace | None, room: object, visit: object) -> VisitLog | None:
    if workspace is None or not isinstance(room, str):
        return None
    try:
        return find_visit(workspace.room(room), visit)
    except ParameterError:  # a room of another program, which has no visits here
        return None


def _read(log: VisitLog, signed: object) -> tuple[_Signed, SshSignature]:
    try:
        told = msgspec.convert(signed, _Signed)
        return told, read_signature(told.signature.encode())
    except (msgspec.ValidationError, RecordError) as error:
        raise RecordError(f"{log.path.name}: its signature cannot be read ({error})") from error


def _statement(visit: str, count: int, head: str) -> bytes:
    return rfc8785.dumps({"_type": _KIND, "visit": visit, "count": count, "head": head})
