"""The annex: what is known is told with its source, what is not is "not recorded", nothing is made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from report_records import BUGS_HZ, DISPOSITION, document, finding, make_record
from seals import IDENTITY, make_signer, request_of

from baselines.learning import learn
from baselines.store import BaselineStore
from reports.content import ReportContent, from_record
from reports.content.annex import annex_sections
from reports.content.recommendations import recommendations, retest, to_do
from sweep.guided.log import DONE, SKIPPED, VisitLog, VisitPlanned
from sweep.record import SweepRecord
from sweep.seal.sealing import seal_record
from sweep.workspace import Workspace

PEOPLE = ("A. Smith (technician, Sweeps)", "M. Okafor (client, Example SE)", "L. Janssen (witness)")


def told(content: ReportContent, title: str) -> str:
    """All words of a section."""
    (found,) = (part for part in annex_sections(content) if part.title == title)
    return json.dumps(msgspec.to_builtins(found), ensure_ascii=False)


def rows_of(content: ReportContent, title: str, index: int = 0) -> dict[str, str]:
    """Names and values of the first facts of a section."""
    (found,) = (part for part in annex_sections(content) if part.title == title)
    facts = [block for block in msgspec.to_builtins(found)["blocks"] if block["kind"] == "facts"]
    return dict(facts[index]["rows"])


@pytest.fixture
def content(tmp_path: Path) -> ReportContent:
    with make_record(tmp_path) as record:
        return from_record(record, [DISPOSITION])


def test_a_bare_record_says_what_is_not_recorded(content: ReportContent) -> None:
    for title, name in (
        ("Identity", "Client"),
        ("Identity", "Address"),
        ("Time and clock", "Set by a time service"),
        ("Scope", "Checks that are not radio"),
        ("Recommendations and retest", "Retest date"),
    ):
        assert rows_of(content, title)[name].startswith("not recorded"), (title, name)
    assert "The record is not sealed" in told(content, "Seal")
    assert "its file is not in this workspace" in told(content, "Baseline")
    assert "Levels at other positions are not recorded." in told(content, "Positions")
    whole = json.dumps(msgspec.to_builtins(annex_sections(content)))
    assert "None" not in whole.replace("None.", "").replace("None is open", "")
    assert "clean" not in whole
    assert "secure" not in whole.replace("secure areas", "")


def test_no_baseline_is_said_without_a_guess(content: ReportContent) -> None:
    without = replace(content, document=document(baseline=None), compared=None)
    assert "was not compared with a baseline" in told(without, "Baseline")
    assert any(step.startswith("Learn a baseline") for step in to_do(without))


def learnt(tmp_path: Path) -> tuple[Path, str]:
    """Folder of a room with a baseline of one record, and its id."""
    folder = tmp_path / "before"
    folder.mkdir()
    bursts = ("burst_8", "burst_8x4", "burst_64", "burst_512")
    make_record(folder, room="lab", absent=bursts).close()
    baseline = learn([folder / "sweep.h5"], tmp_path / "room", room="lab", created="2026-11-20T00:00:00Z", parent=None)
    return tmp_path / "room", baseline.id


def test_the_baseline_is_named_with_hash_age_visits_and_fitness(tmp_path: Path) -> None:
    room, name = learnt(tmp_path)
    with make_record(tmp_path, document(baseline=name), room="lab") as record:
        content = from_record(record, room_folder=room)
    assert content.compared is not None
    assert content.compared.trouble is None
    rows = rows_of(content, "Baseline")
    path = BaselineStore(room).file(name)
    assert path is not None
    assert rows["SHA-256 of its file"] == str(content.compared.sha256)
    assert rows["Age at the sweep"].startswith("0.0 days")
    assert rows["Fit for this sweep"].startswith("compatible")
    assert rows["Quality"] == "poor"  # of one visit
    assert "of one visit only" in told(content, "Baseline")
    path.write_bytes(b"torn")
    with SweepRecord.open(tmp_path / "sweep.h5") as record:
        damaged = from_record(record, room_folder=room)
    assert "not a readable baseline" in told(damaged, "Baseline")
    assert str(tmp_path) not in told(damaged, "Baseline")
    assert "Age at the sweep" not in rows_of(damaged, "Baseline")


def test_a_sealed_record_has_clock_signer_and_digest(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    with make_record(workspace.sweeps) as record:
        path = record.path
    seal = seal_record(path, request_of(workspace, make_signer(), path))
    with SweepRecord.open(path) as record:
        content = from_record(record)
    rows = rows_of(content, "Seal")
    assert rows["Digest of the seal"] == seal.digest
    assert rows["By"].startswith(IDENTITY)
    assert rows["Time token (RFC 3161)"] == "none"
    assert rows_of(content, "Time and clock")["Source of time"] == "clock of the computer, in UTC"
    assert seal.digest in told(content, "Evidence")
    assert str(content.record_sha256) in told(content, "Evidence")
    assert any("no time token" in step.basis for step in recommendations(content))


def test_checks_of_a_visit_reach_scope_controls_and_recommendations(content: ReportContent, tmp_path: Path) -> None:
    planned = VisitPlanned(
        outside=None, positions=("table",), stimuli=(), source=(), ranges=(), passes=None, camp_s=None
    )
    log = VisitLog.begin(tmp_path / "room", planned, by="A. Smith")
    steps = {step.id: step for step in log.steps}
    log.add(steps["check:search"], DONE, "nothing found")
    log.add(steps["check:lines"], SKIPPED, "no access to the cabinet")
    visited = replace(content, visit=log.told())
    assert rows_of(visited, "Scope")["Checks that are not radio"] == "physical search"
    controls = told(visited, "Controls")
    assert "Physical search: done (nothing found)" in controls
    assert "alarm wiring: not done (no access to the cabinet)" in controls
    (rest,) = (step.basis for step in recommendations(visited) if step.text.startswith("Complete the picture"))
    assert "lines" in rest
    assert "physical search" not in rest


@pytest.mark.parametrize(
    ("days", "said"),
    [(180, "2027-05-17, 180 days after this sweep as agreed"), (None, "not recorded: no interval was agreed")],
)
def test_the_retest_date_is_the_one_that_was_agreed(content: ReportContent, days: int | None, said: str) -> None:
    start = {**content.start, "start_time": "2026-11-18T11:06:40Z", "retest_days": days}
    agreed = replace(content, start=start)
    assert retest(agreed) == said
    assert said in told(agreed, "Recommendations and retest")


def test_expired_calibration_is_recommended_to_renew(content: ReportContent) -> None:
    item = {"kind": "receiver", "name": "dongle 1", "calibration_due": "2026-02-01", "calibration_expired": True}
    expired = replace(content, start={**content.start, "equipment": [item]})
    assert "2026-02-01: EXPIRED" in told(expired, "Equipment and calibration")
    steps = {step.text: step for step in recommendations(expired)}
    assert "Have the receiver dongle 1 calibrated." in steps
    assert "Have the receiver dongle 1 calibrated." not in to_do(expired)


def test_decisions_are_all_there_and_open_ones_named(content: ReportContent) -> None:
    again = {**DISPOSITION, "as": "suspicious", "by": "B. Jones", "reason": "nobody owns it"}
    text = told(replace(content, dispositions=(DISPOSITION, again)), "Decisions")
    assert "door opener" in text
    assert "nobody owns it" in text
    assert "B. Jones" in text
    assert "Open, nobody has decided: F2." in text


def test_lines_to_sign_name_those_who_were_there(content: ReportContent) -> None:
    text = told(replace(content, start={**content.start, "operator": "A. Smith", "people": PEOPLE}), "Signatures")
    assert '{"role": "Technician", "name": "A. Smith"}' in text
    assert '{"role": "Client", "name": "M. Okafor"}' in text
    assert '{"role": "Witness", "name": "L. Janssen"}' in text
    assert '{"role": "Client", "name": ""}' in told(content, "Signatures")


def test_segments_are_listed_one_by_one(content: ReportContent) -> None:
    text = told(content, "Acquisition")
    assert "100 to 101.918 MHz" in text
    assert "433 to 434.918 MHz" in text
    assert "29.7 dB" in text


def test_levels_at_positions_are_in_a_table(content: ReportContent) -> None:
    places: list[dict[str, Any]] = [
        {"position": "table", "record": None, "power_dbfs": -42.4, "limit_dbfs": None},
        {"position": "window", "record": "lab-2.h5", "power_dbfs": None, "limit_dbfs": -61.0},
    ]
    judged = document(findings=[finding("F1", BUGS_HZ[0], "high", positions=places)])
    text = told(replace(content, document=judged), "Positions")
    assert '"F1", "100.600 MHz"' in text
    assert '"window", "not heard, below -61.0 dBFS", "lab-2.h5"' in text
