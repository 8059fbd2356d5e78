"""The FFT core against scipy.signal.welch, analytic distributions and invariants."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp import engine
from dsp.errors import ParameterError
from dsp.frames import frame_powers
from dsp.samples import SAMPLE_FORMATS, clip_fraction, decode, guess_full_scale
from dsp.spectra import HANN_ENBW_BINS, HopSpectra, box_count, hop_spectra

N_FFT, N_FRAMES, HOP_BINS = 960, 64, 768
N_SAMPLES = (N_FRAMES + 1) * N_FFT // 2
SIZES = {"n_fft": N_FFT, "n_frames": N_FRAMES, "hop_bins": HOP_BINS}


def complex_noise(n_samples: int, seed: int, rms: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(2 * n_samples) * rms / np.sqrt(2)).astype(np.float32)


def quantise(components: np.ndarray, sample_format: str) -> np.ndarray:
    if sample_format == "cf32_le":
        return components.astype("<f4")
    offset, scale, low, high = {
        "cu8": (127.5, 128, 0, 255),
        "ci8": (0, 128, -128, 127),
        "ci16_le": (0, 32768, -32768, 32767),
    }[sample_format]
    return np.clip(np.round(components * scale + offset), low, high).astype(SAMPLE_FORMATS[sample_format])


def welch(raw: np.ndarray, sample_format: str, *, detrend: bool) -> np.ndarray:
    samples = decode(raw, sample_format).astype(np.complex128)[:N_SAMPLES]
    if detrend:
        samples = samples - samples.mean()
    _, psd = scipy.signal.welch(
        samples,
        window="hann",
        nperseg=N_FFT,
        noverlap=N_FFT // 2,
        detrend=False,
        scaling="spectrum",
        return_onesided=False,
    )
    return np.fft.fftshift(psd)[N_FFT // 2 - HOP_BINS // 2 : N_FFT // 2 + HOP_BINS // 2]


@pytest.mark.parametrize("sample_format", list(SAMPLE_FORMATS))
def test_mean_equals_scipy_welch(sample_format: str, each_engine: str) -> None:
    raw = quantise(complex_noise(N_SAMPLES + 17, 3) + np.float32(0.03), sample_format)
    ours = frame_powers(raw, sample_format, **SIZES, remove_dc=False).power.mean(axis=0)
    np.testing.assert_allclose(ours, welch(raw, sample_format, detrend=False), rtol=2e-4)


def test_dc_removal_equals_a_detrended_welch_and_reports_the_level() -> None:
    raw = quantise(complex_noise(N_SAMPLES, 4, rms=0.05) + np.float32(0.1), "cu8")
    hop = hop_spectra(raw, "cu8", **SIZES)
    expected = welch(raw, "cu8", detrend=True)
    away = np.abs(np.arange(HOP_BINS) - HOP_BINS // 2) > 1
    np.testing.assert_allclose(hop.mean[away], expected[away], rtol=2e-4)
    # What is left at DC is noise, within its own scatter, where 17 dB of offset was.
    assert np.all(hop.mean[~away] < 3 * np.median(hop.mean))
    assert hop.dc_dbfs == pytest.approx(20 * np.log10(0.1 * np.sqrt(2)), abs=0.2)
    assert hop.rms_dbfs == pytest.approx(20 * np.log10(0.05), abs=0.2)


@settings(max_examples=25, deadline=None)
@given(bin_index=st.integers(-380, 380), level_db=st.floats(-40, -1), phase=st.floats(0, 6.28))
def test_a_tone_reads_its_level_at_its_bin(bin_index: int, level_db: float, phase: float) -> None:
    if abs(bin_index) < 3:
        return
    tone = 10 ** (level_db / 20) * np.exp(1j * (2 * np.pi * bin_index / N_FFT * np.arange(N_SAMPLES) + phase))
    raw = tone.astype(np.complex64).view(np.float32)
    mean_db = 10 * np.log10(hop_spectra(raw, "cf32_le", **SIZES).mean + 1e-20)
    assert int(mean_db.argmax()) == bin_index + HOP_BINS // 2
    assert mean_db.max() == pytest.approx(level_db, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(offset_bins=st.floats(-0.5, 0.5))
def test_offset_moves_a_tone_onto_its_grid_bin(offset_bins: float) -> None:
    # Tuned offset_bins below the grid point: the tone of grid bin 40 arrives at 40 - (-offset) ... mixed back to 40.
    tone = 0.5 * np.exp(2j * np.pi * (40 - offset_bins) / N_FFT * np.arange(N_SAMPLES))
    hop = hop_spectra(tone.astype(np.complex64).view(np.float32), "cf32_le", **SIZES, offset_bins=offset_bins)
    assert 10 * np.log10(hop.mean[HOP_BINS // 2 + 40]) == pytest.approx(20 * np.log10(0.5), abs=0.02)


def test_a_shifted_hop_loses_its_dc_and_not_a_carrier_at_its_centre() -> None:
    carrier = 0.1 * np.exp(2j * np.pi * -0.4 / N_FFT * np.arange(N_SAMPLES))
    raw = (carrier + 0.2).astype(np.complex64).view(np.float32)
    hop = hop_spectra(raw, "cf32_le", **SIZES, offset_bins=0.4)
    assert 10 * np.log10(hop.mean[HOP_BINS // 2]) == pytest.approx(-20, abs=0.1)
    assert hop.dc_dbfs == pytest.approx(20 * np.log10(0.2), abs=0.1)


def test_blocks_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = quantise(complex_noise(N_SAMPLES, 11), "cu8")
    whole = hop_spectra(raw, "cu8", **SIZES)
    monkeypatch.setattr("dsp.frames._BLOCK_SAMPLES", 10 * N_FFT)  # 64 frames are six blocks and a rest
    blocks = hop_spectra(raw, "cu8", **SIZES)
    for name in HopSpectra.__slots__:
        np.testing.assert_allclose(getattr(blocks, name), getattr(whole, name), rtol=1e-5, err_msg=name)


def test_noise_power_is_conserved_through_the_noise_bandwidth() -> None:
    raw = complex_noise(N_SAMPLES, 5, rms=0.2)
    hop = hop_spectra(raw, "cf32_le", **{**SIZES, "hop_bins": N_FFT})
    assert hop.mean.sum() / HANN_ENBW_BINS == pytest.approx(0.04, rel=0.02)


def test_noise_follows_the_analytic_distributions() -> None:
    raw = complex_noise(500 * N_SAMPLES, 6)
    powers = [
        frame_powers(raw[2 * k * N_SAMPLES : 2 * (k + 1) * N_SAMPLES], "cf32_le", **SIZES).power for k in range(500)
    ]
    single = powers[0][::2].ravel()[::7] / np.mean(powers)  # frames that do not overlap are independent
    assert scipy.stats.kstest(single, "expon").pvalue > 1e-3
    hops = [hop_spectra(raw[2 * k * N_SAMPLES : 2 * (k + 1) * N_SAMPLES], "cf32_le", **SIZES) for k in range(100)]
    kurtosis = np.array([hop.spectral_kurtosis for hop in hops])
    assert kurtosis.mean() == pytest.approx(1.0, abs=0.01)
    # Largest of 64 exponential powers over their mean: sum of 1/i minus the bias of dividing by their own mean.
    largest = np.array([hop.max_hold / hop.mean for hop in hops])
    assert largest.mean() == pytest.approx(np.sum(1 / np.arange(1, 65)), rel=0.03)


def test_kurtosis_tells_carrier_noise_and_burst() -> None:
    n = np.arange(N_SAMPLES)
    carrier = 0.5 * np.exp(2j * np.pi * 100 / N_FFT * n)
    burst = np.where((n > 9000) & (n < 12000), 0.5, 0) * np.exp(2j * np.pi * -200 / N_FFT * n)
    noise = complex_noise(N_SAMPLES, 7, rms=0.01).view(np.complex64)
    hop = hop_spectra((carrier + burst + noise).astype(np.complex64).view(np.float32), "cf32_le", **SIZES)
    assert hop.spectral_kurtosis[HOP_BINS // 2 + 100] < 0.1
    assert hop.spectral_kurtosis[HOP_BINS // 2 - 200] > 3


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), n_fft=st.sampled_from([64, 200, 960, 1024]), n_frames=st.integers(4, 70))
def test_burst_features_equal_their_definition(seed: int, n_fft: int, n_frames: int) -> None:
    hop_bins = int(n_fft * 0.8) // 2 * 2
    raw = complex_noise((n_frames + 1) * n_fft // 2, seed)
    sizes = {"n_fft": n_fft, "n_frames": n_frames, "hop_bins": hop_bins}
    power = frame_powers(raw, "cf32_le", **sizes).power.astype(float)
    q = power / power.mean(axis=0)
    hop = hop_spectra(raw, "cf32_le", **sizes)
    for width, feature in ((8, hop.burst_8), (64, hop.burst_64), (512, hop.burst_512)):
        boxes = [q[:, i * width // 2 :][:, :width].mean(axis=1) for i in range(box_count(hop_bins, width))]
        np.testing.assert_allclose(feature, [box.max() for box in boxes], rtol=1e-4)
    boxes = [q[:, 4 * i : 4 * i + 8].mean(axis=1) for i in range(box_count(hop_bins, 8))]
    expected = [np.convolve(box, np.full(4, 0.25), "valid").max() for box in boxes]
    np.testing.assert_allclose(hop.burst_8x4, expected, rtol=1e-4)
    np.testing.assert_allclose(hop.max_hold, power.max(axis=0), rtol=1e-6)
    np.testing.assert_allclose(hop.min_hold, power.min(axis=0), rtol=1e-6)


def test_fluctuation_sees_a_step_of_the_whole_hop_and_not_an_emitter() -> None:
    noise = complex_noise(N_SAMPLES, 8).view(np.complex64)
    tone = 0.3 * np.exp(2j * np.pi * 55 / N_FFT * np.arange(N_SAMPLES)) * (np.arange(N_SAMPLES) > 20000)
    stepped = noise * np.where(np.arange(N_SAMPLES) > 25000, 2.0, 1.0)
    quiet, emitter, step = (
        hop_spectra(x.astype(np.complex64).view(np.float32), "cf32_le", **SIZES).fluctuation_db
        for x in (noise, noise + tone, stepped)
    )
    assert quiet < 1
    assert emitter < 1
    assert step > 3


@pytest.mark.parametrize("sample_format", list(SAMPLE_FORMATS))
def test_input_is_unchanged(sample_format: str) -> None:
    raw = quantise(complex_noise(N_SAMPLES, 9), sample_format)
    before = raw.copy()
    raw.setflags(write=False)
    hop_spectra(raw, sample_format, **SIZES, offset_bins=0.3)
    decode(raw, sample_format)
    np.testing.assert_array_equal(raw, before)


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=2, max_size=200).filter(lambda data: len(data) % 2 == 0))
def test_formats_agree_with_their_definition(data: bytes) -> None:
    unsigned = np.frombuffer(data, np.uint8)
    np.testing.assert_allclose(
        decode(unsigned, "cu8").view(np.float32), (unsigned.astype(float) - 127.5) / 128, atol=1e-6
    )
    signed = np.frombuffer(data, np.int8)
    np.testing.assert_allclose(decode(signed, "ci8").view(np.float32), signed / 128.0, atol=1e-7)
    wide = np.repeat(signed.astype("<i2") * 256, 1)
    np.testing.assert_allclose(decode(wide, "ci16_le").view(np.float32), wide / 32768.0, atol=1e-7)


def test_float_captures_in_counts_are_scaled() -> None:
    counts = (complex_noise(N_SAMPLES, 10) * 2048).astype("<f4")
    full_scale = guess_full_scale(float(np.abs(counts).max()))
    assert full_scale == 2048.0
    np.testing.assert_allclose(decode(counts, "cf32_le", full_scale=full_scale).view(np.float32), counts / 2048)
    assert clip_fraction(np.array([2048, 0, 1, -2048], "<f4"), "cf32_le", full_scale=2048.0) == 0.5


def test_a_dead_input_gives_no_nan() -> None:
    hop = hop_spectra(np.zeros(2 * N_SAMPLES, np.float32), "cf32_le", **SIZES)
    assert np.all(hop.mean == 0)
    assert np.all(np.isfinite(hop.burst_8))
    assert hop.rms_dbfs == float("-inf")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: decode(np.zeros(4, np.uint8), "cu9"), "cu9"),
        (lambda: decode(np.zeros(3, np.uint8), "cu8"), "shape"),
        (lambda: decode(np.zeros(4, np.int8), "cu8"), "int8"),
        (lambda: decode(np.zeros(4, np.float32), "cf32_le", full_scale=0), "full scale"),
        (lambda: guess_full_scale(float("nan")), "nan"),
        (lambda: hop_spectra(np.zeros(100, np.uint8), "cu8", **SIZES), "samples"),
        (lambda: hop_spectra(np.zeros(9999, np.uint8)[:9998], "cu8", n_fft=64, n_frames=1, hop_bins=50), "2 frames"),
        (lambda: frame_powers(np.zeros(9998, np.uint8), "cu8", n_fft=64, n_frames=4, hop_bins=65), "fit"),
        (lambda: engine.use_engine("cuda"), "cuda"),
    ],
)
def test_errors_print_the_value(call: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        call()  # type: ignore[operator]
