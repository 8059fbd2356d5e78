"""The probability of intercept: the closed form against bursts thrown at random, and what must hold of it always."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import hop_values, make_rows, noise_layout

from baselines.coverage import coverage_of
from baselines.heard import floor_of
from baselines.intercept import BURSTS_S, Intercept
from baselines.summary import summarise
from sweep.plan import Layout

LAYOUT = noise_layout(3)
DWELL_S = 65 / 2 / 2500

Dwells = list[tuple[int, float]]
"""Hop and start in seconds."""


def listened(dwells: Dwells, layout: Layout = LAYOUT) -> Intercept:
    heard = Intercept(layout)
    for hop, start_s in sorted(dwells, key=lambda dwell: dwell[1]):
        heard.add(slice(hop, hop + 1), np.array([round(start_s * 1e9)]), np.array([True]))
    return heard


def thrown(dwells: Dwells, hop: int, length_s: float, n_bursts: int = 200_000) -> float:
    """Share of bursts with their middle at a random time of the visit that overlap a dwell."""
    rng = np.random.default_rng(1)
    first = min(start for _, start in dwells)
    last = max(start for _, start in dwells) + DWELL_S
    middle = rng.uniform(first, last, n_bursts)
    met = np.zeros(n_bursts, bool)
    for at, start in dwells:
        met |= (at == hop) & (middle + length_s / 2 > start) & (middle - length_s / 2 < start + DWELL_S)
    return float(met.mean())


def irregular(n_passes: int = 9) -> Dwells:
    """Passes over three hops at uneven times, one hop lost for some, and two stays on hop 1."""
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.02, 1.3, (n_passes, 3)).ravel()).reshape(n_passes, 3)
    dwells = [(hop, float(times[n, hop])) for n in range(n_passes) for hop in range(3) if (hop, n % 3) != (2, 0)]
    end = float(times[-1, -1])
    return dwells + [(1, end + stay + number * DWELL_S) for stay in (0.5, 8.0) for number in range(60)]


def test_the_closed_form_is_what_bursts_at_random_meet() -> None:
    dwells = irregular()
    chances = listened(dwells).chances()
    assert chances is not None
    for name, length_s in BURSTS_S.items():
        for hop in range(3):
            assert chances[name][hop] == pytest.approx(thrown(dwells, hop, length_s), abs=0.004), (name, hop)
    assert chances["100ms"][1] > 2 * chances["100ms"][0]


DWELLS = st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 60.0)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=80)
@given(dwells=DWELLS, more=DWELLS)
def test_longer_bursts_and_more_dwells_are_never_met_less(dwells: Dwells, more: Dwells) -> None:
    whole = [(0, 0.0), (0, 61.0)]  # both visits are as long
    few, many = listened(whole + dwells).chances(), listened(whole + dwells + more).chances()
    assert few is not None
    assert many is not None
    for hop in range(3):
        of_few, of_many = ([chances[name][hop] for name in BURSTS_S] for chances in (few, many))
        assert 0 <= of_few[0] <= of_few[1] <= of_few[2] <= 1
        assert all(one <= other + 1e-12 for one, other in zip(of_few, of_many, strict=True))
        assert (of_few[0] > 0) == any(at == hop for at, _ in whole + dwells)


def test_a_recording_without_gaps_meets_every_burst() -> None:
    chances = listened([(0, number * DWELL_S) for number in range(100)], noise_layout(1)).chances()
    assert chances is not None
    assert [chances[name][0] for name in BURSTS_S] == pytest.approx([1, 1, 1])


def test_half_a_recording_meets_half_of_the_short_bursts() -> None:
    dwells = [(0, number * 100 * DWELL_S + k * DWELL_S) for number in range(20) for k in range(50)]
    chances = listened(dwells, noise_layout(1)).chances()
    assert chances is not None
    assert chances["100ms"][0] == pytest.approx((50 * DWELL_S + 0.1) / (100 * DWELL_S), rel=0.05)


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    assert Intercept(LAYOUT).chances() is None
    unmeasured = Intercept(LAYOUT)
    unmeasured.add(slice(None), np.zeros(3, np.int64), np.zeros(3, bool))
    assert unmeasured.chances() is None
    of_another_tool = Layout(
        freq_hz=LAYOUT.freq_hz, bin_width_hz=2500.0, n_hops=3, hop_bins=768, enbw_bins=1.0, n_averages=None
    )
    assert listened(irregular(), of_another_tool).chances() is None


def test_coverage_is_cut_where_a_stay_listened_for_longer() -> None:
    """Dwell, weakest level and intercept of a hop that was camped on are its own."""
    rows = make_rows(LAYOUT, 4, seed=2)
    heard = Intercept(LAYOUT)
    summary = summarise(LAYOUT, rows, heard)
    floor = floor_of(summary)
    plain = coverage_of(summary, floor, heard, threshold_sigmas=5.6, model_sigma=0.03)
    end_ns = int(rows[-1].hop_monotonic_ns[-1]) + 20_000_000
    for number in range(64):
        times = np.array([end_ns + round(number * DWELL_S * 1e9)])
        values = hop_values(noise_layout(1), times, np.array([432e6]))
        heard.add(slice(1, 2), times, values["hop_flags"] > 0)
    entries = coverage_of(summary, floor, heard, threshold_sigmas=5.6, model_sigma=0.03, camped=np.array([0, 64, 0]))
    assert (len(plain), len(entries)) == (1, 3)
    assert [entry["camp_s"] for entry in entries] == [0, pytest.approx(64 * DWELL_S), 0]
    assert entries[1]["dwell_s"] == pytest.approx(68 * DWELL_S)
    assert entries[1]["min_detectable_dbfs"] < entries[0]["min_detectable_dbfs"]
    assert entries[1]["poi"]["100ms"] > 0.6 > entries[0]["poi"]["100ms"] > 0
