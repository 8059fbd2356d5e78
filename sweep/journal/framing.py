"""The bytes around a record of a journal: header, checksums, and the text that stands before its data.

The checksums are CRC-32 of zlib: they find accidents; against forgers there are the leaves of the rows and, later,
the seal.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

__all__ = ["HEADER_BYTES", "MAGIC", "MAX_PAYLOAD", "Frame", "Kind", "framed", "split_text", "unframed", "with_text"]

MAGIC = b"\x89QRJ1\r\n\x1a"
"""First bytes of every record."""

MAX_PAYLOAD = 1 << 30
"""Bytes of the longest payload that a reader takes."""

_HEADER = struct.Struct("<8sIQQII")
_BEHIND = 1 << 63  # in the sequence number: what stands before was not known to be on the disk
_TEXT_LENGTH = struct.Struct("<Q")

HEADER_BYTES = _HEADER.size
"""Bytes before a payload."""


class Kind(IntEnum):
    """What a record holds; a reader passes over kinds that it does not know."""

    START = 1
    ROW = 2
    FINDING = 3
    GAP = 4
    NOTE = 5
    CLOSE = 6
    LOOK = 7
    STAY = 8


class Frame(NamedTuple):
    """A header, and where its payload lies in the file.

    Attributes
    ----------
    follows_synced : bool
        Everything before this record was on the disk when it was written.
    """

    kind: int
    sequence: int
    length: int
    payload_crc: int
    payload_offset: int
    follows_synced: bool

    @property
    def end(self) -> int:
        """Byte behind the payload."""
        return self.payload_offset + self.length


def framed(kind: Kind, sequence: int, parts: tuple[bytes, ...], *, follows_synced: bool = True) -> bytes:
    """Put the header before a payload, which is given in parts.

    Examples
    --------
    >>> record = framed(Kind.NOTE, 7, (b"{", b"}"))
    >>> frame = unframed(record[:HEADER_BYTES], 1000)
    >>> frame.sequence, frame.length, frame.end - 1000 == len(record)
    (7, 2, True)
    """
    payload_crc = 0
    for part in parts:
        payload_crc = zlib.crc32(part, payload_crc)
    number = sequence if follows_synced else sequence | _BEHIND
    fields = (MAGIC, kind, number, sum(map(len, parts)))
    header_crc = zlib.crc32(_HEADER.pack(*fields, 0, payload_crc))
    return b"".join((_HEADER.pack(*fields, header_crc, payload_crc), *parts))


def unframed(head: bytes | memoryview, offset: int) -> Frame | None:
    """Read the header that stands at an offset of the file; None where none does."""
    if len(head) < _HEADER.size:
        return None
    magic, kind, number, length, header_crc, payload_crc = _HEADER.unpack(head)
    if magic != MAGIC or zlib.crc32(_HEADER.pack(magic, kind, number, length, 0, payload_crc)) != header_crc:
        return None
    return Frame(kind, number & ~_BEHIND, length, payload_crc, offset + _HEADER.size, not number & _BEHIND)


def with_text(text: bytes, *rest: bytes) -> tuple[bytes, ...]:
    """Give the parts of a payload that begins with a text."""
    return (_TEXT_LENGTH.pack(len(text)), text, *rest)


def split_text(payload: bytes | memoryview) -> tuple[bytes, memoryview]:
    """Take the text off a payload.

    Raises
    ------
    ValueError
        The payload is shorter than it says.
    """
    if len(payload) < _TEXT_LENGTH.size:
        raise ValueError("it is too short")
    end = _TEXT_LENGTH.size + _TEXT_LENGTH.unpack_from(payload)[0]
    if end > len(payload):
        raise ValueError("its text is cut")
    return bytes(payload[_TEXT_LENGTH.size : end]), memoryview(payload)[end:]
