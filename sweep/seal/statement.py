"""The seal: an in-toto Statement (v1) in canonical JSON (RFC 8785), about a record and the samples kept with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import rfc8785

from dsp.errors import RecordError
from sweep.journal.documents import one_line

__all__ = ["EXERCISE", "PREDICATE_TYPE", "STATEMENT_TYPE", "Head", "Seal", "SealedBaseline", "read_seal", "write_seal"]

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:quietroom:seal:1"
EXERCISE = "EXERCISE"
"""Stands in the seal of a record in which any sample is simulated."""

_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Digest(msgspec.Struct, frozen=True):
    sha256: _Hex


class _Subject(msgspec.Struct, frozen=True):
    name: str
    digest: _Digest


class _Signer(msgspec.Struct, frozen=True):
    identity: str
    fingerprint: str


class _Clock(msgspec.Struct, frozen=True):
    source: str
    synchronized: bool | None


class Head(msgspec.Struct, frozen=True):
    """How far a log had come: its number of entries, and the hash of the last one."""

    count: _Count
    head: _Hex


class SealedBaseline(msgspec.Struct, frozen=True):
    """The baseline that a record was judged with; the hash is of its file, None where that is not there any more."""

    id: str
    sha256: _Hex | None


class _Predicate(msgspec.Struct, frozen=True):
    record_id: str
    schema: str
    software: str
    root: _Hex
    leaf_count: _Count
    n_rows: _Count
    n_stays: _Count
    leaves: tuple[_Hex, ...]
    parts: dict[str, _Hex]
    gaps: list[dict[str, Any]]
    recovered: bool
    dongle_serials: tuple[str, ...]
    baseline: SealedBaseline | None
    seal_chain: str
    seal_counter: Annotated[int, msgspec.Meta(ge=1)]
    prev_seal: _Hex
    sealed_at: str
    clock: _Clock
    signer: _Signer
    decisions: Head
    marking: str | None


class _Statement(msgspec.Struct, frozen=True):
    kind: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    predicate_type: Literal["urn:quietroom:seal:1"] = msgspec.field(name="predicateType")
    subject: tuple[_Subject, ...]
    predicate: _Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A seal that was read.

    Attributes
    ----------
    text : bytes
        As it was signed.
    subject : dict
        Name of each file to its SHA-256; the record comes first.
    told : _Predicate
        All else that it says.
    leaves : tuple of bytes
        Of the rows, then of the stays, then of the second looks.
    """

    text: bytes
    subject: dict[str, str]
    told: _Predicate
    leaves: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the seal: what a register keeps and a report prints."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def record(self) -> str:
        """Name of the record."""
        return next(iter(self.subject))


def write_seal(subject: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """Write a seal, once it is known that it can be read again.

    Raises
    ------
    RecordError
        Something in it cannot be put in canonical JSON.
    """
    statement: dict[str, Any] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subject.items()],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }
    try:
        text = rfc8785.dumps(statement)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise RecordError(f"cannot be sealed ({one_line(error)}): a name in it is no text") from error
    read_seal(text)
    return text


def read_seal(text: bytes) -> Seal:
    """Read a seal.

    Raises
    ------
    RecordError
        It is none that this version knows, or not in canonical form. The message does not name the file.
    """
    try:
        document = json.loads(text)
        statement = msgspec.convert(document, _Statement)
        if rfc8785.dumps(document) != text:
            raise ValueError("it is not in canonical form")
    except (ValueError, RecursionError, rfc8785.CanonicalizationError, msgspec.MsgspecError) as error:
        raise RecordError(f"is no seal of a record that this version knows ({one_line(error)})") from error
    subject = {file.name: file.digest.sha256 for file in statement.subject}
    if (
        not subject
        or len(subject) != len(statement.subject)
        or len(statement.predicate.leaves) != (statement.predicate.leaf_count)
    ):
        raise RecordError("is no seal of a record: its files or leaves do not agree with their number")
    leaves = tuple(map(bytes.fromhex, statement.predicate.leaves))
    return Seal(text=text, subject=subject, told=statement.predicate, leaves=leaves)
