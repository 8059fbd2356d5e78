"""Findings, coverage and verdict in words and columns that fit a terminal of 100 characters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.content.detectable import basis_text, detectable_texts
from reports.content.levels import level_interval, short_level
from reports.content.services import merge_ranges
from reports.content.witnesses import witness_text
from reports.content.wording import bursts, by_accident, frequency_range, listed, remarks, verdict, widths
from sweep.cli.evidence import Evidence
from sweep.cli.printing import level, short_time, table, wrapped
from sweep.snippets.places import snippet_folder

__all__ = [
    "coverage_lines",
    "decision_lines",
    "evidence_lines",
    "findings_lines",
    "known_changes",
    "level_of",
    "verdict_line",
]

_INDENT = "     "
_MOST_RANGES = 8
_STATES = (
    ("measured", "measured"),
    ("overloaded", "measured under overload, where weak emitters go unnoticed"),
    ("not_measured", "not measured"),
)
_LENGTHS = (("100ms", "100 ms"), ("1s", "1 s"), ("10s", "10 s"))
_AS_GOOD_AS_CERTAIN = 0.995
_NO_WEIGHT = "+0.0 "
_KNOWN = "known as"
_SELDOM = "Heard in too few passes to confirm; sweep again with --camp, or stay on the band:"


def evidence_lines(evidence: Evidence, decisions: Mapping[str, str] | None = None) -> list[str]:
    """Say what a record holds: findings, coverage, receiver, and where it is.

    Parameters
    ----------
    evidence : Evidence
    decisions : mapping, optional
        Finding id to what was decided about it.
    """
    lines = findings_lines(evidence.document, decisions, unit=evidence.level_unit)
    lines += wrapped(f"Receiver: {evidence.receiver}")
    for remark in evidence.remarks:
        lines += wrapped(remark, indent="  ")
    lines.append(f"Record: {evidence.path}")
    lines += _snippet_lines(evidence)
    return lines if evidence.seal is None else [*lines, f"Seal: {evidence.seal}"]


def decision_lines(decisions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say who decided what, when and why, in the order of the log.

    Examples
    --------
    >>> entry = {"finding": "F1", "as": "known", "by": "A. Smith", "time": "2026-11-23T09:30:00.5Z", "reason": "ours"}
    >>> print("\\n".join(decision_lines([entry])))
    Decisions:
      F1 known, by A. Smith, 2026-11-23 09:30:00Z: ours
    """
    if not decisions:
        return []
    said = (f"{d['finding']} {d['as']}, by {d['by']}, {short_time(d['time'])}: {d['reason']}" for d in decisions)
    return ["Decisions:", *(line for text in said for line in wrapped(text, indent="  "))]


def _snippet_lines(evidence: Evidence) -> list[str]:
    """Where the samples of the findings are, and why some have none; nothing of a record that does not say."""
    told = evidence.document.get("iq_snippets") or {}
    if not told.get("count") and not told.get("note"):
        return []
    where = f"{told['count']:g} in {snippet_folder(evidence.path)}" if told["count"] else "none"
    return [f"IQ snippets: {where}", *(wrapped(told["note"], indent="  ") if told["note"] else ())]


def verdict_line(document: Mapping[str, Any]) -> str:
    """Say the verdict, and what there is to remark about it.

    Examples
    --------
    >>> verdict_line({"verdict": "inconclusive", "reasons": ["nothing was measured"], "findings": []})
    'Verdict: inconclusive: nothing was measured'
    """
    said = verdict(document).removesuffix(".")
    notes = "" if document["verdict"] == "inconclusive" else "; ".join(remarks(document))
    return f"Verdict: {said[:1].lower()}{said[1:]}" + (f" ({notes})" if notes else "")


def findings_lines(
    document: Mapping[str, Any], decisions: Mapping[str, str] | None = None, *, unit: str = "dBFS"
) -> list[str]:
    """Lay the findings out in a table, then what was not confirmed, coverage and what could have been missed.

    Parameters
    ----------
    document : mapping
        Findings JSON.
    decisions : mapping, optional
        Finding id to what was decided about it.
    unit : str
        Of the levels.
    """
    findings = document["findings"]
    lines = wrapped(verdict_line(document))
    if findings:
        rows = [_finding_cells(finding, (decisions or {}).get(finding["id"], "-")) for finding in findings]
        columns = ("id", "kind", "MHz", "kHz wide", unit, "excess dB", "duty %", "threat", "decision")
        header, *body = table(columns, rows)
        lines += ["", header]
        for row, finding in zip(body, findings, strict=True):
            lines += [row, *wrapped("; ".join(_about(finding, document, unit)), indent=_INDENT)]
        lines.append("")
    return lines + _unconfirmed_lines(document, decisions or {}, unit) + coverage_lines(document, unit=unit)


def _unconfirmed_lines(document: Mapping[str, Any], decisions: Mapping[str, str], unit: str) -> list[str]:
    """A line for each emission that was heard in too few passes; none where there is none."""
    items = document.get("unconfirmed") or ()
    if not items:
        return []
    rows = [_unconfirmed_cells(item, decisions.get(item["id"], "-")) for item in items]
    columns = ("id", "MHz", "kHz wide", unit, "passes", "decision", "what is known of it")
    before = [] if document["findings"] else [""]
    return [*before, _SELDOM, *table(columns, rows), ""]


def _unconfirmed_cells(item: Mapping[str, Any], decision: str) -> tuple[str, ...]:
    name, _, freq, width, *_, decided = _finding_cells(item, decision)
    hits = "-" if item.get("hits") is None else f"{item['hits']:g}"
    words = [text for text in (_history(item), item.get("signal_type")) if text]
    return (name, freq, width, level_of(item), hits, decided, "; ".join(words) or "-")


def coverage_lines(document: Mapping[str, Any], *, unit: str = "dBFS") -> list[str]:
    """Say what was covered, how well, and what could have been missed."""
    coverage = document["coverage"]
    if not coverage:
        return ["Coverage: nothing was measured"]
    parts = [f"{_ranges(coverage, state)} {words}" for state, words in _STATES if _of(coverage, state)]
    measured = _of(coverage, "measured")
    return [
        *wrapped(f"Coverage: {'; '.join(parts)}"),
        *wrapped(_sensitivity(measured, unit)),
        *wrapped(f"Could have been missed: {'; '.join(_missed(measured))}"),
        *wrapped(witness_text(document) or ""),
        *_deaf_lines(document),
    ]


def _deaf_lines(document: Mapping[str, Any]) -> list[str]:
    """What this hardware cannot hear whatever it finds; nothing of a record of before that was kept."""
    deaf = [str(item) for item in document.get("not_heard") or ()]
    lines = [line for item in deaf for line in wrapped(item, indent="  ")]
    return ["This hardware cannot hear:", *lines] if lines else []


def known_changes(before: Sequence[Mapping[str, Any]] | None, now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how the known emitters differ from those that a record was judged with; nothing where they do not.

    Examples
    --------
    >>> known_changes([{"id": "K1"}], [{"id": "K2"}])
    ['Known emitters since the record was judged: K2 new, K1 retired']
    """
    old, new = ([entry["id"] for entry in entries] for entries in (before or (), now))
    changes = [f"{name} new" for name in new if name not in old] + [
        f"{name} retired" for name in old if name not in new
    ]
    return wrapped(f"Known emitters since the record was judged: {', '.join(changes)}") if changes else []


def _about(finding: Mapping[str, Any], document: Mapping[str, Any], unit: str) -> list[str]:
    """Kind of signal, history, chance, and the reasons of the threat level that have a weight or name a known one."""
    reasons = [str(reason) for reason in finding["threat"]["reasons"]]
    said = [reason for reason in reasons if not reason.startswith(_NO_WEIGHT) or _KNOWN in reason]
    snippet = finding.get("iq_snippet")
    interval = level_interval(finding, unit)
    facts = [finding.get("signal_type"), interval and f"level {interval}", *_measured(finding), _history(finding)]
    facts += [f"samples in {snippet['file']}"] if snippet else []
    if finding.get("p_value") is not None:
        facts.append(by_accident(finding["p_value"], compared=bool(document.get("baseline"))))
    return [*(str(fact) for fact in facts if fact), *said]


def _measured(finding: Mapping[str, Any]) -> list[str]:
    """Widths and bursts, of a record that has them."""
    said = [f"width {widths(finding)}"] if "width_6db_hz" in finding else []
    return [*said, f"bursts {bursts(finding)}"] if "burst_length_s" in finding else said


def _history(finding: Mapping[str, Any]) -> str | None:
    """The number that the emitter keeps, and at how many visits it was heard; its levels at other positions."""
    name, visits = finding.get("emitter"), finding.get("visits")
    told = (
        [] if name is None else [f"{name}, heard at {visits:g} visit{'' if visits == 1 else 's'}" if visits else name]
    )
    return "; ".join([*told, *map(_elsewhere, (finding.get("positions") or ())[1:])]) or None


def _elsewhere(place: Mapping[str, Any]) -> str:
    named = place["position"] or "at a position without a name"
    if place["power_dbfs"] is not None:
        return f"{named}: {level_of(place, 'dBFS')}"
    return f"{named}: " + ("-" if place["limit_dbfs"] is None else f"below {level(place['limit_dbfs'], ' dBFS')}")


def _finding_cells(finding: Mapping[str, Any], decision: str) -> tuple[str, ...]:
    width_hz = finding["occupied_bw_hz"]
    return (
        finding["id"],
        finding["kind"],
        f"{finding['center_freq_hz'] / 1e6:.4f}",
        level(None if width_hz is None else width_hz / 1e3),
        level(finding["power_dbfs"]),
        level(finding["excess_db"]),
        _duty(finding["duty_cycle"]),
        finding["threat"]["level"],
        decision if decision != "-" or finding.get("known_as") is None else "known",
    )


def _duty(duty: float | None) -> str:
    """Share of the time in percent; a share that was measured is not rounded to none."""
    if duty is None:
        return "-"
    return "<1" if 0 < duty < 0.01 else f"{100 * duty:.0f}"


def level_of(item: Mapping[str, Any], unit: str = "") -> str:
    """Write a level with its expanded uncertainty, where that is known; a dash where nothing was measured.

    Examples
    --------
    >>> level_of({"power_dbfs": -61.04, "power_uncertainty_db": {"expanded": 1.96}}, "dBFS"), level_of({})
    ('-61.0 +- 2.0 dBFS', '-')
    """
    return short_level(item, unit, sign="+-", absent="-")


def _of(coverage: Iterable[Mapping[str, Any]], state: str) -> list[Mapping[str, Any]]:
    return [part for part in coverage if part["state"] == state]


def _ranges(coverage: Iterable[Mapping[str, Any]], state: str) -> str:
    """Width and place of what is in a state."""
    parts = _of(coverage, state)
    tolerance_hz = 1e-3 * min(float(part["stop_hz"] - part["start_hz"]) for part in parts)
    spans = [(float(part["start_hz"]), float(part["stop_hz"])) for part in parts]
    ranges = merge_ranges(spans, tolerance_hz=tolerance_hz)
    total_hz = sum(stop - start for start, stop in ranges)
    return f"{total_hz / 1e6:.6g} MHz ({listed([frequency_range(*pair) for pair in ranges], most=_MOST_RANGES)})"


def _sensitivity(measured: list[Mapping[str, Any]], unit: str) -> str:
    dwells = [part["dwell_s"] for part in measured if part["dwell_s"] is not None]
    visits = max((part["visits"] for part in measured if part["visits"] is not None), default=0)
    words = detectable_texts(measured, unit) or _of_older(measured, unit)
    basis = basis_text(measured)
    if basis:
        words[-1] += f" (found with a probability of 0.9, {basis})"
    if dwells:
        words.append(f"{min(dwells):.3g} s on each frequency")
    if visits > 1:
        words.append(f"{visits} visits")
    return f"Sensitivity: {'; '.join(words)}"


def _of_older(measured: list[Mapping[str, Any]], unit: str) -> list[str]:
    """Of a record of before levels were kept by kind."""
    levels = [part["min_detectable_dbfs"] for part in measured if part["min_detectable_dbfs"] is not None]
    if not levels:
        return ["the detectable level is not known"]
    best, worst = (level(value, f" {unit}") for value in (min(levels), max(levels)))
    span = f"{best}" if best == worst else f"{best} (best) to {worst} (worst)"
    return [f"a steady narrowband FM emitter from {span}"]


def _missed(measured: list[Mapping[str, Any]]) -> list[str]:
    said = []
    chances = {
        words: [part["poi"][length] for part in measured if part["poi"].get(length) is not None]
        for length, words in _LENGTHS
    }
    short = [
        f"of {words} (met with a chance of {100 * min(values):.2g} %)"
        for words, values in chances.items()
        if values and min(values) < _AS_GOOD_AS_CERTAIN
    ]
    if short:
        said.append(f"a single transmission {', '.join(short)}")
    elif measured and not any(chances.values()):
        said.append("short transmissions (the chance to meet one is not known)")
    return [*said, "anything weaker, outside these ranges, or off at the time"]
