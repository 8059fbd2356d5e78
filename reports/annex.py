"""The technical annex: how the sweep was made, what it covered, every finding, what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.blocks import Block, bullets, facts, figure, paragraph, section, subheading, table, together
from reports.client import threat_level
from reports.content import ReportContent
from reports.coverage import POI_KEYS, pooled, service_states
from reports.wording import (
    NOT_MEASURED,
    NOT_RECORDED,
    bandwidth,
    chance,
    count,
    frequency,
    frequency_range,
    level,
    number,
    p_value,
    recorded,
    utc,
)
from sweep.units import iso_utc

__all__ = ["MAX_FINDING_FIGURES", "annex_sections", "figure_name"]

MAX_FINDING_FIGURES = 24
_MAX_REJECTED, _MAX_GAPS = 60, 40
_STATES = {"measured": "measured", "overloaded": "overloaded", "not_measured": NOT_MEASURED}
_PASSED = {True: "passed", False: "failed", None: "not carried out"}


def annex_sections(content: ReportContent) -> list[dict[str, Any]]:
    """Sections of the annex, in order."""
    return [
        section("Scope", [_scope(content)]),
        section("Equipment", _equipment(content)),
        section("Acquisition", _acquisition(content)),
        section("Coverage", _coverage(content)),
        section("Waterfall", [_waterfall(content)]),
        section("Findings", _findings(content)),
        section("Candidates that were rejected", _rejected(content)),
        section("Gaps and events", _gaps(content)),
        section("Evidence", _evidence(content)),
        section("Limitations", [bullets(_limitations(content))]),
    ]


def _scope(content: ReportContent) -> Block:
    start, document = content.start, content.document
    return facts(
        [
            ("Record", recorded(start.get("record_id") or content.record_name)),
            ("Room", recorded(start.get("room"))),
            ("Site", recorded(start.get("site"))),
            ("Position of the antenna", recorded(start.get("position"))),
            ("Operator", recorded(start.get("operator"))),
            ("People present", recorded(start.get("people"))),
            ("Begin", utc(start.get("start_time"))),
            ("End", utc(content.end_time)),
            ("Clock", "that of the computer, UTC; not compared with a time service"),
            ("Baseline", str(document["baseline"]) if document.get("baseline") else "none"),
            ("False alarms allowed", number(document.get("false_alarms_per_sweep"), "a sweep", digits=2)),
            ("Remarks", "; ".join(str(reason) for reason in document.get("reasons") or ()) or "none"),
        ]
    )


def _equipment(content: ReportContent) -> list[Block]:
    instrument, start = content.instrument, content.start
    settle = "" if instrument.settle_measured is None else "measured" if instrument.settle_measured else "assumed"
    rows = [
        ("Receiver", recorded(instrument.product)),
        ("Serial number", recorded(instrument.serial)),
        ("Tuner", recorded(instrument.tuner)),
        ("Driver", recorded(instrument.driver)),
        ("Source", recorded(start.get("source"))),
        ("Gain", _fact(instrument.gain_db, "dB")),
        ("Frequency correction", _fact(instrument.ppm, "ppm")),
        ("Antenna", recorded(instrument.antenna)),
        ("Sample format", recorded(instrument.sample_format)),
        ("Settling time", _fact(instrument.settle_s, f"s, {settle}" if settle else "s", digits=4)),
        ("Calibration", "none: levels are relative to full scale (dBFS), not absolute (dBm)"),
        ("Software", recorded(start.get("software"))),
        ("Transform", recorded(start.get("fft_engine"))),
    ]
    return [facts(rows), *([bullets(instrument.notes)] if instrument.notes else [])]


def _acquisition(content: ReportContent) -> list[Block]:
    layout, plan = content.layout, content.plan
    rows = [
        ("Bin width", bandwidth(layout.bin_width_hz)),
        ("Noise bandwidth of a bin", bandwidth(round(layout.bin_width_hz * layout.enbw_bins, 1))),
        ("Bins", str(layout.n_bins)),
        ("Hops", str(layout.n_hops)),
        ("Passes", str(content.n_rows)),
        ("Spectra averaged in a pass", NOT_RECORDED if layout.n_averages is None else str(layout.n_averages)),
    ]
    if plan is None:
        rows.append(("Plan", "none: the spectra were made by another program"))
    else:
        rows += [
            ("Sample rate", f"{plan.sample_rate_hz / 1e6:g} MS/s"),
            ("Transform length", f"{plan.n_fft} points, {plan.window} window, half overlap"),
            ("Dwell of a hop in a pass", f"{plan.dwell_s * 1e3:.3g} ms"),
            ("Digest of the plan", plan.digest),
        ]
    return [facts(rows), *([bullets(layout.notes)] if layout.notes else [])]


def _coverage(content: ReportContent) -> list[Block]:
    lines = pooled(content)
    blocks: list[Block] = []
    if lines:
        blocks.append(
            paragraph(
                "Neighbouring hops are joined; each line gives the worst of its hops, and the dwell of all passes "
                "together. The last columns give the chance to catch one transmission of that length."
            )
        )
        head = ("Range", "State", "Noise floor (dBFS)", "Detectable from (dBFS)", "Dwell (s)")
        blocks.append(
            table(
                (*head, "0.1 s", "1 s", "10 s"),
                [_coverage_row(line) for line in lines],
                widths=(23, 13, 16, 15, 9, 8, 8, 8),
                right=(2, 3, 4, 5, 6, 7),
            )
        )
    else:
        blocks.append(paragraph("The record gives no coverage."))
    intro = paragraph("Bands in which devices that can carry speech out of a room are found:")
    services = [
        (service.name, frequency_range(service.start_hz, service.stop_hz), state)
        for service, state in service_states(content)
    ]
    blocks.append(together([intro, table(("Band", "Range", "This sweep"), services, widths=(48, 30, 22))]))
    return blocks


def _coverage_row(line: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = line["lowest_floor_dbfs"], line["highest_floor_dbfs"]
    floor = number(low) if low is None or round(low, 1) == round(high, 1) else f"{low:.1f} to {high:.1f}"
    return (
        frequency_range(line["start_hz"], line["stop_hz"]),
        _STATES.get(str(line["state"]), str(line["state"])),
        floor,
        number(line["min_detectable_dbfs"]),
        NOT_MEASURED if line["dwell_s"] is None else f"{line['dwell_s']:.3g}",
        *(chance(line["poi"][key]) for key in POI_KEYS),
    )


def _waterfall(content: ReportContent) -> Block:
    if not content.waterfall.time_s.size:
        return paragraph("The record holds no pass.")
    caption = "Highest level in each cell, time downwards. Triangles mark the findings."
    return figure(
        "waterfall",
        caption,
        f"Level in dBFS over frequency and time, over {count(content.n_rows, 'pass', 'passes')}.",
    )


def _findings(content: ReportContent) -> list[Block]:
    if not content.findings:
        return [paragraph("None.")]
    against = ", against the baseline (grey)" if content.baseline_dbfs is not None else ""
    key = (
        f"The figures show, left, the mean (dark) and the highest level (light) around the finding{against}, with its "
        "bandwidth shaded; right, the level of its strongest bin in every pass."
    )
    blocks: list[Block] = [paragraph(key, sticky=True)]
    for index, finding in enumerate(content.findings):
        drawing = figure_name(index) if index < MAX_FINDING_FIGURES else None
        blocks.append(together(_finding(content, finding, drawing)))
    if len(content.findings) > MAX_FINDING_FIGURES:
        blocks.append(paragraph(f"Figures are drawn for the first {MAX_FINDING_FIGURES} findings only."))
    return blocks


def _finding(content: ReportContent, finding: Mapping[str, Any], drawing: str | None) -> list[Block]:
    name = f"{finding['id']}: {frequency(finding.get('center_freq_hz'))}"
    blocks: list[Block] = [subheading(name, threat_level(finding)), facts(_measured(content, finding), columns=2)]
    blocks.append(facts(_judged(content, finding)))
    if drawing is not None:
        blocks.append(
            figure(
                drawing,
                "",
                f"Level in dBFS around {name}, {level(finding.get('power_dbfs'))}, and its level over time.",
            )
        )
    return blocks


def figure_name(index: int) -> str:
    """Name of the drawing of the finding at this place in the list."""
    return f"finding-{index}"


def _measured(content: ReportContent, finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    hits = finding.get("hits")
    return [
        ("Kind", recorded(finding.get("kind"))),
        ("Centre", frequency(finding.get("center_freq_hz"))),
        ("Occupied bandwidth (99 %)", bandwidth(finding.get("occupied_bw_hz"))),
        ("Level", level(finding.get("power_dbfs"))),
        ("Signal to noise", number(finding.get("snr_db"), "dB")),
        ("Excess over the baseline", number(finding.get("excess_db"), "dB")),
        ("First heard", utc(finding.get("first_seen"))),
        ("Last heard", utc(finding.get("last_seen"))),
        ("Heard", NOT_MEASURED if hits is None else f"in {hits} of {count(content.n_rows, 'pass', 'passes')}"),
        ("Duty cycle", chance(finding.get("duty_cycle"))),
        ("Chance by noise alone (p)", p_value(finding.get("p_value"))),
        ("Signal type", recorded(finding.get("signal_type"))),
    ]


def _judged(content: ReportContent, finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    known_as = finding.get("known_as")
    return [
        ("Allocation", recorded(finding.get("allocation"))),
        ("Known as", recorded(known_as) if known_as else "not in the inventory"),
        ("Threat", _threat(finding)),
        ("Artefact tests", "; ".join(map(_test, finding.get("artefact_tests") or ())) or "none carried out"),
        ("Decision", _decision(content, str(finding["id"]))),
    ]


def _test(test: Mapping[str, Any]) -> str:
    outcome = _PASSED[test.get("passed")]
    reason = f" ({test['reason']})" if test.get("reason") and not test.get("passed") else ""
    return f"{str(test.get('test')).replace('_', ' ')} {outcome}{reason}"


def _threat(finding: Mapping[str, Any]) -> str:
    threat = finding.get("threat") or {}
    score = "" if threat.get("score") is None else f", score {number(threat['score'], digits=2)}"
    reasons = "; ".join(str(reason) for reason in threat.get("reasons") or ())
    return threat_level(finding) + score + (f": {reasons}" if reasons else "")


def _decision(content: ReportContent, finding_id: str) -> str:
    decided = [d for d in content.dispositions if d.get("finding") == finding_id]
    if not decided:
        return "open: nobody has decided"
    return "; ".join(
        f"{d.get('as')} by {recorded(d.get('by'))}, {utc(d.get('time'))}: {recorded(d.get('reason'))}" for d in decided
    )


def _rejected(content: ReportContent) -> list[Block]:
    candidates = content.document.get("rejected_candidates") or ()
    if not candidates:
        return [paragraph("None.")]
    rows = [
        (
            frequency(candidate.get("center_freq_hz")),
            bandwidth(candidate.get("occupied_bw_hz")),
            level(candidate.get("power_dbfs")),
            _failed(candidate),
        )
        for candidate in candidates[:_MAX_REJECTED]
    ]
    said = "These stood out but failed a test of the receiver: they are taken for its own products, not for emitters."
    head = ("Frequency", "Bandwidth", "Level", "Failed test")
    blocks = [paragraph(said, sticky=True), table(head, rows, widths=(18, 14, 16, 52), right=(0, 1, 2))]
    if len(candidates) > _MAX_REJECTED:
        blocks.append(paragraph(f"{len(candidates) - _MAX_REJECTED} more are in the record."))
    return blocks


def _failed(candidate: Mapping[str, Any]) -> str:
    failed = [test for test in candidate.get("artefact_tests") or () if test.get("passed") is False]
    names = [f"{str(test.get('test')).replace('_', ' ')}: {recorded(test.get('reason'))}" for test in failed]
    return "; ".join(names) or NOT_RECORDED


def _gaps(content: ReportContent) -> list[Block]:
    if not content.gaps and not content.notes:
        return [paragraph("None.")]
    rows = [
        (utc(iso_utc(gap.utc_ns)), f"pass {gap.pass_index}", _where(content, gap.hop_index), gap.reason)
        for gap in content.gaps[:_MAX_GAPS]
    ]
    rows += [(utc(iso_utc(note.utc_ns)), note.kind, "", note.text) for note in content.notes[:_MAX_GAPS]]
    left_out = max(0, len(content.gaps) - _MAX_GAPS) + max(0, len(content.notes) - _MAX_GAPS)
    blocks: list[Block] = [table(("Time", "What", "Where", "Reason"), rows, widths=(24, 14, 20, 42))]
    if left_out:
        blocks.append(paragraph(f"{left_out} more are in the record."))
    return blocks


def _where(content: ReportContent, hop_index: int | None) -> str:
    if hop_index is None:
        return "from here to the end of the pass"
    if not 0 <= hop_index < content.layout.n_hops:
        return f"hop {hop_index}"
    freq_hz = content.layout.freq_hz[content.layout.hop_slice(hop_index)]
    return frequency_range(float(freq_hz[0]), float(freq_hz[-1]))


def _evidence(content: ReportContent) -> list[Block]:
    return [
        facts(
            [
                ("Record file", content.record_name),
                ("SHA-256 of the file", recorded(content.record_sha256)),
                ("Rows", str(content.n_rows)),
                ("Leaf of the last row", recorded(content.last_leaf)),
                ("Interrupted and recovered", "yes" if content.recovered else "no"),
                ("Synthetic samples", "yes: an exercise" if content.synthetic else "no"),
            ]
        ),
        paragraph(
            "Each row of the record carries a hash that includes that of the row before, so a changed, moved or "
            "missing row shows. The hashes say nothing about signals that were fed to the antenna on purpose, about a "
            "clock that was set wrong, or about a sweep that was never recorded."
        ),
    ]


def _limitations(content: ReportContent) -> list[str | tuple[str, str]]:
    said: list[str | tuple[str, str]] = [
        (
            "Upper end.",
            "Receivers of the RTL-SDR class end near 1766 MHz. Wi-Fi, Bluetooth, DECT telephones, most mobile "
            "telephony, video links at 2.4 and 5.8 GHz and everything above cannot be heard with them.",
        ),
        (
            "Not radio.",
            "A radio sweep hears transmitters. It does not find wired microphones, optical or infrared links, sound "
            "that leaves through the building, or a recorder that never transmits.",
        ),
        (
            "Levels.",
            "They are in dBFS, relative to the full scale of the receiver. They are not dBm, and neither field "
            "strength nor distance follows from them.",
        ),
        (
            "Bursts.",
            "The receiver listens to one hop at a time. A burst sent while it listened elsewhere was not heard; the "
            "table of coverage gives the chance to catch one.",
        ),
        (
            "Middle of a hop.",
            "The receiver makes a signal of its own in the middle of every hop. A weak narrow signal within a few bins "
            "of there can be hidden by it.",
        ),
        (
            "Strong neighbours.",
            "The converter of such a receiver has 8 bits: a weak transmitter beside a strong one can go unnoticed.",
        ),
        ("Baseline.", _baseline_limit(content)),
        (
            "Meaning.",
            "Kind of signal, allocation and threat level are aids to judgement. A transmitter in a licensed band can "
            "still be a listening device, and an unknown carrier is not by itself evidence of one.",
        ),
    ]
    return said


def _baseline_limit(content: ReportContent) -> str:
    if content.document.get("baseline"):
        return (
            "It is taken for the normal state of the room. A transmitter that was active whenever it was learned is "
            "part of it and is not reported."
        )
    return "There was none: the findings are what was heard, and ordinary transmitters are among them."


def _fact(value: float | None, unit: str, *, digits: int = 1) -> str:
    return NOT_RECORDED if value is None else number(value, unit, digits=digits)
