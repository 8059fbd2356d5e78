"""The judge, from the samples of a simulated room to verdict and findings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rows import make_start
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of, sim_rows, without_hop

from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.summary import summarise
from dsp.errors import ParameterError
from sweep.journal import JournalWriter
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, Judgement, SweepRow
from sweep.plan import Layout, plan_hops
from sweep.record import SweepRecord
from sweep.recovery import recover

LAYOUT = noise_layout(10)
RANGES = (
    (93e6, 94.5e6), (166.5e6, 168.2e6), (417e6, 419e6), (423.8e6, 426.2e6), (433.5e6, 435.2e6), (901e6, 906e6),
)  # fmt: skip
CLEAN, BUGGED = (3, 4, 5, 6, 7, 8), (3, 4, 5, 6, 7)
BUGS = {  # centre in MHz and how far off a finding may be, in kHz
    "nfm": (167.325, 5),
    "wfm": (93.85, 20),
    "carrier": (418.012, 5),
    "ook": (434.42, 15),
    "hopper": (425.0, 300),
    "dsss": (903.5, 100),
}

Visit = tuple[Layout, list[SweepRow]]


@pytest.fixture(scope="module")
def meeting_room() -> Baseline:
    return baseline_of([summarise(*sim_rows(f"meeting-room?visit={visit}", *RANGES)) for visit in range(3)])


@pytest.fixture(scope="module")
def bugged() -> dict[int, Visit]:
    return {visit: sim_rows(f"meeting-room?visit={visit}&bugs=all", *RANGES) for visit in BUGGED}


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=day) for day in range(2)])


def judged(baseline: Baseline | None, layout: Layout, rows: list[SweepRow], **instrument: str) -> Judgement:
    return make_judge(baseline)(layout, rows_of(rows), instrument)


def document(baseline: Baseline | None, layout: Layout, rows: list[SweepRow], **instrument: str) -> Mapping[str, Any]:
    return judged(baseline, layout, rows, **instrument).document


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float | int):
        yield value


def found(findings: list[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    center_mhz, reach_khz = BUGS[name]
    return [item for item in findings if abs(item["center_freq_hz"] - center_mhz * 1e6) <= reach_khz * 1e3]


def test_every_planted_bug_is_found(meeting_room: Baseline, bugged: dict[int, Visit]) -> None:
    """At the levels of the scene, five passes a visit: each in at least four visits of five, and nothing but bugs.

    The hopper is one finding; a click of its keying may be one more, within its band. The keyed bug is silent in half
    of the passes: what fewer than three of them show is listed as not confirmed, and a lobe of it may be too.
    """
    hits = dict.fromkeys(BUGS, 0)
    for layout, rows in bugged.values():
        result = document(meeting_room, layout, rows)
        assert result["verdict"] == "anomalies"
        findings = [finding for finding in result["findings"] if finding["kind"] != "missing"]
        in_hopper = [item for item in findings if abs(item["center_freq_hz"] - 425e6) <= 1.1e6]
        steady = [name for name in BUGS if name != "hopper"]
        assert len(findings) == len(in_hopper) + sum(len(found(findings, name)) for name in steady)
        for name in steady:
            hits[name] += len(found(findings, name)) == 1
        hits["hopper"] += sum(item["signal_type"].startswith("frequency hopper") for item in in_hopper) == 1
        assert len(in_hopper) <= 2
        assert not any(item["confirmed"] for item in result["unconfirmed"])
        assert all(abs(item["center_freq_hz"] - BUGS["ook"][0] * 1e6) < 50e3 for item in result["unconfirmed"])
        seldom = found(result["unconfirmed"], "ook")
        assert all(item["hits"] <= 2 for item in seldom)
        hits["ook"] += len(seldom) == 1
    assert min(hits.values()) >= 4, hits


def test_bugs_are_measured_as_they_are(meeting_room: Baseline, bugged: dict[int, Visit]) -> None:
    layout, rows = bugged[4]
    findings = document(meeting_room, layout, rows)["findings"]
    (nfm,), (wfm,), (carrier,) = (found(findings, name) for name in ("nfm", "wfm", "carrier"))
    (dsss,), (ook,), (hopper,) = (found(findings, name) for name in ("dsss", "ook", "hopper"))
    assert (nfm["kind"], nfm["hits"], nfm["duty_cycle"], nfm["confirmed"]) == ("new", 5, 1.0, True)
    assert 8_000 < nfm["occupied_bw_hz"] < 16_000
    assert nfm["snr_db"] == pytest.approx(15, abs=2)
    assert nfm["threat"]["level"] == "high"
    assert 80_000 < wfm["occupied_bw_hz"] < 180_000
    assert carrier["signal_type"] == "continuous carrier"
    assert 1.0e6 < dsss["occupied_bw_hz"] < 2.2e6
    assert ook["duty_cycle"] < 0.9
    assert hopper["signal_type"].startswith("frequency hopper, ")
    assert 1.0e6 < hopper["occupied_bw_hz"] < 2.2e6


def test_clean_visits_have_no_finding(meeting_room: Baseline) -> None:
    for visit in CLEAN:
        layout, rows = sim_rows(f"meeting-room?visit={visit}", *RANGES)
        result = document(meeting_room, layout, rows)
        assert (result["verdict"], result["findings"]) == ("no_anomaly_detected", [])
        assert result["baseline"] == meeting_room.id


def test_a_bug_at_the_centre_of_a_hop_is_no_dc_offset() -> None:
    ranges = ((166.365e6, 168.28e6), (170e6, 176e6))  # the first hop is tuned to the bug
    baseline = baseline_of([summarise(*sim_rows(f"meeting-room?visit={visit}", *ranges)) for visit in range(2)])
    layout, rows = sim_rows("meeting-room?visit=3&bugs=nfm-bug", *ranges)
    assert layout.freq_hz[384] == 167_325_000
    assert len(found(document(baseline, layout, rows)["findings"], "nfm")) == 1
    assert len(found(document(None, layout, rows)["findings"], "nfm")) == 1
    layout, rows = sim_rows("meeting-room?visit=3", *ranges)
    heard = document(None, layout, rows)
    assert not heard["findings"]
    assert {test["test"] for item in heard["rejected_candidates"] for test in item["artefact_tests"]} >= {"dc_offset"}
    assert all(item["power_uncertainty_db"]["expanded"] > 0 for item in heard["rejected_candidates"])
    assert [item["id"] for item in heard["rejected_candidates"]] == [
        f"R{number + 1}" for number in range(len(heard["rejected_candidates"]))
    ]


@pytest.mark.parametrize("compared", [True, False])
def test_the_same_rows_give_the_same_judgement(
    meeting_room: Baseline, bugged: dict[int, Visit], compared: bool
) -> None:
    layout, rows = bugged[5]
    baseline = meeting_room if compared else None
    first, second = (judged(baseline, layout, rows) for _ in range(2))
    text = json.dumps(first.document, allow_nan=False)
    assert text == json.dumps(second.document, allow_nan=False)
    assert all(math.isfinite(number) for number in numbers(first.document))
    assert first.noise_floor_dbfs.tobytes() == second.noise_floor_dbfs.tobytes()
    assert first.noise_floor_dbfs.shape == (layout.n_bins,)
    assert (first.baseline_dbfs is not None) == compared


def test_a_record_is_judged_as_its_journal_was(
    meeting_room: Baseline, bugged: dict[int, Visit], tmp_path: Path
) -> None:
    layout, rows = bugged[6]
    plan = plan_hops(tuple((round(low), round(high)) for low, high in RANGES), gain_db=28.0)
    journal = tmp_path / "lab.journal"
    with JournalWriter.create(journal, make_start(plan), layout) as writer:
        for row in rows:
            writer.append_row(row)
        writer.sync()
    with SweepRecord.open(recover(journal)) as record:
        stored = make_judge(meeting_room)(record.layout, record.rows, asdict(record.instrument))
    live = make_judge(meeting_room)(layout, rows_of(rows), make_start(plan)["instrument"])
    assert json.dumps(stored.document) == json.dumps(live.document)
    assert stored.baseline_dbfs is not None
    assert live.baseline_dbfs is not None
    assert stored.baseline_dbfs.tobytes() == live.baseline_dbfs.tobytes()
    assert stored.threshold_db is not None
    assert live.threshold_db is not None
    assert stored.threshold_db.tobytes() == live.threshold_db.tobytes()


def test_nothing_measured_is_inconclusive(quiet: Baseline) -> None:
    blank = make_rows(LAYOUT, 2, seed=1)
    for hop in range(LAYOUT.n_hops):
        blank = [without_hop(row, LAYOUT, hop) for row in blank]
    for rows in (blank, []):
        judgement = judged(quiet, LAYOUT, rows)
        result = judgement.document
        assert (result["verdict"], result["findings"], result["baseline"]) == ("inconclusive", [], None)
        assert result["reasons"] == [
            f"nothing was measured in {len(rows)} passes; there is nothing to judge or to learn"
        ]
        (entry,) = result["coverage"]
        assert entry["state"] == "not_measured"
        assert (entry["noise_floor_dbfs"], entry["dwell_s"], entry["poi"]["1s"]) == (None, None, None)
        assert np.isnan(judgement.noise_floor_dbfs).all()


def test_a_quiet_sweep(quiet: Baseline) -> None:
    result = document(quiet, LAYOUT, make_rows(LAYOUT, 4, seed=2, day=5))
    assert (result["verdict"], result["reasons"], result["findings"]) == ("no_anomaly_detected", [], [])
    assert result["false_alarms_per_sweep"] == 0.1
    assert [entry["state"] for entry in result["coverage"]] == ["measured"]


def test_what_was_lost_makes_a_quiet_sweep_inconclusive(quiet: Baseline) -> None:
    rows = make_rows(LAYOUT, 4, seed=2, day=5)
    for n_lost, verdict in ((1, "no_anomaly_detected"), (2, "inconclusive")):
        holed = rows
        for hop in range(n_lost):
            holed = [without_hop(row, LAYOUT, hop) for row in holed]
        result = document(quiet, LAYOUT, holed)
        assert result["verdict"] == verdict
        assert result["reasons"] == [f"{10 * n_lost} % of the hops were never measured"]
    loud = np.full(10, HOP_MEASURED | HOP_OVERLOADED, np.uint8)
    result = document(quiet, LAYOUT, [replace(row, hop_flags=loud) for row in rows])
    assert result["verdict"] == "inconclusive"
    assert result["reasons"] == ["100 % of the hops were overloaded: the receiver makes signals of its own"]
    assert {entry["state"] for entry in result["coverage"]} == {"overloaded"}


def test_lost_samples_are_said(quiet: Baseline) -> None:
    rows = make_rows(LAYOUT, 4, seed=2, day=5)
    rows[1] = replace(rows[1], hop_dropped_samples=np.array([0, 700] * 5, np.int32))
    result = document(quiet, LAYOUT, rows)
    assert result["verdict"] == "no_anomaly_detected"
    assert result["reasons"] == ["samples were lost on the way to this machine in 5 dwells"]


def test_what_the_baseline_does_not_know_is_said(quiet: Baseline) -> None:
    """Half of the sweep was never in the baseline: a quiet half does not make the whole quiet."""
    wide = noise_layout(20)
    power = np.full(wide.n_bins, NOISE)
    power[15 * 768 + 100 : 15 * 768 + 105] *= 30
    result = document(quiet, wide, make_rows(wide, 4, seed=2, power=power))
    assert result["verdict"] == "inconclusive"
    assert "50 % of what was measured is not in the baseline and was not compared" in result["reasons"]
    known = [[without_hop(row, LAYOUT, 3) for row in make_rows(LAYOUT, 4, seed=1, day=day)] for day in range(2)]
    holed = baseline_of([summarise(LAYOUT, visit) for visit in known])
    result = document(holed, LAYOUT, make_rows(LAYOUT, 4, seed=2, day=5))
    assert result["reasons"] == ["10 % of what was measured is not in the baseline and was not compared"]


def test_an_incompatible_baseline_is_not_used(quiet: Baseline) -> None:
    far = noise_layout(3, start_hz=800_000_000)
    power = np.full(far.n_bins, NOISE)
    power[1000:1008] *= 100
    judgement = judged(quiet, far, make_rows(far, 4, seed=2, power=power))
    result = judgement.document
    assert result["baseline"] is None
    assert judgement.baseline_dbfs is None
    assert result["reasons"] == [
        f"not compared with baseline {quiet.id}: the sweep and the baseline share no frequency",
        "no baseline: every emitter heard is listed, whether it belongs to the room is not known",
    ]
    (finding,) = result["findings"]
    assert finding["center_freq_hz"] == pytest.approx(far.freq_hz[1000:1008].mean(), abs=2500)
    assert finding["excess_db"] is None


def test_another_dongle_is_said(quiet: Baseline) -> None:
    rows = [replace(row, hop_gain_db=row.hop_gain_db + 5) for row in make_rows(LAYOUT, 3, seed=2, day=5)]
    reasons = document(quiet, LAYOUT, rows, serial="7")["reasons"]
    assert reasons == [
        "serial 7 differs from the baseline's 1",
        "gain 33 dB differs from the baseline's 28 dB; levels were aligned",
        "the frequency error of dongle 7 against 1 could not be measured: too few steady emitters; what the room "
        "always had may be listed as new",
    ]


def test_one_visit_is_said() -> None:
    baseline = baseline_of([make_summary(LAYOUT, n_passes=4, seed=1)])
    result = document(baseline, LAYOUT, make_rows(LAYOUT, 4, seed=2, day=5))
    assert result["verdict"] == "no_anomaly_detected"
    assert result["reasons"] == [
        "the baseline is of one visit only: how much the room varies from visit to visit is assumed, not measured"
    ]


def room(day: int, *, extra_db: float = 0.0, gone: bool = False, passes: int = 4) -> list[SweepRow]:
    """Stations 20 dB over the noise, one of which may be louder or gone."""
    power = np.full(LAYOUT.n_bins, NOISE)
    for station in range(8):
        level_db = 20 + np.random.default_rng((day, station)).normal(0, 0.5) + (extra_db if station == 3 else 0)
        power[400 + station * 900 : 440 + station * 900] += NOISE * 10 ** (level_db / 10)
    if gone:
        power[400 + 5 * 900 : 440 + 5 * 900] = NOISE
    return make_rows(LAYOUT, passes, seed=4, day=day, power=power)


def test_kinds_of_findings() -> None:
    baseline = baseline_of([summarise(LAYOUT, room(day)) for day in range(3)])
    assert document(baseline, LAYOUT, room(7))["findings"] == []
    (raised,) = document(baseline, LAYOUT, room(7, extra_db=10.0))["findings"]
    assert raised["kind"] == "raised"
    assert raised["excess_db"] == pytest.approx(10, abs=1.5)
    result = document(baseline, LAYOUT, room(7, gone=True))
    (missing,) = result["findings"]
    assert (missing["kind"], missing["power_dbfs"], missing["hits"]) == ("missing", None, 0)
    assert result["verdict"] == "no_anomaly_detected"


def test_a_sweep_on_other_bins_is_judged_on_its_own() -> None:
    """The sweep has bins a quarter as wide; levels and places come back in its own."""
    coarse = plan_hops(((430_000_000, 439_000_000),), bin_width_hz=10_000).layout()
    baseline = baseline_of([make_summary(coarse, n_passes=4, seed=1, day=day, power=4 * NOISE) for day in range(2)])
    power = np.full(LAYOUT.n_bins, NOISE)
    power[2000:2020] *= 30
    judgement = judged(baseline, LAYOUT, make_rows(LAYOUT, 4, seed=2, day=6, power=power))
    (finding,) = judgement.document["findings"]
    assert finding["center_freq_hz"] == pytest.approx(LAYOUT.freq_hz[2000:2020].mean(), abs=10_000)
    assert finding["power_dbfs"] == pytest.approx(10 * np.log10(20 * 29 * NOISE / 1.5), abs=1.5)
    assert judgement.baseline_dbfs is not None
    assert judgement.baseline_dbfs.shape == (LAYOUT.n_bins,)


@pytest.mark.parametrize("rate", [0.0, -1.0, 100.0, float("nan"), float("inf")])
def test_a_rate_that_cannot_be(rate: float) -> None:
    with pytest.raises(ParameterError, match=f"{rate} false alarms a sweep is not above 0 and below 100; try 0.1"):
        make_judge(None, false_alarms_per_sweep=rate)
