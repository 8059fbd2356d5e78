"""One emitter at several positions of a visit: what is stronger inside than outside is in the room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.cli.main import main
from sweep.room_records import room_records, same_visit
from sweep.units import parse_utc
from sweep.workspace import Workspace

SCENE = """\
schema = "quietroom.scene/1"
title = "Two positions"
seed = 5
start = 2026-03-02T{time}Z
ranges = ["430M:440M"]

[receiver]
noise_dbfs_per_hz = -103.0

[[emitters]]
name = "repeater"
kind = "carrier"
center_freq_hz = 439_125_000
power_dbfs = -50.0

[[bugs]]
name = "in-room"
kind = "nfm"
center_freq_hz = 434_620_000
power_dbfs = {in_room}

[[bugs]]
name = "street"
kind = "nfm"
center_freq_hz = 436_620_000
power_dbfs = {street}

[[bugs]]
name = "hidden"
kind = "nfm"
center_freq_hz = 432_620_000
power_dbfs = {hidden}
"""
LEVELS = {"inside": (-45.0, -50.0, -55.0), "outside": (-57.0, -42.0, -100.0)}
PLACES_HZ = (434_620_000, 436_620_000, 432_620_000)


class Job:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace.create(root / "ws")

    def scene(self, place: str, time: str) -> str:
        in_room, street, hidden = LEVELS[place]
        path = self.root / f"{place}-{time.replace(':', '')}.toml"
        path.write_text(SCENE.format(time=time, in_room=in_room, street=street, hidden=hidden), encoding="utf-8")
        return f"sim:{path}"

    def run(self, *words: str) -> Any:
        result = self.root / "result.json"
        result.unlink(missing_ok=True)
        assert main(["--workspace", str(self.workspace.root), *words, "--json", str(result)]) in (0, 3)
        return json.loads(result.read_text(encoding="utf-8"))

    def sweep(self, source: str, *words: str, ranges: str = "430M:440M") -> Any:
        return self.run("sweep", "lab", "--source", source, "--range", ranges, "--passes", "3", *words)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A room with a baseline; at the third visit it is swept from outside first."""
    job = Job(tmp_path_factory.mktemp("positions"))
    source = job.scene("inside", "09:00:00")
    clean = [job.sweep(f"{source}?visit={visit}", "--baseline", "none")["record"] for visit in (0, 1)]
    job.run("baseline", "learn", "lab", *clean)
    return job


@pytest.fixture(scope="module")
def outside(job: Job) -> Any:
    source = job.scene("outside", "08:00:00")
    return job.sweep(f"{source}?visit=2&bugs=all", "--position", "Outside, corridor", "--gain", "24")


@pytest.fixture(scope="module")
def inside(job: Job, outside: Any) -> Any:
    assert outside["verdict"] == "anomalies"
    return job.sweep(f"{job.scene('inside', '09:00:00')}?visit=2&bugs=all", "--position", "table")


def at(document: Any, place_hz: float) -> dict[str, Any]:
    (finding,) = (item for item in document["findings"] if abs(item["center_freq_hz"] - place_hz) < 10_000)
    return dict(finding)


def test_levels_are_compared_on_one_gain(outside: Any, inside: Any) -> None:
    in_room, street, hidden = (at(inside, hz) for hz in PLACES_HZ)
    assert inside["outside_record"] == Path(outside["record"]).name
    assert any(Path(outside["record"]).stem in reason for reason in inside["reasons"])
    assert in_room["inside_minus_outside_db"] == pytest.approx(12, abs=1.5)
    assert street["inside_minus_outside_db"] == pytest.approx(-8, abs=1.5)
    difference_db = in_room["power_dbfs"] - in_room["outside_dbfs"]
    assert in_room["inside_minus_outside_db"] == pytest.approx(difference_db, abs=0.01)
    assert (in_room["outside_limit_dbfs"], in_room["inside_minus_outside_at_least_db"]) == (None, None)
    assert (hidden["outside_dbfs"], hidden["inside_minus_outside_db"]) == (None, None)
    assert 5 < hidden["inside_minus_outside_at_least_db"] < 45
    at_least_db = hidden["power_dbfs"] - hidden["outside_limit_dbfs"]
    assert hidden["inside_minus_outside_at_least_db"] == pytest.approx(at_least_db, abs=0.01)


def test_stronger_inside_is_evidence_for_and_weaker_against(inside: Any) -> None:
    reasons = ["; ".join(at(inside, hz)["threat"]["reasons"]) for hz in PLACES_HZ]
    assert "dB stronger here than outside" in reasons[0]
    assert "dB weaker here than outside" in reasons[1]
    assert "not heard outside" in reasons[2]
    assert at(inside, PLACES_HZ[0])["threat"]["level"] == "high"
    scores = [at(inside, hz)["threat"]["score"] for hz in PLACES_HZ]
    assert scores[1] < min(scores[0], scores[2]) - 1
    assert [item["id"] for item in inside["findings"]] == ["F1", "F2", "F3"]
    ordered = [item["threat"]["score"] for item in inside["findings"]]
    assert ordered == sorted(ordered, reverse=True)


def test_each_position_of_the_visit_is_listed(job: Job, outside: Any, inside: Any) -> None:
    finding = at(inside, PLACES_HZ[0])
    name = Path(outside["record"]).name
    assert [(item["position"], item["record"]) for item in finding["positions"]] == [
        ("table", None),
        ("Outside, corridor", name),
    ]
    assert finding["positions"][1]["power_dbfs"] == finding["outside_dbfs"]
    assert finding["positions"][0]["power_uncertainty_db"] == finding["power_uncertainty_db"]
    told = finding["outside_uncertainty_db"]
    assert finding["positions"][1]["power_uncertainty_db"] == told
    assert told["expanded"] == pytest.approx(2 * told["statistical"], abs=0.02)
    assert at(inside, PLACES_HZ[2])["outside_uncertainty_db"] is None, "it was not heard there"
    assert finding["emitter"] == at(outside, PLACES_HZ[0])["emitter"]
    assert finding["visits"] == 1
    assert at(outside, PLACES_HZ[0])["outside_dbfs"] is None
    window = job.sweep(f"{job.scene('inside', '09:30:00')}?visit=2&bugs=all", "--position", "window")
    assert [item["position"] for item in at(window, PLACES_HZ[0])["positions"]] == [
        "window",
        "table",
        "Outside, corridor",
    ]
    assert at(window, PLACES_HZ[0])["positions"][1]["power_dbfs"] == pytest.approx(finding["power_dbfs"], abs=0.7)
    assert window["outside_record"] == name


def test_of_another_day_only_when_it_is_given(job: Job, outside: Any, capsys: pytest.CaptureFixture[str]) -> None:
    later = job.sweep(f"{job.scene('inside', '09:00:00')}?visit=4&bugs=all", "--position", "table")
    assert later["outside_record"] is None
    assert at(later, PLACES_HZ[0])["outside_dbfs"] is None
    assert len(at(later, PLACES_HZ[0])["positions"]) == 1
    again = job.run("compare", later["record"], "--outside", outside["record"])
    assert again["outside_record"] == Path(outside["record"]).name
    assert at(again, PLACES_HZ[0])["inside_minus_outside_db"] == pytest.approx(12, abs=2)
    other = job.run("sweep", "den", "--source", "sim:meeting-room", "--range", "433M:434M", "--passes", "1")
    words = ("compare", later["record"], "--outside", other["record"])
    assert main(["--workspace", str(job.workspace.root), *words]) == 2
    assert "is a sweep of room 'den', not of 'lab'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "ranges"),
    [(("--bin-width", "1250"), "430M:440M"), (("--bin-width", "5k"), "430M:440M"), ((), "433M:434.9M")],
)
def test_another_plan_outside_is_brought_onto_one_axis(job: Job, words: tuple[str, ...], ranges: str) -> None:
    visit = 10 + len(words) + len(ranges) + len("".join(words))
    source = job.scene("outside", "08:00:00")
    outside = job.sweep(
        f"{source}?visit={visit}&bugs=all", "--position", "outside", "--baseline", "none", *words, ranges=ranges
    )
    inside = job.sweep(f"{job.scene('inside', '09:00:00')}?visit={visit}&bugs=all", "--position", "table")
    assert inside["outside_record"] == Path(outside["record"]).name
    assert at(inside, PLACES_HZ[0])["inside_minus_outside_db"] == pytest.approx(12, abs=1.5)
    street = at(inside, PLACES_HZ[1])
    if ranges == "433M:434.9M":
        assert (street["outside_dbfs"], street["outside_limit_dbfs"]) == (None, None)
    else:
        assert street["inside_minus_outside_db"] == pytest.approx(-8, abs=1.5)


def test_an_outside_sweep_of_other_frequencies_is_refused_with_a_reason(job: Job) -> None:
    job.sweep(f"{job.scene('outside', '08:00:00')}?visit=60", "--position", "outside", ranges="450M:452M")
    inside = job.sweep(f"{job.scene('inside', '09:00:00')}?visit=60&bugs=all")
    assert inside["outside_record"] is None
    assert any("was not compared with: it shares no frequency with this sweep" in item for item in inside["reasons"])
    assert at(inside, PLACES_HZ[0])["outside_dbfs"] is None


def test_records_of_a_visit(job: Job, outside: Any) -> None:
    start_ns = parse_utc("2026-03-04T09:00:00Z")
    near = list(room_records(job.workspace.sweeps, "lab", near_ns=start_ns))
    assert Path(outside["record"]) in [item.path for item in near]
    assert all(same_visit(item.start_ns, start_ns) for item in near)
    everything = list(room_records(job.workspace.sweeps, "lab"))
    assert len(everything) > len(near)
    assert np.all(np.diff([item.start_ns for item in everything]) >= 0)
