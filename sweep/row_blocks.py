"""Rows side by side: a block of consecutive rows of one record, each of their arrays with a line for each row.

A recording of some minutes has ten thousands of short rows. What is done to a block costs a fraction of the same done
row by row, and a block is bounded however many rows there are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import QuietroomError, RecordError
from sweep.leaf import RowHasher, decode_row, row_arrays, sizes_of
from sweep.model import SweepRow
from sweep.row_header import read_times, row_type

__all__ = ["BLOCK_BYTES", "RowBlock", "RowStream", "block_of", "block_rows", "side_by_side"]

BLOCK_BYTES = 2 << 20
"""Bytes of rows in a block; a single row may have more."""


def block_rows(row_bytes: int) -> int:
    """Rows of a block.

    Examples
    --------
    >>> block_rows(8000), block_rows(7_000_000)
    (262, 1)
    """
    return max(1, BLOCK_BYTES // max(1, row_bytes))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowBlock:
    """Consecutive rows.

    Attributes
    ----------
    first : int
        Number of the first row within the record.
    times : sequence of (int, int)
        Start of each row: nanoseconds since 1970 in UTC, and on the monotonic clock.
    arrays : dict of ndarray, shape (n_rows, n_values) each
        The arrays of a ``SweepRow`` that its rows have, in the order of ``ROW_ARRAYS``; read-only.
    """

    first: int
    times: Sequence[tuple[int, int]]
    arrays: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.times)

    def rows(self) -> Iterator[SweepRow]:
        """Give the rows one by one."""
        for index, (utc_ns, monotonic_ns) in enumerate(self.times):
            yield SweepRow(
                sequence=self.first + index,
                utc_ns=utc_ns,
                monotonic_ns=monotonic_ns,
                **{name: values[index] for name, values in self.arrays.items()},
            )

    def leaves(self, previous: Sequence[bytes]) -> list[bytes | None]:
        """Hash the rows anew.

        Parameters
        ----------
        previous : sequence of bytes
            The leaf before each row.

        Returns
        -------
        list of bytes or None
            None for a row that has no header: its time is in no calendar.
        """
        sizes = tuple((name, values.shape[1]) for name, values in self.arrays.items())
        packed = np.empty(len(self), row_type(sizes))
        for name, values in self.arrays.items():
            packed[name] = values
        content, size = packed.view(np.uint8).data, packed.itemsize
        hasher = RowHasher(sizes)
        leaves: list[bytes | None] = []
        for index, (utc_ns, monotonic_ns) in enumerate(self.times):
            payload = content[index * size : (index + 1) * size]
            try:
                leaves.append(
                    hasher.leaf(
                        payload,
                        sequence=self.first + index,
                        utc_ns=utc_ns,
                        monotonic_ns=monotonic_ns,
                        previous=previous[index],
                    )
                )
            except (QuietroomError, ValueError, OverflowError, OSError):
                leaves.append(None)
        return leaves


class RowStream(Iterator[SweepRow]):
    """Rows one by one, of which whoever wants them in blocks can have the blocks.

    Parameters
    ----------
    blocks : iterator of RowBlock
    """

    def __init__(self, blocks: Iterator[RowBlock]) -> None:
        self._blocks = blocks
        self._rows = (row for block in blocks for row in block.rows())
        self._begun = False

    def __next__(self) -> SweepRow:
        self._begun = True
        return next(self._rows)

    def blocks(self) -> Iterator[RowBlock]:
        """Give the rows as they were read, if none was taken yet; else those that are left, side by side again."""
        return _stack_rows(self._rows) if self._begun else self._blocks


def block_of(first: int, encoded: Sequence[tuple[bytes, memoryview]]) -> RowBlock:
    """Read consecutive rows back from their headers and payloads.

    Parameters
    ----------
    first : int
        Number of the first row.
    encoded : sequence of (bytes, memoryview)
        One or more, all with the same arrays.

    Raises
    ------
    RecordError
        A header is not one that ``row_header`` writes, or a payload does not hold what it says. The message does not
        say which.
    """
    shown = decode_row(*encoded[0])
    kind = row_type(sizes_of(row_arrays(shown)))
    if any(len(payload) != kind.itemsize for _, payload in encoded):
        raise RecordError("row cannot be read (its values have another length than those before it)")
    packed = np.frombuffer(b"".join([payload for _, payload in encoded]), kind)
    arrays = {name: np.ascontiguousarray(packed[name]) for name in kind.names or ()}
    for values in arrays.values():
        values.flags.writeable = False
    return RowBlock(first=first, times=[read_times(header) for header, _ in encoded], arrays=arrays)


def side_by_side(rows: Iterable[SweepRow]) -> Iterator[RowBlock]:
    """Put rows side by side, as they come.

    Parameters
    ----------
    rows : iterable of SweepRow
        Consecutive, all with the same arrays; a `RowStream` has them side by side already.

    Yields
    ------
    RowBlock
    """
    return rows.blocks() if isinstance(rows, RowStream) else _stack_rows(iter(rows))


def _stack_rows(rows: Iterator[SweepRow]) -> Iterator[RowBlock]:
    for row in rows:
        names = tuple(row_arrays(row))
        size = block_rows(sum(getattr(row, name).nbytes for name in names))
        block = [row, *itertools.islice(rows, size - 1)]
        arrays = {name: _stacked([getattr(each, name) for each in block]) for name in names}
        yield RowBlock(first=row.sequence, times=[(each.utc_ns, each.monotonic_ns) for each in block], arrays=arrays)


def _stacked(lines: list[NDArray[Any]]) -> NDArray[Any]:
    stacked = np.stack(lines) if len(lines) > 1 else lines[0][None]  # a long row is not copied
    stacked.flags.writeable = False
    return stacked
