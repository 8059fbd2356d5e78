"""The leaves of many rows, in 32 bytes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from sweep.row_header import NO_LEAF

__all__ = ["Leaves"]

_SIZE = len(NO_LEAF)


class Leaves(Sequence[bytes]):
    """A sequence of leaves, equal to any other that holds the same.

    Parameters
    ----------
    joined : bytes or bytearray
        One after another; kept, not copied.

    Examples
    --------
    >>> leaves = Leaves(bytes(32) + b"1" * 32)
    >>> len(leaves), leaves[-1] == b"1" * 32, leaves[:1] == [bytes(32)]
    (2, True, True)
    """

    __slots__ = ("joined",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, joined: bytes | bytearray = b"") -> None:
        self.joined = joined

    def __len__(self) -> int:
        return len(self.joined) // _SIZE

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            places = range(len(self))[index]
            return [bytes(self.joined[each * _SIZE : (each + 1) * _SIZE]) for each in places]
        at = range(len(self))[index] * _SIZE
        return bytes(self.joined[at : at + _SIZE])

    def __iter__(self) -> Iterator[bytes]:
        joined = self.joined
        return (bytes(joined[at : at + _SIZE]) for at in range(0, len(joined), _SIZE))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Leaves):
            return self.joined == other.joined
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
