"""The history of a room composed for the page, as a report of a sweep is."""

from __future__ import annotations

from typing import Any

import msgspec

from baselines.chronicle import Change, EmitterTold, RecordTold, RoomChronicle
from reports.content.blocks import (
    Block,
    Section,
    bullets,
    facts,
    figure,
    paragraph,
    section,
    subheading,
    table,
    together,
)
from reports.content.wording import EXERCISE, bandwidth, count, frequency, listed, recorded, utc
from reports.figures.style import svg_text
from reports.history.grid import MOST_EMITTERS, MOST_VISITS, grid_figure
from reports.history.wording import change_text, emitter_name, sight_text, visit_name
from sweep import __version__
from sweep.units import iso_utc

__all__ = ["compose_history", "draw_history"]

_MOST_NAMES, _MOST_PAGES = 8, 60
_GROUPS = (
    ("appeared", "Appeared", "Heard for the first time, after a visit that measured there and did not hear it."),
    ("listed", "Listed for the first time", "There was power on its frequency before, which was not listed."),
    ("returned", "Heard again", "Not heard in between."),
    ("vanished", "Not heard any more", "It may be gone, off at the time, or weaker than the sweep could hear."),
    ("level", "Changed in level", "At the same position and gain, by more than the levels are uncertain."),
    ("signal_type", "Changed in kind of signal", ""),
    ("decision", "Decided otherwise", ""),
)


def compose_history(chronicle: RoomChronicle) -> dict[str, Any]:
    """Put the texts together, with the keys that `reports.content.document.compose` gives."""
    visits = chronicle.visits
    last = visits[-1].records[-1]
    first_page = [*_changes(chronicle), section("The visits at a glance", _grid(chronicle))]
    return {
        "title": "Room history",
        "room": chronicle.room,
        "date": utc(iso_utc(last.start_ns)),
        "heading": chronicle.room,
        "about": [
            f"since {iso_utc(chronicle.since_ns)[:10]}",
            count(len(visits), "visit"),
            count(_n_records(chronicle), "record"),
        ],
        "record": f"{visits[0].records[0].path.name} to {last.path.name}",
        "software": f"quietroom {__version__}",
        "exercise": EXERCISE if chronicle.synthetic else "",
        "answer": _answer(chronicle),
        "client": msgspec.to_builtins(first_page),
        "first_page": len(first_page),
        "annex": msgspec.to_builtins(_annex(chronicle)),
    }


def draw_history(chronicle: RoomChronicle) -> dict[str, str]:
    """Draw every figure that `compose_history` refers to, as SVG text by name."""
    drawn = grid_figure(chronicle)
    return {} if drawn is None else {"history": svg_text(drawn, "history")}


def _answer(chronicle: RoomChronicle) -> dict[str, Any]:
    n_visits = len(chronicle.visits)
    appeared, vanished = (len(_with(chronicle, kind)) for kind in ("appeared", "vanished"))
    if n_visits == 1:
        verdict = "One visit: there is nothing to compare it with yet."
    elif not chronicle.emitters:
        verdict = "No emitter was listed at any of these visits."
    elif not any(emitter.changes for emitter in chronicle.emitters):
        verdict = "No change was found between these visits."
    else:
        emitters = count(len(chronicle.emitters), "emitter")
        verdict = f"{emitters} over {n_visits} visits: {appeared} appeared, {vanished} not heard any more."
    basis = (
        "Emissions of different visits are taken for one emitter by frequency and width, as well as each is known. A "
        "visit that did not measure the band of an emitter says so, and never that it was absent. What was not heard "
        "may have been off, or too weak."
    )
    remarks = [f"{text}." for text in chronicle.troubles]
    if chronicle.unread:
        n_unread = len(chronicle.unread)
        are = "1 record could not be read and is" if n_unread == 1 else f"{n_unread} records could not be read and are"
        remarks.insert(0, f"{are} left out; the annex says why.")
    return {
        "question": f"What changed on the air in the room \u201c{chronicle.room}\u201d from visit to visit?",
        "verdict": verdict,
        "tone": "alert" if _with(chronicle, "appeared") else "calm" if n_visits > 1 else "unsure",
        "basis": basis,
        "remarks": remarks,
    }


def _changes(chronicle: RoomChronicle) -> list[Section]:
    items = []
    for kind, title, note in _GROUPS:
        told = _with(chronicle, kind)
        if told:
            names = listed(
                [f"{emitter_name(one)} on {visit_name(chronicle, change.visit)}" for one, change in told],
                most=_MOST_NAMES,
            )
            items.append((f"{title}.", f"{names}. {note}".strip()))
    return [section("What changed", [bullets(items)])] if items else []


def _with(chronicle: RoomChronicle, kind: str) -> list[tuple[EmitterTold, Change]]:
    """Emitters with a change of a kind, each with the latest such change."""
    told = []
    for emitter in chronicle.emitters:
        changes = [change for change in emitter.changes if change.kind == kind]
        if changes:
            told.append((emitter, changes[-1]))
    return told


def _grid(chronicle: RoomChronicle) -> list[Block]:
    if not chronicle.emitters:
        return [paragraph("Nothing was listed at any visit.")]
    said = [
        f"{emitter_name(one)}: {listed([sight_text(sight) for sight in one.sights], most=MOST_VISITS)}"
        for one in chronicle.emitters[:_MOST_NAMES]
    ]
    caption = "Each row is an emitter, each column a visit. Lines join visits at which it was heard."
    rest = len(chronicle.emitters) - MOST_EMITTERS
    if rest > 0:
        caption += f" {count(rest, 'emitter')} of less weight {'is' if rest == 1 else 'are'} in the annex."
    if len(chronicle.visits) > MOST_VISITS:
        caption += f" The latest {MOST_VISITS} visits."
    return [figure("history", caption, f"Emitters by visits. {'. '.join(said)}.")]


def _annex(chronicle: RoomChronicle) -> list[Section]:
    return [
        section("Visits", [_visits(chronicle)]),
        section("Emitters", _emitters(chronicle)),
        section("Records that could not be read", _unread(chronicle)),
        section("How emitters are told apart", [bullets(_METHOD)]),
    ]


_METHOD = (
    "Two emissions are one emitter where their centres lie within half the larger bandwidth, or within 3 bins and "
    "what the frequencies may be off, and their widths differ by a factor of 2 at most.",
    "Frequencies may be off by 1 ppm where both sweeps were brought onto the room's baseline, 5 ppm between sweeps of "
    "one dongle, 50 ppm else. \u201cPerhaps another\u201d marks where more than one pair was possible.",
    "\u201cPower there, not listed\u201d: the record holds power on that frequency, and the sweep did not list it. It "
    "was as the baseline has it, or too weak or too rare to be listed; or it is another transmitter.",
    "\u201cNot heard\u201d comes with the level from which that sweep finds a narrowband transmitter nine times of "
    "ten. A transmitter that is weaker, or that was off, is not heard.",
    "\u201cNot measured\u201d: no sweep of that visit listened there, or the receiver was overloaded. It says nothing.",
    "Levels are compared at one position and one gain only, and told where they differ by 3 dB and by more than both "
    "are uncertain; by 6 dB where that is not known.",
    "Every row of every record was held against its hash. Whether a seal holds, quietroom verify says.",
)


def _visits(chronicle: RoomChronicle) -> Block:
    rows = []
    for number, visit in enumerate(chronicle.visits):
        for index, record in enumerate(visit.records):
            rows.append((visit_name(chronicle, number) if not index else "", *_record_row(record)))
    head = ("Visit", "Record", "Position", "Baseline", "Verdict", "Found", "Sealed")
    return table(head, rows, widths=(13, 27, 15, 16, 15, 7, 7), right=(5,))


def _record_row(record: RecordTold) -> tuple[str, ...]:
    return (
        record.path.name,
        recorded(record.position),
        record.baseline or "none",
        record.verdict.replace("_", " "),
        str(len(record.findings)),
        "yes" if record.is_sealed else "no",
    )


def _emitters(chronicle: RoomChronicle) -> list[Block]:
    blocks: list[Block] = []
    for emitter in chronicle.emitters[:_MOST_PAGES]:
        blocks.append(together(_emitter(chronicle, emitter)))
    rest = len(chronicle.emitters) - _MOST_PAGES
    if rest > 0:
        blocks.append(
            paragraph(f"{count(rest, 'further emitter')} of less weight: the JSON of this history holds all.")
        )
    return blocks or [paragraph("None.")]


def _emitter(chronicle: RoomChronicle, emitter: EmitterTold) -> list[Block]:
    told = [
        ("Bandwidth", bandwidth(emitter.occupied_bw_hz)),
        ("Known as", emitter.known_as or "not in the list of known emitters"),
        ("Numbers in the room's register", listed(emitter.numbers) if emitter.numbers else "none"),
        ("Latest decision", _decision(emitter)),
    ]
    changes: list[list[str]] = [[] for _ in emitter.sights]
    for change in emitter.changes:
        changes[change.visit].append(change_text(change))
    rows = [
        (visit_name(chronicle, visit), sight_text(sight), recorded(sight.position), "; ".join(changes[visit]))
        for visit, sight in enumerate(emitter.sights)
    ]
    return [
        subheading(f"{emitter.id}: {frequency(emitter.center_freq_hz)}", emitter.threat or ""),
        facts(told, columns=2),
        table(("Visit", "State", "Position", "Change"), rows, widths=(15, 38, 17, 30)),
    ]


def _decision(emitter: EmitterTold) -> str:
    line = emitter.decision
    if line is None:
        return "open: nobody has decided"
    return f"{line['as']} by {recorded(line.get('by'))}, {utc(line.get('time'))}: {recorded(line.get('reason'))}"


def _unread(chronicle: RoomChronicle) -> list[Block]:
    if not chronicle.unread:
        return [paragraph("None.")]
    return [table(("Record", "Reason"), chronicle.unread, widths=(30, 70))]


def _n_records(chronicle: RoomChronicle) -> int:
    return sum(len(visit.records) for visit in chronicle.visits)
