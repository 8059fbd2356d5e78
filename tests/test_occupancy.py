"""Occupancy as ITU-R SM.1880 has it: what is counted, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from baselines.occupancy import THRESHOLD_DB, OccupancyCounter
from sweep.model import FILL


@settings(deadline=None, max_examples=50)
@given(levels=npst.arrays(np.int16, (6, 5), elements=st.integers(FILL, 0)), floor=st.floats(-120, 0))
def test_shares_are_those_of_a_plain_count(levels: np.ndarray, floor: float) -> None:
    counter = OccupancyCounter(np.full(5, floor, np.float32))
    for row in levels:
        counter.take(row)
    threshold = round(100 * (float(np.float32(floor)) + THRESHOLD_DB))
    for k, share in enumerate(counter.result().share):
        known = [int(value) for value in levels[:, k] if value != FILL]
        if not known:
            assert np.isnan(share)
        else:
            assert share == sum(value > threshold for value in known) / len(known)


def test_a_band_counts_samples_and_channels() -> None:
    counter = OccupancyCounter(np.array([-60, -60, -60, np.nan], np.float32), np.array([False, False, True, False]))
    for row in ([-5000, -6000, -1000, -1000], [-6000, -6000, -1000, -1000]):
        counter.take(np.array(row, np.int16))
    result = counter.result()
    band = result.of(np.ones(4, bool))
    assert band is not None
    assert (band.share, band.ever, band.n_channels, band.n_samples) == (0.25, 0.5, 2, 2)
    assert result.of(np.array([False, False, True, True])) is None


@pytest.mark.parametrize(("n_averages", "suits"), [(64, True), (8, True), (7, False), (None, False)])
def test_spectra_that_were_hardly_averaged_tell_no_occupancy(n_averages: int | None, suits: bool) -> None:
    assert OccupancyCounter.suits(n_averages) == suits


def test_noise_is_no_occupancy() -> None:
    """Eight frames of noise, the fewest: three samples in 10^5 may pass."""
    rng = np.random.default_rng(1)
    counter = OccupancyCounter(np.full(20_000, -60, np.float32))
    for _ in range(5):
        noise = 1e-6 * rng.gamma(7.6, 1 / 7.6, 20_000)
        counter.take(np.rint(1000 * np.log10(noise)).astype(np.int16))
    band = counter.result().of(np.ones(20_000, bool))
    assert band is not None
    assert band.share < 2e-4
