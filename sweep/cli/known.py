"""``known add``, ``known list`` and ``known retire``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from baselines.known import (
    DEFAULT_BANDWIDTH_FACTOR,
    DEFAULT_TOLERANCE_DB,
    KnownEmitter,
    KnownList,
    default_tolerance_hz,
    parse_expiry,
    room_list,
    site_list,
)
from dsp.errors import ParameterError
from sweep.cli.printing import Printer, level, table
from sweep.record import SweepRecord
from sweep.units import format_hz
from sweep.workspace import Workspace

__all__ = ["add", "list_entries", "retire"]

_COLUMNS = ("id", "MHz", "+- kHz", "kHz wide", "dBFS", "state", "name, reason and who")


def add(arguments: Namespace) -> int:
    """Put an entry in the list of a room or of the site."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    _check_place(arguments)
    finding = _finding(arguments, workspace)
    entry = _list_of(arguments, workspace).add(_asked(arguments, finding))
    printer.line(f"{_place(arguments)}: {entry.id}, {entry.name}, is known {_in_words(entry)}")
    printer.document(asdict(entry))
    return 0


def list_entries(arguments: Namespace) -> int:
    """List the entries of a room and of the site."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    _check_place(arguments)
    history = [] if arguments.site else room_list(workspace.room(arguments.room)).history()
    history += site_list(workspace.root).history()
    if history:
        printer.lines(table(_COLUMNS, [_cells(entry, retired) for entry, retired in history]))
    else:
        printer.line(f"{_place(arguments)} has no known emitters; enter one with 'quietroom known add'")
    entries = [{**asdict(entry), "state": _state(entry, retired)} for entry, retired in history]
    printer.document({"schema": "quietroom.known/1", "room": arguments.room, "known_emitters": entries})
    return 0


def retire(arguments: Namespace) -> int:
    """Take an entry out of use."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    _check_place(arguments)
    entry = _list_of(arguments, workspace).retire(arguments.entry, reason=arguments.reason, by=arguments.by)
    printer.line(f"{_place(arguments)}: {entry.id}, {entry.name}, is no longer taken as known")
    printer.document(asdict(entry))
    return 0


def _check_place(arguments: Namespace) -> None:
    if (arguments.room is None) != arguments.site:
        raise ParameterError("say either the room or --site, for example: quietroom known list boardroom")


def _place(arguments: Namespace) -> str:
    return "The site" if arguments.site else f"Room {arguments.room}"


def _list_of(arguments: Namespace, workspace: Workspace) -> KnownList:
    return site_list(workspace.root) if arguments.site else room_list(workspace.room(arguments.room))


def _finding(arguments: Namespace, workspace: Workspace) -> Mapping[str, Any]:
    """What a finding says that is given with --from; nothing without."""
    if arguments.from_ is None:
        if arguments.frequency is None:
            raise ParameterError("give --frequency, or a finding with --from RECORD FINDING")
        return {}
    name, wanted = arguments.from_
    with SweepRecord.open(workspace.find_record(name)) as record:
        room, findings = record.start.get("room"), record.judgement.emissions
    if not arguments.site and room != arguments.room:
        raise ParameterError(f"{name} is a sweep of room {room!r}, not of {arguments.room!r}; name its room, or --site")
    for finding in findings:
        if finding["id"] == wanted:
            return dict(finding)
    raise ParameterError(
        f"{name} has no finding {wanted!r}; it has {', '.join(item['id'] for item in findings) or 'none'}"
    )


def _asked(arguments: Namespace, finding: Mapping[str, Any]) -> KnownEmitter:
    """The entry that the words ask for; its id and time are given as it is written."""
    center_hz = _first(arguments.frequency, finding.get("center_freq_hz"))
    bandwidth_hz = _first(arguments.bandwidth, finding.get("occupied_bw_hz") or None)
    power_dbfs = _first(arguments.level, finding.get("power_dbfs"))
    for value, tolerance, words in (
        (bandwidth_hz, arguments.bandwidth_factor, "--bandwidth-factor without --bandwidth"),
        (power_dbfs, arguments.level_tolerance, "--level-tolerance without --level"),
    ):
        if value is None and tolerance is not None:
            raise ParameterError(f"{words} says nothing; give both")
    return KnownEmitter(
        id="",
        name=arguments.name,
        center_freq_hz=round(center_hz),
        tolerance_hz=_first(arguments.tolerance, default_tolerance_hz(center_hz, bandwidth_hz)),
        bandwidth_hz=None if bandwidth_hz is None else round(bandwidth_hz),
        bandwidth_factor=None if bandwidth_hz is None else _first(arguments.bandwidth_factor, DEFAULT_BANDWIDTH_FACTOR),
        power_dbfs=power_dbfs,
        tolerance_db=None if power_dbfs is None else _first(arguments.level_tolerance, DEFAULT_TOLERANCE_DB),
        reason=arguments.reason,
        by=arguments.by,
        expires=None if arguments.expires is None else parse_expiry(arguments.expires),
        added="",
    )


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given


def _in_words(entry: KnownEmitter) -> str:
    width = "of any bandwidth"
    if entry.bandwidth_hz is not None:
        width = f"{format_hz(entry.bandwidth_hz)} wide within a factor of {entry.bandwidth_factor:g}"
    strength = "at any level"
    if entry.power_dbfs is not None:
        strength = f"at {level(entry.power_dbfs, ' dBFS')} +- {entry.tolerance_db:g} dB"
    until = "" if entry.expires is None else f", until {entry.expires}"
    at = f"at {format_hz(entry.center_freq_hz)} +- {format_hz(entry.tolerance_hz)}"
    return f"{at}, {width}, {strength}{until}"


def _cells(entry: KnownEmitter, retired: Mapping[str, Any] | None) -> tuple[str, ...]:
    return (
        entry.id,
        f"{entry.center_freq_hz / 1e6:.4f}",
        f"{entry.tolerance_hz / 1e3:.1f}",
        "any" if entry.bandwidth_hz is None else f"{entry.bandwidth_hz / 1e3:.1f}",
        "any" if entry.power_dbfs is None else f"{level(entry.power_dbfs)} +- {entry.tolerance_db:g}",
        _state(entry, retired),
        f"{entry.name}: {entry.reason} ({entry.by})",
    )


def _state(entry: KnownEmitter, retired: Mapping[str, Any] | None) -> str:
    if retired is not None:
        return "retired"
    if entry.has_expired(time.time_ns()):
        return f"expired {entry.expires}"
    return "in use" if entry.expires is None else f"until {entry.expires}"
