"""Putting exports in their place: all of them or none, and nothing that is there is written over without a word."""

from __future__ import annotations

import filecmp
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from dsp.errors import ParameterError
from reports.files import check_place

__all__ = ["write_exports"]


def write_exports(contents: Mapping[Path, Iterable[bytes]], *, overwrite: bool = False) -> None:
    """Write files beside their places, sync them, then put all of them there.

    Parameters
    ----------
    contents : mapping
        From a path to the bytes of its file, in pieces.
    overwrite : bool
        Replace what is there. A file that says the same already is left alone in any case.

    Raises
    ------
    ParameterError
        A file with other content is there, or one cannot be written; then none is, and nothing is left behind.
    """
    for path in contents:
        check_place(path)
    with ExitStack() as parts:
        written = {path: _write_part(path, pieces, parts) for path, pieces in contents.items()}
        changed = [path for path, part in written.items() if not _says_the_same(path, part)]
        taken = [path for path in changed if path.exists()]
        if taken and not overwrite:
            raise ParameterError(
                f"{taken[0]}: is there already and says something else; give --overwrite, or another --output"
            )
        _place({path: written[path] for path in changed}, overwrite=overwrite)


def _write_part(path: Path, pieces: Iterable[bytes], parts: ExitStack) -> Path:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    parts.callback(part.unlink, missing_ok=True)
    try:
        with part.open("xb") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _refused(path, error) from error
    return part


def _says_the_same(path: Path, part: Path) -> bool:
    return path.is_file() and filecmp.cmp(path, part, shallow=False)


def _place(parts: Mapping[Path, Path], *, overwrite: bool) -> None:
    new: list[Path] = []
    try:
        for path, part in parts.items():
            if overwrite:
                part.replace(path)
            else:
                _link(part, path)
                new.append(path)
    except OSError as error:
        for done in new:
            done.unlink(missing_ok=True)
        raise _refused(path, error) from error


def _link(part: Path, path: Path) -> None:
    """Put a file where there is none; unlike a rename this fails where somebody was quicker."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # FAT and its like on a stick have no links
        if path.exists():
            raise
        part.replace(path)


def _refused(path: Path, error: OSError) -> ParameterError:
    return ParameterError(f"{path}: cannot be written ({error.strerror or error}); choose another place")
