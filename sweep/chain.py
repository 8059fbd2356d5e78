"""An append-only log of JSON lines, each chained to the one before it by its hash."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785

from dsp.errors import RecordError
from sweep.journal.files import sync_folder
from sweep.units import iso_utc

__all__ = ["NO_HASH", "ChainedLog"]

NO_HASH = "0" * 64
"""Stands for the hash before the first entry."""

_MAX_LOG_BYTES = 64 << 20
_MAX_VALUES = 1 << 20  # of an entry in JSON
_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")
_MOST_TORN_LINES = 1000  # other data in the sectors of one entry may look like many lines
_OWN_FIELDS = frozenset({"sequence", "time", "previous", "hash"})

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedLog:
    """A log in which no line can be changed, put in or taken out unseen, but for the last ones.

    Attributes
    ----------
    path : Path
    fields : frozenset of str
        What an entry says, beside its ``sequence``, ``time``, and the hashes ``previous`` and ``hash``.
    about : (str, str)
        Field and value that every entry has: what the log is of, so that a log in another's place is noticed.
    noun : str
        What an entry is called in messages.
    mend : str
        What to do about a damaged log.
    """

    path: Path
    fields: frozenset[str]
    about: tuple[str, str]
    noun: str
    mend: str = "restore it from a copy"

    def append(self, compose: Callable[[Sequence[Entry]], Mapping[str, Any] | None]) -> Entry | None:
        """Add an entry, synced to disk, while nobody else can.

        Parameters
        ----------
        compose : callable
            From the entries so far to what the new one says; None to add nothing.

        Raises
        ------
        RecordError
            The log is damaged, or the disk refuses.
        """
        if self.path.exists() and not self.path.is_file():
            self.read()  # says why not
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+b")
        except OSError as error:
            raise self._cannot_write(error) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            entries = self.read()
            sync_folder(self.path.parent)  # the name of a new log must outlast a power cut, as its lines do
            body = compose(entries)
            if body is None:
                return None
            entry = {
                "sequence": len(entries),
                "time": iso_utc(time.time_ns()),
                self.about[0]: self.about[1],
                **body,
                "previous": entries[-1]["hash"] if entries else NO_HASH,
            }
            entry["hash"] = _digest(entry)
            self._write(file, json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n")
        return entry

    def read(self) -> list[Entry]:
        """Read the log and check its chain.

        Returns
        -------
        list of dict
            Oldest first; empty where nothing was written yet.

        Raises
        ------
        RecordError
            A line is damaged, was edited, removed or put in. That the last lines are missing no chain can tell by
            itself; what a power cut left of a last line, which nobody was told is there, is passed over.
        """
        path = self.path
        if not path.exists():
            return []
        if not path.is_file():
            raise RecordError(f"{path}: is not a plain file, so it is no log; {self.mend}")
        if path.stat().st_size > _MAX_LOG_BYTES:
            raise RecordError(f"{path}: {path.stat().st_size} bytes is no log that people wrote; {self.mend}")
        field, value = self.about
        entries: list[Entry] = []
        for number, line in enumerate(self._lines()[0], 1):
            entry = self._entry(line)
            if entry is not None and entry[field] != value:
                raise RecordError(f"{path}: line {number} is about {entry[field]}; put the {field}'s own log back")
            why = _misfit(entry, entries)
            if entry is None or why is not None:
                raise RecordError(f"{path}: line {number} {why}; {self.mend}")
            entries.append(entry)
        return entries

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of a last line that a power cut, or a kill, left unfinished; `read` passes over them."""
        return self._lines()[1] if self.path.is_file() else 0

    def _lines(self) -> tuple[list[bytes], int]:
        """All lines but a torn last one, and how many bytes there are of that."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        n_whole = len(lines)
        while n_whole > max(0, len(lines) - _MOST_TORN_LINES) and self._entry(lines[n_whole - 1]) is None:
            n_whole -= 1
        rest = b"".join(lines[n_whole:])
        is_unfinished = n_whole == len(lines) - 1 and not rest.endswith(b"\n")
        return (lines[:n_whole], len(rest)) if is_unfinished or _has_hole(rest) else (lines, 0)

    def _mend_end(self) -> bytes:
        """Take away what a power cut left of a last line; give what a whole one still needs."""
        lines, n_torn = self._lines()
        if n_torn:
            os.truncate(self.path, self.path.stat().st_size - n_torn)
        return b"\n" if lines and not lines[-1].endswith(b"\n") else b""

    def _write(self, file: BinaryIO, line: bytes) -> None:
        """Write one line to disk, or leave the log as it was."""
        line = self._mend_end() + line
        before = os.fstat(file.fileno()).st_size
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):  # what was buffered is tried again by close
                file.close()
            os.truncate(self.path, before)
            raise self._cannot_write(error) from None

    def _cannot_write(self, error: OSError) -> RecordError:
        return RecordError(
            f"{self.path}: cannot write the {self.noun} ({error}); free some space or mend permissions and try again"
        )

    def _entry(self, line: bytes) -> Entry | None:
        """One line as an entry, if it is one and has the hash that it should have."""
        wanted = self.fields | _OWN_FIELDS | {self.about[0]}
        if sum(map(line.count, (b"[", b"{", b","))) > _MAX_VALUES:
            return None
        try:
            entry = json.loads(line)
            sound = isinstance(entry, dict) and set(entry) == wanted and isinstance(entry["sequence"], int)
            sound = sound and entry["hash"] == _digest(entry)
        except (ValueError, RecursionError, rfc8785.CanonicalizationError):
            return None
        return entry if sound else None


def _has_hole(text: bytes) -> bool:
    """Whether there is in it what no editor leaves: a sector that never reached the disk has zeros or other data."""
    try:
        return _NO_TEXT.search(text.decode()) is not None
    except UnicodeDecodeError:
        return True


def _misfit(entry: Entry | None, before: Sequence[Entry]) -> str | None:
    """Why a line cannot stand after those before it."""
    if entry is None:
        return "was altered"
    if entry["sequence"] != len(before):
        return f"was line {entry['sequence'] + 1} when it was written: lines were removed, put in or reordered"
    if entry["previous"] != (before[-1]["hash"] if before else NO_HASH):
        return f"does not follow line {len(before)}, which was altered and given a new hash"
    return None


def _digest(entry: Mapping[str, Any]) -> str:
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(rfc8785.dumps(body)).hexdigest()
