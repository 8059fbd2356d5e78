"""Chunks of the arrays of rows, compressed in threads and put into the file in order.

Levels are noise to a tenth of a dB: the search for repeated strings finds nothing in them, takes a third of the time
and spoils the code of the single bytes. Deflate with run lengths only (zlib's ``Z_RLE``) makes them 5 % smaller, and
unmeasured stretches as small. HDF5 cannot be told to do so, but it takes chunks that went through its filters already:
shuffle, deflate, Fletcher's checksum. Any HDF5 reads them.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sweep.analysis import worker_count

__all__ = ["ChunkWriter", "chunk_writer", "fletcher32"]

_GZIP_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 1, 15, 9
_WAITING = 16  # compressed chunks that wait for the file: 2 MB of levels
_CHECKSUM = struct.Struct("<I")


@contextmanager
def chunk_writer(datasets: Mapping[str, h5py.Dataset]) -> Iterator[ChunkWriter]:
    """Compress with a thread for each processor, four at most; all is in the file at the end."""
    with ThreadPoolExecutor(worker_count(), thread_name_prefix="packing") as pool:
        writer = ChunkWriter(datasets, pool)
        yield writer
        writer.finish()


class ChunkWriter:
    """Collects the rows of datasets until a chunk is full.

    Parameters
    ----------
    datasets : mapping of str to h5py.Dataset
        In chunks, with the filters of ``make_dataset``; one value or more in a row.
    pool : ThreadPoolExecutor
        Compresses. Only the thread that calls the methods touches HDF5, so that the bytes of the file depend on no
        timing.
    """

    def __init__(self, datasets: Mapping[str, h5py.Dataset], pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._places = {name: _Place(dataset) for name, dataset in datasets.items()}
        self._waiting: deque[tuple[_Place, tuple[int, int], Future[bytes]]] = deque()

    def put(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Take the next rows of a dataset.

        Parameters
        ----------
        name : str
        first : int
            Number of the first of these rows.
        values : ndarray, shape (n_rows, n_values)
            Of the dataset's type.
        """
        place = self._places[name]
        while len(values):
            at = first % place.length
            taken = values[: place.length - at]
            place.lines(at)[at : at + len(taken), : taken.shape[1]] = taken
            values, first = values[len(taken) :], first + len(taken)
            if first % place.length == 0 or first == place.n_rows:
                self._submit(place, (first - 1) // place.length * place.length)

    def finish(self) -> None:
        """Put what is left into the file."""
        while self._waiting:
            self._write_next()

    def _submit(self, place: _Place, first: int) -> None:
        lines = place.take()
        for column in range(0, lines.shape[1], place.width):
            chunk = lines[:, column : column + place.width]
            self._waiting.append((place, (first, column), self._pool.submit(_filtered, chunk)))
            if len(self._waiting) > _WAITING:
                self._write_next()

    def _write_next(self) -> None:
        place, at, stored = self._waiting.popleft()
        place.dataset.id.write_direct_chunk(at, stored.result())


class _Place:
    """A dataset, and the rows of it that make no whole chunk yet."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self.dataset = dataset
        self.length, self.width = dataset.chunks
        self.n_rows, n_values = dataset.shape
        self._columns = -(-n_values // self.width) * self.width
        self._fill, self._dtype = dataset.fillvalue, dataset.dtype
        self._lines: NDArray[Any] | None = None

    def lines(self, at: int) -> NDArray[Any]:
        """Give the rows that are being filled, as wide as a whole number of chunks; new ones from row 0 on."""
        if self._lines is None or at == 0:
            self._lines = np.full((self.length, self._columns), self._fill, self._dtype)
        return self._lines

    def take(self) -> NDArray[Any]:
        """Give the rows away."""
        lines, self._lines = self.lines(self.length), None
        return lines


def _filtered(chunk: NDArray[Any]) -> bytes:
    """Shuffle, deflate, and add the checksum."""
    values = np.ascontiguousarray(chunk)
    shuffled = values.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()
    strategy = zlib.Z_RLE if values.dtype == np.int16 else zlib.Z_DEFAULT_STRATEGY
    deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, strategy)
    deflated = deflate.compress(shuffled) + deflate.flush()
    return deflated + _CHECKSUM.pack(fletcher32(deflated))


def fletcher32(data: bytes) -> int:
    """Fletcher's checksum as HDF5 has it: over big-endian 16-bit words, an odd byte at the end being a high one.

    Parameters
    ----------
    data : bytes
        Up to a few megabytes.

    References
    ----------
    Fletcher, "An arithmetic checksum for serial transmissions", IEEE Trans. Commun. 30 (1982).

    Examples
    --------
    >>> hex(fletcher32(b"abcde"))
    '0x4ff029c7'
    """
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2")
    running = np.cumsum(words, dtype=np.uint64)
    sums = (int(running[-1]) if len(running) else 0, int(running.sum()))
    low, high = (total and (total - 1) % 0xFFFF + 1 for total in sums)  # in ones' complement 0xffff stands for zero
    return high << 16 | low
