"""A visit against a baseline at spectrum level: how often noise is called an emitter, and what is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, without_hop

from baselines import comparison, continuous
from baselines.aligned import align
from baselines.boxes import SCALES, box_correlation
from baselines.candidates import Candidate, Scores, axis_breaks, burst_scores, candidate_of, gather, quiet_fluctuation
from baselines.comparison import channel_scores, excess_threshold_db
from baselines.continuous import continuous_channel, contrast_rise, scale_scores
from baselines.heard import floor_of, heard_candidates
from baselines.mask import mask_excess
from baselines.model import Baseline
from baselines.summary import VisitSummary, summarise
from baselines.wide import WideRuns
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.model import SweepRow
from sweep.plan import Layout, plan_hops

LAYOUT = noise_layout(7)  # 5376 bins
SPREAD = plan_hops(((88_000_000, 93_700_000), (430_000_000, 435_700_000), (1_700_000_000, 1_705_700_000))).layout()


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=5, seed=1, day=day) for day in range(3)])


@pytest.fixture(scope="module")
def spread() -> Baseline:
    return baseline_of([make_summary(SPREAD, n_passes=5, seed=1, day=day) for day in range(3)])


def found(baseline: Baseline, summary: VisitSummary, false_alarms: float = 0.1) -> list[Candidate]:
    channels = channel_scores(baseline, summary, align(baseline, summary), false_alarms)
    return gather(channels, baseline.layout)


def raised(layout: Layout, bins: slice, snr_db: float) -> np.ndarray:
    """Noise with a steady emitter so many dB over (or under) the noise, flat over some bins."""
    power = np.full(layout.n_bins, NOISE)
    power[bins] *= 1 + 10 ** (snr_db / 10)
    return power


def hits(candidates: list[Candidate], bins: slice) -> bool:
    return any(candidate.start < bins.stop and candidate.stop > bins.start for candidate in candidates)


def test_scores_of_noise_have_the_variance_that_they_claim(quiet: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every scale, without the smallest rise that is claimed."""
    monkeypatch.setattr(continuous, "_SMALLEST_RISE_NEPERS", -np.inf)
    scores: dict[int, list[np.ndarray]] = {scale: [] for scale in quiet.between_variance}
    for seed in range(12):
        summary = make_summary(LAYOUT, n_passes=5, seed=100 + seed, day=9)
        aligned = align(quiet, summary)
        for scale, rise in contrast_rise(quiet, aligned):
            scores[scale].append(scale_scores(quiet, summary, aligned, rise, scale).score)
    assert list(scores) == list(SCALES)
    for scale, values in scores.items():
        # Boxes are corrected for neighbouring bins of Hann spectra, which are correlated; these bins are not. What
        # visits may differ by does not average out over a box: on the safe side.
        assert 0.3 < np.std(values) * np.sqrt(box_correlation(scale)) < 1.15, scale
        assert np.max(values) < 6, scale
    assert np.std(scores[1]) == pytest.approx(1.0, abs=0.05)
    assert np.mean(scores[1]) == pytest.approx(0.0, abs=0.08)


def test_false_alarms_of_clean_visits_keep_the_stated_rate(quiet: Baseline) -> None:
    """60 visits of 5376 bins; at the default of 0.1 and at a rate high enough to see some."""
    counts = {0.1: 0, 5.0: 0}
    for seed in range(60):
        summary = make_summary(LAYOUT, n_passes=5, seed=1000 + seed, day=20)
        for rate in counts:
            counts[rate] += len(found(quiet, summary, rate))
    assert counts[0.1] <= scipy.stats.poisson.ppf(0.999, 60 * 0.1)
    assert 0 < counts[5.0] <= scipy.stats.poisson.ppf(0.999, 60 * 5.0)


@pytest.mark.parametrize(
    ("name", "bins", "snr_db"),
    [
        ("narrowband FM, 12.5 kHz", slice(1000, 1005), -2.0),
        ("wideband FM, 120 kHz", slice(1700, 1748), -4.0),
        ("spread spectrum, 2 MHz, 1 dB over the floor", slice(2000, 2800), -5.87),
        ("a carrier of two bins", slice(3000, 3002), 1.0),
    ],
)
def test_steady_emitters_are_found(quiet: Baseline, name: str, bins: slice, snr_db: float) -> None:
    power = raised(LAYOUT, bins, snr_db)
    n_found = 0
    for seed in range(10):
        candidates = found(quiet, make_summary(LAYOUT, n_passes=5, seed=50 + seed, day=5, power=power))
        n_found += hits(candidates, bins)
        assert len(candidates) <= 2, name
    assert n_found >= 9, name


@pytest.mark.parametrize(("bins", "snr_db"), [(slice(1000, 1005), -10.0), (slice(2000, 2800), -14.0)])
def test_what_is_too_weak_is_not_claimed(quiet: Baseline, bins: slice, snr_db: float) -> None:
    power = raised(LAYOUT, bins, snr_db)
    for seed in range(5):
        assert not found(quiet, make_summary(LAYOUT, n_passes=5, seed=70 + seed, day=5, power=power))


@given(gain_db=st.floats(-3, 3), slope_db=st.floats(-1, 1))
@settings(deadline=None, max_examples=15)
def test_gain_and_slope_are_no_finding(spread: Baseline, gain_db: float, slope_db: float) -> None:
    tilt = slope_db * (SPREAD.freq_hz - 24e6) / 1742e6
    assert not found(spread, make_summary(SPREAD, n_passes=5, seed=4, day=6, gain_db=gain_db + tilt))


@pytest.mark.parametrize("gain_db", [-3.0, 3.0])
def test_the_skirt_of_dc_stays_while_the_gain_moves(gain_db: float) -> None:
    """It is made behind the amplifier, so against noise that went down with the gain it seems to rise."""
    position = np.abs(np.arange(LAYOUT.n_bins) % 768 - 384)
    skirt = np.where(position <= 8, 3 * NOISE, 0.0)
    clean = [make_summary(LAYOUT, n_passes=5, seed=1, day=day, power=NOISE + skirt) for day in range(3)]
    baseline = baseline_of(clean)
    gain = 10 ** (gain_db / 10)
    assert not found(baseline, make_summary(LAYOUT, n_passes=5, seed=2, day=6, power=gain * NOISE + skirt))
    bug = np.where(position == 30, 10 * NOISE, 0.0)
    assert found(baseline, make_summary(LAYOUT, n_passes=5, seed=2, day=6, power=gain * (NOISE + bug) + skirt))


def test_a_bug_is_found_through_another_gain(spread: Baseline) -> None:
    bins = slice(3000, 3005)
    tilt = 2.0 - (SPREAD.freq_hz - 24e6) / 1742e6
    summary = make_summary(SPREAD, n_passes=5, seed=2, day=6, gain_db=tilt, power=raised(SPREAD, bins, 2.0))
    candidates = found(spread, summary)
    assert len(candidates) == 1
    assert hits(candidates, bins)
    assert candidates[0].confirmed
    assert candidates[0].channels == ("continuous",)


def holed(rows: list[SweepRow], layout: Layout, hop: int, passes: set[int]) -> VisitSummary:
    return summarise(layout, [without_hop(row, layout, hop) if n in passes else row for n, row in enumerate(rows)])


@pytest.mark.parametrize("lost", [{2}, {0, 4}, {0, 1, 2, 3}])
def test_a_hop_that_some_passes_lack_is_still_judged(quiet: Baseline, lost: set[int]) -> None:
    """A retune that failed once must not blind the continuous channel for the whole visit."""
    bins = slice(1000, 1005)
    rows = make_rows(LAYOUT, 5, seed=3, day=6, power=raised(LAYOUT, bins, 3.0))
    summary = holed(rows, LAYOUT, 1, lost)
    candidates = found(quiet, summary)
    assert len(candidates) == 1
    assert hits(candidates, bins)
    assert not found(quiet, holed(make_rows(LAYOUT, 5, seed=4, day=6), LAYOUT, 1, lost))
    floor = floor_of(summary)
    assert np.isfinite(floor).all()
    loud = make_rows(LAYOUT, 5, seed=3, day=6, power=raised(LAYOUT, bins, 10.0))
    heard = heard_candidates(holed(loud, LAYOUT, 1, lost), floor, 0.1)
    assert len(heard) == 1
    assert hits(heard, bins)


def test_the_threshold_is_what_the_narrowest_boxes_ask(quiet: Baseline) -> None:
    """Single bins of rising level: those over it are listed, and those below it are not."""
    ladder = np.arange(60, LAYOUT.n_bins - 60, 40)
    power = np.full(LAYOUT.n_bins, NOISE)
    power[ladder] *= 10 ** (np.linspace(0.5, 4.0, ladder.size) / 10)
    summary = make_summary(LAYOUT, n_passes=2, seed=5, day=4, power=power)  # two: no test of each sweep follows
    aligned = align(quiet, summary)
    threshold_db = excess_threshold_db(quiet, summary, aligned, 0.1)
    _, rise = next(contrast_rise(quiet, aligned))
    share = comparison._CONTINUOUS_SHARE / len(quiet.between_variance)
    listed = continuous_channel(quiet, summary, aligned, rise, scale=1, share=share, false_alarms=0.1).high
    excess_db = DB_PER_NEPER_POWER * (aligned.log_mean.mean(axis=0) - quiet.log_mean)
    assert 10 < np.count_nonzero(listed) < ladder.size - 10
    unclear = np.abs(excess_db - threshold_db) < 0.01
    assert ((excess_db > threshold_db) == listed)[~unclear].all()


def test_a_hop_never_measured_has_no_threshold(quiet: Baseline) -> None:
    summary = holed(make_rows(LAYOUT, 5, seed=3, day=6), LAYOUT, 1, set(range(5)))
    threshold_db = excess_threshold_db(quiet, summary, align(quiet, summary), 0.1)
    assert np.isnan(threshold_db[LAYOUT.hop_slice(1)]).all()
    assert np.isfinite(threshold_db[LAYOUT.hop_slice(0)]).all()


def test_a_hop_never_measured_has_no_scores(quiet: Baseline) -> None:
    summary = holed(make_rows(LAYOUT, 5, seed=3, day=6), LAYOUT, 1, set(range(5)))
    aligned = align(quiet, summary)
    third = LAYOUT.hop_slice(1)
    for scale, rise in contrast_rise(quiet, aligned):
        score = scale_scores(quiet, summary, aligned, rise, scale).score
        inner = slice(third.start + scale, third.stop - scale)
        assert not score[inner].any()
        assert np.isfinite(score).all()
    excess = mask_excess(quiet, aligned)
    assert excess is not None
    assert (excess[:, third] == -np.inf).all()
    assert not found(quiet, summary)


def stations(day: int, sd_db: float, extra_db: dict[int, float] | None = None) -> np.ndarray:
    """Forty stations of 100 kHz, 20 dB over the noise, at another level on another day."""
    rng = np.random.default_rng((day, 5))
    power = np.full(LAYOUT.n_bins, NOISE)
    for station in range(40):
        level_db = 20 + rng.normal(0, sd_db) + (extra_db or {}).get(station, 0.0)
        power[60 + station * 130 : 100 + station * 130] += NOISE * 10 ** (level_db / 10)
    return power


@pytest.mark.parametrize("n_visits", [1, 3])
def test_known_emitters_may_vary_as_they_do(n_visits: int) -> None:
    """With one visit, how all known emitters of this sweep scatter stands in for what that visit cannot show."""
    visits = [make_summary(LAYOUT, n_passes=5, seed=1, day=day, power=stations(day, 1.5)) for day in range(n_visits)]
    baseline = baseline_of(visits)
    n_false = 0
    for day in range(10, 18):
        summary = make_summary(LAYOUT, n_passes=5, seed=1, day=day, power=stations(day, 1.5))
        aligned = align(baseline, summary)
        assert aligned.scatter < 0.05
        assert np.abs(aligned.gain).max() < 0.05  # their fading does not pass for gain
        assert 0.2 < aligned.busy_scatter < 0.8
        n_false += len(found(baseline, summary))
    assert n_false <= 1
    risen = make_summary(LAYOUT, n_passes=5, seed=1, day=30, power=stations(30, 1.5, {17: 22.0}))
    assert hits(found(baseline, risen), slice(60 + 17 * 130, 100 + 17 * 130))


def test_a_frequency_error_is_taken_out() -> None:
    layout = noise_layout(3, start_hz=800_000_000)
    rng = np.random.default_rng(8)
    centers = rng.uniform(layout.freq_hz[30], layout.freq_hz[-30], 40)

    def power(ppm: float) -> np.ndarray:
        level = np.full(layout.n_bins, NOISE)
        for center in centers * (1 + ppm * 1e-6):
            level += 1e3 * NOISE * np.exp(-0.5 * ((layout.freq_hz - center) / 6000) ** 2)
        return level

    baseline = baseline_of([make_summary(layout, n_passes=5, seed=1, day=day, power=power(0)) for day in range(2)])
    summary = make_summary(layout, n_passes=5, seed=1, day=5, power=power(12.5))
    aligned = align(baseline, summary)
    assert aligned.shift.error.ppm[0] == pytest.approx(12.5, abs=0.3)
    assert not found(baseline, summary)
    summary = make_summary(layout, n_passes=5, seed=1, day=5, power=power(0.8))
    assert align(baseline, summary).shift.error.ppm[0] == pytest.approx(0.8, abs=0.3)
    assert not found(baseline, summary)


def with_burst(row: SweepRow, layout: Layout, bins: slice, factor: float) -> SweepRow:
    """A burst in one frame of a pass, as max_hold and the boxes of 8 bins show it."""
    held, boxes = row.max_hold, row.burst_8
    assert held is not None
    assert boxes is not None
    held, boxes = held.copy(), boxes.copy()
    held[bins] = np.round(1000 * np.log10(NOISE * factor))
    per_hop = boxes.size // layout.n_hops
    first = bins.start // layout.hop_bins * per_hop + bins.start % layout.hop_bins // 4
    boxes[first] = round(1000 * np.log10(factor))
    return replace(row, max_hold=held, burst_8=boxes)


def test_a_burst_in_one_pass_is_found_and_not_confirmed(quiet: Baseline) -> None:
    bins = slice(1000, 1008)
    rows = make_rows(LAYOUT, 5, seed=3, day=6)
    once = [with_burst(row, LAYOUT, bins, 60.0) if n == 2 else row for n, row in enumerate(rows)]
    candidates = found(quiet, summarise(LAYOUT, once))
    assert len(candidates) == 1
    assert hits(candidates, bins)
    assert not candidates[0].confirmed
    assert "burst" in candidates[0].channels
    assert candidates[0].p_value < 1e-8
    twice = [with_burst(row, LAYOUT, bins, 60.0) if n in (2, 4) else row for n, row in enumerate(rows)]
    assert found(quiet, summarise(LAYOUT, twice))[0].confirmed


def test_a_burst_that_the_room_knows_is_no_finding() -> None:
    bins = slice(1000, 1008)

    def visit(day: int) -> VisitSummary:
        rows = make_rows(LAYOUT, 5, seed=3, day=day)
        return summarise(LAYOUT, [with_burst(row, LAYOUT, bins, 60.0 + 5 * n) for n, row in enumerate(rows)])

    baseline = baseline_of([visit(day) for day in range(2)])
    assert not found(baseline, visit(7))
    assert hits(heard_candidates(visit(7), floor_of(visit(7)), 0.1), bins)


def test_what_is_common_to_a_hop_is_no_burst() -> None:
    rows = make_rows(LAYOUT, 3, seed=3)
    jump = rows[1].hop_fluctuation_db.copy()
    jump[2] = 10.0
    assert rows[1].burst_64 is not None
    boxes = rows[1].burst_64.copy()
    boxes.reshape(LAYOUT.n_hops, -1)[2] = 1000
    rows[1] = replace(rows[1], burst_64=boxes, hop_fluctuation_db=jump)
    summary = summarise(LAYOUT, rows)
    factor = quiet_fluctuation(summary)
    assert factor[1, 2] == pytest.approx(10**0.92, rel=1e-5)
    assert np.delete(factor, 2, axis=1) == pytest.approx(1.0)
    assert not any(scores.high.any() for scores in burst_scores(summary, 1e-6))
    calm = replace(summary, fluctuation_db=np.zeros_like(summary.fluctuation_db))
    assert any(scores.high.any() for scores in burst_scores(calm, 1e-6))


def test_a_wide_box_counts_only_where_nothing_narrower_explains_it() -> None:
    rows = make_rows(LAYOUT, 3, seed=3)
    wide = rows[1].burst_64
    assert wide is not None
    wide = wide.copy()
    wide[[5, 40]] = 600  # hops 0 and 1
    rows[1] = replace(with_burst(rows[1], LAYOUT, slice(176, 184), 80.0), burst_64=wide)
    by_feature = burst_scores(summarise(LAYOUT, rows), 1e-6)
    in_64 = np.flatnonzero(by_feature[3].high)
    assert in_64.size == 64
    assert in_64[0] == 768 + (40 - 23) * 32


def test_spectra_without_extremes_have_no_bursts() -> None:
    summary = replace(make_summary(LAYOUT, n_passes=2, seed=1), burst_1=None)
    assert burst_scores(summary, 1e-6) == []


def scores_of(layout: Layout, *, high: list[slice], low: list[slice] = [], channel: str = "continuous") -> Scores:  # noqa: B006
    marks = np.zeros((2, layout.n_bins), bool)
    for run in high:
        marks[:, run] = True
    for run in low:
        marks[1, run] = True
    return Scores.of(channel, high=marks[0], low=marks[1], confirmed=marks[0], expected=np.where(marks[0], 1e-9, 0.5))


def test_a_segment_is_cut_where_the_axis_jumps() -> None:
    """The part beyond the jump may hold no bin that stands out; then it is none."""
    assert axis_breaks(SPREAD).tolist() == [3 * 768 - 1, 6 * 768 - 1]
    edge = 3 * 768
    low = slice(edge - 20, edge + 20)
    one = gather([scores_of(SPREAD, high=[slice(edge - 5, edge)], low=[low])], SPREAD)
    assert [(found_.start, found_.stop) for found_ in one] == [(edge - 20, edge)]
    both = gather([scores_of(SPREAD, high=[slice(edge - 5, edge), slice(edge, edge + 2)], low=[low])], SPREAD)
    assert [(found_.start, found_.stop) for found_ in both] == [(edge - 20, edge), (edge, edge + 20)]
    assert gather([scores_of(SPREAD, high=[], low=[low])], SPREAD) == []


def test_a_steady_comb_is_one_and_the_bursts_of_a_hopper_are_many() -> None:
    lines = [slice(100 + 20 * line, 112 + 20 * line) for line in range(20)]
    assert len(gather([scores_of(LAYOUT, high=lines)], LAYOUT)) == 1
    assert len(gather([scores_of(LAYOUT, high=lines, channel="burst")], LAYOUT)) == 20


def test_a_candidate_says_which_channels_saw_it() -> None:
    steady = scores_of(LAYOUT, high=[slice(50, 60)])
    burst = replace(scores_of(LAYOUT, high=[slice(58, 62), slice(200, 210)], channel="burst"), expected=np.full(
        LAYOUT.n_bins, 1e-12
    ), confirmed=np.zeros(LAYOUT.n_bins, bool))  # fmt: skip
    first, second = gather([steady, burst], LAYOUT)
    assert (first.start, first.stop, first.channels) == (50, 62, ("continuous", "burst"))
    assert first.p_value == pytest.approx(1e-12)
    assert first.confirmed
    assert (second.channels, second.confirmed) == (("burst",), False)


def test_a_part_of_a_candidate_is_as_sure_as_its_own_bins() -> None:
    sure = scores_of(LAYOUT, high=[slice(50, 60)])
    weak = replace(scores_of(LAYOUT, high=[slice(80, 84)], channel="burst"), expected=np.full(LAYOUT.n_bins, 0.05))
    weak = replace(weak, confirmed=np.zeros(LAYOUT.n_bins, bool))
    part = candidate_of(70, 90, [sure, weak])
    assert part is not None
    assert (part.channels, part.confirmed) == (("burst",), False)
    assert part.p_value == pytest.approx(0.05, rel=0.05)
    assert candidate_of(61, 79, [sure, weak]) is None


def test_the_common_rise_of_a_wide_emitter_is_that_of_its_busy_bins() -> None:
    wide = np.zeros(400, bool)
    wide[50:350] = True
    wide[60:348:9] = False  # notches too narrow to divide it
    rise = np.where(wide, 0.7, -3.0)
    rise[201] += 5
    runs = WideRuns.of(wide)
    assert np.array_equal(runs.bins, np.flatnonzero(wide))
    assert len(runs.starts) == 2
    assert runs.median(rise[wide]) == pytest.approx(0.7)
    unknown = rise.copy()
    unknown[100:105] = np.nan
    assert np.isfinite(runs.median(unknown[wide])).all()


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=8), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_the_common_rise_of_each_run_is_its_own(sizes: list[int], seed: int) -> None:
    wide = np.concatenate([np.arange(size + 9) < size for size in sizes])
    rise = np.random.default_rng(seed).normal(size=wide.size)
    starts = np.cumsum([0, *(size + 9 for size in sizes[:-1])])
    alone = [
        scipy.ndimage.median_filter(rise[start : start + size], min(129, size), mode="nearest")
        for start, size in zip(starts, sizes, strict=True)
    ]
    assert np.array_equal(WideRuns.of(wide).median(rise[wide]), np.concatenate(alone))


def test_a_device_on_a_multiplex_is_found_by_contrast() -> None:
    """The block rises by 2 dB as a whole, which is no finding; 5 dB more in five bins of it are."""
    block = slice(1000, 1600)

    def visit(day: int, rise_db: float, bug_db: float = 0.0) -> VisitSummary:
        power = np.full(LAYOUT.n_bins, NOISE)
        power[block] += 100 * NOISE * 10 ** (rise_db / 10)
        power[1300:1305] *= 10 ** (bug_db / 10)
        return make_summary(LAYOUT, n_passes=5, seed=9, day=day, power=power)

    baseline = baseline_of([visit(day, rise) for day, rise in enumerate((-1.0, 0.5, 1.0))])
    assert not found(baseline, visit(10, 2.0))
    assert hits(found(baseline, visit(11, 2.0, 5.0)), slice(1300, 1305))
