"""Thinning keeps every peak, and labels never cover each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reports.figures.lanes import place_labels
from reports.figures.waterfalls import time_rows
from reports.segments import contiguous_slices, envelope, max_bins

LEVELS = st.one_of(st.floats(-120, 0, width=32), st.just(float("nan")))


@settings(deadline=None, max_examples=60)
@given(arrays(np.float32, st.integers(1, 400), elements=LEVELS), st.integers(1, 80))
def test_envelope_keeps_every_peak(level: np.ndarray, n_columns: int) -> None:
    freq_hz = 1e8 + 2500.0 * np.arange(level.size)
    before = level.copy()
    center, low, high = envelope(freq_hz, level, n_columns)
    assert np.array_equal(level, before, equal_nan=True)
    assert center.size == low.size == high.size == min(n_columns, level.size)
    width = freq_hz[-1] - freq_hz[0] + 2500
    reach = width / center.size / 2 + 2500
    for k in np.flatnonzero(np.isfinite(level)):  # each bin lies within the band drawn near it
        near = np.abs(center - freq_hz[k]) <= reach
        assert np.nanmax(high[near]) >= level[k]
        assert np.nanmin(low[near]) <= level[k]
    if np.isfinite(level).any():
        assert np.nanmax(high) == np.nanmax(level)
        assert np.nanmin(low) == np.nanmin(level)
    else:
        assert not np.isfinite(high).any()


def test_envelope_keeps_one_bin_among_many() -> None:
    level = np.full(697_344, -90.0, np.float32)
    level[345_678] = -12.5
    center, low, high = envelope(24e6 + 2500.0 * np.arange(level.size), level, 900)
    assert high.max() == -12.5
    assert (high > -20).sum() == 1
    assert abs(center[high.argmax()] - (24e6 + 2500 * 345_678)) < 697_344 * 2500 / 900
    assert low.max() == -90


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=LEVELS),
    st.integers(1, 40),
    st.sampled_from([0, 1]),
)
def test_max_bins_keeps_the_maximum(values: np.ndarray, n_wanted: int, axis: int) -> None:
    shorter = max_bins(values, n_wanted, axis)
    assert shorter.shape[axis] == min(n_wanted, values.shape[axis])
    whole, thinned = (np.fmax.reduce(a, axis=axis) for a in (values, shorter))
    assert np.array_equal(whole, thinned, equal_nan=True)


def test_contiguous_slices_find_the_gaps() -> None:
    freq_hz = np.concatenate([np.arange(5) * 10.0, 200 + np.arange(3) * 10.0, [900.0]])
    assert contiguous_slices(freq_hz, 10.0) == (slice(0, 5), slice(5, 8), slice(8, 9))
    assert contiguous_slices(freq_hz[:0], 10.0) == ()


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(1, 30)), max_size=25))
def test_labels_do_not_overlap_and_stay_inside(pairs: list[tuple[float, float]]) -> None:
    labels = place_labels([a for a, _ in pairs], [w for _, w in pairs], left=0, right=100, spacing=0.5)
    assert [label.index for label in labels] == list(range(len(pairs)))
    for label in labels:
        assert label.left >= 0
        assert label.right <= 100 + 1e-9
        assert label.left - 1e-9 <= label.anchor <= label.right + 1e-9
    for one, other in combinations(labels, 2):
        if one.lane == other.lane:
            assert one.right <= other.left + 1e-9 or other.right <= one.left + 1e-9


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(1, 30)), max_size=20))
def test_no_leader_cuts_a_label_that_has_room(pairs: list[tuple[float, float]]) -> None:
    """Where no label is pushed back by the edge, every leader rises beside the labels below it."""
    labels = place_labels([a for a, _ in pairs], [w for _, w in pairs], left=0, right=200)
    for label in labels:
        for below in labels:
            if below.lane < label.lane:
                assert not below.left < label.anchor < below.right


def test_a_pause_of_a_sweep_is_drawn_as_a_pause() -> None:
    power = np.array([[-50.0], [-51.0], [-40.0], [-41.0]], np.float32)
    image, span_s = time_rows(power, np.array([0.0, 1.0, 8.0, 9.0]), 100)
    assert span_s == pytest.approx(10)
    assert image.shape == (10, 1)
    assert np.isnan(image[2:8]).all()
    assert image[[0, 1, 8, 9], 0].tolist() == [-50, -51, -40, -41]


def test_a_burst_of_one_row_survives_a_short_image() -> None:
    power = np.full((1000, 2), -90, np.float32)
    power[777, 1] = -30
    image, _ = time_rows(power, np.arange(1000) * 0.5, 100)
    assert image.shape[0] == 100
    assert image[:, 1].max() == -30
    assert image[:, 0].max() == -90
