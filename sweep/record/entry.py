"""What lies in ``/entry`` of a record: found by name, and checked before it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep.record.chunks import check_chunks, read_chunks

__all__ = ["RecordEntry"]

_ENTRY = "entry/"
_MAX_TABLE_BYTES = 64 << 20
_MAX_CHUNK_BYTES = 1 << 20
_FREE_LINES = 1 << 16
"""Lines of a table that need not be more than compressed zeros; beyond, each takes a byte of the file at least."""


class RecordEntry:
    """The group ``/entry`` of an open record.

    Parameters
    ----------
    found : mapping of str to h5py.Dataset or None
        What ``survey`` found in the file.

    Raises
    ------
    RecordError
        Here and from every method: what is asked for is not there, or not as the format has it. The message does not
        name the file.
    """

    def __init__(self, found: Mapping[str, h5py.Dataset | None]) -> None:
        if found.get("entry", found) is not None:
            raise RecordError("has no group /entry")
        self._found = {path.removeprefix(_ENTRY): item for path, item in found.items() if path.startswith(_ENTRY)}

    def __contains__(self, place: str) -> bool:
        return place in self._found

    def shape(self, place: str) -> tuple[int, ...]:
        """Shape that a dataset declares; not to be trusted with memory."""
        shape: tuple[int, ...] = self._dataset(place).shape
        return shape

    def find(self, place: str, dtype: str, shape: tuple[int, ...]) -> h5py.Dataset:
        """Give a dataset that has this type and shape, all of it in chunks with checksums."""
        dataset = self._dataset(place)
        if dataset.dtype != np.dtype(dtype) or dataset.shape != shape:
            raise RecordError(f"has {place} as {dataset.dtype} of shape {dataset.shape}, not {dtype} of {shape}")
        check_chunks(dataset, _MAX_CHUNK_BYTES)
        return dataset

    def read(self, place: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Read all of a dataset that has this type and shape."""
        return read_chunks(self.find(place, dtype, shape))

    def note(self, group: str) -> bytes:
        """Read the text of a note."""
        dataset = self._dataset(f"{group}/data")
        if dataset.shape != (1,) or dataset.dtype.kind != "S" or dataset.dtype.itemsize > _MAX_TABLE_BYTES:
            raise RecordError(f"has a {group} note that is no text of up to {_MAX_TABLE_BYTES} bytes")
        check_chunks(dataset, _MAX_TABLE_BYTES)
        return bytes(read_chunks(dataset)[0])

    def table(self, name: str, numbers: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """Read these columns of a table, line by line."""
        table = self._dataset(name)
        if len(table.shape) != 1 or table.dtype.itemsize * table.shape[0] > _MAX_TABLE_BYTES:
            raise RecordError(f"has a table of {name} with shape {table.shape}, too big to be one")
        if any(table.dtype[field].kind != "i" for field in numbers) or any(
            table.dtype[field].kind != "S" for field in texts
        ):
            raise RecordError(f"has a table of {name} with columns of other types")
        check_chunks(table, _MAX_TABLE_BYTES)
        stored = table.id.get_storage_size()
        if table.shape[0] > _FREE_LINES + stored:
            raise RecordError(f"has a table of {table.shape[0]} {name} in {stored} bytes, which cannot be")
        for line in read_chunks(table):
            yield {field: int(line[field]) for field in numbers} | {
                field: line[field].decode("utf-8") for field in texts
            }

    def _dataset(self, place: str) -> h5py.Dataset:
        dataset = self._found.get(place)
        if dataset is None:
            raise RecordError(f"has no {place}")
        return dataset
