"""Ctrl-C closes the record properly; a second one leaves a journal that can be recovered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.cli.main import main
from sweep.model import HOP_MEASURED, HopGap, HopSamples, IqSource
from sweep.record import SweepRecord
from sweep.sources import registry
from sweep.sources.options import SourceOptions
from sweep.sources.sim import SimSource, open_sim
from sweep.workspace import Workspace

RANGE = ["--range", "430M:440M"]
LAST_PASS = 3  # of 6 hops: more than are read ahead, so there is a journal


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the sweep did not begin"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_of_a_real_process(tmp_path: Path, number: signal.Signals) -> None:
    workspace = Workspace.create(tmp_path)
    command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(tmp_path), "sweep", "lab", "--json", "-"]
    process = subprocess.Popen(
        [*command, "--source", "sim:meeting-room?pace=1", *RANGE, "--duration", "1h"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    wait_for(workspace.sweeps, "*.journal", process)
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 3), err
    assert "stopping after this hop" in err
    document = json.loads(out)
    left = [path.name for path in workspace.sweeps.iterdir() if path.suffix != ".snippets"]
    assert left == [os.path.basename(document["record"])]  # noqa: PTH119
    with SweepRecord.open(Path(document["record"])) as record:
        assert "stopped by the user at hop" in record.gaps[-1].reason
        assert record.n_rows >= 1
        assert all(ok for _, ok in record.verify_rows())


def press() -> None:
    """Press Ctrl-C as the terminal does: the process is told; wait until it has heard it."""
    handler = signal.getsignal(signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    end = time.monotonic() + 5
    while handler is not signal.default_int_handler and signal.getsignal(signal.SIGINT) is handler:
        assert time.monotonic() < end, "nobody heard it"
        time.sleep(0.001)


class Impatient:
    """A simulated room in which the user presses Ctrl-C at a certain hop, so many times."""

    def __init__(self, source: SimSource, hop_index: int, presses: int) -> None:
        self._source = source
        self._hop_index = hop_index
        self._presses = presses
        self.instrument = source.instrument
        self.plan = source.plan

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        for block in self._source.blocks(passes):
            if block.pass_index == LAST_PASS and block.hop_index == self._hop_index:
                for _ in range(self._presses):
                    press()
            yield block

    def close(self) -> None:
        self._source.close()


def open_impatient(address: str, options: SourceOptions) -> IqSource:
    return Impatient(open_sim("meeting-room", options), hop_index=2, presses=int(address))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(registry, "_OPENERS", dict(registry._OPENERS))
    registry.register_source("impatient", open_impatient)
    return Workspace.create(tmp_path)


def sweep(workspace: Workspace, presses: int, *words: str) -> int:
    command = ["--workspace", str(workspace.root), "sweep", "lab", "--source", f"impatient:{presses}", *RANGE]
    return main([*command, "--passes", str(LAST_PASS + 1), *words])


def test_the_part_that_was_measured_is_kept(workspace: Workspace) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert sweep(workspace, 1, "--keep-iq") in (0, 3)
    assert signal.getsignal(signal.SIGINT) is before
    (path,) = workspace.sweeps.glob("*.h5")
    with SweepRecord.open(path) as record:
        rows = list(record.rows())
        n_hops = record.layout.n_hops
        assert [int((row.hop_flags & HOP_MEASURED).sum()) for row in rows] == [n_hops] * LAST_PASS + [3]
        assert [gap.reason for gap in record.gaps] == [f"stopped by the user at hop 3 of {n_hops}"]
        kept = str(path.with_suffix(".iq"))
        assert main(["--workspace", str(workspace.root), "replay", "lab", kept]) in (0, 3)
        (again,) = set(workspace.sweeps.glob("*.h5")) - {path}
        with SweepRecord.open(again) as replayed:
            assert replayed.leaves == record.leaves
            assert [gap.reason for gap in replayed.gaps] == [gap.reason for gap in record.gaps]


def test_a_second_interrupt_leaves_the_journal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(workspace, 2) == 130
    (journal,) = workspace.sweeps.glob("*.journal")
    assert not list(workspace.sweeps.glob("*.h5*"))
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert f"quietroom recover {journal}" in last_line
    assert main(["recover", str(journal)]) in (0, 3)  # as the message says, from any folder
    (path,) = workspace.sweeps.glob("*.h5")
    with SweepRecord.open(path) as record:
        assert record.recovered
        assert 1 <= record.n_rows <= LAST_PASS
