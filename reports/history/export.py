"""The history of a room as JSON: schema ``quietroom.history/1``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from baselines.chronicle import EmitterTold, RecordTold, RoomChronicle
from sweep.units import iso_utc

__all__ = ["history_document"]


def history_document(chronicle: RoomChronicle) -> dict[str, Any]:
    """Make plain data of a history; a number that was not measured is null."""
    return {
        "schema": "quietroom.history/1",
        "room": chronicle.room,
        "since": iso_utc(chronicle.since_ns),
        "synthetic": chronicle.synthetic,
        "visits": [
            {"start_time": iso_utc(visit.start_ns), "records": [_record(record) for record in visit.records]}
            for visit in chronicle.visits
        ],
        "emitters": [_emitter(emitter) for emitter in chronicle.emitters],
        "unread": [{"record": name, "reason": reason} for name, reason in chronicle.unread],
        "remarks": list(chronicle.troubles),
    }


def _record(record: RecordTold) -> dict[str, Any]:
    return {
        "record": record.path.name,
        "record_id": record.record_id,
        "schema": record.schema,
        "start_time": iso_utc(record.start_ns),
        "position": record.position,
        "operator": record.operator,
        "verdict": record.verdict,
        "baseline": record.baseline,
        "sealed": record.is_sealed,
        "findings": len(record.findings),
        "unconfirmed": len(record.unconfirmed),
    }


def _emitter(emitter: EmitterTold) -> dict[str, Any]:
    return {
        "id": emitter.id,
        "center_freq_hz": round(emitter.center_freq_hz),
        "occupied_bw_hz": round(emitter.occupied_bw_hz),
        "emitters": list(emitter.numbers),
        "known_as": emitter.known_as,
        "threat": emitter.threat,
        "sights": [
            {**asdict(sight), "decision": None if sight.decision is None else dict(sight.decision)}
            for sight in emitter.sights
        ],
        "changes": [asdict(change) for change in emitter.changes],
    }
