"""Findings as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.content import ReportContent
from reports.content.calibrated import with_levels
from reports.files import write_bytes
from sweep.health.checks import checks_of
from sweep.record import SweepRecord

__all__ = ["CSV_COLUMNS", "SCHEMA", "findings_document", "write_csv", "write_json"]

SCHEMA = "quietroom.findings/1"

_DOCUMENT_KEYS = (
    "baseline",
    "verdict",
    "reasons",
    "false_alarms_per_sweep",
    "coverage",
    "not_heard",
    "findings",
    "unconfirmed",
    "known_emitters",
    "outside_record",
    "iq_snippets",
)
_HZ_KEYS = frozenset({"center_freq_hz", "occupied_bw_hz", "width_6db_hz", "width_26db_hz", "start_hz", "stop_hz"})
_FINDING_COLUMNS = (
    "id",
    "kind",
    "center_freq_hz",
    "occupied_bw_hz",
    "power_dbfs",
    "snr_db",
    "excess_db",
    "p_value",
    "first_seen",
    "last_seen",
    "hits",
    "visits",
    "duty_cycle",
    "signal_type",
    "allocation",
    "known_as",
)
_LISTS = {"findings": "finding", "unconfirmed": "unconfirmed"}
_LATER_COLUMNS = (
    "emitter",
    "outside_dbfs",
    "outside_limit_dbfs",
    "inside_minus_outside_db",
    "inside_minus_outside_at_least_db",
    "width_6db_hz",
    "width_26db_hz",
    "burst_length_s",
    "burst_period_s",
    "burst_resolution_s",
    "power_expanded_uncertainty_db",
)
CSV_COLUMNS = (
    "record",
    "room",
    "position",
    "baseline",
    *_FINDING_COLUMNS,
    "threat_level",
    "threat_score",
    "threat_reasons",
    "artefact_tests",
    "disposition",
    "disposition_reason",
    "disposition_by",
    "disposition_time",
    *_LATER_COLUMNS,
    "list",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def findings_document(
    source: ReportContent | SweepRecord, dispositions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Give the findings JSON of the command line contract.

    Parameters
    ----------
    source : ReportContent or SweepRecord
    dispositions : sequence of mapping
        Decisions about the findings, oldest first; by default those of the content.

    Returns
    -------
    dict
        Schema ``quietroom.findings/1``; frequencies in whole Hz, and None for a number that was not measured. Where
        there are decisions, ``dispositions`` lists them.
    """
    if isinstance(source, ReportContent):
        name, judged, decided = source.record_name, source.document, tuple(dispositions) or source.dispositions
    else:
        name, judged, decided = source.path.name, source.judgement.document, tuple(dispositions)
    document = {
        "schema": SCHEMA,
        "record": name,
        "room": source.start.get("room"),
        "position": source.start.get("position"),
        **{key: judged.get(key) for key in _DOCUMENT_KEYS},
    }
    for key in ("findings", "unconfirmed"):
        document[key] = with_levels(source.start, judged.get(key) or ())
    document["not_heard"] = document["not_heard"] or []
    started = source.start.get("instrument") or {}
    document["checks"] = [{"receiver": receiver or None, **check} for receiver, check in checks_of(started)]
    if decided:
        document["dispositions"] = list(decided)
    plain: dict[str, Any] = _plain(document)
    return plain


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write a document as JSON (RFC 8259), whole or not at all.

    Raises
    ------
    ParameterError
        The file cannot be written.
    """
    write_bytes(json_bytes(document), path)


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Encode a document as UTF-8 JSON, indented; NaN and infinities become null."""
    text = json.dumps(_plain(document), ensure_ascii=False, allow_nan=False, indent=2)
    return text.encode("utf-8", errors="replace") + b"\n"


def write_csv(document: Mapping[str, Any], path: Path) -> None:
    """Write one line for each finding, then one for each unconfirmed emission (RFC 4180, UTF-8).

    The column ``list`` says which of the two a line is. A number that was not measured is an empty cell.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are left as they are.

    Parameters
    ----------
    document : mapping
        Of ``findings_document``.
    path : Path

    Raises
    ------
    ParameterError
        The file cannot be written.
    """
    plain = _plain(document)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(CSV_COLUMNS)
    latest = {entry.get("finding"): entry for entry in plain.get("dispositions") or ()}
    for key, word in _LISTS.items():
        for finding in plain.get(key) or ():
            values = {**_line(plain, finding, latest.get(finding.get("id")) or {}), "list": word}
            writer.writerow([_cell(values[column]) for column in CSV_COLUMNS])
    write_bytes(buffer.getvalue().encode("utf-8", errors="replace"), path)


def _line(document: Mapping[str, Any], finding: Mapping[str, Any], decided: Mapping[str, Any]) -> dict[str, Any]:
    threat = finding.get("threat") or {}
    words = {True: "passed", False: "failed", None: "not carried out"}
    tests = [f"{test.get('test')}: {words[test.get('passed')]}" for test in finding.get("artefact_tests") or ()]
    return {
        **{key: document.get(key) for key in ("record", "room", "position", "baseline")},
        **{key: finding.get(key) for key in (*_FINDING_COLUMNS, *_LATER_COLUMNS)},
        "power_expanded_uncertainty_db": (finding.get("power_uncertainty_db") or {}).get("expanded"),
        "threat_level": threat.get("level"),
        "threat_score": threat.get("score"),
        "threat_reasons": "; ".join(str(reason) for reason in threat.get("reasons") or ()),
        "artefact_tests": "; ".join(tests),
        "disposition": decided.get("as"),
        "disposition_reason": decided.get("reason"),
        "disposition_by": decided.get("by"),
        "disposition_time": decided.get("time"),
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) or text[:1] in _FORMULA_STARTS else text


def _plain(value: Any, key: str = "") -> Any:
    """Copy a document with plain Python values: what JSON cannot say becomes None, frequencies become whole Hz."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, key) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return round(number) if key in _HZ_KEYS and isinstance(number, float) else number
