"""Rows taken out of their chunks here are those that HDF5 gives."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import RecordError
from sweep.record.chunk_reading import ChunkedRows


def dataset(folder: Path, values: np.ndarray[Any, Any], chunks: tuple[int, ...], **filters: Any) -> h5py.Dataset:
    path = folder / f"{len(list(folder.iterdir()))}.h5"
    ours = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=chunks, **(ours | filters))
    return h5py.File(path, "r+")["x"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_as_hdf5_reads_them(tmp_path: Path, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["<i2", "<i8", "<f8", "<f4", "<i4", "|u1"]))
    shape = data.draw(st.one_of(st.tuples(st.integers(1, 12)), st.tuples(st.integers(1, 12), st.integers(1, 30))))
    chunks = tuple(data.draw(st.integers(1, size)) for size in shape)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = random.integers(0, 256, (*shape, np.dtype(dtype).itemsize), np.uint8).view(dtype)[..., 0]
    stored = dataset(tmp_path, values, chunks)
    rows = ChunkedRows(stored)
    for _ in range(3):
        begin = data.draw(st.integers(0, shape[0] - 1))
        end = data.draw(st.integers(begin + 1, shape[0]))
        assert rows.read(begin, end).tobytes() == values[begin:end].tobytes()
    stored.file.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bit_of_the_values_can_be_changed(tmp_path: Path, data: st.DataObject) -> None:
    values = np.arange(600, dtype="<i2").reshape(2, 300) * 7
    stored = dataset(tmp_path, values, (1, 300))
    _, chunk = stored.id.read_direct_chunk((1, 0))
    changed = bytearray(chunk)
    changed[data.draw(st.integers(0, len(chunk) - 5))] ^= 1 << data.draw(st.integers(0, 7))
    stored.id.write_direct_chunk((1, 0), bytes(changed))
    try:
        assert ChunkedRows(stored).read(1, 2).tobytes() == values[1:].tobytes()
    except RecordError as error:
        assert "has a damaged chunk of /x, at (1, 0)" in str(error)
    finally:
        stored.file.close()


@pytest.mark.parametrize("size", [599, 601, 10_000_000])
def test_a_chunk_of_another_size(tmp_path: Path, size: int) -> None:
    """However much it would make, no more than a chunk is made of it."""
    stored = dataset(tmp_path, np.zeros((2, 300), "<i2"), (1, 300))
    stored.id.write_direct_chunk((0, 0), zlib.compress(bytes(size)) + bytes(4))
    with pytest.raises(RecordError, match="has a damaged chunk"):
        ChunkedRows(stored).read(0, 1)
    stored.file.close()


def test_other_filters_are_left_to_hdf5(tmp_path: Path) -> None:
    values = np.arange(600, dtype="<i2").reshape(2, 300)
    for filters in ({"shuffle": False}, {"compression": None, "compression_opts": None}):
        stored = dataset(tmp_path, values, (1, 300), **filters)
        assert ChunkedRows(stored).read(0, 2).tobytes() == values.tobytes()
        stored.file.close()


def test_a_chunk_past_its_filters(tmp_path: Path) -> None:
    stored = dataset(tmp_path, np.zeros((2, 300), "<i2"), (1, 300))
    path = stored.file.filename
    stored.id.write_direct_chunk((0, 0), bytes(600), filter_mask=7)
    stored.file.close()
    with h5py.File(path) as file, pytest.raises(RecordError, match="without its checksum"):
        ChunkedRows(file["x"]).read(0, 1)
