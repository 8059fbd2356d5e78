"""The rows of a record, written in blocks; previews and health are gathered from them on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sweep.journal import JournalReader
from sweep.leaf import NO_LEAF, ROW_ARRAYS, row_arrays
from sweep.leaves import Leaves
from sweep.model import FILL
from sweep.packing.axes import FREQUENCY, write_time
from sweep.packing.chunk_writing import chunk_writer
from sweep.packing.hdf5 import make_dataset, make_group
from sweep.packing.health import Health
from sweep.packing.previews import Preview
from sweep.plan import Layout
from sweep.record.schema import row_place
from sweep.row_blocks import RowBlock

__all__ = ["WrittenRows", "write_rows", "write_stays"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WrittenRows:
    """What other parts of a record say of its rows.

    Attributes
    ----------
    times_ns : ndarray of int64, shape (n_rows, 2)
        Start of each row, UTC and monotonic.
    preview : Preview
    health : Health
    """

    times_ns: NDArray[np.int64]
    preview: Preview
    health: Health


def write_rows(entry: h5py.Group, journal: JournalReader) -> WrittenRows:
    """Write all rows of a journal, with their times, leaves and frequencies.

    Raises
    ------
    JournalDamageError
        The journal was changed since it was opened.
    """
    first = next(journal.rows(0, 1), None)
    arrays = {} if first is None else row_arrays(first)
    data = make_group(entry, "data", "NXdata", signal="mean", axes=["time", "frequency"])
    data.attrs["interpretation"] = "spectrum"
    datasets = _make_datasets(entry, journal.layout, journal.n_rows, arrays)
    preview = Preview(journal.n_rows, journal.layout.freq_hz, has_max="max_hold" in arrays)
    health = Health()

    def look_on(block: RowBlock) -> None:
        preview.add(block.first, block.arrays)
        health.add(block.arrays)

    times = _fill(datasets, journal.hashed_blocks(), journal.n_rows, look_on)
    _write_axes(entry, journal, times)
    return WrittenRows(times_ns=times, preview=preview, health=health)


def write_stays(entry: h5py.Group, journal: JournalReader, health: Health) -> None:
    """Write the stays of a journal, as its rows are; without any there is no group.

    Parameters
    ----------
    entry : h5py.Group
    journal : JournalReader
    health : Health
        Takes what the stays say of the receiver.

    Raises
    ------
    JournalDamageError
        The journal was changed since it was opened, or a stay does not follow what stands before it.
    """
    if not journal.n_stays:
        return
    group = make_group(entry, "stays", "NXcollection")
    arrays = row_arrays(next(journal.stays(0, 1)))
    group.attrs["n_dwells"] = arrays["hop_flags"].size
    make_group(group, "data", "NXcollection")
    datasets = _make_datasets(group, journal.layout, journal.n_stays, arrays)
    times = _fill(datasets, journal.hashed_stays(), journal.n_stays, lambda block: health.add(block.arrays))
    _write_leaves(group, times, journal.stay_leaves)


def _fill(
    datasets: Mapping[str, h5py.Dataset],
    blocks: Iterable[RowBlock],
    n_rows: int,
    look_on: Callable[[RowBlock], None],
) -> NDArray[np.int64]:
    """Write rows block by block, let somebody look on, and give their times, UTC and monotonic."""
    times = np.empty((n_rows, 2), np.int64)
    with chunk_writer({name: dataset for name, dataset in datasets.items() if 0 not in dataset.shape}) as chunks:
        for block in blocks:
            rows = slice(block.first, block.first + len(block))
            for name, values in block.arrays.items():
                if values.size:
                    chunks.put(name, block.first, values)
            times[rows] = block.times
            look_on(block)
    return times


def _make_datasets(
    entry: h5py.Group, layout: Layout, n_rows: int, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, h5py.Dataset]:
    make_group(entry, "bursts", "NXcollection")
    make_group(entry, "hops", "NXcollection")
    datasets: dict[str, h5py.Dataset] = {}
    for name, dtype in ROW_ARRAYS:
        if name not in arrays and name != "mean" and not name.startswith("hop_"):
            continue
        missing = layout.n_bins if name == "mean" else layout.n_hops
        width = arrays[name].size if name in arrays else missing
        levels = dtype == np.int16
        dataset = make_dataset(entry, row_place(name), (n_rows, width), dtype, fillvalue=FILL if levels else None)
        if levels:
            is_level = name in ("mean", "max_hold", "min_hold")
            dataset.attrs.update({"units": "cdB(FS)" if is_level else "cdB", "scale_factor": 0.01})
            dataset.attrs["_FillValue"] = np.int16(FILL)
        datasets[name] = dataset
    return datasets


def _write_axes(entry: h5py.Group, journal: JournalReader, times: NDArray[np.int64]) -> None:
    """Write what the arrays of the rows are read with: frequencies, times, leaves."""
    freq_hz = journal.layout.freq_hz
    frequency = make_dataset(entry, "data/frequency", freq_hz.shape, np.dtype("<f8"), freq_hz)
    frequency.attrs.update(FREQUENCY)
    write_time(entry["data"], times)
    _write_leaves(entry, times, journal.leaves)


def _write_leaves(entry: h5py.Group, times: NDArray[np.int64], hashes: Leaves) -> None:
    rows = make_group(entry, "rows", "NXcollection")
    for index, name in enumerate(("utc_ns", "monotonic_ns")):
        make_dataset(rows, name, times[:, index].shape, np.dtype("<i8"), times[:, index]).attrs["units"] = "ns"
    leaves = np.frombuffer(bytes(hashes.joined), np.uint8).reshape(-1, len(NO_LEAF))
    make_dataset(rows, "leaf", leaves.shape, leaves.dtype, leaves)
