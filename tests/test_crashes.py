"""Real sweeps through pyrtlsdr on the virtual dongle, killed at random moments, and the power cut: a short version.

The long one is ``python -m benchmarks.crashes``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crashing.kills import MOMENTS, SweepBench
from crashing.power import PHASES, build_log_library, cuts, logged_recovery, logged_sweep
from virtual_dongle.scene import Emitter, Scene

from sweep.cli.main import main

PlugIn = Callable[[Scene], dict[str, str]]
SCENE = Scene(
    retune_s=0.001,
    emitters=(
        Emitter(kind="fm", freq_hz=433.92e6, level_dbfs=-25, bandwidth_hz=75e3),
        Emitter(kind="noise", freq_hz=435.1e6, level_dbfs=-35, bandwidth_hz=50e3, period_s=0.05, duty=0.4),
    ),
)
WORDS = ("sweep", "lab", "--source", "rtlsdr:0", "--range", "433M:436M", "--passes", "20", "--camp", "1s")


@pytest.fixture
def bench(tmp_path: Path, virtual_dongle: PlugIn, monkeypatch: pytest.MonkeyPatch) -> SweepBench:
    environment = virtual_dongle(SCENE)
    monkeypatch.setenv("QUIETROOM_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("QUIETROOM_KEY_PASSPHRASE", "")
    assert main(["keys", "make", "--identity", "test@example.org"]) == 0
    return SweepBench(tmp_path, {**environment, "QUIETROOM_KEYS": str(tmp_path / "keys")}, WORDS)


def test_a_killed_sweep_keeps_what_it_said_was_saved(bench: SweepBench) -> None:
    kills = [bench.kill(number, moment) for number, moment in enumerate(("sweep", *MOMENTS))]
    assert [kill.broken for kill in kills] == [()] * len(kills)
    assert sum(len(leaves) for kill in kills for leaves in kill.told.leaves.values()) > 0
    assert any(kill.killed for kill in kills)


def test_a_power_cut_keeps_what_was_told_to_be_saved(bench: SweepBench, tmp_path: Path) -> None:
    library = build_log_library(tmp_path)
    made = list(cuts(logged_sweep(bench, library, "whole"), tmp_path / "scratch", n_cuts=15, seed=1))
    killed = logged_sweep(bench, library, "killed", kill_after=10)
    first = logged_recovery(bench, library, killed)
    made += cuts(killed, tmp_path / "scratch", n_cuts=6, seed=2, first=first)
    assert [cut.broken for cut in made] == [()] * 21
    assert {cut.phase for cut in made} == set(PHASES)
    assert max(cut.n_told for cut in made) >= 20
