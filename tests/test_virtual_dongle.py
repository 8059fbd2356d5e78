"""The virtual dongle itself: what it serves must be what the scene says, or tests over it mean nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from real_clock import REAL_CLOCK
from virtual_dongle.handle import Handle
from virtual_dongle.scene import Dongle, Emitter, Scene

from dsp.samples import decode

PlugIn = Callable[[Scene], dict[str, str]]
N_FFT, RATE_HZ = 960, 2_400_000
SOAPY_READS = f"""
import sys, numpy, SoapySDR
device = SoapySDR.Device("driver=rtlsdr")
device.setSampleRate(SoapySDR.SOAPY_SDR_RX, 0, {RATE_HZ})
device.setGain(SoapySDR.SOAPY_SDR_RX, 0, 28)
device.setFrequency(SoapySDR.SOAPY_SDR_RX, 0, 100e6)
stream = device.setupStream(SoapySDR.SOAPY_SDR_RX, SoapySDR.SOAPY_SDR_CF32)
device.activateStream(stream)
samples, count = numpy.zeros({64 * N_FFT}, numpy.complex64), 0
while count < samples.size:
    count += max(0, device.readStream(stream, [samples[count:]], samples.size - count, timeoutUs=5_000_000).ret)
device.closeStream(stream)
samples.tofile(sys.argv[1])
"""
SILENT = Scene(noise_dbfs_hz=-160.0, adc_noise_dbfs_hz=-109.0)


def spectrum_dbfs(raw: np.ndarray) -> np.ndarray:
    """Mean power by bin of 2500 Hz, ascending, 0 dB for a full-scale tone at a bin centre."""
    frames = decode(raw, "cu8")[: raw.size // (2 * N_FFT) * N_FFT].reshape(-1, N_FFT)
    window = np.hanning(N_FFT + 1)[:-1]
    power = np.abs(np.fft.fft(frames * window, axis=1) / window.sum()) ** 2
    return 10 * np.log10(np.fft.fftshift(power.mean(axis=0)) + 1e-20)


def bin_of(freq_hz: float, center_hz: float = 100e6) -> int:
    return N_FFT // 2 + round((freq_hz - center_hz) / (RATE_HZ / N_FFT))


def read_spectrum(library: Path, n_samples: int = 1 << 16, **settings: float) -> np.ndarray:
    with Handle(library, **settings) as dongle:  # type: ignore[arg-type]
        return spectrum_dbfs(dongle.read(n_samples))


def test_a_tone_has_its_level_and_moves_with_the_tuned_frequency(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-20),)))
    for center_hz in (100_000_000, 100_500_000, 99_800_000):
        spectrum = read_spectrum(librtlsdr, freq_hz=center_hz)
        assert int(spectrum.argmax()) == bin_of(100.3e6, center_hz)
        assert spectrum.max() == pytest.approx(-20, abs=0.1)
    assert read_spectrum(librtlsdr, freq_hz=104_000_000).max() < -55


@pytest.mark.parametrize(
    ("emitter", "width_hz"),
    [
        (Emitter(kind="am", freq_hz=100.3e6, level_dbfs=-20), 10e3),
        (Emitter(kind="fm", freq_hz=100.3e6, level_dbfs=-20, bandwidth_hz=5e3), 20e3),
        (Emitter(kind="fm", freq_hz=100.3e6, level_dbfs=-20, bandwidth_hz=75e3), 200e3),
        (Emitter(kind="noise", freq_hz=100.3e6, level_dbfs=-20, bandwidth_hz=300e3), 310e3),
    ],
)
def test_a_modulated_emitter_has_its_power_within_its_bandwidth(
    librtlsdr: Path, virtual_dongle: PlugIn, emitter: Emitter, width_hz: float
) -> None:
    virtual_dongle(replace(SILENT, emitters=(emitter,)))
    power = 10 ** (read_spectrum(librtlsdr, n_samples=1 << 20) / 10) / 1.5
    half, middle = round(width_hz / 5000), bin_of(100.3e6)
    within = power[middle - half : middle + half + 1].sum()
    assert 10 * np.log10(within) == pytest.approx(-20, abs=0.3)
    assert within > 50 * (power.sum() - within)


def test_bursts_are_on_for_their_duty(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(SILENT, emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-10, period_s=0.01, duty=0.25),)))
    with Handle(librtlsdr) as dongle:
        on = np.abs(decode(dongle.read(240_128), "cu8")) > 0.1
    assert on.mean() == pytest.approx(0.25, abs=0.01)
    assert np.flatnonzero(np.diff(on.astype(int)) == 1).size == pytest.approx(10, abs=1)


def test_noise_is_flat_and_gaussian(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(noise_dbfs_hz=-90, seed=5))
    with Handle(librtlsdr) as dongle:
        raw = dongle.read(1 << 22)
    flat = spectrum_dbfs(raw)[120:840]
    assert np.median(flat) == pytest.approx(-90 + 10 * np.log10(1.5 * 2500), abs=0.1)
    assert np.ptp(flat) < 0.8  # 4369 frames: 0.07 dB of statistical spread, +- 4 sigma of it
    samples = decode(raw, "cu8").real
    assert np.mean(samples**4) / np.mean(samples**2) ** 2 == pytest.approx(3, abs=0.03)


def test_same_calls_same_bytes_and_another_seed_others(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    scene = Scene(emitters=(Emitter(kind="fm", freq_hz=100.3e6, bandwidth_hz=5e3),), dongles=(Dongle(), Dongle()))
    taken = []
    for seed, index in ((1, 0), (1, 0), (2, 0), (1, 1)):
        virtual_dongle(replace(scene, seed=seed))
        with Handle(librtlsdr, index) as dongle:
            taken.append(np.concatenate([dongle.read(1024), dongle.read(8192)]))
    assert np.array_equal(taken[0], taken[1])
    assert not np.array_equal(taken[0], taken[2])
    assert not np.array_equal(taken[0], taken[3])


def test_reads_join_without_a_seam(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    scene = replace(SILENT, emitters=(Emitter(kind="fm", freq_hz=100.3e6, level_dbfs=-6, bandwidth_hz=50e3),))
    whole, parts = [], []
    for lengths, taken in (((1 << 18,), whole), ((256,) * 1024, parts)):
        virtual_dongle(scene)
        with Handle(librtlsdr) as dongle:
            taken += [dongle.read(n) for n in lengths]
    difference = np.concatenate(whole).astype(int) - np.concatenate(parts)
    assert np.abs(difference).max() <= 1  # phasors are restarted at other places: the last bit may differ


def test_gain_moves_signal_and_noise_but_not_the_converter(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(noise_dbfs_hz=-80, emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-15),)))
    high, low = read_spectrum(librtlsdr, gain_db=28.0), read_spectrum(librtlsdr, gain_db=15.7)
    assert high.max() - low.max() == pytest.approx(12.3, abs=0.2)
    assert np.median(high) - np.median(low) == pytest.approx(12.3, abs=0.8)
    deaf = read_spectrum(librtlsdr, gain_db=0.0)
    assert np.median(deaf) > -109 + 10 * np.log10(1.5 * 2500) - 1


def test_crystal_error_and_its_correction(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(dongles=(Dongle(ppm=50),), emitters=(Emitter(freq_hz=400.3e6, level_dbfs=-20),)))
    with Handle(librtlsdr, freq_hz=400_000_000) as dongle:
        assert int(spectrum_dbfs(dongle.read(1 << 16)).argmax()) == bin_of(400.28e6, 400e6)  # 50 ppm of 400 MHz
        assert dongle.call("set_freq_correction", 50) == 0
        assert int(spectrum_dbfs(dongle.read(1 << 16)).argmax()) == bin_of(400.3e6, 400e6)
        assert dongle.call("set_freq_correction", 50) == -2  # as librtlsdr: nothing to change


def test_artefacts_of_the_receiver(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    tone = Emitter(freq_hz=115.5e6, level_dbfs=-10)
    virtual_dongle(replace(SILENT, dc_dbfs=-30, image_db=35, spur_dbfs=-55, emitters=(tone,)))
    spectrum = read_spectrum(librtlsdr, freq_hz=115_000_000)
    assert spectrum[N_FFT // 2] == pytest.approx(-30, abs=0.3)
    assert spectrum[bin_of(-0.5e6, 0)] == pytest.approx(-45, abs=0.5)
    assert spectrum[bin_of(115.2e6, 115e6)] == pytest.approx(-55, abs=0.5)


def test_band_edge_rolls_off(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    tones = tuple(Emitter(freq_hz=100e6 + offset, level_dbfs=-20) for offset in (0.9e6, 1.1975e6, -1.4e6))
    virtual_dongle(Scene(noise_dbfs_hz=-95, rolloff_db=12, emitters=tones))
    spectrum = read_spectrum(librtlsdr, n_samples=1 << 18)
    assert spectrum[bin_of(100.9e6)] == pytest.approx(-20, abs=0.2)
    assert spectrum[-1] == pytest.approx(-32, abs=0.5)
    assert spectrum[bin_of(101e6)] < -45  # the alias of the tone 1.4 MHz below, far down the slope
    assert np.median(spectrum[:4]) - np.median(spectrum[200:700]) < -6


def test_overload_makes_third_order_products(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    pair = tuple(Emitter(freq_hz=freq, level_dbfs=-20) for freq in (100.2e6, 100.3e6))
    virtual_dongle(replace(SILENT, ip3_dbfs=0, emitters=pair))
    quiet, loud = read_spectrum(librtlsdr, 1 << 18, gain_db=28.0), read_spectrum(librtlsdr, 1 << 18, gain_db=33.8)
    product = bin_of(100.4e6)
    assert quiet[product] == pytest.approx(-60, abs=1.5)
    assert loud[product] - quiet[product] == pytest.approx(3 * 5.8, abs=1.5)


def test_strong_signals_clip(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-5),)))
    with Handle(librtlsdr, gain_db=49.6) as dongle:
        raw = dongle.read(1 << 14)
    assert np.mean((raw == 0) | (raw == 255)) > 0.5


def test_old_frequency_lingers_for_exactly_the_stale_samples(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(replace(SILENT, stale_samples=20_000, emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-10),)))
    with Handle(librtlsdr) as dongle:
        dongle.read(20_224)
        dongle.call("set_center_freq", 500_000_000)
        dongle.call("reset_buffer")
        assert np.flatnonzero(np.abs(decode(dongle.read(24_576), "cu8")) > 0.1).max() == 19_999


@REAL_CLOCK
def test_real_time_lets_stale_samples_pass_with_the_clock(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    scene = replace(SILENT, realtime=True, stale_samples=1_200_000)
    virtual_dongle(replace(scene, emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-10),)))
    with Handle(librtlsdr) as dongle:
        dongle.read(256)
        time.sleep(0.6)  # the first retune's own stale samples are gone by now
        dongle.call("set_center_freq", 500_000_000)
        dongle.call("reset_buffer")
        assert np.abs(decode(dongle.read(256), "cu8")).mean() > 0.2
        time.sleep(0.6)
        dongle.call("reset_buffer")
        start = time.monotonic()
        assert np.abs(decode(dongle.read(120_064), "cu8")).max() < 0.1
        assert time.monotonic() - start > 0.04  # 50 ms of samples; a busy machine may add to it


def test_lost_samples_show_in_the_counter(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(dongles=(Dongle(drop_every_reads=3, drop_samples=100),)))
    with Handle(librtlsdr) as dongle:
        dongle.call("set_testmode", 1)
        steps = np.diff(np.concatenate([dongle.read(1024) for _ in range(6)]))
    assert np.unique(steps).tolist() == [1, 201]
    assert np.count_nonzero(steps != 1) == 2


def test_what_librtlsdr_refuses_is_refused(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene())
    with Handle(librtlsdr) as dongle:
        for n_bytes in (0, 100, 513, 1000):
            assert dongle.try_read(n_bytes)[0] == -8
        for rate_hz in (225_000, 300_001, 900_000, 3_200_001):
            assert dongle.call("set_sample_rate", rate_hz) == -22
        for freq_hz in (23_999_999, 1_767_000_000):
            assert dongle.call("set_center_freq", freq_hz) == -22
        for rate_hz in (225_001, 300_000, 900_001, 3_200_000):
            assert dongle.call("set_sample_rate", rate_hz) == 0
        with pytest.raises(OSError, match="-6"):
            Handle(librtlsdr)
        with pytest.raises(OSError, match="-5"):
            Handle(librtlsdr, 1)


def test_a_pulled_dongle_is_gone_until_it_is_back(librtlsdr: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(dongles=(Dongle(unplug_after_reads=2, replug_after_tries=3), Dongle(serial="B"))))
    with Handle(librtlsdr) as dongle:
        dongle.read(256), dongle.read(256)
        assert dongle.try_read(512)[0] == -4
        assert dongle.call("set_center_freq", 101_000_000) == -4
        assert dongle.library.rtlsdr_get_device_count() == 1
        assert dongle.library.rtlsdr_get_index_by_serial(b"B") == 0
        assert dongle.library.rtlsdr_get_device_count() == 2
        assert dongle.try_read(512)[0] == -4, "a handle from before stays dead"
    with Handle(librtlsdr) as dongle:
        assert dongle.read(256).size == 512


def test_a_scene_with_a_wrong_word_has_no_dongle(librtlsdr: Path, tmp_path: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene())
    (tmp_path / "virtual_dongle.txt").write_text("dongle serail=1\n")
    with pytest.raises(OSError, match="-5"):
        Handle(librtlsdr)


@REAL_CLOCK
def test_rtl_test_finds_no_lost_samples(virtual_dongle: PlugIn) -> None:
    program = shutil.which("rtl_test")
    if program is None:
        pytest.skip("rtl_test is not installed (Debian's rtl-sdr)")
    environment = virtual_dongle(Scene(realtime=True))
    process = subprocess.Popen(
        [program, "-s", "2400000"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=20)
    assert "Supported gain values (29)" in messages
    assert "Samples per million lost (minimum): 0" in messages


def test_soapysdr_reads_it(virtual_dongle: PlugIn, tmp_path: Path) -> None:
    system_python = shutil.which("python3", path="/usr/bin")  # Debian's SoapySDR serves no other
    wanted = "import numpy, SoapySDR; print(any('rtlsdrSupport' in path for path in SoapySDR.listModules()))"
    probe = [str(system_python), "-c", wanted]
    if system_python is None or subprocess.run(probe, capture_output=True, check=False).stdout.strip() != b"True":
        pytest.skip("SoapySDR is not installed (Debian's python3-soapysdr and soapysdr-module-rtlsdr)")
    environment = virtual_dongle(Scene(realtime=True, emitters=(Emitter(freq_hz=100.3e6, level_dbfs=-20),)))
    out = tmp_path / "samples.cf32"
    subprocess.run([system_python, "-c", SOAPY_READS, str(out)], env=environment, check=True, timeout=60)
    samples = np.fromfile(out, np.complex64).astype(np.complex128)
    spectrum = np.abs(np.fft.fft(samples.reshape(-1, N_FFT) * np.hanning(N_FFT), axis=1)).mean(axis=0)
    assert int(np.fft.fftshift(spectrum).argmax()) == bin_of(100.3e6)
