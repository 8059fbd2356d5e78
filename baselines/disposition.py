"""The disposition log: who decided what about a finding, when and why. Append-only, hash-chained, beside the record."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785

from dsp.errors import ParameterError, RecordError
from sweep.record import SweepRecord
from sweep.units import iso_utc

__all__ = ["DISPOSITIONS", "log_path", "mark", "read_log"]

DISPOSITIONS = ("known", "explained", "suspicious", "device")
_FIRST = "0" * 64
_MAX_LOG_BYTES = 64 << 20


def log_path(record_path: Path) -> Path:
    """Where the log of a record is kept."""
    return record_path.with_name(record_path.name + ".dispositions.jsonl")


def mark(record_path: Path, finding: str, *, as_: str, reason: str, by: str) -> Mapping[str, Any]:
    """Append one decision, synced to disk.

    Parameters
    ----------
    record_path : Path
    finding : str
        Id of a finding of this record, such as ``F1``.
    as_ : str
        One of `DISPOSITIONS`.
    reason, by : str
        In words; neither may be empty.

    Raises
    ------
    ParameterError
        Unknown finding or disposition, or a reason or name that is empty or holds characters that do not print.
    RecordError
        The record or its log is damaged.
    """
    if as_ not in DISPOSITIONS:
        raise ParameterError(f"disposition {as_!r} is unknown; use one of {', '.join(DISPOSITIONS)}")
    for name, value in (("reason", reason), ("name", by)):
        if not value.strip() or not value.isprintable():
            raise ParameterError(f"a decision needs a {name}; give it in words, not as {value!r}")
    with SweepRecord.open(record_path) as record:
        known = [str(item["id"]) for item in record.judgement.document["findings"]]
    if finding not in known:
        raise ParameterError(f"{record_path} has no finding {finding!r}; it has {', '.join(known) or 'none'}")
    path = log_path(record_path)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        entries = read_log(record_path)
        entry = {
            "sequence": len(entries),
            "time": iso_utc(time.time_ns()),
            "record": record_path.name,
            "finding": finding,
            "as": as_,
            "reason": reason,
            "by": by,
            "previous": entries[-1]["hash"] if entries else _FIRST,
        }
        entry["hash"] = _digest(entry)
        _append(file, path, json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return entry


def _append(file: BinaryIO, path: Path, line: bytes) -> None:
    """Write one line to disk, or leave the log as it was."""
    before = os.fstat(file.fileno()).st_size
    try:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):  # what was buffered is tried again by close
            file.close()
        os.truncate(path, before)
        raise RecordError(f"{path}: cannot write the decision ({error}); free some space and mark again") from None


def read_log(record_path: Path) -> list[dict[str, Any]]:
    """Read the log of a record and check its chain.

    Returns
    -------
    list of dict
        Oldest first; empty where nothing was decided yet.

    Raises
    ------
    RecordError
        A line is damaged, was edited, removed or put in. That the last lines are missing no chain can tell by itself.
    """
    path = log_path(record_path)
    if not path.exists():
        return []
    if path.stat().st_size > _MAX_LOG_BYTES:
        raise RecordError(f"{path}: {path.stat().st_size} bytes is no log that people wrote; restore it from a copy")
    entries: list[dict[str, Any]] = []
    previous = _FIRST
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        entry = _entry(line)
        if entry is not None and entry["record"] != record_path.name:
            raise RecordError(f"{path}: line {number} is about {entry['record']}; put the record's own log back")
        if entry is None or entry["previous"] != previous:
            raise RecordError(f"{path}: line {number} was altered, or a line before it; restore it from a copy")
        previous = str(entry["hash"])
        entries.append(entry)
    return entries


def _entry(line: bytes) -> dict[str, Any] | None:
    """One line as an entry, if it is one and has the hash that it should have."""
    wanted = {"sequence", "time", "record", "finding", "as", "reason", "by", "previous", "hash"}
    try:
        entry = json.loads(line)
        sound = isinstance(entry, dict) and set(entry) == wanted and entry["hash"] == _digest(entry)
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        return None
    return entry if sound else None


def _digest(entry: Mapping[str, Any]) -> str:
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(rfc8785.dumps(body)).hexdigest()
