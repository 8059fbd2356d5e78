"""The end of a report: decisions, recommendations with the retest date, and lines to sign."""

from __future__ import annotations

from reports.content.blocks import Block, facts, paragraph, signatures, table, together
from reports.content.material import ReportContent
from reports.content.recommendations import recommendations, retest
from reports.content.wording import frequency, recorded, utc

__all__ = ["decision_blocks", "recommendation_blocks", "signature_blocks"]

_MAX_DECISIONS = 100
_ROLES = ("client", "witness")


def decision_blocks(content: ReportContent) -> list[Block]:
    """Every decision about a finding in the order in which it was made; none is ever taken away."""
    places = {str(item["id"]): frequency(item.get("center_freq_hz")) for item in content.emissions}
    rows = [
        (
            str(entry.get("finding")),
            places.get(str(entry.get("finding")), "not in this judgement"),
            str(entry.get("as")),
            recorded(entry.get("by")),
            utc(entry.get("time")),
            recorded(entry.get("reason")),
        )
        for entry in content.dispositions
    ]
    still_open = [str(item["id"]) for item in content.emissions if content.decision_on(item) == "open"]
    said = f"Open, nobody has decided: {', '.join(still_open)}." if still_open else "None is open."
    if not rows:
        return [paragraph(f"No decision is recorded. {said}" if still_open else "No decision is recorded.")]
    head = ("ID", "Frequency", "Decision", "By", "Time", "Reason")
    blocks: list[Block] = [table(head, rows[-_MAX_DECISIONS:], widths=(6, 16, 12, 18, 19, 29), right=(1,))]
    if len(rows) > _MAX_DECISIONS:
        blocks.append(paragraph(f"{len(rows) - _MAX_DECISIONS} earlier ones are in the log."))
    return [*blocks, paragraph(said)]


def recommendation_blocks(content: ReportContent) -> list[Block]:
    """Every step with what it rests on, and when to sweep again."""
    rows = [(str(number), step.text, step.basis) for number, step in enumerate(recommendations(content), 1)]
    return [
        table(("No.", "Recommendation", "Basis"), rows, widths=(6, 54, 40)),
        facts([("Retest date", retest(content))]),
    ]


def signature_blocks(content: ReportContent) -> list[Block]:
    """Lines for the technician, a reviewer, and those of the client who were there."""
    people = [str(person) for person in content.start.get("people") or ()]
    operator = content.start.get("operator")
    lines = [("Technician", str(operator) if operator else ""), ("Reviewed by", "")]
    for role in _ROLES:
        names = [name.partition(" (")[0] for name in people if f"({role}" in name]
        lines += [(role.capitalize(), name) for name in names]
    if not any(role == "Client" for role, _ in lines):
        lines.append(("Client", ""))
    said = (
        "The signatures confirm that this report says what the people named did and saw. They do not widen what the "
        "sweep shows."
    )
    return [together([paragraph(said), signatures(lines[:8])])]
