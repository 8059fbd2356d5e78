"""A disk that fills up while a sweep runs: it pauses, says so, and goes on; nothing that was saved is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rows import make_gap, make_judgement, make_layout, make_plan, make_row, make_start
from virtual_dongle.scene import Emitter, Scene

from sweep.cli.main import main
from sweep.events import Event, LookTaken, Noted, Paused
from sweep.full_disk import until_room
from sweep.iq_writer import IqWriter
from sweep.journal import DiskFullError, JournalReader, JournalWriter, ballast_path
from sweep.looks import LookRequest, Looks
from sweep.model import HopSamples, Instrument, Judgement
from sweep.plan import Layout
from sweep.record import SweepRecord
from sweep.session import SweepSession
from sweep.sources.options import SourceOptions
from sweep.sources.sim import open_sim
from sweep.workspace import Workspace

PlugIn = Callable[[Scene], dict[str, str]]
SIZE_MB = 96
N_PASSES = 2000  # more than a test waits for, and their record has room
SCENE = Scene(realtime=True, emitters=(Emitter(kind="fm", freq_hz=434.1e6, level_dbfs=-15, bandwidth_hz=75e3),))
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
from sweep.cli.main import main
from sweep.journal import ballast
ballast._DOCUMENT_BYTES = 1 << 17
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "none", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: that takes Linux and the rights of root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Leave no room at all, also where the sweep gives some back; the file that takes it stays."""
    filler, enough = folder / "filler", threading.Event()

    def fill() -> None:
        with filler.open("wb", buffering=0) as stream:
            while not enough.is_set():
                for size in (1 << 16, 512):
                    with contextlib.suppress(OSError):
                        while stream.write(bytes(size)) == size and not enough.is_set():
                            pass
                enough.wait(0.002)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield filler
    finally:
        enough.set()
        thread.join()


def begin(folder: Path, environment: dict[str, str], n_passes: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(folder), "sweep", "lab", "--source"]
    process = subprocess.Popen(
        [*command, "rtlsdr:0", "--range", "433M:434.8M", "--passes", str(n_passes)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        text=True,
    )
    while not list((folder / "sweeps").glob("*.journal")):
        assert process.poll() is None, process.communicate()
    return process


def told(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"nobody said {words!r}")


def test_a_live_sweep_pauses_and_goes_on(small_disk: Path, virtual_dongle: PlugIn) -> None:
    workspace = Workspace.create(small_disk)
    process = begin(small_disk, virtual_dongle(SCENE), N_PASSES)
    with filling(small_disk) as filler:
        line = told(process, "the disk is full")
    assert "passes are saved. Free some space and the sweep goes on, or end it with Ctrl-C" in line
    (journal_path,) = workspace.sweeps.glob("*.journal")
    size = journal_path.stat().st_size
    filler.unlink()
    while process.poll() is None and journal_path.stat().st_size < 2 * size:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode in (0, 3), err
    (path,) = workspace.sweeps.glob("*.h5")
    with SweepRecord.open(path) as record:
        assert 0 < int(line.split(" passes are saved")[0].split()[-1]) < record.n_rows < N_PASSES
        assert [ok for _, ok in record.verify_rows()] == [True] * record.n_rows
        assert [note.kind for note in record.notes] == ["pause"]
        assert "No space left on device" in record.notes[0].text
        assert ["stopped by the user" in gap.reason for gap in record.gaps] == [True]


def test_ctrl_c_in_a_pause_leaves_a_journal_that_can_be_recovered(small_disk: Path, virtual_dongle: PlugIn) -> None:
    workspace = Workspace.create(small_disk)
    process = begin(small_disk, virtual_dongle(SCENE), N_PASSES)
    with filling(small_disk) as filler:
        told(process, "the disk is full")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 2
    assert "quietroom recover" in err.splitlines()[-1]
    (journal_path,) = workspace.sweeps.glob("*.journal")
    filler.unlink()
    with JournalReader(journal_path) as journal:  # the reserve was enough for all that was to be said
        leaves = journal.leaves
        assert journal.judgement is not None
        assert "stopped by the user" in journal.gaps[-1].reason
        assert journal.torn_tail_bytes == 0
    assert main(["recover", str(journal_path)]) in (0, 3)
    (path,) = workspace.sweeps.glob("*.h5")
    with SweepRecord.open(path) as record:
        assert list(record.leaves) == leaves
        assert [note.kind for note in record.notes] == ["pause"]


def test_a_limit_of_the_size_of_files_leaves_a_journal_that_can_be_recovered(
    tmp_path: Path, virtual_dongle: PlugIn
) -> None:
    """No room will come, so there is nothing to wait for."""
    environment = virtual_dongle(replace(SCENE, realtime=False))
    workspace = Workspace.create(tmp_path)
    command = [sys.executable, "-c", LIMITED, "--workspace", str(tmp_path), "sweep", "lab", "--source", "rtlsdr:0"]
    result = subprocess.run(
        [*command, "--range", "433M:434.8M", "--passes", "100"],
        capture_output=True,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 2
    (journal_path,) = workspace.sweeps.glob("*.journal")
    last = result.stderr.splitlines()[-1]
    assert "File too large" in last
    assert f"quietroom recover {journal_path}" in last
    with JournalReader(journal_path) as journal:
        leaves = journal.leaves
        assert 5 < len(leaves) < 100
        assert journal.torn_tail_bytes == 0
    assert main(["recover", str(journal_path)]) in (0, 3)
    with SweepRecord.open(journal_path.with_suffix(".h5")) as record:
        assert list(record.leaves) == leaves


class FullDisk:
    """``os.pwrite`` and ``os.write`` on a disk with room for so many bytes; half of what does not fit is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 62
        for name in ("pwrite", "write"):
            monkeypatch.setattr(os, name, self._limited(getattr(os, name)))

    def _limited(self, real: Callable[..., int]) -> Callable[..., int]:
        def write(descriptor: int, data: bytes, *place: int) -> int:
            if len(data) <= self.room:
                self.room -= len(data)
                return real(descriptor, data, *place)
            real(descriptor, bytes(data)[: len(data) // 2], *place)
            raise OSError(errno.ENOSPC, "No space left on device")

        return write


def test_what_waits_is_written_once_and_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = make_layout()
    disk = FullDisk(monkeypatch)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        disk.room = (0, 100, 1 << 62)[len(waits) - 1]

    with JournalWriter.create(tmp_path / "a.journal", {}, layout) as journal:
        journal.append_row(make_row(0, layout))
        disk.room = 0
        row = make_row(1, layout)
        events = list(until_room(lambda: journal.append_row(row), journal, is_stopping=lambda: False, wait=wait))
        assert [type(event) for event in events] == [Paused, Noted]
        assert len(waits) == 3
        assert "1 passes are saved" in events[0].reason
        journal.append_gap(make_gap())
        assert ballast_path(tmp_path / "a.journal").exists()
    with JournalReader(tmp_path / "a.journal") as reader:
        assert (reader.n_rows, len(reader.leaves), len(reader.gaps), len(reader.notes)) == (2, 2, 1, 1)
        assert reader.torn_tail_bytes == 0


def test_kept_samples_wait_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan()
    disk = FullDisk(monkeypatch)

    def hop(number: int) -> HopSamples:
        return HopSamples(
            raw=make_row(number, make_layout()).hop_flags.repeat(8)[: 2 * plan.hop_samples],
            sample_format="cu8",
            center_freq_hz=float(plan.hop_centers_hz[number]),
            sample_rate_hz=plan.sample_rate_hz,
            gain_db=None,
            utc_ns=number,
            monotonic_ns=number,
            pass_index=0,
            hop_index=number,
        )

    with IqWriter(tmp_path / "kept", plan, Instrument(driver="test", sample_format="cu8")) as writer:
        for number in range(plan.n_hops):
            disk.room = 3
            with pytest.raises(DiskFullError):
                writer.write(hop(number))
            disk.room = 1 << 62
            writer.write(hop(number))
    data = (tmp_path / "kept/pass-0000.sigmf-data").read_bytes()
    assert data == b"".join(hop(number).raw.tobytes() for number in range(plan.n_hops))


def test_second_looks_wait_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge waits with them; the pause is told at once, and noted where it was."""
    disk, told = FullDisk(monkeypatch), list[Event]()
    requests = [LookRequest(center_freq_hz=167_000_000 + 10_000 * number, n_dwells=1) for number in range(3)]

    def judge(layout: Layout, rows: object, instrument: object, looks: Looks | None) -> Judgement:
        assert looks is not None
        assert looks.look(requests[0]) is not None
        disk.room = 0
        assert all(looks.look(request) is not None for request in requests[1:])
        return make_judgement(layout)

    def tell(event: Event) -> None:
        told.append(event)
        disk.room = 1 << 62

    source = open_sim("meeting-room", SourceOptions(ranges_hz=((166_365_000, 168_280_000),)))
    session = SweepSession(
        source, start=make_start(), name_record=lambda _: tmp_path / "lab.h5", judge=judge, passes=1, tell=tell
    )
    events = list(session.events())
    assert [type(event) for event in told] == [Paused]
    assert isinstance(told[0], Paused)
    assert "1 passes are saved. Free some space and the sweep goes on" in told[0].reason
    of_looks = [event for event in events if isinstance(event, LookTaken | Noted)]
    assert [type(event) for event in of_looks] == [LookTaken, Noted, LookTaken, LookTaken]
    with SweepRecord.open(tmp_path / "lab.h5") as record:
        assert [look.request for look in record.looks] == requests
        assert [intact for _, intact in record.verify_looks()] == [True] * 3
        assert [note.kind for note in record.notes] == ["pause"]
