"""Opening files that nobody vouches for: what they may be, where they may lie, how an error names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsp.errors import CaptureError, ParameterError

__all__ = ["SUPPORTED", "foreign_content", "name_errors", "refuse", "regular_size", "shown", "within_folder"]

SUPPORTED = (
    "SigMF, raw IQ (.cu8 .cs8 .cs16 .cf32, or any other name with --format), WAV IQ, "
    "and CSV of rtl_power or hackrf_sweep (also .csv.gz)"
)

_CONTAINERS = (
    (b"version https://git-lfs", "is a git-lfs pointer, not the recording; fetch the recording with `git lfs pull`"),
    (b"\x1f\x8b\x08", "is gzip-compressed, not samples; unpack it first"),
    (b"BZh", "is bzip2-compressed, not samples; unpack it first"),
    (b"\xfd7zXZ\x00", "is xz-compressed, not samples; unpack it first"),
    (b"PK\x03\x04", "is a zip archive, not samples; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, not samples"),
    (b"RIFF", "is a RIFF file, not raw samples; name it .wav"),
)
_LONGEST_SHOWN = 80


def shown(value: object) -> str:
    """Write a value read from a file so that it stays short and on one line.

    Examples
    --------
    >>> shown("a" * 200)[-4:], shown("line\\n")
    ('a...', "'line\\\\n'")
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def refuse(path: Path, reason: str) -> CaptureError:
    """Make the one-line error for a file; control characters in its name are made visible.

    Examples
    --------
    >>> str(refuse(Path("a.cu8"), "is empty"))
    'a.cu8: is empty'
    """
    text = f"{path}: {reason}"
    return CaptureError("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


@contextmanager
def name_errors(path: Path) -> Iterator[None]:
    """Turn what the system or a parameter check says about a file into a `CaptureError` that names the file."""
    try:
        yield
    except OSError as error:
        raise refuse(path, f"cannot be read: {error.strerror or error}") from error
    except ParameterError as error:
        raise refuse(path, str(error)) from error


def regular_size(path: Path) -> int:
    """Size in bytes of an ordinary file that is not empty.

    Raises
    ------
    CaptureError
        The file is missing, empty, unreadable, or a pipe, device or folder (which could hang or never end).
    """
    with name_errors(path):
        if not path.exists():
            raise refuse(path, "no such file")
        if not path.is_file():
            raise refuse(path, "is not an ordinary file")
        size = path.stat().st_size
    if size == 0:
        raise refuse(path, "is empty (0 bytes); record it again or leave it out")
    return size


def foreign_content(path: Path) -> str | None:
    """Say what a file of another kind is that goes under the name of a raw recording; None for samples."""
    with name_errors(path), path.open("rb") as handle:
        head = handle.read(32)
    return next((reason for magic, reason in _CONTAINERS if head.startswith(magic)), None)


def within_folder(folder: Path, name: str) -> Path | None:
    """Find a file that another file names, only if it really lies in the same folder.

    Parameters
    ----------
    folder : Path
    name : str
        Plain file name.

    Returns
    -------
    Path or None
        None when the name holds a folder, or when it is a link to somewhere else.
    """
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\x00" in name:
        return None
    path = folder / name
    with name_errors(path):
        inside = path.resolve().parent == folder.resolve()
    return path if inside else None
