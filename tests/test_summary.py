"""A visit in bounded memory against brute force over its rows."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import same_rows
from visits import NOISE, PASS_NS, START_NS, make_rows, noise_layout, without_hop

from baselines.summary import BURST_BOXES, MAX_GROUPS, box_bins, summarise
from dsp.errors import RecordError
from dsp.statistics import effective_averages, log_power_variance, to_linear
from sweep.model import FILL, HOP_MEASURED, HOP_OVERLOADED, SweepRow
from sweep.plan import Layout, plan_hops

LAYOUT = noise_layout(2)
SMALL = plan_hops(((100_000_000, 100_300_000),), sample_rate_hz=250_000).layout()
SMALL_ROWS = make_rows(SMALL, 70, seed=3)


def spectra_layout(n_bins: int = 500) -> Layout:
    """Spectra of another tool: one hop, averages not known."""
    return replace(
        LAYOUT, freq_hz=1e8 + 25_000.0 * np.arange(n_bins), bin_width_hz=25_000.0, n_hops=1, hop_bins=n_bins,
        n_averages=None,
    )  # fmt: skip


def spectra_rows(layout: Layout, n_rows: int, averages: float, seed: int = 0) -> list[SweepRow]:
    rng = np.random.default_rng(seed)
    rows = make_rows(noise_layout(1), n_rows, seed=seed)
    bare = dict.fromkeys(["max_hold", "min_hold", "spectral_kurtosis", *BURST_BOXES])
    means = [
        np.round(1000 * np.log10(NOISE * rng.gamma(averages, 1 / averages, layout.n_bins))).astype(np.int16)
        for _ in rows
    ]
    return [replace(row, mean=mean, **bare) for row, mean in zip(rows, means, strict=True)]


@given(n_rows=st.integers(1, 70))
@settings(deadline=None, max_examples=30)
def test_groups_are_few_and_hold_every_pass(n_rows: int) -> None:
    summary = summarise(SMALL, iter(SMALL_ROWS[:n_rows]))
    assert summary.n_groups <= MAX_GROUPS
    assert summary.passes.sum() == summary.n_rows == n_rows
    assert n_rows < MAX_GROUPS or summary.n_groups >= MAX_GROUPS // 2
    assert summary.passes.max() <= 3 * summary.passes.min() or n_rows < MAX_GROUPS
    edges = np.concatenate([[0], np.cumsum(summary.passes)])
    rows = SMALL_ROWS[:n_rows]
    for group, (start, stop) in enumerate(itertools.pairwise(edges)):
        mean = np.array([to_linear(row.mean) for row in rows[start:stop]])
        held = np.array([to_linear(row.max_hold) for row in rows[start:stop]])
        assert summary.mean[group] == pytest.approx(mean.mean(axis=0), rel=1e-4)
        assert summary.max_hold is not None
        assert np.array_equal(to_linear(summary.max_hold[group]), held.max(axis=0))
        assert summary.burst_1 is not None
        assert to_linear(summary.burst_1[group]) == pytest.approx((held / mean).max(axis=0), rel=1e-5)
        for name, values in summary.bursts.items():
            brute = np.array([to_linear(getattr(row, name)) for row in rows[start:stop]]).max(axis=0)
            assert np.array_equal(to_linear(values[group]), brute)
    kurtosis = np.mean([row.spectral_kurtosis for row in rows], axis=0) / 100
    assert summary.kurtosis_db == pytest.approx(kurtosis, abs=1e-3)
    assert summary.start_utc_ns == START_NS
    assert summary.stop_utc_ns == START_NS + (n_rows - 1) * PASS_NS


def test_rows_are_read_once_and_not_changed() -> None:
    rows = make_rows(LAYOUT, 20, seed=1)
    copies = make_rows(LAYOUT, 20, seed=1)
    summarise(LAYOUT, iter(rows))
    assert all(same_rows(row, copy) for row, copy in zip(rows, copies, strict=True))


def test_hops_that_some_passes_lack() -> None:
    rows = make_rows(LAYOUT, 20, seed=2)
    holed = [without_hop(row, LAYOUT, 1) if index % 4 else row for index, row in enumerate(rows)]
    holed[0] = replace(holed[0], hop_flags=np.array([HOP_MEASURED | HOP_OVERLOADED, HOP_MEASURED], np.uint8))
    summary = summarise(LAYOUT, holed)
    assert summary.measured.tolist() == [1.0, 0.25]
    assert summary.overloaded.tolist() == [0.05, 0.0]
    second = LAYOUT.hop_slice(1)
    edges = np.concatenate([[0], np.cumsum(summary.passes)])
    for group, (start, stop) in enumerate(itertools.pairwise(edges)):
        kept = [to_linear(rows[index].mean)[second] for index in range(start, stop) if index % 4 == 0]
        if kept:
            assert summary.mean[group][second] == pytest.approx(np.mean(kept, axis=0), rel=1e-4)
        else:
            assert np.isnan(summary.mean[group][second]).all()
    kurtosis = np.mean([row.spectral_kurtosis[second] for row in rows[::4]], axis=0) / 100
    assert summary.kurtosis_db is not None
    assert summary.kurtosis_db[second] == pytest.approx(kurtosis, abs=1e-3)


def test_a_hop_never_measured_is_nowhere() -> None:
    rows = [without_hop(row, LAYOUT, 0) for row in make_rows(LAYOUT, 5, seed=2)]
    summary = summarise(LAYOUT, rows)
    first = LAYOUT.hop_slice(0)
    assert np.isnan(summary.mean[:, first]).all()
    assert summary.kurtosis_db is not None
    assert np.isnan(summary.kurtosis_db[first]).all()
    assert np.isfinite(summary.mean[:, LAYOUT.hop_slice(1)]).all()


def test_single_hop_spectra_with_gaps_in_some_rows() -> None:
    layout = spectra_layout()
    rows = spectra_rows(layout, 6, 30)
    gap = rows[2].mean.copy()
    gap[100:200] = FILL
    rows[2] = replace(rows[2], mean=gap)
    summary = summarise(layout, rows)
    assert (summary.max_hold, summary.burst_1, summary.kurtosis_db, summary.bursts) == (None, None, None, {})
    assert np.isnan(summary.mean[2, 100:200]).all()
    assert np.isfinite(np.delete(summary.mean, 2, axis=0)).all()


@pytest.mark.parametrize("n_rows", [1, 6, 30])
def test_variance_of_spectra_of_unknown_averages(n_rows: int) -> None:
    layout = spectra_layout(4000)
    summary = summarise(layout, spectra_rows(layout, n_rows, 30))
    assert summary.pass_variance == pytest.approx(log_power_variance(30), rel=0.15)
    assert summary.group_variance == pytest.approx(summary.pass_variance / np.median(summary.passes))


def test_variance_of_known_averages() -> None:
    rows = make_rows(LAYOUT, 16, seed=5)
    summary = summarise(LAYOUT, rows)
    assert summary.pass_variance == log_power_variance(effective_averages(64))
    assert np.var(summary.log_mean, axis=0, ddof=1).mean() == pytest.approx(summary.group_variance, rel=0.05)


@pytest.mark.parametrize("n_rows", [0, 3])
def test_nothing_measured(n_rows: int) -> None:
    rows = [without_hop(without_hop(row, LAYOUT, 0), LAYOUT, 1) for row in make_rows(LAYOUT, n_rows, seed=2)]
    with pytest.raises(RecordError, match=f"nothing was measured in {n_rows} passes; there is nothing to judge or to"):
        summarise(LAYOUT, rows)


@pytest.mark.parametrize("feature", BURST_BOXES)
def test_every_box_lies_within_its_hop(feature: str) -> None:
    per_hop = 768 // (BURST_BOXES[feature] // 2) - 1
    for box in range(2 * per_hop):
        start, stop = box_bins(feature, box, 768)
        assert stop - start == BURST_BOXES[feature]
        assert start // 768 == (stop - 1) // 768 == box // per_hop
