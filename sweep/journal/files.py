"""Files of a journal: opened, locked, written at a place and put on the disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dsp.errors import RecordError

__all__ = [
    "DiskFullError",
    "NameTakenError",
    "ReadAhead",
    "create_new",
    "exclusive",
    "fdatasync",
    "is_full",
    "lock",
    "open_regular",
    "sync_file",
    "sync_folder",
    "write_at",
]

_READ_AHEAD_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


class DiskFullError(RecordError):
    """There is no room on the disk; nothing of what was to be written is there, and it can be tried again."""


class NameTakenError(RecordError):
    """There is a file of this name already, perhaps since a moment ago."""


def is_full(error: OSError) -> bool:
    """Whether an error of the system says that a disk, or the user's share of it, is full."""
    return error.errno in _FULL


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock that the writer of a journal holds.

    Raises
    ------
    RecordError
        The file cannot be opened, or a sweep or another command holds the lock.
    """
    descriptor = open_regular(path)
    try:
        lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: Path) -> None:
    """Lock an open file until it is closed.

    Raises
    ------
    RecordError
        A sweep or another command holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RecordError(f"{path}: is in use by a running sweep or command; wait until it has ended") from error


def open_regular(path: Path) -> int:
    """Open a plain file for reading, and wait for nothing: a pipe or a device is refused.

    Raises
    ------
    RecordError
        The file cannot be opened, or is not a plain one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RecordError(f"{path}: cannot be opened ({error.strerror}); check the name and your rights") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RecordError(f"{path}: is not a plain file; give the file ending in .journal that a sweep left")
    return descriptor


def create_new(path: Path) -> int:
    """Make a file that does not exist yet, for reading and writing.

    Raises
    ------
    NameTakenError
        It does.
    RecordError
        It cannot be made.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError as error:
        refused = NameTakenError if isinstance(error, FileExistsError) else RecordError
        raise refused(f"{path}: cannot be made ({error.strerror}); name a new file in a folder of yours") from error


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of the data, in as many calls as the system wants.

    Raises
    ------
    OSError
        The disk is full or fails; some of the data may be there.
    """
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


class ReadAhead:
    """Reads a file mostly from its front to its end, in few calls.

    Parameters
    ----------
    descriptor : int
        Of an open file; it stays with the caller.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = b""
        self._offset = 0

    def at(self, offset: int, length: int) -> memoryview:
        """Give so many bytes of a place, or fewer at the end of the file; a place once read may not be read again."""
        begin = offset - self._offset
        if not 0 <= begin <= begin + length <= len(self._data):
            self._data = os.pread(self._descriptor, max(length, _READ_AHEAD_BYTES), offset)
            self._offset, begin = offset, 0
        return memoryview(self._data)[begin : begin + length]


def sync_file(path: Path) -> None:
    """Put what others wrote into a file on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
