"""Visits by two receivers with other crystals and gains, judged against baselines of either arrangement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import noise_layout

from baselines.compatibility import check_compatibility, gain_step_db
from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline, BaselineVisit
from baselines.receivers import borders_hz, parts_of, receiver_at
from baselines.shifts import FrequencyError, Shift, align_gains, displaced_by, measure_shift
from baselines.summary import summarise
from dsp.errors import RecordError
from sweep.look_taking import analyse_look
from sweep.looks import Look, LookRequest
from sweep.model import IqSource, SweepRow
from sweep.sources.options import SourceOptions
from sweep.sources.registry import open_sources
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine

RANGES = ((88_000_000, 107_000_000), (430_000_000, 445_000_000))
BUGS_HZ = (432_300_000, 443_100_000)
SCENE = """
schema = "quietroom.scene/1"
title = "NAME"
seed = 5
start = 2026-03-02T09:00:00Z
ranges = ["88M:107M", "430M:445M"]

[receiver]
ppm = PPM
spur_14_4_dbfs = -68.0

[visits]
gain_spread_db = 2.0
ppm_spread = 0.5

[[emitters]]
name = "fm"
kind = "wfm"
center_freq_hz = [89_300_000, 92_100_000, 95_400_000, 99_700_000, 101_900_000, 104_600_000]
power_dbfs = -36.0
fading_sd_db = 0.3

[[emitters]]
name = "relay"
kind = "nfm"
center_freq_hz = [
    430_512_500, 431_050_000, 431_812_500, 433_025_000, 434_800_000, 435_300_000, 436_125_000, 437_012_500,
    438_250_000, 438_987_500, 439_500_000, 440_150_000, 441_462_500, 442_012_500, 443_725_000, 444_850_000,
]
power_dbfs = -55.0
power_spread_db = 8.0
fading_sd_db = 0.3

[[bugs]]
name = "low"
kind = "nfm"
center_freq_hz = 432_300_000
snr_db = 15.0

[[bugs]]
name = "high"
kind = "nfm"
center_freq_hz = 443_100_000
snr_db = 15.0
"""
ARRANGEMENTS = {"one": (("fast",), (28.0,)), "two": (("fast", "slow"), (28.0, 36.0))}


class Looks:
    """Second looks at a simulated room."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.taken: list[Look] = []

    def look(self, request: LookRequest) -> Look:
        known = next((look for look in self.taken if look.request == request), None)
        if known is None:
            known = analyse_look(self._source.plan, request, self._source.look(request))
            self.taken.append(known)
        return known


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for name, ppm in (("fast", "20.0"), ("slow", "-15.0")):
        (folder / f"{name}.toml").write_text(SCENE.replace("NAME", name).replace("PPM", ppm))
    return folder


@cache
def swept(scenes: Path, arrangement: str, visit: int, bugs: str = "none") -> tuple[IqSource, tuple[SweepRow, ...]]:
    names, gains = ARRANGEMENTS[arrangement]
    source = open_sources(
        [f"sim:{scenes}/{name}.toml?visit={visit}&bugs={bugs}" for name in names],
        [SourceOptions(ranges_hz=RANGES, gain_db=gain) for gain in gains],
    )
    assembler = PassAssembler(source.plan)
    pieces = [piece for block in source.blocks(4) for piece in assembler.take(examine(source.plan, block))]
    return source, tuple(piece for piece in pieces if isinstance(piece, SweepRow))


@cache
def learnt(scenes: Path, arrangements: tuple[str, ...]) -> Baseline:
    summaries, visits = [], []
    for number in range(4):
        source, rows = swept(scenes, arrangements[number % len(arrangements)], number)
        summaries.append(summarise(source.plan.layout(), rows))
        visits.append(
            BaselineVisit(
                record_id=f"visit-{number}",
                last_leaf="",
                start_time=f"2026-03-0{number + 2}T09:00:00Z",
                n_passes=len(rows),
                instrument=asdict(source.instrument),
                plan_digest=source.plan.digest,
                gain_db=source.plan.gain_db,
            )
        )
    return build_baseline(summaries, visits, room="lab", created="2026-03-09T00:00:00Z")


def judged(scenes: Path, baseline: Baseline, arrangement: str, visit: int, bugs: str = "none") -> Mapping[str, Any]:
    source, rows = swept(scenes, arrangement, visit, bugs)
    judge = make_judge(baseline)
    return judge(source.plan.layout(), lambda: rows, asdict(source.instrument), Looks(source)).document


@pytest.mark.parametrize("arrangement", ["one", "two"])
@pytest.mark.parametrize("learnt_with", [("one",), ("two",), ("one", "two")], ids="-".join)
def test_no_false_findings_and_every_bug(scenes: Path, learnt_with: tuple[str, ...], arrangement: str) -> None:
    baseline = learnt(scenes, learnt_with)
    for visit in (7, 8):
        clean = judged(scenes, baseline, arrangement, visit)
        assert (clean["verdict"], clean["findings"]) == ("no_anomaly_detected", []), clean["reasons"]
    told = judged(scenes, baseline, arrangement, 9, "all")
    found_hz = [finding["center_freq_hz"] for finding in told["findings"]]
    assert len(found_hz) == 2, found_hz
    for bug_hz in BUGS_HZ:
        assert min(abs(found - bug_hz) for found in found_hz) < 25e-6 * bug_hz
    if learnt_with == ("one",):
        off = [reason for reason in told["reasons"] if "ppm off the baseline's and were corrected" in reason]
        assert len(off) == (arrangement == "two"), told["reasons"]
        assert all("437.67875 MHz to" in reason for reason in off), "the part of the other one alone"


def test_the_equipment_is_compared_part_by_part(scenes: Path) -> None:
    baseline = learnt(scenes, ("one",))
    source, _ = swept(scenes, "two", 7)
    two = asdict(source.instrument)
    reasons = check_compatibility(baseline, source.plan.layout(), instrument=two).reasons
    assert len(reasons) == 2
    assert all("437.67875 MHz to" in reason for reason in reasons), reasons
    assert reasons[0].startswith("serial SIM-slow differs from the baseline's SIM-fast (")
    assert gain_step_db(baseline, two, None, 431e6) == 0.0
    assert gain_step_db(baseline, two, None, 440e6) is None, "another dongle"
    same = learnt(scenes, ("two",))
    assert check_compatibility(same, source.plan.layout(), instrument=two).verdict == "compatible"
    assert [gain_step_db(same, two, None, freq_hz) for freq_hz in (431e6, 440e6)] == [0.0, 0.0]


# --- parts and shifts -----------------------------------------------------------------------------------------------

LAYOUT = noise_layout(6)
MIDDLE_HZ = float(LAYOUT.freq_hz[3 * 768] - 1250)
PAIR = {
    "receivers": [
        {"serial": "A", "gain_db": 20.0, "ranges_hz": [[0, MIDDLE_HZ]]},
        {"serial": "B", "gain_db": 40.0, "ranges_hz": [[MIDDLE_HZ, 2e9]]},
    ]
}


def carriers(errors_ppm: Sequence[float], seed: int = 1) -> np.ndarray:
    """ln of the power that receivers with these errors show of the same carriers, each in its half."""
    rng = np.random.default_rng(seed)
    shown = np.full(LAYOUT.n_bins, -13.8) + rng.normal(0, 0.05, LAYOUT.n_bins)
    for center_hz in np.arange(LAYOUT.freq_hz[0] + 100e3, LAYOUT.freq_hz[-1], 137e3):
        for half, ppm in enumerate(errors_ppm):
            bins = slice(0, 3 * 768) if half == 0 else slice(3 * 768, None)
            away = (LAYOUT.freq_hz[bins] - center_hz * (1 + ppm * 1e-6)) / 2500
            shown[bins] = np.logaddexp(shown[bins], -8.0 - away**2)
    return shown


def test_one_receiver_is_one_part() -> None:
    (part,) = parts_of(LAYOUT, {"serial": "A"}, ({},))
    assert (part.bins, part.heard, part.begins) == (slice(0, LAYOUT.n_bins), slice(0, LAYOUT.n_bins), "")
    assert borders_hz({"serial": "A"}) == ()


def test_parts_begin_where_either_changes_receivers() -> None:
    assert [part.begins for part in parts_of(LAYOUT, PAIR, ({},))] == ["", "visit"]
    assert [part.begins for part in parts_of(LAYOUT, {}, (PAIR,))] == ["", "other"]
    assert [part.begins for part in parts_of(LAYOUT, PAIR, (PAIR,))] == ["", "both"]
    assert receiver_at(PAIR, MIDDLE_HZ)["serial"] == "B"
    with pytest.raises(RecordError, match="not as a record has them"):
        borders_hz({"receivers": [{"ranges_hz": "all"}]})


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-40, 40), high=st.floats(-40, 40))
def test_each_part_has_its_own_error_and_what_neither_heard_is_not_made_up(low: float, high: float) -> None:
    reference, shown = carriers((0.0, 0.0)), carriers((low, high), seed=2)
    shift = measure_shift(shown, reference, LAYOUT, parts_of(LAYOUT, PAIR))
    for part, truth in zip(shift.parts, (low, high), strict=True):
        assert abs(shift.error.at(part.middle_hz) - truth) < 1.0
    moved = displaced_by(shown[None].astype(np.float32), LAYOUT, shift)[0]
    known = np.isfinite(moved)
    lost_hz = max(0.0, low - high) * 1e-6 * MIDDLE_HZ
    ends_hz = (max(0.0, -low) + max(0.0, high)) * 1e-6 * MIDDLE_HZ
    assert abs(np.count_nonzero(~known) * 2500 - lost_hz - ends_hz) < 4 * 2500
    assert any("were heard by neither" in remark for remark in shift.remarks) == (lost_hz > 1.0 * MIDDLE_HZ * 1e-6) or (
        abs(low - high) < 2
    )
    steady = known & ~shift.stays
    assert np.median(np.abs(moved - reference)[steady]) < 0.3
    assert np.mean(np.abs(moved - reference)[steady] > 3) < 0.01


def test_a_step_of_gain_is_taken_out_at_the_seam() -> None:
    difference = np.where(LAYOUT.freq_hz < MIDDLE_HZ, 0.5, 3.0) + np.random.default_rng(1).normal(0, 0.1, LAYOUT.n_bins)
    quiet = np.ones(LAYOUT.n_bins, bool)
    by_part = difference - align_gains(difference, quiet, LAYOUT, parts_of(LAYOUT, PAIR))
    assert abs(np.median(by_part[3 * 768 - 100 : 3 * 768])) < 0.05 > abs(np.median(by_part[3 * 768 : 3 * 768 + 100]))
    as_one = difference - align_gains(difference, quiet, LAYOUT, parts_of(LAYOUT, {}))
    assert abs(np.median(as_one[3 * 768 - 100 : 3 * 768])) > 0.1, "this test can fail"


def test_what_could_not_be_measured_is_not_moved() -> None:
    quiet = np.random.default_rng(1).normal(-13.8, 0.05, LAYOUT.n_bins)
    shift = measure_shift(quiet, quiet, LAYOUT, parts_of(LAYOUT, PAIR))
    assert shift.error == FrequencyError(starts_hz=(MIDDLE_HZ,), ppm=(None, None))
    assert [len(group) for group in shift.unmeasured] == [1, 1]
    still: Shift = replace(shift, stays=np.ones(LAYOUT.n_bins, bool))
    assert still.error_of(10, 20) == 0.0
    values = quiet[None].astype(np.float32)
    assert displaced_by(values, LAYOUT, still) is values
