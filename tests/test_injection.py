"""Synthetic emitters in a visit's own measurements, held against emitters in its samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of

from baselines.compatibility import no_step
from baselines.heard import floor_of
from baselines.injection.attempt import try_sweep
from baselines.injection.curves import fit_curve
from baselines.injection.sensitivity import Sensitivity, measure_sensitivity
from baselines.injection.signals import KINDS, frames_of, half_width
from baselines.injection.summaries import Bug, inject, window_of
from baselines.injection.trials import curve_of
from baselines.judge import make_judge
from baselines.minutes import dwells_met
from baselines.model import Baseline
from baselines.part import Bar, part_of
from baselines.summary import VisitSummary, summarise
from benchmarks.detection.injection import agreement, level_at_90, levels_at_90
from sweep.cli.main import main
from sweep.journal.documents import JudgementDocument, check_judgement, parse_document
from sweep.model import SweepRow

LAYOUT = noise_layout(8)
NFM, WFM, CARRIER, BURST = KINDS


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=day) for day in range(3)])


def tried(baseline: Baseline | None, summary: VisitSummary, rows: list[SweepRow] | None = None) -> Sensitivity:
    bar = Bar(baseline=baseline, gain_step_db=no_step, instrument={}, false_alarms=0.1)
    part = part_of(rows_of(rows or []), summary, floor_of(summary), bar)
    result = try_sweep(part, bar, 1.0)
    assert result is not None
    return result


@pytest.fixture(scope="module")
def visit() -> VisitSummary:
    return make_summary(LAYOUT, n_passes=5, seed=1, day=7)


@pytest.fixture(scope="module")
def measured(quiet: Baseline, visit: VisitSummary) -> Sensitivity:
    return tried(quiet, visit)


def test_injected_emitters_are_found_as_those_on_the_air_are() -> None:
    """From the samples of a simulated town on: as many are found as was said, and from the same level on."""
    told = agreement(NFM, ("420M:440M",), seed=1200, visits=4)
    found = np.array([trial.found for trial in told.trials])
    spread = np.sqrt(np.sum(told.expected * (1 - told.expected)))
    assert abs(found.sum() - told.expected.sum()) < 3 * spread + 0.05 * found.size
    quiet = [trial for trial in told.trials if not trial.busy]
    on_air, injected = curve_of(quiet, np.random.default_rng(1)), told.measured.curves["nfm"][False]
    (low, high), (lower, higher) = (np.quantile(levels_at_90(curve), (0.025, 0.975)) for curve in (on_air, injected))
    assert low < higher and lower < high  # the intervals overlap
    assert higher - lower < 4


def test_levels_are_near_those_of_the_detection_benchmark(measured: Sensitivity) -> None:
    """Five sweeps of noise: narrowband FM -7, wideband FM below -9.5 and a carrier -1 dB over the noise, there."""
    levels = {kind.name: level_at_90(measured.curves[kind.name][False]) for kind in (NFM, WFM, CARRIER)}
    assert -8.5 < levels["nfm"] < -4
    assert -14 < levels["wfm"] < -9
    assert -3.5 < levels["carrier"] < 1.5


def test_an_interval_holds_the_level_and_n_is_what_was_injected(measured: Sensitivity) -> None:
    for kind in (NFM, WFM, CARRIER):
        told = measured.of_band(slice(0, LAYOUT.n_bins), kind)
        assert told is not None and told["low"] <= told["dbfs"] <= told["high"] < told["low"] + 6
        assert measured.n_trials(kind) == 96


@pytest.mark.parametrize("kind", [NFM, WFM, CARRIER], ids=lambda kind: kind.name)
def test_frames_have_unit_power(kind) -> None:
    frames = frames_of(kind, LAYOUT, 0.3, 6, np.random.default_rng(2))
    assert frames.shape == (6, LAYOUT.n_averages, 2 * half_width(kind, LAYOUT.bin_width_hz) + 1)
    power = np.square(np.abs(frames)).sum(axis=2).mean() / LAYOUT.enbw_bins
    assert power == pytest.approx(1.0, abs=0.03)


def test_injection_adds_the_power_and_nothing_elsewhere(visit: VisitSummary) -> None:
    before = {field.name: np.copy(getattr(visit, field.name)) for field in fields(visit) if field.name == "mean"}
    bugs = [
        Bug(kind=NFM, bin=300 + 768 * hop, offset_bins=0.1, power_dbfs=-40.0, dwells=visit.passes) for hop in range(8)
    ]
    changed = inject(visit, bugs, np.random.default_rng(3))
    assert np.array_equal(visit.mean, before["mean"])
    touched = np.zeros(LAYOUT.n_bins, bool)
    for bug in bugs:
        touched[window_of(NFM, bug.bin, visit)] = True
    for name in ("mean", "max_hold", "burst_1"):
        assert np.array_equal(getattr(changed, name)[:, ~touched], getattr(visit, name)[:, ~touched])
    added = (changed.mean - visit.mean).sum(axis=1) / LAYOUT.enbw_bins / len(bugs)
    assert 10 * np.log10(added) == pytest.approx(-40.0, abs=0.2)
    for name in ("burst_8", "burst_8x4"):
        same = changed.bursts[name] == visit.bursts[name]
        assert 0.9 < same.mean() < 1


def test_nothing_injected_leaves_the_statistics_of_noise(visit: VisitSummary) -> None:
    """At a power of almost none what is drawn anew must be like what was received."""
    bugs = [
        Bug(kind=WFM, bin=at + 768 * hop, offset_bins=0.0, power_dbfs=-200.0, dwells=visit.passes)
        for hop in range(8)
        for at in (150, 350, 550)
    ]
    changed = inject(visit, bugs, np.random.default_rng(4))
    assert changed.mean == pytest.approx(visit.mean, rel=1e-5)
    assert np.abs(changed.max_hold.astype(int) - visit.max_hold).max() <= 1
    drawn = changed.bursts["burst_8"] != visit.bursts["burst_8"]
    assert np.median(changed.bursts["burst_8"][drawn]) == pytest.approx(np.median(visit.bursts["burst_8"]), abs=25)


def test_an_emitter_across_the_edge_of_a_hop_is_left_out(visit: VisitSummary) -> None:
    bug = Bug(kind=NFM, bin=768, offset_bins=0.0, power_dbfs=-30.0, dwells=visit.passes)
    assert window_of(NFM, 768, visit) is None
    assert np.array_equal(inject(visit, [bug], np.random.default_rng(5)).mean, visit.mean)


def test_a_detector_that_finds_nothing_has_no_level(visit: VisitSummary, measured: Sensitivity) -> None:
    deaf = replace(measured.visit, judge=lambda _: measured.visit.outcome)
    told = measure_sensitivity(deaf, (NFM,)).of_band(slice(0, LAYOUT.n_bins), NFM)
    assert told is not None and told["dbfs"] is None


def test_a_busy_band_needs_stronger_emitters() -> None:
    power = np.full(LAYOUT.n_bins, NOISE)
    for start in range(0, 4 * 768, 12):
        power[start : start + 6] *= 100  # the lower half of the sweep is full
    days = [make_summary(LAYOUT, n_passes=4, seed=1, day=day, power=power) for day in range(4)]
    told = tried(baseline_of(days[:3]), days[3])
    full, empty = (told.of_band(slice(half * 4 * 768, (half + 1) * 4 * 768), NFM) for half in (0, 1))
    assert full is not None and empty is not None and empty["dbfs"] is not None
    assert full["dbfs"] is None or full["dbfs"] > empty["dbfs"] + 6


def spread_out(rows: list[SweepRow], pass_s: float) -> list[SweepRow]:
    """The same passes, so many seconds apart."""
    offset = [np.int64(number * pass_s * 1e9) for number in range(len(rows))]
    return [
        replace(row, hop_monotonic_ns=row.hop_monotonic_ns - row.hop_monotonic_ns[0] + begin)
        for row, begin in zip(rows, offset, strict=True)
    ]


@pytest.mark.parametrize(("n_passes", "pass_s"), [(5, 7.3), (20, 7.0), (130, 0.5)])
def test_a_burst_a_minute_is_met_as_often_as_its_times_say(n_passes: int, pass_s: float) -> None:
    layout = noise_layout(1)
    summary = summarise(layout, spread_out(make_rows(layout, n_passes, seed=2), pass_s))
    assert summary.by_minute is not None
    assert summary.by_minute.sum() == n_passes
    begins = np.arange(0, 60, 0.5)  # of a burst that is on for a second
    times = np.arange(n_passes) * pass_s
    met = [np.any((times - begin) % 60 < 1 - 1e-9) for begin in begins]
    assert np.mean(dwells_met(summary.by_minute.sum(axis=0)) > 0) == pytest.approx(np.mean(met), abs=0.02)


def test_a_burst_that_is_seldom_met_has_no_level_but_one_if_met(quiet: Baseline) -> None:
    summary = summarise(LAYOUT, spread_out(make_rows(LAYOUT, 5, seed=1, day=8), 7.3))
    result = tried(quiet, summary)
    told, steady = (result.of_band(slice(0, LAYOUT.n_bins), kind) for kind in (BURST, NFM))
    assert told is not None and steady is not None
    assert told["dbfs"] is None
    assert told["met"] == pytest.approx(5 / 60, abs=0.01)
    assert told["if_met_dbfs"] > steady["dbfs"] + 2  # it is on in one pass of five


def test_curves_are_learnt_from_trials() -> None:
    rng = np.random.default_rng(6)
    over_db = rng.uniform(-8, 8, 400)
    found = rng.random(400) < 0.97 / (1 + np.exp(-2 * (over_db - 1.0)))
    curve = fit_curve(over_db, found, rng)
    assert float(np.median(curve.middle_db)) == pytest.approx(1.0, abs=0.6)
    chance = curve.chance(np.array([-8.0, 8.0])).mean(axis=0)
    assert chance[0] < 0.02 and 0.92 < chance[1] < 1


def judged(
    baseline: Baseline | None, change: Callable[[SweepRow], SweepRow] | None = None, **how: bool
) -> dict[str, Any]:
    rows = make_rows(LAYOUT, 5, seed=1, day=9)
    rows = rows if change is None else [change(row) for row in rows]
    return dict(make_judge(baseline, **how)(LAYOUT, rows_of(rows), {}).document)


def test_a_judgement_says_how_each_level_is_known(quiet: Baseline) -> None:
    document = judged(quiet, with_trials=True)
    check_judgement(document)
    (entry,) = document["coverage"]
    assert entry["min_detectable_dbfs"] == entry["min_detectable"]["nfm"]
    detail = entry["min_detectable_detail"]
    assert {told["basis"] for told in detail.values()} == {"injection"}
    assert all(told["n_injected"] == 96 for told in detail.values())
    assert document == judged(quiet, with_trials=True)
    reckoned = judged(quiet)["coverage"][0]
    assert reckoned["min_detectable_detail"]["nfm"] == {"basis": "theory"}
    assert reckoned["min_detectable_detail"]["burst_1s_per_min"] == {"basis": "not measured"}
    assert reckoned["min_detectable"]["nfm"] == pytest.approx(entry["min_detectable"]["nfm"], abs=3)


@pytest.mark.parametrize(("value", "basis"), [(None, "injection"), ("off", "theory")])
def test_a_command_tries_unless_it_is_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, basis: str
) -> None:
    monkeypatch.delenv("QUIETROOM_TRIALS")
    if value is not None:
        monkeypatch.setenv("QUIETROOM_TRIALS", value)
    words = ["--workspace", str(tmp_path)]
    assert main([*words, "init"]) == 0
    told = tmp_path / "told.json"
    source = ["--source", "sim:meeting-room", "--range", "433M:434M", "--passes", "3"]
    assert main([*words, "sweep", "lab", *source, "--json", str(told)]) in (0, 3)
    (entry,) = json.loads(told.read_text())["coverage"]
    assert entry["min_detectable_detail"]["nfm"]["basis"] == basis


def test_a_wrong_word_for_trials_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUIETROOM_TRIALS", "never")
    assert main(["--workspace", str(tmp_path), "init"]) == 0
    capsys.readouterr()
    assert main(["--workspace", str(tmp_path), "sweep", "lab", "--source", "sim:meeting-room"]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "QUIETROOM_TRIALS=never" in err) == (1, True)


def test_without_a_baseline_emitters_are_injected_too() -> None:
    (entry,) = judged(None, with_trials=True)["coverage"]
    assert entry["min_detectable_detail"]["nfm"]["basis"] == "injection"
    assert entry["min_detectable"]["nfm"] is not None


def test_spectra_without_extremes_are_reckoned(quiet: Baseline) -> None:
    def bare(row: SweepRow) -> SweepRow:
        names = ("max_hold", "min_hold", "spectral_kurtosis", "burst_8", "burst_8x4", "burst_64", "burst_512")
        return replace(row, **dict.fromkeys(names))

    (entry,) = judged(quiet, bare, with_trials=True)["coverage"]
    assert entry["min_detectable_detail"]["nfm"] == {"basis": "theory"}
    assert entry["min_detectable"]["burst_1s_per_min"] is None


def test_a_judgement_of_before_reads(quiet: Baseline) -> None:
    document = judged(quiet)
    for entry in document["coverage"]:
        del entry["min_detectable"], entry["min_detectable_detail"]
    _, told = parse_document(json.dumps(document).encode(), JudgementDocument)
    assert told.coverage[0].min_detectable is None
