"""Refusal of files that no packing made: links, data elsewhere, other schemas, and whatever HDF5 fails on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import msgspec

from dsp.errors import RecordError
from sweep.journal.documents import one_line
from sweep.record.schema import SCHEMA

__all__ = ["check_schema", "refusing", "survey"]

_MAX_OBJECTS = 1000
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError, msgspec.MsgspecError)


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn whatever HDF5 makes of a damaged file into one line that names the file.

    Raises
    ------
    RecordError
        For any error that reading a file can give.
    """
    try:
        yield
    except RecordError as error:
        raise RecordError(f"{path}: {one_line(error)}; fetch an intact copy of the record") from error
    except _DAMAGE as error:
        raise RecordError(f"{path}: is damaged ({one_line(error)}); fetch an intact copy of the record") from error


def survey(file: h5py.File) -> None:
    """Refuse anything in the file that points elsewhere, before any of it is read.

    Raises
    ------
    RecordError
        A link that is not a hard one, data in another file, or more objects than a record has.
    """
    waiting, n_links = [file["/"]], 0
    seen = {h5py.h5o.get_info(file.id).addr}
    while waiting:
        group = waiting.pop()
        n_links += len(group)
        if n_links > _MAX_OBJECTS:
            raise RecordError(f"holds more than {_MAX_OBJECTS} objects, which no record has")
        for name in group:
            child = _own(group, name)
            address = h5py.h5o.get_info(child.id).addr
            if address not in seen and isinstance(child, h5py.Group):
                waiting.append(child)
            seen.add(address)


def _own(group: h5py.Group, name: str) -> h5py.HLObject:
    """An object that lies in this file, with all of its data."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise RecordError(f"holds {group.name.rstrip('/')}/{name}, a link to somewhere else, which no record has")
    child = group[name]
    if isinstance(child, h5py.Dataset) and (child.is_virtual or child.external):
        raise RecordError(f"holds {child.name}, whose data lie in another file, which no record has")
    return child


def check_schema(file: h5py.File) -> str:
    """Give the version of the schema; refuse what is no sweep record, or one of another major version.

    Raises
    ------
    RecordError
        As said.
    """
    if "quietroom_schema" not in file.attrs:
        raise RecordError("is an HDF5 file, but not a Quietroom sweep record")
    version = file.attrs.get_id("quietroom_schema")
    if version.shape != () or h5py.check_string_dtype(version.dtype) is None:
        raise RecordError("has a schema version that is no text")
    text = file.attrs["quietroom_schema"]
    text = text.decode() if isinstance(text, bytes) else str(text)
    if text.partition(".")[0] != SCHEMA.partition(".")[0]:
        raise RecordError(f"has schema {text}, and this Quietroom reads {SCHEMA.partition('.')[0]}.x: update Quietroom")
    return text
