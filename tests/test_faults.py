"""Sweeps end to end through the real pyrtlsdr on a virtual dongle with faults: none ends in "no anomaly"."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_dongle.scene import Dongle, Emitter, Scene

from sweep.cli.main import main
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, HopGap, HopSamples
from sweep.record import SweepRecord
from sweep.sources.live import Recovery
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr

PlugIn = Callable[[Scene], dict[str, str]]
STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_mhz * 1e6, level_dbfs=-24, bandwidth_hz=75e3) for freq_mhz in (89.1, 94.4, 98.3)
)
GOOD = Dongle(serial="Q1")
ROOM = Scene(emitters=STATIONS, dongles=(GOOD,))
RANGE = ["--range", "88M:104M"]
LOUD = Emitter(kind="noise", freq_hz=100e6, level_dbfs=-2, bandwidth_hz=1e6)


@pytest.fixture
def workspace(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, virtual_dongle: PlugIn) -> Path:
    """A workspace with a baseline of the room, learnt once, with a dongle that works."""
    learnt = tmp_path_factory.getbasetemp() / "learnt-lab"
    if not learnt.exists():
        learn(learnt, virtual_dongle)
    return Path(shutil.copytree(learnt, tmp_path / "ws"))


def learn(root: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(ROOM)
    assert main(["init", str(root)]) == 0
    base = ["--workspace", str(root)]
    for seed in (1, 2):
        virtual_dongle(replace(ROOM, seed=seed))
        assert main([*base, "sweep", "lab", *RANGE, "--passes", "3", "--source", "rtlsdr:Q1"]) in (0, 3)
    records = sorted(str(path) for path in (root / "sweeps").glob("*.h5"))
    assert main([*base, "baseline", "learn", "lab", *records]) == 0


def swept(root: Path, name: str = "out", *more: str, source: str = "rtlsdr:0") -> tuple[int, Mapping[str, Any]]:
    path = root / f"{name}.json"
    code = main(
        [
            "--workspace",
            str(root),
            "sweep",
            "lab",
            *RANGE,
            "--passes",
            "4",
            "--source",
            source,
            "--json",
            str(path),
            *more,
        ]
    )
    return code, json.loads(path.read_text())


FAULTS: dict[str, tuple[Callable[[Scene], Scene], str]] = {
    "stale samples": (lambda scene: replace(scene, stale_samples=240_000), "(lock after retune)"),
    "drops": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], drop_every_reads=1, drop_samples=999),)),
        "(sample loss)",
    ),
    "unplug": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], unplug_after_reads=85),)),
        "it was unplugged",
    ),
    "dc": (lambda scene: replace(scene, dc_dbfs=-6), "(dc)"),
    "image": (lambda scene: replace(scene, image_db=10), "(image)"),
    "clipping": (lambda scene: replace(scene, noise_dbfs_hz=-68.0), "(clipping)"),
    "ppm": (lambda scene: replace(scene, dongles=(replace(scene.dongles[0], ppm=90),)), "(frequency)"),
    "dead input": (lambda scene: replace(scene, noise_dbfs_hz=-130.0), "(noise rise)"),
    "stuck": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], stuck_after_reads=20),)),
        "(samples): stuck",
    ),
    "stuck later": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], stuck_after_reads=85),)),
        "gives the same samples again and again",
    ),
    "repeated later": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], repeat_after_reads=85),)),
        "gives the same samples again and again",
    ),
    "deaf later": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], deaf_after_reads=85),)),
        "the receiver went deaf there",
    ),
    "refused": (
        lambda scene: replace(scene, dongles=(replace(scene.dongles[0], refuse_start_hz=96e6, refuse_stop_hz=100e6),)),
        "(tuning range)",
    ),
    "same serial": (lambda scene: replace(scene, dongles=(scene.dongles[0],) * 2), "rtl_eeprom -d 1 -s SERIAL"),
}
PAIRS = [
    ("drops", "dc"),
    ("stuck later", "ppm"),
    ("deaf later", "image"),
    ("stale samples", "refused"),
    ("unplug", "dc"),
]


def test_each_fault_alone_ends_in_its_words_and_inconclusive(
    workspace: Path, virtual_dongle: PlugIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recovery, "__init__", _impatient)
    virtual_dongle(replace(ROOM, seed=9))
    code, document = swept(workspace)
    assert (code, document["verdict"]) == (0, "no_anomaly_detected"), document["reasons"]
    for fault, (spoil, words) in FAULTS.items():
        virtual_dongle(spoil(replace(ROOM, seed=9)))
        code, document = swept(workspace, fault.replace(" ", "-"))
        assert (code, document["verdict"]) == (3, "inconclusive"), (fault, document["reasons"])
        assert any(words in reason for reason in document["reasons"]), (fault, document["reasons"])


@pytest.mark.parametrize("pair", PAIRS)
def test_faults_in_pairs(
    workspace: Path, virtual_dongle: PlugIn, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]
) -> None:
    monkeypatch.setattr(Recovery, "__init__", _impatient)
    scene = replace(ROOM, seed=9)
    for fault in pair:
        scene = FAULTS[fault][0](scene)
    virtual_dongle(scene)
    code, document = swept(workspace)
    assert (code, document["verdict"]) == (3, "inconclusive"), document["reasons"]
    for fault in pair:
        assert any(FAULTS[fault][1] in reason for reason in document["reasons"]), (fault, document["reasons"])


def _impatient(recovery: Recovery, **_: object) -> None:
    for name, value in (("patience", 1), ("retry_s", 0.0), ("wait", lambda _: None)):
        object.__setattr__(recovery, name, value)


def test_an_overloaded_hop_is_taken_again_at_a_lower_gain(virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(ROOM, emitters=(*STATIONS, LOUD)))
    source = open_rtlsdr("0", SourceOptions(ranges_hz=((88_000_000, 104_000_000),)))
    hops = [block for block in source.blocks(2) if isinstance(block, HopSamples)]
    source.close()
    assert len(hops) == 2 * source.plan.n_hops
    lowered = [hop for hop in hops if hop.gain_db != 28.0]
    assert lowered
    assert {hop.gain_db for hop in lowered} <= {16.6, 8.7}
    assert {hop.hop_index for hop in lowered if hop.pass_index == 0} == {hop.hop_index for hop in lowered}
    assert all(abs(hop.center_freq_hz - 100e6) < 3e6 for hop in lowered)
    notes = [hop.note for hop in hops if hop.note]
    assert len(notes) == len(lowered) / 2, "said once, not in each pass"
    assert all("was overloaded and was taken again, and is from now on, at a gain of" in note for note in notes)
    assert max(np.count_nonzero(hop.raw == 255) for hop in lowered) < 10


def test_a_band_that_goes_deaf_is_said_and_the_rest_is_not_touched(virtual_dongle: PlugIn) -> None:
    dongle = replace(GOOD, deaf_after_reads=40, deaf_start_hz=96e6, deaf_stop_hz=100e6)
    virtual_dongle(replace(ROOM, dongles=(dongle,)))
    source = open_rtlsdr("0", SourceOptions(ranges_hz=((88_000_000, 104_000_000),)))
    hops = [block for block in source.blocks(8) if isinstance(block, HopSamples)]
    source.close()
    notes = [hop for hop in hops if hop.note]
    assert notes
    assert all(96e6 <= hop.center_freq_hz < 100e6 for hop in notes)
    assert all("was deaf, also when it was taken again" in hop.note for hop in notes)
    assert len({hop.hop_index for hop in notes}) == len(notes)


def test_samples_that_come_again_are_gaps(virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(ROOM, dongles=(replace(GOOD, stuck_after_reads=30),)))
    source = open_rtlsdr("0", SourceOptions(ranges_hz=((88_000_000, 104_000_000),)))
    blocks = list(source.blocks(5))
    source.close()
    kinds = [isinstance(block, HopGap) for block in blocks]
    assert kinds == sorted(kinds)
    assert sum(kinds) > 10


def test_what_was_done_is_in_the_record(workspace: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(ROOM, seed=9, emitters=(*STATIONS, LOUD)))
    _, document = swept(workspace)
    with SweepRecord.open(Path(document["record"])) as record:
        texts = [note.text for note in record.notes if note.kind == "receiver"]
        row = next(iter(record.rows()))
    assert any("at a gain of" in text for text in texts)
    lowered = row.hop_gain_db < 28
    assert lowered.any()
    assert not np.any(row.hop_flags[lowered] & HOP_OVERLOADED)
    assert np.all(row.hop_flags & HOP_MEASURED)
    heard = [finding for finding in document["findings"] if abs(finding["center_freq_hz"] - 100e6) < 1.5e6]
    assert heard, document["findings"]
    assert max(finding["power_dbfs"] for finding in heard) == pytest.approx(-2, abs=2.5), "on the scale of 28 dB"
