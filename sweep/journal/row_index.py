"""The rows of a journal, or its stays: where they lie in the file, and reading them block by block."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

from dsp.errors import RecordError
from sweep.journal.damage import JournalDamageError
from sweep.journal.framing import Frame, split_text
from sweep.leaf import decode_row, leaf, read_header
from sweep.leaves import Leaves
from sweep.row_blocks import BLOCK_BYTES, RowBlock, RowStream, block_of
from sweep.row_header import RowHeader, Sizes

__all__ = ["RowIndex"]

_Read = Callable[[int, int], tuple[Frame, memoryview] | None]
_Damage = Callable[[int, int, str], JournalDamageError]
_Encoded = list[tuple[bytes, memoryview]]


class RowIndex:
    """Number and offset of the journal record of each row, in 16 bytes a row.

    What reads them takes two functions of the journal's reader: ``read``, from number and offset to a record, and
    ``damage``, from these and what is wrong to an error.

    Attributes
    ----------
    sizes : tuple of (str, int) or None
        Name and size of each array of these rows, which all have in common; None as long as there are none.
    leaves : Leaves or None
        Leaf of each row, once all were hashed.
    """

    def __init__(self) -> None:
        self.sizes: Sizes | None = None
        self.leaves: Leaves | None = None
        self._records, self._offsets = array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, header: RowHeader, record: int, offset: int) -> None:
        """Take note of the next row."""
        self.sizes = header.sizes
        self._records.append(record)
        self._offsets.append(offset)

    def decoded(self, chosen: slice, read: _Read, damage: _Damage) -> RowStream:
        """Give rows in order, a block of them in memory at a time.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened.
        """
        wanted = range(*chosen.indices(len(self)))
        return RowStream(self._block(first, encoded, damage) for first, encoded in self._encoded(wanted, read, damage))

    def hashed(self, before: bytes, read: _Read, damage: _Damage) -> Iterator[RowBlock]:
        """Give all rows block by block while they are hashed; the first row follows the leaf ``before``.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened, or a row does not follow the row before it.
        """
        joined = bytearray()
        for first, encoded in self._encoded(range(len(self)), read, damage):
            for row, (header, body) in enumerate(encoded, start=first):
                if read_header(header).previous_leaf != before:
                    raise damage(*self._place(row), "it does not follow the row before")
                before = leaf(header, body)
                joined += before
            yield self._block(first, encoded, damage)
        self.leaves = Leaves(joined)

    def _place(self, row: int) -> tuple[int, int]:
        return self._records[row], self._offsets[row]

    def _encoded(self, rows: range, read: _Read, damage: _Damage) -> Iterator[tuple[int, _Encoded]]:
        """Read headers and payloads of rows, so many at a time as make a block."""
        first, n_bytes = rows.start, 0
        encoded: _Encoded = []
        for row in rows:
            found = read(*self._place(row))
            if found is None:
                raise damage(*self._place(row), "it changed while the journal was read")
            header, body = split_text(found[1])
            if encoded and n_bytes + len(body) > BLOCK_BYTES:
                yield first, encoded
                first, n_bytes, encoded = row, 0, []
            encoded.append((header, body))
            n_bytes += len(body)
        if encoded:
            yield first, encoded

    def _block(self, first: int, encoded: _Encoded, damage: _Damage) -> RowBlock:
        try:
            return block_of(first, encoded)
        except RecordError as error:
            for row, (header, body) in enumerate(encoded, start=first):
                try:
                    decode_row(header, body)
                except RecordError as why:
                    raise damage(*self._place(row), str(why)) from why
            raise damage(*self._place(first), str(error)) from error
