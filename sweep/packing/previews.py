"""Previews of a record: levels over all rows, and the waterfall; gathered from blocks of rows as they pass by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sweep.model import FILL, Judgement
from sweep.packing.axes import FREQUENCY, write_time
from sweep.packing.hdf5 import make_dataset, make_group
from sweep.record.schema import MAX_WATERFALL_CELLS

__all__ = ["Preview", "write_previews"]

_POWER = np.where(np.arange(65536) == 32768, 0.0, 10 ** (np.arange(65536, dtype=np.uint16).view(np.int16) / 1000.0))


class Preview:
    """Summary and waterfall of the rows that pass by.

    Parameters
    ----------
    n_rows : int
        Rows that will come.
    freq_hz : ndarray of float64, shape (n_bins,)
    has_max : bool
        Whether the rows have maxima; else their means stand for them.

    Attributes
    ----------
    rows_per_line : int
        Rows in one line of the waterfall.
    """

    def __init__(self, n_rows: int, freq_hz: NDArray[np.float64], *, has_max: bool) -> None:
        self._freq_hz = freq_hz
        self._peak_name = "max_hold" if has_max else "mean"
        self._power = np.zeros(freq_hz.size)
        self._count = np.zeros(freq_hz.size, np.int64)
        self._peak = np.full(freq_hz.size, FILL, np.int16) if has_max else None
        self.rows_per_line = -(-n_rows // MAX_WATERFALL_CELLS) or 1
        self._columns = np.arange(0, freq_hz.size, -(-freq_hz.size // MAX_WATERFALL_CELLS))
        self._lines = np.full((-(-n_rows // self.rows_per_line), self._columns.size), FILL, np.int16)

    def add(self, first_row: int, stacked: Mapping[str, NDArray[Any]]) -> None:
        """Take a block of rows, the first of which has this number."""
        mean, peak = stacked["mean"], stacked[self._peak_name]
        for row in mean:  # one at a time: the powers of a block would be four times its size
            self._power += _POWER[row.view(np.uint16)]
        self._count += np.count_nonzero(mean != FILL, axis=0)
        if self._peak is not None:
            np.maximum(self._peak, peak.max(axis=0), out=self._peak)
        cells = peak if self._columns.size == peak.shape[1] else np.maximum.reduceat(peak, self._columns, axis=1)
        start = 0
        while start < len(cells):
            line = (first_row + start) // self.rows_per_line
            stop = min(len(cells), (line + 1) * self.rows_per_line - first_row)
            np.maximum(self._lines[line], cells[start:stop].max(axis=0), out=self._lines[line])
            start = stop

    @property
    def mean_dbfs(self) -> NDArray[np.float32]:
        """Mean power of each bin."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (10 * np.log10(self._power / self._count)).astype(np.float32)

    @property
    def max_dbfs(self) -> NDArray[np.float32] | None:
        """Highest level of each bin; None without maxima."""
        return None if self._peak is None else _levels(self._peak)

    def waterfall(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Highest level of each cell, and the middle frequency of each column."""
        last = np.append(self._columns[1:], self._freq_hz.size) - 1
        return _levels(self._lines), (self._freq_hz[self._columns] + self._freq_hz[last]) / 2


def write_previews(entry: h5py.Group, preview: Preview, judged: Judgement, times_ns: NDArray[np.int64]) -> None:
    """Write the levels over all rows, which are the default plot, and the waterfall; what is not known is absent.

    Parameters
    ----------
    entry : h5py.Group
        Its frequencies are there already.
    preview : Preview
    judged : Judgement
    times_ns : ndarray of int64, shape (n_rows, 2)
        Start of every row, UTC and monotonic.
    """
    levels: dict[str, NDArray[np.float32] | None] = {
        "max_hold": preview.max_dbfs,
        "mean": preview.mean_dbfs,
        "baseline": judged.baseline_dbfs,
        "noise_floor": judged.noise_floor_dbfs,
    }
    known = {name: values for name, values in levels.items() if values is not None}
    signal, *others = known
    summary = make_group(entry, "summary", "NXdata", signal=signal, auxiliary_signals=others, axes=["frequency"])
    summary["frequency"] = entry["data/frequency"]
    for name, values in known.items():
        dataset = make_dataset(summary, name, values.shape, np.dtype("<f4"), values)
        dataset.attrs.update({"units": "dB(FS)", "long_name": f"{name.replace('_', ' ')} (dBFS)"})
    if judged.threshold_db is not None:
        dataset = make_dataset(summary, "threshold", judged.threshold_db.shape, np.dtype("<f4"), judged.threshold_db)
        dataset.attrs.update({"units": "dB", "long_name": "excess over the baseline that a bin is listed from (dB)"})
    if times_ns.size:
        _write_waterfall(entry, preview, times_ns)


def _write_waterfall(entry: h5py.Group, preview: Preview, times_ns: NDArray[np.int64]) -> None:
    level, freq_hz = preview.waterfall()
    waterfall = make_group(entry, "waterfall", "NXdata", signal="level", axes=["time", "frequency"])
    dataset = make_dataset(waterfall, "level", level.shape, np.dtype("<f4"), level)
    dataset.attrs.update({"units": "dB(FS)", "long_name": "highest level (dBFS)", "interpretation": "image"})
    frequency = make_dataset(waterfall, "frequency", freq_hz.shape, np.dtype("<f8"), freq_hz)
    frequency.attrs.update(FREQUENCY)
    write_time(waterfall, times_ns[:: preview.rows_per_line])


def _levels(stored: NDArray[np.int16]) -> NDArray[np.float32]:
    return np.where(stored == FILL, np.float32(np.nan), stored.astype(np.float32) / np.float32(100))
