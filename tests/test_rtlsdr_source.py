"""Sweeps with the real pyrtlsdr over the virtual dongle."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_clock import REAL_CLOCK
from virtual_dongle.scene import Dongle, Emitter, Scene

from dsp.errors import DeviceError, ParameterError
from dsp.spectra import hop_spectra
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.sources import dongle as dongle_module
from sweep.sources.live import LiveSource, Recovery
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import list_dongles, open_rtlsdr
from sweep.sources.settle import Settle, measure_settle

PlugIn = Callable[[Scene], dict[str, str]]
STATION = Emitter(kind="fm", freq_hz=98.3e6, level_dbfs=-15, bandwidth_hz=75e3)
OPTIONS = SourceOptions(ranges_hz=((96_000_000, 104_000_000),))


@pytest.fixture
def opened() -> Iterator[Callable[..., LiveSource]]:
    sources: list[LiveSource] = []

    def opener(address: str = "", options: SourceOptions = OPTIONS, recovery: Recovery | None = None) -> LiveSource:
        sources.append(open_rtlsdr(address, options, recovery=recovery))
        return sources[-1]

    yield opener
    for source in sources:
        source.close()


def row_dbfs(plan: SweepPlan, hops: list[HopSamples]) -> np.ndarray:
    """Mean spectrum of one pass."""
    sizes = {"n_fft": plan.n_fft, "n_frames": plan.n_frames, "hop_bins": plan.hop_bins}
    return 10 * np.log10(np.concatenate([hop_spectra(hop.raw, hop.sample_format, **sizes).mean for hop in hops]))


def samples_of(source: LiveSource, passes: int = 1) -> list[HopSamples]:
    blocks = list(source.blocks(passes))
    assert all(isinstance(block, HopSamples) for block in blocks), blocks
    return [block for block in blocks if isinstance(block, HopSamples)]


def test_a_sweep_has_each_emitter_at_its_frequency_and_level(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    tones = ((96.5e6, -20.0), (99.0e6, -32.5), (103.75e6, -36.0))
    virtual_dongle(Scene(emitters=tuple(Emitter(freq_hz=freq, level_dbfs=level) for freq, level in tones)))
    source = opened()
    hops = samples_of(source)
    row, freq_hz = row_dbfs(source.plan, hops), source.plan.layout().freq_hz
    for freq, level in tones:
        near = np.flatnonzero(np.abs(freq_hz - freq) < 50e3)
        assert freq_hz[near[row[near].argmax()]] == freq
        assert row[near].max() == pytest.approx(level, abs=0.2)
    assert np.count_nonzero(row > -58) < 20
    assert [hop.hop_index for hop in hops] == list(range(source.plan.n_hops))
    assert np.all(np.diff([hop.monotonic_ns for hop in hops]) > 0)
    assert abs(hops[0].utc_ns - time.time_ns()) < 60e9


@pytest.mark.parametrize(
    ("realtime", "stale", "retune_s"),
    [(False, 12_000, 0.0), (False, 20_000, 0.0), (False, 140_000, 0.0), (True, 20_000, 0.005)],
)
def test_stale_samples_never_reach_a_bin(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource], realtime: bool, stale: int, retune_s: float
) -> None:
    virtual_dongle(Scene(realtime=realtime, stale_samples=stale, retune_s=retune_s, emitters=(STATION,)))
    source = opened()
    assert source.instrument.settle_measured
    assert stale / 2.4e6 <= (source.instrument.settle_s or 0) < 1.25 * (stale + 2400) / 2.4e6 + 0.002
    assert " ms after the command to retune" in source.instrument.notes[0]

    def loudest(swept: LiveSource) -> tuple[float, float]:
        """On the hop at 98.88 MHz, where the station is, and on the others."""
        hops = samples_of(swept, passes=3)
        levels = [(hop.hop_index == 1, float(row_dbfs(swept.plan, [hop]).max())) for hop in hops]
        return max(level for is_its, level in levels if is_its), max(level for is_its, level in levels if not is_its)

    its, others = loudest(source)
    assert its > -45
    assert others < -61

    hasty = LiveSource(
        receiver=source._receiver,  # type: ignore[arg-type]
        reconnect=lambda: pytest.fail("reconnected"),
        plan=source.plan,
        instrument=replace(source.instrument, settle_s=0.0),
    )
    assert loudest(hasty)[1] > -55, "without the settle time the ghost is there: this test can fail"


def test_settle_time_is_assumed_where_nothing_can_be_told_apart(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    virtual_dongle(Scene())
    instrument = opened().instrument
    assert instrument.settle_measured is False
    assert instrument.settle_s == 0.06
    assert "assumed" in instrument.notes[0]


class Listener:
    """A receiver in numbers: noise of two levels, and after each retune some of the level before.

    Stale samples count from the retune on; the last time is said again and again.
    """

    def __init__(self, rate_hz: int, contrast_db: float, stale_s: list[float], seed: int = 1) -> None:
        self.level = {100_000_000: 40.0, 500_000_000: 40.0 * 10 ** (-contrast_db / 20)}
        self.rate_hz, self.stale_s = rate_hz, stale_s
        self.visits: list[tuple[float, float]] = []  # how long each was, and how much of it was stale
        self._last = 100_000_000
        self._rng = np.random.default_rng(seed)

    def probe(self, freq_hz: int, n_samples: int) -> np.ndarray:
        stale_s = self.stale_s[min(len(self.visits), len(self.stale_s) - 1)]
        self.visits.append((n_samples / self.rate_hz, stale_s))
        scale = np.full(2 * n_samples, self.level[freq_hz], np.float32)
        scale[: 2 * round(stale_s * self.rate_hz)] = self.level[self._last]
        self._last = freq_hz
        noise = scale * self._rng.standard_normal(2 * n_samples, dtype=np.float32)
        return np.clip(np.rint(127.5 + noise), 0, 255).astype(np.uint8)

    def settle(self) -> Settle:
        return measure_settle(self.probe, sample_rate_hz=self.rate_hz, candidates_hz=tuple(self.level))


@given(
    rate_hz=st.sampled_from([250_000, 1_000_000]),
    stale_s=st.lists(st.floats(0, 0.04), min_size=1, max_size=10),
    contrast_db=st.floats(4, 40),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=20)
def test_measured_settle_time_covers_what_lingers(
    rate_hz: int, stale_s: list[float], contrast_db: float, seed: int
) -> None:
    receiver = Listener(rate_hz, contrast_db, stale_s, seed)
    settle, longest_s = receiver.settle(), max(stale for _, stale in receiver.visits[2:])
    assert settle.measured
    assert longest_s <= settle.settle_s
    if len(stale_s) == 1:
        assert settle.settle_s < 1.25 * (longest_s + 1024 / rate_hz) + 0.002


def test_measuring_the_settle_time_takes_a_second_and_not_three() -> None:
    quick = Listener(2_400_000, 20.0, [0.0])
    assert quick.settle().settle_s == 0.001
    assert sum(length for length, _ in quick.visits) < 0.6
    late = Listener(2_400_000, 20.0, [0.0] * 6 + [0.018] + [0.0])  # once, when each is watched for 20 ms only
    assert late.settle().settle_s >= 0.02
    assert sum(length for length, _ in late.visits) < 1.5
    dull = Listener(2_400_000, 1.0, [0.0])
    assert not dull.settle().measured
    assert sum(length for length, _ in dull.visits) < 0.2


def test_pulled_and_plugged_in_again(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    waits: list[float] = []
    virtual_dongle(Scene(emitters=(STATION,), dongles=(Dongle(unplug_after_reads=40, replug_after_tries=3),)))
    source = opened(recovery=Recovery(wait=waits.append))
    blocks = list(source.blocks(8))
    kinds = [isinstance(block, HopGap) for block in blocks]
    first, n_gaps = kinds.index(True), sum(kinds)
    assert first > 0
    assert 2 <= n_gaps <= 5
    assert kinds == [False] * first + [True] * n_gaps + [False] * (len(kinds) - first - n_gaps)
    assert [(block.pass_index, block.hop_index) for block in blocks] == [(p, h) for p in range(8) for h in range(5)]
    gap = blocks[first]
    assert isinstance(gap, HopGap)
    assert "unplugged" in gap.reason
    assert len(waits) == n_gaps - 1  # the first try is made at once
    assert all(block.raw.size == 2 * source.plan.hop_samples for block in blocks if isinstance(block, HopSamples))


def test_a_dongle_that_stays_away_ends_each_pass_after_bounded_waits(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    waits: list[float] = []
    virtual_dongle(Scene(emitters=(STATION,), dongles=(Dongle(unplug_after_reads=40),)))
    source = opened(recovery=Recovery(patience=2, retry_s=0.7, wait=waits.append))
    gaps = [block for block in source.blocks(50) if isinstance(block, HopGap)]
    assert [gap.hop_index for gap in gaps[-6:]] == [0, 1, None, 0, 1, None]
    assert len(waits) == len(gaps) - 2  # before every try to find it again but the first
    assert set(waits) == {0.7}


def test_another_dongle_in_its_place_is_not_taken(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene(emitters=(STATION,), dongles=(Dongle(serial="A", unplug_after_reads=40), Dongle(serial="B"))))
    source = opened("A", recovery=Recovery(wait=lambda _: None))
    last = list(source.blocks(9))[-1]
    assert isinstance(last, HopGap)
    assert "dongle A is not there" in last.reason


@REAL_CLOCK
def test_a_dongle_that_stops_is_a_gap_and_not_a_hang(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource], monkeypatch: pytest.MonkeyPatch, librtlsdr: Path
) -> None:
    monkeypatch.setattr(dongle_module, "_STALL_S", 0.2)
    virtual_dongle(Scene(emitters=(STATION,), dongles=(Dongle(hang_after_reads=40),)))
    source = opened(recovery=Recovery(patience=1, wait=lambda _: None))
    start = time.monotonic()
    gaps = [block for block in source.blocks(8) if isinstance(block, HopGap)]
    assert time.monotonic() - start < 10
    assert "gave nothing for" in gaps[0].reason
    assert "in use" in gaps[1].reason  # by the call that never came back
    ctypes.CDLL(str(librtlsdr)).virtual_dongle_restart()


@REAL_CLOCK
def test_ctrl_c_works_while_the_driver_waits(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual_dongle(Scene(emitters=(STATION,), dongles=(Dongle(hang_after_reads=40),)))
    source, heard_at = opened(), [time.monotonic()]

    def interrupt() -> None:
        while len(heard_at) < 2 or time.monotonic() - heard_at[-1] < 0.3:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        for _ in source.blocks(8):
            heard_at.append(time.monotonic())
    assert time.monotonic() - heard_at[-1] < 3  # before the dongle counts as stopped
    monkeypatch.setattr(dongle_module, "_STALL_S", 0.1)
    source.close()


def test_a_frequency_that_is_refused_is_one_gap_and_the_sweep_goes_on(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    virtual_dongle(Scene(dongles=(Dongle(tuner=2),)))  # an FC0012 is said to begin at 22 MHz, the scene does at 24
    source = opened(options=SourceOptions(ranges_hz=((22_000_000, 28_000_000),)), recovery=Recovery(patience=0))
    blocks = list(source.blocks(2))
    assert [isinstance(block, HopGap) for block in blocks] == [True, False, False, False] * 2
    assert "refused to tune to 22960000 Hz" in blocks[0].reason  # type: ignore[union-attr]


@REAL_CLOCK
def test_samples_that_the_bus_loses_are_told_and_not_analysed_where_a_second_read_has_all(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    def lost(scene: Scene) -> list[int]:
        virtual_dongle(replace(scene, realtime=True, emitters=(STATION,)))
        source = opened()
        assert "told by the clock" in " ".join(source.instrument.notes)
        dropped = [hop.dropped_samples for hop in samples_of(source, passes=2)]
        source.close()
        return dropped

    always = lost(Scene(dongles=(Dongle(drop_every_reads=1, drop_samples=12_000),)))
    assert len(always) == 10
    assert 11_000 <= np.median(always) < 60_000  # the clock also sees what holds the machine up
    assert np.count_nonzero(always) >= 9
    every_second = lost(Scene(dongles=(Dongle(drop_every_reads=2, drop_samples=12_000),)))
    assert np.count_nonzero(every_second) <= 3, "read once, five would be"
    assert np.count_nonzero(lost(Scene())) <= 1


def test_a_dongle_that_serves_faster_than_it_samples_loses_nothing(
    virtual_dongle: PlugIn, opened: Callable[..., LiveSource]
) -> None:
    virtual_dongle(Scene(emitters=(STATION,)))
    assert {hop.dropped_samples for hop in samples_of(opened(), passes=4)} == {0}


def test_odd_lengths_come_out_exactly(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene())
    options = replace(OPTIONS, n_frames=3, bin_width_hz=32_000, sample_rate_hz=2_048_000 * 5 // 4)
    source = opened(options=options)
    assert {hop.raw.size for hop in samples_of(source)} == {2 * 4 * 40}


def test_gain_is_the_nearest_that_the_tuner_has(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene(noise_dbfs_hz=-120, emitters=(Emitter(freq_hz=98.5e6, level_dbfs=-33),)))
    for wanted, given_db in ((None, 28.0), (30.0, 29.7), (0.0, 0.0), (99.0, 49.6)):
        source = opened(options=replace(OPTIONS, gain_db=wanted, ranges_hz=((97_600_000, 99_000_000),)))
        assert source.instrument.gain_db == source.plan.gain_db == given_db
        hops = samples_of(source)
        assert hops[0].gain_db == given_db
        assert row_dbfs(source.plan, hops).max() == pytest.approx(-33 + given_db - 28, abs=0.3)
        source.close()


def test_ppm_corrects_the_crystal(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene(dongles=(Dongle(ppm=60),), emitters=(Emitter(freq_hz=868.3e6, level_dbfs=-30),)))
    for ppm, found_hz in ((0, 868.3e6 - 868.3 * 60), (60, 868.3e6)):
        source = opened(options=SourceOptions(ranges_hz=((868_000_000, 869_000_000),), ppm=ppm))
        row = row_dbfs(source.plan, samples_of(source))
        assert source.plan.layout().freq_hz[row.argmax()] == pytest.approx(found_hz, abs=1500)
        assert source.instrument.ppm == ppm
        source.close()


def test_everything_is_swept_by_default(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene(emitters=(STATION,)))
    source = opened(options=SourceOptions())
    hops = samples_of(source)
    assert len(hops) == source.plan.n_hops == 908
    assert source.instrument.tuner == "R820T"


@pytest.mark.parametrize(
    ("dongles", "address", "words"),
    [
        ((), "", "no RTL-SDR dongle was found; plug one in"),
        ((Dongle(), Dongle()), "00000001", "2 dongles have serial 00000001; use rtlsdr:INDEX"),
        ((Dongle(),), "1", "there is no dongle 1: 1 found, counted from 0"),
        ((Dongle(serial="A"),), "B", "no dongle has serial 'B'; found: A"),
        ((Dongle(busy=True),), "0", "in use; close the other program"),
    ],
)
def test_which_dongle_is_meant_must_be_clear(
    virtual_dongle: PlugIn, dongles: tuple[Dongle, ...], address: str, words: str
) -> None:
    virtual_dongle(Scene(dongles=dongles))
    with pytest.raises(DeviceError) as caught:
        open_rtlsdr(address, OPTIONS)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dongles_are_found_by_index_and_serial(virtual_dongle: PlugIn, opened: Callable[..., LiveSource]) -> None:
    virtual_dongle(Scene(dongles=(Dongle(), Dongle(), Dongle(serial="ROOF"))))
    for address, serial in (("1", "00000001"), ("ROOF", "ROOF"), ("2", "ROOF"), ("", "00000001")):
        source = opened(address)
        assert source.instrument.serial == serial
        source.close()


def test_dongles_are_listed_with_what_is_wrong(virtual_dongle: PlugIn) -> None:
    dongles = (Dongle(), Dongle(serial="00000001"), Dongle(serial="A", tuner=1), Dongle(serial="B", busy=True))
    virtual_dongle(Scene(dongles=dongles))
    listed = list_dongles()
    assert [found.serial for found in listed] == ["00000001", "00000001", "A", "B"]
    assert [found.tuner for found in listed] == ["R820T", "R820T", "E4000", None]
    assert listed[0].gains_db[-1] == 49.6
    assert "2 dongles share serial 00000001" in listed[0].health[0]
    assert listed[2].health == ()
    assert "in use" in listed[3].health[0]
    virtual_dongle(Scene(dongles=()))
    assert list_dongles() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (replace(OPTIONS, sample_rate_hz=500_000), "sample rate 500000 Hz"),
        (replace(OPTIONS, ranges_hz=((1_000_000, 30_000_000),)), "outside what a R820T tunes"),
    ],
)
def test_what_the_dongle_cannot_do_is_an_error(virtual_dongle: PlugIn, options: SourceOptions, words: str) -> None:
    virtual_dongle(Scene())
    with pytest.raises(ParameterError, match=words):
        open_rtlsdr("", options)


@pytest.mark.parametrize("content", [None, b"not a library", ""])
def test_a_library_that_cannot_serve_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | str | None
) -> None:
    path = tmp_path / "librtlsdr.so"
    if content is not None:
        path.write_bytes(
            content if isinstance(content, bytes) else Path(ctypes.util.find_library("m") or "").name.encode()
        )
    monkeypatch.setenv("QUIETROOM_LIBRTLSDR", str(path))
    with pytest.raises(DeviceError) as caught:
        list_dongles()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_driver_is_imported_before_a_dongle_is_used() -> None:
    code = "import sys, sweep.sources.rtlsdr, sweep.sources.rtltcp; sys.exit('rtlsdr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_driver_is_named_with_its_cure() -> None:
    code = """
import sys
sys.modules["rtlsdr"] = None
from importlib.abc import MetaPathFinder
class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "rtlsdr":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from sweep.sources.rtlsdr import list_dongles
from dsp.errors import DeviceError
try:
    list_dongles()
except DeviceError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "the driver pyrtlsdr is not installed; run: pip install 'pyrtlsdr[lib]'"
