"""The rows of a record: read in blocks, and held against their leaves."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import h5py

from dsp.errors import RecordError
from sweep.leaf import NO_LEAF, ROW_ARRAYS
from sweep.leaves import Leaves
from sweep.limits import MAX_BINS, MAX_BURSTS, MAX_HOPS, most_rows
from sweep.record.chunk_reading import ChunkedRows
from sweep.record.chunks import read_chunks
from sweep.record.entry import RecordEntry
from sweep.record.refusal import refusing
from sweep.record.schema import row_place
from sweep.row_blocks import RowBlock, RowStream, block_rows

__all__ = ["StoredRows"]


class StoredRows:
    """The rows of an open record, or its stays.

    Parameters
    ----------
    path : Path
        Named in errors.
    entry : RecordEntry
    n_hops, n_bins : int
        Of each row.
    folder : str
        What they lie in, ending in ``/``; empty for rows.
    before : bytes
        Leaf that the first one names as that before it.

    Raises
    ------
    RecordError
        An array is missing, or of another type or shape than the layout says. The message does not name the file.
    """

    def __init__(
        self,
        path: Path,
        entry: RecordEntry,
        *,
        n_hops: int,
        n_bins: int,
        folder: str = "",
        before: bytes = NO_LEAF,
    ) -> None:
        self._path = path
        self._before = before
        rows = f"{folder}rows"
        if n_hops > MAX_HOPS or n_bins > MAX_BINS:
            raise RecordError(f"has {rows} of {n_hops} hops and {n_bins} bins, above {MAX_HOPS} and {MAX_BINS}")
        shape = entry.shape(f"{rows}/leaf")
        most = most_rows(n_bins)
        if len(shape) != 2 or shape[0] > most:
            raise RecordError(f"has leaves of shape {shape}, above {most} rows of {n_bins} bins")
        self._n_rows = int(shape[0])
        times = [entry.find(f"{rows}/{name}", "<i8", (self._n_rows,)) for name in ("utc_ns", "monotonic_ns")]
        self._times = [ChunkedRows(dataset) for dataset in times]
        self._leaf = entry.find(f"{rows}/leaf", "|u1", (self._n_rows, len(NO_LEAF)))
        found = _row_datasets(entry, folder, {"data": n_bins, "hops": n_hops}, self._n_rows)
        self._arrays = {name: ChunkedRows(dataset) for name, dataset in found}

    def __len__(self) -> int:
        return self._n_rows

    @cached_property
    def leaves(self) -> Leaves:
        """Leaf of every row, as stored."""
        with refusing(self._path):
            return Leaves(read_chunks(self._leaf).tobytes())

    def begun_utc_ns(self) -> int | None:
        """Start of the first row; None where there is none."""
        with refusing(self._path):
            return int(self._times[0].read(0, 1)[0]) if len(self) else None

    def read(self, start: int, stop: int | None) -> RowStream:
        """Give rows in order, a block of them in memory at a time.

        Raises
        ------
        RecordError
            A chunk of the file is damaged.
        """
        first, last, _ = slice(start, stop).indices(self._n_rows)
        step = self._block_rows
        return RowStream(self._block(begin, min(begin + step, last)) for begin in range(first, last, step))

    def verify(self) -> Iterator[tuple[int, bool]]:
        """Hash every row anew, and say of each whether its stored leaf is that of the row."""
        for begin, end, coming in self._read_ahead():
            block = coming.result()
            if block is None:
                unaltered = [self._verify_row(number) for number in range(begin, end)]
            else:
                unaltered = self._verify(block)
            yield from enumerate(unaltered, start=begin)

    def _read_ahead(self) -> Iterator[tuple[int, int, Future[RowBlock | None]]]:
        """Give block after block, the next of which is being read; None where one cannot be read."""
        waiting: deque[tuple[int, int, Future[RowBlock | None]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="record") as pool:
            for begin, end in itertools.pairwise([*range(0, self._n_rows, self._block_rows), self._n_rows]):
                waiting.append((begin, end, pool.submit(self._block_or_none, begin, end)))
                if len(waiting) > 1:
                    yield waiting.popleft()
            yield from waiting

    @cached_property
    def _block_rows(self) -> int:
        return block_rows(sum(rows.row_bytes for rows in self._arrays.values()))

    def _block(self, begin: int, end: int) -> RowBlock:
        with refusing(self._path):
            utc_ns, monotonic_ns = [times.read(begin, end).tolist() for times in self._times]
            arrays = {name: rows.read(begin, end) for name, rows in self._arrays.items()}
        for values in arrays.values():
            values.flags.writeable = False
        return RowBlock(first=begin, times=list(zip(utc_ns, monotonic_ns, strict=True)), arrays=arrays)

    def _block_or_none(self, begin: int, end: int) -> RowBlock | None:
        try:
            return self._block(begin, end)
        except RecordError:
            return None

    def _verify_row(self, number: int) -> bool:
        block = self._block_or_none(number, number + 1)
        return block is not None and self._verify(block)[0]

    def _verify(self, block: RowBlock) -> list[bool]:
        stored = self.leaves[block.first : block.first + len(block)]
        before = self.leaves[block.first - 1] if block.first else self._before
        return [anew == leaf for anew, leaf in zip(block.leaves([before, *stored[:-1]]), stored, strict=True)]


def _row_datasets(
    entry: RecordEntry, folder: str, sizes: Mapping[str, int], n_rows: int
) -> Iterator[tuple[str, h5py.Dataset]]:
    for name, dtype in ROW_ARRAYS:
        place = folder + row_place(name)
        if place not in entry:
            if name == "mean" or name.startswith("hop_"):
                raise RecordError(f"has no {place}")
            continue
        shape = entry.shape(place)
        width = sizes.get(row_place(name).partition("/")[0], shape[-1] if shape else 0)
        if width > max(sizes["data"], MAX_BURSTS) or n_rows > most_rows(width):
            raise RecordError(f"has {width} values of {name} in a row of {sizes['data']} bins, which cannot be")
        yield name, entry.find(place, dtype.str, (n_rows, width))
