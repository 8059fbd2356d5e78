"""What the detector promises: its stated rate, the same answer through another gain or crystal, persistence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from small_town import TOWN, town_rows, town_visit
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of

from baselines.boxes import SCALES, BoxesAbout, BoxSums, box_correlation
from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.summary import summarise
from sweep.model import SweepRow
from sweep.plan import Layout

LAYOUT = noise_layout(7)
RATES = (5.0, 20.0)


@cache
def quiet_room() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=5, seed=1, day=day) for day in range(3)])


@cache
def town(seed: int) -> Baseline:
    return baseline_of([town_visit(seed, day) for day in range(4)])


def emissions(baseline: Baseline, layout: Layout, rows: list[SweepRow], rate: float) -> list[Mapping[str, Any]]:
    """Findings, and what was not confirmed; nothing that is missing."""
    document = make_judge(baseline, false_alarms_per_sweep=rate)(layout, rows_of(rows), {}).document
    heard = [*document["findings"], *document["unconfirmed"]]
    return [item for item in heard if item["kind"] != "missing"]


def check_honest(counts: Mapping[float, Sequence[int]], chances: Sequence[float], *, fewest: float) -> None:
    """Poisson counts at most as many as stated, chances at most as often as they say; and not absurdly few."""
    for rate, numbers in counts.items():
        stated = rate * len(numbers)
        assert sum(numbers) <= scipy.stats.poisson.ppf(0.999, stated), rate
        assert sum(numbers) >= fewest * stated - 3 * np.sqrt(fewest * stated), rate
    for chance in (0.1, 0.5):
        as_low = np.count_nonzero(np.array(chances) <= chance)
        assert as_low <= scipy.stats.binom.ppf(0.999, len(chances), chance), chance


@pytest.mark.parametrize("passes", [1, 5])
def test_noise_gives_what_is_stated(passes: int) -> None:
    counts: dict[float, list[int]] = {rate: [] for rate in RATES}
    chances = []
    for seed in range(25):
        rows = make_rows(LAYOUT, passes, seed=2000 + seed, day=20)
        for rate in RATES:
            found = emissions(quiet_room(), LAYOUT, rows, rate)
            counts[rate].append(len(found))
        chances.append(min((item["p_value"] for item in found), default=1.0))
    check_honest(counts, chances, fewest=0.1)


@pytest.mark.parametrize("passes", [1, 5])
def test_a_small_town_gives_what_is_stated(passes: int) -> None:
    """Stations that fade by some dB from visit to visit and pass to pass, half of the time or a fifth of it on."""
    counts: dict[float, list[int]] = {rate: [] for rate in RATES}
    chances = []
    for seed in range(3):
        for day in range(10, 18):
            rows = town_rows(seed, day, passes=passes)
            for rate in RATES:
                found = emissions(town(seed), TOWN, rows, rate)
                counts[rate].append(len(found))
            chances.append(min((item["p_value"] for item in found), default=1.0))
    check_honest(counts, chances, fewest=0.02)


def near(found: Sequence[Mapping[str, Any]], bins: slice, reach_hz: float = 10_000) -> list[Mapping[str, Any]]:
    """Those about the middle of some bins: noise may give another one, one time in ten."""
    middle = LAYOUT.freq_hz[bins].mean()
    return [item for item in found if abs(item["center_freq_hz"] - middle) < reach_hz]


CRYSTAL = noise_layout(5, start_hz=800_000_000)
CARRIERS_HZ = np.sort(np.random.default_rng(8).uniform(CRYSTAL.freq_hz[30], CRYSTAL.freq_hz[-30], 40))
DEVICE_HZ = float(CARRIERS_HZ[np.diff(CARRIERS_HZ).argmax()] + np.diff(CARRIERS_HZ).max() / 2)


def carriers(ppm: float, device_snr: float = 0.0) -> np.ndarray:
    """Power of forty steady carriers, and of a device among them, through a crystal that is so far off."""
    levels = np.full(40, 300.0)
    power = np.full(CRYSTAL.n_bins, NOISE)
    for center, level in zip([*CARRIERS_HZ, DEVICE_HZ], [*levels, device_snr], strict=True):
        away_hz = CRYSTAL.freq_hz - center * (1 + ppm * 1e-6)
        power += level * NOISE * np.exp(-0.5 * (away_hz / 4000) ** 2)
    return power


@cache
def carrier_room() -> Baseline:
    return baseline_of([make_summary(CRYSTAL, n_passes=5, seed=1, day=day, power=carriers(0)) for day in range(3)])


@given(
    gain_db=st.floats(-3, 3), slope_db=st.floats(-1, 1),
    ppm=st.one_of(st.sampled_from([-40.0, -3.0, 0.0, 3.0, 40.0]), st.floats(-3, 3)),
)  # fmt: skip
@settings(deadline=None, max_examples=20)
def test_gain_slope_and_crystal_do_not_change_what_is_found(gain_db: float, slope_db: float, ppm: float) -> None:
    tilt = gain_db + slope_db * (CRYSTAL.freq_hz - CRYSTAL.freq_hz[0]) / np.ptp(CRYSTAL.freq_hz)
    rows = make_rows(CRYSTAL, 5, seed=7, day=6, power=carriers(ppm, 10.0), gain_db=tilt)
    (found,) = emissions(carrier_room(), CRYSTAL, rows, 0.1)
    assert (found["kind"], found["confirmed"]) == ("new", True)
    assert abs(found["center_freq_hz"] - DEVICE_HZ) < 2500
    assert found["excess_db"] == pytest.approx(8, abs=1.5)
    assert (
        emissions(carrier_room(), CRYSTAL, make_rows(CRYSTAL, 5, seed=7, day=6, power=carriers(ppm), gain_db=tilt), 0.1)
        == []
    )


def some_passes(
    power: np.ndarray, on: Sequence[int], *, seed: int, quiet: np.ndarray | float = NOISE
) -> list[SweepRow]:
    """Five passes, in some of which the power is another."""
    loud, calm = (make_rows(LAYOUT, 5, seed=seed, day=9, power=level) for level in (power, quiet))
    return [loud[number] if number in on else calm[number] for number in range(5)]


@pytest.mark.parametrize(("on", "confirmed"), [((2,), False), ((0, 2, 4), True), ((0, 1, 2, 3, 4), True)])
@pytest.mark.parametrize("bins", [slice(1000, 1005), slice(1700, 1748)])
def test_what_stays_is_confirmed(bins: slice, on: tuple[int, ...], confirmed: bool) -> None:
    power = np.full(LAYOUT.n_bins, NOISE)
    power[bins] *= 20
    for seed in range(3):
        rows = some_passes(power, on, seed=seed)
        result = make_judge(quiet_room())(LAYOUT, rows_of(rows), {}).document
        lists = near(result["findings"], bins), near(result["unconfirmed"], bins)
        assert [len(found) for found in lists] == ([1, 0] if confirmed else [0, 1])
        (found,) = lists[0] + lists[1]
        assert found["confirmed"] == confirmed
        assert found["id"][0] == ("F" if confirmed else "U")
        assert found["hits"] == len(on)
        assert not confirmed or result["verdict"] == "anomalies"


def test_a_known_emitter_heard_once_may_be_heard_again_but_not_far_stronger() -> None:
    """It was on in one sweep of fifteen; now it is in three of five."""
    bins, other = slice(1000, 1006), slice(3000, 3040)

    def level(snr_db: float) -> np.ndarray:
        power = np.full(LAYOUT.n_bins, NOISE)
        power[other] *= 100
        power[bins] *= 1 + 10 ** (snr_db / 10)
        return power

    visits = [some_passes(level(15.0), (1,) if visit == 1 else (), seed=visit, quiet=level(-99)) for visit in range(3)]
    baseline = baseline_of([summarise(LAYOUT, rows) for rows in visits])
    for seed in range(10, 14):
        again, louder = (some_passes(level(snr_db), (0, 2, 3), seed=seed, quiet=level(-99)) for snr_db in (15.0, 25.0))
        assert near(emissions(baseline, LAYOUT, again, 0.1), bins) == []
        (found,) = near(emissions(baseline, LAYOUT, louder, 0.1), bins)
        assert found["confirmed"]


def test_what_only_a_wide_box_shows_is_one_emission() -> None:
    """Its bins hold peaks of noise, and none of them is an emitter."""
    for seed in range(5):
        rows = make_rows(LAYOUT, 5, seed=seed, day=9)
        boxes = rows[2].burst_64
        assert boxes is not None
        boxes = boxes.copy()
        boxes[40] = 400  # hop 1, from its bin 544 on; noise gives hardly more than 250
        rows[2] = replace(rows[2], burst_64=boxes)
        result = make_judge(quiet_room())(LAYOUT, rows_of(rows), {}).document
        box = slice(768 + 544, 768 + 608)
        assert near(result["findings"], box, 100_000) == []
        (found,) = near(result["unconfirmed"], box, 100_000)
        assert found["channels"] == ["burst"]
        assert found["p_value"] < 0.01


def test_a_wide_emitter_may_rise_and_a_device_on_it_is_found() -> None:
    block, device = slice(1000, 1500), slice(1200, 1205)

    def visit(day: int, rise_db: float, device_db: float = 0.0) -> list[SweepRow]:
        power = np.full(LAYOUT.n_bins, NOISE)
        power[block] += 100 * NOISE * 10 ** (rise_db / 10)
        power[device] *= 10 ** (device_db / 10)
        return make_rows(LAYOUT, 5, seed=9, day=day, power=power)

    baseline = baseline_of([summarise(LAYOUT, visit(day, rise)) for day, rise in enumerate((-1.0, 0.5, 1.0, 0.0))])
    for day in range(10, 14):
        assert near(emissions(baseline, LAYOUT, visit(day, 2.0), 0.1), block, 700_000) == []
        (found,) = near(emissions(baseline, LAYOUT, visit(day, 2.0, 6.0), 0.1), device)
        assert found["confirmed"]


@given(values=st.lists(st.floats(-100, 100), min_size=1, max_size=60), scale=st.integers(1, 80), data=st.data())
@settings(deadline=None, max_examples=80)
def test_sums_over_boxes_are_those_of_a_loop(values: list[float], scale: int, data: st.DataObject) -> None:
    n = len(values)
    wanted = [sum(values[max(0, k - scale // 2) : k - scale // 2 + scale]) for k in range(n)]
    sums = BoxSums.of(np.array(values))
    assert sums.over(scale) == pytest.approx(wanted, abs=1e-9)
    bins = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), max_size=10))), np.int64)
    about = BoxesAbout.of(bins, scale, n)
    inside = [k for k in range(n) if any(b - scale // 2 <= k < b - scale // 2 + scale for b in bins.tolist())]
    assert about.covered.tolist() == inside
    assert about.sums(np.array(values)[about.covered]) == pytest.approx(np.array(wanted)[bins], abs=1e-9)


def test_box_correlation_is_that_of_hann_frames() -> None:
    """Powers of neighbouring bins of Hann frames of white noise; the mean over frames has the same correlation."""
    rng = np.random.default_rng(5)
    n_fft, n_frames = 960, 1500
    noise = rng.standard_normal((n_frames, n_fft)) + 1j * rng.standard_normal((n_frames, n_fft))
    window = np.hanning(n_fft + 1)[:-1]
    power = np.abs(np.fft.fft(window * noise, axis=1)) ** 2
    power = power[:, 100:868] / power[:, 100:868].mean()
    single = power.var()
    for scale in SCALES[:-2]:
        boxes = np.lib.stride_tricks.sliding_window_view(power, scale, axis=1).mean(axis=-1)
        measured = boxes.var() * scale / single
        assert measured == pytest.approx(box_correlation(scale), rel=0.02 + 0.02 * np.sqrt(scale / 8)), scale
