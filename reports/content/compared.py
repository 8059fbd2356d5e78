"""The baseline that a record was compared with: which file, how old, of which visits, and whether it fits the sweep."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from baselines.compatibility import Compatibility, check_compatibility
from baselines.health import Health, check_health
from baselines.model import Baseline, BaselineVisit
from baselines.store import BaselineStore
from dsp.errors import RecordError
from reports.content.blocks import Block, bullets, facts, paragraph, table
from reports.content.sealed import Sealed
from reports.content.wording import NOT_RECORDED, count, number, recorded, utc
from sweep.record import SweepRecord
from sweep.units import parse_utc

__all__ = ["ComparedWith", "baseline_blocks", "read_compared"]

_FITS = {
    "compatible": "compatible: same plan, dongle, gain and antenna as far as they are recorded",
    "usable": "comparable, with reservations",
    "incompatible": "incompatible",
}
_MAX_VISITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedWith:
    """A baseline, as a report tells of it.

    Attributes
    ----------
    id : str
    trouble : str or None
        Why nothing more is known of it; all that follows is None then.
    sha256 : str or None
        Of its file, as it is now.
    """

    id: str
    trouble: str | None = None
    sha256: str | None = None
    created: str | None = None
    parent: str | None = None
    visits: tuple[BaselineVisit, ...] = ()
    health: Health | None = None
    fit: Compatibility | None = None


def read_compared(record: SweepRecord, baseline_id: str | None, room_folder: Path | None) -> ComparedWith | None:
    """Read the baseline that a judgement names; None where it names none. A lost or damaged file is told, not raised.

    Parameters
    ----------
    record : SweepRecord
    baseline_id : str or None
    room_folder : Path or None
        Of the room, which holds its baselines; None where there is no such folder.
    """
    if baseline_id is None:
        return None
    store = None if room_folder is None else BaselineStore(room_folder)
    path = None if store is None else store.file(baseline_id)
    if store is None or path is None:
        return ComparedWith(id=baseline_id, trouble="its file is not in this workspace")
    try:
        return _told(store.load(baseline_id), record, path)
    except RecordError as error:
        return ComparedWith(id=baseline_id, trouble=str(error).replace(str(path), path.name))


def _told(baseline: Baseline, record: SweepRecord, path: Path) -> ComparedWith:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    begun = record.start.get("start_time")
    instrument = record.instrument
    return ComparedWith(
        id=baseline.id,
        sha256=digest,
        created=baseline.created,
        parent=baseline.parent,
        visits=baseline.visits,
        health=check_health(baseline, utc_ns=parse_utc(str(begun))) if begun else None,
        fit=check_compatibility(baseline, record.layout, instrument=asdict(instrument), gain_db=instrument.gain_db),
    )


def baseline_blocks(compared: ComparedWith | None, sealed: Sealed | None) -> list[Block]:
    """Say what the sweep was compared with, with hash, age and fitness."""
    if compared is None:
        return [
            paragraph(
                "The sweep was not compared with a baseline. What was heard is listed as it is; whether it belongs to "
                "the room is not known from this sweep."
            )
        ]
    if compared.trouble is not None:
        return [
            facts([("Baseline", compared.id), ("SHA-256 of its file", _digest(compared, sealed))]),
            paragraph(f"Age, visits and fitness are not recorded here: {compared.trouble}."),
        ]
    health, fit = compared.health, compared.fit
    rows = [
        ("Baseline", compared.id),
        ("SHA-256 of its file", _digest(compared, sealed)),
        ("Learnt", utc(compared.created)),
        ("Extends", recorded(compared.parent) if compared.parent else "no earlier version"),
        (
            "Age at the sweep",
            NOT_RECORDED if health is None else f"{number(health.age_days)} days, from its last visit",
        ),
        ("Fit for this sweep", NOT_RECORDED if fit is None else _FITS[fit.verdict]),
        ("Quality", NOT_RECORDED if health is None else health.verdict),
    ]
    reasons = [*(fit.reasons if fit else ()), *(health.reasons if health else ())]
    remarks: list[Block] = [bullets([f"{reason[:1].upper()}{reason[1:]}." for reason in reasons])] if reasons else []
    return [facts(rows), *remarks, *_visits(compared.visits)]


def _digest(compared: ComparedWith, sealed: Sealed | None) -> str:
    """Hash of the file, and whether it is still the one that was sealed."""
    told = None if sealed is None or sealed.seal is None else sealed.seal.told.baseline
    before = told.sha256 if told is not None and told.id == compared.id else None
    if compared.sha256 is None:
        return NOT_RECORDED if before is None else f"{before} (as it was sealed)"
    if before is None:
        return compared.sha256
    return (
        f"{compared.sha256}, {'as it was sealed' if before == compared.sha256 else f'NOT as it was sealed: {before}'}"
    )


def _visits(visits: Sequence[BaselineVisit]) -> list[Block]:
    rows = [
        (
            visit.record_id,
            utc(visit.start_time),
            str(visit.n_passes),
            NOT_RECORDED if visit.gain_db is None else number(visit.gain_db, "dB"),
            recorded(visit.instrument.get("serial")),
        )
        for visit in visits[-_MAX_VISITS:]
    ]
    head = ("Learnt from", "Begin", "Passes", "Gain", "Receiver")
    more = (
        [paragraph(f"{count(len(visits) - _MAX_VISITS, 'earlier visit')} not shown.")]
        if len(visits) > _MAX_VISITS
        else []
    )
    return [table(head, rows, widths=(34, 26, 9, 11, 20), right=(2, 3)), *more]
