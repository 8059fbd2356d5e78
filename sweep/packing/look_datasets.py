"""The second looks of a sweep in its record: their dwells one after another, and a line for each look."""

from __future__ import annotations

import h5py
import numpy as np

from sweep.journal import JournalReader
from sweep.leaf import NO_LEAF
from sweep.looks import LOOK_ARRAYS
from sweep.model import FILL
from sweep.packing.hdf5 import make_dataset, make_group, make_table
from sweep.record.schema import LOOK_NUMBERS

__all__ = ["write_looks"]


def write_looks(entry: h5py.Group, journal: JournalReader) -> None:
    """Write the second looks of a journal; without any there is no group.

    Raises
    ------
    JournalDamageError
        A look does not follow what stands before it.
    """
    looks = journal.looks
    if not looks:
        return
    group = make_group(entry, "looks", "NXcollection")
    n_bins = max(look.n_bins for look in looks)
    for name in LOOK_ARRAYS:
        stacked = np.concatenate(
            [getattr(look, name) for look in looks if look.n_bins] or [np.empty((0, n_bins), "<i2")]
        )
        dataset = make_dataset(group, name, stacked.shape, np.dtype("<i2"), stacked)
        units = "cdB" if name == "spectral_kurtosis" else "cdB(FS)"
        dataset.attrs.update({"units": units, "scale_factor": 0.01, "_FillValue": np.int16(FILL)})
    flags = np.concatenate([look.flags for look in looks])
    make_dataset(group, "flags", flags.shape, np.dtype("|u1"), flags)
    lines = [
        {
            "center_freq_hz": look.request.center_freq_hz,
            "gain_step_db": look.request.gain_step_db,
            "wanted_dwells": look.request.n_dwells,
            "n_dwells": len(look.flags),
            "n_bins": look.n_bins,
            "first_bin": look.first_bin,
            "gain_db": np.nan if look.gain_db is None else look.gain_db,
            "utc_ns": look.utc_ns,
            "monotonic_ns": look.monotonic_ns,
        }
        for look in looks
    ]
    for name, dtype in LOOK_NUMBERS:
        column = np.array([line[name] for line in lines], np.dtype(dtype))
        make_dataset(group, name, column.shape, column.dtype, column)
    leaves = np.frombuffer(b"".join(journal.look_leaves), np.uint8).reshape(-1, len(NO_LEAF))
    make_dataset(group, "leaf", leaves.shape, leaves.dtype, leaves)
    make_table(group, "failures", {"failure": [look.failure or "" for look in looks]}, {}, {})
