"""The error of a crystal against GSM base stations, and how far it drifts while a sweep goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_preflight import GOOD, ROOM, STATIONS, checked
from virtual_dongle.scene import Emitter, Scene

from dsp.errors import DeviceError
from sweep.cli.main import main
from sweep.health.carriers import CarrierError
from sweep.health.checks import NOT_POSSIBLE, PASS, WARN
from sweep.health.drift import Drift, DriftWatch, furthest_drift
from sweep.health.gsm import gsm_offsets
from sweep.health.preflight import preflight
from sweep.record import SweepRecord
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr

PlugIn = Callable[[Scene], dict[str, str]]
RATE_HZ, CENTER_HZ, N = 2_400_000, 936_000_000, 614_400
FRAME_S, TONE_HZ = 0.06 / 13, 1_625_000 / 24


def base_station(seed: int, first_frame: int, *, with_tones: bool = True) -> NDArray[np.complex128]:
    """A GSM carrier with random data, and the tone in the frames in which one sends it (GMSK, BT 0.3)."""
    rng, symbol_hz, per_frame, fine = np.random.default_rng(seed), 1_625_000 / 6, 1250, 8
    n_frames = int(N / RATE_HZ / FRAME_S) + 2
    bits = rng.integers(0, 2, n_frames * per_frame)
    for frame in range(n_frames):
        if with_tones and (frame + first_frame) % 51 in (0, 10, 20, 30, 40):
            bits[frame * per_frame : frame * per_frame + 148] = 0
    time = np.arange(-2 * fine, 2 * fine + 1) / fine
    pulse = np.exp(-2 * (np.pi * 0.3 * time) ** 2 / np.log(2))
    steps = np.convolve(np.repeat(1.0 - 2 * bits, fine), pulse / pulse.sum(), "same")
    phase = np.cumsum(steps) * np.pi / 2 / fine
    return np.exp(1j * np.interp(np.arange(N) / RATE_HZ, np.arange(phase.size) / (symbol_hz * fine), phase))


def on_air(stations: dict[float, NDArray[np.complex128]], ppm: float, snr_db: float) -> NDArray[np.complex64]:
    rng = np.random.default_rng(5)
    noise = np.sqrt(0.5 * 10 ** (-snr_db / 10) * RATE_HZ / 200e3)
    iq = noise * (rng.standard_normal(N) + 1j * rng.standard_normal(N))
    for carrier_hz, signal in stations.items():
        shown_hz = carrier_hz * (1 - ppm * 1e-6) - CENTER_HZ
        iq += signal * np.exp(2j * np.pi * shown_hz * np.arange(N) / RATE_HZ)
    return (0.1 * iq).astype(np.complex64)


@given(ppm=st.floats(-85, 85), first_frame=st.integers(0, 50), snr_db=st.sampled_from([15.0, 25.0]))
@settings(deadline=None, max_examples=8)
def test_a_base_station_tells_the_error_to_a_tenth_of_a_ppm(ppm: float, first_frame: int, snr_db: float) -> None:
    stations = {935.4e6: base_station(1, first_frame), 936.4e6: base_station(2, 0, with_tones=False)}
    found = gsm_offsets(on_air(stations, ppm, snr_db), CENTER_HZ, RATE_HZ)
    assert [carrier_hz for carrier_hz, _ in found] == [935.4e6]
    assert -1e6 * found[0][1] / 935.4e6 == pytest.approx(ppm, abs=0.1)


def test_what_is_no_base_station_is_taken_for_none() -> None:
    time_s = np.arange(N) / RATE_HZ
    carrier = np.exp(2j * np.pi * TONE_HZ * time_s)
    period_s = np.modf(time_s / 0.0444)[0] * 0.0444  # a tone as long as theirs, at other times
    for signal in (carrier, carrier * (period_s < 0.000546), base_station(3, 0, with_tones=False)):
        assert gsm_offsets(on_air({935.4e6: signal}, 0.0, 20.0), CENTER_HZ, RATE_HZ) == []
    assert gsm_offsets(on_air({}, 0.0, 20.0), CENTER_HZ, RATE_HZ) == []


def heard_station(ppm_off: float = 0.0) -> tuple[Emitter, ...]:
    """For the virtual dongle: the tone as often as it comes, in noise as wide as a carrier."""
    carrier_hz = 936.2e6 * (1 - ppm_off * 1e-6)
    tone = Emitter(freq_hz=carrier_hz + TONE_HZ, level_dbfs=-14, period_s=10 * FRAME_S, duty=0.000546 / (10 * FRAME_S))
    return (Emitter(kind="noise", freq_hz=carrier_hz, level_dbfs=-24, bandwidth_hz=160e3), tone)


def test_the_check_prefers_gsm_and_believes_it_only_where_broadcast_stations_agree(virtual_dongle: PlugIn) -> None:
    dongle = replace(GOOD, ppm=23.4)
    virtual_dongle(replace(ROOM, emitters=(*STATIONS, *heard_station()), dongles=(dongle,)))
    check = checked(ROOM)["frequency"]
    assert (check.state, check.value) == (WARN, pytest.approx(23.4, abs=0.2))
    assert "+23.4 ppm off, by 1 GSM base station within 0.1 ppm; correct it with --ppm 23" in check.words
    virtual_dongle(replace(ROOM, emitters=heard_station(), dongles=(dongle,)))
    assert checked(ROOM)["frequency"].value == pytest.approx(23.4, abs=0.2)
    virtual_dongle(replace(ROOM, emitters=(*STATIONS, *heard_station(ppm_off=40)), dongles=(dongle,)))
    check = checked(ROOM)["frequency"]
    assert (check.state, check.value) == (NOT_POSSIBLE, None)
    assert "ppm apart; one of them is not what it seems" in check.words


def test_neither_the_offset_of_the_receiver_nor_a_stray_carrier_passes_for_a_station(virtual_dongle: PlugIn) -> None:
    dongle = replace(GOOD, ppm=40)
    virtual_dongle(replace(ROOM, dongles=(dongle,), dc_dbfs=-15))
    assert checked(ROOM)["frequency"].value == pytest.approx(40, abs=1)
    stray = Emitter(freq_hz=96.505e6, level_dbfs=-20)
    virtual_dongle(replace(ROOM, dongles=(dongle,), emitters=(*STATIONS, stray)))
    assert checked(ROOM)["frequency"].value == pytest.approx(40, abs=1)
    virtual_dongle(replace(ROOM, dongles=(dongle,), emitters=(STATIONS[0], stray)))
    check = checked(ROOM)["frequency"]
    assert (check.state, check.value) == (NOT_POSSIBLE, None)
    assert "2 heard, where 2 that agree are needed" in check.words


def test_warm_up_is_measured_while_the_receiver_works(virtual_dongle: PlugIn) -> None:
    for drift_ppm, state in ((0.0, PASS), (0.5, WARN)):
        virtual_dongle(replace(ROOM, dongles=(replace(GOOD, drift_after_reads=60, drift_ppm=drift_ppm),)))
        source = open_rtlsdr("0", SourceOptions(ranges_hz=((88_000_000, 104_000_000),)))
        found = {check.name: check for check in preflight(source, warm_up_s=0.5)}
        source.close()
        assert found["warm-up drift"].state == state, found["warm-up drift"]


def test_drift_while_sweeping_is_in_the_record_and_in_the_verdict(
    virtual_dongle: PlugIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--workspace", str(tmp_path), "init"]) == 0
    sweep = ["--workspace", str(tmp_path), "sweep", "lab", "--range", "88M:96M", "--passes", "2"]
    for drift_ppm, code in ((0.0, 0), (0.5, 0)):
        virtual_dongle(replace(ROOM, dongles=(replace(GOOD, drift_after_reads=100, drift_ppm=drift_ppm),)))
        assert main(sweep) == code
        told = capsys.readouterr()
        assert ("the crystal drifted while it swept (+" in " ".join(told.out.split())) == (drift_ppm > 0)
        assert ("ppm off the checks before the sweep" in told.err) == (drift_ppm > 0), "a small one is for the record"
        record_path = max((tmp_path / "sweeps").glob("*.h5"))
        with SweepRecord.open(record_path) as record:
            (text,) = [note.text for note in record.notes if note.kind == "drift"]
        drift = furthest_drift([text])
        assert drift is not None
        assert drift.is_worth_saying == (drift_ppm > 0)


def test_a_drift_is_sure_only_as_far_as_the_carriers_agree() -> None:
    before = CarrierError(ppm=10.0, spread_ppm=0.0, n_stations=2, known_to_ppm=0.5)
    answers: list[CarrierError | None] = [replace(before, ppm=16.0, known_to_ppm=5.0), replace(before, ppm=3.0), None]
    watch = DriftWatch(lambda: answers.pop(0), before, every_s=1e9)
    assert not watch.is_due
    doubtful, sure = watch.measure(), watch.measure()
    assert doubtful == Drift(ppm=6.0, known_to_ppm=5.5)
    assert not doubtful.is_worth_saying
    assert sure == Drift(ppm=-7.0, known_to_ppm=1.0)
    assert watch.measure() is None
    assert furthest_drift([doubtful.text, sure.text]) == sure
    assert DriftWatch(_lost, before, every_s=0.0).is_due
    assert DriftWatch(_lost, before).measure() is None


def _lost() -> CarrierError:
    raise DeviceError("it was unplugged")
