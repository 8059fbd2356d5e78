"""All that a record holds, in the order in which it is written: the order is part of the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import h5py

from sweep import __version__
from sweep.journal import JournalReader
from sweep.journal.layout_json import layout_document
from sweep.model import Instrument, Judgement
from sweep.packing.hdf5 import add_attributes, make_group, make_note, plain_text
from sweep.packing.look_datasets import write_looks
from sweep.packing.previews import write_previews
from sweep.packing.row_datasets import WrittenRows, write_rows, write_stays
from sweep.packing.tables import write_checks, write_events, write_findings, write_gaps, write_segments
from sweep.plan import SweepPlan
from sweep.record.schema import SCHEMA
from sweep.units import iso_utc

__all__ = ["write_contents"]

_SITE = (
    *("site", "room", "position", "address", "client", "reference"),
    *("room_title", "room_floor", "room_description", "visit"),
)
_PEOPLE = ("operator", "people")
_SWEEP = ("record_id", "source", "software", "engine", "fft_engine", "synthetic")


def write_contents(file: h5py.File, journal: JournalReader, judged: Judgement, *, recovered: bool) -> None:
    """Fill a new file from a journal.

    Parameters
    ----------
    file : h5py.File
        Empty.
    journal : JournalReader
    judged : Judgement
    recovered : bool
        Mark the record as packed after an interruption.

    Raises
    ------
    JournalDamageError
        The journal was changed since it was opened.
    OSError, RuntimeError
        HDF5 cannot write.
    """
    file.attrs.update(
        {"NX_class": "NXroot", "default": "entry", "quietroom_schema": SCHEMA, "creator": f"Quietroom {__version__}"}
    )
    entry = make_group(file, "entry", "NXentry", default="summary")
    rows = write_rows(entry, journal)
    write_stays(entry, journal, rows.health)
    write_looks(entry, journal)
    write_previews(entry, rows.preview, judged, rows.times_ns)
    write_findings(entry, judged.document["findings"])
    if judged.document.get("unconfirmed") is not None:  # a journal of an earlier version has no such list
        write_findings(entry, judged.document["unconfirmed"], "unconfirmed")
    write_gaps(entry, journal.gaps)
    write_events(entry, journal.notes)
    _write_attributes(entry, journal, judged.document, rows, recovered=recovered)
    _write_coverage(entry, journal, judged.document)
    _write_texts(entry, journal, rows)
    _write_notes(entry, journal, judged.document, recovered=recovered)


def _write_attributes(
    entry: h5py.Group, journal: JournalReader, document: Mapping[str, Any], rows: WrittenRows, *, recovered: bool
) -> None:
    start = journal.start
    add_attributes(entry, {name: start.get(name) for name in _SWEEP} | {"recovered": recovered})
    add_attributes(entry, {"verdict": document["verdict"]})
    instrument = _known(start.get("instrument"), Instrument) | {
        name: start.get(name) for name in ("equipment", "calibration")
    }
    add_attributes(make_group(entry, "instrument", "NXinstrument"), instrument)
    for name, members in (("site", _SITE), ("people", _PEOPLE)):
        add_attributes(make_group(entry, name, "NXcollection"), {member: start.get(member) for member in members})
    plan = _known(start.get("plan"), SweepPlan) | layout_document(journal.layout)
    add_attributes(make_group(entry, "plan", "NXcollection"), plan)
    health = rows.health.totals() | {"gaps": len(journal.gaps)}
    told = make_group(entry, "health", "NXcollection")
    add_attributes(told, health)
    write_checks(told, start.get("instrument") or {})
    baseline = {"baseline": document.get("baseline"), "planned": start.get("baseline")}
    add_attributes(make_group(entry, "baseline", "NXcollection"), baseline)


def _known(document: Mapping[str, Any] | None, fields_of: type) -> dict[str, Any]:
    """Fields that we know; others may have names that HDF5 does not take, and are in the processing note."""
    known = {field.name for field in fields(fields_of)}
    return {name: value for name, value in (document or {}).items() if name in known}


def _write_coverage(entry: h5py.Group, journal: JournalReader, document: Mapping[str, Any]) -> None:
    coverage = make_group(entry, "coverage", "NXcollection")
    passes = {"passes_planned": journal.start.get("passes_planned"), "passes_recorded": journal.n_rows}
    add_attributes(coverage, passes | {"false_alarms_per_sweep": document.get("false_alarms_per_sweep")})
    write_segments(coverage, document["coverage"])


def _write_texts(entry: h5py.Group, journal: JournalReader, rows: WrittenRows) -> None:
    start = journal.start
    texts = {
        "title": start.get("title") or f"Sweep of {start.get('room') or 'a room'}",
        "start_time": start.get("start_time") or (iso_utc(int(rows.times_ns[0, 0])) if journal.n_rows else None),
        "end_time": _end_time(journal),
        "definition": "quietroom_sweep",
    }
    for name, text in texts.items():
        if text:
            entry[name] = plain_text(text)


def _write_notes(entry: h5py.Group, journal: JournalReader, document: Mapping[str, Any], *, recovered: bool) -> None:
    processing = {
        "start": journal.start,
        "layout": layout_document(journal.layout),
        "judgement": dict(document),
        "end_time": _end_time(journal),
        "recovered": recovered,
        "torn_tail_bytes": journal.torn_tail_bytes,
    }
    make_note(entry, "processing", processing)
    sigmf = _sigmf(journal.start)
    if sigmf:
        make_note(entry, "sigmf", sigmf)


def _end_time(journal: JournalReader) -> str:
    if journal.end_time is not None:
        return journal.end_time
    last = next(journal.stays(max(0, journal.n_stays - 1)), None)
    last = last or next(journal.rows(max(0, journal.n_rows - 1)), None)
    if last is None:
        return str(journal.start.get("start_time") or "")
    return iso_utc(max(last.utc_ns, int(last.hop_utc_ns.max())))


def _sigmf(start: Mapping[str, Any]) -> dict[str, Any] | None:
    """Describe the samples in the words of SigMF; none where spectra came in place of samples."""
    plan, instrument = start.get("plan"), start.get("instrument") or {}
    if not plan or not instrument.get("sample_format"):
        return None
    named = {
        "core:hw": " ".join(filter(None, (instrument.get("product"), instrument.get("tuner")))),
        "core:recorder": start.get("software"),
        "core:author": start.get("operator"),
    }
    return {
        "global": {
            "core:datatype": instrument["sample_format"],
            "core:version": "1.2.0",
            "core:sample_rate": plan["sample_rate_hz"],
            "core:metadata_only": True,
            **{key: value for key, value in named.items() if value},
        },
        "captures": [],
        "annotations": [],
    }
