"""Frequencies and times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from dsp.errors import ParameterError

__all__ = ["format_hz", "iso_utc", "parse_day", "parse_hz", "parse_range", "parse_utc"]

_SUFFIX = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_HZ = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:hz)?\s*$", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UTC = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:?\d\d)?$")


def parse_hz(text: str) -> int:
    """Read a frequency such as ``433.92M``, ``25k`` or ``1.2G`` as whole hertz.

    Raises
    ------
    ParameterError
        The text is not a number with an optional k, M or G.

    Examples
    --------
    >>> parse_hz("433.92M")
    433920000
    """
    match = _HZ.match(text)
    if match is None:
        raise ParameterError(f"frequency {text!r} is not a number with k, M or G; write for example 433.92M")
    return round(float(match[1]) * _SUFFIX[match[2].lower()])


def parse_range(text: str) -> tuple[int, int]:
    """Read a range such as ``24M:1766M`` as (start, stop) in whole hertz.

    Raises
    ------
    ParameterError
        There is no single colon, or the stop is not above the start.

    Examples
    --------
    >>> parse_range("430M:440M")
    (430000000, 440000000)
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise ParameterError(f"range {text!r} has no colon; write START:STOP, for example 430M:440M")
    low, high = parse_hz(start), parse_hz(stop)
    if high <= low:
        raise ParameterError(f"range {text!r} ends at or below its start; write the lower frequency first")
    return low, high


def format_hz(freq_hz: float) -> str:
    """Write a frequency for people, with the unit that leaves a short number.

    Examples
    --------
    >>> format_hz(433_920_000)
    '433.92 MHz'
    >>> format_hz(12_500)
    '12.5 kHz'
    """
    for scale, unit in ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz")):
        if abs(freq_hz) >= scale and not (unit == "GHz" and abs(freq_hz) < 10e9):
            return f"{freq_hz / scale:.6f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{freq_hz:g} Hz"


def iso_utc(utc_ns: int) -> str:
    """Write nanoseconds since 1970 as ISO 8601 in UTC, to the nanosecond, with a Z.

    Examples
    --------
    >>> iso_utc(1_590_961_224_000_000_000)
    '2020-05-31T21:40:24.000000000Z'
    """
    seconds, rest = divmod(utc_ns, 1_000_000_000)
    return f"{_whole_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=16)
def _whole_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]  # strftime takes twice the time


def parse_day(text: str) -> int:
    """Read a day, or an ISO 8601 time, as nanoseconds since 1970; a day begins at 0:00 UTC.

    Raises
    ------
    ParameterError
        The text is neither.

    Examples
    --------
    >>> parse_day("1970-01-02") // 10**9, parse_day("1970-01-01T00:00:01Z") // 10**9
    (86400, 1)
    """
    day = text.strip()
    try:
        return parse_utc(f"{day}T00:00:00Z" if _DAY.fullmatch(day) else day)
    except ParameterError as error:
        raise ParameterError(f"day {text!r} is none; write for example 2026-01-31") from error


def parse_utc(text: str) -> int:
    """Read an ISO 8601 time as nanoseconds since 1970; a time without a zone is taken as UTC.

    Raises
    ------
    ParameterError
        The text is not such a time.

    Examples
    --------
    >>> parse_utc("2020-05-31T21:40:24.000000001Z") % 1_000_000_000
    1
    """
    match = _UTC.match(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        zone = (match[4] or "Z").replace("Z", "+00:00")
        whole = datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")
    except ValueError as error:
        raise ParameterError(f"time {text!r} is not ISO 8601; write for example 2026-11-23T09:30:00Z") from error
    fraction = int((match[3] or "0").ljust(9, "0")[:9])
    return int(whole.timestamp()) * 1_000_000_000 + fraction
