"""A live sweep and the replay of its kept samples give the same rows and findings, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from virtual_dongle.scene import Dongle, Emitter, Scene

from sweep.cli.main import main
from sweep.model import HOP_MEASURED
from sweep.record import SweepRecord
from sweep.workspace import Workspace

RANGES = ["--range", "430M:436M"]
EMITTERS = (
    Emitter(freq_hz=431.2e6, level_dbfs=-50.0),
    Emitter(kind="fm", freq_hz=433.92e6, level_dbfs=-45.0, bandwidth_hz=5e3),
    Emitter(kind="noise", freq_hz=435.1e6, level_dbfs=-40.0, bandwidth_hz=50e3, period_s=0.05, duty=0.4),
)
HEALTHY = Scene(emitters=EMITTERS, dc_dbfs=-45.0, retune_s=0.0005, stale_samples=4000)
AILING = Scene(
    emitters=EMITTERS,
    retune_s=0.0005,
    dongles=(Dongle(unplug_after_reads=56, replug_after_tries=2),),
)

Plug = Callable[[Scene], dict[str, str]]


class Bench:
    """A workspace in which the same room is swept and replayed."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.create(root)
        self.result = root / "result.json"

    def run(self, *words: str) -> dict[str, Any]:
        argv = ["--workspace", str(self.workspace.root), *words, "--json", str(self.result)]
        assert main(argv) in (0, 3)
        document: dict[str, Any] = json.loads(self.result.read_text())
        return document

    def sweep(self, source: str, *words: str) -> dict[str, Any]:
        return self.run("sweep", "lab", "--source", source, *RANGES, "--keep-iq", *words)

    def replay(self, live: dict[str, Any], *words: str) -> dict[str, Any]:
        kept = sorted(str(path) for path in Path(live["record"]).with_suffix(".iq").glob("*.sigmf-meta"))
        assert kept
        return self.run("replay", "lab", *kept, *words)


def assert_same(live: dict[str, Any], replayed: dict[str, Any]) -> None:
    assert live["record"] != replayed["record"]
    with SweepRecord.open(Path(live["record"])) as first, SweepRecord.open(Path(replayed["record"])) as second:
        assert first.n_rows > 0
        assert first.leaves == second.leaves
        assert [ok for _, ok in second.verify_rows()] == [True] * second.n_rows
        assert first.plan == second.plan
        assert [(gap.pass_index, gap.hop_index, gap.reason) for gap in first.gaps] == [
            (gap.pass_index, gap.hop_index, gap.reason) for gap in second.gaps
        ]
    assert {**live, "record": ""} == {**replayed, "record": ""}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "ws")


@pytest.mark.parametrize("scene", [HEALTHY, AILING], ids=["healthy", "ailing"])
def test_through_the_driver(bench: Bench, virtual_dongle: Plug, scene: Scene) -> None:
    virtual_dongle(scene)
    live = bench.sweep("rtlsdr:0", "--passes", "5")
    assert_same(live, bench.replay(live))
    with SweepRecord.open(Path(live["record"])) as record:
        if scene is AILING:
            assert record.gaps
            assert any((row.hop_flags & HOP_MEASURED).min() == 0 for row in record.rows())
        else:
            assert not record.gaps
            found_mhz = [finding["center_freq_hz"] / 1e6 for finding in live["findings"]]
            for emitter in EMITTERS[:2]:
                assert any(abs(mhz - emitter.freq_hz / 1e6) < 0.02 for mhz in found_mhz), found_mhz


def test_against_a_baseline(bench: Bench) -> None:
    """The same judgement too where the room has a baseline and a bug was planted."""
    clean = [
        bench.sweep(f"sim:meeting-room?visit={visit}", "--passes", "3", "--baseline", "none")["record"]
        for visit in (0, 1)
    ]
    bench.run("baseline", "learn", "lab", *clean)
    live = bench.sweep("sim:meeting-room?visit=2&bugs=all", "--passes", "3")
    assert live["baseline"] is not None
    assert_same(live, bench.replay(live))
