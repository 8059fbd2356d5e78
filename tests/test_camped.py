"""What a judge makes of stays: the burst that passes miss, one finding for what both heard, and the false alarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from as_judged import as_judged
from visits import START_NS, baseline_of, make_rows, make_summary, noise_layout, rows_of, sim_rows

from baselines.camped import CAMP_SHARE, Camp
from baselines.camped_visit import with_camp
from baselines.camping import camp_plan, where_to_camp
from baselines.intercept import Intercept
from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.summary import summarise
from sweep.camping import CampRequest
from sweep.events import Closed
from sweep.looks import StoredLooks
from sweep.model import Judgement, SweepRow
from sweep.plan import Layout
from sweep.record import SweepRecord
from sweep.session import SweepSession
from sweep.sources.options import SourceOptions
from sweep.sources.sim import open_sim

SCENE = """
schema = "quietroom.scene/1"
title = "A room with a bug that seldom speaks"
start = 2026-03-02T09:00:00Z
ranges = ["431M:435M"]

[receiver]
noise_dbfs_per_hz = -102.0

[visits]
gain_spread_db = 1.0

[[emitters]]
name = "repeater"
kind = "nfm"
center_freq_hz = 434_425_000
power_dbfs = -56.0
fading_sd_db = 0.7
visit_sd_db = 1.0

[[bugs]]
name = "rare"
kind = "nfm"
center_freq_hz = 433_520_000
snr_db = 20.0
duty = 0.015
mean_on_s = 0.3

[[bugs]]
name = "steady"
kind = "nfm"
center_freq_hz = 433_520_000
snr_db = 20.0
"""
BUG_HZ = 433_520_000
LAYOUT = noise_layout(7)
N_DWELLS, DWELL_NS = 20, 13_000_000


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "room.toml"
    path.write_text(SCENE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def baseline(scene: Path) -> Baseline:
    return baseline_of([summarise(*sim_rows(f"{scene}?visit={visit}", (431e6, 435e6))) for visit in range(3)])


def swept(
    folder: Path, scene: Path, baseline: Baseline | None, *, bugs: str, visit: int, camp_s: float | None
) -> Mapping[str, Any]:
    judge = make_judge(baseline)
    session = SweepSession(
        open_sim(f"{scene}?visit={visit}&bugs={bugs}", SourceOptions()),
        start={"room": "lab"},
        name_record=lambda _: folder / "lab.h5",
        judge=judge,
        passes=5,
        camp=None if camp_s is None else CampRequest(duration_s=camp_s, where=where_to_camp(judge)),
    )
    (closed,) = [event for event in session.events() if isinstance(event, Closed)]
    with SweepRecord.open(folder / "lab.h5") as record:
        stays = record.stays if record.n_stays else None
        again = judge(record.layout, record.rows, record.start["instrument"], StoredLooks(record.looks), stays)
        told = json.dumps(dict(again.document), sort_keys=True)
        assert told == json.dumps(as_judged(record.judgement.document), sort_keys=True)
    return closed.judgement.document


def near(findings: Sequence[Mapping[str, Any]], freq_hz: float = BUG_HZ) -> list[Mapping[str, Any]]:
    return [item for item in findings if abs(item["center_freq_hz"] - freq_hz) < 10_000]


def test_the_camp_hears_the_bug_that_passes_miss(tmp_path: Path, scene: Path, baseline: Baseline) -> None:
    """0.3 s every 20 s; the five passes take a third of a second."""
    for name in ("passes", "camp", "without"):
        (tmp_path / name).mkdir()
    passes = swept(tmp_path / "passes", scene, baseline, bugs="rare", visit=12, camp_s=None)
    assert (passes["verdict"], passes["findings"], passes["unconfirmed"]) == ("no_anomaly_detected", [], [])
    camp = swept(tmp_path / "camp", scene, baseline, bugs="rare", visit=12, camp_s=24.0)
    (found,) = camp["findings"]
    assert near([found])
    assert (found["hits"], found["passes"]) == (0, 5)
    assert 10 < found["camp_hits"] < 0.1 * found["camp_dwells"]
    assert found["burst_length_s"] == pytest.approx(0.3, rel=0.6)
    assert found["burst_resolution_s"] == pytest.approx(0.013)
    assert found["duty_cycle"] < 0.1
    assert camp["verdict"] == "anomalies"
    without = swept(tmp_path / "without", scene, baseline, bugs="none", visit=12, camp_s=24.0)
    assert (without["verdict"], without["findings"], without["unconfirmed"]) == ("no_anomaly_detected", [], [])
    (hop,) = [entry for entry in camp["coverage"] if entry["start_hz"] < BUG_HZ < entry["stop_hz"]]
    (before,) = [entry for entry in passes["coverage"] if entry["start_hz"] < BUG_HZ < entry["stop_hz"]]
    assert hop["camp_s"] > 5
    assert hop["dwell_s"] > 50 * before["dwell_s"]
    assert 0.2 < hop["poi"]["100ms"] < hop["poi"]["1s"] <= hop["poi"]["10s"]


def test_what_passes_and_stays_hear_is_one_finding(tmp_path: Path, scene: Path, baseline: Baseline) -> None:
    for index, compared in enumerate((baseline, None)):
        folder = tmp_path / str(index)
        folder.mkdir()
        document = swept(folder, scene, compared, bugs="steady", visit=7, camp_s=4.0)
        (found,) = near(document["findings"])
        assert (found["hits"], found["passes"]) == (5, 5)
        assert found["camp_hits"] == found["camp_dwells"] > 0
        others = [item for item in document["findings"] if item is not found]
        assert len(others) == (compared is None)  # without a baseline the repeater too, once


# stays of noise


def noise_stay(layout: Layout, hop: int, number: int, seed: int) -> SweepRow:
    """Twenty dwells of noise on one hop, as they come from a receiver."""
    (row,) = make_rows(noise_layout(N_DWELLS), 1, seed=seed * 1000 + number, day=40)
    start_ns = 10**9 + number * 10**9
    center = layout.freq_hz[hop * layout.hop_bins + layout.hop_bins // 2]
    times = start_ns + np.arange(N_DWELLS) * DWELL_NS
    return replace(
        row,
        sequence=number,
        utc_ns=START_NS + start_ns,
        monotonic_ns=start_ns,
        hop_utc_ns=(START_NS + times).astype(np.int64),
        hop_monotonic_ns=times.astype(np.int64),
        hop_center_freq_hz=np.full(N_DWELLS, center),
    )


def stays_of(stays: Sequence[SweepRow]) -> Callable[..., Iterable[SweepRow]]:
    return lambda start=0, stop=None: iter(stays[start:stop])


def judged(baseline: Baseline | None, rows: list[SweepRow], stays: list[SweepRow], rate: float = 0.1) -> Judgement:
    judge = make_judge(baseline, false_alarms_per_sweep=rate)
    return judge(LAYOUT, rows_of(rows), {}, None, stays_of(stays))


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=5, seed=day, day=day) for day in range(4)])


@pytest.mark.parametrize("with_baseline", [True, False])
def test_false_alarms_of_the_whole_report_keep_the_stated_rate(quiet: Baseline, *, with_baseline: bool) -> None:
    """Of passes and stays together, at the default and at a rate that shows some."""
    counts = {0.1: 0, 10.0: 0}
    n_visits = 12
    for seed in range(n_visits):
        rows = make_rows(LAYOUT, 5, seed=500 + seed, day=30)
        stays = [noise_stay(LAYOUT, number % 3, number, seed) for number in range(6)]
        for rate in counts:
            document = judged(quiet if with_baseline else None, rows, stays, rate).document
            found = [*document["findings"], *document["unconfirmed"], *document["rejected_candidates"]]
            counts[rate] += len([item for item in found if item["kind"] != "missing"])
    assert counts[0.1] <= scipy.stats.poisson.ppf(0.999, n_visits * 0.1)
    assert counts[10.0] <= scipy.stats.poisson.ppf(0.999, n_visits * 10.0)
    assert counts[10.0] > 0


def test_the_chance_that_a_finding_states_is_that_of_the_report(quiet: Baseline) -> None:
    """A burst in one dwell of one stay; the same samples as passes of that hop alone, at that share, are as strong."""
    rows = make_rows(LAYOUT, 5, seed=900, day=30)
    stays = [noise_stay(LAYOUT, 2, number, 77) for number in range(3)]
    loud = stays[1]
    arrays = {"max_hold": np.array(loud.max_hold)}
    at = 7 * LAYOUT.hop_bins + 300
    arrays["max_hold"][at : at + 4] += 1200
    stays[1] = replace(loud, **arrays)
    (found,) = judged(quiet, rows, stays).document["findings"]
    assert found["camp_dwells"] == 3 * N_DWELLS
    strict = judged(quiet, rows, stays, rate=found["p_value"] * 0.9).document
    lenient = judged(quiet, rows, stays, rate=min(found["p_value"] * 1.2, 99)).document
    assert (len(strict["findings"]), len(lenient["findings"])) == (0, 1)
    assert 0 < CAMP_SHARE < 1


def with_burst(stay: SweepRow, dwell: int, bin_in_hop: int, rise_cdb: int = 1500) -> SweepRow:
    """A stay in one dwell of which something narrow is heard."""
    arrays = {"max_hold": np.array(stay.max_hold), "mean": np.array(stay.mean)}
    at = dwell * LAYOUT.hop_bins + bin_in_hop
    for name, rise in (("max_hold", rise_cdb), ("mean", 300)):
        arrays[name][at : at + 4] += rise
    return replace(stay, **arrays)


def test_a_baseline_that_camped_knows_what_the_room_sends_now_and_then() -> None:
    """The sensor that stays heard while the room was known to hold no device is no anomaly later; another burst is."""
    sensor, other = 300, 520
    summaries = []
    for day in range(4):
        rows = make_rows(LAYOUT, 5, seed=day, day=day)
        stays = [with_burst(noise_stay(LAYOUT, 2, number, 200 + day), 7, sensor) for number in range(4)]
        camp = Camp.of(LAYOUT, stays_of(stays), Intercept(LAYOUT))
        plain = summarise(LAYOUT, rows)
        summaries.append(with_camp(plain, camp))
        untouched = np.delete(np.arange(LAYOUT.n_bins), np.r_[LAYOUT.hop_slice(2)])
        assert np.array_equal(summaries[-1].mean[:, untouched], plain.mean[:, untouched])
        assert summaries[-1].max_hold is not None
        assert plain.max_hold is not None
        assert np.array_equal(summaries[-1].max_hold[:, untouched], plain.max_hold[:, untouched])
        assert (summaries[-1].n_groups, summaries[-1].n_rows) == (plain.n_groups, plain.n_rows)
    unaware = baseline_of([make_summary(LAYOUT, n_passes=5, seed=day, day=day) for day in range(4)])
    aware = baseline_of(summaries)
    rows = make_rows(LAYOUT, 5, seed=77, day=20)
    again = [with_burst(noise_stay(LAYOUT, 2, number, 300), 11, sensor) for number in range(3)]
    bug = [with_burst(noise_stay(LAYOUT, 2, number, 301), 11, other) for number in range(3)]
    counts = {
        name: [len(judged(baseline, rows, stays).document["findings"]) for stays in (again, bug)]
        for name, baseline in (("unaware", unaware), ("aware", aware))
    }
    assert counts == {"unaware": [1, 1], "aware": [0, 1]}


def test_stays_settle_what_the_passes_could_not(quiet: Baseline) -> None:
    """Heard in one of five passes: unconfirmed; the camp goes there first, and what it hears again is a finding."""
    rows = make_rows(LAYOUT, 5, seed=902, day=30)
    rows[3] = with_burst(rows[3], 2, 520)  # a pass has hops where a stay has dwells
    alone = make_judge(quiet)(LAYOUT, rows_of(rows), {}).document
    assert (len(alone["findings"]), len(alone["unconfirmed"])) == (0, 1)
    assert camp_plan(LAYOUT, alone).candidates == (2,)
    silent = [noise_stay(LAYOUT, 2, number, 79) for number in range(3)]
    document = judged(quiet, rows, silent).document
    (seldom,) = document["unconfirmed"]
    assert (document["findings"], seldom["hits"], seldom["camp_hits"], seldom["camp_dwells"]) == ([], 1, 0, 60)
    heard = [silent[0], with_burst(silent[1], 4, 520), silent[2]]
    document = judged(quiet, rows, heard).document
    (found,) = document["findings"]
    assert (document["unconfirmed"], found["hits"], found["passes"], found["camp_hits"]) == ([], 1, 5, 1)
    assert found["first_seen"] < found["last_seen"]
    assert found["center_freq_hz"] == pytest.approx(seldom["center_freq_hz"], abs=5000)


def test_a_stay_on_a_hop_of_no_baseline_is_judged_by_itself(quiet: Baseline) -> None:
    """A baseline of other hops than these is not cut; nothing breaks."""
    other = noise_layout(4, start_hz=430_000_000 + 3 * 1_920_000)
    partly = baseline_of([make_summary(other, n_passes=5, seed=day, day=day) for day in range(3)])
    rows = make_rows(LAYOUT, 5, seed=901, day=30)
    stays = [noise_stay(LAYOUT, hop, number, 78) for number, hop in enumerate((0, 5, 6))]
    document = judged(partly, rows, stays).document
    assert document["findings"] == []
    assert document["baseline"] == partly.id
