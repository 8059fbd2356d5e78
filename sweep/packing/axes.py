"""Axes of the plots in a record: frequency and time."""

from __future__ import annotations

import h5py
import numpy as np
from numpy.typing import NDArray

from sweep.packing.hdf5 import make_dataset
from sweep.units import iso_utc

__all__ = ["FREQUENCY", "write_time"]

FREQUENCY = {"units": "Hz", "long_name": "frequency (Hz)"}
"""Attributes of an axis of frequencies."""


def write_time(group: h5py.Group, times_ns: NDArray[np.int64]) -> None:
    """Write the start of each line in seconds since the first, of which the attribute ``start`` has the time.

    Parameters
    ----------
    group : h5py.Group
    times_ns : ndarray of int64, shape (n_time, 2)
        UTC and monotonic. A clock that is set while the sweep runs bends no axis.
    """
    monotonic_ns = times_ns[:, 1]
    seconds = (monotonic_ns - monotonic_ns[:1].sum()) / 1e9
    time = make_dataset(group, "time", seconds.shape, np.dtype("<f8"), seconds)
    time.attrs.update({"units": "s", "long_name": "time since the first row (s)"})
    if times_ns.size:
        time.attrs["start"] = iso_utc(int(times_ns[0, 0]))
