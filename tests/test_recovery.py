"""Recovery: what an interrupted sweep left becomes a record, and nothing that was saved is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from as_judged import as_judged
from rows import make_finding, make_judgement, make_layout, make_row, same_rows, write_journal

from dsp.errors import ParameterError, RecordError
from sweep.journal import JournalDamageError, JournalReader, JournalWriter, ballast_path
from sweep.model import Judgement, SweepRow
from sweep.packing import pack
from sweep.plan import Layout
from sweep.record import SweepRecord
from sweep.recovery import INTERRUPTED, recover

N_KILLS = 10
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from rows import make_judgement, make_layout, make_row, make_start
from sweep.journal import JournalWriter
from sweep.packing import pack
layout = make_layout(4, 64)
path = Path(sys.argv[1])
with JournalWriter.create(path, make_start(), layout) as journal:
    print("begun", flush=True)
    for sequence in range(int(sys.argv[3])):
        journal.append_row(make_row(sequence, layout))
        if sequence % 3 == 2:
            journal.sync()
            print(sequence + 1, flush=True)
    journal.finish_with(make_judgement(layout))
    print(journal.n_rows, flush=True)
pack(path, path.with_suffix(".h5"))
"""


def run_and_kill(path: Path, n_rows: int, after: Callable[[], bool]) -> int:
    """Start a sweep, kill it once ``after`` says so, and give the rows that it had acknowledged."""
    command = [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent), str(n_rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        while process.poll() is None and not after():
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        told = process.stdout.read().split("\n")[:-1]  # a line that is not whole was not told
    return int(told[-1]) if told else 0


@pytest.mark.parametrize("run", range(N_KILLS))
def test_kill_9_loses_no_acknowledged_row(tmp_path: Path, run: int) -> None:
    path = tmp_path / "a.journal"
    delay_s = random.Random(run).uniform(0.0, 0.15)
    end = []

    def after() -> bool:
        end.append(time.monotonic() + delay_s) if not end else None
        return time.monotonic() >= end[0]

    acknowledged = run_and_kill(path, 100_000, after)
    record_path = recover(path)
    layout = make_layout(4, 64)
    with SweepRecord.open(record_path) as record:
        assert record.recovered
        assert record.n_rows >= acknowledged
        assert all(ok for _, ok in record.verify_rows())
        assert all(same_rows(make_row(number, layout), row) for number, row in enumerate(record.rows()))
    assert not ballast_path(path).exists()


def test_kill_9_while_packing_loses_nothing(tmp_path: Path) -> None:
    path, part = tmp_path / "a.journal", tmp_path / "a.h5.part"
    assert run_and_kill(path, 300, part.exists) == 300
    record_path = tmp_path / "a.h5"
    if path.exists():
        assert recover(path) == record_path
    with SweepRecord.open(record_path) as record:
        assert [ok for _, ok in record.verify_rows()] == [True] * 300
        assert record.judgement.document["verdict"] == "anomalies"
    assert [found.name for found in tmp_path.iterdir()] == ["a.h5"]


def test_an_unclosed_sweep_is_inconclusive(tmp_path: Path) -> None:
    rows = write_journal(tmp_path / "a.journal", closed=False)
    assert recover(tmp_path / "a.journal") == tmp_path / "a.h5"
    with SweepRecord.open(tmp_path / "a.h5") as record:
        document = as_judged(record.judgement.document)
        assert (document["verdict"], document["reasons"]) == ("inconclusive", [INTERRUPTED])
        assert document["findings"] == [make_finding()]
        assert document["baseline"] is None
        assert np.isnan(record.judgement.noise_floor_dbfs).all()
        assert record.recovered
        assert all(same_rows(a, b) for a, b in zip(rows, record.rows(), strict=True))
        assert record.end_time.startswith("1970") is False
        assert len(record.gaps) == 2
    assert not (tmp_path / "a.journal").exists()


@pytest.mark.parametrize(
    ("found", "expected"),
    [("anomalies", "anomalies"), ("no_anomaly_detected", "inconclusive"), ("inconclusive", "inconclusive")],
)
def test_a_judge_judges_what_is_left(tmp_path: Path, found: str, expected: str) -> None:
    write_journal(tmp_path / "a.journal", closed=False)

    def judge(layout: Layout, rows: Callable[[], Iterable[SweepRow]], *_: object) -> Judgement:
        assert [row.sequence for row in rows()] == [row.sequence for row in rows()] == [0, 1, 2]
        judged = make_judgement(layout)
        return Judgement(
            document={**judged.document, "verdict": found, "reasons": ("why",)},
            noise_floor_dbfs=judged.noise_floor_dbfs,
        )

    recover(tmp_path / "a.journal", judge)
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.judgement.document["verdict"] == expected
        assert record.judgement.document["reasons"] == [INTERRUPTED, "why"]
        assert np.isfinite(record.judgement.noise_floor_dbfs[1:]).all()


def test_rows_that_cannot_be_judged_are_saved_all_the_same(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)

    def judge(layout: Layout, rows: Callable[[], Iterable[SweepRow]], *_: object) -> Judgement:
        raise ParameterError("the baseline has another plan")

    recover(tmp_path / "a.journal", judge)
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.n_rows == 3
        assert "the baseline has another plan" in record.judgement.document["reasons"][1]


def test_a_sweep_without_rows_is_recovered_without_a_judge(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", 0, closed=False)
    recover(tmp_path / "a.journal", lambda *_: pytest.fail("there is nothing to judge"))
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.n_rows == 0
        assert record.waterfall.level_dbfs.size == 0
        assert record.end_time == record.start["start_time"]


def test_a_closed_sweep_keeps_its_judgement(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal")
    recover(tmp_path / "a.journal", lambda *_: pytest.fail("it was judged already"))
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.recovered
        assert record.judgement.document == make_judgement(make_layout()).document


def test_a_torn_tail_is_left_out_and_the_journal_kept(tmp_path: Path) -> None:
    write_journal(tmp_path / "whole.journal", 4, closed=False)
    data = (tmp_path / "whole.journal").read_bytes()
    layout = make_layout()
    with JournalWriter.create(tmp_path / "a.journal", {"room": "x"}, layout) as journal:
        for number in range(3):
            journal.append_row(make_row(number, layout))
        size = (tmp_path / "a.journal").stat().st_size
        journal.append_row(make_row(3, layout))
    os.truncate(tmp_path / "a.journal", size + 100)
    left = (tmp_path / "a.journal").read_bytes()
    ballast_path(tmp_path / "a.journal").write_bytes(bytes(100))  # as kill -9 leaves it
    recover(tmp_path / "a.journal")
    assert (tmp_path / "a.journal").read_bytes() == left
    assert not ballast_path(tmp_path / "a.journal").exists()
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert (record.n_rows, record.torn_tail_bytes) == (3, 100)
    recover(tmp_path / "a.journal")  # again: the record is there and holds it all
    assert data == (tmp_path / "whole.journal").read_bytes()


def test_what_a_crash_left_of_the_first_moment_holds_no_room(tmp_path: Path) -> None:
    for length in (0, 10):
        path = tmp_path / "a.journal"
        path.write_bytes(b"\x89QRJ1\r\n\x1a"[:length] + bytes(max(0, length - 8)))
        ballast_path(path).write_bytes(bytes(1000))
        with pytest.raises(RecordError, match="no row was ever saved in it; delete it and sweep again"):
            recover(path)
        assert [left.name for left in tmp_path.iterdir()] == ["a.journal"]


def test_recovering_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)
    shutil.copy(tmp_path / "a.journal", tmp_path / "b.journal")
    assert recover(tmp_path / "a.journal").read_bytes() == recover(tmp_path / "b.journal").read_bytes()


def test_damage_before_the_end_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    write_journal(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalDamageError, match=r"record \d+ at byte \d+") as caught:
        recover(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == data
    assert [found.name for found in tmp_path.iterdir()] == ["a.journal"]


def test_a_running_sweep_is_not_recovered(tmp_path: Path) -> None:
    layout = make_layout()
    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        journal.append_row(make_row(0, layout))
        with pytest.raises(RecordError, match="in use"):
            recover(tmp_path / "a.journal", lambda *_: pytest.fail("too early"))
    recover(tmp_path / "a.journal")


def test_another_record_of_that_name_is_left_alone(tmp_path: Path) -> None:
    write_journal(tmp_path / "b.journal", 2)
    pack(tmp_path / "b.journal", tmp_path / "a.h5")
    write_journal(tmp_path / "a.journal", 3, closed=False)
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(RecordError, match="another sweep"):
        recover(tmp_path / "a.journal")
    assert (tmp_path / "a.h5").read_bytes() == before
    with JournalReader(tmp_path / "a.journal") as journal:
        assert journal.n_rows == 3


def test_a_power_cut_right_after_recovery_leaves_what_the_record_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that a killed sweep wrote and never synced are in the record: they must be certain in its journal too."""
    path, layout, on_disk = tmp_path / "a.journal", make_layout(), dict[int, bytes]()
    with JournalWriter.create(path, {"room": "x"}, layout) as journal:
        journal.append_row(make_row(0, layout))
        n_synced = path.stat().st_size
        journal.append_row(make_row(1, layout))
    inode = path.stat().st_ino
    on_disk[inode] = path.read_bytes()[:n_synced]
    fsync = os.fsync

    def noting_fsync(descriptor: int) -> None:
        fsync(descriptor)
        state = os.fstat(descriptor)
        if state.st_ino == inode:
            on_disk[inode] = os.pread(descriptor, state.st_size, 0)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    record_path = recover(path)
    path.write_bytes(on_disk[inode])  # the record has its name, and that the journal was removed is lost
    assert recover(path) == record_path
    with SweepRecord.open(record_path) as record:
        assert record.n_rows == 2
