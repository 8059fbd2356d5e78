"""The first pages: question, answer, what could have been missed, what to do, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.blocks import Block, Section, bullets, facts, figure, paragraph, section, table, together
from reports.content.calibrated import with_dbm
from reports.content.material import ReportContent
from reports.content.missed import heard_text, level_scale, missed
from reports.content.wording import count, frequency, listed, number, recorded, remarks, utc, verdict

__all__ = ["MIDDLES_LEFT_OUT", "answer", "client_sections", "passes", "threat_level", "to_do"]

_TONE = {"anomalies": "alert", "no_anomaly_detected": "calm"}
_MOST_ROWS, _MOST_NAMES = 8, 6
MIDDLES_LEFT_OUT = "The middle of each hop, where the receiver hears itself, is left out."
_CLOSED = frozenset({"known", "explained"})


def answer(content: ReportContent) -> dict[str, Any]:
    """Question, verdict, what the verdict rests on, and the remarks of the judgement."""
    room = recorded(content.start.get("room"))
    return {
        "question": f"Was a radio transmitter heard in the room \u201c{room}\u201d that does not belong there?",
        "verdict": verdict(content.document),
        "tone": _TONE.get(str(content.document.get("verdict")), "unsure"),
        "basis": _basis(content),
        "remarks": _remarks(content),
    }


def client_sections(content: ReportContent) -> list[Section]:
    """Sections of the client's part."""
    sections = []
    if content.findings:
        sections.append(section("What was found", _found(content)))
    if content.unconfirmed:
        sections.append(section("What was heard too seldom to judge", _unconfirmed(content)))
    sections.append(section("What could have been missed", [bullets(missed(content))]))
    sections.append(section("What to do", [bullets(to_do(content))]))
    sections.append(section("The sweep at a glance", _glance(content)))
    return sections


def threat_level(finding: Mapping[str, Any]) -> str:
    """Threat level of a finding, or that it was not assessed."""
    return str((finding.get("threat") or {}).get("level") or "not assessed")


def to_do(content: ReportContent) -> list[str]:
    """Steps that follow from the answer; people decide, the report only reminds."""
    still_open = [
        finding
        for finding in content.findings
        if threat_level(finding) in {"high", "medium", "not assessed"} and not _is_closed(content, str(finding["id"]))
    ]
    steps = []
    if still_open:
        names, is_one = _named(still_open), len(still_open) == 1
        first = f"Hold no confidential talk in the room until {names} {'has' if is_one else 'have'} been located or "
        first += "explained."
        if not content.document.get("baseline"):
            first = (
                f"Find out first whether {names} {'belongs' if is_one else 'belong'} to the surroundings; without a "
            )
            first += "baseline the sweep cannot tell."
        steps += [
            first,
            "Do not switch off, move or touch a suspected device, and do not speak of it in the room.",
            "Sweep again from several positions in the room: the level rises towards a transmitter.",
        ]
    elif content.findings:
        steps.append("Confirm or explain the findings that are still open, and record who decided and why.")
    seldom = [item for item in content.unconfirmed if content.decision_on(item) not in _CLOSED]
    if seldom:
        steps.append(
            f"Find out whether {_named(seldom)} {'comes' if len(seldom) == 1 else 'come'} back: sweep again, with more "
            "passes, or leave the receiver on the frequency for some minutes."
        )
    if content.document.get("verdict") == "inconclusive":
        steps.append("Remove the cause named in the answer and sweep again; this sweep neither accuses nor relieves.")
    if not content.document.get("baseline"):
        steps.append(
            "Learn a baseline of the room on two or more visits when it is known to be in order; compare with that."
        )
    steps.append("Have the frequencies that were not listened to swept with a receiver that reaches them.")
    steps.append(
        "Complete the picture with a physical search, and checks of wiring, telephones and conference equipment."
    )
    steps.append(
        "Repeat the sweep before confidential meetings and after building work, deliveries or a change of staff."
    )
    return steps


def passes(content: ReportContent) -> str:
    """Passes that were recorded, and of how many where some are lacking."""
    planned = content.start.get("passes_planned")
    if isinstance(planned, int) and planned > content.n_rows:
        return f"{content.n_rows} of {planned} that were planned"
    return str(content.n_rows)


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
                with_dbm(number(finding.get("power_dbfs"), content.level_unit), content.start, finding),
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
    if len(content.findings) > len(shown):
        blocks.append(paragraph(f"The annex lists all {len(content.findings)} findings."))
    return [*blocks, _spectrum(content)]


def _unconfirmed(content: ReportContent) -> list[Block]:
    """What an emission that was heard once or so may be, and what it is not."""
    items = content.unconfirmed
    were = "was" if len(items) == 1 else "were"
    said = f"{count(len(items), 'emission')} {were} heard in too few of the {content.n_rows} passes to tell whether a "
    said += f"transmitter stays there: {_named(items)}. A telephone, a remote control or a passing vehicle is heard "
    said += "like that, and so is a device that sends now and then in short bursts. This sweep cannot tell which. "
    said += "The verdict does not count "
    said += "it; the annex has its numbers." if len(items) == 1 else "them; the annex has their numbers."
    again = [
        f"{item['id']} ({count(round(item['visits']), 'visit')})" for item in items if (item.get("visits") or 0) > 1
    ]
    if again:
        said += f" Heard at several visits to this room: {listed(again, most=_MOST_NAMES)}."
    return [paragraph(said)]


def _named(findings: Sequence[Mapping[str, Any]]) -> str:
    """Ids with frequencies; the first few where there are many."""
    return listed([f"{item['id']} ({frequency(item['center_freq_hz'])})" for item in findings], most=_MOST_NAMES)


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


def _is_closed(content: ReportContent, finding_id: str) -> bool:
    decided = content.disposition_of(finding_id)
    return decided is not None and decided.get("as") in _CLOSED


def _glance(content: ReportContent) -> list[Block]:
    start = content.start
    rows = [
        ("Room", recorded(start.get("room"))),
        ("Site", recorded(start.get("site"))),
        ("Position of the antenna", recorded(start.get("position"))),
        ("Begin and end", f"{utc(start.get('start_time'))} to {utc(content.end_time)}"),
        ("Carried out by", recorded(start.get("operator"))),
        ("Listened to", heard_text(content)),
        ("Passes", passes(content)),
        ("Record", content.record_name),
    ]
    return [facts(rows)] if content.findings else [together([facts(rows), _spectrum(content)])]
