"""The journal: what was written comes back, and what was damaged is named where it is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import (
    OPTIONAL,
    START_NS,
    as_bytes,
    make_finding,
    make_gap,
    make_judgement,
    make_layout,
    make_plan,
    make_row,
    make_start,
    same_rows,
    write_journal,
)

from dsp.errors import RecordError
from sweep.journal import JournalDamageError, JournalReader, JournalWriter, Note, ballast_path, exclusive
from sweep.leaf import NO_LEAF, encode_row, leaf
from sweep.model import SweepRow

HEADER_BYTES = 36
LOCK = """
import sys
from pathlib import Path
from sweep.journal import exclusive
with exclusive(Path(sys.argv[1])):
    pass
"""
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from rows import make_layout, make_row, make_start
from dsp.errors import RecordError
from sweep.journal import JournalWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
layout = make_layout(1, 512)
with JournalWriter.create(Path(sys.argv[1]), make_start(), layout) as journal:
    limit = Path(sys.argv[1]).stat().st_size + 50_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    sequence, refused = 0, 0
    while refused < 2:
        try:
            journal.append_row(make_row(sequence, layout))
            journal.sync()
            print("saved", sequence, flush=True)
            sequence += 1
        except RecordError as error:
            assert "free some disk space" in str(error), error
            refused += 1
            print("refused", flush=True)
            if refused == 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit + 50_000, resource.RLIM_INFINITY))
"""


def records_of(data: bytes) -> list[tuple[int, int]]:
    """Offset and end of every record, by walking the lengths."""
    found, offset = [], 0
    while offset < len(data):
        end = offset + HEADER_BYTES + int.from_bytes(data[offset + 20 : offset + 28], "little")
        found.append((offset, end))
        offset = end
    return found


def small_journal(path: Path, *, synced: bool = True) -> bytes:
    layout = make_layout(1, 2)
    with JournalWriter.create(path, {"room": "x"}, layout) as journal:
        for append in (
            lambda: journal.append_row(make_row(0, layout, absent=OPTIONAL)),
            lambda: journal.append_gap(make_gap()),
            lambda: journal.append_row(make_row(1, layout, absent=OPTIONAL)),
        ):
            append()
            if synced:
                journal.sync()
    return path.read_bytes()


@settings(deadline=None, max_examples=25)
@given(
    n_rows=st.integers(0, 6),
    n_hops=st.integers(1, 3),
    hop_bins=st.integers(1, 30),
    absent=st.sets(st.sampled_from(OPTIONAL)),
    baseline=st.booleans(),
)
def test_what_is_written_comes_back(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    n_rows: int,
    n_hops: int,
    hop_bins: int,
    absent: set[str],
    baseline: bool,
) -> None:
    path = tmp_path_factory.mktemp("journal") / "a.journal"
    layout, start = make_layout(n_hops, hop_bins), make_start(make_plan(n_hops, hop_bins))
    rows = write_journal(path, n_rows, layout=layout, absent=tuple(absent), baseline=baseline, start=start)
    judged = make_judgement(layout, baseline=baseline)
    with JournalReader(path) as journal:
        assert journal.start == start
        assert journal.layout.freq_hz.tobytes() == layout.freq_hz.tobytes()
        assert (journal.layout.n_hops, journal.layout.n_averages) == (n_hops, 64)
        assert all(same_rows(a, b) for a, b in zip(rows, journal.rows(), strict=True))
        assert journal.gaps == [make_gap(), make_gap(hop_index=None, reason="retune failed")]
        assert journal.notes == [Note(utc_ns=START_NS, kind="gain", text="gain lowered")]
        assert journal.findings == [make_finding()]
        assert journal.judgement is not None
        assert journal.judgement.document == judged.document
        assert journal.judgement.noise_floor_dbfs.tobytes() == judged.noise_floor_dbfs.tobytes()
        assert (journal.judgement.baseline_dbfs is None) == (not baseline)
        assert as_bytes(journal.judgement.threshold_db) == as_bytes(judged.threshold_db)
        assert journal.end_time == "2026-11-18T11:10:00Z"
        assert journal.torn_tail_bytes == 0


def test_leaves_form_a_chain(tmp_path: Path) -> None:
    rows = write_journal(tmp_path / "a.journal", 3)
    previous = NO_LEAF
    with JournalReader(tmp_path / "a.journal") as journal:
        for row, stored in zip(rows, journal.leaves, strict=True):
            previous = leaf(*encode_row(row, previous))
            assert stored == previous


def test_append_gives_the_leaf_that_the_reader_finds(tmp_path: Path) -> None:
    layout = make_layout()
    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        leaves = [journal.append_row(make_row(sequence, layout)) for sequence in range(4)]
        assert (journal.n_rows, journal.n_saved) == (4, 0)
        journal.sync()
        assert journal.n_saved == 4
    with JournalReader(tmp_path / "a.journal") as reader:
        assert reader.leaves == leaves


def test_rows_can_be_cut_like_a_slice_and_read_again(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", 5)
    with JournalReader(tmp_path / "a.journal") as journal:
        for start, stop in ((0, None), (1, 3), (-2, None), (3, 99), (4, 2)):
            expected = list(range(5))[start:stop]
            assert [row.sequence for row in journal.rows(start, stop)] == expected
            assert [row.sequence for row in journal.rows(start, stop)] == expected


def test_a_journal_is_read_while_its_writer_is_open(tmp_path: Path) -> None:
    layout = make_layout()
    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        journal.append_row(make_row(0, layout))
        with JournalReader(tmp_path / "a.journal") as reader:
            journal.append_row(make_row(1, layout))
            assert [row.sequence for row in reader.rows()] == [0]
            assert reader.judgement is None
        journal.append_row(make_row(2, layout))
        assert [row.sequence for row in JournalReader(tmp_path / "a.journal").rows()] == [0, 1, 2]


def test_every_flipped_byte_is_named_or_is_the_torn_tail(tmp_path: Path) -> None:
    data = small_journal(tmp_path / "a.journal")
    records = records_of(data)
    path = tmp_path / "flipped.journal"
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0xFF
        path.write_bytes(flipped)
        number, (offset, _) = next((n, span) for n, span in enumerate(records) if span[0] <= at < span[1])
        if number < len(records) - 1:
            with pytest.raises(JournalDamageError) as caught:
                JournalReader(path)
            assert (caught.value.record, caught.value.offset) == (number, offset), at
        else:
            with JournalReader(path) as journal:
                assert journal.n_rows == 1
                assert journal.torn_tail_bytes == len(data) - offset
    assert path.read_bytes() == bytes(flipped)


def test_a_later_record_without_a_sync_between_makes_no_damage_of_a_torn_end(tmp_path: Path) -> None:
    """A disk may keep the later of two records that were written since the last sync, and lose the earlier."""
    data = small_journal(tmp_path / "a.journal", synced=False)
    for number, (offset, end) in list(enumerate(records_of(data)))[1:]:
        (tmp_path / "torn.journal").write_bytes(data[: end - 3] + b"\1\1\1" + data[end:])
        with JournalReader(tmp_path / "torn.journal") as journal:
            assert journal.n_rows + len(journal.gaps) == number - 1
            assert journal.torn_tail_bytes == len(data) - offset
    path = tmp_path / "b.journal"
    layout = make_layout(1, 2)
    with JournalWriter.create(path, {"room": "x"}, layout) as journal_writer:
        for synced in (False, True, False):
            journal_writer.append_row(make_row(journal_writer.n_rows, layout, absent=OPTIONAL))
            if synced:
                journal_writer.sync()
    data = path.read_bytes()
    _, (_, first), (_, second), _ = records_of(data)
    for end in (first, second):  # the last row was written when both were on the disk
        path.write_bytes(data[: end - 3] + b"\1\1\1" + data[end:])
        with pytest.raises(JournalDamageError):
            JournalReader(path)


@pytest.mark.parametrize("filler", [b"", b"\0" * 70], ids=["cut", "zeros"])
def test_a_journal_cut_anywhere_keeps_its_whole_records(tmp_path: Path, filler: bytes) -> None:
    data = small_journal(tmp_path / "a.journal")
    records = records_of(data)
    path = tmp_path / "cut.journal"
    for length in range(len(data)):
        left = data[:length] + filler
        path.write_bytes(left)
        whole = sum(left.startswith(data[:end]) for _, end in records)
        if whole == 0:
            with pytest.raises(RecordError, match="journal"):
                JournalReader(path)
            continue
        with JournalReader(path) as journal:
            assert journal.n_rows + len(journal.gaps) == whole - 1
            assert journal.torn_tail_bytes == len(left) - records[whole - 1][1]


@pytest.mark.parametrize("change", ["swapped", "deleted", "doubled"])
def test_moved_records_are_named(tmp_path: Path, change: str) -> None:
    data = small_journal(tmp_path / "a.journal")
    parts = [data[offset:end] for offset, end in records_of(data)]
    order = {"swapped": [0, 2, 1, 3], "deleted": [0, 2, 3], "doubled": [0, 1, 1, 2, 3]}[change]
    path = tmp_path / "moved.journal"
    path.write_bytes(b"".join(parts[index] for index in order))
    with pytest.raises(JournalDamageError) as caught:
        JournalReader(path)
    assert caught.value.record == (2 if change == "doubled" else 1)


def test_rows_of_two_journals_do_not_chain(tmp_path: Path) -> None:
    layout = make_layout()
    for name, seed in (("a", 1), ("b", 2)):
        with JournalWriter.create(tmp_path / name, {}, layout) as journal:
            for sequence in range(3):
                journal.append_row(make_row(sequence, layout, seed=seed))
    one, other = ((tmp_path / name).read_bytes() for name in "ab")
    _, first, second, third = records_of(one)
    (tmp_path / "c").write_bytes(one[: first[1]] + other[second[0] : second[1]] + one[third[0] :])
    with JournalReader(tmp_path / "c") as journal, pytest.raises(JournalDamageError) as caught:
        assert journal.leaves
    assert caught.value.record == 2


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    command = [sys.executable, "-c", LOCK, str(path)]
    with JournalWriter.create(path, {}, make_layout()):
        with pytest.raises(RecordError, match="cannot be made"):
            JournalWriter.create(path, {}, make_layout())
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "RecordError" in result.stderr and "in use" in result.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_closing_gives_the_journal_back(tmp_path: Path) -> None:
    path, layout = tmp_path / "a.journal", make_layout()
    journal = JournalWriter.create(path, {}, layout)
    assert ballast_path(path).stat().st_size > 8 * layout.n_bins
    journal.finish_with(make_judgement(layout))
    journal.close()
    with exclusive(path), pytest.raises(RecordError, match="takes no more"):
        journal.append_row(make_row(0, layout))
    assert list(tmp_path.iterdir()) == [path]


def test_the_reserve_is_given_back_before_the_last_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, layout = tmp_path / "a.journal", make_layout()
    real, held = os.pwrite, []

    def watched(descriptor: int, data: memoryview, offset: int) -> int:
        held.append(ballast_path(path).exists())
        return real(descriptor, data, offset)

    with JournalWriter.create(path, {}, layout) as journal:
        monkeypatch.setattr(os, "pwrite", watched)
        journal.append_row(make_row(0, layout))
        journal.finish_with(make_judgement(layout))
    assert held == [True, False]


def test_leaving_the_context_without_closing_leaves_an_open_end(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)
    with JournalReader(tmp_path / "a.journal") as journal:
        assert journal.judgement is None
        assert journal.n_rows == 3


def test_a_full_disk_keeps_the_journal_whole_and_the_writer_usable(tmp_path: Path) -> None:
    path = tmp_path / "full.journal"
    command = [sys.executable, "-c", FULL_DISK, str(path), str(Path(__file__).parent)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    saved = [line for line in output if line.startswith("saved")]
    first_refusal = output.index("refused")
    assert 0 < first_refusal < len(saved)  # rows went on being saved once there was room again
    with JournalReader(path) as journal:
        assert journal.n_rows == len(saved)
        assert journal.torn_tail_bytes == 0
        layout = make_layout(1, 512)
        assert all(same_rows(make_row(number, layout), row) for number, row in enumerate(journal.rows()))


def test_a_failing_disk_ends_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = make_layout()

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        journal.append_row(make_row(0, layout))
        journal.sync()
        journal.append_row(make_row(1, layout))
        monkeypatch.setattr("sweep.journal.writer.fdatasync", fail)
        with pytest.raises(RecordError, match="1 rows are known to be safe"):
            journal.sync()
        assert journal.n_saved == 1
        with pytest.raises(RecordError, match="failing disk"):
            journal.append_row(make_row(2, layout))


def test_an_interrupted_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, layout = tmp_path / "a.journal", make_layout()
    real = os.pwrite

    def interrupted(descriptor: int, data: memoryview, offset: int) -> int:
        real(descriptor, data[: len(data) // 2], offset)
        raise KeyboardInterrupt

    with JournalWriter.create(path, {}, layout) as journal:
        journal.append_row(make_row(0, layout))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append_row(make_row(1, layout))
        journal.append_gap(make_gap())
        journal.append_row(make_row(1, layout))
    with JournalReader(path) as reader:
        assert [row.sequence for row in reader.rows()] == [0, 1]
        assert reader.torn_tail_bytes == 0
        assert len(reader.leaves) == 2


def test_a_row_that_cannot_follow_is_refused(tmp_path: Path) -> None:
    layout = make_layout()
    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        with pytest.raises(RecordError, match="cannot follow 0 rows"):
            journal.append_row(make_row(1, layout))
        journal.append_row(make_row(0, layout))
        with pytest.raises(RecordError, match="other arrays"):
            journal.append_row(make_row(1, layout, absent=("max_hold",)))
        with pytest.raises(RecordError, match="values of mean"):
            journal.append_row(make_row(1, make_layout(2, 8)))
        journal.append_row(make_row(1, layout))
        with pytest.raises(RecordError, match="noise_floor_dbfs"):
            journal.finish_with(make_judgement(make_layout(1, 4)))


def test_a_layout_that_cannot_be_is_refused(tmp_path: Path) -> None:
    layout = make_layout()
    wrong = type(layout)(
        freq_hz=layout.freq_hz, bin_width_hz=1.0, n_hops=3, hop_bins=16, enbw_bins=1.0, n_averages=None
    )
    with pytest.raises(RecordError, match="hops"):
        JournalWriter.create(tmp_path / "a.journal", {}, wrong)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n" * 100)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zeros").write_bytes(bytes(3_000_000))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name in ("text", "empty", "zeros", "fifo", "folder", "absent"):
        with pytest.raises(RecordError, match=name) as caught:
            JournalReader(tmp_path / name)
        assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=200))
def test_junk_after_the_magic_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("junk") / "a.journal"
    path.write_bytes(b"\x89QRJ1\r\n\x1a" + data)
    with pytest.raises(RecordError):
        JournalReader(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="absent"):
        JournalWriter.create(tmp_path / "absent" / "a.journal", {}, make_layout())


def test_appending_changes_no_array(tmp_path: Path) -> None:
    layout = make_layout()
    row: SweepRow = make_row(0, layout)
    row.mean.flags.writeable = False
    judged = make_judgement(layout)
    before = row.mean.copy(), judged.noise_floor_dbfs.copy()
    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        journal.append_row(row)
        journal.finish_with(judged)
    np.testing.assert_array_equal(row.mean, before[0])
    np.testing.assert_array_equal(judged.noise_floor_dbfs, before[1])
