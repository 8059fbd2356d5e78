"""The register: digests of seals, kept by somebody who does not hold the sealing key.

It is what finds a seal that was made anew with a stolen key: such a seal has a valid signature, and only the digest of
the first one, kept elsewhere, says that there was another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dsp.errors import ParameterError, RecordError
from sweep.chain import NO_HASH, ChainedLog
from sweep.seal.statement import Head, Seal

__all__ = ["Register", "Registered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A line of the register.

    Attributes
    ----------
    record : str
        Name of the record.
    chain : str
        That of the workspace in which it was sealed.
    counter : int
        Number of the seal in its chain.
    seal, previous_seal : str
        Digests of this seal and of the one before it in its chain.
    decisions : Head
        How far the log of decisions had come when this line was written.
    time : str
        When it was written.
    """

    record: str
    chain: str
    counter: int
    seal: str
    previous_seal: str
    decisions: Head
    time: str

    def is_like(self, seal: Seal) -> bool:
        """Whether a seal has the same place in the same chain."""
        return (self.chain, self.counter) == (seal.told.seal_chain, seal.told.seal_counter)


@dataclass(frozen=True, slots=True)
class Register:
    """A register in a file.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def head(self) -> str:
        """Hash of the last line: noted elsewhere, it shows whether lines were cut from the end.

        Raises
        ------
        RecordError
            The register is damaged.
        """
        entries = self._log.read()
        return str(entries[-1]["hash"]) if entries else NO_HASH

    def has_head(self, head: str) -> bool:
        """Whether the register ends with, or went on from, a line with this hash."""
        return head == NO_HASH or any(entry["hash"] == head for entry in self._log.read())

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of an unfinished last line, which is passed over."""
        return self._log.unfinished_bytes

    def entries(self) -> list[Registered]:
        """All lines, oldest first.

        Raises
        ------
        RecordError
            There is no such file, or a line was changed, put in or taken out.
        """
        if not self.path.is_file():
            raise RecordError(f"{self.path}: is no register; make one with: quietroom register add {self.path} RECORD")
        return [_registered(entry) for entry in self._log.read()]

    def add(self, seal: Seal, decisions: Head) -> Registered | None:
        """Append a seal, or that decisions were added since; None where the register says all of it already.

        Raises
        ------
        ParameterError
            The register has another seal in the same place, or one that this seal does not go on from: nothing in a
            register is changed.
        RecordError
            The register is damaged, or cannot be written.
        """

        def body(log: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
            entries = [_registered(entry) for entry in log]
            self._refuse(seal, entries)
            same = [entry for entry in entries if entry.seal == seal.digest]
            if same and same[-1].decisions.count >= decisions.count:
                return None
            return {
                "record": seal.record,
                "chain": seal.told.seal_chain,
                "counter": seal.told.seal_counter,
                "seal": seal.digest,
                "previous_seal": seal.told.prev_seal,
                "decisions": decisions.count,
                "decisions_head": decisions.head,
            }

        entry = self._log.append(body)
        return None if entry is None else _registered(entry)

    def _refuse(self, seal: Seal, entries: Sequence[Registered]) -> None:
        others = [entry for entry in entries if entry.chain == seal.told.seal_chain and entry.seal != seal.digest]
        for why_not in (_same_place, _same_record, _beside):
            for entry in others:
                why = why_not(entry, seal)
                if why is not None:
                    known = f"has seal {entry.seal[:16]}... of {entry.record} as number {entry.counter}"
                    raise ParameterError(f"{self.path}: {known}, {why}; nothing was added, find out who did it")

    @property
    def _log(self) -> ChainedLog:
        return ChainedLog(
            path=self.path,
            fields=frozenset({"record", "chain", "counter", "seal", "previous_seal", "decisions", "decisions_head"}),
            about=("log", "register of seals"),
            noun="register",
        )


def _same_place(entry: Registered, seal: Seal) -> str | None:
    if not entry.is_like(seal):
        return None
    this = f"and this is another one, {seal.digest[:16]}... of {seal.record}"
    return f"{this}: a record was sealed anew, or an old list of seals was put back"


def _same_record(entry: Registered, seal: Seal) -> str | None:
    if entry.record != seal.record:
        return None
    return f"and this is a second one of the same record, number {seal.told.seal_counter}: it was sealed anew"


def _beside(entry: Registered, seal: Seal) -> str | None:
    told = seal.told
    follows = entry.counter == told.seal_counter - 1 and told.prev_seal != entry.seal
    precedes = entry.counter == told.seal_counter + 1 and entry.previous_seal != seal.digest
    if not (follows or precedes):
        return None
    return (
        f"and seal number {told.seal_counter} of {seal.record} does not belong beside it: one of the two was made anew"
    )


def _registered(entry: dict[str, Any]) -> Registered:
    decisions = {"count": entry["decisions"], "head": entry["decisions_head"]}
    try:
        return msgspec.convert(entry | {"decisions": decisions}, Registered)
    except msgspec.ValidationError as error:
        raise RecordError(f"the register holds a line that none wrote ({error}); restore it from a copy") from error
