"""Sweeps end to end through the real pyrtlsdr on a virtual dongle with faults: none ends in "no anomaly"."""

from __future__ import annotations

import ctypes
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from virtual_dongle.faults import FAULTS, PASSES, RANGE, ROOM, Ending, complaints, spoiled
from virtual_dongle.scene import Emitter, Scene

from sweep.cli.main import main
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, HopGap, HopSamples
from sweep.record import SweepRecord
from sweep.sources.live import Recovery
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr

PlugIn = Callable[[Scene], dict[str, str]]
GOOD, STATIONS = ROOM.dongles[0], ROOM.emitters
BY_NAME = {fault.name: fault for fault in FAULTS}
LOUD = Emitter(kind="noise", freq_hz=100e6, level_dbfs=-2, bandwidth_hz=1e6)
PAIRS = (
    ("drops", "dc"),
    ("stuck later", "ppm"),
    ("deaf later", "image"),
    ("stale", "refused"),
    ("unplugged", "same serial"),
    ("drift", "stronger spurs"),
    ("gain drift", "some ppm"),
    ("unplugged for a moment", "stale for a moment"),
    ("busy", "clipping"),
    ("deaf later", "stronger spurs"),
    ("deaf later", "some ppm"),
    ("deaf later", "unplugged for a moment"),
)


@pytest.fixture
def workspace(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, virtual_dongle: PlugIn) -> Path:
    """A workspace with a baseline of the room, learnt once, with a dongle that works."""
    learnt = tmp_path_factory.getbasetemp() / "learnt-lab"
    if not learnt.exists():
        learn(learnt, virtual_dongle)
    return Path(shutil.copytree(learnt, tmp_path / "ws"))


@pytest.fixture(scope="session")
def reads_of(librtlsdr: Path) -> Callable[[], int]:
    """How often the dongle was read since it was plugged in."""
    return lambda: int(ctypes.CDLL(str(librtlsdr)).virtual_dongle_reads())


@pytest.fixture
def reads(virtual_dongle: PlugIn, reads_of: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> int:
    """How often the dongle is read before a sweep itself begins; found out once."""
    kept = tmp_path_factory.getbasetemp() / "reads"
    if not kept.exists():
        virtual_dongle(ROOM)
        assert main(["devices", "--check"]) == 0
        kept.write_text(str(reads_of()))
    return int(kept.read_text())


@pytest.fixture
def swept(workspace: Path, virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str]) -> Callable[[Scene], Ending]:
    """Give a function that sweeps a scene as a user does, with the first dongle."""

    def sweep(scene: Scene) -> Ending:
        virtual_dongle(scene)
        path = workspace / "out.json"
        words = ("sweep", "lab", "--range", RANGE, "--passes", str(PASSES), "--source", "rtlsdr:0", "--json", str(path))
        capsys.readouterr()
        code = main(["--workspace", str(workspace), *words])
        document = json.loads(path.read_text()) if path.exists() else None
        return Ending(code=code, said=capsys.readouterr().err, document=document)

    return sweep


def learn(root: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(ROOM)
    assert main(["init", str(root)]) == 0
    base = ["--workspace", str(root)]
    for seed in (1, 2):
        virtual_dongle(replace(ROOM, seed=seed))
        assert main([*base, "sweep", "lab", "--range", RANGE, "--passes", "3", "--source", "rtlsdr:Q1"]) in (0, 3)
    records = sorted(str(path) for path in (root / "sweeps").glob("*.h5"))
    assert main([*base, "baseline", "learn", "lab", *records]) == 0


def test_a_good_receiver_in_a_quiet_room(swept: Callable[[Scene], Ending]) -> None:
    ending = swept(replace(ROOM, seed=9))
    assert ending.document is not None
    assert (ending.code, ending.document["verdict"]) == (0, "no_anomaly_detected"), ending.document["reasons"]


@pytest.mark.parametrize("names", [*((name,) for name in BY_NAME), *PAIRS], ids=" and ".join)
def test_faults_end_in_the_right_words_and_the_right_verdict(
    swept: Callable[[Scene], Ending], reads: int, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """All pairs: ``python -m benchmarks faults``."""
    monkeypatch.setattr(Recovery, "__init__", _impatient)
    faults = [BY_NAME[name] for name in names]
    ending = swept(spoiled(faults, reads))
    assert complaints(faults, ending) == [], ending


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


def test_what_was_done_is_in_the_record(swept: Callable[[Scene], Ending]) -> None:
    document = swept(replace(ROOM, seed=9, emitters=(*STATIONS, LOUD))).document
    assert document is not None
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
