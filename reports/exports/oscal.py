"""A sweep as assessment results of OSCAL 1.1.2 (NIST), for control RA-6 of SP 800-53 revision 5.

RA-6, Technical Surveillance Countermeasures Survey: employ such a survey at places, and at times, that the
organisation defines. A sweep is evidence for it. Whether the control is satisfied depends on which places and times
were defined, and on what radio cannot hear; the file holds observations, and leaves that finding to the assessor.
What somebody decided to be suspicious or a device is a risk as well, unless the sweep was an exercise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.exports.document import json_bytes
from reports.exports.source import ExportSource, Reported, epoch_ms
from reports.exports.telling import EXERCISE, coverage_text, decision_text, description, marked, sweep_text, title
from sweep import __version__

__all__ = ["OSCAL_VERSION", "oscal_json"]

OSCAL_VERSION = "1.1.2"
_NS = "urn:quietroom:oscal"
_SHOWS = (
    "Shows that a radio survey of this room was made at this time, what it covered and what it found. Does not show "
    "that the places and times were those that the organisation defined, nor anything of devices that are wired, "
    "optical, switched off, outside the frequencies heard, or that only record."
)


def oscal_json(source: ExportSource) -> Iterator[bytes]:
    """Write the assessment results."""
    yield json_bytes({"assessment-results": _results(source)})


def _results(source: ExportSource) -> dict[str, Any]:
    latest = max((source.end, *(item.revision for item in source.reported if item.revision)), key=epoch_ms)
    return {
        "uuid": source.uuid("oscal", latest),
        "metadata": {
            "title": marked(source, f"Technical surveillance countermeasures survey of {source.room}"),
            "last-modified": latest,
            "version": __version__,
            "oscal-version": OSCAL_VERSION,
            "props": [*_marks(source), _prop("software", f"Quietroom {__version__}")],
        },
        "import-ap": {
            "href": f"#{source.uuid('oscal', 'plan')}",
            "remarks": "No assessment plan in OSCAL exists: the plan of the sweep is in the sweep record.",
        },
        "results": [_result(source)],
        "back-matter": {"resources": [_plan_resource(source)]},
    }


def _result(source: ExportSource) -> dict[str, Any]:
    risks = [_risk(source, item) for item in source.reported if _is_risk(source, item)]
    return {
        "uuid": source.uuid("oscal", "result"),
        "title": sweep_text(source),
        "description": f"{sweep_text(source)} {coverage_text(source.document, source.level_unit)}",
        "start": source.begin,
        "end": source.end,
        "props": [*_marks(source), *_facts(source)],
        "reviewed-controls": {
            "description": "Technical surveillance countermeasures survey",
            "control-selections": [{"include-controls": [{"control-id": "ra-6"}], "remarks": _SHOWS}],
        },
        "observations": [_sweep_observation(source), *(_observation(source, item) for item in source.reported)],
        **({"risks": risks} if risks else {}),
        "remarks": "No finding of satisfied or not satisfied is made here: that is the assessor's.",
    }


def _sweep_observation(source: ExportSource) -> dict[str, Any]:
    reasons = "; ".join(str(reason) for reason in source.document.get("reasons") or ())
    return {
        "uuid": source.uuid("oscal", "sweep"),
        "title": sweep_text(source),
        "description": coverage_text(source.document, source.level_unit),
        "props": [*_marks(source), *_facts(source)],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "relevant-evidence": [_evidence(source)],
        "collected": source.end,
        **({"remarks": reasons} if reasons else {}),
    }


def _observation(source: ExportSource, item: Reported) -> dict[str, Any]:
    finding = item.finding
    measured = ("kind", "center_freq_hz", "occupied_bw_hz", "power_dbfs", "snr_db", "excess_db", "p_value", "hits")
    values = {key: finding.get(key) for key in measured}
    values["power_expanded_uncertainty_db"] = (finding.get("power_uncertainty_db") or {}).get("expanded")
    if source.level_unit != "dBFS":
        del values["power_dbfs"]
    props = [_prop(key, value) for key, value in values.items() if value is not None]
    return {
        "uuid": item.uid,
        "title": title(source, item),
        "description": description(source, item),
        "props": [*_marks(source), _prop("finding", finding.get("id")), _prop("disposition", item.disposition), *props],
        "methods": ["TEST"],
        "types": ["finding" if item.is_confirmed else "discovery"],
        "relevant-evidence": [_evidence(source)],
        "collected": finding.get("last_seen") or source.end,
        **({"remarks": decision_text(item)} if item.decision else {}),
    }


def _is_risk(source: ExportSource, item: Reported) -> bool:
    return item.disposition in ("suspicious", "device") and not source.synthetic


def _risk(source: ExportSource, item: Reported) -> dict[str, Any]:
    return {
        "uuid": source.uuid("oscal", "risk", item.uid),
        "title": title(source, item),
        "description": description(source, item),
        "statement": decision_text(item),
        "status": "open" if item.disposition == "device" else "investigating",
        "related-observations": [{"observation-uuid": item.uid}],
    }


def _evidence(source: ExportSource) -> dict[str, Any]:
    return {
        "href": f"#{source.uuid('oscal', 'plan')}",
        "description": f"Sweep record {source.name}, SHA-256 {source.sha256}",
    }


def _plan_resource(source: ExportSource) -> dict[str, Any]:
    return {
        "uuid": source.uuid("oscal", "plan"),
        "title": f"Sweep record {source.name}",
        "description": "HDF5 file with the plan of the sweep, its spectra and its judgement; it can be verified.",
        "rlinks": [{"href": source.name, "hashes": [{"algorithm": "SHA-256", "value": source.sha256}]}],
    }


def _marks(source: ExportSource) -> list[dict[str, str]]:
    return [_prop("marking", EXERCISE)] if source.synthetic else []


def _facts(source: ExportSource) -> list[dict[str, str]]:
    document = source.document
    told = {key: document.get(key) for key in ("room", "position", "baseline", "verdict")}
    return [_prop(key, value) for key, value in told.items() if value]


def _prop(name: str, value: object) -> dict[str, str]:
    return {"name": name, "ns": _NS, "value": " ".join(str(value).split()) or "not recorded"}
