"""Processes that analyse hops: the same numbers, whatever becomes of them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sweep.analysis
from dsp.errors import DeviceError, ParameterError
from sweep.analysis import analysed
from sweep.analysts import LOT_BYTES, Analysts, examine_all
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan, plan_hops
from sweep.stored_hop import StoredHop

PLAN = plan_hops(((430_000_000, 436_000_000),), sample_rate_hz=2_400_000, bin_width_hz=10_000, n_frames=8)


def hops(count: int, plan: SweepPlan = PLAN) -> list[HopSamples | HopGap]:
    return [hop(number, plan) for number in range(count)]


def hop(number: int, plan: SweepPlan = PLAN) -> HopSamples | HopGap:
    pass_index, hop_index = divmod(number, plan.n_hops)
    moment = {"pass_index": pass_index, "hop_index": hop_index, "utc_ns": number, "monotonic_ns": number}
    if number % 7 == 5:
        return HopGap(**moment, reason="the dongle was unplugged")
    return HopSamples(
        raw=np.random.default_rng(number).integers(100, 156, 2 * plan.hop_samples).astype(np.uint8),
        sample_format="cu8",
        center_freq_hz=plan.hop_centers_hz[hop_index] + 10.0 * number,  # some are mixed to the grid
        sample_rate_hz=plan.sample_rate_hz,
        gain_db=None,
        **moment,
    )


def equal(one: StoredHop | HopGap, other: StoredHop | HopGap) -> bool:
    if isinstance(one, HopGap) or isinstance(other, HopGap):
        return one == other
    np.testing.assert_equal(dict(one.facts), dict(other.facts))
    return (one.pass_index, one.hop_index) == (other.pass_index, other.hop_index) and np.array_equal(
        one.levels, other.levels
    )


@pytest.fixture
def analysts() -> Iterator[Analysts]:
    with contextlib.closing(Analysts(PLAN, 1)) as crew:
        yield crew


def processes_of(crew: Analysts) -> list[subprocess.Popen[bytes]]:
    return [analyst._process for analyst in crew._all]


def test_they_change_no_number(analysts: Analysts) -> None:
    for first in range(0, 24, 8):
        blocks = hops(24)[first : first + 8]
        assert all(map(equal, analysts.examine_all(blocks), examine_all(PLAN, blocks)))


def test_what_does_not_fit_is_examined_here(analysts: Analysts) -> None:
    blocks = hops(1 + LOT_BYTES // (2 * PLAN.hop_samples))
    assert all(map(equal, analysts.examine_all(blocks), examine_all(PLAN, blocks)))


def test_a_refusal_comes_back(analysts: Analysts) -> None:
    block = hop(0)
    assert isinstance(block, HopSamples)
    with pytest.raises(ParameterError, match="'cu9'"):
        analysts.examine_all([replace(block, sample_format="cu9")])
    assert equal(analysts.examine_all([block])[0], examine_all(PLAN, [block])[0])


def test_where_one_is_killed_nothing_is_lost(analysts: Analysts) -> None:
    (process,) = processes_of(analysts)
    process.kill()
    process.wait()
    blocks = hops(8)
    assert all(map(equal, analysts.examine_all(blocks), examine_all(PLAN, blocks)))


def test_ctrl_c_is_not_for_them(analysts: Analysts) -> None:
    (process,) = processes_of(analysts)
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_they_end_with_who_made_them(tmp_path: Path) -> None:
    """No process is left behind where the sweep is killed, which can tell nobody."""
    script = tmp_path / "sweep_of.py"
    script.write_text(
        "import sys, time\n"
        "from sweep.analysts import Analysts\n"
        "from sweep.plan import plan_hops\n"
        "crew = Analysts(plan_hops(((430_000_000, 436_000_000),), sample_rate_hz=2_400_000), 1)\n"
        "print(crew._all[0]._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        child = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    ended = select.select([child], [], [], 60)[0]
    os.close(child)
    assert ended, f"process {pid} lives on"


@pytest.mark.parametrize("failing", [False, True], ids=["ends", "fails"])
def test_a_source_that_waits_gets_them(monkeypatch: pytest.MonkeyPatch, failing: bool) -> None:
    monkeypatch.setattr(sweep.analysis, "_LONG_WAIT", 3)
    made: list[Analysts] = []

    class Noted(Analysts):
        def __init__(self, plan: SweepPlan, count: int) -> None:
            super().__init__(plan, count)
            made.append(self)

    monkeypatch.setattr(sweep.analysis, "Analysts", Noted)
    blocks = hops(205)

    def source() -> Iterator[HopSamples | HopGap]:
        yield from blocks
        if failing:
            raise DeviceError("the dongle was unplugged")

    seen = []
    with pytest.raises(DeviceError, match="unplugged") if failing else contextlib.nullcontext():
        for item in analysed(source(), PLAN):
            seen.append(item)
    assert [item.block for item in seen] == blocks
    assert all(map(equal, (item.outcome for item in seen), examine_all(PLAN, blocks)))
    assert len(made) == 1
    assert all(process.poll() is not None for process in processes_of(made[0]))


def test_without_room_for_processes_threads_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(sweep.analysis, "_LONG_WAIT", 3)
    monkeypatch.setattr(sweep.analysis, "Analysts", no_room)
    assert len(list(analysed(iter(hops(100)), PLAN))) == 100
