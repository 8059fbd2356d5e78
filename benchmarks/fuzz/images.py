"""HDF5 files in memory: opened and taken out again without a file, and cut down to what a reader reads."""

from __future__ import annotations

from collections.abc import Sequence

import h5py

from baselines.boxes import NARROW_SCALES

__all__ = ["image_of", "opened", "slim_baseline", "slim_records"]

_BARE = ("data/mean", "data/frequency", "hops", "rows", "processing")
_BESIDE = (
    ("data/max_hold", "bursts/burst_8", "gaps", "events"),
    ("summary", "waterfall"),
    ("stays/data/mean", "stays/hops", "stays/rows"),
    ("looks",),
)


def opened(image: bytes) -> h5py.File:
    """Open a copy of a file in memory, to be changed."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V110)
    access.set_file_image(image)
    return h5py.File(h5py.h5f.open(b"image", h5py.h5f.ACC_RDWR, access))


def image_of(file: h5py.File) -> bytes:
    """Give the bytes of an open file."""
    file.flush()
    image: bytes = file.id.get_file_image()
    return image


def slim_records(image: bytes) -> list[bytes]:
    """Make small records of one, each with its rows and some of what a reader reads beside them.

    Every object takes the same time to find and to check, and a reader never opens half of those in a record.
    """
    whole = opened(image)
    try:
        return [_with(whole, (*_BARE, *beside)) for beside in _BESIDE if f"entry/{beside[0]}" in whole]
    finally:
        whole.close()


def slim_baseline(image: bytes) -> bytes:
    """Make a small baseline of one: with those scales and burst limits only that a reader asks for."""
    file = opened(image)
    try:
        for group in ("excess_variance", "between_variance"):
            for scale in set(file[group]) - {str(scale) for scale in NARROW_SCALES}:
                del file[group][scale]
        for limit in sorted(file["burst_limits"])[2:]:
            del file["burst_limits"][limit]
        with h5py.File("slim", "w", driver="core", backing_store=False, libver=("v108", "v110")) as slim:
            for key, value in file.attrs.items():
                slim.attrs[key] = value
            for name in file:
                file.copy(name, slim, name)
            return image_of(slim)
    finally:
        file.close()


def _with(whole: h5py.File, places: Sequence[str]) -> bytes:
    with h5py.File("slim", "w", driver="core", backing_store=False, libver=("v108", "v110")) as slim:
        for key in ("quietroom_schema", "creator"):
            slim.attrs[key] = whole.attrs[key]
        for place in places:
            parent, _, name = f"entry/{place}".rpartition("/")
            if place in whole["entry"]:
                whole.copy(f"entry/{place}", slim.require_group(parent), name)
        return image_of(slim)
