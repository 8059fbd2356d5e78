"""Sealing a record: once, when it is closed or later. The record itself is only read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.errors import RecordError
from sweep import __version__
from sweep.chain import NO_HASH, ChainedLog
from sweep.journal.files import sync_folder
from sweep.record import SweepRecord
from sweep.seal.clock import clock_source
from sweep.seal.contents import Contents, contents_of
from sweep.seal.files import (
    MAX_SEAL_BYTES,
    covered_files,
    read_bounded,
    seal_path,
    sha256_file,
    signature_path,
    write_new,
)
from sweep.seal.ledger import LedgerEntry, Place, SealLedger
from sweep.seal.signers import Signer
from sweep.seal.statement import EXERCISE, Head, Seal, SealedBaseline, read_seal, write_seal
from sweep.units import iso_utc

__all__ = ["SealRequest", "head_of", "load_seal", "seal_record"]

_PART = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRequest:
    """What a seal takes from others.

    Attributes
    ----------
    signer : Signer
    ledger : SealLedger
        Of the workspace.
    baseline_file : callable
        From the id of a baseline and the room to the file of it, or None.
    decisions : Head
        How far the log of decisions about the record has come.
    """

    signer: Signer
    ledger: SealLedger
    baseline_file: Callable[[str, str], Path | None]
    decisions: Head


def head_of(log: ChainedLog) -> Head:
    """How far a log has come.

    Raises
    ------
    RecordError
        It is damaged.
    """
    entries = log.read()
    return Head(count=len(entries), head=entries[-1]["hash"] if entries else NO_HASH)


def load_seal(record_path: Path) -> Seal:
    """Read the seal of a record.

    Raises
    ------
    RecordError
        There is none, or it cannot be read.
    """
    path = seal_path(record_path)
    try:
        return read_seal(read_bounded(path, MAX_SEAL_BYTES))
    except RecordError as error:
        raise error if str(path) in str(error) else RecordError(f"{path}: {error}") from error


def seal_record(record_path: Path, request: SealRequest, *, checked: bool = False) -> Seal:
    """Seal a record, and give it its number in the workspace.

    Parameters
    ----------
    record_path : Path
    request : SealRequest
    checked : bool
        Every row is known to have its hash, as it is right after packing; else all are hashed first.

    Returns
    -------
    Seal
        Written beside the record, with its signature.

    Raises
    ------
    RecordError
        The record is sealed already or damaged, the key does not sign, or the disk refuses.
    """
    _finish(record_path, request.ledger)
    if seal_path(record_path).exists():
        number = load_seal(record_path).told.seal_counter
        raise RecordError(f"{record_path}: is sealed already, as number {number}; a seal is never made anew")
    subject = {record_path.name: sha256_file(record_path)}
    folder = record_path.parent
    subject |= {file.relative_to(folder).as_posix(): sha256_file(file) for file in covered_files(record_path)}
    with SweepRecord.open(record_path) as record:
        if not checked:
            _require_intact(record)
        fixed = _predicate(record, contents_of(record), request)

    def compose(place: Place, before: Sequence[LedgerEntry]) -> Mapping[str, str]:
        if seal_path(record_path).exists() or _waiting(record_path, before):
            raise RecordError(f"{record_path}: another command seals it at this moment; look again")
        told = fixed | {
            "seal_chain": place.chain,
            "seal_counter": place.counter,
            "prev_seal": place.previous_seal,
            "sealed_at": iso_utc(time.time_ns()),
        }
        text = write_seal(subject, told)
        write_new(_part(signature_path(record_path)), request.signer.sign(text))
        write_new(_part(seal_path(record_path)), text)
        fingerprint = request.signer.key.fingerprint
        return {"record": record_path.name, "seal": read_seal(text).digest, "fingerprint": fingerprint}

    request.ledger.add(compose)
    _finish(record_path, request.ledger)
    return load_seal(record_path)


def _predicate(record: SweepRecord, contents: Contents, request: SealRequest) -> dict[str, Any]:
    start, judged = record.start, record.judgement.document
    instrument = start.get("instrument") or {}
    receivers = instrument.get("receivers") or [instrument]
    return {
        "record_id": str(start.get("record_id") or record.path.stem),
        "schema": record.schema,
        "software": f"quietroom {__version__}",
        "root": contents.root.hex(),
        "leaf_count": len(contents.leaves),
        "n_rows": contents.n_rows,
        "n_stays": contents.n_stays,
        "leaves": [leaf.hex() for leaf in contents.leaves],
        "parts": contents.parts,
        "gaps": contents.gaps,
        "recovered": record.recovered,
        "dongle_serials": [str(receiver["serial"]) for receiver in receivers if receiver.get("serial")],
        "baseline": _baseline(judged.get("baseline"), start.get("room"), request.baseline_file),
        "clock": clock_source(),
        "signer": {"identity": request.signer.identity, "fingerprint": request.signer.key.fingerprint},
        "decisions": {"count": request.decisions.count, "head": request.decisions.head},
        "marking": EXERCISE if any(part.get("synthetic") for part in (start, instrument, *receivers)) else None,
    }


def _baseline(
    name: str | None, room: str | None, file_of: Callable[[str, str], Path | None]
) -> dict[str, str | None] | None:
    if name is None:
        return None
    path = file_of(name, room) if room else None
    known = SealedBaseline(id=name, sha256=sha256_file(path) if path is not None else None)
    return {"id": known.id, "sha256": known.sha256}


def _require_intact(record: SweepRecord) -> None:
    altered = [f"row {number}" for number, intact in record.verify_rows() if not intact]
    altered += [f"stay {number}" for number, intact in record.verify_stays() if not intact]
    altered += [f"second look {number}" for number, intact in record.verify_looks() if not intact]
    if altered:
        raise RecordError(
            f"{record.path}: {altered[0]} does not match its hash, so it is not sealed; "
            f"see all that is wrong: quietroom verify {record.path}"
        )


def _part(path: Path) -> Path:
    return path.with_name(path.name + _PART)


def _waiting(record_path: Path, entries: Sequence[LedgerEntry]) -> bool:
    """Whether the seal has its number already, but not its name: a crash, or another process, in between."""
    part = _part(seal_path(record_path))
    if not part.exists():
        return False
    try:
        seal = read_seal(read_bounded(part, MAX_SEAL_BYTES))
    except RecordError:
        return False
    return any(entry.seal == seal.digest for entry in entries)


def _finish(record_path: Path, ledger: SealLedger) -> None:
    """Give the files of a numbered seal their names: last of all that sealing does, and what a crash left to do."""
    if not _waiting(record_path, ledger.entries()):
        return
    for path in (signature_path(record_path), seal_path(record_path)):
        with suppress(FileNotFoundError):  # another command did it first
            _part(path).rename(path)
        sync_folder(record_path.parent)  # after a power cut no seal may be there without its signature
