"""A guided visit: steps, reasons, leaving, going on after a kill, decisions, verdict."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from baselines.disposition import read_log
from dsp.errors import RecordError
from sweep.cli.main import main
from sweep.guided.log import DONE, REOPENED, SKIPPED, VisitLog, VisitPlanned, visit_logs
from sweep.record import SweepRecord

CHECKS = ("search", "nonlinear", "thermal", "lines", "wireless", "phones")
NO_CHECKS = {f"check:{name}": "nothing" for name in CHECKS}
SITE = """\
schema = "quietroom.site/1"
name = "Head office"
[[people]]
name = "A. Smith"
role = "technician"
[visit]
source = ["sim:meeting-room?bugs=nfm-bug"]
ranges = ["166M:169M"]
passes = 3
positions = ["table", "door"]
stimuli = ["speak"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert main(["--workspace", str(tmp_path), "init"]) == 0
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path


def visit(workspace: Path, answers: dict[str, str], *more: str) -> tuple[int, dict[str, Any]]:
    """Run ``visit`` with answers and defaults; give the exit code and the JSON."""
    path, out = workspace / "answers.toml", workspace / "visit.json"
    path.write_text("".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in answers.items()))
    command = ["--workspace", str(workspace), "visit", "lab", "--answers", str(path), "--yes", "--json", str(out)]
    code = main([*command, *more])
    return code, json.loads(out.read_text())


def log_of(workspace: Path) -> VisitLog:
    return VisitLog(visit_logs(workspace / "rooms" / "lab")[-1])


def test_a_whole_visit(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thermal = {"check:thermal": "result", "check:thermal.result": "a warm lamp", "check:lines": "3"}
    code, document = visit(
        workspace, {**NO_CHECKS, **thermal, "check:lines.reason": "3", "decision:E1": "4"} | {"decision:E1.reason": "1"}
    )
    out = capsys.readouterr().out
    assert code == 0
    assert document["finished"] is True
    assert document["verdict"] == "anomalies"
    assert document["operator"] == "A. Smith"
    steps = {step["step"]: step for step in document["steps"]}
    assert steps["check:search"]["text"] == "nothing found"
    assert (steps["check:thermal"]["outcome"], steps["check:thermal"]["text"]) == ("done", "a warm lamp")
    assert (steps["check:lines"]["outcome"], steps["check:lines"]["text"]) == ("skipped", "no access")
    assert [sweep["position"] for sweep in document["sweeps"]] == ["outside", "table", "door", "table, speak"]
    inside = [Path(sweep["record"]) for sweep in document["sweeps"][1:]]
    for path in inside:  # one decision, entered wherever the emitter was heard
        assert [(entry["as"], entry["by"]) for entry in read_log(path)] == [("suspicious", "A. Smith")]
        assert (workspace / "reports" / f"{path.stem}.pdf").stat().st_size > 10_000
        page = (workspace / "reports" / f"{path.stem}.html").read_text()
        for words in ("a warm lamp", "no access", "sweep at door", log_of(workspace).id):
            assert words in page
    assert "[5 of 15] stimulus: somebody speaks" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 130
    assert "Answers that no question asked for" not in out


def test_a_step_is_skipped_with_its_reason(workspace: Path) -> None:
    skipped = {"position:door": "skip", "position:door.reason": "locked", "stimulus:speak": "2", "outside": "skip"}
    reasons = {"stimulus:speak.reason": "4", "outside.reason": "no time"}
    code, document = visit(workspace, {**NO_CHECKS, **skipped, **reasons}, "--source", "sim:meeting-room")
    log = log_of(workspace)
    assert (log.outcomes["position:door"].outcome, log.outcomes["position:door"].text) == (SKIPPED, "locked")
    assert log.outcomes["stimulus:speak"].text == "not asked for by the client"
    assert document["verdict"] == "inconclusive"  # a position that was not swept is not taken for quiet
    assert code == 3
    assert "sweep at door: skipped, locked" in document["reasons"]
    assert "locked" in next((workspace / "reports").glob("*.html")).read_text()


def test_leaving_and_going_on(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = visit(workspace, {"position:table": "leave"})
    assert code == 3
    assert document["finished"] is False
    assert document["verdict"] == "inconclusive"
    assert "Left with 2 of 15 steps finished; next: sweep at table." in capsys.readouterr().out
    (workspace / "site.toml").write_text(SITE.replace('"door"', '"roof"'))  # a visit goes on as it was begun
    visit(workspace, {**NO_CHECKS, "position:door": "0"})
    log = log_of(workspace)
    assert len(visit_logs(workspace / "rooms" / "lab")) == 1
    assert list(log.outcomes) == ["preflight", "outside", "position:table"]
    assert log.next_step is not None
    assert log.next_step.id == "position:door"


def test_back_opens_the_step_before(workspace: Path) -> None:
    answers = {"outside": "back", "preflight": "skip", "preflight.reason": "first try", "position:table": "leave"}
    visit(workspace, answers)
    history = log_of(workspace).history
    assert [(one.step, one.outcome) for one in history][:2] == [("preflight", SKIPPED), ("preflight", REOPENED)]
    assert [one.step for one in history] == ["preflight", "preflight", "preflight", "outside"]


def test_a_failing_step_can_be_skipped_and_loses_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"preflight.failed": "skip", "preflight.reason": "no dongle"}
    answers |= {"outside.failed": "skip", "outside.reason": "no dongle", "position:table.failed": "leave"}
    code, _ = visit(workspace, answers, "--source", "sim:no-such-scene")
    out = capsys.readouterr().out
    assert code == 3
    assert out.count("It did not work: scene 'no-such-scene'") == 3
    assert log_of(workspace).outcomes["outside"].text == "no dongle"


def test_a_kill_loses_no_finished_step_and_no_row(workspace: Path) -> None:
    command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(workspace), "visit", "lab", "--yes"]
    process = subprocess.Popen(
        [*command, "--source", "sim:meeting-room?pace=1", "--passes", "500", "--range", "430M:440M"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    end = time.monotonic() + 60
    while not any(path.stat().st_size > 400_000 for path in (workspace / "sweeps").glob("*.journal")):
        assert process.poll() is None
        assert time.monotonic() < end, "no row was written"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(log_of(workspace).outcomes) == ["preflight"]

    _, document = visit(workspace, {"outside.left": "keep", "position:table": "leave"})
    outcome = log_of(workspace).outcomes["outside"]
    assert outcome.outcome == DONE
    assert [sweep["step"] for sweep in document["sweeps"]] == ["outside"]
    with SweepRecord.open(workspace / "sweeps" / outcome.details["record"]) as record:
        assert record.recovered
        assert record.n_rows >= 1
        assert record.start["visit"] == log_of(workspace).id
    assert not list((workspace / "sweeps").glob("*.journal"))


def test_a_record_that_the_log_missed_is_offered(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visit(workspace, {"position:table": "leave"})
    log = log_of(workspace)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # killed after the sweep, within the line about it
    visit(workspace, {"position:table": "leave"})
    assert "A sweep of this step is there already" in capsys.readouterr().out
    assert len(list((workspace / "sweeps").glob("*.h5"))) == 1


def test_an_altered_log_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visit(workspace, {"preflight": "skip", "preflight.reason": "no time", "outside": "leave"})
    path = log_of(workspace).path
    path.write_bytes(path.read_bytes().replace(b"no time", b"no tame"))
    capsys.readouterr()
    assert main(["--workspace", str(workspace), "visit", "lab", "--yes"]) == 2
    assert "was altered" in capsys.readouterr().err


def test_two_at_one_visit(tmp_path: Path) -> None:
    planned = VisitPlanned(
        outside=None, positions=("table",), stimuli=(), source=(), ranges=(), passes=None, camp_s=None
    )
    first = VisitLog.begin(tmp_path, planned, by="A")
    second = VisitLog(first.path)
    first.add(first.steps[0], DONE)
    with pytest.raises(RecordError, match="somebody else goes on"):
        second.add(second.steps[0], SKIPPED, "late")
    assert VisitLog(first.path).outcomes["preflight"].outcome == DONE


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ('"preflight" = "perhaps"\n', "answer preflight: 'perhaps' is none of"),
        ('"preflight" = 1\n', "Expected `str`"),
        ('"Pre flight" = "1"\n', "not the name of a question"),
        ('"preflight" = "skip"\n"preflight.reason" = "7"\n', "answer preflight.reason is '7'"),
    ],
)
def test_wrong_answers(workspace: Path, answers: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "answers.toml").write_text(answers)
    command = ["--workspace", str(workspace), "visit", "lab", "--yes", "--answers", str(workspace / "answers.toml")]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_answers_that_nobody_asked_for_are_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    skip = {f"{step}": "skip" for step in ("outside", "position:table", "position:door", "stimulus:speak")}
    visit(workspace, {**NO_CHECKS, **skip, "position:dor": "skip"})
    assert "Answers that no question asked for: position:dor" in capsys.readouterr().out
