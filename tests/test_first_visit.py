"""A new technician in a real terminal: init, devices, visit, left and resumed; and the transcript in the docs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal
from virtual_dongle.scene import Dongle, Emitter, Scene

from sweep.guided.log import VisitLog, visit_logs

pytestmark = pytest.mark.timeout(900)  # many processes, one after another, on a machine that may be busy

ROOT = Path(__file__).parents[1]
TRANSCRIPT = ROOT / "docs" / "first-visit.md"
SCENE = Scene(
    dongles=(Dongle(serial="A1"),),
    emitters=(Emitter(kind="fm", freq_hz=433.9e6, level_dbfs=-38, bandwidth_hz=5e3),),
)
QUIETROOM = (sys.executable, "-m", "sweep.cli.main")


@pytest.fixture
def env(virtual_dongle: Callable[[Scene], dict[str, str]]) -> dict[str, str]:
    return {**virtual_dongle(SCENE), "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb"}


def quietroom(folder: Path, env: dict[str, str], *words: str) -> str:
    done = subprocess.run([*QUIETROOM, *words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def start_visit(folder: Path, env: dict[str, str], *words: str) -> Terminal:
    return Terminal([*QUIETROOM, "visit", "boardroom", *words], cwd=folder, env=env)


def answer(terminal: Terminal, question: str, key: str) -> None:
    """Read a question, see that it waits, and answer."""
    terminal.wait_for(question)
    terminal.wait_for("> ")
    terminal.type(key)


def test_the_path_of_a_new_technician(tmp_path: Path, env: dict[str, str]) -> None:
    assert "visit ROOM" in quietroom(tmp_path, env, "init")
    assert "rtlsdr:0  A1" in quietroom(tmp_path, env, "devices")
    sweeps = ("--range", "433M:434.5M", "--passes", "3")
    with start_visit(tmp_path, env, *sweeps) as terminal:
        answer(terminal, "Who carries out the visit?", "A. Smith")
        answer(terminal, "[1 of 17] check the receiver", "")
        terminal.wait_for("A sweep takes about 1 s; 6 sweeps, about ")
        answer(terminal, "[2 of 17] reference outside, about 1 s", "2")
        answer(terminal, "Why not?", "3")
        answer(terminal, "reference outside: skipped, no access. Kept.", "")
        terminal.wait_for("sweep at table: done, emitters heard, no baseline; ")
        terminal.wait_for("> ")
        terminal.press(b"\x03")  # Ctrl-C at a question leaves the visit
        assert terminal.finish() == 3
        assert "Left with 3 of 17 steps finished; next: stimulus: somebody speaks." in terminal.shown
    with start_visit(tmp_path, env) as terminal:
        answer(terminal, "3 of 17 steps are finished.", "1")
        for _ in range(4):
            answer(terminal, "stimulus: ", "2")
            answer(terminal, "Why not?", "1")
            terminal.wait_for("Kept.")
        for number in range(6):
            answer(terminal, "1: done, nothing found", "1" if number else "9")  # one mistaken key is asked again
            if not number:
                answer(terminal, "'9' is none of 1 nothing, 2 result, 3 not-done, 4 back, 0 leave", "1")
            terminal.wait_for("Kept.")
        answer(terminal, "] analysis", "")
        answer(terminal, "] decisions", "")
        terminal.wait_for("Finding 1 of ")
        answer(terminal, "E1 at 433.", "4")
        answer(terminal, "Why?", "1")
        answer(terminal, "] seal", "")
        answer(terminal, "] report", "")
        terminal.wait_for("The visit is finished.")
        assert terminal.finish() == 0
    log = VisitLog(visit_logs(tmp_path / "rooms" / "boardroom")[-1])
    assert log.is_finished
    assert log.operator == "A. Smith"
    assert log.outcomes["check:phones"].text == "nothing found"
    report = next((tmp_path / "reports").glob("*.html")).read_text()
    for words in ("no access", "suspicious", "physical search", log.id):
        assert words in report


def test_ctrl_c_in_a_sweep_ends_that_sweep_only(tmp_path: Path, env: dict[str, str]) -> None:
    quietroom(tmp_path, env, "init")
    sweeps = ("--source", "sim:meeting-room?pace=1", "--range", "430M:440M", "--passes", "1000")
    with start_visit(tmp_path, env, "--operator", "A. Smith", *sweeps) as terminal:
        answer(terminal, "[1 of 17]", "")
        answer(terminal, "[2 of 17]", "")
        terminal.wait_for(", pass ")  # the progress bar
        terminal.press(b"\x03")
        answer(terminal, "It was stopped before all passes were made.", "")
        terminal.wait_for("reference outside: done, ")
        answer(terminal, "[3 of 17]", "0")
        assert terminal.finish() == 3
        assert "Left with 2 of 17 steps finished" in terminal.shown


def test_keys_that_were_pressed_before_the_question_answer_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    quietroom(tmp_path, env, "init")
    with start_visit(tmp_path, env, "--operator", "A. Smith") as terminal:
        terminal.type("2\n1")  # skip it, no time
        answer(terminal, "[1 of 17]", "0")
        assert terminal.finish() == 3
        assert "Left with 0 of 17 steps finished" in terminal.shown


def test_a_terminal_that_is_gone_leaves_the_visit(tmp_path: Path, env: dict[str, str]) -> None:
    quietroom(tmp_path, env, "init")
    with start_visit(tmp_path, env, "--operator", "A. Smith") as terminal:
        terminal.wait_for("[1 of 17]")
        terminal.wait_for("> ")
        terminal.press(b"\x04")
        assert terminal.finish() == 3
        assert "Left with 0 of 17 steps finished" in terminal.shown


def told(text: str) -> list[str]:
    """What a transcript says, without what differs from run to run: times, levels, names of records, folders."""
    text = re.sub(r"(?s)\ncheck +result .*?\n(?=check the receiver: )", "\n", text)  # disk and clock of the machine
    text = re.sub(r"\d{8}T\d{6}Z(-\d+)?", "TIME", text)
    text = re.sub(r"-?\d+(\.\d+)?", "N", text)
    text = re.sub(r"(?m)^\s+[+-]?N .*\n(      .*\n)*", "", text)  # reasons of a score
    return [line.rstrip() for line in text.splitlines() if line.strip() and "passes recorded" not in line]


def test_the_transcript_in_the_docs_is_true(tmp_path: Path, env: dict[str, str]) -> None:
    text = TRANSCRIPT.read_text(encoding="utf-8")
    script = re.search(r"```toml answers\n(.*?)```", text, re.DOTALL)
    shown = re.search(r"```text visit\n\$ quietroom (.*?)\n(.*?)```", text, re.DOTALL)
    assert script is not None
    assert shown is not None
    answers = tmp_path / "answers.toml"
    answers.write_text(script[1], encoding="utf-8")
    quietroom(tmp_path, env, "init")
    words = shown[1].split()
    assert "--answers" in words
    said = quietroom(tmp_path, env, *words)
    assert told(said) == told(shown[2]), json.dumps(told(said), indent=1)
    assert os.path.exists(tmp_path / "rooms" / "boardroom")  # noqa: PTH110
