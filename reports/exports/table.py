"""Findings as CSV: one line for each, for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from reports.exports.document import plain
from reports.exports.source import ExportSource

__all__ = ["CSV_COLUMNS", "csv_bytes", "findings_csv"]

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
    "outside_expanded_uncertainty_db",
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
    "exercise",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def findings_csv(source: ExportSource) -> Iterator[bytes]:
    """Write the findings of a record."""
    yield csv_bytes(source.document)


def csv_bytes(document: Mapping[str, Any]) -> bytes:
    """Write one line for each finding, then one for each unconfirmed emission (RFC 4180, UTF-8).

    The column ``list`` says which of the two a line is. A number that was not measured is an empty cell.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are left as they are.

    Parameters
    ----------
    document : mapping
        Of ``findings_document``.
    """
    whole = plain(document)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(CSV_COLUMNS)
    latest = {entry.get("finding"): entry for entry in whole.get("dispositions") or ()}
    mark = {True: "yes", False: "no"}.get(whole.get("exercise"))
    for key, word in _LISTS.items():
        for finding in whole.get(key) or ():
            values = {**_line(whole, finding, latest.get(finding.get("id")) or {}), "list": word, "exercise": mark}
            writer.writerow([_cell(values[column]) for column in CSV_COLUMNS])
    return buffer.getvalue().encode("utf-8", errors="replace")


def _line(document: Mapping[str, Any], finding: Mapping[str, Any], decided: Mapping[str, Any]) -> dict[str, Any]:
    threat = finding.get("threat") or {}
    words = {True: "passed", False: "failed", None: "not carried out"}
    tests = [f"{test.get('test')}: {words[test.get('passed')]}" for test in finding.get("artefact_tests") or ()]
    return {
        **{key: document.get(key) for key in ("record", "room", "position", "baseline")},
        **{key: finding.get(key) for key in (*_FINDING_COLUMNS, *_LATER_COLUMNS)},
        "power_expanded_uncertainty_db": (finding.get("power_uncertainty_db") or {}).get("expanded"),
        "outside_expanded_uncertainty_db": (finding.get("outside_uncertainty_db") or {}).get("expanded"),
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
