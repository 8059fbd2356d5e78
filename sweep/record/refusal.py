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


def survey(file: h5py.File) -> dict[str, h5py.Dataset | None]:
    """Find everything in the file, and refuse anything that points elsewhere, before any of it is read.

    Returns
    -------
    dict of h5py.Dataset
        All that the file holds, by path without the first ``/``; None for a group. What a group holds that lies in two
        places is given in one of them.

    Raises
    ------
    RecordError
        A link that is not a hard one, data in another file, or more objects than a record has.
    """
    waiting, n_links = [("", h5py.h5g.open(file.id, b"/"))], 0
    seen = {h5py.h5o.get_info(file.id).addr}
    found: dict[str, h5py.Dataset | None] = {}
    while waiting:
        place, group = waiting.pop()
        n_links += len(group)
        if n_links > _MAX_OBJECTS:
            raise RecordError(f"holds more than {_MAX_OBJECTS} objects, which no record has")
        for name in group:
            inner = place + name.decode("utf-8", "backslashreplace")
            child = _own(group, name, inner)
            address = h5py.h5o.get_info(child).addr
            found[inner] = h5py.Dataset(child) if isinstance(child, h5py.h5d.DatasetID) else None
            if isinstance(child, h5py.h5g.GroupID) and address not in seen:
                waiting.append((f"{inner}/", child))
            seen.add(address)
    return found


def _own(group: h5py.h5g.GroupID, name: bytes, place: str) -> h5py.h5i.ObjectID:
    """An object that lies in this file, with all of its data."""
    if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
        raise RecordError(f"holds /{place}, a link to somewhere else, which no record has")
    child = h5py.h5o.open(group, name)
    if isinstance(child, h5py.h5d.DatasetID):
        plist = child.get_create_plist()
        if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
            raise RecordError(f"holds /{place}, whose data lie in another file, which no record has")
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
