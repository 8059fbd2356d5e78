"""Several processes on one workspace: none takes another's file, and nothing half done is seen."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rows import make_judgement, make_layout, make_row, make_start, write_journal

from dsp.errors import RecordError
from sweep.cli.main import main
from sweep.journal import JournalReader, JournalWriter, NameTakenError
from sweep.open_record import OpenRecord
from sweep.packing import placement
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.workspace import Workspace

RANGE = ["--range", "433M:434.8M"]


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "sweep.cli.main", "--workspace", str(root), *words]


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        command(root, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def test_two_sweeps_of_a_room_at_the_same_second(tmp_path: Path) -> None:
    """The simulated room begins at a time of its own, so that both ask for the same name."""
    workspace = Workspace.create(tmp_path)
    sweeps = [start(tmp_path, "sweep", "lab", "--source", "sim:meeting-room", *RANGE, "--passes", "4") for _ in "ab"]
    for sweep in sweeps:
        _, err = sweep.communicate(timeout=120)
        assert sweep.returncode in (0, 3), err
    names = sorted(path.name for path in workspace.sweeps.glob("*.h5"))
    assert len(names) == 2
    assert names[0].removesuffix(".h5") + "-2.h5" == names[1] or names[1].removesuffix(".h5") + "-2.h5" == names[0]
    for name in names:
        with SweepRecord.open(workspace.sweeps / name) as record:
            assert record.n_rows == 4
            assert record.start["record_id"] == Path(name).stem


def test_a_name_that_is_taken_meanwhile_is_left_to_who_took_it(tmp_path: Path) -> None:
    names = [tmp_path / "lab.h5", tmp_path / "lab-2.h5"]
    layout = make_layout()
    with JournalWriter.create(tmp_path / "lab.journal", {}, layout):  # after the name was looked for
        opened = OpenRecord.create(iter(names).__next__, make_start(), layout)
    assert opened.record_path == names[1]
    assert opened.journal.path == tmp_path / "lab-2.journal"
    opened.discard()
    with pytest.raises(NameTakenError, match=r"lab\.journal: cannot be made"):
        OpenRecord.create(lambda: names[0], make_start(), layout)


def test_a_running_sweep_is_not_recovered_by_another_process(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    sweep = start(tmp_path, "sweep", "lab", "--source", "sim:meeting-room?pace=1", *RANGE, "--duration", "1h")
    while not (journals := list(workspace.sweeps.glob("*.journal"))):
        assert sweep.poll() is None, sweep.communicate()
    result = start(tmp_path, "recover", str(journals[0]))
    _, err = result.communicate(timeout=60)
    assert result.returncode == 2
    assert "is in use by a running sweep or command; wait until it has ended" in err
    sweep.terminate()
    _, err = sweep.communicate(timeout=60)
    assert sweep.returncode in (0, 3), err
    (path,) = (one for one in workspace.sweeps.iterdir() if one.suffix != ".snippets")
    with SweepRecord.open(path) as record:
        assert not record.recovered
        assert all(ok for _, ok in record.verify_rows())


def test_nobody_recovers_a_sweep_between_its_close_and_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not while it is packed: the lock is held until the journal is gone."""
    workspace = Workspace.create(tmp_path)
    refused: list[str] = []
    real = placement._write_and_check

    def packing(*arguments: object, **options: object) -> None:
        for path in workspace.sweeps.glob("*.journal"):
            with JournalReader(path) as journal:
                assert journal.judgement is not None  # it is closed
            with pytest.raises(RecordError) as caught:
                recover(path)
            refused.append(str(caught.value))
        real(*arguments, **options)

    monkeypatch.setattr(placement, "_write_and_check", packing)
    words = ["sweep", "lab", "--source", "sim:meeting-room", *RANGE, "--passes", "2"]
    assert main(["--workspace", str(tmp_path), *words]) in (0, 3)
    assert len(refused) == 1
    assert "in use" in refused[0]


def test_two_recoveries_of_one_journal(tmp_path: Path) -> None:
    """One makes the record, the other says in one line why it did not."""
    write_journal(tmp_path / "a.journal", 3, closed=False)
    judging, second_done = threading.Event(), threading.Event()
    layout = make_layout()

    def slow(*_: object) -> object:
        judging.set()
        assert second_done.wait(20)
        return make_judgement(layout)

    first = threading.Thread(target=recover, args=(tmp_path / "a.journal", slow))
    first.start()
    assert judging.wait(20)
    with pytest.raises(RecordError, match="in use"):
        recover(tmp_path / "a.journal")
    second_done.set()
    first.join()
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_learning_while_a_sweep_closes_sees_a_whole_record_or_none(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    sweep = start(tmp_path, "sweep", "lab", "--source", "sim:meeting-room", *RANGE, "--passes", "60")
    n_learned = 0
    while sweep.poll() is None or not n_learned:
        for path in workspace.sweeps.glob("*.h5"):
            assert main(["--workspace", str(tmp_path), "baseline", "learn", "lab", str(path)]) == 0
            n_learned += 1
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode in (0, 3), err
    (path,) = (one for one in workspace.sweeps.iterdir() if one.suffix != ".snippets")
    with SweepRecord.open(path) as record:
        assert record.n_rows == 60


def test_a_record_that_is_being_written_is_not_taken_for_one(tmp_path: Path) -> None:
    """What a killed packing leaves has a name that no command takes for a record."""
    workspace = Workspace.create(tmp_path)
    write_journal(workspace.sweeps / "lab-1.journal", 2)
    recover(workspace.sweeps / "lab-1.journal")
    whole = (workspace.sweeps / "lab-1.h5").read_bytes()
    (workspace.sweeps / "lab-2.h5.part").write_bytes(whole[: len(whole) // 2])
    layout = make_layout()
    with JournalWriter.create(workspace.sweeps / "lab-2.journal", make_start(), layout) as journal:
        journal.append_row(make_row(0, layout))
        journal.sync()
        assert main(["--workspace", str(tmp_path), "emitters", "lab", "--rebuild"]) in (0, 2)
    recover(workspace.sweeps / "lab-2.journal")
    assert sorted(path.name for path in workspace.sweeps.glob("*.h5")) == ["lab-1.h5", "lab-2.h5"]
