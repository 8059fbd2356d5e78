"""The guided visit and the equipment in a report: what was done, what was left out and why, with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.blocks import Block, facts, paragraph, table
from reports.content.material import ReportContent
from reports.content.wording import NOT_RECORDED, listed, recorded, utc
from sweep.guided.log import DONE, Outcome
from sweep.guided.steps import CHECKS

__all__ = [
    "antenna",
    "check_blocks",
    "check_outcomes",
    "checks_done",
    "equipment_blocks",
    "surroundings",
    "visit_blocks",
]

_NO_VISIT = "Not recorded: the sweep was no part of a guided visit, or the log of the visit is not at hand."


def surroundings(start: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What there is to say of client, site and room beside their names."""
    names = (
        ("Address", "address"),
        ("Client", "client"),
        ("Reference", "reference"),
        ("About the room", "room_title"),
        ("Floor", "room_floor"),
        ("Description", "room_description"),
    )
    return [(title, recorded(start.get(name))) for title, name in names]


def antenna(content: ReportContent) -> str:
    """Antenna of the instrument, or of the list of equipment where only that knows it."""
    listed = [str(item["name"]) for item in _listed(content) if item.get("kind") == "antenna"]
    return recorded(content.instrument.antenna or listed)


def equipment_blocks(content: ReportContent) -> list[Block]:
    """Receivers, antennas and cables in use with serials and calibration dates."""
    items = _listed(content)
    if not items:
        return [facts([("Equipment list", NOT_RECORDED)])]
    rows = [
        (
            str(item.get("kind")),
            " ".join(str(item[key]) for key in ("name", "model") if item.get(key)),
            recorded(item.get("serial")),
            recorded(item.get("calibrated")),
            _due(item),
        )
        for item in items
    ]
    return [table(("Kind", "Name", "Serial", "Calibrated", "Due"), rows, widths=(14, 32, 18, 16, 20))]


def check_outcomes(content: ReportContent) -> dict[str, Outcome]:
    """What came of each check that is not done with the receiver, by its name; one that is not there is not known."""
    steps = () if content.visit is None else content.visit.steps
    return {step.id.partition(":")[2]: outcome for step, outcome in steps if step.kind == "check" and outcome}


def checks_done(content: ReportContent) -> str:
    """Names of the checks that were done, in words."""
    if content.visit is None:
        return NOT_RECORDED
    done = [CHECKS[name][0] for name, outcome in check_outcomes(content).items() if outcome.outcome == DONE]
    return listed(done) or "none"


def check_blocks(content: ReportContent) -> list[Block]:
    """Checks that are not done with the receiver; one of which nothing is known is not recorded."""
    known = check_outcomes(content)
    rows = []
    for name, (title, _) in CHECKS.items():
        outcome = known.get(name)
        state = NOT_RECORDED if outcome is None else "done" if outcome.outcome == DONE else "not done"
        by = "" if outcome is None else f"{outcome.by}, {utc(outcome.time)}"
        rows.append((title, state, "" if outcome is None else outcome.text, by))
    return [table(("Check", "State", "Result or reason", "By"), rows, widths=(24, 14, 38, 24))]


def visit_blocks(content: ReportContent) -> list[Block]:
    """Every step of the visit, with the reason where it was skipped."""
    visit = content.visit
    if visit is None:
        return [paragraph(_NO_VISIT)]
    rows = [
        (step.title, *(("this report", "", "") if step.kind == "report" else _told(outcome)))
        for step, outcome in visit.steps
        if step.kind != "check"
    ]
    about = [("Visit", visit.id), ("Carried out by", visit.operator), ("Digest of its log so far", visit.digest)]
    return [facts(about), table(("Step", "Outcome", "Remark", "Time"), rows, widths=(26, 15, 37, 22))]


def _told(outcome: Outcome | None) -> Sequence[str]:
    return ("not finished", "", "") if outcome is None else (outcome.outcome, outcome.text, utc(outcome.time))


def _due(item: Mapping[str, Any]) -> str:
    due = recorded(item.get("calibration_due"))
    return f"{due}: EXPIRED" if item.get("calibration_expired") else due


def _listed(content: ReportContent) -> Sequence[Mapping[str, Any]]:
    return [item for item in content.start.get("equipment") or () if isinstance(item, Mapping)]
