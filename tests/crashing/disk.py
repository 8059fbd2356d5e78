"""A disk as a power cut leaves it: from the writes of a real process, what may be there afterwards.

Certain is what was synced: the contents of a file by ``fsync`` or ``fdatasync`` of it, its name by ``fsync`` of its
folder. Of the rest anything may be there: all, nothing, a part in order, or any sectors of it; a file that grew may
have zeros or old data of the disk in it; names may have come and gone in part, and in another order.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

__all__ = ["Disk", "Operation", "Written", "read_log"]

_HEAD = struct.Struct("<BQqII")
_SECTOR = 512


class Operation(IntEnum):
    """What the log knows, as in ``write_log.c``."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    RENAME = 5
    UNLINK = 6
    SYNC_FOLDER = 7
    MAKE_FOLDER = 8


class Written(NamedTuple):
    """One entry of the log."""

    operation: Operation
    inode: int
    offset: int
    one: bytes
    two: bytes

    @property
    def path(self) -> str:
        """The first name."""
        return self.one.decode()


def read_log(path: Path) -> list[Written]:
    """Read a log; an entry that a kill cut off at its end is left out."""
    data, at, entries = path.read_bytes(), 0, []
    while at + _HEAD.size <= len(data):
        operation, inode, offset, n_one, n_two = _HEAD.unpack_from(data, at)
        one = at + _HEAD.size
        at = one + n_one + n_two
        if at <= len(data):
            entries.append(
                Written(Operation(operation), inode, offset, data[one : one + n_one], data[one + n_one : at])
            )
    return entries


@dataclass(eq=False, slots=True)
class _File:
    """Contents that are certain, and what was done to them since: data at a place, or a new length."""

    certain: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.since:
            _put(self.certain, offset, data)
        self.since.clear()

    def now(self) -> bytes:
        """As a process sees it that runs."""
        contents = bytearray(self.certain)
        for offset, data in self.since:
            _put(contents, offset, data)
        return bytes(contents)

    def after_cut(self, rng: random.Random) -> bytes:
        """As it may be after the power was cut."""
        contents = bytearray(self.certain)
        manner = rng.choice(("nothing", "all", "prefix", "sectors", "sectors"))
        if manner == "nothing" or not self.since:
            return bytes(contents)
        kept = list(self.since) if manner != "prefix" else _prefix(self.since, rng)
        if manner == "sectors":
            kept = _sectors(self.since, rng)
            grown = max((offset + len(data) for offset, data in self.since if data is not None), default=0)
            if grown > len(contents) and rng.random() < 0.5:  # the length was kept, and not all of the data
                more = grown - len(contents)
                contents += rng.randbytes(more) if rng.random() < 0.3 else bytes(more)
        for offset, data in kept:
            _put(contents, offset, data)
        return bytes(contents)


def _put(contents: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del contents[offset:]
        contents += bytes(offset - len(contents))
        return
    contents += bytes(max(0, offset - len(contents)))
    contents[offset : offset + len(data)] = data


def _prefix(since: list[tuple[int, bytes | None]], rng: random.Random) -> list[tuple[int, bytes | None]]:
    """Some of it in order, the last torn at a sector."""
    kept = since[: rng.randrange(len(since)) + 1]
    offset, data = kept[-1]
    if data is not None:
        end = (offset + rng.randrange(len(data) + 1)) // _SECTOR * _SECTOR
        kept[-1] = offset, data[: max(0, end - offset)]
    return kept


def _sectors(since: list[tuple[int, bytes | None]], rng: random.Random) -> list[tuple[int, bytes | None]]:
    """Any sectors of it."""
    share, kept = rng.random(), list[tuple[int, bytes | None]]()
    for offset, data in since:
        if data is None:
            kept += [(offset, None)] if rng.random() < share else []
            continue
        at = 0
        while at < len(data):
            length = min(_SECTOR - (offset + at) % _SECTOR, len(data) - at)
            if rng.random() < share:
                kept.append((offset + at, data[at : at + length]))
            at += length
    return kept


class Disk:
    """The files below a folder.

    Parameters
    ----------
    root : Path
        As it was when the log began: all in it is certain.
    """

    def __init__(self, root: Path) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        for path in root.rglob("*"):
            if path.is_file():
                file = self._files[path.stat().st_ino] = _File(certain=bytearray(path.read_bytes()))
                self._names[str(path)] = file
        self._certain = dict(self._names)
        self._since: list[_Change] = []

    def apply(self, entry: Written) -> None:
        """Do what the process did next."""
        file = self._files.get(entry.inode)
        if entry.operation is Operation.CREATE:
            file = self._files[entry.inode] = _File()
            self._rename({entry.path: file})
        elif entry.operation is Operation.RENAME:
            old, new = entry.path, entry.two.decode()
            self._rename({new: self._names[old], old: None} if old in self._names else _Moved(old, new))
        elif entry.operation is Operation.UNLINK:
            self._rename({entry.path: None})
        elif entry.operation is Operation.SYNC_FOLDER:
            self._sync_folder(entry.path)
        elif file is None:
            return  # a folder, which this disk takes for certain
        elif entry.operation is Operation.WRITE:
            file.since.append((entry.offset, entry.one))
        elif entry.operation is Operation.TRUNCATE:
            file.since.append((entry.offset, None))
        elif entry.operation is Operation.SYNC:
            file.sync()

    def now(self, path: str) -> bytes:
        """Contents of a file as a process sees them."""
        return self._names[path].now() if path in self._names else b""

    def after_cut(self, rng: random.Random) -> Iterator[tuple[str, bytes]]:
        """Names and contents as they may be after the power was cut."""
        names = dict(self._certain)
        if rng.random() < 0.5:  # in order
            kept = self._since[: rng.randrange(len(self._since) + 1)]
        else:
            share = rng.random()
            kept = [change for change in self._since if rng.random() < share]
        for change in kept:
            _change(names, change)
        contents: dict[int, bytes] = {}
        for name, file in names.items():
            if id(file) not in contents:
                contents[id(file)] = file.after_cut(rng)
            yield name, contents[id(file)]

    def _rename(self, change: _Change) -> None:
        self._since.append(change)
        _change(self._names, change)

    def _sync_folder(self, folder: str) -> None:
        """All that was done to names in a folder is certain; a rename is in one folder."""
        within = [change for change in self._since if str(Path(_place(change)).parent) == folder]
        for change in within:
            _change(self._certain, change)
        self._since = [change for change in self._since if change not in within]


class _Moved(NamedTuple):
    """A folder got another name, with all that is in it."""

    old: str
    new: str


_Change = dict[str, _File | None] | _Moved


def _place(change: _Change) -> str:
    return change.new if isinstance(change, _Moved) else next(iter(change))


def _change(names: dict[str, _File], change: _Change) -> None:
    if isinstance(change, _Moved):
        moved = [name for name in names if name.startswith(f"{change.old}/")]
        names.update({change.new + name.removeprefix(change.old): names.pop(name) for name in moved})
        return
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
