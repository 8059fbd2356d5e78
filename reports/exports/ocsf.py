"""Findings as events of the Open Cybersecurity Schema Framework 1.8.0 (schema.ocsf.io).

A JSON array: first one Scan Activity (class 6007) that says what the sweep found and what it could have missed, also
where nothing was found; then one Detection Finding (class 2004) for each finding and each unconfirmed emission. What
OCSF has no attribute for stands in ``unmapped.quietroom``. An exercise has the status Exercise, the verdict Test, the
lowest severity, and is no alert. OCSF has no place for the confidence of a technique, so ``finding_info.attacks``,
which would state it as a fact, is not used: hypotheses stand in ``unmapped``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.exports.document import json_bytes
from reports.exports.hypotheses import hypotheses
from reports.exports.source import ExportSource, Reported, derived_uuid, epoch_ms
from reports.exports.telling import EXERCISE, coverage_text, decision_text, description, marked, sweep_text, title
from sweep import __version__

__all__ = ["VERSION", "ocsf_events", "ocsf_json"]

VERSION = "1.8.0"

_SEVERITIES = {"info": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High")}
_STATUSES = {
    "open": (1, "New"),
    "suspicious": (2, "In Progress"),
    "device": (2, "In Progress"),
    "known": (3, "Suppressed"),
    "explained": (3, "Suppressed"),
}
_VERDICTS = {
    "open": (0, "Unknown"),
    "suspicious": (4, "Suspicious"),
    "device": (2, "True Positive"),
    "known": (5, "Benign"),
    "explained": (5, "Benign"),
}
_ACTIVITIES = {1: "Create", 2: "Update", 3: "Close"}
_OBSERVED = (
    ("center_freq_hz", "centre frequency, Hz"),
    ("occupied_bw_hz", "occupied bandwidth (99 %), Hz"),
    ("power_dbfs", "level, {unit}"),
    ("snr_db", "level above the noise, dB"),
    ("excess_db", "level above the baseline, dB"),
    ("duty_cycle", "share of the time on the air"),
    ("p_value", "chance of as much without anything new on the air"),
)


def ocsf_json(source: ExportSource) -> Iterator[bytes]:
    """Write all events as one JSON array."""
    yield json_bytes(ocsf_events(source))


def ocsf_events(source: ExportSource) -> list[dict[str, Any]]:
    """Give the event of the sweep, then one for each finding."""
    return [_sweep(source), *(_finding(source, item) for item in source.reported)]


def _sweep(source: ExportSource) -> dict[str, Any]:
    inconclusive = source.document.get("verdict") == "inconclusive"
    activity = (99, "Interrupted, packed later") if source.record.recovered else (2, "Completed")
    status = (99, "Exercise") if source.synthetic else (2, "Failure") if inconclusive else (1, "Success")
    severity = (2, "Low") if inconclusive and not source.synthetic else (1, "Informational")
    skipped = [entry for entry in source.document.get("coverage") or () if entry.get("state") != "measured"]
    text = sweep_text(source)
    return {
        **_class((6, "Application Activity"), (6007, "Scan Activity"), activity),
        **_with_caption("severity", *severity),
        **_with_caption("status", *status),
        "status_code": str(source.document.get("verdict")),
        "status_detail": text,
        "time": epoch_ms(source.end),
        "start_time": epoch_ms(source.begin),
        "end_time": epoch_ms(source.end),
        "duration": epoch_ms(source.end) - epoch_ms(source.begin),
        "timezone_offset": 0,
        "message": text,
        "metadata": _metadata(source, source.uuid("sweep"), []),
        "num_detections": len(source.document.get("findings") or ()),
        "num_skipped_items": len(skipped),
        "scan": {
            "name": marked(source, f"radio sweep of {source.room}"),
            "type": "Manual",
            "type_id": 1,
            "uid": source.name,
        },
        "unmapped": {"quietroom": _unmapped(source) | {"coverage": source.document.get("coverage")}},
    }


def _finding(source: ExportSource, item: Reported) -> dict[str, Any]:
    activity = 1 if item.disposition == "open" else 3 if item.is_harmless else 2
    status, verdict = _STATUSES[item.disposition], _VERDICTS[item.disposition]
    severity = _SEVERITIES.get(str((item.finding.get("threat") or {}).get("level")), (0, "Unknown"))
    if source.synthetic:
        status, verdict, severity = (99, "Exercise"), (6, "Test"), (1, "Informational")
    elif item.is_harmless:
        severity = (1, "Informational")
    elif not item.is_confirmed and item.decision is None:
        verdict = (7, "Insufficient Data")
    decided = [hypothesis.text for hypothesis in hypotheses(source, item)]
    return {
        **_class((2, "Findings"), (2004, "Detection Finding"), (activity, _ACTIVITIES[activity])),
        **_with_caption("severity", *severity),
        **_with_caption("status", *status),
        **_with_caption("verdict", *verdict),
        "is_alert": source.is_alert(item),
        "time": epoch_ms(item.decision["time"] if item.decision else source.end),
        "start_time": epoch_ms(source.begin),
        "end_time": epoch_ms(source.end),
        "timezone_offset": 0,
        "message": f"{title(source, item)}. {description(source, item)} {decision_text(item)}",
        "status_detail": decision_text(item),
        **({"comment": item.decision["reason"]} if item.decision else {}),
        "metadata": _metadata(source, derived_uuid(item.uid, item.revision), ["incident", "security_control"]),
        "finding_info": _finding_info(source, item),
        "anomaly_analyses": [_analysis(source, item)],
        "evidences": [{"name": str(item.finding.get("id")), "uid": item.uid, "data": dict(item.finding)}],
        "observables": [_observable(item)],
        "resources": [{"name": source.room, "type": "Room"}],
        "unmapped": {
            "quietroom": _unmapped(source) | {"attack_hypotheses": decided, "finding": item.finding.get("id")}
        },
    }


def _class(category: tuple[int, str], event: tuple[int, str], activity: tuple[int, str]) -> dict[str, Any]:
    return {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_uid": category[0],
        "category_name": category[1],
        "class_uid": event[0],
        "class_name": event[1],
        "type_uid": event[0] * 100 + activity[0],
        "type_name": f"{event[1]}: {'Other' if activity[0] == 99 else activity[1]}",
    }


def _with_caption(name: str, number: int, caption: str) -> dict[str, Any]:
    return {name: caption, f"{name}_id": number}


def _metadata(source: ExportSource, uid: str, profiles: list[str]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": {"name": "Quietroom", "vendor_name": "Quietroom", "version": __version__},
        "uid": uid,
        "correlation_uid": source.uuid("sweep"),
        "log_name": "quietroom",
        "original_time": source.begin,
        **({"profiles": profiles} if profiles else {}),
        **({"labels": [EXERCISE]} if source.synthetic else {}),
    }


def _finding_info(source: ExportSource, item: Reported) -> dict[str, Any]:
    finding = item.finding
    times = {"first_seen_time": finding.get("first_seen"), "last_seen_time": finding.get("last_seen")}
    times |= {"created_time": source.end, "modified_time": item.decision["time"] if item.decision else None}
    return {
        "uid": item.uid,
        "title": title(source, item),
        "desc": description(source, item),
        "types": [str(finding.get("kind")), *([] if item.is_confirmed else ["unconfirmed"])],
        "data_sources": [source.name],
        "analytic": {
            "name": "comparison with the baseline of the room" if source.is_compared else "detection above the noise",
            "type": "Statistical",
            "type_id": 3,
            "version": __version__,
        },
        **{name: epoch_ms(text) for name, text in times.items() if text},
    }


def _analysis(source: ExportSource, item: Reported) -> dict[str, Any]:
    finding, baseline = item.finding, source.document.get("baseline")
    pattern = str(finding.get("signal_type") or "signal type not measured")
    seen = {name: finding.get(key) for name, key in (("start_time", "first_seen"), ("end_time", "last_seen"))}
    span = {name: epoch_ms(text) for name, text in seen.items() if text}
    more: dict[str, Any] = {} if finding.get("hits") is None else {"count": int(finding["hits"])}
    if len(span) == len(seen):
        more["timespan"] = {"type": "Time Interval", "type_id": 9, **span}
    anomalies = [
        {
            "observation_parameter": key,
            "observation_type": words.format(unit=source.level_unit),
            "observed_pattern": pattern,
            "observations": [{"value": str(finding[key]), **more}],
        }
        for key, words in _OBSERVED
        if finding.get(key) is not None
    ]
    normal = {
        "observation_parameter": "baseline",
        "observation_type": "what the room sends when nothing new is on the air",
        "observed_pattern": "emitters and noise of earlier visits",
        "observations": [{"value": str(baseline)}],
    }
    return {
        "analysis_targets": [{"name": source.room, "type": "room"}],
        "anomalies": anomalies,
        **({} if baseline is None else {"baselines": [normal]}),
    }


def _observable(item: Reported) -> dict[str, Any]:
    return {
        "name": "anomaly_analyses[0].anomalies[0].observations[0].value",
        "type": "Radio frequency in Hz",
        "type_id": 99,
        "value": str(item.finding.get("center_freq_hz")),
    }


def _unmapped(source: ExportSource) -> dict[str, Any]:
    document: Mapping[str, Any] = source.document
    return {
        "record": source.name,
        "record_sha256": source.sha256,
        "room": document.get("room"),
        "position": document.get("position"),
        "baseline": document.get("baseline"),
        "verdict": document.get("verdict"),
        "reasons": document.get("reasons"),
        "could_have_missed": coverage_text(document, source.level_unit),
        "exercise": source.synthetic,
    }
