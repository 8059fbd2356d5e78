"""Does a register hold together, and do sealed records agree with it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dsp.errors import RecordError
from sweep.seal.claims import Claim, failed, passed
from sweep.seal.files import seal_path
from sweep.seal.place_check import check_register
from sweep.seal.register import Register, Registered
from sweep.seal.row_damage import counted, numbered
from sweep.seal.sealing import load_seal

__all__ = ["check_whole_register"]


def check_whole_register(
    register: Register, records: Sequence[Path], *, folder: Path | None, head: str | None
) -> Iterator[Claim]:
    """Check a register, and hold records against it.

    Parameters
    ----------
    register : Register
    records : sequence of Path
    folder : Path or None
        Where every registered record of the same workspace should be.
    head : str or None
        Hash with which the register ended when somebody noted it.

    Raises
    ------
    RecordError
        There is no register.
    """
    try:
        entries = register.entries()
    except RecordError as error:
        if not register.path.is_file():
            raise
        yield failed("register", str(error))
        return
    yield passed("register", f"{counted(len(entries), 'line')} in an unbroken chain, ending with {register.head}")
    if head is not None:
        yield _head(register, head)
    yield from _counters(entries)
    chains = set()
    for record in records:
        with suppress(RecordError):  # its claim says so
            chains.add(load_seal(record).told.seal_chain)
        yield _record(register, record)
    if folder is not None:
        yield from _deleted(entries, chains, folder)


def _head(register: Register, head: str) -> Claim:
    if register.has_head(head.lower()):
        return passed("head", "the register goes on from the head that was noted")
    return failed("head", "no line has the head that was noted: lines were cut from the end, or all were made anew")


def _counters(entries: Sequence[Registered]) -> Iterator[Claim]:
    """A number that is missing between others is a sweep that was sealed and never shown."""
    for chain in dict.fromkeys(entry.chain for entry in entries):
        numbers = {entry.counter for entry in entries if entry.chain == chain}
        missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
        whose = f"workspace {chain[:8]}..."
        if missing:
            said = f"{whose}: {numbered('seal', missing)} of {max(numbers)} not here"
            yield failed("counters", f"{said}: never added, or a sweep was deleted")
        else:
            yield passed("counters", f"{whose}: {counted(len(numbers), 'seal')}, no number is missing")


def _record(register: Register, record: Path) -> Claim:
    try:
        seal = load_seal(record) if seal_path(record).exists() else None
    except RecordError as error:
        return failed(record.name, str(error))
    claim = check_register(record, seal, register)
    return Claim(name=record.name, state=claim.state, text=claim.text, result=claim.result)


def _deleted(entries: Sequence[Registered], chains: set[str], folder: Path) -> Iterator[Claim]:
    mine = {entry.record: entry.counter for entry in entries if entry.chain in chains}
    here = {path.name for path in folder.iterdir()}
    gone = sorted((counter, name) for name, counter in mine.items() if name not in here)
    if gone:
        named = ", ".join(f"{counter} ({name})" for counter, name in gone)
        yield failed("deleted", f"registered, and not in {folder}: {named}")
    elif mine:
        yield passed("deleted", f"all {counted(len(mine), 'registered record')} of this workspace are in {folder}")
