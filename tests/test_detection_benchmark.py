"""The detection benchmark in small: towns, planted bugs, the truth about a report, and rates with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.campaign import Campaign, TownResult, run
from benchmarks.detection.peers import RULES
from benchmarks.detection.planting import KINDS, plant
from benchmarks.detection.rates import detected, false_rate, peer_threshold, proportion, snr_at
from benchmarks.detection.tables import tables
from benchmarks.detection.towns import town
from benchmarks.detection.truth import Truth
from benchmarks.detection.visits import make_visit, planted, room_of, station_heard

RANGES = ("434M:446M",)
SMALL = Campaign(seen=(1,), unseen=(2,), baseline_visits=2, clean_visits=1, plantings=1, ranges=RANGES)


@pytest.fixture(scope="module")
def results() -> list[TownResult]:
    return list(run(SMALL, workers=1))


def test_a_town_is_drawn_from_its_seed_alone() -> None:
    assert town(5) == town(5)
    assert town(5) != town(6)
    assert len(town(5).emitters) > 20


def test_bugs_stand_apart_from_stations_and_from_each_other() -> None:
    scene = town(3)
    plants = [item for item in plant(scene, seed=1) if not item.kind.beside]
    places = np.sort([item.center_freq_hz for item in plants])
    assert np.diff(places).min() >= 5_000_000
    assert {item.kind.name for item in plants} == {kind.name for kind in KINDS if not kind.beside}
    assert [item.bug for item in plants] == [item.bug for item in plant(scene, seed=1) if not item.kind.beside]


def test_planting_changes_the_hops_of_a_bug_only() -> None:
    visit = make_visit(town(2, ranges=RANGES), 3, 2)
    (bug,) = [item for item in plant(visit.scene, seed=1) if item.kind.name == "nfm"][:1]
    with_bug = planted(visit, [bug])
    for before, after in zip(visit.rows, with_bug.rows, strict=True):
        changed = (before.mean != after.mean).reshape(visit.plan.n_hops, -1).any(axis=1)
        reached = np.abs(np.array(visit.plan.hop_centers_hz) - bug.center_freq_hz) < 1_600_000
        assert changed[np.argmin(np.abs(np.array(visit.plan.hop_centers_hz) - bug.center_freq_hz))]
        assert not changed[~reached].any()


def test_truth_tells_known_from_novel_and_from_nothing() -> None:
    known = [make_visit(town(2, ranges=RANGES), number, 2) for number in range(2)]
    visit = make_visit(town(2, ranges=RANGES), 3, 2)
    truth = Truth(known)
    inside = [s for s in room_of(visit).stations if 434.2e6 < s.center_freq_hz < 445e6 and not s.spec.roams_hz]
    for station in inside:
        heard = any(station_heard(one, station) for one in known)
        label = truth.label(visit, station.center_freq_hz, 0.0)
        assert label == "core" if heard else label in ("core", "novel")
    empty = next(f for f in np.arange(435e6, 444e6, 5e4) if all(abs(f - s.center_freq_hz) > 2e5 for s in inside))
    assert truth.label(visit, float(empty), 5e3) == "core"


def test_a_small_campaign_finds_strong_bugs_and_little_else(results: list[TownResult]) -> None:
    unseen = [result for result in results if result.seed == 2]
    strong = [hit for result in unseen for hit in result.hits if hit.detector == "Quietroom 0.1" and hit.sweeps == 5]
    strong = [hit for hit in strong if hit.kind in ("nfm", "carrier") and hit.snr_db >= 4]
    assert any(hit.found for result in unseen for hit in result.hits)
    assert all(hit.found for hit in strong)
    assert false_rate(unseen, "Quietroom 0.1", 5, 0.0, ("core",)).count <= 1
    text = tables(SMALL, results)
    assert all(name in text for name in RULES)
    assert all(kind.name in text for kind in KINDS)


def test_a_peer_keeps_to_its_rate_where_its_threshold_was_taken(results: list[TownResult]) -> None:
    seen = [result for result in results if result.seed == 1]
    for name in RULES:
        threshold = peer_threshold(seen, name, 5, 1.0)
        assert false_rate(seen, name, 5, threshold, ("core",)).value <= 1.0
        assert all(isinstance(value, list) for value in detected(seen, name, 5, "nfm", threshold).values())


def test_rates_carry_exact_intervals() -> None:
    none = proportion([False] * 20)
    assert none.low == 0.0
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))  # Clopper-Pearson at no success
    half = proportion([True, False] * 10)
    assert half.low < 0.5 < half.high


def test_snr_at_a_probability_is_read_off_a_rising_curve() -> None:
    steps = {snr: [snr >= 3] * 30 for snr in (0.0, 2.0, 4.0)}
    assert snr_at(steps).value == pytest.approx(2 + 0.9 * 2)
    assert np.isinf(snr_at({0.0: [False] * 9, 2.0: [True, False] * 5}).value)
    assert "<=" in str(snr_at({0.0: [True] * 9, 2.0: [True] * 9}))
