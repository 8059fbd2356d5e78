"""Rows of a dataset, taken out of their chunks here: HDF5's own filters take twice the time, and block every thread.

What our packing writes went through shuffle, deflate and Fletcher's checksum. The checksum within the deflated data
(Adler-32) covers the same values, so that a damaged chunk is found as HDF5 would find it.
"""

from __future__ import annotations

import math
from typing import Any

import deflate
import h5py
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep.record.chunks import read_chunks

__all__ = ["ChunkedRows"]

_PIPELINE = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
_CHECKSUM_BYTES = 4


class ChunkedRows:
    """Reads rows of a dataset of rows, or of rows and columns.

    A chunk of several rows is kept until another one is needed, since blocks of rows do not end where chunks do.

    Parameters
    ----------
    dataset : h5py.Dataset
        Checked by ``check_chunks``. One with other filters than ours is left to HDF5.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._kept: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._is_ours = dataset.chunks is not None and dataset.ndim in (1, 2) and _filters(dataset) == _PIPELINE
        # HDF5 makes a new object of each whenever it is asked
        self._dtype, self._others = dataset.dtype, dataset.shape[1:]
        self._n_columns = (*self._others, 1)[0]
        self._length, self._width = (*(dataset.chunks or (1,)), 1)[:2]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return int(self._dtype.itemsize * math.prod(self._others))

    def read(self, begin: int, end: int) -> NDArray[Any]:
        """Read some rows.

        Raises
        ------
        RecordError
            A chunk is damaged, or did not go through all filters.
        OSError
            HDF5 does not find a chunk.
        """
        if not self._is_ours:
            return read_chunks(self._dataset, begin, end)
        length, width, n_columns = self._length, self._width, self._n_columns
        values: NDArray[Any] = np.empty((end - begin, n_columns), self._dtype)
        for first in range(begin // length * length, end, length):
            low, high = max(begin, first), min(end, first + length)
            for column in range(0, n_columns, width):
                place = values[low - begin : high - begin, column : column + width]
                _unshuffle(self._chunk(first, column)[:, low - first : high - first, : place.shape[1]], place)
        return values.reshape(end - begin, *self._others)

    def _chunk(self, first: int, column: int) -> NDArray[np.uint8]:
        """Give the bytes of a chunk: for each byte of a value, those of all its rows and columns."""
        if self._length == 1:
            return self._shuffled(first, column)
        if next(iter(self._kept), (first, 0))[0] != first:
            self._kept = {}
        chunk = self._kept.get((first, column))
        if chunk is None:
            chunk = self._kept[first, column] = self._shuffled(first, column)
        return chunk

    def _shuffled(self, first: int, column: int) -> NDArray[np.uint8]:
        dataset = self._dataset
        skipped, stored = dataset.id.read_direct_chunk((first, column)[: dataset.ndim])
        if skipped != 0:
            raise RecordError(f"has a chunk of {dataset.name} without its checksum, at {(first, column)}")
        size = self._length * self._width * self._dtype.itemsize
        data = _inflated(memoryview(stored)[:-_CHECKSUM_BYTES], size)
        if data is None:
            raise RecordError(f"has a damaged chunk of {dataset.name}, at {(first, column)}")
        return np.frombuffer(data, np.uint8).reshape(self._dtype.itemsize, self._length, self._width)


def _filters(dataset: h5py.Dataset) -> list[int]:
    plist = dataset.id.get_create_plist()
    return [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]


def _inflated(data: bytes | memoryview, size: int) -> bytearray | None:
    """Undo deflate; None where the data are damaged or another number of bytes. Never makes more than that many.

    Examples
    --------
    >>> stored = deflate.zlib_compress(b"four")
    >>> _inflated(stored, 4), _inflated(stored, 3), _inflated(stored[:-1], 4)
    (bytearray(b'four'), None, None)
    """
    try:
        values = deflate.zlib_decompress(data, size)
    except deflate.DeflateError:
        return None
    return values if len(values) == size else None


def _unshuffle(parts: NDArray[np.uint8], place: NDArray[Any]) -> None:
    """Put the bytes of each value together again; they were stored apart, all first bytes first.

    Examples
    --------
    >>> values = np.empty((1, 2), "<i2")
    >>> _unshuffle(np.array([[[1, 2]], [[3, 4]]], np.uint8), values)
    >>> values.tolist()
    [[769, 1026]]
    """
    if len(parts) == 2:
        words = place.view("<u2")
        words[:] = parts[1]
        words <<= 8
        words |= parts[0]
        return
    values = place.view(np.uint8)
    for index, part in enumerate(parts):
        values[:, index :: len(parts)] = part
