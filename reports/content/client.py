"""The first pages: question, answer, what could have been missed, what to do, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.content.blocks import Block, Section, bullets, facts, figure, paragraph, section, table
from reports.content.calibrated import with_dbm
from reports.content.levels import PLUS_MINUS_TEXT, short_level
from reports.content.material import ReportContent
from reports.content.missed import heard_text, level_scale, missed
from reports.content.recommendations import named, to_do
from reports.content.scope import passes
from reports.content.threats import threat_level
from reports.content.wording import count, frequency, listed, number, recorded, remarks, utc, verdict

__all__ = ["MIDDLES_LEFT_OUT", "about", "answer", "client_pages"]

_TONE = {"anomalies": "alert", "no_anomaly_detected": "calm"}
_MOST_ROWS, _MOST_NAMES = 8, 6
MIDDLES_LEFT_OUT = "The middle of each hop, where the receiver hears itself, is left out."


def answer(content: ReportContent) -> dict[str, Any]:
    """Question, verdict, what the verdict rests on, and the remarks of the judgement."""
    room = recorded(content.start.get("room"))
    return {
        "question": f"Was a radio transmitter heard in the room \u201c{room}\u201d that does not belong there?",
        "verdict": verdict(content.document),
        "tone": _tone(content.document),
        "basis": _basis(content),
        "remarks": _remarks(content),
    }


def about(content: ReportContent) -> list[str]:
    """Facts for under the title: for whom, where and when; what is not recorded is left to the annex."""
    start = content.start
    known = [start.get(name) for name in ("client", "site", "reference")]
    return [*(str(value) for value in known if value), utc(start.get("start_time"))]


def client_pages(content: ReportContent) -> tuple[list[Section], list[Section]]:
    """Sections of the client's part: those beside the answer, and those of the page after it."""
    first = []
    if content.findings:
        title = "What was found" if content.document.get("baseline") else "What was heard"
        first.append(section(title, _found(content)))
    first.append(section("The spectrum", [_spectrum(content)]))
    second = []
    if content.unconfirmed:
        second.append(section("What was heard too seldom to judge", _unconfirmed(content)))
    second += [
        section("What could have been missed", [bullets(missed(content))]),
        section("What to do", [bullets(to_do(content), numbered=True)]),
        section("The sweep at a glance", [facts(_glance(content))]),
    ]
    return first, second


def _tone(document: Mapping[str, Any]) -> str:
    """Alert only where something is called anomalous: without a baseline nothing is."""
    answer = str(document.get("verdict"))
    return "unsure" if answer == "anomalies" and not document.get("baseline") else _TONE.get(answer, "unsure")


def _basis(content: ReportContent) -> str:
    document, n_findings = content.document, len(content.findings)
    said = []
    if document.get("baseline"):
        said.append("The sweep was compared with the stored baseline of the room.")
    else:
        said.append("The sweep was not compared with a baseline of the room; what was heard is listed.")
    rate = document.get("false_alarms_per_sweep")
    if rate is not None:
        said.append(f"The detection is set to raise on average {number(rate, digits=2)} false alarms a sweep.")
    if document.get("verdict") == "inconclusive" and n_findings:
        listed_all = "1 emitter stood out and is" if n_findings == 1 else f"{n_findings} emitters stood out and are"
        said.append(f"{listed_all} listed all the same.")
    if document.get("verdict") == "no_anomaly_detected":
        said.append("This does not prove that there is none: what could have been missed is part of the answer.")
    return " ".join(said)


def _remarks(content: ReportContent) -> list[str]:
    """Reasons of the judgement, unless the verdict gives them itself."""
    if content.document.get("verdict") == "inconclusive":
        return []
    return [f"{reason[:1].upper()}{reason[1:]}." for reason in remarks(content.document)]


def _found(content: ReportContent) -> list[Block]:
    shown = content.findings[:_MOST_ROWS]
    rows = []
    for finding in shown:
        rows.append(
            [
                str(finding["id"]),
                frequency(finding.get("center_freq_hz")),
                recorded(finding.get("signal_type")),
                with_dbm(short_level(finding, content.level_unit), content.start, finding),
                threat_level(finding),
                content.decision_on(finding),
            ]
        )
    blocks: list[Block] = [
        table(
            ("ID", "Frequency", "Kind of signal", "Level", "Threat", "Decision"),
            rows,
            widths=(6, 19, 27, 18, 15, 15),
            right=(1, 3),
        )
    ]
    if any(finding.get("power_uncertainty_db") for finding in shown):
        blocks.append(paragraph(PLUS_MINUS_TEXT))
    if len(content.findings) > len(shown):
        blocks.append(paragraph(f"The annex lists all {len(content.findings)} findings."))
    return blocks


def _unconfirmed(content: ReportContent) -> list[Block]:
    """What an emission that was heard once or so may be, and what it is not."""
    items = content.unconfirmed
    were = "was" if len(items) == 1 else "were"
    said = f"{count(len(items), 'emission')} {were} heard in too few of the {content.n_rows} passes to tell whether a "
    said += f"transmitter stays there: {named(items)}. A telephone, a remote control or a passing vehicle is heard "
    said += "like that, and so is a device that sends now and then in short bursts. This sweep cannot tell which. "
    said += "The verdict does not count "
    said += "it; the annex has its numbers." if len(items) == 1 else "them; the annex has their numbers."
    again = [
        f"{item['id']} ({count(round(item['visits']), 'visit')})" for item in items if (item.get("visits") or 0) > 1
    ]
    if again:
        said += f" Heard at several visits to this room: {listed(again, most=_MOST_NAMES)}."
    return [paragraph(said)]


def _spectrum(content: ReportContent) -> Block:
    """Refer to the spectrum of the whole sweep."""
    against = " against the baseline of the room (grey)" if content.baseline_dbfs is not None else ""
    marked = [f"{item['id']} at {frequency(item['center_freq_hz'])}" for item in content.emissions]
    middles = f" {MIDDLES_LEFT_OUT}" if content.hides_middles else ""
    names = f" Marked: {listed(marked)}." if marked else " Nothing is marked."
    return figure(
        "spectrum",
        f"Spectrum of the sweep{against}. Levels are in {level_scale(content)}.{middles}",
        f"Level in {content.level_unit} over frequency, {heard_text(content)}{against}.{names}",
    )


def _glance(content: ReportContent) -> list[tuple[str, str]]:
    start = content.start
    return [
        ("Room", recorded(start.get("room"))),
        ("Site", recorded(start.get("site"))),
        ("Position of the antenna", recorded(start.get("position"))),
        ("Begin and end", f"{utc(start.get('start_time'))} to {utc(content.end_time)}"),
        ("Carried out by", recorded(start.get("operator"))),
        ("Listened to", heard_text(content)),
        ("Passes", passes(content)),
        ("Record", content.record_name),
    ]
