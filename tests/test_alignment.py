"""Frequency and gain of a visit: what was put in is found, and nothing else passes for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import make_rows, make_summary, noise_layout, without_hop

from baselines.alignment import align_gain, estimate_ppm, shift_bins, staying_bins, trusted_ppm
from baselines.axes import curve_onto, emitter_onto, onto, same_axis, shared_bins, union_axis
from baselines.emitters import Emitter
from baselines.summary import BURST_BOXES, summarise
from dsp.errors import ParameterError
from sweep.plan import Layout, plan_hops

LAYOUT = noise_layout(12)
SPREAD = plan_hops(((88_000_000, 95_600_000), (430_000_000, 437_600_000), (1_700_000_000, 1_707_600_000))).layout()
GAPPED = plan_hops(((459_000_000, 461_000_000), (502_500_000, 505_500_000))).layout()
SIGMA = 0.06  # of ln(mean) in a visit of five passes


def difference(layout: Layout, seed: int, *, gain_db: float, slope_db: float, emitters: int) -> tuple[np.ndarray, ...]:
    """ln(visit) - ln(baseline), the gain in it, and which bins are quiet; emitters fade by 6 dB."""
    rng = np.random.default_rng(seed)
    gain = (gain_db + slope_db * (layout.freq_hz - layout.freq_hz[0]) / np.ptp(layout.freq_hz)) / 4.3429
    quiet = np.ones(layout.n_bins, bool)
    values = gain + SIGMA * rng.standard_normal(layout.n_bins)
    for _ in range(emitters):
        start = int(rng.integers(0, layout.n_bins - 100))
        quiet[start : start + 100] = False
        values[start : start + 100] += rng.normal(0, 1.4)
    return values, gain, quiet


@given(
    gain_db=st.floats(-3, 3), slope_db=st.floats(-1, 1), emitters=st.integers(0, 40), seed=st.integers(0, 999),
    spread=st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_gain_and_slope_are_found_under_fading(
    gain_db: float, slope_db: float, emitters: int, seed: int, spread: bool
) -> None:
    layout = SPREAD if spread else LAYOUT
    values, gain, quiet = difference(layout, seed, gain_db=gain_db, slope_db=slope_db, emitters=emitters)
    before = values.copy()
    found = align_gain(values, quiet, layout)
    assert found.dtype == np.float32
    assert np.abs(found - gain).max() < 0.05
    assert np.array_equal(values, before)


def test_a_step_of_gain_between_distant_bands_is_not_smeared() -> None:
    """Slopes over 1.6 GHz become steps between neighbours in the plan."""
    values, gain, quiet = difference(SPREAD, 3, gain_db=0, slope_db=2.0, emitters=0)
    assert np.abs(align_gain(values, quiet, SPREAD) - gain).max() < 0.03


@pytest.mark.parametrize("n_hops", [1, 2, 3, 4])
def test_few_hops_have_one_gain_each(n_hops: int) -> None:
    layout = noise_layout(n_hops)
    values, gain, quiet = difference(layout, n_hops, gain_db=2.0, slope_db=0.5, emitters=2)
    of_hop = np.repeat(gain.reshape(n_hops, -1).mean(axis=1), layout.hop_bins)
    assert np.abs(align_gain(values, quiet, layout) - of_hop).max() < 0.01


def test_a_hop_full_of_signal_takes_the_gain_of_its_neighbours() -> None:
    values, gain, quiet = difference(LAYOUT, 1, gain_db=1.0, slope_db=0.0, emitters=0)
    busy = LAYOUT.hop_slice(5)
    values[busy] += 2.0
    quiet[busy] = False
    assert np.abs(align_gain(values, quiet, LAYOUT) - gain).max() < 0.03


def test_one_hop_that_rose_is_no_gain() -> None:
    """A wide device over a whole hop: the running median over nine hops must not follow it."""
    values, gain, quiet = difference(LAYOUT, 1, gain_db=1.0, slope_db=0.0, emitters=0)
    values[LAYOUT.hop_slice(5)] += 0.5
    assert np.abs(align_gain(values, quiet, LAYOUT) - gain).max() < 0.12


def test_no_quiet_bin_and_no_bin_at_all() -> None:
    values = np.full(LAYOUT.n_bins, 0.7)
    assert np.allclose(align_gain(values, np.zeros(LAYOUT.n_bins, bool), LAYOUT), 0.7)
    unknown = np.full(LAYOUT.n_bins, np.nan)
    assert np.array_equal(align_gain(unknown, np.ones(LAYOUT.n_bins, bool), LAYOUT), np.zeros(LAYOUT.n_bins))


def stations(layout: Layout, ppm: float, seed: int, noise: float = 0.05) -> np.ndarray:
    """ln power of 60 narrow stations, all displaced by some ppm."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(layout.freq_hz[0], layout.freq_hz[-1], 60)
    widths = rng.uniform(1.2, 4, 60) * layout.bin_width_hz
    power = np.full(layout.n_bins, 1.0)
    for center, width in zip(centers * (1 + ppm * 1e-6), widths, strict=True):
        power += 300 * np.exp(-0.5 * ((layout.freq_hz - center) / width) ** 2)
    return np.log(power) + noise * np.random.default_rng(seed + 1).standard_normal(layout.n_bins)


@given(ppm=st.floats(-40, 40), seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_ppm_is_found(ppm: float, seed: int) -> None:
    layout = noise_layout(5, start_hz=460_000_000)
    estimate = estimate_ppm(stations(layout, ppm, seed, 0.06), stations(layout, 0, seed), layout)
    assert estimate is not None
    assert estimate[0] == pytest.approx(ppm, abs=0.5)
    if abs(ppm) > 3:
        assert estimate[1] > 0.5


def test_ppm_of_nothing() -> None:
    layout = noise_layout(2)
    noise = 0.06 * np.random.default_rng(1).standard_normal((2, layout.n_bins))
    assert estimate_ppm(noise[0], noise[1], layout) is None


def test_spurs_of_the_crystal_say_nothing_of_ppm() -> None:
    """They stay where they are while everything on the air moves; 432 MHz is 30 x 14.4 MHz."""
    layout = noise_layout(2, start_hz=431_000_000)
    spur = 8 * np.exp(-0.5 * ((layout.freq_hz - 432e6) / 2500) ** 2)
    assert estimate_ppm(spur, spur, layout) is None


@given(ppm=st.floats(-100, 100), n_hops=st.integers(1, 3), gap=st.booleans())
@settings(deadline=None, max_examples=30)
def test_bins_are_taken_from_where_the_error_put_them(ppm: float, n_hops: int, gap: bool) -> None:
    """Over the border of hops that touch as well, not over a gap; what the receiver makes itself stays."""
    layout = GAPPED if gap else noise_layout(n_hops, start_hz=460_000_000)
    values = np.arange(layout.n_bins, dtype=np.float32)
    moved = shift_bins(values, layout, ppm)
    for index, value in enumerate(moved):
        freq_hz = float(layout.freq_hz[index])
        own = abs(index % layout.hop_bins - layout.hop_bins // 2) * 2500 <= 12_500
        own |= abs((freq_hz + 7.2e6) % 14.4e6 - 7.2e6) <= 5000
        wanted_hz = freq_hz + (0 if own else round(ppm * 1e-6 * freq_hz / 2500)) * 2500
        source = np.flatnonzero(np.abs(layout.freq_hz - wanted_hz) < 1)
        assert value == source[0] if source.size else np.isnan(value)


def test_a_device_on_a_lone_broadcaster_is_no_shift() -> None:
    """The few bins in which it differs ask for another place of its peaks; the rest of it does not."""
    layout = noise_layout(1, start_hz=800_000_000)
    axis = np.arange(layout.n_bins)
    deceived = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reference = scipy.ndimage.gaussian_filter1d(rng.standard_normal(layout.n_bins), 4.0) * 3
        noise = 0.1 * rng.standard_normal((2, layout.n_bins))
        device = int(rng.integers(100, 650))
        for ppm in (0.0, 20.0):
            test = np.interp(axis - ppm * 1e-6 * layout.freq_hz / layout.bin_width_hz, axis, reference)
            test[device : device + 6] += 2.4
            found = trusted_ppm(estimate_ppm(test + noise[0], reference + noise[1], layout))
            deceived += bool(found) and not ppm
            assert not ppm or found == pytest.approx(ppm, abs=4)  # a bin is 3.1
    assert deceived <= 3


@pytest.mark.parametrize("ppm", [3.0, 6.0, 20.0])
def test_an_emitter_beside_the_receivers_own_moves_and_the_own_does_not(ppm: float) -> None:
    layout = noise_layout(1, start_hz=800_000_000)
    position = np.arange(layout.n_bins) - 384
    own = np.where(np.abs(position) <= 1, 5.0, 0.0)

    def spectrum(offset: float) -> np.ndarray:
        return np.logaddexp(own, 4 * np.exp(-0.5 * ((position - 7 - offset) / 1.2) ** 2))

    offset = round(ppm * 1e-6 * 801e6 / 2500)
    test, reference = spectrum(offset) + 0.7, spectrum(0)
    stays = staying_bins(test, reference, layout, ppm)
    moved = shift_bins(test.astype(np.float32), layout, ppm, stays)
    inside = slice(20, -20)
    assert np.abs(moved - 0.7 - reference)[inside].max() < 0.1
    assert np.abs(shift_bins(test.astype(np.float32), layout, ppm) - 0.7 - reference)[inside].max() > 0.3


def test_shift_undoes_what_was_estimated() -> None:
    layout = noise_layout(5, start_hz=460_000_000)
    reference, test = stations(layout, 0, 7), stations(layout, 22, 7)
    moved = shift_bins(test.astype(np.float32), layout, 22.0)
    known = np.isfinite(moved)
    assert np.corrcoef(moved[known], reference[known])[0, 1] > 0.98
    assert np.corrcoef(test, reference)[0, 1] < 0.9


def coarse(layout: Layout, factor: int) -> Layout:
    n_bins = layout.n_bins // factor
    grouped = layout.freq_hz[: n_bins * factor].reshape(-1, factor).mean(axis=1)
    return replace(
        layout, freq_hz=grouped, bin_width_hz=layout.bin_width_hz * factor, n_hops=1, hop_bins=n_bins, n_averages=None
    )


def test_the_same_axis_changes_nothing() -> None:
    summary = make_summary(noise_layout(2), n_passes=3, seed=1)
    placed, notes = onto(summary, noise_layout(2))
    assert placed is summary
    assert notes == ()


def test_narrow_bins_are_averaged_in_power() -> None:
    layout = noise_layout(3)
    target = coarse(layout, 4)
    rows = make_rows(layout, 4, seed=3)
    rows[1] = without_hop(rows[1], layout, 1)
    summary = summarise(layout, rows)
    placed, notes = onto(summary, target)
    brute = summary.mean.reshape(4, -1, 4).mean(axis=2)
    assert placed.mean == pytest.approx(brute, rel=1e-5, nan_ok=True)
    assert np.isnan(placed.mean[1]).sum() == 192  # a hop that was not measured is no hop without power
    assert "averaged in power" in notes[0]
    assert placed.bursts == {}


def test_bins_of_another_plan_are_matched() -> None:
    layout, target = noise_layout(3), noise_layout(5, start_hz=430_000_000 - 1_920_000)
    summary = make_summary(layout, n_passes=2, seed=3)
    placed, notes = onto(summary, target)
    assert placed.layout is target
    assert placed.mean[:, 768 : 4 * 768] == pytest.approx(summary.mean)
    assert np.isnan(placed.mean[:, :768]).all()
    assert placed.measured.tolist() == [0, 1, 1, 1, 0]
    assert notes == ("2304 of 3840 baseline bins are in this sweep",)


def test_bins_off_the_grid_are_matched_to_the_nearest_and_said_so() -> None:
    layout = noise_layout(2)
    target = replace(layout, freq_hz=layout.freq_hz + 700.0)
    _, notes = onto(make_summary(layout, n_passes=2, seed=3), target)
    assert notes[1] == "bins were matched to the nearest, up to 0.28 of a bin away"


def test_what_cannot_be_placed() -> None:
    layout = noise_layout(2)
    with pytest.raises(ParameterError, match=r"bins of 10 kHz are wider than the baseline's 2\.5 kHz; sweep again"):
        onto(replace(make_summary(layout, n_passes=2, seed=1), layout=coarse(layout, 4)), layout)
    for far in (noise_layout(2, start_hz=500_000_000), coarse(noise_layout(2, start_hz=500_000_000), 4)):
        assert not shared_bins(layout, far).any()
        with pytest.raises(
            ParameterError, match=r"covers 430 to 433.8\d+ MHz and the baseline 500.* nothing to compare"
        ):
            onto(make_summary(layout, n_passes=2, seed=1), far)


def test_union_holds_every_bin_once() -> None:
    first, second = noise_layout(3), noise_layout(3, start_hz=430_000_000 + 2 * 1_920_000)
    union = union_axis([first, second])
    assert union.freq_hz.tolist() == sorted(set(first.freq_hz) | set(second.freq_hz))
    assert (union.n_hops, union.hop_bins) == (1, 5 * 768)
    assert union_axis([first, noise_layout(3)]) is first
    with pytest.raises(ParameterError, match=r"bin widths 2\.5 kHz and 10 kHz cannot be learnt into one baseline"):
        union_axis([first, coarse(first, 4)])


def test_curves_and_emitters_come_back_to_the_sweeps_own_bins() -> None:
    layout = noise_layout(2)
    target = coarse(layout, 4)
    smooth = scipy.ndimage.gaussian_filter1d(np.random.default_rng(1).standard_normal(target.n_bins), 20)
    back = curve_onto(smooth, target, layout)
    assert back.size == layout.n_bins
    assert np.nanmax(np.abs(back - np.repeat(smooth, 4))) < 0.05
    assert same_axis(layout, noise_layout(2))
    emitter = Emitter(
        start=10, stop=12, center_freq_hz=0.0, occupied_bw_hz=1.0, mean_power=8.0, background_power=4.0,
        floor_power=2.0, peak_power=None, kurtosis_db=None, channels=(), p_value=None, confirmed=True,
    )  # fmt: skip
    placed = emitter_onto(emitter, target, layout)
    assert (placed.start, placed.stop) == (40, 48)
    assert (placed.mean_power, placed.background_power, placed.floor_power) == (32.0, 16.0, 8.0)
    assert emitter_onto(emitter, layout, layout) is emitter


def test_burst_features_know_their_boxes_only_on_their_own_axis() -> None:
    summary = make_summary(noise_layout(2), n_passes=2, seed=1)
    assert set(summary.bursts) == set(BURST_BOXES)
    placed, _ = onto(summary, noise_layout(4))
    assert placed.bursts == {}
    assert placed.burst_1 is not None
