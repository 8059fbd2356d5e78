"""The findings JSON of the command line contract."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports.content import ReportContent
from reports.content.calibrated import with_levels
from sweep.health.checks import checks_of
from sweep.model import Instrument
from sweep.record import SweepRecord

__all__ = ["SCHEMA", "findings_document", "is_synthetic", "json_bytes", "plain"]

SCHEMA = "quietroom.findings/1"

_DOCUMENT_KEYS = (
    "baseline",
    "verdict",
    "reasons",
    "false_alarms_per_sweep",
    "coverage",
    "witnesses",
    "not_heard",
    "findings",
    "unconfirmed",
    "rejected_candidates",
    "known_emitters",
    "outside_record",
    "iq_snippets",
)
_HZ_KEYS = frozenset({"center_freq_hz", "occupied_bw_hz", "width_6db_hz", "width_26db_hz", "start_hz", "stop_hz"})


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
    for key in ("findings", "unconfirmed", "rejected_candidates"):
        document[key] = with_levels(source.start, judged.get(key) or ())
    document["not_heard"] = document["not_heard"] or []
    started = source.start.get("instrument") or {}
    document["exercise"] = is_synthetic(source.start, source.instrument)
    document["checks"] = [{"receiver": receiver or None, **check} for receiver, check in checks_of(started)]
    if decided:
        document["dispositions"] = list(decided)
    whole: dict[str, Any] = plain(document)
    return whole


def is_synthetic(start: Mapping[str, Any], instrument: Instrument) -> bool:
    """Whether any sample was made rather than received: an exercise, which must not raise an alarm."""
    return bool(start.get("synthetic")) or any(one.synthetic for one in (instrument, *instrument.receivers))


def json_bytes(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Encode a document as UTF-8 JSON, indented; NaN and infinities become null."""
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=2)
    return text.encode("utf-8", errors="replace") + b"\n"


def plain(value: Any, key: str = "") -> Any:
    """Copy a document with plain Python values: what JSON cannot say becomes None, frequencies become whole Hz."""
    if isinstance(value, Mapping):
        return {str(name): plain(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, key) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return round(number) if key in _HZ_KEYS and isinstance(number, float) else number
