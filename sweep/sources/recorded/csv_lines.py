"""Lines of rtl_power and hackrf_sweep CSV, plain or gzipped, read one after the other."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from sweep.sources.recorded.files import name_errors, refuse, regular_size, shown
from sweep.units import parse_utc

__all__ = ["Band", "Line", "read_lines"]

_MAX_LINE_BYTES = 4 << 20
_MAX_DB, _MIN_DB = 100.0, -300.0
_MAX_HZ, _MIN_STEP_HZ = 1e12, 1e-3
_PAIR = re.compile(r"^\s*[\d.]+\s*[,;\t]\s*-?[\d.]+\s*$")
_RTL_POWER, _HACKRF_SWEEP = "rtl_power", "hackrf_sweep"
_SPARE_BINS = 3  # rtl_power rounds its crop: up to two bins more than the edges say, and the last bin twice


@dataclass(frozen=True, slots=True)
class Band:
    """What one line covers.

    Attributes
    ----------
    tool : str
        ``rtl_power`` or ``hackrf_sweep``.
    low_hz, high_hz, step_hz : float
        As written.
    n_bins : int
        Different bins; the repeated last value of rtl_power is not one.
    """

    tool: str
    low_hz: float
    high_hz: float
    step_hz: float
    n_bins: int

    @property
    def freq_hz(self) -> NDArray[np.float64]:
        """Centre of each bin in Hz.

        hackrf_sweep tiles low to high. rtl_power centres its bins on the frequency that it tuned to, which is the
        middle of low and high (``csv_dbm`` in rtl_power.c); a line of one bin is the power of the whole band.

        Examples
        --------
        >>> Band("rtl_power", 100.0, 104.0, 1.0, 4).freq_hz
        array([100., 101., 102., 103.])
        >>> Band("rtl_power", 24e6, 25e6, 1e6, 1).freq_hz
        array([24500000.])
        >>> Band("hackrf_sweep", 100.0, 104.0, 1.0, 4).freq_hz
        array([100.5, 101.5, 102.5, 103.5])
        """
        index = np.arange(self.n_bins, dtype=np.float64)
        if self.tool == _HACKRF_SWEEP:
            return self.low_hz + (index + 0.5) * self.step_hz
        first = 0 if self.n_bins == 1 else -(self.n_bins // 2)
        return (self.low_hz + self.high_hz) / 2 + (index + first) * self.step_hz


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line; ``level_db`` is NaN where the tool wrote -inf or nan."""

    number: int
    utc_ns: int
    band: Band
    level_db: NDArray[np.float64]


def read_lines(path: Path) -> Iterator[Line]:
    """Read line after line.

    A last line that the recorder was stopped in is left out.

    Parameters
    ----------
    path : Path
        Plain or gzipped, whatever its name.

    Raises
    ------
    CaptureError
        A line is not of these tools or holds impossible values, or the gzip data is damaged. The line is named.
    """
    regular_size(path)
    with name_errors(path), path.open("rb") as handle:
        zipped = handle.read(2) == b"\x1f\x8b"
        handle.seek(0)
        if not zipped:
            yield from _parse_all(path, handle)
            return
        with gzip.open(handle) as unzipped:
            yield from _parse_all(path, unzipped)  # type: ignore[arg-type]  # a GzipFile reads as a BinaryIO


def _parse_all(path: Path, handle: BinaryIO) -> Iterator[Line]:
    tool: str | None = None
    number = 0
    while content := _next(path, handle, number):
        number += 1
        text = _text(path, number, content)
        if not text.strip():
            continue
        try:
            line = _parse(text, number, tool)
        except ParameterError as error:
            raise refuse(path, f"line {number}: {error}") from error
        except ValueError as error:
            if tool is not None and not content.endswith(b"\n"):
                return  # the recorder was stopped while it wrote
            raise refuse(path, f"line {number} {_complaint(text, error)}") from error
        tool = line.band.tool
        yield line
    if tool is None:
        raise refuse(path, "holds no line of rtl_power or hackrf_sweep")


def _next(path: Path, handle: BinaryIO, number: int) -> bytes:
    try:
        content = handle.readline(_MAX_LINE_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = "its gzip data is damaged or cut"
        raise refuse(path, f"{reason} after line {number} ({error}); get the file again") from error
    if len(content) > _MAX_LINE_BYTES:
        raise refuse(path, f"line {number + 1} is longer than {_MAX_LINE_BYTES} bytes; it is no sweep CSV")
    return content


def _text(path: Path, number: int, content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise refuse(path, f"line {number} is not text; it is no CSV of rtl_power or hackrf_sweep") from error


def _complaint(text: str, error: ValueError) -> str:
    if _PAIR.match(text):
        return "is a pair of frequency and level, which is not supported; CSV of rtl_power and hackrf_sweep is"
    return f"is not as rtl_power or hackrf_sweep write it: {error}; it begins {shown(text[:40])}"


def _parse(text: str, number: int, tool: str | None) -> Line:
    fields = [field.strip() for field in text.split(",")]
    if fields[-1] == "":
        fields.pop()
    if len(fields) < 7:
        raise ValueError(f"{len(fields)} columns instead of 7 or more")
    utc_ns = _parse_time(fields[0], fields[1])
    low, high, step = (float(field) for field in fields[2:5])
    if not (0 <= low < high <= _MAX_HZ and _MIN_STEP_HZ <= step <= 1.01 * (high - low)):
        raise ValueError(f"it covers {low:g} to {high:g} Hz in steps of {step:g} Hz")
    level_db = np.array([float(field) for field in fields[6:]])
    tool = _tool(fields[1], (high - low) / step, level_db.size) if tool is None else tool
    expected = round((high - low) / step)
    surplus = level_db.size - expected
    if not (surplus == 0 if tool == _HACKRF_SWEEP else 1 <= surplus <= _SPARE_BINS):
        raise ValueError(f"{level_db.size} levels for {expected} bins")
    level_db = level_db[:-1] if tool == _RTL_POWER else level_db
    return Line(number, utc_ns, Band(tool, low, high, step, level_db.size), _possible(level_db))


@lru_cache(maxsize=16)  # all lines of a pass of rtl_power bear the same
def _parse_time(date: str, time: str) -> int:
    """Date and time columns as UTC; the tools write local time without a zone."""
    try:
        return parse_utc(f"{date}T{time}Z")
    except ParameterError as error:
        raise ValueError(f"its time {shown(date + ' ' + time)} is not one") from error


def _tool(time: str, expected: float, n_levels: int) -> str:
    """hackrf_sweep stamps fractions of a second, or else has exactly as many levels as bins."""
    return _HACKRF_SWEEP if "." in time or n_levels == round(expected) else _RTL_POWER


def _possible(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    level_db = np.where(level_db == -np.inf, np.nan, level_db)
    outside = (level_db > _MAX_DB) | (level_db < _MIN_DB)
    if outside.any():
        at = int(np.argmax(outside))
        raise ParameterError(
            f"level {level_db[at]:g} dB in column {at + 7} is impossible (above {_MAX_DB:g} or below {_MIN_DB:g} dB); "
            "the file is damaged or no measurement"
        )
    return level_db
