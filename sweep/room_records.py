"""The records of a room in the folder of sweeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dsp.errors import ParameterError, RecordError
from sweep.record import SweepRecord
from sweep.units import parse_utc

__all__ = ["VISIT_NS", "RoomRecord", "count_visits", "describe", "named_time", "room_records", "same_visit"]

VISIT_NS = 12 * 3600 * 10**9
"""Sweeps that begin within so many nanoseconds belong to one visit: a technician's day, and not the next one."""

_STAMP = re.compile(r"(\d{8}T\d{6}Z)(?:-\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRecord:
    """A record, as far as it says where and when it was made.

    Attributes
    ----------
    path : Path
    start_ns : int
        Nanoseconds since 1970 UTC.
    position : str or None
    record_id : str
    """

    path: Path
    start_ns: int
    position: str | None
    record_id: str


def room_records(sweeps: Path, room: str, *, near_ns: int | None = None) -> Iterator[RoomRecord]:
    """Find the readable records of a room.

    Parameters
    ----------
    sweeps : Path
        Folder of the records.
    room : str
    near_ns : int, optional
        Only those whose name has a time within `VISIT_NS` of this one, or none: the others need not be opened.

    Yields
    ------
    RoomRecord
        By name, which is by time. Damaged records and those of rooms with longer names are left out.
    """
    for path in sorted(sweeps.glob(f"{room}-*.h5")):
        if near_ns is not None and _is_far(path, room, near_ns):
            continue
        try:
            with SweepRecord.open(path) as record:
                if record.start.get("room") == room:
                    yield describe(record)
        except (RecordError, ParameterError):
            continue


def describe(record: SweepRecord) -> RoomRecord:
    """Say where and when a record was made.

    Raises
    ------
    ParameterError
        Its start is no time.
    """
    start, begun_ns = record.start, record.begun_utc_ns
    position = start.get("position")
    return RoomRecord(
        path=record.path,
        start_ns=parse_utc(str(start.get("start_time"))) if begun_ns is None else begun_ns,
        position=None if position is None else str(position),
        record_id=str(start.get("record_id") or record.path.stem),
    )


def same_visit(first_ns: int, second_ns: int) -> bool:
    """Whether two sweeps of a room, by their starts, belong to one visit."""
    return abs(first_ns - second_ns) <= VISIT_NS


def count_visits(starts_ns: list[int]) -> int:
    """Count the visits that sweeps were made at.

    Examples
    --------
    >>> hour = 3600 * 10**9
    >>> count_visits([0, hour, 11 * hour, 30 * hour])
    2
    """
    n_visits, begun_ns = 0, 0
    for start_ns in sorted(starts_ns):
        if n_visits == 0 or not same_visit(begun_ns, start_ns):
            n_visits, begun_ns = n_visits + 1, start_ns
    return n_visits


def named_time(path: Path, room: str) -> datetime | None:
    """Time in the name of a record of a room; None where it has none, or is that of another room.

    Examples
    --------
    >>> named_time(Path("lab-20260304T090000Z-2.h5"), "lab")
    datetime.datetime(2026, 3, 4, 9, 0, tzinfo=datetime.timezone.utc)
    >>> named_time(Path("lab-east-20260304T090000Z.h5"), "lab")
    """
    match = _STAMP.fullmatch(path.stem.removeprefix(f"{room}-"))
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_far(path: Path, room: str, near_ns: int) -> bool:
    named = named_time(path, room)
    if named is None:
        return False
    away = abs(named - datetime.fromtimestamp(near_ns // 10**9, UTC))
    return away > timedelta(microseconds=VISIT_NS // 1000) + timedelta(seconds=1)
