"""Where the antenna stood, and how strong each finding was at each of those places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.content.blocks import Block, paragraph, table
from reports.content.levels import PLUS_MINUS_TEXT, short_level
from reports.content.material import ReportContent
from reports.content.wording import frequency, number, recorded, utc

__all__ = ["position_blocks"]

_MAX_ROWS = 60


def position_blocks(content: ReportContent) -> list[Block]:
    """List the positions of the visit, then the level of each finding at each of them."""
    return [*_places(content), *_levels(content)]


def _places(content: ReportContent) -> list[Block]:
    rows = [(recorded(content.start.get("position")), utc(content.start.get("start_time")), "this record")]
    for step, outcome in () if content.visit is None else content.visit.steps:
        if step.position is None or outcome is None:
            continue
        name = str(outcome.details.get("record") or outcome.outcome)
        if content.record_name.removesuffix(".h5") not in name:
            rows.append((step.position, utc(outcome.time), name))
    return [table(("Position", "Time", "Record"), rows, widths=(34, 28, 38))]


def _levels(content: ReportContent) -> list[Block]:
    rows = [
        (
            str(finding["id"]) if not index else "",
            frequency(finding.get("center_freq_hz")) if not index else "",
            recorded(place.get("position")),
            _level(place, content.level_unit),
            recorded(place.get("record")) if index else "this record",
        )
        for finding in content.findings
        for index, place in enumerate(finding.get("positions") or ())
    ]
    if not rows:
        return [paragraph("Levels at other positions are not recorded.")]
    head = ("ID", "Frequency", "Position", "Level", "Record")
    said = f"Level of each finding where it was looked for; it rises towards a transmitter. {PLUS_MINUS_TEXT}"
    blocks: list[Block] = [
        paragraph(said, sticky=True),
        table(head, rows[:_MAX_ROWS], widths=(7, 17, 24, 22, 30), right=(1, 3)),
    ]
    if len(rows) > _MAX_ROWS:
        blocks.append(paragraph(f"{len(rows) - _MAX_ROWS} more are in the record and the findings JSON."))
    return blocks


def _level(place: Mapping[str, Any], unit: str) -> str:
    limit = place.get("limit_dbfs")
    return short_level(place, unit) if limit is None else f"not heard, below {number(limit, unit)}"
