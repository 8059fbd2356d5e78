"""Findings in the Common Event Format of ArcSight, version 0: one event a line, one for the sweep and one a finding.

Implementing ArcSight Common Event Format, version 25: a prefix of seven fields with ``|`` between them, in which
``|`` and ``\\`` are escaped; then ``key=value`` in which ``=`` and ``\\`` are, and line breaks are written ``\\n``.
An exercise has the severity 0, the category EXERCISE, and that word before every name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.exports.hypotheses import hypotheses
from reports.exports.source import ExportSource, Reported, derived_uuid, epoch_ms
from reports.exports.telling import EXERCISE, coverage_text, decision_text, description, marked, sweep_text, title
from sweep import __version__

__all__ = ["cef_events", "cef_lines"]

_SEVERITIES = {"info": 1, "low": 3, "medium": 5, "high": 8}
_HARMLESS, _EXERCISE_SEVERITY = 1, 0
_LIMITS = {"name": 512, "act": 63, "deviceExternalId": 255, "fname": 1023, "msg": 1023, "reason": 1023}
_MOST = 4000


def cef_lines(source: ExportSource) -> Iterator[bytes]:
    """Write one event a line."""
    for _, line in cef_events(source):
        yield f"{line}\n".encode()


def cef_events(source: ExportSource) -> Iterator[tuple[str, str]]:
    """Give each event with an identifier that changes only when somebody decides anew."""
    yield source.uuid("sweep"), _sweep(source)
    for item in source.reported:
        yield derived_uuid(item.uid, item.revision), _finding(source, item)


def _sweep(source: ExportSource) -> str:
    document = source.document
    severity = _EXERCISE_SEVERITY if source.synthetic else 3 if document.get("verdict") == "inconclusive" else 1
    values = {
        **_common(source, source.uuid("sweep")),
        "cat": EXERCISE if source.synthetic else "sweep",
        "rt": epoch_ms(source.end),
        "msg": sweep_text(source),
        "reason": "; ".join(str(reason) for reason in document.get("reasons") or ()) or None,
        **_labelled("cs6", "could have missed", coverage_text(document, source.level_unit)),
        "cnt": len(document.get("findings") or ()),
    }
    return _event(f"sweep.{document.get('verdict')}", marked(source, "Radio sweep"), severity, values)


def _finding(source: ExportSource, item: Reported) -> str:
    finding = item.finding
    threat = finding.get("threat") or {}
    severity = _HARMLESS if item.is_harmless else _SEVERITIES.get(str(threat.get("level")), 5)
    held = [hypothesis.text for hypothesis in hypotheses(source, item)]
    values = {
        **_common(source, item.uid),
        "cat": EXERCISE if source.synthetic else "finding" if item.is_confirmed else "unconfirmed",
        "rt": epoch_ms(item.decision["time"] if item.decision else source.end),
        "act": item.disposition,
        "msg": f"{description(source, item)} {decision_text(item)}",
        "reason": decision_text(item) if item.decision else None,
        **_labelled("cn1", "centre frequency Hz", finding.get("center_freq_hz")),
        **_labelled("cn2", "occupied bandwidth Hz", finding.get("occupied_bw_hz")),
        **_labelled("cn3", "passes heard in", finding.get("hits")),
        **_labelled("cfp1", f"level {source.level_unit}", finding.get("power_dbfs")),
        **_labelled("cfp2", "level above noise dB", finding.get("snr_db")),
        **_labelled("cfp3", "level above baseline dB", finding.get("excess_db")),
        **_labelled("cfp4", "duty cycle", finding.get("duty_cycle")),
        **_labelled("cs3", "signal type", finding.get("signal_type")),
        **_labelled("cs4", "allocation", finding.get("allocation")),
        **_labelled("cs5", "ATT&CK hypotheses", "; ".join(held) or None),
        **_labelled("flexString1", "finding", finding.get("id")),
    }
    if source.synthetic:
        severity = _EXERCISE_SEVERITY
    kind = f"finding.{finding.get('kind')}" if item.is_confirmed else "unconfirmed"
    return _event(kind, title(source, item), severity, values)


def _common(source: ExportSource, uid: str) -> dict[str, Any]:
    return {
        "externalId": uid,
        "start": epoch_ms(source.begin),
        "end": epoch_ms(source.end),
        "deviceExternalId": source.record.instrument.serial,
        "fname": source.name,
        "fileHash": source.sha256,
        **_labelled("cs1", "room", source.document.get("room")),
        **_labelled("cs2", "verdict", source.document.get("verdict")),
        **_labelled("flexString2", "baseline", source.document.get("baseline")),
    }


def _labelled(key: str, label: str, value: object) -> dict[str, Any]:
    return {} if value is None else {key: value, f"{key}Label": label}


def _event(signature: str, name: str, severity: int, values: dict[str, Any]) -> str:
    prefix = ("CEF:0", "Quietroom", "Quietroom", __version__, signature, _cut("name", name), str(severity))
    told = (f"{key}={_value(_cut(key, str(value)))}" for key, value in values.items() if value is not None)
    return f"{'|'.join([prefix[0], *map(_prefix, prefix[1:])])}|{' '.join(told)}"


def _cut(key: str, text: str) -> str:
    most = _LIMITS.get(key, _MOST)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _prefix(text: str) -> str:
    """Escape a field of the prefix.

    Examples
    --------
    >>> print(_prefix("a|b\\\\c\\nd"))
    a\\|b\\\\c d
    """
    return " ".join(text.splitlines()).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    """Escape a value of the extension.

    Examples
    --------
    >>> print(_value("a=b\\\\c\\nd|e"))
    a\\=b\\\\c\\nd|e
    """
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return "\\n".join(escaped.splitlines())
