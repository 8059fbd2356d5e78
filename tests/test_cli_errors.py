"""A user's mistake is one line on standard error and exit 2, and leaves nothing behind."""

from __future__ import annotations

import importlib
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sweep.cli.arguments import OneLineParser
from sweep.cli.main import main
from sweep.cli.parser import build_parser
from sweep.workspace import Workspace


def commands(parser: ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ArgumentParser]]:
    """Every command with its parser."""
    assert isinstance(parser, OneLineParser)
    parser.complete()
    nested = [action for action in parser._actions if isinstance(action, _SubParsersAction)]
    if not nested:
        yield words, parser
    for action in nested:
        for name, child in action.choices.items():
            yield from commands(child, (*words, name))


COMMANDS = dict(commands(build_parser()))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that is the current folder."""
    monkeypatch.delenv("QUIETROOM_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    return Workspace.create(tmp_path)


def contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def run(argv: list[str]) -> int:
    try:
        return main(argv)
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def test_the_contract_has_these_commands() -> None:
    assert {" ".join(words) for words in COMMANDS} == {
        "init",
        "demo",
        "devices",
        "sweep",
        "visit",
        "calibrate",
        "replay",
        "baseline learn",
        "baseline list",
        "baseline show",
        "compare",
        "emitters",
        "findings",
        "known add",
        "known list",
        "known retire",
        "mark",
        "plot",
        "report",
        "export",
        "handoff",
        "recover",
        "keys make",
        "keys show",
        "keys rotate",
        "seal",
        "verify",
        "register add",
        "register check",
        "register list",
    }


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_and_a_function(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    assert f"quietroom {' '.join(words)}" in capsys.readouterr().out
    module, function = COMMANDS[words].get_default("target").split(":")
    assert callable(getattr(importlib.import_module(f"sweep.cli.{module}"), function))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "COMMAND"),
        ("swep lab", "invalid choice: 'swep'"),
        ("sweep", "required: ROOM"),
        ("sweep ../lab", "room name '../lab' is not usable"),
        ("sweep lab --range 430M", "range '430M' has no colon"),
        ("sweep lab --range 440M:430M", "ends at or below its start"),
        ("sweep lab --range 4x:5x", "frequency '4x' is not a number"),
        ("sweep lab --passes 0", "'0' is not a whole number above 0"),
        ("sweep lab --passes 1 --duration 10s", "not allowed with"),
        ("sweep lab --duration -3", "duration '-3' is not a time above 0"),
        ("sweep lab --duration 3d", "duration '3d' is not a time"),
        ("sweep lab --false-alarms-per-sweep nan", "'nan' is not a number above 0"),
        ("sweep lab --false-alarms-per-sweep 500", "is not below 100"),
        ("sweep lab --ppm 1.5", "correction '1.5' is not a whole number of ppm"),
        ("sweep lab --ppm 99999", "from -1000 to 1000"),
        ("sweep lab --source sim:meeting-room --json none/x.json", "none/x.json: the folder 'none' does not exist"),
        ("sweep lab --source sim:meeting-room --json sweeps", "sweeps: is a folder"),
        ("sweep lab --source sim:meeting-room --json x.h5", "x.h5 has the name of evidence"),
        ("findings text.h5 --json /dev/null", "/dev/null: is a folder or a device"),
        ("sweep lab --operator \a", "control characters"),
        ("sweep lab --source wlan0", "source 'wlan0' is none of rtlsdr:..., rtltcp:..., sim:..."),
        ("sweep lab --source sim:no-such-scene", "no-such-scene"),
        ("sweep lab --source sim:none.toml", "none.toml"),
        ("sweep lab --source rtltcp:nowhere", "nowhere"),
        ("sweep lab --source sim:meeting-room --bin-width 7", "bin width 7 Hz"),
        ("sweep lab --source sim:meeting-room --baseline 20200101", "room lab has no baseline"),
        ("replay lab none.cu8", "none.cu8"),
        ("replay lab text.txt", "text.txt"),
        ("replay lab empty.cu8 --rate 250k --center 433.92M", "empty.cu8"),
        ("replay lab text.txt --format cu4", "invalid choice: 'cu4'"),
        ("replay lab text.h5", "judge it anew with: quietroom compare text.h5"),
        ("replay lab text.journal", "make its record first: quietroom recover text.journal"),
        ("baseline learn lab text.journal", "make its record first: quietroom recover text.journal"),
        ("baseline learn lab none.h5", "none.h5"),
        ("baseline learn lab text.h5", "text.h5"),
        ("baseline show lab", "room lab has no baseline"),
        ("baseline show lab 17", "room lab has no baseline"),
        ("compare none", "none: no such record"),
        ("findings none.h5", "none.h5: no such record"),
        ("findings text.h5", "text.h5: is not an HDF5 file"),
        ("mark none F1 --as known --reason tested --by me", "none: no such record"),
        ("mark none F1 --as guilty --reason tested --by me", "invalid choice: 'guilty'"),
        ("known add lab --name x --reason y --by z", "give --frequency, or a finding with --from RECORD FINDING"),
        ("known add --name x --frequency 1M --reason y --by z", "say either the room or --site"),
        ("known add lab --site --name x --frequency 1M --reason y --by z", "say either the room or --site"),
        ("known add lab --name x --frequency 0 --reason y --by z", "frequency in Hz 0 is not from 1"),
        ("known add lab --name x --frequency 1M --tolerance 0 --reason y --by z", "tolerance in Hz 0 is not from 1"),
        ("known add lab --name x --frequency 1M --level nan --reason y --by z", "'nan' is not a number of dB"),
        ("known add lab --name x --frequency 1M --level 900 --reason y --by z", "level in dBFS 900.0 is not from -200"),
        ("known add lab --name x --frequency 1M --level-tolerance 3 --reason y --by z", "without --level says nothing"),
        ("known add lab --name x --frequency 1M --bandwidth-factor 3 --reason y --by z", "without --bandwidth says"),
        (
            "known add lab --name x --frequency 1M --bandwidth 9k --bandwidth-factor .5 --reason y --by z",
            "tolerance of the bandwidth in Hz 0.5 is not from 1 to 100",
        ),
        ("known add lab --name x --frequency 1M --expires soon --reason y --by z", "expiry 'soon' is not a day"),
        ("known add lab --name x --frequency 1M --expires 2020-01-01 --reason y --by z", "expiry 2020-01-01 is past"),
        ("known add lab --name x --from none F1 --reason y --by z", "none: no such record"),
        ("known add lab --name x --from text.h5 F1 --reason y --by z", "text.h5: is not an HDF5 file"),
        ("known retire lab K1 --reason y --by z", "lab has no known emitter 'K1'; it has none"),
        ("known retire lab K1 --by z", "required: --reason"),
        ("plot none", "none: no such record"),
        ("report none", "none: no such record"),
        ("export none --format json", "none: no such record"),
        ("export none --format json,xml", "format 'xml' is not one of json, csv, sigmf"),
        ("recover none.journal", "none.journal"),
        ("recover text.txt", "text.txt"),
        ("demo .", ". is there already"),
        ("init text.txt", "text.txt is in the way"),
    ],
)
def test_mistakes(workspace: Workspace, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    for name in ("text.txt", "text.h5"):
        (workspace.root / name).write_text("not radio\n")
    (workspace.root / "empty.cu8").touch()
    before = contents(workspace.root)
    code = run(line.split(" ") if line else [])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("quietroom")
    assert message in said.err
    assert {path: data for path, data in contents(workspace.root).items() if path.is_file()} == {
        path: data for path, data in before.items() if path.is_file()
    }
    assert not list(workspace.sweeps.iterdir())


def test_damaged_recordings(workspace: Workspace, capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    paths = sorted(path for path in (shared_data / "malformed").rglob("*") if path.is_file())
    assert paths
    for path in paths:
        assert run(["replay", "lab", str(path)]) == 2, path
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1, said.err
        assert path.name in said.err
    assert not list(workspace.sweeps.iterdir())


@pytest.mark.parametrize("line", ["sweep lab --source sim:meeting-room", "replay lab x.cu8", "baseline list lab"])
def test_outside_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.delenv("QUIETROOM_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(line.split()) == 2
    said = capsys.readouterr().err
    assert "is not a Quietroom workspace" in said
    assert "init" in said
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_before_the_sweep(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert run(["sweep", "lab", "--source", "sim:meeting-room", "--range", "433M:434M"]) == 2
    assert "MB free, but this sweep may need" in capsys.readouterr().err
    assert not list(workspace.sweeps.iterdir())


def test_a_driver_that_cannot_be_loaded_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUIETROOM_LIBRTLSDR", str(workspace.root / "none.so"))
    for line in ("devices", "sweep lab"):
        assert run(line.split()) == 2
        said = capsys.readouterr().err
        assert "none.so" in said
        assert said.count("\n") == 1


def test_a_defect_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.cli.setup.init", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(["init"])


def test_too_little_memory_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sweep.cli.setup.init", lambda _: np.zeros(1 << 50))
    assert main(["init"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not enough memory (Unable to allocate" in said


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys\nfrom sweep.cli.main import main\nsys.exit(main(['--help']))\n"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    errors = writer.stderr.read().decode()
    writer.wait(timeout=30)
    writer.stderr.close()
    assert "Traceback" not in errors
