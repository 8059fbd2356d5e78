"""The disposition log: who decided what about a finding, when and why. Append-only, hash-chained, beside the record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError, RecordError
from sweep.chain import ChainedLog
from sweep.record import SweepRecord

__all__ = ["DISPOSITIONS", "decision_log", "log_path", "mark", "read_log"]

DISPOSITIONS = ("known", "explained", "suspicious", "device")


def log_path(record_path: Path) -> Path:
    """Where the log of a record is kept."""
    return record_path.with_name(record_path.name + ".dispositions.jsonl")


def mark(record_path: Path, finding: str, *, as_: str, reason: str, by: str) -> Mapping[str, Any]:
    """Append one decision, synced to disk.

    Parameters
    ----------
    record_path : Path
    finding : str
        Id of a finding of this record, such as ``F1``, or of what was not confirmed, such as ``U1``.
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
        known = [str(item["id"]) for item in record.judgement.emissions]
    if finding not in known:
        raise ParameterError(f"{record_path} has no finding {finding!r}; it has {', '.join(known) or 'none'}")
    body = {"finding": finding, "as": as_, "reason": reason, "by": by}
    entry = decision_log(record_path).append(lambda _: body)
    assert entry is not None  # a body was composed
    return entry


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
    entries = decision_log(record_path).read()
    for number, entry in enumerate(entries, 1):
        texts = [entry[name] for name in ("finding", "reason", "by")]
        if entry["as"] not in DISPOSITIONS or not all(isinstance(text, str) and text.isprintable() for text in texts):
            raise RecordError(f"{log_path(record_path)}: line {number} is no decision; restore it from a copy")
    return entries


def decision_log(record_path: Path) -> ChainedLog:
    """The log of a record, whether there is one yet or not."""
    return ChainedLog(
        path=log_path(record_path),
        fields=frozenset({"finding", "as", "reason", "by"}),
        about=("record", record_path.name),
        noun="decision",
    )
