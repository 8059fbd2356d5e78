"""Is the seal the one that was registered, and does its number stand in an unbroken list?"""

from __future__ import annotations

from pathlib import Path

from sweep.seal.claims import Claim, Result, failed, passed, unchecked, unfinished
from sweep.seal.files import seal_path
from sweep.seal.ledger import LedgerEntry, SealLedger
from sweep.seal.register import Register, Registered
from sweep.seal.statement import Seal

__all__ = ["check_counter", "check_register"]

_MOST_NAMED = 3


def check_register(record_path: Path, seal: Seal | None, register: Register | None) -> Claim:
    """Hold the digest of the seal against the one that somebody else keeps."""
    if register is None:
        return unchecked("register", "needs --register")
    entries = register.entries()
    if seal is None:
        known = [entry for entry in entries if entry.record == record_path.name]
        if known:
            said = f"it has seal number {known[0].counter} of this record: the seal was {_lost(record_path)}"
            return failed("register", said)
        return unchecked("register", "the record is not sealed")
    same = [entry for entry in entries if entry.seal == seal.digest]
    torn = unfinished(register.unfinished_bytes)
    if same:
        where = f"{seal.digest[:16]}... as number {seal.told.seal_counter}, since {same[0].time[:19]}Z"
        return passed("register", f"{where}; the register ends with {register.head[:16]}...{torn}")
    other = _other(seal, entries)
    if other is not None:
        return failed(
            "register",
            f"it has another seal, {other.seal[:16]}..., as number {other.counter} of {other.record}; this one is "
            f"{seal.digest[:16]}...: the record was sealed anew. That its signature is valid does not speak against "
            "it: whoever has the key, or stole it, can make one, and only the register shows it",
        )
    return failed("register", f"it does not have this seal, {seal.digest[:16]}...{torn}", Result.UNPROVEN)


def _other(seal: Seal, entries: list[Registered]) -> Registered | None:
    """Another seal in the same place, or of the same record."""
    return next((entry for entry in entries if entry.is_like(seal) or entry.record == seal.record), None)


def check_counter(record_path: Path, seal: Seal | None, ledger: SealLedger | None) -> Claim:
    """Look for the seal in the list of its workspace, and for all others of the list beside it."""
    if ledger is None or not (seal is None or ledger.path.exists()):
        number = "" if seal is None else f"number {seal.told.seal_counter}; "
        return unchecked("counter", f"{number}the list of seals of its workspace is not here")
    entries = ledger.entries()
    mine = [entry for entry in entries if entry.record == record_path.name]
    if seal is None:
        if mine:
            said = (
                f"the list has seal number {mine[-1].place.counter} of this record: the seal was {_lost(record_path)}"
            )
            return failed("counter", said)
        return unchecked("counter", "the record is not sealed")
    wrong = _wrong_place(seal, entries, mine)
    if wrong is not None:
        return failed("counter", wrong)
    gone = [entry for entry in entries if not _is_here(record_path.parent, entry)]
    if gone:
        named = ", ".join(f"{entry.place.counter} of {entry.record}" for entry in gone[:_MOST_NAMED])
        more = f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
        said = f"number {seal.told.seal_counter}; not here is what was sealed as number {named}{more}"
        return failed("counter", f"{said}: deleted or moved away", Result.INCOMPLETE)
    torn = unfinished(ledger.unfinished_bytes)
    return passed("counter", f"number {seal.told.seal_counter} of {len(entries)}, and all of them are here{torn}")


def _lost(record_path: Path) -> str:
    return "damaged" if seal_path(record_path).exists() else "taken away"


def _wrong_place(seal: Seal, entries: list[LedgerEntry], mine: list[LedgerEntry]) -> str | None:
    told = seal.told
    if not entries or told.seal_chain != entries[0].place.chain:
        return "the list here is of another workspace"
    if told.seal_counter > len(entries):
        said = f"number {told.seal_counter}, and the list of seals ends with {len(entries)}"
        return f"{said}: its end was cut, or an old one put back"
    entry = entries[told.seal_counter - 1]
    if entry.seal != seal.digest or told.prev_seal != entry.place.previous_seal:
        return (
            f"the list has another seal as number {told.seal_counter}, {entry.seal[:16]}... of {entry.record} by "
            f"{entry.fingerprint}: this one was made later, or the list was replaced"
        )
    if mine and mine[-1].place.counter != told.seal_counter:
        last = mine[-1].place.counter
        return f"an old seal was put back: it is number {told.seal_counter}, and the last of this record is {last}"
    return None


def _is_here(folder: Path, entry: LedgerEntry) -> bool:
    path = folder / entry.record
    return path.parent == folder and path.exists() and seal_path(path).exists()
