"""The hash of a row, over what the row says and never over how a file stores it.

A leaf is SHA-256(0x00 | u64 length of the header | header | payload): the header is canonical JSON (RFC 8785, "JCS"),
the length is little-endian, and the payload holds the arrays of the row, little-endian, in the order of
``ROW_ARRAYS``. Each header names the leaf of the row before it, so that the rows form a chain. The leading zero byte
is that of a leaf in a Merkle tree of RFC 6962. Nothing that differs between a live sweep and its replay is hashed.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError, RecordError
from sweep.model import SweepRow
from sweep.row_header import (
    NO_LEAF,
    ROW_ARRAYS,
    RowHeader,
    Sizes,
    facts_of,
    header_of,
    header_start,
    read_all,
    read_header,
)

__all__ = [
    "NO_LEAF",
    "ROW_ARRAYS",
    "RowHasher",
    "RowHeader",
    "decode_row",
    "encode_row",
    "leaf",
    "read_header",
    "row_arrays",
    "row_header",
    "sizes_of",
]

_OPTIONAL = frozenset(name for name, _ in ROW_ARRAYS[1:8])
_LENGTH = struct.Struct("<Q")
_LEAF = b"\x00"


def row_arrays(row: SweepRow) -> dict[str, NDArray[Any]]:
    """Give the arrays that a row has, by name, in the order of ``ROW_ARRAYS``.

    Raises
    ------
    ParameterError
        An array has another type than ``ROW_ARRAYS`` says, or more than one dimension.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtype in ROW_ARRAYS:
        array = getattr(row, name)
        if array is None and name in _OPTIONAL:
            continue
        if (array.dtype is not dtype and array.dtype != dtype) or array.ndim != 1:
            raise ParameterError(
                f"row {row.sequence}: {name} is {array.dtype.str} of shape {array.shape}; "
                f"give a flat array of {dtype.str}"
            )
        arrays[name] = array
    return arrays


def row_header(row: SweepRow, previous: bytes) -> bytes:
    """Write the header of a row as canonical JSON.

    Times are text, because RFC 8785 allows no whole number above 2^53.

    Parameters
    ----------
    row : SweepRow
    previous : bytes
        Leaf of the row before, 32 bytes; ``NO_LEAF`` for the first row.

    Returns
    -------
    bytes
        UTF-8, keys in order, no spaces.

    Raises
    ------
    ParameterError
        The previous leaf is not 32 bytes, or an array is not as ``ROW_ARRAYS`` says.
    """
    return _header(row, row_arrays(row), previous)


def _header(row: SweepRow, arrays: Mapping[str, NDArray[Any]], previous: bytes) -> bytes:
    return header_of(
        sizes_of(arrays), sequence=row.sequence, utc_ns=row.utc_ns, monotonic_ns=row.monotonic_ns, previous=previous
    )


def encode_row(
    row: SweepRow, previous: bytes, *, arrays: Mapping[str, NDArray[Any]] | None = None
) -> tuple[bytes, bytes]:
    """Turn a row into the header and the payload that its leaf is made of.

    Parameters
    ----------
    row : SweepRow
    previous : bytes
        As in ``row_header``.
    arrays : mapping, optional
        Its ``row_arrays``, where they were taken already.

    Raises
    ------
    ParameterError
        As in ``row_header``.
    """
    arrays = row_arrays(row) if arrays is None else arrays
    return _header(row, arrays, previous), b"".join([array.tobytes() for array in arrays.values()])


def sizes_of(arrays: Mapping[str, NDArray[Any]]) -> Sizes:
    """Name and number of values of each array of a row."""
    return tuple((name, array.size) for name, array in arrays.items())


def leaf(header: bytes, payload: bytes | memoryview) -> bytes:
    """Hash a row: SHA-256(0x00 | u64 length of the header | header | payload), 32 bytes.

    Examples
    --------
    >>> leaf(b"{}", b"").hex()[:16]
    '30462b69aa461086'
    """
    digest = hashlib.sha256(_LEAF + _LENGTH.pack(len(header)) + header)
    digest.update(payload)
    return digest.digest()


class RowHasher:
    """Gives leaves of rows that have the same arrays: what all their headers begin with is hashed once.

    Parameters
    ----------
    sizes : tuple of (str, int)
        From `sizes_of`.

    Examples
    --------
    >>> facts = {"sequence": 0, "utc_ns": 0, "monotonic_ns": 0, "previous": NO_LEAF}
    >>> RowHasher((("mean", 1),)).leaf(b"\\0\\0", **facts) == leaf(header_of((("mean", 1),), **facts), b"\\0\\0")
    True
    """

    def __init__(self, sizes: Sizes) -> None:
        self._start = header_start(sizes)
        self._begun: dict[int, hashlib._Hash] = {}  # headers differ in length by some digits

    def leaf(
        self, payload: bytes | memoryview, *, sequence: int, utc_ns: int, monotonic_ns: int, previous: bytes
    ) -> bytes:
        """Hash a row, as the function ``leaf`` does with its header.

        Raises
        ------
        ParameterError
            As ``row_header``; ValueError, OverflowError or OSError where no calendar has the time.
        """
        facts = facts_of(sequence=sequence, utc_ns=utc_ns, monotonic_ns=monotonic_ns, previous=previous)
        begun = self._begun.get(len(facts))
        if begun is None:
            length = _LENGTH.pack(len(self._start) + len(facts))
            begun = self._begun[len(facts)] = hashlib.sha256(_LEAF + length + self._start)
        digest = begun.copy()
        digest.update(facts)
        digest.update(payload)
        return digest.digest()


def decode_row(header: bytes, payload: bytes | memoryview) -> SweepRow:
    """Read a row back from its header and payload.

    Returns
    -------
    SweepRow
        Its arrays are read-only views of the payload.

    Raises
    ------
    RecordError
        The header is not one that ``row_header`` writes, or the payload does not hold what it says.
    """
    try:
        said = read_all(header)
        if len(payload) != said.kind.itemsize:
            raise ValueError(f"{len(payload)} bytes of values where its arrays need {said.kind.itemsize}")
    except ValueError as error:  # msgspec's own are among them
        raise RecordError(f"row cannot be read ({error}); was it written by a newer Quietroom?") from error
    values = np.frombuffer(bytes(payload), said.kind)[0]
    arrays = {name: values[name] for name in said.kind.names or ()}
    return SweepRow(sequence=said.sequence, utc_ns=said.utc_ns, monotonic_ns=said.monotonic_ns, **arrays)
