"""Chunks of a dataset: read only where each is in its place and has gone through its checksum."""

from __future__ import annotations

import itertools
import math
from typing import Any

import h5py
from numpy.typing import NDArray

from dsp.errors import RecordError

__all__ = ["check_chunks", "read_chunks"]

_CHECKSUM_BYTES = 4
_FILTERS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))


def check_chunks(dataset: h5py.Dataset, max_chunk_bytes: int) -> None:
    """Refuse a dataset that declares more than the file backs, or whose chunks carry no checksum.

    Raises
    ------
    RecordError
        As said, or a chunk is larger than ``max_chunk_bytes``.
    """
    if math.prod(dataset.shape) == 0:
        return
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(index)[0] for index in range(plist.get_nfilters())}
    chunks = dataset.chunks
    if chunks is None or h5py.h5z.FILTER_FLETCHER32 not in filters or not filters <= _FILTERS:
        raise RecordError(f"has {dataset.name} not in chunks with checksums")
    if math.prod(chunks) * dataset.dtype.itemsize > max_chunk_bytes:
        raise RecordError(f"has {dataset.name} in chunks of {chunks}, above {max_chunk_bytes} bytes")
    wanted = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, chunks, strict=True))
    if dataset.id.get_num_chunks() != wanted:
        raise RecordError(f"lacks chunks of {dataset.name}: {dataset.id.get_num_chunks()} of {wanted} are there")


def read_chunks(dataset: h5py.Dataset, begin: int = 0, end: int | None = None) -> NDArray[Any]:
    """Read some rows, or all, once every chunk is known to be in its place and to have gone through all filters.

    HDF5 keeps its list of chunks without a checksum, and gives the fill value for a chunk that it does not find.

    Raises
    ------
    RecordError
        A chunk was stored past its checksum.
    OSError
        HDF5 finds a chunk missing or damaged.
    """
    first, last, _ = slice(begin, end).indices(dataset.shape[0])
    if dataset.chunks is not None:
        length, *others = dataset.chunks
        starts = [range(first // length * length, last, length)]
        starts += [range(0, size, chunk) for size, chunk in zip(dataset.shape[1:], others, strict=True)]
        for at in itertools.product(*starts):
            mask, stored = dataset.id.read_direct_chunk(at)
            if mask != 0 or len(stored) < _CHECKSUM_BYTES:  # of a shorter one HDF5 reads far beyond its end
                raise RecordError(f"has a chunk of {dataset.name} without its checksum, at {at}")
    values: NDArray[Any] = dataset[first:last]
    return values
