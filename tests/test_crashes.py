"""Real sweeps through pyrtlsdr on the virtual dongle, killed at random moments: the short version of the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crashing.kills import MOMENTS, SweepBench
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
WORDS = ("--source", "rtlsdr:0", "--range", "433M:436M", "--passes", "40", "--camp", "2s")


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
