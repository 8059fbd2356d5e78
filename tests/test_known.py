"""Known emitters: what they explain, when they stop to, and who said so."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import noise_layout

from baselines.explanation import explain, within
from baselines.known import KnownEmitter, KnownList, room_list, site_list
from dsp.errors import ParameterError, RecordError
from sweep.cli.main import main
from sweep.units import parse_utc
from sweep.workspace import Workspace

SWEPT_NS = parse_utc("2026-11-23T12:00:00Z")
BIN_HZ = 2500.0
RANGE = ["--range", "434M:435M", "--passes", "3"]


def entry(**more: Any) -> KnownEmitter:
    fields: dict[str, Any] = {
        "id": "K1",
        "name": "projector",
        "center_freq_hz": 434_400_000,
        "tolerance_hz": 10_000,
        "bandwidth_hz": 20_000,
        "bandwidth_factor": 2.0,
        "power_dbfs": -40.0,
        "tolerance_db": 6.0,
        "reason": "belongs to the room",
        "by": "A. Smith",
        "expires": None,
        "added": "2026-11-01T09:00:00Z",
    }
    return KnownEmitter(**{**fields, **more})


def finding(**more: Any) -> dict[str, Any]:
    threat = {"level": "medium", "score": -1.0, "reasons": ["-1.0 prior"]}
    fields = {"kind": "new", "center_freq_hz": 434_400_000, "occupied_bw_hz": 20_000, "power_dbfs": -40.0}
    return {**fields, "threat": threat, **more}


def explained(found: dict[str, Any], *known: KnownEmitter) -> dict[str, Any]:
    before = json.dumps(found)
    (result,) = explain([found], known, utc_ns=SWEPT_NS, bin_width_hz=BIN_HZ)
    assert json.dumps(found) == before
    return result


def test_an_entry_explains_what_is_as_it_says() -> None:
    result = explained(finding(center_freq_hz=434_409_000, occupied_bw_hz=39_000, power_dbfs=-45.5), entry())
    assert result["known_as"] == "projector (K1)"
    assert result["threat"]["level"] == "info"
    assert result["threat"]["reasons"][-1] == "-3.0 known as projector (K1): belongs to the room (A. Smith)"


@pytest.mark.parametrize(
    ("found", "known", "reason"),
    [
        ({"power_dbfs": -28.0}, {}, "known as projector (K1), but 12 dB stronger"),
        ({"power_dbfs": -47.0}, {}, "known as projector (K1), but 7 dB weaker"),
        ({"occupied_bw_hz": 60_000}, {}, "known as projector (K1), but 3.0 times as wide"),
        ({"occupied_bw_hz": 5_000}, {}, "known as projector (K1), but 4.0 times narrower"),
        (
            {"occupied_bw_hz": 60_000, "power_dbfs": -28.0},
            {},
            "known as projector (K1), but 12 dB stronger and 3.0 times as wide",
        ),
        ({}, {"expires": "2026-11-22"}, "known as projector (K1) until 2026-11-22: the entry has expired"),
    ],
)
def test_one_that_changed_or_expired_alarms_again(found: dict[str, Any], known: dict[str, Any], reason: str) -> None:
    result = explained(finding(**found), entry(**known))
    assert result["known_as"] is None
    assert result["threat"]["level"] == "medium"
    assert result["threat"]["reasons"][-1].endswith(reason)


@pytest.mark.parametrize(
    ("found", "known"),
    [
        ({}, {"expires": "2026-11-23"}),
        ({"power_dbfs": 0.0}, {"power_dbfs": None, "tolerance_db": None}),
        ({"occupied_bw_hz": 900_000}, {"bandwidth_hz": None, "bandwidth_factor": None}),
        ({"power_dbfs": None, "occupied_bw_hz": None, "kind": "missing"}, {}),
        ({"occupied_bw_hz": 4_900}, {"bandwidth_hz": 2_410}),
    ],
)
def test_what_an_entry_leaves_open_is_not_held_against_it(found: dict[str, Any], known: dict[str, Any]) -> None:
    assert explained(finding(**found), entry(**known))["known_as"] == "projector (K1)"


def test_elsewhere_nothing_is_said() -> None:
    found = finding(center_freq_hz=434_411_000)
    assert explained(found, entry()) == {**found, "known_as": None}


def test_of_several_entries_one_that_explains_wins() -> None:
    louder = entry(id="S2", name="site relay", center_freq_hz=434_405_000, power_dbfs=-20.0)
    assert explained(finding(power_dbfs=-20.0), entry(), louder)["known_as"] == "site relay (S2)"
    neither = explained(finding(power_dbfs=-90.0), louder, entry())
    assert neither["threat"]["reasons"][-1].endswith("known as projector (K1), but 50 dB weaker")


@given(
    off_hz=st.integers(-30_000, 30_000),
    width_hz=st.integers(1, 200_000),
    power_dbfs=st.floats(-100, 0),
    day=st.integers(1, 28),
)
@settings(max_examples=60, deadline=None)
def test_an_entry_explains_just_what_lies_within_it(off_hz: int, width_hz: int, power_dbfs: float, day: int) -> None:
    known = entry(expires=f"2026-11-{day:02d}")
    found = finding(center_freq_hz=434_400_000 + off_hz, occupied_bw_hz=width_hz, power_dbfs=power_dbfs)
    alike = abs(width_hz - 20_000) <= BIN_HZ or 10_000 <= width_hz <= 40_000
    holds = abs(off_hz) <= 10_000 and abs(power_dbfs + 40) <= 6 and alike and day >= 23
    assert (explained(found, known)["known_as"] is not None) == holds


def test_the_snapshot_holds_what_lies_in_the_sweep() -> None:
    layout = noise_layout(2)
    low, high = int(layout.freq_hz[0]), int(layout.freq_hz[-1])
    inside, edge, outside = (
        entry(id=name, center_freq_hz=hz) for name, hz in (("K1", low + 1), ("K2", high + 9_999), ("K3", high + 10_001))
    )
    assert within([inside, edge, outside], layout) == [asdict(inside), asdict(edge)]


@pytest.fixture
def listed(tmp_path: Path) -> KnownList:
    return room_list(tmp_path / "lab")


def test_entries_come_and_go_and_stay_in_the_log(listed: KnownList) -> None:
    first = listed.add(entry())
    second = listed.add(entry(name="clock", bandwidth_hz=None, bandwidth_factor=None, expires="2999-01-01"))
    assert (first.id, second.id) == ("K1", "K2")
    assert replace(first, added="") == entry(added="")
    listed.retire("K1", reason="sold", by="B. Jones")
    assert listed.entries() == [second]
    (_, line), (_, still) = listed.history()
    assert line is not None
    assert (line["reason"], line["by"], still) == ("sold", "B. Jones", None)
    assert listed.add(entry()).id == "K3"
    with pytest.raises(ParameterError, match="lab has no known emitter 'K1'; it has K2, K3"):
        listed.retire("K1", reason="again", by="C")


def test_a_list_that_somebody_edited_is_refused(listed: KnownList, tmp_path: Path) -> None:
    listed.add(entry())
    listed.add(entry(name="clock"))
    text = listed.log.path.read_text(encoding="utf-8")
    listed.log.path.write_text(text.replace("-40.0", "-10.0", 1), encoding="utf-8")
    with pytest.raises(RecordError, match="line 1 was altered"):
        listed.entries()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/known.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match="line 1 is about lab; put the room's own log back"):
        room_list(tmp_path / "other").entries()
    assert site_list(tmp_path).entries() == []


def test_a_line_with_its_hash_that_is_no_entry(listed: KnownList) -> None:
    body = {**asdict(entry()), "action": "add", "center_freq_hz": "x"}
    del body["added"]
    listed.log.append(lambda _: body)
    with pytest.raises(RecordError, match="line 1 is no known emitter"):
        listed.entries()


class Job:
    """Commands in a workspace, and the JSON that they write."""

    def __init__(self, root: Path) -> None:
        self.root = Workspace.create(root).root

    def code(self, *words: str) -> int:
        return main(["--workspace", str(self.root), *words])

    def run(self, *words: str, code: int = 0) -> Any:
        path = self.root / "result.json"
        path.unlink(missing_ok=True)
        assert self.code(*words, "--json", str(path)) == code
        return json.loads(path.read_text(encoding="utf-8"))


def test_the_job_with_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(tmp_path)
    why = ("--reason", "lent by the house", "--by", "A. Smith")
    empty = ("sweep", "lab", *RANGE, "--baseline", "none", "--source")
    clean = [job.run(*empty, f"sim:meeting-room?visit={visit}", code=3)["record"] for visit in (0, 1)]
    job.run("baseline", "learn", "lab", *clean)
    sweep = ("sweep", "lab", "--source", "sim:meeting-room?visit=2&bugs=all", *RANGE)
    before = job.run(*sweep)
    assert before["verdict"] == "anomalies"
    record, names = before["record"], [item["id"] for item in before["findings"]]
    assert names
    added = [job.run("known", "add", "lab", "--name", f"mic {name}", "--from", record, name, *why) for name in names]
    assert [item["id"] for item in added] == [f"K{number + 1}" for number in range(len(names))]
    capsys.readouterr()
    again = job.run("compare", record)
    said = " ".join(capsys.readouterr().out.split())
    assert again["verdict"] == "no_anomaly_detected"
    assert {item["known_as"] for item in again["findings"]} == {
        f"mic {name} (K{n + 1})" for n, name in enumerate(names)
    }
    assert "Known emitters since the record was judged: K1 new" in said
    swept = job.run(*sweep)
    assert swept["verdict"] == "no_anomaly_detected"
    assert swept["known_emitters"] == again["known_emitters"] == added
    assert job.run("findings", swept["record"])["known_emitters"] == added
    for number in range(len(names)):
        job.run("known", "retire", "lab", f"K{number + 1}", *why)
    weak = ("--level", str(added[0]["power_dbfs"] - 12), "--bandwidth", str(added[0]["bandwidth_hz"]))
    job.run("known", "add", "--site", "--name", "relay", "--frequency", str(added[0]["center_freq_hz"]), *weak, *why)
    capsys.readouterr()
    louder = job.run("compare", swept["record"])
    assert louder["verdict"] == "anomalies"
    assert "known as relay (S1), but 12 dB stronger" in " ".join(capsys.readouterr().out.split())
    states = [item["state"] for item in job.run("known", "list", "lab")["known_emitters"]]
    assert states == ["retired"] * len(names) + ["in use"]
    capsys.readouterr()
    assert job.code("known", "list", "--site") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100
    assert job.code("known", "add", "den", "--name", "x", "--from", record, "F1", *why) == 2
    assert "is a sweep of room 'lab', not of 'den'" in capsys.readouterr().err
