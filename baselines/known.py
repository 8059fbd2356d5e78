"""Known emitters: what may be heard in a room or at a site, how it sounds, who says so and until when."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError, RecordError
from sweep.chain import ChainedLog

__all__ = [
    "DEFAULT_BANDWIDTH_FACTOR",
    "DEFAULT_TOLERANCE_DB",
    "KnownEmitter",
    "KnownList",
    "default_tolerance_hz",
    "parse_expiry",
    "room_list",
    "site_list",
]

DEFAULT_BANDWIDTH_FACTOR = 2.0
"""As for the same emitter in two sweeps."""

DEFAULT_TOLERANCE_DB = 6.0
"""Twice what the gain of a dongle was seen to differ between visits."""

_FILE = "known.jsonl"
_LEAST_TOLERANCE_HZ, _DRIFT = 7_500, 1e-6  # three bins of 2500 Hz, and 1 ppm
_HIGHEST_HZ = 10**11
_LEVELS_DBFS = (-200.0, 60.0)
_MOST_DB, _MOST_FACTOR = 100.0, 100.0
_MAX_TEXT = 200
_SAID = ("name", "reason", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEmitter:
    """An emitter that somebody vouches for.

    Attributes
    ----------
    id : str
        ``K1``, ``K2`` ... of a room, ``S1`` ... of the site; never given twice.
    name, reason, by : str
        What it is, why it may be there, who says so.
    center_freq_hz, tolerance_hz : int
        It is where a finding's centre is within the tolerance of this.
    bandwidth_hz : int or None
        Occupied bandwidth, 99 %; None where any is accepted.
    bandwidth_factor : float or None
        How many times wider or narrower it may be.
    power_dbfs : float or None
        Level with the dongle and the gain that this room is swept with; None where any is accepted.
    tolerance_db : float or None
    expires : str or None
        Last day in UTC, ``YYYY-MM-DD``; None for no end.
    added : str
        When it was entered, ISO 8601.
    """

    id: str
    name: str
    center_freq_hz: int
    tolerance_hz: int
    bandwidth_hz: int | None
    bandwidth_factor: float | None
    power_dbfs: float | None
    tolerance_db: float | None
    reason: str
    by: str
    expires: str | None
    added: str

    def has_expired(self, utc_ns: int) -> bool:
        """Whether a time, in nanoseconds since 1970 UTC, is after its last day."""
        if self.expires is None:
            return False
        return datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC).date() > date.fromisoformat(self.expires)


_FIELDS = frozenset(field.name for field in fields(KnownEmitter)) - {"added"} | {"action"}


@dataclass(frozen=True, slots=True)
class KnownList:
    """The list of a room or of a site: an append-only log of entries made and retired.

    Attributes
    ----------
    log : ChainedLog
    prefix : str
        Letter that its ids begin with.
    """

    log: ChainedLog
    prefix: str

    def entries(self) -> list[KnownEmitter]:
        """Entries that were not retired, oldest first.

        Raises
        ------
        RecordError
            The log is damaged.
        """
        return [entry for entry, retired in self.history() if retired is None]

    def history(self) -> list[tuple[KnownEmitter, Mapping[str, Any] | None]]:
        """Every entry, oldest first, with the line that retired it, if one did.

        Raises
        ------
        RecordError
            The log is damaged.
        """
        lines = self.log.read()
        retired = {line["id"]: line for line in lines if line["action"] == "retire"}
        return [(self._entry(line), retired.get(line["id"])) for line in lines if line["action"] == "add"]

    def add(self, entry: KnownEmitter) -> KnownEmitter:
        """Put an entry in; its ``id`` and ``added`` are given here.

        Raises
        ------
        ParameterError
            A number or a text of it cannot be.
        RecordError
            The log is damaged, or the disk refuses.
        """
        check_entry(entry)
        if entry.expires is not None and entry.has_expired(time.time_ns()):
            raise ParameterError(f"expiry {entry.expires} is past; give a day from today on, or leave it out")
        body = {key: value for key, value in asdict(entry).items() if key != "added"}

        def compose(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
            number = 1 + sum(line["action"] == "add" for line in lines)
            return {**body, "id": f"{self.prefix}{number}", "action": "add"}

        line = self.log.append(compose)
        assert line is not None  # an entry was composed
        return self._entry(line)

    def retire(self, entry_id: str, *, reason: str, by: str) -> KnownEmitter:
        """Take an entry out; that it was there stays in the log.

        Raises
        ------
        ParameterError
            No entry of the list has this id, it is retired already, or a text is empty.
        RecordError
            The log is damaged, or the disk refuses.
        """
        _check_texts({"reason": reason, "by": by})
        self._in_use(self.log.read(), entry_id)  # before a log is made that has nothing in it

        def compose(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
            kept = {key: value for key, value in self._in_use(lines, entry_id).items() if key in _FIELDS}
            return {**kept, "action": "retire", "reason": reason, "by": by}

        line = self.log.append(compose)
        assert line is not None  # an entry was composed
        return self._entry(line)

    def _in_use(self, lines: Sequence[Mapping[str, Any]], entry_id: str) -> Mapping[str, Any]:
        retired = {line["id"] for line in lines if line["action"] == "retire"}
        active = {line["id"]: line for line in lines if line["action"] == "add" and line["id"] not in retired}
        if entry_id not in active:
            raise ParameterError(
                f"{self.log.about[1]} has no known emitter {entry_id!r}; it has {', '.join(active) or 'none'}"
            )
        return active[entry_id]

    def _entry(self, line: Mapping[str, Any]) -> KnownEmitter:
        """A line as an entry: its chain is whole, but who wrote it may have been no program of ours."""
        values = {name: line[name] for name in _FIELDS - {"action"}}
        try:
            entry = KnownEmitter(**values, added=str(line["time"]))
            check_entry(entry)
        except (ParameterError, TypeError, ValueError) as error:
            raise RecordError(
                f"{self.log.path}: line {line['sequence'] + 1} is no known emitter ({error}); restore it from a copy"
            ) from None
        return entry


def room_list(room_folder: Path) -> KnownList:
    """The known emitters of a room, in its folder."""
    return _list(room_folder / _FILE, ("room", room_folder.name), "K")


def site_list(workspace_root: Path) -> KnownList:
    """The known emitters of the site: of every room of a workspace."""
    return _list(workspace_root / _FILE, ("site", "the site"), "S")


def _list(path: Path, about: tuple[str, str], prefix: str) -> KnownList:
    return KnownList(ChainedLog(path=path, fields=_FIELDS, about=about, noun="known emitter"), prefix)


def default_tolerance_hz(center_freq_hz: float, bandwidth_hz: float | None) -> int:
    """Half the bandwidth, but not less than three bins and 1 ppm.

    Examples
    --------
    >>> default_tolerance_hz(433_920_000, 12_500), default_tolerance_hz(98_000_000, 180_000)
    (7934, 90000)
    """
    return round(max((bandwidth_hz or 0) / 2, _LEAST_TOLERANCE_HZ + _DRIFT * center_freq_hz))


def parse_expiry(text: str) -> str:
    """Read the last day of an entry.

    Raises
    ------
    ParameterError
        It is not a day of the calendar.

    Examples
    --------
    >>> parse_expiry("2027-06-30")
    '2027-06-30'
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ParameterError(f"expiry {text[:40]!r} is not a day; write for example 2027-06-30")
    return text


def check_entry(entry: KnownEmitter) -> None:
    """Refuse an entry that cannot be.

    Raises
    ------
    ParameterError
        A text is empty or does not print, a number is out of its bounds, or one of a pair is missing.
    """
    _check_texts({name: getattr(entry, name) for name in _SAID})
    _check_number("frequency in Hz", entry.center_freq_hz, 1, _HIGHEST_HZ)
    _check_number("tolerance in Hz", entry.tolerance_hz, 1, _HIGHEST_HZ)
    for value, tolerance, what, bounds, tolerances in (
        (entry.bandwidth_hz, entry.bandwidth_factor, "bandwidth in Hz", (1, _HIGHEST_HZ), (1.0, _MOST_FACTOR)),
        (entry.power_dbfs, entry.tolerance_db, "level in dBFS", _LEVELS_DBFS, (0.0, _MOST_DB)),
    ):
        if (value is None) != (tolerance is None):
            raise ParameterError(f"a {what} and its tolerance belong together; give both or neither")
        if value is not None and tolerance is not None:
            _check_number(what, value, *bounds)
            _check_number(f"tolerance of the {what}", tolerance, *tolerances)
    if entry.expires is not None:
        parse_expiry(str(entry.expires))


def _check_texts(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _MAX_TEXT:
            raise ParameterError(
                f"a known emitter needs a {name}; give it in up to {_MAX_TEXT} characters, not {text!r}"
            )


def _check_number(what: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise ParameterError(f"{what} {value} is not from {low:g} to {high:g}")
