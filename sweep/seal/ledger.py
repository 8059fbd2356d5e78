"""The seals of a workspace, numbered and chained, so that one that was taken away leaves a gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from dsp.errors import RecordError
from sweep.chain import NO_HASH, ChainedLog

__all__ = ["LedgerEntry", "Place", "SealLedger"]

_FILE = "seals.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a seal stands: the chain of its workspace, its number in it from 1, and the seal before."""

    chain: str
    counter: int
    previous_seal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A seal that was made."""

    place: Place
    record: str
    seal: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SealLedger:
    """The list of all seals that were made in a workspace.

    Attributes
    ----------
    root : Path
        The workspace.
    """

    root: Path

    @property
    def path(self) -> Path:
        """The file of the list."""
        return self.root / _FILE

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of an unfinished last line, which is passed over."""
        return self._log.unfinished_bytes

    def entries(self) -> list[LedgerEntry]:
        """All seals, oldest first.

        Raises
        ------
        RecordError
            The list is damaged, or a line of it was changed, put in or taken out.
        """
        return self._checked(self._log.read())

    def add(self, compose: Callable[[Place, Sequence[LedgerEntry]], Mapping[str, str]]) -> LedgerEntry:
        """Give the next number to a seal; two processes never get the same one.

        Parameters
        ----------
        compose : callable
            Makes the seal for its place, knowing those before, and gives ``record``, ``seal`` (its digest) and
            ``fingerprint``. Nobody else can add meanwhile. What it raises leaves the list as it was.

        Raises
        ------
        RecordError
            The list is damaged, or the disk refuses.
        """

        def body(log: Sequence[dict[str, Any]]) -> Mapping[str, Any]:
            entries = self._checked(log)
            place = Place(
                chain=entries[0].place.chain if entries else uuid4().hex,
                counter=len(entries) + 1,
                previous_seal=entries[-1].seal if entries else NO_HASH,
            )
            return {
                **compose(place, entries),
                "chain": place.chain,
                "counter": place.counter,
                "previous_seal": place.previous_seal,
            }

        entry = self._log.append(body)
        assert entry is not None  # a body was composed
        return _entry(entry)

    @property
    def _log(self) -> ChainedLog:
        return ChainedLog(
            path=self.path,
            fields=frozenset({"chain", "counter", "previous_seal", "record", "seal", "fingerprint"}),
            about=("log", "seals"),
            noun="list of seals",
        )

    def _checked(self, log: Sequence[dict[str, Any]]) -> list[LedgerEntry]:
        entries = [_entry(line) for line in log]
        for number, entry in enumerate(entries, 1):
            before = entries[number - 2].seal if number > 1 else NO_HASH
            wanted = Place(chain=entries[0].place.chain, counter=number, previous_seal=before)
            if entry.place != wanted:
                raise RecordError(f"{self.path}: line {number} does not go on from the seal before; restore a copy")
        return entries


def _entry(line: Mapping[str, Any]) -> LedgerEntry:
    try:
        return msgspec.convert({**line, "place": line}, LedgerEntry)
    except msgspec.ValidationError as error:
        raise RecordError(f"{_FILE}: holds a line that none wrote ({error}); restore it from a copy") from error
