"""The header of a row: canonical JSON (RFC 8785) that says which arrays its payload holds, and when it began.

Thousands of headers differ in a few numbers only. They are written out by hand, and the list of arrays is read once.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import rfc8785

from dsp.errors import ParameterError, RecordError
from sweep.units import iso_utc

__all__ = [
    "NO_LEAF",
    "ROW_ARRAYS",
    "RowHeader",
    "RowSaid",
    "Sizes",
    "facts_of",
    "header_of",
    "header_start",
    "read_all",
    "read_header",
    "read_times",
    "row_type",
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

Sizes = tuple[tuple[str, int], ...]
"""Name and number of values of each array that a row has."""

_DTYPES = dict(ROW_ARRAYS)
_ORDER = {name: index for index, (name, _) in enumerate(ROW_ARRAYS)}
_NEEDED = frozenset(name for name, _ in (ROW_ARRAYS[0], *ROW_ARRAYS[8:]))
_MAX_SEQUENCE = 1 << 53
_MAX_VALUES = 1 << 30
_BEFORE_ARRAYS, _AFTER_ARRAYS = b'{"arrays":', b',"monotonic_ns":'


class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    name: str
    shape: tuple[int, ...]


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    monotonic_ns: str
    previous_leaf: str
    sequence: int
    utc: str
    utc_ns: str


_ARRAYS_JSON = msgspec.json.Decoder(tuple[_Array, ...])
_FACTS_JSON = msgspec.json.Decoder(_Facts)


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


class RowSaid(NamedTuple):
    """All that a header says of its row but the leaf before it.

    Attributes
    ----------
    sequence : int
    utc_ns, monotonic_ns : int
    kind : dtype
        Of the payload, as ``row_type`` gives it.
    """

    sequence: int
    utc_ns: int
    monotonic_ns: int
    kind: np.dtype[Any]


def header_of(sizes: Sizes, *, sequence: int, utc_ns: int, monotonic_ns: int, previous: bytes) -> bytes:
    """Write the header of a row of which these facts are known; see `row_header`.

    Raises
    ------
    ParameterError
        The previous leaf is not 32 bytes, or canonical JSON has no such sequence number.
    """
    facts = facts_of(sequence=sequence, utc_ns=utc_ns, monotonic_ns=monotonic_ns, previous=previous)
    return header_start(sizes) + facts


def facts_of(*, sequence: int, utc_ns: int, monotonic_ns: int, previous: bytes) -> bytes:
    """Write what a header says after its `header_start`; as `header_of`."""
    if len(previous) != len(NO_LEAF):
        raise ParameterError(f"previous leaf has {len(previous)} bytes; give 32, NO_LEAF for the first row")
    if not -_MAX_SEQUENCE < sequence < _MAX_SEQUENCE:
        raise ParameterError(f"row {sequence} cannot be numbered in canonical JSON; number rows from 0")
    # Written out, since a general writer costs more than the hash: keys in order, and no text that needs escaping.
    return (
        f'{int(monotonic_ns)}","previous_leaf":"{previous.hex()}",'
        f'"sequence":{int(sequence)},"utc":"{iso_utc(int(utc_ns))}","utc_ns":"{int(utc_ns)}"}}'
    ).encode("ascii")


@lru_cache(maxsize=64)
def header_start(sizes: Sizes) -> bytes:
    """Write what the headers of all rows with these arrays begin with.

    Examples
    --------
    >>> header_start((("mean", 3),))
    b'{"arrays":[{"dtype":"<i2","name":"mean","shape":[3]}],"monotonic_ns":"'
    """
    # "arrays" sorts before the other keys.
    specs: list[Any] = [{"dtype": _DTYPES[name].str, "name": name, "shape": [size]} for name, size in sizes]
    return _BEFORE_ARRAYS + rfc8785.dumps(specs) + _AFTER_ARRAYS + b'"'


@lru_cache(maxsize=64)
def row_type(sizes: Sizes) -> np.dtype[Any]:
    """Type of a whole payload, with a field for each array, without padding.

    Examples
    --------
    >>> row_type((("mean", 3), ("hop_flags", 1))).itemsize
    7
    """
    return np.dtype([(name, _DTYPES[name], (size,)) for name, size in sizes])


def read_header(header: bytes) -> RowHeader:
    """Read what a header says of its row.

    Raises
    ------
    RecordError
        The header is not one that ``row_header`` writes.
    """
    try:
        specs, facts = _split_header(header)
        return RowHeader(facts.sequence, bytes.fromhex(facts.previous_leaf), _sizes(specs))
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordError(f"row header cannot be read ({error}); was it written by a newer Quietroom?") from error


def read_times(header: bytes) -> tuple[int, int]:
    """Read the start of a row from its header: UTC and monotonic, in nanoseconds.

    Raises
    ------
    RecordError
        The header is not one that ``row_header`` writes.
    """
    try:
        _, facts = _split_header(header)
        return _nanoseconds(facts.utc_ns), _nanoseconds(facts.monotonic_ns)
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordError(f"row header cannot be read ({error}); was it written by a newer Quietroom?") from error


def read_all(header: bytes) -> RowSaid:
    """Read a header whose arrays must be known here.

    Raises
    ------
    ValueError
        It is not one that ``header_of`` writes.
    """
    specs, facts = _split_header(header)
    _check_arrays(specs)
    utc_ns, monotonic_ns = _nanoseconds(facts.utc_ns), _nanoseconds(facts.monotonic_ns)
    return RowSaid(facts.sequence, utc_ns, monotonic_ns, row_type(_sizes(specs)))


def _split_header(header: bytes) -> tuple[tuple[_Array, ...], _Facts]:
    at = header.find(_AFTER_ARRAYS)  # no text within the arrays can hold this: its quotes would be escaped
    if at < 0 or not header.startswith(_BEFORE_ARRAYS):
        raise ValueError("its keys are not those of a row")
    return _read_arrays(header[len(_BEFORE_ARRAYS) : at]), _FACTS_JSON.decode(b"{" + header[at + 1 :])


@lru_cache(maxsize=16)
def _read_arrays(text: bytes) -> tuple[_Array, ...]:
    return _ARRAYS_JSON.decode(text)


@lru_cache(maxsize=16)
def _sizes(specs: tuple[_Array, ...]) -> Sizes:
    return tuple((spec.name, math.prod(spec.shape)) for spec in specs)


@lru_cache(maxsize=16)
def _check_arrays(specs: tuple[_Array, ...]) -> None:
    last = -1
    for spec in specs:
        dtype = _DTYPES.get(spec.name)
        shape_fits = len(spec.shape) == 1 and 0 <= spec.shape[0] <= _MAX_VALUES
        if dtype is None or dtype.str != spec.dtype or not shape_fits or _ORDER[spec.name] <= last:
            raise ValueError(f"array {spec.name!r} of {spec.dtype!r} and shape {list(spec.shape)} is unknown here")
        last = _ORDER[spec.name]
    missing = _NEEDED - {spec.name for spec in specs}
    if missing:
        raise ValueError(f"no array {sorted(missing)[0]}")


def _nanoseconds(text: str) -> int:
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{value} ns is no time")
    return value
