"""Checks of a receiver, with the real pyrtlsdr over the virtual dongle, with faults one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_dongle.scene import Dongle, Emitter, Scene

from sweep.cli.main import main
from sweep.health.carriers import station_offsets
from sweep.health.checks import FAIL, NOT_POSSIBLE, PASS, WARN, Check
from sweep.health.counting import count_breaks
from sweep.health.machine import check_clock, check_disk
from sweep.health.preflight import preflight
from sweep.health.samples import sample_facts
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr, serial_check

PlugIn = Callable[[Scene], dict[str, str]]
STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_mhz * 1e6, level_dbfs=-24, bandwidth_hz=75e3) for freq_mhz in (89.1, 94.4, 98.3)
)
GOOD = Dongle(serial="Q1")
ROOM = Scene(emitters=STATIONS, dongles=(GOOD,))
RANGES = ((88_000_000, 104_000_000),)


def checked(scene: Scene) -> dict[str, Check]:
    """Checks of the first dongle of a scene that is plugged in already."""
    source = open_rtlsdr("0", SourceOptions(ranges_hz=RANGES))
    try:
        found = (serial_check(scene.dongles[0].serial), *preflight(source))
    finally:
        source.close()
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}


def test_a_good_receiver_passes(virtual_dongle: PlugIn) -> None:
    virtual_dongle(ROOM)
    found = checked(ROOM)
    assert {check.state for check in found.values()} <= {PASS, NOT_POSSIBLE}
    assert [name for name, check in found.items() if check.state == NOT_POSSIBLE] == ["warm-up drift"]
    assert found["frequency"].value == pytest.approx(0, abs=2)
    assert found["noise rise"].value == pytest.approx(6, abs=2)
    assert found["sample loss"].words == "none lost in 1.2 million samples, by the chip's counter"
    assert all("\n" not in check.words for check in found.values())


@pytest.mark.parametrize(
    ("scene", "name", "state", "words"),
    [
        (replace(ROOM, dongles=(GOOD, GOOD)), "serial", FAIL, "give dongle 1 one of its own with: rtl_eeprom -d 1 -s"),
        (replace(ROOM, dongles=(Dongle(),)), "serial", WARN, "the factory's 00000001"),
        (replace(ROOM, dongles=(replace(GOOD, tuner=99),)), "tuner", WARN, "unknown tuner 99"),
        (
            replace(ROOM, dongles=(replace(GOOD, drop_every_reads=1, drop_samples=999),)),
            "sample loss",
            FAIL,
            "use another USB port",
        ),
        (
            replace(ROOM, dongles=(replace(GOOD, drop_every_reads=8, drop_samples=999),)),
            "sample loss",
            WARN,
            "counter jumped 1 times",
        ),
        (replace(ROOM, dongles=(replace(GOOD, stuck_after_reads=30),)), "samples", FAIL, "stuck"),
        (replace(ROOM, dongles=(replace(GOOD, repeat_after_reads=30),)), "samples", FAIL, "repeated"),
        (replace(ROOM, dc_dbfs=-20), "dc", WARN, "-20.0 dBFS; it hides"),
        (replace(ROOM, dc_dbfs=-6), "dc", FAIL, "use another dongle"),
        (replace(ROOM, image_db=25), "image", WARN, "25 dB below what"),
        (replace(ROOM, image_db=10), "image", FAIL, "mirrored"),
        (
            replace(ROOM, emitters=(*STATIONS, Emitter(freq_hz=100.5e6, level_dbfs=3))),
            "clipping",
            WARN,
            "choose a lower --gain (now 28 dB)",
        ),
        (replace(ROOM, noise_dbfs_hz=-68.0), "clipping", FAIL, "overload the converter"),
        (replace(ROOM, noise_dbfs_hz=-111.0), "noise rise", WARN, "converter's own noise covers"),
        (replace(ROOM, noise_dbfs_hz=-130.0), "noise rise", FAIL, "the input is dead; check antenna"),
        (replace(ROOM, dongles=(replace(GOOD, deaf_after_reads=1),)), "noise rise", FAIL, "the input is dead"),
        (replace(ROOM, stale_samples=240_000), "lock after retune", FAIL, "of the old tuning are left"),
        (replace(ROOM, dongles=(replace(GOOD, stuck_after_reads=1),)), "sample loss", NOT_POSSIBLE, "no counter"),
        (replace(ROOM, stale_samples=240_000), "settle time", WARN, "60 ms assumed"),
        (replace(ROOM, dongles=(replace(GOOD, ppm=40),)), "frequency", WARN, "correct it with --ppm "),
        (replace(ROOM, dongles=(replace(GOOD, ppm=-90),)), "frequency", FAIL, "correct it with --ppm -"),
        (replace(ROOM, emitters=()), "frequency", NOT_POSSIBLE, "unknown"),
        (replace(ROOM, emitters=()), "lock after retune", NOT_POSSIBLE, "received power differs by"),
        (
            replace(ROOM, dongles=(replace(GOOD, refuse_start_hz=96e6, refuse_stop_hz=105e6),)),
            "tuning range",
            FAIL,
            "were refused, the lowest at",
        ),
        (replace(ROOM, dongles=(replace(GOOD, unplug_after_reads=30),)), "receiver", FAIL, "it was unplugged"),
    ],
)
def test_each_fault_is_told_in_its_words(
    virtual_dongle: PlugIn, scene: Scene, name: str, state: str, words: str
) -> None:
    virtual_dongle(scene)
    check = checked(scene)[name]
    assert (check.state, words in check.words) == (state, True), check
    assert "\n" not in check.words


def test_samples_that_are_all_of_the_tuning_before_are_told_over_the_whole_band(virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(ROOM, stale_samples=240_000))
    source = open_rtlsdr("0", SourceOptions())
    found = {check.name: check for check in preflight(source)}
    source.close()
    assert found["lock after retune"].state == FAIL, found["lock after retune"]


def test_a_loss_that_the_sweep_can_hear_is_counted() -> None:
    counter = np.arange(100_000).astype(np.uint8)
    assert count_breaks(counter) == 0
    assert count_breaks(np.concatenate([counter[:999], counter[1001:40_000], counter[40_007:]])) == 2


@given(dc=st.floats(-0.3, 0.3), image_db=st.floats(6, 30), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_dc_and_image_are_measured(dc: float, image_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = 0.1 * (rng.standard_normal(61_440) + 1j * rng.standard_normal(61_440))
    iq = noise + 10 ** (-image_db / 20) * np.exp(1j * seed) * noise.conj() + dc
    raw = np.clip(np.rint(127.5 + 128 * np.column_stack([iq.real, iq.imag]).ravel()), 0, 255).astype(np.uint8)
    facts = sample_facts(raw)
    assert facts.image_db == pytest.approx(image_db, abs=1.5)
    assert facts.dc_dbfs == pytest.approx(20 * np.log10(max(abs(dc), 1e-3)), abs=1.0) or abs(dc) < 0.02
    assert facts.repeated_share == 0
    assert sample_facts(np.concatenate([raw, raw])).repeated_share == pytest.approx(0.5, abs=0.01)


@given(ppm=st.floats(-150, 150), audio_hz=st.floats(100, 8000), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=15)
def test_the_error_of_a_station_is_that_of_the_crystal(ppm: float, audio_hz: float, seed: int) -> None:
    rng, rate_hz, n = np.random.default_rng(seed), 2_400_000, 480_000
    offset_hz = 98.3e6 * (1 - ppm * 1e-6) - 98.5e6
    time_s = np.arange(n) / rate_hz
    phase = 2 * np.pi * offset_hz * time_s - 60e3 / audio_hz * np.cos(2 * np.pi * audio_hz * time_s)
    iq = 0.1 * np.exp(1j * phase) + 0.005 * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    found = station_offsets(iq.astype(np.complex64), 98_500_000, rate_hz)
    assert [freq_hz for freq_hz, _ in found] == [98.3e6]
    assert -1e6 * found[0][1] / 98.3e6 == pytest.approx(ppm, abs=1e6 * 60e3 / (2 * np.pi * audio_hz * 0.1 * 98.3e6) + 1)


def test_disk_and_clock(tmp_path: Path) -> None:
    assert check_disk(tmp_path, 0).state == PASS
    assert check_disk(tmp_path, 1 << 62).state == FAIL
    assert "make room" in check_disk(tmp_path, 1 << 62).words
    assert check_clock().state in (PASS, WARN, NOT_POSSIBLE)


def test_devices_check_prints_a_table_and_json(
    virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    virtual_dongle(replace(ROOM, dc_dbfs=-6))
    path = tmp_path / "checks.json"
    assert main(["devices", "--check", "--json", str(path)]) == 3
    out = capsys.readouterr().out
    assert "dc                 FAIL" in out
    assert max(map(len, out.splitlines())) <= 100
    (told,) = json.loads(path.read_text())["checked"]
    assert told["source"] == "rtlsdr:0"
    by_name = {check["name"]: check for check in told["checks"]}
    assert (by_name["dc"]["state"], by_name["dc"]["unit"]) == ("FAIL", "dBFS")
    assert {"free disk", "clock source", "serial"} <= set(by_name)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["devices", "--source", "rtlsdr:0"], "add --check"),
        (["devices", "--check", "--source", "sim:meeting-room"], None),
        (["devices", "--check", "--source", "nothing"], "is none of rtlsdr:"),
    ],
)
def test_what_cannot_be_checked_is_said(
    virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str | None
) -> None:
    virtual_dongle(ROOM)
    code, told = main(arguments), capsys.readouterr()
    assert (code, "no receiver" in told.out) == (0, True) if words is None else (code, words in told.err) == (2, True)
    virtual_dongle(Scene(dongles=()))
    assert main(["devices", "--check"]) == 3


def test_checks_are_kept_with_the_sweep(
    virtual_dongle: PlugIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(replace(ROOM, dc_dbfs=-6))
    base = ["--workspace", str(tmp_path)]
    assert main([*base, "init"]) == 0
    json_path = tmp_path / "out.json"
    swept = [*base, "sweep", "lab", "--range", "88M:104M", "--passes", "3", "--json", str(json_path)]
    assert main(swept) == 3
    told = capsys.readouterr()
    assert "FAIL Q1 dc" not in told.err
    assert "quietroom: FAIL dc: at most -6.0 dBFS" in told.err
    document = json.loads(json_path.read_text())
    assert document["verdict"] == "inconclusive"
    assert document["reasons"][0].startswith("the receiver failed its check (dc): at most -6.0 dBFS")
    assert {check["name"]: check["state"] for check in document["checks"]}["dc"] == "FAIL"
    (record,) = (tmp_path / "sweeps").glob("*.h5")
    with h5py.File(record) as file:
        table = file["entry/health/checks"][()]
    assert dict(zip(table["name"], table["state"], strict=True))[b"dc"] == b"FAIL"
    assert main([*base, "compare", str(record), "--baseline", "none"]) in (2, 3)
    assert main([*base, "report", str(record), "--html", "-o", str(tmp_path / "r.pdf")]) == 0
    assert "Check of the receiver" in (tmp_path / "r.html").read_text()
    assert asdict(Check(name="a", state="PASS", words="b"))["value"] is None
