"""Findings, what was not confirmed and rejected candidates, with every number that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from reports.content.blocks import Block, facts, figure, paragraph, subheading, table, together
from reports.content.calibrated import with_dbm
from reports.content.levels import PLUS_MINUS_TEXT, level_interval, short_level
from reports.content.material import ReportContent
from reports.content.threats import threat_level
from reports.content.wording import (
    NOT_MEASURED,
    NOT_RECORDED,
    bandwidth,
    bursts,
    by_accident,
    chance,
    count,
    frequency,
    number,
    recorded,
    utc,
    widths,
)

__all__ = ["MAX_FINDING_FIGURES", "figure_name", "finding_blocks", "rejected_blocks", "unconfirmed_blocks"]

MAX_FINDING_FIGURES = 24
"""Findings with a page of their own; those after them, which weigh less, stand in a table."""

_MAX_UNCONFIRMED, _MAX_REJECTED = 100, 60
_CHANNELS = {"continuous": "steady level", "burst": "bursts", "mask": "highest level"}
_DASH = "\u2013"
_PASSED = {True: "passed", False: "failed", None: "not carried out"}


def finding_blocks(content: ReportContent) -> list[Block]:
    if not content.findings:
        return [paragraph("None.")]
    against = ", against the baseline (grey)" if content.baseline_dbfs is not None else ""
    key = (
        f"The figures show, left, the mean (dark) and the highest level (light) around the finding{against}, with its "
        "bandwidth shaded; right, the level of its strongest bin in every pass."
    )
    blocks: list[Block] = [paragraph(key, sticky=True)]
    for index, finding in enumerate(content.findings[:MAX_FINDING_FIGURES]):
        blocks += _finding(content, finding, index)
    return [*_in_short(content, content.findings), *blocks] if len(content.findings) > MAX_FINDING_FIGURES else blocks


def _in_short(content: ReportContent, findings: Sequence[Mapping[str, Any]]) -> list[Block]:
    rows = []
    for finding in findings:
        rows.append(
            (
                str(finding["id"]),
                frequency(finding.get("center_freq_hz")),
                bandwidth(finding.get("occupied_bw_hz")),
                short_level(finding, content.level_unit),
                recorded(finding.get("signal_type")),
                threat_level(finding),
                content.decision_on(finding),
            )
        )
    head = ("ID", "Frequency", "Bandwidth", "Level", "Kind of signal", "Threat", "Decision")
    said = f"All {len(rows)} findings, in short, then the first {MAX_FINDING_FIGURES} in full; the record and the "
    said += f"exports hold every number. {PLUS_MINUS_TEXT}"
    return [paragraph(said, sticky=True), table(head, rows, widths=(8, 18, 13, 15, 24, 11, 11), right=(1, 2, 3))]


def _finding(content: ReportContent, finding: Mapping[str, Any], index: int) -> list[Block]:
    name = f"{finding['id']}: {frequency(finding.get('center_freq_hz'))}"
    told = [facts(_measured(content, finding), columns=2), facts(_judged(content, finding))]
    return [
        subheading(name, threat_level(finding), new_page=index > 0),
        together(told),
        figure(figure_name(index), "", _description(content, finding)),
        *_tests(finding),
        *_threat(finding),
    ]


def _description(content: ReportContent, finding: Mapping[str, Any]) -> str:
    unit, place = content.level_unit, frequency(finding.get("center_freq_hz"))
    power = short_level(finding, unit)
    return f"{finding['id']}: level in {unit} around {place}, where it is {power}, and its level over time."


def figure_name(index: int) -> str:
    """Name of the drawing of the finding at this place in the list."""
    return f"finding-{index}"


def _measured(content: ReportContent, finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Kind", recorded(finding.get("kind"))),
        ("Centre", frequency(finding.get("center_freq_hz"))),
        ("Occupied bandwidth (99 %)", bandwidth(finding.get("occupied_bw_hz"))),
        ("Signal to noise", number(finding.get("snr_db"), "dB")),
        ("Excess over the baseline", _excess(content, finding)),
        ("First heard", utc(finding.get("first_seen"))),
        ("Last heard", utc(finding.get("last_seen"))),
        ("Heard", _heard(content, finding)),
        ("Duty cycle", chance(finding.get("duty_cycle"))),
        ("Bursts", bursts(finding)),
        ("Stands out by", _channels(finding)),
        ("Signal type", recorded(finding.get("signal_type"))),
    ]


def _level(content: ReportContent, finding: Mapping[str, Any]) -> str:
    unit = content.level_unit
    text = level_interval(finding, unit) or number(finding.get("power_dbfs"), unit)
    return with_dbm(text.replace("+-", "\u00b1"), content.start, finding)


def _heard(content: ReportContent, finding: Mapping[str, Any]) -> str:
    hits = finding.get("hits")
    if hits is None:
        return NOT_MEASURED
    heard, dwells = f"in {hits} of {count(content.n_rows, 'pass', 'passes')}", finding.get("camp_dwells")
    return heard if not dwells else f"{heard}, and in {finding.get('camp_hits')} of {count(dwells, 'dwell')} of stays"


def _channels(finding: Mapping[str, Any]) -> str:
    """What of it was compared: its level, its bursts, or the highest level ever."""
    return recorded([_CHANNELS.get(str(name), str(name)) for name in finding.get("channels") or ()])


def _excess(content: ReportContent, finding: Mapping[str, Any]) -> str:
    excess_db = finding.get("excess_db")
    if excess_db is None and not content.document.get("baseline"):
        return "no baseline"
    return number(excess_db, "dB")


def _judged(content: ReportContent, finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    known_as = finding.get("known_as")
    return [
        ("Level", _level(content, finding)),
        ("Width under its highest bin", widths(finding)),
        *_history(finding),
        ("By accident", by_accident(finding.get("p_value"), compared=bool(content.document.get("baseline")))),
        ("Allocation", recorded(finding.get("allocation"))),
        ("Known as", recorded(known_as) if known_as else "not in the list of known emitters"),
        *_samples(content, finding),
        ("Decision", _decision(content, str(finding["id"]))),
    ]


def _samples(content: ReportContent, finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where its raw samples are, of a record that says so."""
    if "iq_snippet" not in finding:
        return []
    snippet = finding["iq_snippet"]
    if not snippet:
        return [("Raw samples", "none were kept")]
    before, length = (
        "" if snippet.get(name) is None else f", {number(1e3 * snippet[name], 'ms')}{words}"
        for name, words in (("pre_trigger_s", " before the burst"), ("duration_s", ""))
    )
    folder = PurePath(content.record_name).with_suffix(".snippets").name
    return [("Raw samples", f"{snippet['file']} in {folder}{length}{before}")]


def _history(finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Number and visits of the emitter, and its level at each position of the visit, where they were looked up."""
    rows = []
    if finding.get("emitter") is not None:
        visits = finding.get("visits")
        found = "" if visits is None else f", heard at {count(round(visits), 'visit')} of this room"
        rows.append(("Emitter", f"{finding['emitter']}{found}"))
    elsewhere = (finding.get("positions") or ())[1:]
    if elsewhere:
        rows.append(("Level elsewhere", "; ".join(map(_elsewhere, elsewhere))))
    return rows


def _elsewhere(place: Mapping[str, Any]) -> str:
    limit = place.get("limit_dbfs")
    said = short_level(place, "dBFS") if limit is None else f"not heard, below {number(limit, 'dBFS')}"
    return f"{said} ({place.get('position') or 'position not named'}, {place.get('record')})"


def _tests(finding: Mapping[str, Any]) -> list[Block]:
    """Tests whether the receiver made the signal itself."""
    rows = [
        (str(test.get("test")).replace("_", " "), _PASSED[test.get("passed")], recorded(test.get("reason") or _DASH))
        for test in finding.get("artefact_tests") or ()
    ]
    if not rows:
        return [facts([("Artefact tests", "none carried out")])]
    return [together([table(("Artefact test", "Result", "Detail"), rows, widths=(20, 16, 64))])]


def _threat(finding: Mapping[str, Any]) -> list[Block]:
    """What the threat level is made of: weights that add up to the score, in base-10 logarithms of odds."""
    threat = finding.get("threat") or {}
    rows = [_weight(str(reason)) for reason in threat.get("reasons") or ()]
    if not rows:
        return [facts([("Threat level", f"{threat_level(finding)}: no reasons are recorded")])]
    head = (
        number(threat.get("score"), digits=2),
        f"Threat level {threat_level(finding)}: weights that add up to the score",
    )
    return [together([table(head, rows, widths=(10, 90), right=(0,))])]


def _weight(reason: str) -> tuple[str, str]:
    """Part the weight from the words of a reason.

    Examples
    --------
    >>> _weight("+0.2 not in the baseline"), _weight("a word only")
    (('+0.2', 'not in the baseline'), ('', 'a word only'))
    """
    weight, _, words = reason.partition(" ")
    return (weight, words) if weight[:1] in "+-" and words else ("", reason)


def _decision(content: ReportContent, finding_id: str) -> str:
    decided = [d for d in content.dispositions if d.get("finding") == finding_id]
    if not decided:
        return "open: nobody has decided"
    return "; ".join(
        f"{d.get('as')} by {recorded(d.get('by'))}, {utc(d.get('time'))}: {recorded(d.get('reason'))}" for d in decided
    )


def unconfirmed_blocks(content: ReportContent) -> list[Block]:
    """Table of what was heard in too few passes, with what it means."""
    if not content.unconfirmed:
        return [paragraph("None.")]
    said = (
        "These stood out, but in too few of the passes to tell whether a transmitter stays there. They are not "
        f"findings, and the verdict does not rest on them. {PLUS_MINUS_TEXT}"
    )
    rows = [
        (
            str(item["id"]),
            frequency(item.get("center_freq_hz")),
            bandwidth(item.get("occupied_bw_hz")),
            short_level(item, content.level_unit),
            _often(content, item),
            _channels(item),
            recorded(item.get("allocation")),
            content.decision_on(item),
        )
        for item in content.unconfirmed[:_MAX_UNCONFIRMED]
    ]
    head = ("ID", "Frequency", "Bandwidth", "Level", "Heard", "Stands out by", "Allocation", "Decision")
    blocks = [paragraph(said, sticky=True), table(head, rows, widths=(5, 13, 10, 11, 13, 13, 27, 8), right=(1, 2, 3))]
    if len(content.unconfirmed) > _MAX_UNCONFIRMED:
        blocks.append(paragraph(f"{len(content.unconfirmed) - _MAX_UNCONFIRMED} more are in the record."))
    return blocks


def _often(content: ReportContent, finding: Mapping[str, Any]) -> str:
    """In how many passes it was heard, and at how many visits where that is more than one."""
    visits = finding.get("visits")
    return _heard(content, finding) + (f"; at {count(round(visits), 'visit')}" if visits and visits > 1 else "")


def rejected_blocks(content: ReportContent) -> list[Block]:
    candidates = content.document.get("rejected_candidates") or ()
    if not candidates:
        return [paragraph("None.")]
    rows = [
        (
            frequency(candidate.get("center_freq_hz")),
            bandwidth(candidate.get("occupied_bw_hz")),
            short_level(candidate, content.level_unit),
            _failed(candidate),
        )
        for candidate in candidates[:_MAX_REJECTED]
    ]
    said = "These stood out but failed a test of the receiver: they are taken for its own products, not for emitters."
    said += f" {PLUS_MINUS_TEXT}"
    head = ("Frequency", "Bandwidth", "Level", "Failed test")
    blocks = [paragraph(said, sticky=True), table(head, rows, widths=(18, 14, 16, 52), right=(0, 1, 2))]
    if len(candidates) > _MAX_REJECTED:
        blocks.append(paragraph(f"{len(candidates) - _MAX_REJECTED} more are in the record."))
    return blocks


def _failed(candidate: Mapping[str, Any]) -> str:
    failed = [test for test in candidate.get("artefact_tests") or () if test.get("passed") is False]
    names = [f"{str(test.get('test')).replace('_', ' ')}: {recorded(test.get('reason'))}" for test in failed]
    return "; ".join(names) or NOT_RECORDED
