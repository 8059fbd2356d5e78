"""Findings, coverage and verdict in words and columns that fit a terminal of 100 characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from sweep.cli.printing import level, table
from sweep.units import format_hz

__all__ = ["coverage_lines", "findings_lines", "verdict_line"]

_VERDICTS = {
    "anomalies": "anomalous emitters were detected",
    "no_anomaly_detected": "no anomalous emitter was detected",
    "inconclusive": "inconclusive",
}
_HEADER = ("id", "kind", "MHz", "kHz wide", "dBFS", "excess dB", "duty %", "threat", "decision")
_WIDTH = 100
_INDENT = "     "
_STATES = (("measured", "measured"), ("overloaded", "overloaded"), ("not_measured", "not measured"))

_LENGTHS = (("100ms", "100 ms"), ("1s", "1 s"), ("10s", "10 s"))
_AS_GOOD_AS_CERTAIN = 0.995


def verdict_line(document: Mapping[str, Any]) -> str:
    """Say the verdict, and why where there is a reason.

    Examples
    --------
    >>> verdict_line({"verdict": "inconclusive", "reasons": ["nothing was measured"], "findings": []})
    'Verdict: inconclusive (nothing was measured)'
    """
    reasons = "; ".join(document.get("reasons") or ())
    verdict = _VERDICTS[document["verdict"]]
    if document["verdict"] == "anomalies" and document.get("baseline") is None:
        verdict = "emitters were heard; without a baseline none can be called anomalous"
    return f"Verdict: {verdict}" + (f" ({reasons})" if reasons else "")


def findings_lines(document: Mapping[str, Any], decisions: Mapping[str, str] | None = None) -> list[str]:
    """Lay the findings out in a table, then coverage and what could have been missed.

    Parameters
    ----------
    document : mapping
        Findings JSON.
    decisions : mapping, optional
        Finding id to what was decided about it.
    """
    findings = document["findings"]
    lines = _wrap(verdict_line(document))
    if findings:
        rows = [_finding_cells(finding, (decisions or {}).get(finding["id"], "-")) for finding in findings]
        header, *body = table(_HEADER, rows, width=_WIDTH)
        lines += ["", header]
        for row, finding in zip(body, findings, strict=True):
            lines += [row, *_reasons(finding)]
        lines.append("")
    return lines + coverage_lines(document)


def coverage_lines(document: Mapping[str, Any]) -> list[str]:
    """Say in two lines what was covered and how well, and in a third what could have been missed."""
    coverage = document["coverage"]
    if not coverage:
        return ["Coverage: nothing was measured"]
    parts = [f"{_width_mhz(coverage, state):.6g} MHz {words}" for state, words in _STATES]
    start, stop = min(part["start_hz"] for part in coverage), max(part["stop_hz"] for part in coverage)
    lines = _wrap(f"Coverage: {', '.join(parts)}, between {format_hz(start)} and {format_hz(stop)}")
    measured = [part for part in coverage if part["state"] == "measured"]
    lines += _wrap(_sensitivity(measured))
    return lines + _wrap(f"Could have been missed: {'; '.join(_missed(measured))}")


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ")


def _reasons(finding: Mapping[str, Any]) -> list[str]:
    """The reasons of the threat level, the first ones where they do not all fit a line."""
    text = textwrap.shorten("; ".join(finding["threat"]["reasons"]), _WIDTH - len(_INDENT), placeholder=" ...")
    return [_INDENT + text] if text else []


def _finding_cells(finding: Mapping[str, Any], decision: str) -> tuple[str, ...]:
    duty, width_hz = finding["duty_cycle"], finding["occupied_bw_hz"]
    return (
        finding["id"],
        finding["kind"],
        f"{finding['center_freq_hz'] / 1e6:.4f}",
        level(None if width_hz is None else width_hz / 1e3),
        level(finding["power_dbfs"]),
        level(finding["excess_db"]),
        "-" if duty is None else f"{100 * duty:.0f}",
        finding["threat"]["level"],
        decision if decision != "-" or finding.get("known_as") is None else "in inventory",
    )


def _width_mhz(coverage: Iterable[Mapping[str, Any]], state: str) -> float:
    return float(sum(part["stop_hz"] - part["start_hz"] for part in coverage if part["state"] == state)) / 1e6


def _sensitivity(measured: list[Mapping[str, Any]]) -> str:
    levels = [part["min_detectable_dbfs"] for part in measured if part["min_detectable_dbfs"] is not None]
    dwells = [part["dwell_s"] for part in measured if part["dwell_s"] is not None]
    visits = max((part["visits"] for part in measured if part["visits"] is not None), default=None)
    words = ["the detectable level is not known"]
    if levels:
        words = [f"a steady emitter from {min(levels):.1f} dBFS (best) to {max(levels):.1f} dBFS (worst)"]
    if dwells:
        words.append(f"{min(dwells):.3g} s on each frequency")
    if visits is not None:
        words.append(f"{visits} visit{'s' if visits != 1 else ''}")
    return f"Sensitivity: {', '.join(words)}"


def _missed(measured: list[Mapping[str, Any]]) -> list[str]:
    short = []
    for length, words in _LENGTHS:
        chances = [part["poi"][length] for part in measured if part["poi"].get(length) is not None]
        if chances and min(chances) < _AS_GOOD_AS_CERTAIN:
            short.append(f"of {words} (met with a chance of {100 * min(chances):.2g} %)")
    once = [f"a single transmission {', '.join(short)}"] if short else []
    return [*once, "anything weaker, outside these ranges, or off at the time"]
