"""Strings of bytes as SSH puts them on the wire (RFC 4251, section 5): a length of four bytes, big-endian, and the
bytes."""

from __future__ import annotations

import struct

__all__ = ["Reader", "string"]

_LENGTH = struct.Struct(">I")


def string(value: bytes) -> bytes:
    """Put the length before some bytes.

    Examples
    --------
    >>> string(b"ab")
    b'\\x00\\x00\\x00\\x02ab'
    """
    return _LENGTH.pack(len(value)) + value


class Reader:
    """Takes fields off the front of a message.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    ValueError
        From every method: the message is shorter than it says.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """Give the next bytes."""
        end = self._at + size
        if end > len(self._data):
            raise ValueError(f"{len(self._data)} bytes end in the middle of a field")
        field, self._at = self._data[self._at : end], end
        return field

    def number(self) -> int:
        """Give the next whole number of four bytes."""
        value: int = _LENGTH.unpack(self.take(_LENGTH.size))[0]
        return value

    def string(self) -> bytes:
        """Give the next string."""
        return self.take(self.number())

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes too many")
