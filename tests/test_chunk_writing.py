"""Chunks that went through HDF5's filters before HDF5 saw them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from sweep.model import FILL
from sweep.packing.chunk_writing import chunk_writer, fletcher32
from sweep.packing.hdf5 import make_dataset


@pytest.mark.parametrize("size", [1, 2, 3, 359, 360, 361, 719, 721, 5000, 131_071])
@pytest.mark.parametrize("kind", ["random", "ones", "zeros"])
def test_the_checksum_is_that_of_hdf5(tmp_path: Path, size: int, kind: str) -> None:
    random = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
    data = {"random": random, "ones": np.full(size, 255, np.uint8), "zeros": np.zeros(size, np.uint8)}[kind]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("data", data=data, chunks=(size,), fletcher32=True)
        stored = dataset.id.read_direct_chunk((0,))[1]
    assert stored == data.tobytes() + fletcher32(data.tobytes()).to_bytes(4, "little")


@pytest.mark.parametrize("dtype", ["<i2", "<i8", "<f4", "|u1"])
@pytest.mark.parametrize(("n_rows", "width"), [(1, 1), (7, 960), (1000, 239), (300, 960), (3, 65536), (2, 150_000)])
def test_hdf5_reads_what_was_put_in_whatever_the_pieces(tmp_path: Path, n_rows: int, width: int, dtype: str) -> None:
    values = np.random.default_rng(1).normal(-6000, 60, (n_rows, width)).astype(np.int16).astype(dtype)
    values[n_rows // 2, : width // 2] = 0
    contents = []
    for step in (1, 7, n_rows):
        path = tmp_path / f"{step}.h5"
        with h5py.File(path, "w", libver=("v108", "v110")) as file:
            dataset = make_dataset(
                file, "levels", values.shape, values.dtype, fillvalue=FILL if dtype == "<i2" else None
            )
            with chunk_writer({"levels": dataset}) as chunks:
                for first in range(0, n_rows, step):
                    chunks.put("levels", first, values[first : first + step])
        with h5py.File(path) as file:
            np.testing.assert_array_equal(file["levels"][:], values)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_noise_takes_less_room_than_in_the_chunks_of_hdf5(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(-6000, 60, (136, 960)).astype(np.int16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        theirs = make_dataset(file, "theirs", values.shape, values.dtype, values)
        ours = make_dataset(file, "ours", values.shape, values.dtype)
        with chunk_writer({"ours": ours}) as chunks:
            chunks.put("ours", 0, values)
        assert ours.id.get_storage_size() < 0.98 * theirs.id.get_storage_size()
