"""Our levels and frequencies against the real ``rtl_power``, on the same scene of the virtual dongle.

What rtl_power writes, read from its source and confirmed here:

- Values are centres of bins: without cropping, value k lies at ``low + k * step``; the last value is there twice.
- With cropping an odd number of bins may be kept; then ``low`` is half a step above the centre of the first value.
- A tone of amplitude a (1 is full scale) at a bin centre reads 10 log10(2^30 a^2 / sample rate): the window has an
  amplitude of 256, the converter 128, and the mean power is divided by the sample rate.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from virtual_dongle.scene import Emitter, Scene

from dsp.spectra import hop_spectra
from sweep.model import HopSamples
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr

PlugIn = Callable[[Scene], dict[str, str]]
RTL_STEP_HZ = 2_560_000 / 1024  # 2500 Hz: rtl_power then has our bins, and tones can be at the centres of both
TONES = ((98.7e6, -20.0), (100.6e6, -27.0), (101.1e6, -35.0), (104.05e6, -23.5), (104.6e6, -38.0))
SCENE = Scene(emitters=tuple(Emitter(freq_hz=freq, level_dbfs=level) for freq, level in TONES))


def run_rtl_power(environment: dict[str, str], out: Path, *arguments: str) -> list[tuple[float, float, np.ndarray]]:
    """Start, step and values of each hop."""
    program = shutil.which("rtl_power")
    if program is None:
        pytest.skip("rtl_power is not installed (Debian's rtl-sdr)")
    command = [program, "-g", "28", "-i", "1", "-1", *arguments, str(out)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    rows = [line.split(",") for line in out.read_text().splitlines()]
    return [(float(row[2]), float(row[4]), np.array(row[6:], float)) for row in rows]


def our_spectrum() -> tuple[np.ndarray, np.ndarray]:
    source = open_rtlsdr("", SourceOptions(ranges_hz=((97_440_000, 105_120_000),)))
    with contextlib.closing(source):
        plan = source.plan
        sizes = {"n_fft": plan.n_fft, "n_frames": plan.n_frames, "hop_bins": plan.hop_bins}
        hops = [hop for hop in source.blocks(4) if isinstance(hop, HopSamples)]
        means = [hop_spectra(hop.raw, hop.sample_format, **sizes).mean for hop in hops]
    row = np.array(means).reshape(4, -1).mean(axis=0)
    return plan.layout().freq_hz, 10 * np.log10(row)


def peak(freq_hz: np.ndarray, level_db: np.ndarray, near_hz: float) -> tuple[float, float]:
    window = np.flatnonzero(np.abs(freq_hz - near_hz) < 25e3)
    best = window[level_db[window].argmax()]
    return float(freq_hz[best]), float(level_db[best])


def test_levels_and_frequencies_agree_with_rtl_power(virtual_dongle: PlugIn, tmp_path: Path) -> None:
    environment = virtual_dongle(SCENE)
    hops = run_rtl_power(environment, tmp_path / "scan.csv", "-f", "97440000:105120000:2500")
    assert [step for _, step, _ in hops] == [RTL_STEP_HZ] * 3
    rtl_freq_hz = np.concatenate([low + step * np.arange(1024) for low, step, _ in hops])
    rtl_dbfs = np.concatenate([values[:1024] for _, _, values in hops]) + 10 * np.log10(2_560_000 / 2**30)
    freq_hz, row_dbfs = our_spectrum()
    ours = [peak(freq_hz, row_dbfs, freq) for freq, _ in TONES]
    theirs = [peak(rtl_freq_hz, rtl_dbfs, freq) for freq, _ in TONES]
    for (freq, level), (our_freq, our_level), (rtl_freq, rtl_level) in zip(TONES, ours, theirs, strict=True):
        assert our_freq == freq
        assert abs(rtl_freq - our_freq) < RTL_STEP_HZ / 2
        assert our_level == pytest.approx(level, abs=0.3)
        assert rtl_level == pytest.approx(our_level, abs=0.5)
    steps_ours, steps_theirs = np.diff([level for _, level in ours]), np.diff([level for _, level in theirs])
    assert np.abs(steps_ours - steps_theirs).max() < 0.5
    # A Hann bin takes in the noise of 1.5 bins, a rectangular one of its own width.
    noise_ours, noise_theirs = np.median(row_dbfs) - 10 * np.log10(1.5), np.median(rtl_dbfs)
    assert noise_ours == pytest.approx(noise_theirs, abs=0.6)


def test_cropping_shifts_the_axis_of_rtl_power_by_half_a_bin(virtual_dongle: PlugIn, tmp_path: Path) -> None:
    step_hz = 2_500_000 / 1024
    tone = Emitter(freq_hz=100e6 + 100 * step_hz, level_dbfs=-20)
    environment = virtual_dongle(Scene(emitters=(tone,)))
    [(low_hz, step, values)] = run_rtl_power(environment, tmp_path / "s.csv", "-c", "20%", "-f", "99M:101M:2500")
    assert values.size == 821
    shift_bins = (low_hz + step * int(values.argmax()) - tone.freq_hz) / step_hz
    assert shift_bins == pytest.approx(0.5, abs=0.02)


def test_a_slow_tuner_leaves_ghosts_in_rtl_power_and_none_in_ours(virtual_dongle: PlugIn, tmp_path: Path) -> None:
    environment = virtual_dongle(Scene(stale_samples=20_000, emitters=(Emitter(freq_hz=98.7e6, level_dbfs=-10),)))
    hops = run_rtl_power(environment, tmp_path / "scan.csv", "-f", "97440000:105120000:2500")
    place = round((98.7e6 - 97.44e6) / RTL_STEP_HZ)
    assert max(values[place] - np.median(values) for _, _, values in hops[1:]) > 20
    freq_hz, row_dbfs = our_spectrum()
    assert row_dbfs[np.abs(freq_hz - 98.7e6) > 20e3].max() < np.median(row_dbfs) + 6
