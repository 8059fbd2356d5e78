"""The register of a room's emitters: a number stays with its emitter over sweeps, positions, visits and records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.register import EmitterRegister
from dsp.errors import RecordError
from sweep.cli.main import main
from sweep.room_records import count_visits
from sweep.units import iso_utc, parse_utc
from sweep.workspace import Workspace

DAY_NS, HOUR_NS = 86_400 * 10**9, 3600 * 10**9
START_NS = parse_utc("2026-11-02T09:00:00Z")
BIN_HZ = 2500.0


def found(center_hz: float, width_hz: float = 12_000, *, kind: str = "new", at_ns: int = START_NS) -> dict[str, Any]:
    seen = iso_utc(at_ns + 10**9)
    return {
        "kind": kind,
        "center_freq_hz": round(center_hz),
        "occupied_bw_hz": round(width_hz),
        "power_dbfs": -50.0,
        "first_seen": None if kind == "missing" else seen,
        "last_seen": None if kind == "missing" else seen,
        "visits": 1,
    }


def enter(
    register: EmitterRegister, *findings: dict[str, Any], at_ns: int = START_NS, position: str | None = None
) -> Any:
    return register.enter(findings, start_ns=at_ns, position=position, bin_width_hz=BIN_HZ)


def names(findings: Any) -> list[str | None]:
    return [finding["emitter"] for finding in findings]


@pytest.fixture
def register(tmp_path: Path) -> EmitterRegister:
    return EmitterRegister(tmp_path / "lab")


def test_numbers_stay_over_visits(register: EmitterRegister) -> None:
    assert names(enter(register, found(434e6), found(98e6, 180_000))) == ["E1", "E2"]
    later = START_NS + 3 * DAY_NS
    again = enter(
        register,
        found(435e6, at_ns=later),
        found(98.05e6, 120_000, at_ns=later),
        found(434.007e6, at_ns=later),
        at_ns=later,
    )
    assert names(again) == ["E3", "E2", "E1"]
    assert [finding["visits"] for finding in again] == [1, 2, 2]
    assert [finding["first_seen"] for finding in again] == [
        iso_utc(later + 10**9),
        iso_utc(START_NS + 10**9),
        iso_utc(START_NS + 10**9),
    ]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((434e6, 12_000), (434e6 + 7_900, 12_000), True),
        ((434e6, 12_000), (434e6 + 8_000, 12_000), False),
        ((98e6, 180_000), (98e6 + 89_000, 180_000), True),
        ((98e6, 180_000), (98e6 + 91_000, 180_000), False),
        ((434e6, 12_000), (434e6, 24_000), True),
        ((434e6, 12_000), (434e6, 25_000), False),
        ((434e6, 2_000), (434e6, 4_400), True),
        ((434e6, 180_000), (434e6, 12_000), False),
    ],
)
def test_what_is_the_same_emitter(
    register: EmitterRegister, first: tuple[float, float], second: tuple[float, float], same: bool
) -> None:
    enter(register, found(*first))
    assert (names(enter(register, found(*second), at_ns=START_NS + DAY_NS)) == ["E1"]) == same


def test_two_findings_never_share_a_number(register: EmitterRegister) -> None:
    enter(register, found(434e6))
    both = enter(register, found(434.006e6), found(434.001e6), at_ns=START_NS + DAY_NS)
    assert names(both) == ["E2", "E1"]
    assert names(enter(register, found(434.001e6), found(434.006e6), at_ns=START_NS + 2 * DAY_NS)) == ["E1", "E2"]


def test_the_same_sweep_changes_nothing(register: EmitterRegister) -> None:
    once = enter(register, found(434e6), found(98e6), position="table")
    written = register.path.read_bytes()
    assert enter(register, found(434e6), found(98e6), position="table") == once
    enter(register, found(434e6, at_ns=START_NS + DAY_NS), at_ns=START_NS + DAY_NS)
    assert enter(register, found(434e6), found(98e6), position="table") == once
    assert register.path.read_bytes().startswith(written)
    assert len(register.sightings()) == 3
    outside = enter(register, found(434e6), position="outside", at_ns=START_NS + HOUR_NS)
    assert (names(outside), outside[0]["visits"]) == (["E1"], 1)


def test_a_sighting_keeps_how_well_its_level_is_known(register: EmitterRegister) -> None:
    told = {"expanded": 1.5, "coverage_factor": 2.0, "statistical": 0.75, "gain": None, "antenna": None}
    enter(register, {**found(434e6), "power_uncertainty_db": told}, found(98e6))
    assert [one.power_expanded_uncertainty_db for one in register.sightings()] == [1.5, None]


def test_what_is_missing_is_looked_up_and_not_entered(register: EmitterRegister) -> None:
    gone = found(434e6, kind="missing")
    assert names(enter(register, gone)) == [None]
    assert register.sightings() == []
    enter(register, found(434e6))
    (finding,) = enter(register, gone, at_ns=START_NS + DAY_NS)
    assert finding == {**gone, "emitter": "E1"}
    assert len(register.sightings()) == 1


def test_what_was_not_confirmed_is_numbered_and_counted(register: EmitterRegister) -> None:
    """A number stays whether it is a finding or not, and the sightings say which it was."""
    both = register.enter(
        [found(434e6), found(98e6, 180_000)], start_ns=START_NS, position=None, bin_width_hz=BIN_HZ, n_unconfirmed=1
    )
    assert names(both) == ["E1", "E2"]
    later = START_NS + DAY_NS
    swapped = register.enter(
        [found(98e6, 180_000, at_ns=later), found(434e6, at_ns=later)],
        start_ns=later,
        position=None,
        bin_width_hz=BIN_HZ,
        n_unconfirmed=1,
    )
    assert [(item["emitter"], item["visits"]) for item in swapped] == [("E2", 2), ("E1", 2)]
    sighted = [(item.emitter, item.confirmed) for item in register.sightings()]
    assert sighted == [("E1", True), ("E2", False), ("E2", True), ("E1", False)]
    assert register.path.read_text(encoding="utf-8").count("confirmed") == 2  # findings are written as they were


def test_looking_up_writes_nothing(register: EmitterRegister) -> None:
    assert names(register.look_up([found(434e6)], start_ns=START_NS, bin_width_hz=BIN_HZ)) == [None]
    assert not register.exists
    enter(register, found(434e6))
    held = register.path.read_bytes()
    looked = register.look_up([found(434e6), found(435e6)], start_ns=START_NS, bin_width_hz=BIN_HZ)
    assert names(looked) == ["E1", None]
    assert register.path.read_bytes() == held


@given(st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=6, unique=True), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_whatever_comes_a_sweep_entered_again_is_as_it_was(tmp_path_factory: Any, sweeps: list[list[int]]) -> None:
    register = EmitterRegister(tmp_path_factory.mktemp("r") / "lab")
    told = []
    for number, places in enumerate(sweeps):
        at_ns = START_NS + number * DAY_NS
        findings = [found(430e6 + 3000 * place, at_ns=at_ns) for place in places]
        told.append(enter(register, *findings, at_ns=at_ns))
        assert len(set(names(told[-1]))) == len(places)
    for number, before in enumerate(told):
        bare = [{key: value for key, value in finding.items() if key != "emitter"} for finding in before]
        assert names(enter(register, *bare, at_ns=START_NS + number * DAY_NS)) == names(before)


def test_visits_are_counted_from_their_first_sweep() -> None:
    assert count_visits([]) == 0
    assert count_visits([0, 11 * HOUR_NS, 13 * HOUR_NS, 24 * HOUR_NS]) == 2
    assert count_visits([5 * DAY_NS, 0]) == 2


def test_a_damaged_register_says_how_to_make_it_anew(register: EmitterRegister) -> None:
    enter(register, found(434e6))
    enter(register, found(98e6), at_ns=START_NS + DAY_NS)
    text = register.path.read_text(encoding="utf-8")
    register.path.write_text(text.replace("434000000", "434000001"), encoding="utf-8")
    with pytest.raises(RecordError, match=r"line 1 was altered.*quietroom emitters lab --rebuild"):
        register.sightings()


SCENE = """\
schema = "quietroom.scene/1"
title = "Two carriers"
start = 2026-03-02T09:00:00Z
ranges = ["434M:435M"]

[[emitters]]
name = "steady"
kind = "nfm"
center_freq_hz = [434_420_000, 435_410_000]
power_dbfs = -45.0
"""
SWEEP = ("sweep", "lab", "--range", "434M:435M", "--passes", "3", "--source")


def test_with_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace.create(tmp_path)
    result = tmp_path / "result.json"

    def run(*words: str) -> Any:
        assert main(["--workspace", str(tmp_path), *words, "--json", str(result)]) in (0, 3)
        return json.loads(result.read_text(encoding="utf-8"))

    scene = tmp_path / "scene.toml"
    scene.write_text(SCENE, encoding="utf-8")
    heard = [run(*SWEEP, f"sim:{scene}?visit={visit}") for visit in (0, 1)]
    assert [finding["visits"] for finding in heard[0]["findings"]] == [1] * len(heard[0]["findings"])
    (bug,) = (item for item in heard[1]["findings"] if abs(item["center_freq_hz"] - 434_420_000) < 20_000)
    assert bug["visits"] == 2
    assert bug["first_seen"] < heard[1]["findings"][0]["last_seen"]
    assert bug["emitter"] in names(heard[0]["findings"])
    register = workspace.room("lab") / "emitters.jsonl"
    held = register.read_bytes()
    assert run("findings", heard[1]["record"])["findings"] == heard[1]["findings"]
    assert run("compare", heard[1]["record"], "--baseline", "none")["findings"] == heard[1]["findings"]
    assert register.read_bytes() == held
    listed = run("emitters", "lab")["emitters"]
    assert [item["emitter"] for item in listed] == [f"E{number + 1}" for number in range(len(listed))]
    register.unlink()
    capsys.readouterr()
    again = run("compare", heard[1]["record"], "--baseline", "none")
    assert "was made anew from 2 records" in capsys.readouterr().err
    assert again["findings"] == heard[1]["findings"]
    register.write_bytes(register.read_bytes()[1:])
    assert main(["--workspace", str(tmp_path), *SWEEP, f"sim:{scene}?visit=2"]) == 2
    assert "quietroom emitters lab --rebuild" in capsys.readouterr().err
    assert len(list(workspace.sweeps.glob("*.h5"))) == 2
    assert run("emitters", "lab", "--rebuild")["emitters"] == listed
    printed = capsys.readouterr().out
    assert "emitters.old1.jsonl" in printed
    assert max(map(len, [line for line in printed.splitlines() if "kept as" not in line])) <= 100
