"""The technical annex: how the sweep was made, what it covered, every finding, what limits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.content.acquisition import acquisition_blocks
from reports.content.blocks import Block, Section, bullets, facts, figure, paragraph, section, table, together
from reports.content.calibrated import calibration_rows
from reports.content.client import MIDDLES_LEFT_OUT
from reports.content.closing import decision_blocks, recommendation_blocks, signature_blocks
from reports.content.compared import baseline_blocks
from reports.content.controls import control_blocks
from reports.content.coverage import POI_KEYS, pooled, service_states
from reports.content.detectable import basis_text, detectable_texts
from reports.content.drawn import camp_blocks, difference_blocks, level_blocks, occupancy_blocks, timeline_blocks
from reports.content.evidence import evidence_blocks, seal_blocks
from reports.content.finding_pages import finding_blocks, rejected_blocks, unconfirmed_blocks
from reports.content.limitations import limitations
from reports.content.material import ReportContent
from reports.content.positions import position_blocks
from reports.content.scope import clock_blocks, identity_blocks, people_blocks, scope_blocks
from reports.content.visit import antenna, check_blocks, equipment_blocks, visit_blocks
from reports.content.witnesses import witness_text
from reports.content.wording import (
    NOT_MEASURED,
    NOT_RECORDED,
    chance,
    count,
    frequency_range,
    number,
    recorded,
    utc,
)
from sweep.health.checks import checks_of
from sweep.model import Instrument
from sweep.units import iso_utc

__all__ = ["annex_sections"]

_MAX_GAPS = 40
_DASH = "\u2013"
_STATES = {"measured": "measured", "overloaded": "overloaded", "not_measured": NOT_MEASURED}


def annex_sections(content: ReportContent) -> list[Section]:
    """Sections of the annex, in order."""
    return [
        section("Identity", identity_blocks(content)),
        section("Scope", scope_blocks(content)),
        section("People", people_blocks(content)),
        section("Time and clock", clock_blocks(content)),
        section("Course of the visit", [*visit_blocks(content), *timeline_blocks(content)]),
        section("Checks that are not radio", check_blocks(content)),
        section("Equipment and calibration", _equipment(content)),
        section("Check of the receiver", [_checks(content)]),
        section("Acquisition", acquisition_blocks(content)),
        section("Coverage", _coverage(content)),
        section("Baseline", baseline_blocks(content.compared, content.sealed)),
        section("Difference", difference_blocks(content)),
        section("Waterfall", [_waterfall(content), *camp_blocks(content)]),
        section("Occupancy", occupancy_blocks(content)),
        section("Positions", [*position_blocks(content), *level_blocks(content)]),
        section("Findings", finding_blocks(content), new_page=bool(content.findings)),
        section("Emissions that were not confirmed", unconfirmed_blocks(content)),
        section("Candidates that were rejected", rejected_blocks(content)),
        section("Decisions", decision_blocks(content)),
        section("Gaps and events", _gaps(content)),
        section("Limitations", [bullets(limitations(content))]),
        section("Recommendations and retest", recommendation_blocks(content)),
        section("Controls", control_blocks(content)),
        section("Evidence", evidence_blocks(content)),
        section("Seal", seal_blocks(content)),
        section("Signatures", signature_blocks(content)),
    ]


def _equipment(content: ReportContent) -> list[Block]:
    instrument, start = content.instrument, content.start
    rows = [
        ("Receiver", recorded(instrument.product)),
        ("Serial number", recorded(instrument.serial)),
        ("Tuner", recorded(instrument.tuner)),
        ("Driver", recorded(instrument.driver)),
        ("Source", recorded(start.get("source"))),
        *([] if instrument.receivers else _settings(instrument)),
        ("Antenna", antenna(content)),
        ("Sample format", recorded(instrument.sample_format)),
        *calibration_rows(start, content.level_unit),
        ("Software", recorded(start.get("software"))),
        ("Transform", recorded(start.get("fft_engine"))),
    ]
    shared = [_sharing(instrument.receivers)] if instrument.receivers else []
    notes = [bullets(instrument.notes)] if instrument.notes else []
    return [facts(rows), *shared, *equipment_blocks(content), *notes]


def _checks(content: ReportContent) -> Block:
    """What was checked before the sweep."""
    told = list(checks_of(content.start.get("instrument") or {}))
    if not told:
        return paragraph("No check of the receiver is recorded.")
    rows = [
        (
            f"{receiver} {check['name']}".strip(),
            str(check["state"]),
            _fact(check.get("value"), str(check.get("unit") or ""), digits=2)
            if check.get("value") is not None
            else _DASH,
            str(check["words"]),
        )
        for receiver, check in told
    ]
    return table(("Check", "Result", "Measured", "What it means"), rows, widths=(20, 13, 15, 52))


def _settings(instrument: Instrument) -> list[tuple[str, str]]:
    settle = "" if instrument.settle_measured is None else "measured" if instrument.settle_measured else "assumed"
    return [
        ("Gain", _fact(instrument.gain_db, "dB")),
        ("Frequency correction", _fact(instrument.ppm, "ppm")),
        ("Settling time", _fact(instrument.settle_s, f"s, {settle}" if settle else "s", digits=4)),
    ]


def _sharing(receivers: Sequence[Instrument]) -> Block:
    """Which receiver heard what, where several shared the plan."""
    rows = [
        (
            recorded(one.serial or one.product),
            ", ".join(frequency_range(*range_hz) for range_hz in one.ranges_hz),
            *(value for _, value in _settings(one)),
        )
        for one in receivers
    ]
    return table(("Receiver", "Heard", "Gain", "Correction", "Settling time"), rows, widths=(20, 32, 13, 13, 22))


def _coverage(content: ReportContent) -> list[Block]:
    lines = pooled(content)
    blocks: list[Block] = []
    if lines:
        blocks.append(
            paragraph(
                "Neighbouring hops are joined; each line gives the worst of its hops, and the dwell of all passes "
                "together. The last columns give the chance to catch one transmission of that length. A dash stands "
                "for what was not measured."
            )
        )
        unit = content.level_unit
        head = ("Range", "State", f"Noise floor ({unit})", f"Detectable from ({unit})", "Dwell (s)")
        blocks.append(
            table(
                (*head, "0.1 s", "1 s", "10 s"),
                [_coverage_row(line) for line in lines],
                widths=(20, 12, 15, 13, 8, 10, 12, 10),
                right=(2, 3, 4, 5, 6, 7),
            )
        )
    else:
        blocks.append(paragraph("The record gives no coverage."))
    blocks += _detectable(content)
    intro = paragraph("Bands in which devices that can carry speech out of a room are found:")
    services = [
        (service.name, frequency_range(service.start_hz, service.stop_hz), state)
        for service, state in service_states(content)
    ]
    blocks.append(together([intro, table(("Band", "Range", "This sweep"), services, widths=(48, 30, 22))]))
    if heard := witness_text(content.document):
        blocks.append(paragraph(f"{heard}."))
    deaf = [str(item) for item in content.document.get("not_heard") or ()]
    if deaf:
        blocks.append(together([paragraph("What this hardware cannot hear, whatever it finds:"), bullets(deaf)]))
    return blocks


def _detectable(content: ReportContent) -> list[Block]:
    """What would have been found with a probability of 0.9, and how that is known."""
    measured = [entry for entry in content.document.get("coverage") or () if entry.get("state") == "measured"]
    texts, basis = detectable_texts(measured, content.level_unit), basis_text(measured)
    if not texts or not basis:
        return []
    said = f"The weakest transmitter that this sweep would have found with a probability of 0.9, {basis}:"
    return [together([paragraph(said), bullets(texts)])]


def _coverage_row(line: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = line["lowest_floor_dbfs"], line["highest_floor_dbfs"]
    floor = _known(low) if low is None or round(low, 1) == round(high, 1) else f"{low:.1f} to {high:.1f}"
    return (
        frequency_range(line["start_hz"], line["stop_hz"]),
        _STATES.get(str(line["state"]), str(line["state"])) + (", and stayed on" if line["camp_s"] else ""),
        floor,
        _known(line["min_detectable_dbfs"]),
        _DASH if line["dwell_s"] is None else f"{line['dwell_s']:.3g}",
        *(_DASH if line["poi"][key] is None else chance(line["poi"][key]) for key in POI_KEYS),
    )


def _known(value: float | None) -> str:
    return _DASH if value is None else number(value)


def _waterfall(content: ReportContent) -> Block:
    if not content.waterfall.time_s.size:
        return paragraph("The record holds no pass.")
    caption = "Highest level in each cell, time downwards. Triangles mark the findings."
    if content.unconfirmed:
        caption += " Hollow ones mark what was not confirmed."
    if np.isnan(content.waterfall.level_dbfs).any():
        caption += " Pale where nothing was measured."
    if content.hides_middles:
        caption += f" {MIDDLES_LEFT_OUT}"
    return figure(
        "waterfall",
        caption,
        f"Level in {content.level_unit} over frequency and time, over {count(content.n_rows, 'pass', 'passes')}.",
    )


def _gaps(content: ReportContent) -> list[Block]:
    if not content.gaps and not content.notes:
        return [paragraph("None.")]
    rows = [
        (utc(iso_utc(gap.utc_ns)), f"pass {gap.pass_index + 1}", _where(content, gap.hop_index), gap.reason)
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


def _fact(value: float | None, unit: str, *, digits: int = 1) -> str:
    return NOT_RECORDED if value is None else number(value, unit, digits=digits)
