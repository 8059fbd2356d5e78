"""Parts of an HDF5 file as a record has them: NeXus groups, datasets with checksums, tables, notes, attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

__all__ = ["add_attributes", "make_dataset", "make_group", "make_note", "make_table", "plain_text"]

_CHUNK_VALUES = 65536


def make_group(parent: h5py.Group, name: str, nx_class: str, **attributes: str | list[str]) -> h5py.Group:
    """Make a group of a NeXus class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    for key, value in attributes.items():
        group.attrs[key] = value
    return group


def make_dataset(
    parent: h5py.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    data: NDArray[Any] | None = None,
    *,
    fillvalue: int | None = None,
) -> h5py.Dataset:
    """Make a dataset in compressed chunks with checksums, over several rows where rows are short.

    HDF5 gives the last chunks their place in the file when the dataset is closed, which is when the caller lets go of
    it: for how long it is held is part of the bytes of a record.
    """
    if 0 in shape:
        return parent.create_dataset(name, shape=shape, dtype=dtype, track_times=False)
    width = min(shape[-1], _CHUNK_VALUES)
    rows = max(1, _CHUNK_VALUES // width)
    return parent.create_dataset(
        name,
        shape=shape,
        dtype=dtype,
        data=data,
        chunks=(min(shape[0], rows), width) if len(shape) > 1 else (width,),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fletcher32=True,
        fillvalue=fillvalue,
        track_times=False,
    )


def make_table(
    parent: h5py.Group,
    name: str,
    texts: Mapping[str, Sequence[str]],
    numbers: Mapping[str, Sequence[float]],
    integers: Mapping[str, Sequence[int]],
) -> None:
    """Write columns as one compound table; texts have the length of the longest."""
    encoded = {key: [plain_text(text).encode() for text in column] for key, column in texts.items()}
    columns: list[tuple[str, np.dtype[Any], Sequence[Any]]] = [
        (key, h5py.string_dtype("utf-8", max([1, *map(len, column)])), column) for key, column in encoded.items()
    ]
    columns += [(key, np.dtype("<f8"), column) for key, column in numbers.items()]
    columns += [(key, np.dtype("<i8"), column) for key, column in integers.items()]
    table = np.zeros(len(columns[0][2]), np.dtype([(key, dtype) for key, dtype, _ in columns]))
    for key, _, column in columns:
        table[key] = column
    make_dataset(parent, name, table.shape, table.dtype, table)


def make_note(parent: h5py.Group, name: str, document: Mapping[str, Any]) -> None:
    """Write JSON as a note; in a chunk, because only chunks have checksums."""
    text = json.dumps(document, sort_keys=True, allow_nan=False).encode("ascii")
    note = make_group(parent, name, "NXnote")
    note["type"] = "application/json"
    dtype = h5py.string_dtype("utf-8", len(text))
    make_dataset(note, "data", (1,), dtype, np.array([text], dtype))


def add_attributes(group: h5py.Group, fields: Mapping[str, Any]) -> None:
    """Set what is known as attributes; what HDF5 has no type for becomes JSON text."""
    for key, value in fields.items():
        if value is None or value in ((), [], {}, ""):
            continue
        group.attrs[key] = _attribute(value)


def _attribute(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return [plain_text(item) for item in value]
        if all(isinstance(item, int | float) and abs(item) < 2**63 for item in value):
            return np.asarray(value)
    return json.dumps(value, sort_keys=True)


def plain_text(text: str) -> str:
    """Write out what HDF5 takes in no text: NUL, and the half characters of a command line that is not UTF-8.

    Examples
    --------
    >>> plain_text("room\\0 1")
    'room\\\\0 1'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
