"""The distributions of averaged spectra against scipy, Monte Carlo and real spectra of noise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.frames import frame_powers
from dsp.groups import robust_mean
from dsp.spectra import hop_spectra
from dsp.statistics import (
    burst_p_value,
    effective_averages,
    log_power_variance,
    normal_p_value,
    to_linear,
)

BOXES = ("burst_8", "burst_8x4", "burst_64", "burst_512")
SIZES = {"n_fft": 960, "n_frames": 64, "hop_bins": 768}


def white_noise(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(2 * 65 * 480, dtype=np.float32) * np.float32(0.1)


@pytest.fixture(scope="module")
def noise_features() -> dict[str, np.ndarray]:
    """Burst features of 500 hops of white noise."""
    rng = np.random.default_rng(11)
    hops = [hop_spectra(white_noise(rng), "cf32_le", **SIZES) for _ in range(500)]
    features = {name: np.concatenate([getattr(hop, name) for hop in hops]) for name in BOXES}
    return features | {"burst_1": np.concatenate([hop.max_hold / hop.mean for hop in hops])}


def test_every_stored_level_becomes_its_power() -> None:
    cdb = np.arange(-32768, 32768).astype(np.int16)
    before = cdb.copy()
    linear = to_linear(cdb)
    assert np.isnan(linear[0])
    np.testing.assert_allclose(linear[1:], 10 ** (np.arange(-32767, 32768) / 1000), rtol=1e-6)
    assert linear.dtype == np.float32
    assert np.array_equal(cdb, before)


@pytest.mark.parametrize("n_frames", [1, 2, 8, 64, 1000])
def test_averages_are_worth_what_their_correlation_leaves(n_frames: int) -> None:
    correlation = np.array([1 / 36 if abs(lag) == 1 else float(lag == 0) for lag in range(-n_frames, n_frames + 1)])
    shares = 1 - np.abs(np.arange(-n_frames, n_frames + 1)) / n_frames
    assert effective_averages(n_frames) == pytest.approx(n_frames / (shares @ correlation))


def test_averages_of_real_spectra() -> None:
    rng = np.random.default_rng(3)
    means = np.concatenate([frame_powers(white_noise(rng), "cf32_le", **SIZES).power.mean(axis=0) for _ in range(40)])
    assert np.var(np.log(means)) == pytest.approx(log_power_variance(effective_averages(64)), rel=0.05)


@given(averages=st.floats(0.5, 1e5))
@settings(deadline=None, max_examples=30)
def test_variance_is_that_of_a_log_gamma_variate(averages: float) -> None:
    assert log_power_variance(averages) == pytest.approx(float(scipy.stats.loggamma.var(averages)), rel=1e-6)


@pytest.mark.parametrize("averages", [0.0, -3.0, float("nan")])
def test_no_averages_no_variance(averages: float) -> None:
    with pytest.raises(ParameterError, match=f"{averages} averages have no variance; give a number above 0"):
        log_power_variance(averages)


def test_largest_of_exponential_powers_exactly() -> None:
    largest = np.random.default_rng(5).exponential(size=(200_000, 64)).max(axis=1)
    p_value = burst_p_value("burst_1", largest.astype(np.float32), 64)
    assert scipy.stats.kstest(p_value, "uniform").pvalue > 0.01
    value = np.array([2.0, 10.0, 25.0], np.float32)
    assert burst_p_value("burst_1", value, 64) == pytest.approx(1 - (1 - np.exp(-value.astype(float))) ** 64, rel=1e-6)


def test_far_tail_keeps_its_precision() -> None:
    p_value = burst_p_value("burst_1", np.array([60.0, 200.0, np.nan], np.float32), 64)
    assert p_value[:2] == pytest.approx(64 * np.exp([-60.0, -200.0]), rel=1e-9)
    assert np.isnan(p_value[2])


@pytest.mark.parametrize(
    ("feature", "chance"),
    [(name, 1e-2) for name in ("burst_1", *BOXES)] + [(name, 1e-3) for name in ("burst_1", "burst_8", "burst_8x4")],
)
def test_noise_is_not_called_a_burst_more_often_than_said(
    noise_features: dict[str, np.ndarray], feature: str, chance: float
) -> None:
    """A box of Hann bins is correlated, and is held against a mean that it is part of: the p-value is approximate."""
    values = noise_features[feature]
    fraction = float(np.mean(burst_p_value(feature, values, 64) < chance))
    assert 0.1 * chance < fraction < 1.5 * chance


@pytest.mark.parametrize("feature", ["burst_1", *BOXES])
def test_typical_noise_is_typical(noise_features: dict[str, np.ndarray], feature: str) -> None:
    assert np.median(burst_p_value(feature, noise_features[feature], 64)) == pytest.approx(0.5, abs=0.1)


@given(
    feature=st.sampled_from(["burst_1", *BOXES]),
    value=st.floats(0, 50, width=32),
    step=st.floats(0.015625, 5, width=32),
    n_frames=st.integers(1, 100_000),
)
@settings(deadline=None, max_examples=60)
def test_larger_bursts_in_fewer_frames_are_less_likely(feature: str, value: float, step: float, n_frames: int) -> None:
    values = np.array([value, value + step], np.float32)
    p_small, p_large = burst_p_value(feature, values, n_frames)
    assert 0 <= p_large <= p_small <= 1
    assert burst_p_value(feature, values, n_frames + 1)[0] >= p_small


def test_normal_tail() -> None:
    z = np.array([-5.0, 0.0, 3.0, 37.0])
    assert normal_p_value(z) == pytest.approx(scipy.stats.norm.sf(z), rel=1e-9)


groups = st.lists(
    st.lists(st.one_of(st.floats(-20, 20), st.just(float("nan"))), min_size=4, max_size=4), min_size=1, max_size=8
)


@given(rows=groups)
@settings(deadline=None, max_examples=80)
def test_robust_mean_leaves_the_largest_out(rows: list[list[float]]) -> None:
    values = np.array(rows)
    before = values.copy()
    result = robust_mean(values)
    for column, mean in zip(values.T, result, strict=True):
        known = sorted(column[np.isfinite(column)])
        kept = known[:-1] if len(known) >= 3 else known
        assert mean == pytest.approx(np.mean(kept), abs=1e-9) if kept else np.isnan(mean)
    assert np.array_equal(values, before, equal_nan=True)
