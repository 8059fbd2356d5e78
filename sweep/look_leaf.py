"""The hash of a second look: made as that of a row, and chained to it.

A leaf is SHA-256(0x00 | u64 length of the header | header | payload), as in ``sweep.leaf``. The first look names the
leaf of the last row before it, so that neither rows nor looks can be taken away between them.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import rfc8785

from dsp.errors import ParameterError, RecordError
from sweep.leaf import NO_LEAF
from sweep.looks import LOOK_ARRAYS, Look, LookRequest
from sweep.units import iso_utc

__all__ = ["decode_look", "encode_look", "look_previous"]

_ARRAYS: tuple[tuple[str, np.dtype[Any]], ...] = (
    *((name, np.dtype("<i2")) for name in LOOK_ARRAYS),
    ("flags", np.dtype("|u1")),
)
_MAX_VALUES = 1 << 26


class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    name: str
    shape: tuple[int, ...]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    arrays: tuple[_Array, ...]
    failure: str | None
    first_bin: int
    gain_db: float | None
    look: int
    monotonic_ns: str
    previous_leaf: str
    request: LookRequest
    utc: str
    utc_ns: str


_HEADER = msgspec.json.Decoder(_Header)


def encode_look(look: Look, number: int, previous: bytes) -> tuple[bytes, bytes]:
    """Turn a look into the header (canonical JSON) and the payload that its leaf is made of.

    Parameters
    ----------
    look : Look
    number : int
        Of the look within its record, from 0.
    previous : bytes
        Leaf of the look before; of the last row for the first look.

    Raises
    ------
    ParameterError
        The arrays have other types or shapes than a look has, or the previous leaf is not 32 bytes.
    """
    shape = (len(look.flags), look.n_bins)
    arrays = {name: getattr(look, name) for name, _ in _ARRAYS}
    wrong = [name for name, dtype in _ARRAYS if arrays[name].dtype != dtype]
    wrong += [name for name in arrays if arrays[name].shape != (shape[:1] if name == "flags" else shape)]
    if wrong or len(previous) != len(NO_LEAF):
        what = ", ".join(wrong) or "the leaf before it"
        raise ParameterError(f"look {number} cannot be kept: {what} is not of the type and shape that a look has")
    header = {
        "arrays": [{"dtype": dtype.str, "name": name, "shape": list(arrays[name].shape)} for name, dtype in _ARRAYS],
        "failure": look.failure,
        "first_bin": int(look.first_bin),
        "gain_db": None if look.gain_db is None else float(look.gain_db),
        "look": number,
        "monotonic_ns": str(int(look.monotonic_ns)),
        "previous_leaf": previous.hex(),
        "request": {
            "center_freq_hz": int(look.request.center_freq_hz),
            "gain_step_db": float(look.request.gain_step_db),
            "n_dwells": int(look.request.n_dwells),
        },
        "utc": iso_utc(int(look.utc_ns)),
        "utc_ns": str(int(look.utc_ns)),
    }
    return rfc8785.dumps(header), b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name, _ in _ARRAYS)


def look_previous(header: bytes) -> tuple[int, bytes]:
    """Number of a look and the leaf that it names as the one before.

    Raises
    ------
    RecordError
        The header is none that ``encode_look`` writes.
    """
    try:
        head = _HEADER.decode(header)
        return head.look, bytes.fromhex(head.previous_leaf)
    except (msgspec.DecodeError, ValueError) as error:
        raise _unreadable(error) from error


def decode_look(header: bytes, payload: bytes | memoryview) -> Look:
    """Read a look back from its header and payload.

    Raises
    ------
    RecordError
        The header is none that ``encode_look`` writes, or the payload does not hold what it says.
    """
    try:
        head = _HEADER.decode(header)
        arrays = _split(head.arrays, memoryview(payload))
        times = (int(head.utc_ns), int(head.monotonic_ns))
        if not all(-(1 << 63) <= time < 1 << 63 for time in times):
            raise ValueError(f"{times} ns is no time")
        return Look(
            request=head.request,
            utc_ns=times[0],
            monotonic_ns=times[1],
            gain_db=head.gain_db,
            first_bin=head.first_bin,
            failure=head.failure,
            **arrays,
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise _unreadable(error) from error


def _split(specs: tuple[_Array, ...], payload: memoryview) -> dict[str, Any]:
    if [(spec.name, spec.dtype) for spec in specs] != [(name, dtype.str) for name, dtype in _ARRAYS]:
        raise ValueError("its arrays are not those of a look")
    shape = specs[0].shape
    if len(shape) != 2 or min(shape) < 0 or shape[0] * shape[1] > _MAX_VALUES:
        raise ValueError(f"arrays of shape {list(shape)} cannot be")
    if any(spec.shape != (shape[:1] if spec.name == "flags" else shape) for spec in specs):
        raise ValueError("its arrays differ in shape")
    if len(payload) != shape[0] * (2 * len(LOOK_ARRAYS) * shape[1] + 1):
        raise ValueError(f"{len(payload)} bytes do not hold {shape[0]} dwells of {shape[1]} bins")
    arrays: dict[str, Any] = {}
    offset = 0
    for spec, (name, dtype) in zip(specs, _ARRAYS, strict=True):
        size = int(np.prod(spec.shape)) * dtype.itemsize
        arrays[name] = np.frombuffer(payload[offset : offset + size], dtype).reshape(spec.shape)
        offset += size
    return arrays


def _unreadable(error: Exception) -> RecordError:
    return RecordError(f"second look cannot be read ({error}); was it written by a newer Quietroom?")
