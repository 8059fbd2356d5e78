"""What is known of site, people and equipment, in the fields of a record's start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from sweep.facts.loading import Facts
from sweep.facts.schema import Device, EquipmentFile, Receiver
from sweep.model import Instrument

__all__ = ["equipment_in_use", "start_facts"]


def start_facts(facts: Facts, instrument: Instrument) -> dict[str, Any]:
    """Say what the start of a record says of the surroundings; what is unknown is left out.

    Parameters
    ----------
    facts : Facts
    instrument : Instrument
        That sweeps: the equipment is that of its serial, or of those of its receivers.

    Returns
    -------
    dict
        JSON values under names of ``StartDocument``.
    """
    site = facts.site
    room = site.room
    said = {
        "site": site.name,
        "address": site.address,
        "client": site.client,
        "reference": site.reference,
        "retest_days": site.retest_days,
        "room_title": room and room.title,
        "room_floor": room and room.floor,
        "room_description": room and room.description,
        "people": [_person(person.name, person.role, person.organisation) for person in site.people or ()],
        "equipment": equipment_in_use(facts.equipment, instrument),
    }
    return {name: value for name, value in said.items() if value}


def equipment_in_use(files: Sequence[EquipmentFile], instrument: Instrument) -> list[dict[str, Any]]:
    """List the receivers in use with their antennas and cables; the first file that has a receiver counts."""
    serials = [one.serial for one in instrument.receivers or (instrument,) if one.serial]
    today = datetime.now(UTC).date()
    listed: list[dict[str, Any]] = []
    for serial in serials:
        found = next(((file, one) for file in files for one in file.receivers if one.serial == serial), None)
        for kind, item in _chain(*found) if found else ():
            described = _described(kind, item, today)
            if described not in listed:
                listed.append(described)
    return listed


def _chain(file: EquipmentFile, receiver: Receiver) -> Iterator[tuple[str, Device]]:
    yield "receiver", receiver
    yield from (("antenna", item) for item in file.antennas if item.name == receiver.antenna)
    yield from (("cable", item) for item in file.cables if item.name in receiver.cables)


def _described(kind: str, item: Device, today: date) -> dict[str, Any]:
    """One piece as JSON; that its calibration has run out is said, not left to be worked out."""
    told = msgspec.to_builtins(item)
    due = item.calibration_due
    kept = {key: value for key, value in told.items() if value is not None and key not in ("antenna", "cables")}
    return {"kind": kind, **kept, **({} if due is None else {"calibration_expired": due < today})}


def _person(name: str, role: str, organisation: str | None) -> str:
    about = ", ".join(part for part in ("" if role == "other" else role, organisation) if part)
    return f"{name} ({about})" if about else name
