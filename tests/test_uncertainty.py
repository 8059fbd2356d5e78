"""The uncertainty of a level: its parts against what simulated visits really scatter by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of, visit_of

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline
from baselines.uncertainty import Repeatability, level_uncertainty
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.journal.documents import FindingDocument, JudgementDocument, check_judgement, parse_document

LAYOUT = noise_layout(6)
AT = slice(2000, 2012)


def with_emitter(snr: float) -> np.ndarray:
    power = np.full(LAYOUT.n_bins, NOISE)
    power[AT] += snr * NOISE
    return power


def no_step(freq_hz: float) -> float | None:
    return None


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=day) for day in range(3)])


def test_the_statistical_part_is_what_levels_scatter_by(quiet: Baseline) -> None:
    """Rows here have independent bins, those of Hann scatter 1.3 times as much: the stated part lies above."""
    judge = make_judge(quiet)
    levels, stated = [], []
    for day in range(3, 43):
        rows = make_rows(LAYOUT, 1, seed=1, day=day, power=with_emitter(8.0))
        findings = judge(LAYOUT, rows_of(rows), {}).document["findings"]
        finding = min(findings, key=lambda one: abs(one["center_freq_hz"] - LAYOUT.freq_hz[2006]))
        levels.append(finding["power_dbfs"])
        stated.append(finding["power_uncertainty_db"]["statistical"])
    scatter = np.std(levels, ddof=1)
    assert 0.5 * np.median(stated) < scatter < 1.3 * np.median(stated)


def test_without_a_baseline_only_the_statistical_part_is_known() -> None:
    rows = make_rows(LAYOUT, 2, seed=3, power=with_emitter(20.0))
    (finding,) = make_judge(None)(LAYOUT, rows_of(rows), {}).document["findings"]
    told = finding["power_uncertainty_db"]
    assert (told["gain"], told["antenna"], told["coverage_factor"]) == (None, None, 2.0)
    assert told["expanded"] == pytest.approx(2 * told["statistical"], abs=0.02)


def test_gain_is_learnt_from_the_visits_with_their_settings_taken_out() -> None:
    gains_db, settings_db = (0.0, 3.0, -1.0, 7.0), (28.0, 28.0, 28.0, 33.0)
    summaries = [make_summary(LAYOUT, n_passes=4, seed=1, day=day, gain_db=gain) for day, gain in enumerate(gains_db)]
    visits = [visit_of(number, gain_db=setting) for number, setting in enumerate(settings_db)]
    baseline = build_baseline(summaries, visits, room="lab", created="2026-11-20T09:00:00Z")
    expected = np.std(np.subtract(gains_db, settings_db), ddof=1)
    known = Repeatability(baseline=baseline, gain_step_db=no_step)
    assert known.gain_db(431e6) == pytest.approx(expected, abs=0.1)
    stepped = Repeatability(baseline=baseline, gain_step_db=lambda freq_hz: 5.0)
    assert stepped.gain_db(431e6) == pytest.approx(np.hypot(expected, 1 / np.sqrt(3)), abs=0.1)


def test_the_antenna_is_learnt_from_the_rooms_emitters() -> None:
    drawn = np.random.default_rng(8)
    summaries = []
    for day in range(8):
        power = np.full(LAYOUT.n_bins, NOISE)
        for start in range(100, LAYOUT.n_bins - 100, 90):
            power[start : start + 6] += NOISE * 10 ** ((20 + drawn.normal(0, 1.5)) / 10)
        summaries.append(make_summary(LAYOUT, n_passes=4, seed=1, day=day, power=power))
    known = Repeatability(baseline=baseline_of(summaries), gain_step_db=no_step)
    assert known.antenna_db(434e6) == pytest.approx(1.5, rel=0.35)


def test_one_visit_or_no_emitters_teach_nothing(quiet: Baseline) -> None:
    alone = baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=0)])
    assert Repeatability(baseline=alone, gain_step_db=no_step).gain_db(431e6) is None
    assert Repeatability(baseline=alone, gain_step_db=no_step).antenna_db(431e6) is None
    assert Repeatability(baseline=quiet, gain_step_db=no_step).antenna_db(431e6) is None


def test_what_was_not_measured_has_no_uncertainty() -> None:
    nothing = Repeatability(baseline=None, gain_step_db=no_step)
    finding = {"power_dbfs": None, "occupied_bw_hz": 10_000, "snr_db": None, "center_freq_hz": 430_500_000}
    assert level_uncertainty(finding, LAYOUT, nothing) is None
    spectra = replace(LAYOUT, n_averages=None)
    heard = {**finding, "power_dbfs": -50.0, "snr_db": 10.0}
    assert level_uncertainty(heard, spectra, nothing) is None
    weak = {**heard, "snr_db": -40.0}
    told = level_uncertainty(weak, LAYOUT, nothing)
    assert told is not None and DB_PER_NEPER_POWER < told["statistical"] < 20


def test_a_judgement_holds_it_and_older_ones_need_not(quiet: Baseline, tmp_path: Path) -> None:
    rows = make_rows(LAYOUT, 3, seed=1, day=9, power=with_emitter(8.0))
    document = make_judge(quiet)(LAYOUT, rows_of(rows), {}).document
    check_judgement(document)
    assert document["not_heard"][0].startswith("above 1766 MHz")
    assert any("never transmits" in item for item in document["not_heard"])
    _, told = parse_document(json.dumps(document).encode(), JudgementDocument)
    assert told.findings[0].power_uncertainty_db is not None
    old = {name: value for name, value in document["findings"][0].items() if name != "power_uncertainty_db"}
    assert parse_document(json.dumps(old).encode(), FindingDocument)[1].power_uncertainty_db is None


def test_a_hop_taken_at_a_lower_gain_has_the_step_in_its_levels() -> None:
    lowered = np.zeros(LAYOUT.n_hops, bool)
    lowered[2] = True
    summary = replace(make_summary(LAYOUT, n_passes=2, seed=1, day=0), lowered=lowered)
    known = Repeatability(baseline=None, gain_step_db=no_step, lowered=summary.was_lowered)
    assert known.gain_db(float(LAYOUT.freq_hz[2 * 768 + 5])) == pytest.approx(1 / np.sqrt(3))
    assert known.gain_db(float(LAYOUT.freq_hz[3 * 768 + 5])) is None
