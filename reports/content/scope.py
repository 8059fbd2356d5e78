"""Who asked for what, where, who was there, and by which clock."""

from __future__ import annotations

from reports.content.blocks import Block, bullets, facts, paragraph, table
from reports.content.coverage import heard_ranges, span_hz
from reports.content.material import ReportContent
from reports.content.missed import heard_text
from reports.content.visit import checks_done, surroundings
from reports.content.wording import NOT_RECORDED, count, number, recorded, utc

__all__ = ["clock_blocks", "identity_blocks", "passes", "people_blocks", "scope_blocks"]

_SYNCHRONISED = {
    True: "yes, by the flag of the operating system when the record was sealed",
    False: "no, by the flag of the operating system when the record was sealed",
    None: NOT_RECORDED,
}


def passes(content: ReportContent) -> str:
    """Passes that were recorded, and of how many where some are lacking."""
    planned = content.start.get("passes_planned")
    if isinstance(planned, int) and planned > content.n_rows:
        return f"{content.n_rows} of {planned} that were planned"
    return str(content.n_rows)


def identity_blocks(content: ReportContent) -> list[Block]:
    """Names and numbers under which the sweep can be found."""
    start = content.start
    return [
        facts(
            [
                ("Record", recorded(start.get("record_id") or content.record_name)),
                ("Room", recorded(start.get("room"))),
                ("Site", recorded(start.get("site"))),
                *surroundings(start),
                ("Visit", recorded(start.get("visit"))),
                ("Software", recorded(start.get("software"))),
            ]
        )
    ]


def scope_blocks(content: ReportContent) -> list[Block]:
    """What was to be done and what was done, by each method."""
    heard, baseline = heard_ranges(content), content.document.get("baseline")
    rows = [
        (
            "Radio sweep",
            f"{heard_text(content)}"
            + (f", {span_hz(heard) / 1e6:.4g} MHz in all" if heard else "")
            + f"; {count(content.n_rows, 'pass', 'passes')}",
        ),
        ("Position of the antenna", recorded(content.start.get("position"))),
        ("Compared with", "nothing" if baseline is None else f"baseline {baseline}"),
        ("Checks that are not radio", checks_done(content)),
        ("False alarms allowed", number(content.document.get("false_alarms_per_sweep"), "a sweep", digits=2)),
        ("Remarks of the judgement", "; ".join(map(str, content.document.get("reasons") or ())) or "none"),
    ]
    said = "The question was whether a radio transmitter was on the air in the room that does not belong there. "
    said += "The sweep answers for the frequencies, the position and the time named here, and for nothing else."
    return [paragraph(said), facts(rows)]


def people_blocks(content: ReportContent) -> list[Block]:
    """Everybody who is named, and for what."""
    rows = [("Carried out the sweep", recorded(content.start.get("operator")))]
    rows += [("At the visit", str(person)) for person in content.start.get("people") or ()]
    deciders = dict.fromkeys(str(entry.get("by")) for entry in content.dispositions)
    rows += [("Decided about findings", name) for name in deciders]
    if content.visit is not None:
        rows.append(("Led through the visit", content.visit.operator))
    seal = None if content.sealed is None else content.sealed.seal
    rows.append(("Sealed the record", NOT_RECORDED if seal is None else recorded(seal.told.signer.identity)))
    note = "Qualification and clearance of the people named are not part of the record."
    return [table(("Part", "Name"), rows, widths=(34, 66)), paragraph(note)]


def clock_blocks(content: ReportContent) -> list[Block]:
    """When it was, by which clock, and what vouches for that."""
    sealed = content.sealed
    seal = None if sealed is None else sealed.seal
    token = None if sealed is None else sealed.token_time
    rows = [
        ("Begin", utc(content.start.get("start_time"))),
        ("End", utc(content.end_time)),
        ("Source of time", "clock of the computer, in UTC" if seal is None else f"{seal.told.clock.source}, in UTC"),
        ("Set by a time service", NOT_RECORDED if seal is None else _SYNCHRONISED[seal.told.clock.synchronized]),
        ("Sealed", NOT_RECORDED if seal is None else utc(seal.told.sealed_at)),
        ("Time token (RFC 3161)", "none" if token is None else f"{utc(token)}, of a time authority over the signature"),
    ]
    lines = [
        "Times within the sweep are those of the computer, with a monotonic clock beside them that no setting changes.",
        "A time token proves that the seal existed by then; it does not prove when the sweep began."
        if token is not None
        else "No independent proof of time is at hand: the times rest on the clock of the computer alone.",
    ]
    return [facts(rows), bullets(lines)]
