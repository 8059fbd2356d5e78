"""Learning a room: means, variances and calibration against what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
from rows import make_start
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, visit_of, without_hop

from baselines.aligned import busy_bins, quiet_bins
from baselines.learning import build_baseline, learn
from baselines.store import BaselineStore
from baselines.summary import VisitSummary, summarise
from dsp.errors import ParameterError, RecordError
from dsp.statistics import effective_averages, log_power_variance, to_nepers
from sweep.journal import JournalWriter
from sweep.plan import plan_hops
from sweep.recovery import recover

LAYOUT = noise_layout(3)
N_STATIONS, STATION_BINS = 20, 40


def room(seed: int, day: int, *, sd_db: float = 1.5, gain_db: float = 0.0) -> VisitSummary:
    """Stations 20 dB over the noise, each of them at another level on another day."""
    rng = np.random.default_rng((seed, day, 7))
    power = np.full(LAYOUT.n_bins, NOISE)
    for station in range(N_STATIONS):
        start = 50 + station * 110
        power[start : start + STATION_BINS] += 100 * NOISE * 10 ** (rng.normal(0, sd_db) / 10)
    return make_summary(LAYOUT, n_passes=5, seed=seed, day=day, power=power, gain_db=gain_db)


def test_a_quiet_room() -> None:
    baseline = baseline_of([make_summary(LAYOUT, n_passes=5, seed=1, day=day) for day in range(4)])
    sweep = log_power_variance(effective_averages(64))
    assert baseline.n_sweeps == 20
    assert baseline.sweep_variance == pytest.approx(sweep, rel=1e-6)
    assert np.mean(baseline.log_mean) == pytest.approx(np.log(NOISE), abs=0.02)
    assert np.var(baseline.log_mean) == pytest.approx(sweep / 20, rel=0.1)
    assert np.mean(baseline.within_variance) == pytest.approx(sweep, rel=0.03)
    for scale, between in baseline.between_variance.items():
        assert np.median(between) < 0.015**2, scale
        assert np.mean(baseline.excess_variance[scale] > 0) < 0.01
    assert np.abs(baseline.floor_dbfs + 60).max() < 0.3
    assert quiet_bins(baseline).mean() > 0.98
    assert not busy_bins(baseline.above_floor)[0].any()
    assert 1.0 <= baseline.inflation < 1.1
    assert baseline.restless.mean() < 0.01
    assert (baseline.log_top > baseline.log_mean).all()


def test_variance_between_visits_is_that_of_the_stations() -> None:
    baseline = baseline_of([room(2, day, sd_db=1.5) for day in range(6)])
    busy, wide = busy_bins(baseline.above_floor)
    assert busy.sum() == pytest.approx(N_STATIONS * STATION_BINS, rel=0.02)
    assert not wide.any()
    # A box of four about a bin at the edge of a station holds bins of noise too, which weigh more.
    inside = scipy.ndimage.minimum_filter1d(busy, 9)
    for scale in (1, 4):
        assert np.mean(baseline.between_variance[scale][inside]) == pytest.approx((1.5 / 4.343) ** 2, rel=0.35)
        assert np.median(baseline.between_variance[scale][~busy]) < 0.02**2


def test_one_visit_takes_a_stated_guess() -> None:
    baseline = baseline_of([room(2, 0)])
    busy, _ = busy_bins(baseline.above_floor)
    for scale, between in baseline.between_variance.items():
        assert set(np.round(np.sqrt(between), 6)) == {np.float32(0.03), np.float32(0.35)}, scale
        assert (between[busy] > 0.3**2).all()
    assert np.mean(baseline.between_variance[1] > 0.3**2) < 1.2 * busy.mean()
    assert baseline.n_visits == 1


@pytest.mark.parametrize("gain_db", [3.0, -3.0])
def test_visits_are_brought_onto_one_gain(gain_db: float) -> None:
    gains = [0.0, gain_db, gain_db / 2]
    baseline = baseline_of([room(3, day, gain_db=gain) for day, gain in enumerate(gains)])
    same = baseline_of([room(3, day) for day in range(3)])
    offset = baseline.log_mean - same.log_mean
    assert np.std(offset) < 0.02
    assert np.median(baseline.between_variance[1][~busy_bins(baseline.above_floor)[0]]) < 0.02**2


def test_the_mask_holds_what_was_seen() -> None:
    summaries = [room(4, day) for day in range(3)]
    baseline = baseline_of(summaries)
    assert baseline.log_mask is not None
    held = np.array([to_nepers(summary.max_hold.max(axis=0)) for summary in summaries if summary.max_hold is not None])
    assert (baseline.log_mask >= held.max(axis=0) - 0.1).all()
    assert not any(limit.any() for limit in baseline.burst_limits.values())  # of noise theory knows the largest


def test_burst_limits_hold_what_was_more_than_noise() -> None:
    rows = [make_rows(LAYOUT, 5, seed=4, day=day) for day in range(3)]
    assert rows[1][2].burst_8 is not None
    loud = rows[1][2].burst_8.copy()
    loud[300] = round(1000 * np.log10(60))
    rows[1][2] = replace(rows[1][2], burst_8=loud)
    limits = baseline_of([summarise(LAYOUT, visit) for visit in rows]).burst_limits
    assert (limits["burst_8"][292:309] > 60).all()
    assert np.count_nonzero(limits["burst_8"]) == 17
    assert not any(limit.any() for name, limit in limits.items() if name != "burst_8")


def test_emitters_that_come_and_go_within_a_visit_are_noticed() -> None:
    """On in three sweeps of fifteen, 6 dB over the noise: restless, and its strongest sweep is remembered."""
    bins = slice(1000, 1008)

    def visit(day: int) -> VisitSummary:
        on = np.full(LAYOUT.n_bins, NOISE)
        on[bins] *= 5
        rows = make_rows(LAYOUT, 5, seed=6, day=day)
        rows[day + 1] = make_rows(LAYOUT, 5, seed=7, day=day, power=on)[day + 1]
        return summarise(LAYOUT, rows)

    baseline = baseline_of([visit(day) for day in range(3)])
    assert baseline.restless[bins].all()
    assert baseline.restless.mean() < 0.02
    assert (baseline.log_top - baseline.log_mean)[bins].mean() > 0.8
    within = np.full(8, 5 * np.var([0, 0, 0, 0, np.log(5)], ddof=0) / 4)
    assert baseline.within_variance[bins] == pytest.approx(within * 12 / 18, rel=0.5)  # shrunk towards noise
    assert baseline.excess_variance[8][1004] > 0.05


def test_tails_of_a_baseline_with_few_emitters_are_a_guess_that_grows_with_their_number() -> None:
    one = baseline_of([make_summary(LAYOUT, n_passes=1, seed=1)])
    assert one.top_tail == one.mask_tail == {"single": (0.0, 0.15), "lasting": (0.0, 0.15)}
    for baseline in (baseline_of([room(2, day) for day in range(2)]), baseline_of([room(2, day) for day in range(6)])):
        for tail in (baseline.top_tail, baseline.mask_tail):
            assert set(tail) == {"single", "lasting"}
            for margin, decay in tail.values():
                assert 0 <= margin <= 1.0
                assert 0.15 <= decay <= 0.6
            assert tail["lasting"][0] <= tail["single"][0]


def test_a_hop_that_a_visit_lacks_is_learnt_from_the_others() -> None:
    rows = [[without_hop(row, LAYOUT, 2) if day == 1 else row for row in make_rows(LAYOUT, 5, seed=5, day=day)]
            for day in range(3)]  # fmt: skip
    baseline = baseline_of([summarise(LAYOUT, visit) for visit in rows])
    assert np.isfinite(baseline.log_mean).all()
    never = [[without_hop(row, LAYOUT, 2) for row in visit] for visit in rows]
    baseline = baseline_of([summarise(LAYOUT, visit) for visit in never])
    third = LAYOUT.hop_slice(2)
    assert np.isnan(baseline.log_mean[third]).all()
    assert np.isfinite(np.delete(baseline.log_mean, np.arange(third.start, third.stop))).all()
    assert np.isfinite(baseline.within_variance).all()
    assert 1.0 <= baseline.inflation < 1.2


def test_visits_on_other_plans() -> None:
    """Only what all plans share of the burst features is kept, and no visit is lost."""
    lone = plan_hops(((100_000_000, 100_300_000),), sample_rate_hz=250_000).layout()
    part = replace(lone, freq_hz=lone.freq_hz[:-20].copy(), hop_bins=lone.n_bins - 20)
    trimmed = plan_hops(((100_000_000, 100_200_000),), sample_rate_hz=250_000).layout()
    for first, second in ((LAYOUT, noise_layout(3)), (lone, trimmed), (lone, part)):
        baseline = baseline_of(
            [make_summary(first, n_passes=4, seed=1), make_summary(second, n_passes=4, seed=2, day=1)]
        )
        assert set(baseline.layout.freq_hz) == set(first.freq_hz) | set(second.freq_hz)
        assert np.isfinite(baseline.log_mean).all()
        assert baseline.n_visits == 2


def test_identity_says_what_it_was_made_of() -> None:
    summaries = [make_summary(noise_layout(1), n_passes=3, seed=1, day=day) for day in range(2)]
    visits = [visit_of(number) for number in range(2)]
    one = build_baseline(summaries, visits, room="lab", created="2026-11-20T09:00:00Z")
    again = build_baseline(summaries, visits, room="lab", created="2026-11-20T09:00:00Z")
    assert one.id == again.id
    assert np.array_equal(one.log_mean, again.log_mean)
    assert one.id.startswith("20261120-")
    others = [
        build_baseline(summaries, visits, room="hall", created="2026-11-20T09:00:00Z"),
        build_baseline(summaries, visits, room="lab", created="2026-11-20T09:00:01Z"),
        build_baseline(summaries, [visits[0], visit_of(1, last_leaf="01" * 32)], room="lab", created=one.created),
    ]
    assert len({one.id, *(other.id for other in others)}) == 4


def test_no_visit_no_baseline() -> None:
    with pytest.raises(ParameterError, match="a baseline needs at least one visit; give a record or a capture"):
        build_baseline([], [], room="lab", created="2026-11-20T09:00:00Z")


def make_record(folder: Path, name: str, day: int) -> Path:
    plan = plan_hops(((100_000_000, 100_300_000),), sample_rate_hz=250_000)
    journal = folder / f"{name}.journal"
    with JournalWriter.create(journal, make_start(plan, record_id=name), plan.layout()) as writer:
        for row in make_rows(plan.layout(), 4, seed=1, day=day):
            writer.append_row(row)
        writer.sync()
    return recover(journal)


def test_learning_from_records(tmp_path: Path) -> None:
    records = [make_record(tmp_path, name, day) for day, name in enumerate(("first", "second"))]
    room_folder = tmp_path / "lab"
    baseline = learn(records, room_folder, room="lab", created="2026-11-20T09:00:00.000000001Z")
    assert [visit.record_id for visit in baseline.visits] == ["first", "second"]
    assert [visit.n_passes for visit in baseline.visits] == [4, 4]
    assert all(len(visit.last_leaf) == 64 for visit in baseline.visits)
    assert baseline.visits[0].instrument["serial"] == "00000001"
    assert baseline.plan_digest is not None
    assert BaselineStore(room_folder).load().id == baseline.id
    with pytest.raises(ParameterError, match="the same record was given twice; each visit counts once"):
        learn([records[0], records[0]], room_folder, room="lab", created="2026-11-21T09:00:00Z")
    records[1].write_bytes(b"")
    with pytest.raises(RecordError, match=str(records[1])):
        learn(records, room_folder, room="lab", created="2026-11-21T09:00:00Z")
    assert BaselineStore(room_folder).list() == [baseline.id]
