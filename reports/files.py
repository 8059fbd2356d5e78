"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dsp.errors import ParameterError

__all__ = ["check_place", "write_bytes"]

_SEALS = (".seal.json", ".seal.json.sig", ".seal.json.tsr")


def check_place(path: Path) -> None:
    """Make sure that a file can have this name.

    Raises
    ------
    ParameterError
        The folder does not exist, a folder or a device has the name, or it is that of a seal.
    """
    if path.name.lower().endswith(_SEALS):
        raise ParameterError(f"{path} has the name of a seal, which is evidence; choose another")
    if not path.parent.is_dir():
        raise ParameterError(f"{path}: the folder {str(path.parent)!r} does not exist; make it or choose another")
    if path.exists() and not path.is_file():
        raise ParameterError(f"{path}: is a folder or a device; give the name of a file")


def write_bytes(data: bytes, path: Path) -> None:
    """Write a file beside its place, sync it, then put it there in one step.

    Parameters
    ----------
    data : bytes
    path : Path
        An existing file is replaced.

    Raises
    ------
    ParameterError
        The folder does not exist or the file cannot be written; nothing is left behind.
    """
    check_place(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise ParameterError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        part.unlink(missing_ok=True)
