"""Bursts of a power over time: simulated keying is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsp.bursts import burst_segments, burst_timing
from dsp.errors import ParameterError


def keyed(
    n: int, period: int, length: int, *, lead: int = 0, snr_db: float = 20.0, averages: int = 8, seed: int = 0
) -> np.ndarray:
    """Frame powers of a square keying over noise, each the mean of some frames."""
    on = (np.arange(n) + period - lead) % period < length
    noise = np.random.default_rng(seed).gamma(averages, 1 / averages, n)
    return noise * np.where(on, 1 + 10 ** (snr_db / 10), 1.0)


@given(
    period=st.integers(4, 50),
    length=st.integers(1, 40),
    lead=st.integers(1, 20),
    snr_db=st.floats(15, 60),
    scale=st.floats(1e-12, 1e6),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=80)
def test_square_keying_is_measured(  # noqa: PLR0917 - hypothesis gives them by name
    period: int, length: int, lead: int, snr_db: float, scale: float, seed: int
) -> None:
    assume(length < period)
    power = scale * keyed(12 * period, period, length, lead=lead % period or 1, snr_db=snr_db, averages=40, seed=seed)
    before = power.copy()
    timing = burst_timing(power, 0.5)
    assert timing.length_s == pytest.approx(0.5 * length, abs=0.25)  # half a frame
    assert timing.period_s == pytest.approx(0.5 * period)
    assert timing.regularity == 1.0
    assert timing.duty_cycle == pytest.approx(length / period)
    assert np.array_equal(power, before)


@given(values=st.lists(st.floats(0, 1e6) | st.just(float("nan")), max_size=60))
@settings(deadline=None, max_examples=100)
def test_segments_lie_in_order_within_the_frames(values: list[float]) -> None:
    power = np.array(values)
    segments = burst_segments(power)
    assert np.all(np.diff(segments.ravel()) > 0)
    assert segments.size == 0 or (segments[0, 0] >= 0 and segments[-1, 1] <= power.size)
    assert all(np.isfinite(power[start:stop]).all() for start, stop in segments)
    assert (len(segments) == 0) == (not np.isfinite(power).any())


def test_a_rare_burst_stands_out_of_noise() -> None:
    power = keyed(400, 400, 3, lead=200, snr_db=20, averages=20)
    assert burst_segments(power).tolist() == [[200, 203]]
    timing = burst_timing(power, 0.001)
    assert timing.length_s == pytest.approx(0.003, abs=0.0005)
    assert (timing.period_s, timing.regularity) == (None, None)


@pytest.mark.parametrize("averages", [1, 4, 64])
def test_what_is_steady_is_one_segment(averages: int) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).gamma(averages, 1 / averages, 300)
        timing = burst_timing(noise, 1.0)
        assert (timing.n_bursts, timing.duty_cycle) == (1, 1.0)
        assert (timing.length_s, timing.period_s) == (None, None)  # neither its begin nor its end was seen


def test_cut_bursts_have_no_length() -> None:
    power = np.array([9.0, 9, 9, 0.1, 0.1, 0.1, 0.1, 9, 9])
    assert burst_segments(power).tolist() == [[0, 3], [7, 9]]
    assert burst_timing(power, 1.0).length_s is None


def test_fades_within_a_burst_do_not_break_it() -> None:
    power = np.full(60, 1.0)
    power[20:40] = 100 * np.tile([1.0, 0.2], 10)
    assert burst_segments(power).tolist() == [[20, 40]]


def test_jitter_lowers_the_regularity_and_not_the_period() -> None:
    starts = np.cumsum([5, 20, 21, 19, 20, 40, 20, 20])
    power = np.ones(200)
    for start in starts:
        power[start : start + 3] = 50
    timing = burst_timing(power, 1.0)
    assert timing.period_s == pytest.approx(20.0)
    assert timing.regularity == pytest.approx(6 / 7)
    assert timing.length_s == 3.0


def test_nothing_known() -> None:
    timing = burst_timing(np.array([np.nan, np.nan]), 1.0)
    assert (timing.n_bursts, timing.duty_cycle, timing.length_s) == (0, 0.0, None)


@pytest.mark.parametrize("frame_s", [0.0, -1.0, float("nan"), float("inf")])
def test_frames_without_length(frame_s: float) -> None:
    with pytest.raises(ParameterError, match=f"frames of {frame_s} s have no length"):
        burst_timing(np.ones(3), frame_s)
    with pytest.raises(ParameterError, match=r"power of shape \(2, 2\) is not one row of frames"):
        burst_segments(np.ones((2, 2)))


def test_ends_within_a_frame_count_by_what_they_hold() -> None:
    """A burst of 7.7 frames that begins 0.4 of a frame into one."""
    shares = np.concatenate([np.zeros(10), [0.6], np.ones(7), [0.1], np.zeros(10)])
    assert burst_timing(1.0 + 100.0 * shares, 1.0).length_s == pytest.approx(7.7)


def test_a_break_ends_no_burst_and_counts_in_no_period() -> None:
    stretch = np.array([1.0, 1, 50, 50, 50, 1, 1, 1])
    cut_short = np.array([50.0, 1, 1, 1, 1, 1, 1, 50])
    lost = np.array([np.nan])
    power = np.concatenate([stretch, lost, cut_short, lost, np.tile(stretch, 3)])
    timing = burst_timing(power, 0.1)
    assert timing.n_bursts == 6
    assert timing.length_s == pytest.approx(0.3)  # of the two that a break cuts nothing is known
    assert timing.period_s == pytest.approx(0.8)
    assert timing.regularity == 1.0
    assert burst_timing(np.concatenate([stretch, lost, stretch, lost, stretch]), 0.1).period_s is None
