"""Where the metadata and the samples of a SigMF recording lie: a pair of files, or an archive."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from sweep.sources.recorded.files import name_errors, refuse, regular_size, shown, within_folder

__all__ = ["DataPlace", "check_sha512", "is_sigmf", "locate_data", "read_metadata", "recording_path"]

META, DATA, ARCHIVE = ".sigmf-meta", ".sigmf-data", ".sigmf"

_MAX_METADATA_BYTES = 64 << 20
_MAX_MEMBERS = 1000
_MAX_VALUES = 1 << 20  # in JSON; each takes up to 100 bytes of memory
_MAX_CAPTURES = 1 << 16
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlace:
    """Bytes of a dataset within a file."""

    path: Path
    offset: int
    size: int


def is_sigmf(path: Path) -> bool:
    """Tell whether a path names a SigMF recording: one of its files, its archive, or their common base name."""
    return path.suffix in (META, DATA, ARCHIVE) or (not path.exists() and path.with_name(path.name + META).is_file())


def recording_path(path: Path) -> Path:
    """The metadata file or archive that stands for a recording, whichever of its names was given.

    Raises
    ------
    CaptureError
        The metadata is missing, or is a link out of the folder.
    """
    if path.suffix in (META, ARCHIVE):
        return path
    name = path.name.removesuffix(DATA) + META
    meta = within_folder(path.parent, name)
    if meta is None or not meta.is_file():
        raise refuse(path, f"its metadata {shown(name)} is not in the same folder")
    return meta


def read_metadata(path: Path) -> tuple[dict[str, Any], DataPlace | None]:
    """Read the JSON of a recording; from an archive also the place of its samples.

    Raises
    ------
    CaptureError
        It is not JSON, not the metadata of one recording, or unreasonably long.
    """
    size = regular_size(path)
    if path.suffix == ARCHIVE:
        return _read_archive(path, size)
    if size > _MAX_METADATA_BYTES:
        raise refuse(path, f"is {size} bytes long; no metadata is that long")
    with name_errors(path):
        content = path.read_bytes()
    return _parse(path, content), None


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    def no_number(text: str) -> NoReturn:
        raise ValueError(f"{text} is not a number in JSON")

    n_values = sum(map(content.count, (b"[", b"{", b",")))
    if n_values > _MAX_VALUES:
        raise refuse(path, f"is not SigMF metadata: some {n_values} values, above {_MAX_VALUES}; split the recording")
    try:
        document = json.loads(content, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise refuse(path, f"is not SigMF metadata: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("global"), dict):
        raise refuse(path, "is not SigMF metadata: it has no global object")
    captures = document.get("captures")
    if not isinstance(captures, list) or not all(isinstance(capture, dict) for capture in captures):
        raise refuse(path, f"is not SigMF metadata: captures is {shown(captures)}, not a list of objects")
    if len(captures) > _MAX_CAPTURES:
        raise refuse(path, f"has {len(captures)} captures, above {_MAX_CAPTURES}; split the recording")
    document.setdefault("annotations", [])
    return document


def _read_archive(path: Path, size: int) -> tuple[dict[str, Any], DataPlace]:
    """Find the members; the samples stay where they are in the tar file."""
    try:
        with name_errors(path), tarfile.open(path, "r:") as archive:
            meta, data = _members(path, archive)
            if not 0 < meta.size <= _MAX_METADATA_BYTES or data.offset_data + data.size > size:
                raise refuse(path, "is cut or damaged: a member reaches beyond the file")
            handle = archive.extractfile(meta)
            content = handle.read() if handle is not None else b""
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise refuse(path, f"is not an uncompressed SigMF archive (tar): {error}; unpack it first") from error
    return _parse(path, content), DataPlace(path=path, offset=data.offset_data, size=data.size)


def _members(path: Path, archive: tarfile.TarFile) -> tuple[tarfile.TarInfo, tarfile.TarInfo]:
    found: dict[str, list[tarfile.TarInfo]] = {META: [], DATA: []}
    for count, member in enumerate(archive):
        if count >= _MAX_MEMBERS:
            raise refuse(path, f"has more than {_MAX_MEMBERS} members; unpack it and give the recordings")
        if member.isreg() and not member.issparse() and Path(member.name).suffix in found:
            found[Path(member.name).suffix].append(member)
    if len(found[META]) != 1 or len(found[DATA]) != 1:
        raise refuse(
            path,
            f"has {len(found[META])} metadata and {len(found[DATA])} data members, not one of each; unpack it and give "
            "the recordings",
        )
    return found[META][0], found[DATA][0]


def locate_data(path: Path, global_info: Mapping[str, Any]) -> DataPlace:
    """Find the samples beside the metadata.

    Raises
    ------
    CaptureError
        They are missing, empty, or the metadata names a file outside its own folder.
    """
    named = global_info.get("core:dataset")
    name = named if isinstance(named, str) else path.name.removesuffix(META) + DATA
    data = within_folder(path.parent, name)
    if data is None:
        raise refuse(
            path, f"names the samples {shown(name)}, which is not a file in its own folder; nothing was opened"
        )
    if not os.path.exists(data):  # noqa: PTH110 - of a name that no file can have, Path.exists raises
        raise refuse(path, f"has no samples: {shown(name)} is not in its folder")
    return DataPlace(path=data, offset=0, size=regular_size(data))


def check_sha512(path: Path, place: DataPlace, stated: str) -> None:
    """Compare the samples with the checksum in the metadata.

    Raises
    ------
    CaptureError
        They differ, or the file cannot be read to its end.
    """
    with name_errors(place.path), place.path.open("rb") as handle:
        found = _sha512(handle, place)
    if found != stated.lower():
        raise refuse(
            path,
            f"the samples are not those that were recorded: their SHA-512 begins {found[:12]}, core:sha512 says "
            f"{stated[:12].lower()}; get the recording again",
        )


def _sha512(handle: BinaryIO, place: DataPlace) -> str:
    digest, left = hashlib.sha512(), place.size
    handle.seek(place.offset)
    while left > 0:
        block = handle.read(min(_BLOCK_BYTES, left))
        if not block:
            break  # shorter than it was: the digest will differ
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
