"""``emitters``: what was ever found or heard unconfirmed in a room, each emitter with the number that it keeps."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from baselines.register import EmitterRegister, Sighting
from sweep.cli.printing import Printer, short_time, table
from sweep.cli.room_history import ready_register, rebuild_register
from sweep.cli.wording import level_of
from sweep.room_records import count_visits, room_records
from sweep.workspace import Workspace

__all__ = ["emitters"]

_COLUMNS = ("emitter", "MHz", "kHz wide", "dBFS", "sweeps", "confirmed", "visits", "first heard", "last heard")


def emitters(arguments: Namespace) -> int:
    """List the register of a room, or make it anew."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    if arguments.rebuild:
        register = EmitterRegister(workspace.room(arguments.room))
        records = list(room_records(workspace.sweeps, arguments.room))
        aside = register.set_aside()
        n_records = rebuild_register(register, records)
        printer.line(f"The register of room {arguments.room} was made anew from {n_records} records")
        if aside is not None:
            printer.line(f"The old one is kept as {aside}")
    else:
        register = ready_register(workspace, arguments.room)
    told = [_told(items) for items in _by_emitter(register.sightings())]
    if told:
        printer.lines(table(_COLUMNS, [_cells(entry) for entry in told]))
    else:
        printer.line(f"Nothing was found in room {arguments.room} yet")
    printer.document({"schema": "quietroom.emitters/1", "room": arguments.room, "emitters": told})
    return 0


def _by_emitter(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    grouped: dict[str, list[Sighting]] = {}
    for item in sorted(sightings, key=lambda item: item.start_ns):
        grouped.setdefault(item.emitter, []).append(item)
    return [grouped[name] for name in sorted(grouped, key=lambda name: int(name[1:]))]


def _told(sightings: Sequence[Sighting]) -> dict[str, Any]:
    """One emitter: where it was heard last, and how often."""
    last = sightings[-1]
    return {
        "emitter": last.emitter,
        "center_freq_hz": round(last.center_freq_hz),
        "occupied_bw_hz": round(last.occupied_bw_hz),
        "power_dbfs": last.power_dbfs,
        "power_expanded_uncertainty_db": last.power_expanded_uncertainty_db,
        "sweeps": len({(item.start_ns, item.position) for item in sightings}),
        "confirmed_sweeps": len({(item.start_ns, item.position) for item in sightings if item.confirmed}),
        "visits": count_visits([item.start_ns for item in sightings]),
        "positions": sorted({item.position for item in sightings if item.position is not None}),
        "first_seen": min((item.first_seen for item in sightings if item.first_seen), default=None),
        "last_seen": max((item.last_seen for item in sightings if item.last_seen), default=None),
    }


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    expanded_db = entry["power_expanded_uncertainty_db"]
    told = None if expanded_db is None else {"expanded": expanded_db}
    times = (entry["first_seen"], entry["last_seen"])
    return (
        entry["emitter"],
        f"{entry['center_freq_hz'] / 1e6:.4f}",
        f"{entry['occupied_bw_hz'] / 1e3:.1f}",
        level_of({**entry, "power_uncertainty_db": told}),
        str(entry["sweeps"]),
        str(entry["confirmed_sweeps"]),
        str(entry["visits"]),
        *("-" if time is None else short_time(time) for time in times),
    )
