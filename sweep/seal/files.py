"""The files of a seal, and those that it covers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from dsp.errors import RecordError
from sweep.journal.files import sync_folder

__all__ = ["covered_files", "read_bounded", "seal_path", "sha256_file", "signature_path", "token_path", "write_new"]

MAX_SEAL_BYTES = 512 << 20  # the leaves of a record of four million rows
_BLOCK = 1 << 20


def seal_path(record: Path) -> Path:
    """Where the seal of a record is."""
    return record.with_suffix(".seal.json")


def signature_path(record: Path) -> Path:
    """Where the signature over the seal of a record is."""
    return record.with_suffix(".seal.json.sig")


def token_path(record: Path) -> Path:
    """Where the time token over the signature is, if there is one."""
    return record.with_suffix(".seal.json.tsr")


def covered_files(record: Path) -> Iterator[Path]:
    """Give the files of samples beside a record: all in folders that have its name and an ending of their own.

    Raises
    ------
    RecordError
        One is neither a plain file nor a folder: what it leads to is no part of the record.
    """
    for folder in sorted(record.parent.glob(f"{_escaped(record.stem)}.*")):
        if folder.is_dir() and not folder.is_symlink():
            yield from _files(folder)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise RecordError(f"{path}: is not a plain file; only the samples of the sweep belong into {folder}")
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def sha256_file(path: Path) -> str:
    """Hash the bytes of a file, in hexadecimal.

    Raises
    ------
    RecordError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); check the disk and your rights") from error


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a small file.

    Raises
    ------
    RecordError
        It cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); check the name and your rights") from error
    if len(data) > max_bytes:
        raise RecordError(f"{path}: is larger than {max_bytes} bytes; put the right file back")
    return data


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is whole or not there, and is on the disk when this returns; an older part of it is replaced.

    Raises
    ------
    RecordError
        The disk refuses.
    """
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise RecordError(f"{path}: cannot be written ({error.strerror}); make room and try again") from error


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
