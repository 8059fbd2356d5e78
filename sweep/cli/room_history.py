"""The other records of a room, for the judge: its register of emitters, and the positions of a visit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from baselines.history import RoomHistory, with_history
from baselines.register import EmitterRegister
from dsp.errors import ParameterError
from sweep.model import Judge, Judgement
from sweep.record import SweepRecord
from sweep.room_records import RoomRecord, describe, room_records
from sweep.workspace import Workspace

__all__ = ["in_room", "outside_record", "ready_register", "rebuild_register"]


def in_room(
    judge: Judge,
    workspace: Workspace,
    room: str,
    *,
    position: str | None,
    outside: RoomRecord | None = None,
    enter: bool = True,
) -> Judge:
    """Let a judge look at the other records of a room; the parameters are those of ``RoomHistory``."""
    history = RoomHistory(
        register=EmitterRegister(workspace.room(room)),
        position=position,
        records=lambda start_ns: room_records(workspace.sweeps, room, near_ns=start_ns),
        outside=outside,
        enter=enter,
    )
    return with_history(judge, history)


def ready_register(workspace: Workspace, room: str) -> EmitterRegister:
    """Open the register of a room before the work, not after it; one that is lost is made anew, and that is said.

    Raises
    ------
    RecordError
        It is damaged.
    """
    register = EmitterRegister(workspace.room(room))
    if register.exists:
        register.sightings()
    elif n_records := rebuild_register(register, list(room_records(workspace.sweeps, room))):
        text = f"the register of emitters of room {room} was not there; it was made anew from {n_records} records"
        print(f"quietroom: {text}", file=sys.stderr)
    return register


def rebuild_register(register: EmitterRegister, records: Sequence[RoomRecord]) -> int:
    """Enter what was found, or not confirmed, in records; numbers stay. Give how many records had any of it.

    Raises
    ------
    RecordError
        A record is damaged.
    """
    told = []
    for item in sorted(records, key=lambda item: item.start_ns):
        with SweepRecord.open(item.path) as record:
            told.append((item, record.judgement, record.layout.bin_width_hz))
    told = [(item, judgement, width) for item, judgement, width in told if judgement.emissions]
    told.sort(key=lambda entry: not _has_numbers(entry[1]))  # stable: numbered records first, each kind by time
    for item, judgement, bin_width_hz in told:
        register.enter(
            judgement.emissions,
            start_ns=item.start_ns,
            position=item.position,
            bin_width_hz=bin_width_hz,
            n_unconfirmed=len(judgement.document["unconfirmed"]),
        )
    return len(told)


def _has_numbers(judgement: Judgement) -> bool:
    return any(finding.get("emitter") is not None for finding in judgement.emissions)


def outside_record(path: Path, room: str) -> RoomRecord:
    """Describe a record that is given as that of outside.

    Raises
    ------
    RecordError
        It is damaged.
    ParameterError
        It is of another room.
    """
    with SweepRecord.open(path) as record:
        swept = record.start.get("room")
        if swept != room:
            raise ParameterError(
                f"{path} is a sweep of room {swept!r}, not of {room!r}; give one from outside this room"
            )
        return describe(record)
