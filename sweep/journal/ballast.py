"""The ballast of a journal: room on the disk that is held, so that a sweep can be closed when the disk is full."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from dsp.errors import RecordError
from sweep.journal.files import write_at

__all__ = ["ballast_path", "drop_ballast", "reserve"]

_DOCUMENT_BYTES = 1 << 20
_BIN_BYTES = 24  # 8 of levels, and more than any row has


def ballast_path(path: Path) -> Path:
    """Name of the file that keeps room on the disk for closing the journal at ``path``."""
    return path.with_name(path.name + ".ballast")


def reserve(path: Path, n_bins: int) -> None:
    """Hold the room that closing a journal takes: a last row, two float32 levels a bin, and the judgement.

    Raises
    ------
    RecordError
        The disk has no such room.
    """
    size = _BIN_BYTES * n_bins + _DOCUMENT_BYTES
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(ballast_path(path), flags, 0o644)
        try:
            write_at(descriptor, bytes(size), 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordError(
            f"{path}: no room on the disk to begin a sweep ({error.strerror}); free at least {size >> 20} MiB"
        ) from error


def drop_ballast(path: Path) -> None:
    """Give the room back."""
    with contextlib.suppress(OSError):
        ballast_path(path).unlink()
