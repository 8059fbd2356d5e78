"""Edits of an HDF5 file that keep it one: bytes flipped at random seldom get past the library's own checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import h5py
import numpy as np

from benchmarks.fuzz.images import image_of, opened
from benchmarks.fuzz.trees import edited_json

__all__ = ["edited"]

_TYPES = ("u1", "<i2", "<f4", "<f8", "<i8", "S5", ">u4", "<c8")
_SIZES = (0, 1, 2, 4, 9, 192, 193, 1 << 16, 1 << 24, 1 << 40)
_TEXTS = ("", "x", "1.0.0", "2.0.0", "{}", "[]", "[[[[", '{"a": NaN}', "9" * 5000, "\x1b[2J", "\u2028", "../..")


def edited(sound: bytes, recipe: bytes) -> bytes:
    """Apply the edits that a recipe names, four bytes each, to a copy of a sound file."""
    names = _names(sound)
    file = opened(sound)
    try:
        for at in range(0, min(len(recipe) - 3, 32), 4):
            what, where, first, second = recipe[at : at + 4]
            try:
                _EDITS[what % len(_EDITS)](file, names[(where + 256 * (second & 1)) % len(names)], first, second)
            except (KeyError, ValueError, TypeError, OSError, RuntimeError, OverflowError, MemoryError):
                continue  # the file does not allow it, for instance since an earlier edit
        return image_of(file)
    finally:
        file.close()


@cache
def _names(sound: bytes) -> list[str]:
    names: list[str] = []
    file = opened(sound)
    file.visit(names.append)
    file.close()
    return names


def _delete(file: h5py.File, name: str, *_: int) -> None:
    del file[name]


def _reshape(file: h5py.File, name: str, first: int, second: int) -> None:
    """Another shape and type, of which nothing may be written."""
    shape: tuple[int, ...] = (_SIZES[first % len(_SIZES)], _SIZES[second % len(_SIZES)])[: 1 + first // 128]
    del file[name]
    dtype = _TYPES[first % len(_TYPES)]
    chunks = tuple(max(1, min(size, 1 << 10)) for size in shape)
    file.create_dataset(name, shape, dtype, chunks=chunks, compression=1, shuffle=True, fletcher32=bool(second & 2))
    if np.prod(shape, dtype=float) < 1 << 16:
        file[name][...] = np.zeros((), dtype)


def _values(file: h5py.File, name: str, first: int, second: int) -> None:
    """Other values, in the same shape and type."""
    dataset = file[name]
    if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "iuf" and dataset.size:
        limits: Any = np.iinfo(dataset.dtype) if dataset.dtype.kind in "iu" else np.finfo(dataset.dtype)
        values = [0, 1, limits.min, limits.max, first]
        if dataset.dtype.kind == "f":
            values += [np.nan, np.inf, -np.inf]
        data = dataset[...]
        data.flat[second % data.size :: 1 + first % 7] = values[first % len(values)]
        dataset[...] = data


def _text(file: h5py.File, name: str, first: int, second: int) -> None:
    """Another text, or a byte of it changed."""
    dataset = file[name]
    if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind == "S" and dataset.shape == (1,):
        text = bytearray(dataset[0])
        text[(first * 256 + second) % max(1, len(text))] = b'"{}[],:0-9ntfe\\x'[first % 16]
        dataset[0] = bytes(text)


def _document(file: h5py.File, name: str, first: int, second: int) -> None:
    """Another value within the JSON text of a record."""
    place = "entry/processing/data"
    if place in file:
        text = edited_json(bytes(file[place][0]), bytes((first, second, len(name))))
        del file[place]
        file.create_dataset(place, data=np.array([text]), chunks=(1,), compression=1, fletcher32=True)


def _attribute(file: h5py.File, name: str, first: int, second: int) -> None:
    """Another value of an attribute: text, number, array, or none."""
    holder = file[name] if second & 1 else file
    keys = sorted(holder.attrs)
    if not keys:
        return
    key = keys[first % len(keys)]
    choices: tuple[Any, ...] = (*_TEXTS, -1, 0, 1 << 40, np.nan, np.inf, np.zeros(100), np.bytes_(b"\xff"), [])
    if second >= 240:
        del holder.attrs[key]
    else:
        holder.attrs[key] = choices[second % len(choices)]


def _link(file: h5py.File, name: str, first: int, _: int) -> None:
    del file[name]
    links = (h5py.SoftLink("/"), h5py.SoftLink(f"/{name}"), h5py.ExternalLink("/dev/zero", "/x"), file["/"])
    file[name] = links[first % len(links)]


_EDITS: tuple[Callable[[h5py.File, str, int, int], None], ...] = (
    _delete, _reshape, _values, _text, _document, _document, _attribute, _attribute, _link,
)  # fmt: skip
