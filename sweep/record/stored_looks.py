"""The second looks of an open record."""

from __future__ import annotations

import numpy as np

from dsp.errors import QuietroomError, RecordError
from sweep.leaf import NO_LEAF, leaf
from sweep.look_leaf import encode_look
from sweep.looks import LOOK_ARRAYS, MAX_LOOKS, Look, LookRequest
from sweep.record.entry import RecordEntry
from sweep.record.schema import LOOK_NUMBERS

__all__ = ["read_looks", "verify_looks"]

_MAX_DWELLS, _MAX_BINS = 1 << 16, 1 << 16


def read_looks(entry: RecordEntry) -> tuple[tuple[Look, ...], tuple[bytes, ...]]:
    """Read all looks and their stored leaves; none where the sweep took none.

    Raises
    ------
    RecordError
        Something of them is missing, of another type or shape, or does not agree. The message does not name the file.
    """
    if "looks" not in entry:
        return (), ()
    shape = entry.shape("looks/leaf")
    if len(shape) != 2 or not 0 < shape[0] <= MAX_LOOKS:
        raise RecordError(f"has leaves of second looks of shape {shape}, not of 1 to {MAX_LOOKS} looks")
    n_looks = shape[0]
    leaves = tuple(bytes(line) for line in entry.read("looks/leaf", "|u1", (n_looks, len(NO_LEAF))))
    columns = {name: entry.read(f"looks/{name}", dtype, (n_looks,)).tolist() for name, dtype in LOOK_NUMBERS}
    failures = [line["failure"] or None for line in entry.table("looks/failures", (), ("failure",))]
    counts, widths = columns["n_dwells"], columns["n_bins"]
    n_dwells, n_bins = sum(counts), max(widths)
    if min(counts) < 0 or n_dwells > _MAX_DWELLS or not 0 <= n_bins <= _MAX_BINS or len(failures) != n_looks:
        raise RecordError(f"has second looks of {n_dwells} dwells and {n_bins} bins, which cannot be")
    if any((width, count > 0) not in ((n_bins, True), (0, False)) for width, count in zip(widths, counts, strict=True)):
        raise RecordError("has second looks of differing widths")
    arrays = {name: entry.read(f"looks/{name}", "<i2", (n_dwells, n_bins)) for name in LOOK_ARRAYS}
    arrays["flags"] = entry.read("looks/flags", "|u1", (n_dwells,))
    for values in arrays.values():
        values.flags.writeable = False
    ends = np.cumsum(counts).tolist()
    looks = []
    for number, (end, failure) in enumerate(zip(ends, failures, strict=True)):
        line = {name: values[number] for name, values in columns.items()}
        dwells = slice(end - counts[number], end)
        looks.append(
            Look(
                request=LookRequest(
                    center_freq_hz=line["center_freq_hz"],
                    gain_step_db=line["gain_step_db"],
                    n_dwells=line["wanted_dwells"],
                ),
                utc_ns=line["utc_ns"],
                monotonic_ns=line["monotonic_ns"],
                gain_db=None if np.isnan(line["gain_db"]) else line["gain_db"],
                first_bin=line["first_bin"],
                failure=failure,
                flags=arrays["flags"][dwells],
                **{name: arrays[name][dwells, : widths[number]] for name in LOOK_ARRAYS},
            )
        )
    return tuple(looks), leaves


def verify_looks(looks: tuple[Look, ...], leaves: tuple[bytes, ...], last_row: bytes) -> list[tuple[int, bool]]:
    """Hash every look anew, and say of each whether its stored leaf is that of the look.

    Parameters
    ----------
    looks : tuple of Look
    leaves : tuple of bytes
        As stored.
    last_row : bytes
        Leaf of the last row, with which the chain of the looks begins.
    """
    result = []
    for number, look in enumerate(looks):
        previous = leaves[number - 1] if number else last_row
        try:
            unaltered = leaf(*encode_look(look, number, previous)) == leaves[number]
        except (QuietroomError, ValueError, OverflowError, OSError):  # a time that no calendar has
            unaltered = False
        result.append((number, unaltered))
    return result
