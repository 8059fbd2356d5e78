"""Arrays of a baseline's file: checked before they are read, since nobody vouches for the file."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sweep.limits import MAX_BINS

__all__ = ["read_array", "refuse_links"]

_MAX_OBJECTS = 100
_LEAST_CHUNK_BYTES = 4  # of a chunk shorter than its checksum HDF5 reads far beyond its end
_MAX_CHUNK_BYTES = 1 << 20
_FILTERS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))
_MOST_PACKED = 64  # even a baseline of one visit, half of it constants, packs less than this


def refuse_links(group: h5py.Group) -> None:
    """Refuse a group that points elsewhere, or holds more than a baseline does.

    Raises
    ------
    ValueError
        As said.
    """
    if not isinstance(group, h5py.Group):
        raise ValueError(f"{group.name} is no group")  # noqa: TRY004 - one way out for all damage
    if len(group) > _MAX_OBJECTS:
        raise ValueError(f"{group.name} holds {len(group)} objects")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link to elsewhere")  # noqa: TRY004 - one way out for all damage


def read_array(group: h5py.Group, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    """Read a flat array, once it is known that the file holds all of it and that it does not grow beyond measure.

    Raises
    ------
    ValueError
        It is not flat, not in chunks that are all there, larger than any baseline, or packed in another way.
    """
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name} is no array")  # noqa: TRY004 - one way out for all damage
    if dataset.ndim != 1 or dataset.size > MAX_BINS or dataset.chunks is None or dataset.is_virtual:
        raise ValueError(f"{name} has shape {dataset.shape}")
    if dataset.id.get_num_chunks() != -(-dataset.size // dataset.chunks[0]):
        raise ValueError(f"{name} lacks chunks")
    if dataset.nbytes > _MOST_PACKED * group.file.id.get_filesize():
        raise ValueError(f"{name} would grow to {dataset.nbytes} bytes")
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(index)[0] for index in range(plist.get_nfilters())}
    if not filters <= _FILTERS or math.prod(dataset.chunks) * dataset.dtype.itemsize > _MAX_CHUNK_BYTES:
        raise ValueError(f"{name} has chunks of {dataset.chunks} or filters that no baseline has")
    for index in range(dataset.id.get_num_chunks()):
        if dataset.id.get_chunk_info(index).size < _LEAST_CHUNK_BYTES:
            raise ValueError(f"{name} has a chunk that is shorter than its checksum")
    return np.asarray(dataset[()], dtype)
