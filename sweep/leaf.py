"""The hash of a row, over what the row says and never over how a file stores it.

A leaf is SHA-256(0x00 | u64 length of the header | header | payload): the header is canonical JSON (RFC 8785, "JCS"),
the length is little-endian, and the payload holds the arrays of the row, little-endian, in the order of
``ROW_ARRAYS``. Each header names the leaf of the row before it, so that the rows form a chain. The leading zero byte
is that of a leaf in a Merkle tree of RFC 6962. Nothing that differs between a live sweep and its replay is hashed.
"""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import rfc8785
from numpy.typing import NDArray

from dsp.errors import ParameterError, RecordError
from sweep.model import SweepRow
from sweep.units import iso_utc

__all__ = [
    "NO_LEAF",
    "ROW_ARRAYS",
    "RowHeader",
    "decode_row",
    "encode_row",
    "leaf",
    "read_header",
    "row_arrays",
    "row_header",
]

NO_LEAF = bytes(32)
"""Stands for the previous leaf in the first row of a record."""

ROW_ARRAYS: tuple[tuple[str, np.dtype[Any]], ...] = tuple(
    (name, np.dtype(code))
    for name, code in (
        ("mean", "<i2"),
        ("max_hold", "<i2"),
        ("min_hold", "<i2"),
        ("spectral_kurtosis", "<i2"),
        ("burst_8", "<i2"),
        ("burst_8x4", "<i2"),
        ("burst_64", "<i2"),
        ("burst_512", "<i2"),
        ("hop_utc_ns", "<i8"),
        ("hop_monotonic_ns", "<i8"),
        ("hop_center_freq_hz", "<f8"),
        ("hop_gain_db", "<f4"),
        ("hop_clip_fraction", "<f4"),
        ("hop_rms_dbfs", "<f4"),
        ("hop_dc_dbfs", "<f4"),
        ("hop_fluctuation_db", "<f4"),
        ("hop_dropped_samples", "<i4"),
        ("hop_flags", "|u1"),
    )
)
"""Every array of a ``SweepRow`` with its stored type, in the order in which the payload holds them."""

_DTYPES = dict(ROW_ARRAYS)
_ORDER = {name: index for index, (name, _) in enumerate(ROW_ARRAYS)}
_OPTIONAL = frozenset(name for name, _ in ROW_ARRAYS[1:8])
_LENGTH = struct.Struct("<Q")


class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    name: str
    shape: tuple[int, ...]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    arrays: tuple[_Array, ...]
    monotonic_ns: str
    previous_leaf: str
    sequence: int
    utc: str
    utc_ns: str


_HEADER = msgspec.json.Decoder(_Header)


class RowHeader(NamedTuple):
    """What a header says of its row.

    Attributes
    ----------
    sequence : int
    previous_leaf : bytes
        Leaf of the row before.
    sizes : tuple of (str, int)
        Name and number of values of each array.
    """

    sequence: int
    previous_leaf: bytes
    sizes: tuple[tuple[str, int], ...]


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
        if array.dtype != dtype or array.ndim != 1:
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
    if len(previous) != len(NO_LEAF):
        raise ParameterError(f"previous leaf has {len(previous)} bytes; give 32, NO_LEAF for the first row")
    arrays = _arrays_json(tuple((name, array.size) for name, array in row_arrays(row).items()))
    rest = rfc8785.dumps(
        {
            "monotonic_ns": str(int(row.monotonic_ns)),
            "previous_leaf": previous.hex(),
            "sequence": int(row.sequence),
            "utc": iso_utc(int(row.utc_ns)),
            "utc_ns": str(int(row.utc_ns)),
        }
    )
    return b'{"arrays":' + arrays + b"," + rest[1:]


@lru_cache(maxsize=64)
def _arrays_json(sizes: tuple[tuple[str, int], ...]) -> bytes:
    # The same for every row of a record, and most of the cost of a header; "arrays" sorts before the other keys.
    return rfc8785.dumps([{"dtype": _DTYPES[name].str, "name": name, "shape": [size]} for name, size in sizes])


def encode_row(row: SweepRow, previous: bytes) -> tuple[bytes, bytes]:
    """Turn a row into the header and the payload that its leaf is made of.

    Raises
    ------
    ParameterError
        As in ``row_header``.
    """
    header = row_header(row, previous)
    return header, b"".join(array.tobytes() for array in row_arrays(row).values())


def leaf(header: bytes, payload: bytes | memoryview) -> bytes:
    """Hash a row: SHA-256(0x00 | u64 length of the header | header | payload), 32 bytes.

    Examples
    --------
    >>> leaf(b"{}", b"").hex()[:16]
    '30462b69aa461086'
    """
    digest = hashlib.sha256(b"\x00" + _LENGTH.pack(len(header)) + header)
    digest.update(payload)
    return digest.digest()


def read_header(header: bytes) -> RowHeader:
    """Read what a header says of its row.

    Raises
    ------
    RecordError
        The header is not one that ``row_header`` writes.
    """
    try:
        head = _HEADER.decode(header)
        sizes = tuple((spec.name, math.prod(spec.shape)) for spec in head.arrays)
        return RowHeader(head.sequence, bytes.fromhex(head.previous_leaf), sizes)
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordError(f"row header cannot be read ({error}); was it written by a newer Quietroom?") from error


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
        head = _HEADER.decode(header)
        arrays = _split(head.arrays, memoryview(payload))
        missing = set(_DTYPES) - _OPTIONAL - set(arrays)
        if missing:
            raise ValueError(f"no array {sorted(missing)[0]}")
        utc_ns, monotonic_ns = _nanoseconds(head.utc_ns), _nanoseconds(head.monotonic_ns)
        return SweepRow(sequence=head.sequence, utc_ns=utc_ns, monotonic_ns=monotonic_ns, **arrays)
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordError(f"row cannot be read ({error}); was it written by a newer Quietroom?") from error


def _nanoseconds(text: str) -> int:
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{value} ns is no time")
    return value


def _split(specs: tuple[_Array, ...], payload: memoryview) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    offset, last = 0, -1
    for spec in specs:
        dtype = _DTYPES.get(spec.name)
        if dtype is None or dtype.str != spec.dtype or len(spec.shape) != 1 or _ORDER[spec.name] <= last:
            raise ValueError(f"array {spec.name!r} of {spec.dtype!r} and shape {list(spec.shape)} is unknown here")
        last, size = _ORDER[spec.name], spec.shape[0]
        end = offset + size * dtype.itemsize
        if size < 0 or end > len(payload):
            raise ValueError(f"array {spec.name} needs bytes {offset} to {end}, the row has {len(payload)}")
        arrays[spec.name] = np.frombuffer(payload[offset:end], dtype) if size else np.empty(0, dtype)
        offset = end
    if offset != len(payload):
        raise ValueError(f"{len(payload) - offset} bytes follow the last array")
    return arrays
