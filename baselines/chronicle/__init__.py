"""The history of a room: what was heard at its visits, by emitter, from the records and the logs of decisions."""

from __future__ import annotations

from baselines.chronicle.emitters import EmitterTold
from baselines.chronicle.room import RoomChronicle, VisitHeld, read_room
from baselines.chronicle.sights import Change, Sight
from baselines.chronicle.told import RecordTold

__all__ = ["Change", "EmitterTold", "RecordTold", "RoomChronicle", "Sight", "VisitHeld", "read_room"]
