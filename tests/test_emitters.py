"""From bins to emitters: segments, occupied bandwidth, and what belongs together."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.bandwidths import occupied_bandwidth, x_db_bandwidth
from dsp.emitters import hysteresis_segments, merge_segments, split_at_valleys
from dsp.errors import ParameterError

scores = st.lists(st.one_of(st.sampled_from([0.0, 2.0, 3.0, 6.0, 9.0]), st.just(float("nan"))), max_size=40)
sparse_powers = st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e3), st.floats(-1.0, 0.0)), min_size=1, max_size=60)


@given(values=scores)
@settings(deadline=None, max_examples=100)
def test_segments_are_runs_that_hold_a_peak(values: list[float]) -> None:
    expected, run = [], []
    for index, value in enumerate([*values, float("nan")]):
        if value >= 2:
            run.append(index)
            continue
        if run and max(values[k] for k in run) >= 6:
            expected.append([run[0], run[-1] + 1])
        run = []
    assert hysteresis_segments(np.array(values), 6, 2).tolist() == expected


@st.composite
def segments_and_breaks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    edges = sorted(draw(st.lists(st.integers(0, 30), min_size=0, max_size=12, unique=True)))
    pairs = np.array(edges[: len(edges) // 2 * 2], np.int64).reshape(-1, 2)
    return pairs, np.array(sorted(draw(st.sets(st.integers(0, 30), max_size=4))), np.int64)


@given(given_=segments_and_breaks(), min_gap=st.integers(0, 12))
@settings(deadline=None, max_examples=150)
def test_neighbours_are_joined_unless_far_or_across_a_jump(given_: tuple[np.ndarray, np.ndarray], min_gap: int) -> None:
    segments, breaks = given_
    before = segments.copy()
    merged = merge_segments(segments, min_gap=min_gap, width_share=0.0, breaks=breaks)
    expected: list[list[int]] = []
    for start, stop in segments.tolist():
        # A break is the last bin before a jump of the axis.
        jumped = expected and any(expected[-1][1] - 1 <= b < start for b in breaks.tolist())
        if expected and not jumped and start - expected[-1][1] <= min_gap:
            expected[-1][1] = stop
        else:
            expected.append([start, stop])
    assert merged.tolist() == expected
    assert np.array_equal(segments, before)


def test_wide_neighbours_are_joined_over_wider_gaps() -> None:
    segments = np.array([[0, 100], [120, 140]])
    assert merge_segments(segments).tolist() == [[0, 140]]
    assert merge_segments(segments, width_share=0.1).tolist() == segments.tolist()


def brute_occupied(power: np.ndarray, share: float) -> tuple[float, float]:
    """Edges by summing very thin slices of every bin from each side."""
    fine = 2000
    slices = np.repeat(np.maximum(power, 0) / fine, fine)
    cut = (1 - share) / 2 * slices.sum()
    low = int(np.searchsorted(np.cumsum(slices), cut, side="right"))
    high = int(np.searchsorted(np.cumsum(slices[::-1]), cut, side="right"))
    return low / fine - 0.5, power.size - high / fine - 0.5


@given(values=sparse_powers, share=st.sampled_from([0.5, 0.9, 0.99]))
@settings(deadline=None, max_examples=100)
def test_occupied_bandwidth_leaves_half_of_the_rest_on_each_side(values: list[float], share: float) -> None:
    power = np.array(values)
    if not np.maximum(power, 0).sum() > 0:
        with pytest.raises(ParameterError, match="no occupied bandwidth of share"):
            occupied_bandwidth(power, share)
        return
    before = power.copy()
    found = occupied_bandwidth(power, share)
    cumulative = np.concatenate([[0], np.cumsum(np.maximum(power, 0))])
    edges = np.arange(power.size + 1) - 0.5
    below, up_to = np.interp([found.low, found.high], edges, cumulative) / cumulative[-1]
    assert below == pytest.approx((1 - share) / 2, abs=1e-9)
    assert up_to == pytest.approx((1 + share) / 2, abs=1e-9)
    positive = np.flatnonzero(power > 0)
    assert positive[0] - 0.5 <= found.low <= found.high <= positive[-1] + 0.5
    assert found.low <= found.center + 0.5
    assert found.center - 0.5 <= found.high
    assert np.array_equal(power, before)


@pytest.mark.parametrize("name", ["one bin", "two lines", "flat", "gaussian", "leading zeros"])
def test_occupied_bandwidth_of_known_shapes(name: str) -> None:
    power = np.zeros(101)
    if name == "one bin":
        power[40] = 3.0
    elif name == "two lines":
        power[[20, 60]] = 1.0, 1.0
    elif name == "flat":
        power[30:70] = 0.5
    elif name == "gaussian":
        power = np.exp(-0.5 * ((np.arange(101) - 50) / 8) ** 2)
    else:
        power[90:] = np.arange(11.0)
    found = occupied_bandwidth(power)
    low, high = brute_occupied(power, 0.99)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    if name == "flat":
        assert found.width == pytest.approx(0.99 * 40)
    if name == "gaussian":
        assert found.width == pytest.approx(2 * 2.5758 * 8, rel=0.01)
        assert found.center == pytest.approx(50)


@pytest.mark.parametrize(("power", "share"), [([0.0, -1.0], 0.99), ([1.0], 0.0), ([1.0], 1.0), ([1.0], float("nan"))])
def test_no_power_no_bandwidth(power: list[float], share: float) -> None:
    total = float(max(0.0, sum(max(value, 0.0) for value in power)))
    with pytest.raises(ParameterError, match=f"no occupied bandwidth of share {share} in a total power of {total}"):
        occupied_bandwidth(np.array(power), share)


def hann_line(n: int, at: float, power: float) -> np.ndarray:
    """A carrier as a Hann window shows it."""
    offset = np.arange(n) - at + 1e-9
    return power * (np.sinc(offset) / (1 - offset**2)) ** 2


def split(power: np.ndarray, floor: float = 1.0) -> list[list[int]]:
    before = power.copy()
    pieces = split_at_valleys(power, np.full(power.size, floor)).tolist()
    assert np.array_equal(power, before)
    return pieces


def test_two_carriers_are_two() -> None:
    pieces = split(hann_line(80, 20, 1e4) + hann_line(80, 55, 3e3))
    assert len(pieces) == 2
    assert pieces[0][0] <= 20 < pieces[0][1]
    assert pieces[1][0] <= 55 < pieces[1][1]


def test_a_skirt_20_db_down_is_no_emitter() -> None:
    rng = np.random.default_rng(5)
    skirt = rng.gamma(60, 1 / 60, 300) * np.exp(-np.abs(np.arange(300) - 150) / 40)
    pieces = split(hann_line(300, 150, 1e6) + 1e3 * skirt)
    assert len(pieces) == 1
    assert 140 < pieces[0][0] <= 150 < pieces[0][1] < 160


@given(spacing=st.integers(4, 20), n_lines=st.integers(8, 30), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_a_comb_of_like_lines_is_one(spacing: int, n_lines: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    power = np.full(spacing * (n_lines + 1), 0.05)
    for line in range(n_lines):
        power += hann_line(power.size, spacing * (line + 1), 1e3 * 10 ** rng.uniform(-0.2, 0.2))
    assert len(split(power)) == 1


def test_two_tones_of_frequency_shift_keying_and_what_lies_between() -> None:
    power = hann_line(60, 18, 1e4) + hann_line(60, 42, 0.9e4)
    power[14:46] += 2e3  # the transitions between them fill the band
    assert len(split(power)) == 1


def test_a_plateau_beside_lines_is_an_emitter_of_its_own() -> None:
    rng = np.random.default_rng(3)
    power = 100 * rng.gamma(60, 1 / 60, 400) + hann_line(400, 20, 4e3) + hann_line(400, 30, 2e3)
    pieces = split(power)
    assert any(start <= 20 < stop <= 30 for start, stop in pieces)
    assert any(20 < start <= 30 < stop < 40 for start, stop in pieces)
    assert any(start < 40 and stop == 400 for start, stop in pieces)


def test_a_line_takes_the_plateau_that_is_within_26_db() -> None:
    rng = np.random.default_rng(3)
    power = 100 * rng.gamma(60, 1 / 60, 400) + hann_line(400, 100, 4e3)
    assert split(power) == [[0, 400]]


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=80), floor=st.floats(1e-9, 1.0))
@settings(deadline=None, max_examples=80)
def test_pieces_lie_within_the_run(values: list[float], floor: float) -> None:
    power = np.array(values)
    pieces = split(power, floor)
    assert len(pieces) >= 1
    assert all(0 <= start < stop <= power.size for start, stop in pieces)
    assert pieces == sorted(pieces)


def test_no_chain_over_a_whole_band() -> None:
    widths = [400, 100, 100, 100]
    starts = np.cumsum([0] + [width + 90 for width in widths[:-1]])
    segments = np.stack([starts, starts + widths], axis=1).astype(np.int64)
    assert len(merge_segments(segments)) == 1  # each join lets the next, wider gap pass
    assert len(merge_segments(segments, max_gap=60)) == 4


@given(sigma=st.floats(2.0, 12.0), at=st.floats(40.0, 60.0), x_db=st.floats(3.0, 30.0), scale=st.floats(1e-9, 1e9))
@settings(deadline=None, max_examples=100)
def test_x_db_bandwidth_of_a_gaussian(sigma: float, at: float, x_db: float, scale: float) -> None:
    power = scale * np.exp(-0.5 * ((np.arange(101) - at) / sigma) ** 2)
    before = power.copy()
    found = x_db_bandwidth(power, 1e-9 * scale, x_db)
    width = 2 * sigma * np.sqrt(2 * np.log(10 ** (x_db / 10)))
    if at - width / 2 > 1 and at + width / 2 < 99:
        assert found == pytest.approx(width, abs=0.5 / sigma + 0.06)
    assert np.array_equal(power, before)


@pytest.mark.parametrize("x_db", [6.0, 26.0])
@pytest.mark.parametrize("n_bins", [1, 2, 40])
def test_x_db_bandwidth_of_a_rectangle(x_db: float, n_bins: int) -> None:
    power = np.zeros(101)
    power[30 : 30 + n_bins] = 2.0
    assert x_db_bandwidth(power, 1e-6, x_db) == pytest.approx(n_bins, abs=0.5)


def test_x_db_bandwidth_of_frequency_modulation() -> None:
    """A tone of 1 kHz at index 5: the lines within 26 dB of the highest are known from Bessel's functions."""
    rate_hz, tone_hz, index, n = 48_000, 1000.0, 5.0, 4800
    time_s = np.arange(n) / rate_hz
    samples = np.exp(1j * index * np.sin(2 * np.pi * tone_hz * time_s)) * np.hanning(n + 1)[:n]
    power = np.fft.fftshift(np.abs(np.fft.fft(samples)) ** 2) / n**2
    lines = scipy.special.jv(np.arange(12), index) ** 2
    for x_db in (6.0, 26.0):
        furthest = np.flatnonzero(lines >= lines.max() * 10 ** (-x_db / 10))[-1]
        width = x_db_bandwidth(power, 1e-12, x_db)
        assert width is not None
        assert width * rate_hz / n == pytest.approx(2 * furthest * tone_hz, abs=5 * rate_hz / n)


def test_no_x_db_bandwidth() -> None:
    power = np.exp(-0.5 * ((np.arange(101) - 50) / 8.0) ** 2)
    assert x_db_bandwidth(power, 0.01, 26.0) is None  # 20 dB over its background
    assert x_db_bandwidth(power, 0.01, 6.0) is not None
    assert x_db_bandwidth(power[45:], 1e-6, 6.0) is None  # it goes on beyond what is there
    assert x_db_bandwidth(np.zeros(5), 0.0, 6.0) is None
    for x_db in (0.0, -6.0, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match=f"a bandwidth at {x_db} dB below the top is none"):
            x_db_bandwidth(power, 0.0, x_db)


def test_a_line_leaves_alone_what_is_fainter_than_the_background() -> None:
    rng = np.random.default_rng(3)
    power = 0.2 * rng.gamma(60, 1 / 60, 200) + hann_line(200, 100, 20.0)
    assert any(97 <= start <= 100 < stop <= 104 for start, stop in split(power))
