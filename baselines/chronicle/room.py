"""The chronicle of a room: its visits, and every emitter at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from baselines.chronicle.emitters import EmitterTold, Heard, associate, listed_sight
from baselines.chronicle.presence import Presence, look_for
from baselines.chronicle.sights import STATES, Sight
from baselines.chronicle.told import RecordTold, read_told
from dsp.errors import ParameterError, RecordError
from sweep.record import SweepRecord
from sweep.room_records import named_time, same_visit

__all__ = ["RoomChronicle", "VisitHeld", "read_room"]

_RANK = {"high": 0, "medium": 1, "low": 2, "info": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitHeld:
    """The records of one visit, in the order of time."""

    records: tuple[RecordTold, ...]

    @property
    def start_ns(self) -> int:
        """When its first sweep began, in nanoseconds since 1970 UTC."""
        return self.records[0].start_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomChronicle:
    """What the records of a room say over its visits.

    Attributes
    ----------
    room : str
    since_ns : int
        Visits before this are left out.
    visits : tuple of VisitHeld
        In the order of time; at least one.
    emitters : tuple of EmitterTold
        Of the highest threat first, then by frequency.
    unread : tuple of (str, str)
        Records that could not be read, with the reason.
    """

    room: str
    since_ns: int
    visits: tuple[VisitHeld, ...]
    emitters: tuple[EmitterTold, ...]
    unread: tuple[tuple[str, str], ...]

    @property
    def synthetic(self) -> bool:
        """Whether any record holds samples that were made rather than received."""
        return any(record.synthetic for visit in self.visits for record in visit.records)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be read beside the records."""
        told = (record.trouble for visit in self.visits for record in visit.records)
        return tuple(trouble for trouble in told if trouble is not None)


def read_room(sweeps: Path, room: str, since_ns: int) -> RoomChronicle:
    """Read the history of a room.

    Parameters
    ----------
    sweeps : Path
        Folder of the records.
    room : str
    since_ns : int
        Records that were begun before are left out: nanoseconds since 1970 UTC.

    Raises
    ------
    ParameterError
        No record of the room since then can be read.
    RecordError
        A record was damaged while it was read.
    """
    records, unread = _read_records(sweeps, room, since_ns)
    if not records:
        when = f"{datetime.fromtimestamp(since_ns // 10**9, UTC):%Y-%m-%d}"
        if unread:
            raise ParameterError(f"no record of room {room} since {when} can be read: {unread[0][1]}")
        raise ParameterError(f"{sweeps}: holds no record of room {room} since {when}; give an earlier --since")
    visits = _visits(records)
    heard = associate(records)
    emitters = [_emitter(one, sights) for one, sights in zip(heard, _sights(heard, visits), strict=True)]
    emitters.sort(key=lambda one: (_RANK.get(str(one.threat), len(_RANK)), one.center_freq_hz))
    return RoomChronicle(
        room=room,
        since_ns=since_ns,
        visits=visits,
        emitters=tuple(replace(one, id=f"H{number}") for number, one in enumerate(emitters, 1)),
        unread=tuple(unread),
    )


def _read_records(sweeps: Path, room: str, since_ns: int) -> tuple[list[RecordTold], list[tuple[str, str]]]:
    """Records since a time, in its order, and those that cannot be read with the reason."""
    records: list[RecordTold] = []
    unread: list[tuple[str, str]] = []
    for path in sorted(sweeps.glob(f"{room}-*.h5")):
        named = named_time(path, room)
        try:
            with SweepRecord.open(path) as record:
                if record.start.get("room") != room:
                    continue
                told = read_told(record)
        except (RecordError, ParameterError) as error:
            # of a damaged record the name is all that tells the room
            if named is not None and named.timestamp() * 1e9 >= since_ns:
                unread.append((path.name, str(error)))
            continue
        if told.start_ns >= since_ns:
            records.append(told)
    return sorted(records, key=lambda told: (told.start_ns, told.path.name)), unread


def _visits(records: Sequence[RecordTold]) -> tuple[VisitHeld, ...]:
    visits: list[list[RecordTold]] = []
    for record in records:
        if visits and same_visit(visits[-1][0].start_ns, record.start_ns):
            visits[-1].append(record)
        else:
            visits.append([record])
    return tuple(VisitHeld(records=tuple(visit)) for visit in visits)


def _emitter(heard: Sequence[Heard], sights: Sequence[Sight]) -> EmitterTold:
    latest = heard[-1].emission
    numbers = dict.fromkeys(str(one.emission["emitter"]) for one in heard if one.emission.get("emitter") is not None)
    known_as = latest.get("known_as")
    return EmitterTold(
        id="",
        center_freq_hz=float(latest["center_freq_hz"]),
        occupied_bw_hz=float(latest.get("occupied_bw_hz") or 0.0),
        known_as=None if known_as is None else str(known_as),
        numbers=tuple(numbers),
        sights=tuple(sights),
    )


def _sights(emitters: Sequence[Sequence[Heard]], visits: Sequence[VisitHeld]) -> list[list[Sight]]:
    """What each visit says of each emitter: records that do not list it are looked into."""
    sights: list[list[Sight]] = [[] for _ in emitters]
    for visit in visits:
        own = [[one for one in heard if any(one.record is record for record in visit.records)] for heard in emitters]
        asked = [index for index, heard in enumerate(own) if not any(not one.is_missing for one in heard)]
        found: dict[int, list[tuple[RecordTold, Presence]]] = {index: [] for index in asked}
        latest = [emitters[index][-1].emission for index in asked]
        for record in visit.records if asked else ():
            with SweepRecord.open(record.path) as opened:
                for index, presence in zip(asked, look_for(opened, latest), strict=True):
                    found[index].append((record, presence))
        for index, heard in enumerate(own):
            if index in found:
                missing = listed_sight(heard) if heard else None
                sights[index].append(_unlisted(found[index], missing))
            else:
                sights[index].append(listed_sight(heard))
    return sights


def _unlisted(found: Sequence[tuple[RecordTold, Presence]], missing: Sight | None) -> Sight:
    """What the records that do not list an emitter say of it: the most telling of them."""
    record, presence = min(found, key=lambda item: STATES.index(item[1].state))
    if missing is not None and presence.state != "power_there":
        return replace(missing, limit_dbfs=presence.limit_dbfs)
    return Sight(
        state=presence.state,
        record=record.path.name,
        position=record.position,
        gain_db=record.gain_db,
        limit_dbfs=presence.limit_dbfs,
        in_baseline=presence.in_baseline,
        is_missing=missing is not None,
    )
