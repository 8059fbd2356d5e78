"""The job of a technician and of an analyst, done with the commands."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import h5py
import pytest
from findings_schema import check_printed
from real_clock import REAL_CLOCK
from virtual_dongle.scene import Dongle, Scene

from sweep.cli.main import main
from sweep.record import SweepRecord
from sweep.workspace import Workspace

RANGE = ["--range", "430M:440M"]
FINDINGS_KEYS = {
    "schema",
    "record",
    "room",
    "position",
    "baseline",
    "verdict",
    "reasons",
    "false_alarms_per_sweep",
    "coverage",
    "findings",
}
FINDING_KEYS = {
    "id",
    "kind",
    "center_freq_hz",
    "occupied_bw_hz",
    "power_dbfs",
    "snr_db",
    "excess_db",
    "p_value",
    "first_seen",
    "last_seen",
    "hits",
    "visits",
    "duty_cycle",
    "signal_type",
    "allocation",
    "known_as",
    "artefact_tests",
    "threat",
}
COVERAGE_KEYS = {
    "start_hz",
    "stop_hz",
    "state",
    "noise_floor_dbfs",
    "min_detectable_dbfs",
    "dwell_s",
    "visits",
    "poi",
}


class Job:
    """A workspace, and the commands given in it."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.create(root)
        self.result = root / "result.json"

    def code(self, *words: str) -> int:
        return main(["--workspace", str(self.workspace.root), *words])

    def run(self, *words: str) -> Any:
        """Give a command and read the JSON that it writes."""
        self.result.unlink(missing_ok=True)
        assert self.code(*words, "--json", str(self.result)) in (0, 3)
        result = json.loads(self.result.read_text(encoding="utf-8"))
        check_printed(result)
        return result

    def sweep(self, source: str, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = self.run("sweep", "lab", "--source", source, *RANGE, "--passes", "3", *words)
        return document


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A room with a baseline of two visits, and a third visit with planted bugs."""
    return Job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def learnt(job: Job) -> dict[str, Any]:
    clean = [job.sweep(f"sim:meeting-room?visit={visit}", "--baseline", "none")["record"] for visit in (0, 1)]
    document: dict[str, Any] = job.run("baseline", "learn", "lab", *clean)
    return document


@pytest.fixture(scope="module")
def bugged(job: Job, learnt: dict[str, Any]) -> dict[str, Any]:
    assert learnt
    return job.sweep("sim:meeting-room?visit=2&bugs=all", "--position", "table", "--operator", "A. Tester")


def test_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "ws")]) == 0
    assert main(["--workspace", str(tmp_path / "ws"), "init"]) == 0
    assert "is a Quietroom workspace" in capsys.readouterr().out
    assert main(["init", str(tmp_path / "our room's")]) == 0
    next_words = shlex.split(capsys.readouterr().out.split("then: ")[1])
    assert next_words[:3] == ["quietroom", "--workspace", str(tmp_path / "our room's")]
    Workspace.open(tmp_path / "ws")


def test_the_workspace_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(tmp_path / "ws")
    monkeypatch.setenv("QUIETROOM_WORKSPACE", str(tmp_path / "ws"))
    assert main(["findings", "none"]) == 2
    assert str(tmp_path / "ws/sweeps") in capsys.readouterr().err


def test_a_sweep_with_planted_bugs(job: Job, bugged: dict[str, Any]) -> None:
    assert set(bugged) >= FINDINGS_KEYS
    assert (bugged["schema"], bugged["room"], bugged["position"]) == ("quietroom.findings/1", "lab", "table")
    assert bugged["verdict"] == "anomalies"
    assert bugged["baseline"] is not None
    assert all(set(part) >= COVERAGE_KEYS for part in bugged["coverage"])
    assert all(set(finding) >= FINDING_KEYS for finding in bugged["findings"])
    path = Path(bugged["record"])
    assert path.parent == job.workspace.sweeps
    with SweepRecord.open(path) as record:
        assert (record.n_rows, record.start["operator"], record.start["synthetic"]) == (3, "A. Tester", True)
        assert path.name == f"lab-{record.start['start_time'][:19].replace('-', '').replace(':', '')}Z.h5"


def test_a_planted_bug_is_among_the_findings(bugged: dict[str, Any]) -> None:
    scene = tomllib.loads((files("sweep.scene") / "scenes/meeting-room.toml").read_text(encoding="utf-8"))
    (planted_hz,) = [bug["center_freq_hz"] for bug in scene["bugs"] if 430e6 < bug["center_freq_hz"] < 440e6]
    found_hz = [finding["center_freq_hz"] for finding in bugged["findings"]]
    assert any(abs(hz - planted_hz) < 20e3 for hz in found_hz), found_hz


def test_json_to_standard_output_is_nothing_but_json(
    job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.code("findings", bugged["record"], "--json", "-") == 0
    assert json.loads(capsys.readouterr().out) == bugged


def test_findings_table(job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert job.code("findings", Path(bugged["record"]).stem) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 100
    for finding in bugged["findings"]:
        assert any(line.startswith(f"{finding['id']} ") for line in out.splitlines())
    assert "Could have been missed: " in out


def test_mark_is_logged_and_shown(job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(bugged["record"]).read_bytes()
    name = bugged["findings"][0]["id"]
    words = ("mark", bugged["record"], name, "--by", "B. Analyst")
    assert job.code(*words, "--as", "known", "--reason", "wall clock") == 0
    assert job.code(*words, "--as", "suspicious", "--reason", "the clock was off") == 0
    capsys.readouterr()
    assert job.code("findings", bugged["record"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{name} "))
    assert row.endswith("suspicious")
    assert Path(bugged["record"]).read_bytes() == before
    assert job.code("mark", bugged["record"], "F999", "--as", "known", "--reason", "x", "--by", "y") == 2
    assert "F999" in capsys.readouterr().err


def test_compare_judges_anew_and_leaves_the_record(job: Job, bugged: dict[str, Any]) -> None:
    before = Path(bugged["record"]).read_bytes()
    again = job.run("compare", bugged["record"])
    assert again["findings"] == bugged["findings"]
    strict = job.run("compare", bugged["record"], "--false-alarms-per-sweep", "0.001")
    assert strict["false_alarms_per_sweep"] == 0.001
    assert len(strict["findings"]) <= len(bugged["findings"])
    heard = job.run("compare", bugged["record"], "--baseline", "none")
    assert heard["baseline"] is None
    assert Path(bugged["record"]).read_bytes() == before


def test_baselines_are_listed_and_shown(
    job: Job, learnt: dict[str, Any], bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    listed = job.run("baseline", "list", "lab")
    shown = job.run("baseline", "show", "lab")
    assert [version["id"] for version in listed["baselines"]] == [learnt["id"]]
    assert shown["id"] == learnt["id"] == bugged["baseline"]
    assert shown["n_visits"] == 2
    printed = capsys.readouterr().out
    assert learnt["id"] in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert "compatible with it" in " ".join(printed.split())


def test_learning_another_room_is_refused(job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert job.code("baseline", "learn", "other", bugged["record"]) == 2
    assert "is a sweep of room 'lab', not of 'other'" in capsys.readouterr().err
    assert not job.workspace.room("other").exists()


def test_plot_report_and_export(job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert job.code("plot", bugged["record"]) == 0
    assert job.code("report", bugged["record"], "--html") == 0
    assert job.code("export", bugged["record"], "--format", "json,csv") == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    stem = Path(bugged["record"]).stem
    assert [path.name for path in printed] == [f"{stem}.{end}" for end in ("png", "pdf", "html", "json", "csv")]
    starts = (b"\x89PNG", b"%PDF", b"<!DOCTYPE", b"{", b"")
    for path, start in zip(printed, starts, strict=True):
        assert path.parent == job.workspace.reports
        assert path.read_bytes().startswith(start)
    exported = json.loads(printed[3].read_text(encoding="utf-8"))
    assert exported["findings"] == bugged["findings"]
    with printed[4].open(encoding="utf-8", newline="") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == [finding["id"] for finding in bugged["findings"]]


def test_a_plot_never_goes_over_a_record(job: Job, bugged: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(bugged["record"]).read_bytes()
    for words in (
        ("plot", bugged["record"], "-o", bugged["record"]),
        ("report", bugged["record"], "-o", bugged["record"]),
        ("export", bugged["record"], "--format", "csv", "-o", bugged["record"]),
        ("findings", bugged["record"], "--json", bugged["record"]),
        ("compare", bugged["record"], "--json", f"{bugged['record']}.dispositions.jsonl"),
    ):
        assert job.code(*words) == 2, words
        assert "a name that ends with" in capsys.readouterr().err
    assert Path(bugged["record"]).read_bytes() == before


def test_the_html_report_does_not_replace_the_pdf(
    job: Job, bugged: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.code("report", bugged["record"], "--html", "-o", str(tmp_path / "report.html")) == 2
    assert "ends with .pdf" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_altered_record_is_neither_judged_nor_reported_nor_learnt_from(
    job: Job, bugged: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    altered = tmp_path / "altered.h5"
    shutil.copyfile(bugged["record"], altered)
    with h5py.File(altered, "r+") as file:
        file["entry/data/mean"][1, 5] += 100
    for words in (
        ("compare", str(altered)),
        ("report", str(altered)),
        ("baseline", "learn", "lab", str(altered)),
    ):
        assert job.code(*words) == 2, words
        said = capsys.readouterr().err
        assert "altered.h5: row 1 of 3 does not match its hash" in said
        assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["altered.h5"]


def test_a_record_brings_its_workspace(
    job: Job, bugged: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUIETROOM_WORKSPACE", raising=False)
    assert main(["compare", bugged["record"], "--json", "again.json"]) == 0
    assert json.loads(Path("again.json").read_text(encoding="utf-8"))["baseline"] == bugged["baseline"]
    assert main(["export", bugged["record"], "--format", "csv"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["again.json"]


def test_the_receiver_and_what_it_says_of_itself_are_shown(
    virtual_dongle: Callable[[Scene], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(Scene(dongles=(Dongle(serial="R1"),)))
    job = Job(tmp_path)
    assert job.code("sweep", "lab", "--range", "433M:434M", "--passes", "1", "--gain", "99") == 3
    said = capsys.readouterr()
    assert "Receiver: rtlsdr R1 (R820T), gain 49.6 dB, correction 0 ppm" in said.out
    assert "the driver reports neither lost samples nor an unlocked tuner" in said.out
    assert "the tuner has no gain of 99 dB; 49.6 dB, the nearest, is used" in said.err
    assert (
        "could not be measured; to be safe 60 ms after each retune are thrown away, about 0.06 s of each pass"
        in said.err
    )
    assert "1 pass recorded" in said.err
    assert "Verdict: inconclusive: nothing but noise was received" in said.out
    assert "0 MHz" not in said.out


@REAL_CLOCK
def test_samples_that_were_lost_are_in_the_record_and_said(
    virtual_dongle: Callable[[Scene], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(Scene(realtime=True, dongles=(Dongle(drop_every_reads=1, drop_samples=12_000),)))
    job = Job(tmp_path)
    job.code("sweep", "lab", "--range", "433M:434M", "--passes", "2")
    assert "samples were lost on the way to this machine in 2 dwells" in capsys.readouterr().out.replace("\n  ", " ")
    [path] = tmp_path.rglob("*.h5")
    with SweepRecord.open(path) as record:
        assert all(row.hop_dropped_samples.min() > 2000 for row in record.rows())
        assert "lost samples are told by the clock" in " ".join(record.instrument.notes)


def test_the_age_of_a_baseline_is_that_of_its_last_visit(
    job: Job, learnt: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.code("baseline", "show", "lab") == 0
    days = (datetime.now(UTC) - datetime.fromisoformat(learnt["visits"][-1]["start_time"])).days
    shown = int(capsys.readouterr().out.split("last visit ")[1].split()[0])
    assert shown in (days, days + 1)


def test_several_visits_of_one_replay_are_several_records(job: Job, tmp_path: Path) -> None:
    kept = []
    for visit in (5, 6):
        live = job.sweep(f"sim:meeting-room?visit={visit}", "--baseline", "none", "--keep-iq")
        kept.append(str(Path(live["record"]).with_suffix(".iq")))
    documents = job.run("replay", "lab", *kept, "--baseline", "none")
    assert [document["room"] for document in documents] == ["lab", "lab"]
    assert len({document["record"] for document in documents}) == 2


def test_learning_from_a_capture_replays_it_first(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    live = job.sweep("sim:meeting-room?visit=8", "--baseline", "none", "--keep-iq")
    n_before = len(list(job.workspace.sweeps.glob("*.h5")))
    capsys.readouterr()
    learnt = job.run("baseline", "learn", "lab", str(Path(live["record"]).with_suffix(".iq")))
    assert learnt["n_visits"] == 1
    printed = capsys.readouterr().out
    assert "Warning: one visit only" in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert len(list(job.workspace.sweeps.glob("*.h5"))) == n_before + 1


def test_devices(virtual_dongle: Callable[[Scene], object], capsys: pytest.CaptureFixture[str]) -> None:
    virtual_dongle(Scene(dongles=(Dongle(serial="R1"), Dongle(serial="R2", busy=True))))
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["rtlsdr:0", "R1", "R820T"]
    assert lines[1].endswith("good")
    assert lines[2].endswith("see below")
    assert "in use; close the other program" in " ".join(lines[3:])
    assert max(map(len, lines)) <= 100
    assert main(["devices", "--json", "-"]) == 0
    assert [dongle["serial"] for dongle in json.loads(capsys.readouterr().out)["devices"]] == ["R1", "R2"]
    virtual_dongle(Scene(dongles=()))
    assert main(["devices"]) == 0
    assert "No dongle was found" in capsys.readouterr().out
