"""Global heaps of an HDF5 file, in which texts of attributes lie: the library follows a forged one for ever."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from dsp.errors import RecordError

__all__ = ["check_heaps"]

_MAGIC = b"GCOL"
_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HHIQ")
_LARGEST = 1 << 26
_BLOCK = 1 << 20


def check_heaps(path: Path) -> None:
    """Refuse a file in which an object of a global heap does not lead to the next one.

    HDF5 adds the size of each object to its place, in 64 bits, and looks at neither: an object of no size is followed
    without end, with every signal held back.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RecordError
        As said. The message does not name the file.
    OSError
        The file cannot be read.

    References
    ----------
    HDF5 File Format Specification 3.0, section III.E, Global Heap.
    """
    with path.open("rb") as file:
        for place in list(_places(path)):
            file.seek(place)
            head = file.read(_COLLECTION.size)
            if len(head) < _COLLECTION.size:
                continue
            _, version, size = _COLLECTION.unpack(head)
            if version == 1 and _COLLECTION.size <= size:  # HDF5 takes no other for a heap
                _check(file.read(min(size, _LARGEST) - _COLLECTION.size), place, size)


def _places(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        start, kept = 0, b""
        while block := file.read(_BLOCK):
            data = kept + block
            at = data.find(_MAGIC)
            while at >= 0:
                yield start - len(kept) + at
                at = data.find(_MAGIC, at + 1)
            start, kept = start + len(block), data[-len(_MAGIC) + 1 :]


def _check(objects: bytes, place: int, size: int) -> None:
    if len(objects) != size - _COLLECTION.size:
        raise RecordError(f"has a heap of {size} bytes at byte {place}, beyond its end")
    at = 0
    while at + _OBJECT.size <= len(objects):
        index, _, _, length = _OBJECT.unpack_from(objects, at)
        step = _OBJECT.size + (length + 7) // 8 * 8 if index else length  # the free rest counts its own header
        if not 0 < step <= len(objects) - at:
            raise RecordError(f"has a heap at byte {place} with an object of {length} bytes, which cannot be")
        at += step
