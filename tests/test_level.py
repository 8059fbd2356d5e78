"""A noise floor that rose: when it is a gain, and when it is a transmitter of noise in the room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of

from baselines.compatibility import gain_step_db
from baselines.judge import make_judge
from baselines.model import Baseline
from sweep.plan import Layout, plan_hops

GAINS_DB = (0.5, -1.5, 2.0)  # of the visits of the baseline
NOT_ALIGNED = "the noise floor rose by {} dB, which no gain explains; it was not aligned"


def emitters(layout: Layout, n_emitters: int) -> np.ndarray:
    """Power in each bin of narrow emitters 15 to 40 dB over the noise."""
    rng = np.random.default_rng(1)
    power = np.zeros(layout.n_bins)
    for start in rng.integers(50, layout.n_bins - 50, n_emitters):
        power[start : start + 6] += NOISE * 10 ** rng.uniform(1.5, 4)
    return power


@cache
def baseline(layout: Layout, n_emitters: int, n_visits: int = 3) -> Baseline:
    power = NOISE + emitters(layout, n_emitters)
    return baseline_of([
        make_summary(layout, n_passes=5, seed=1, day=day, power=power, gain_db=gain)
        for day, gain in enumerate(GAINS_DB[:n_visits])
    ])  # fmt: skip


def judged(
    layout: Layout,
    n_emitters: int,
    *,
    noise_db: np.ndarray | float = 0.0,
    gain_db: float = 0.0,
    setting_db: float = 28.0,
    serial: str = "1",
    noisy: Sequence[int] = range(5),
    n_visits: int = 3,
) -> Mapping[str, Any]:
    """Judgement of a visit in some passes of which the noise in each bin is so much stronger."""
    stations = emitters(layout, n_emitters)
    loud = make_rows(layout, 5, seed=2, day=9, power=NOISE * 10 ** (noise_db / 10) + stations, gain_db=gain_db)
    calm = make_rows(layout, 5, seed=2, day=9, power=NOISE + stations, gain_db=gain_db)
    setting = np.full(layout.n_hops, setting_db, np.float32)
    rows = [replace((loud if n in noisy else calm)[n], hop_gain_db=setting) for n in range(5)]
    judge = make_judge(baseline(layout, n_emitters, n_visits))
    return judge(layout, rows_of(rows), {"driver": "test", "serial": serial}).document


SEVEN, MANY = noise_layout(7), noise_layout(36)


def covered_hz(document: Mapping[str, Any]) -> float:
    return sum(finding["occupied_bw_hz"] for finding in document["findings"])


@pytest.mark.parametrize("layout", [noise_layout(1), SEVEN, MANY], ids=["camped", "7 hops", "36 hops"])
@pytest.mark.parametrize("n_emitters", [0, 20])
def test_noise_over_every_hop_is_found(layout: Layout, n_emitters: int) -> None:
    """It lifts every quiet bin, as a gain does."""
    if layout.n_hops == 1:
        n_emitters //= 4
    result = judged(layout, n_emitters, noise_db=12.0)
    assert result["verdict"] == "anomalies"
    assert any(reason.startswith("the noise floor rose by 1") for reason in result["reasons"])
    assert covered_hz(result) > 0.6 * layout.n_hops * 1.92e6
    widest = max(result["findings"], key=lambda finding: finding["occupied_bw_hz"])
    assert widest["confirmed"]
    if not n_emitters:
        assert widest["excess_db"] == pytest.approx(12, abs=2)  # to one of three visits whose gains differ by 3.5 dB


def test_noise_over_a_wide_band_is_found() -> None:
    """A baseline of one visit of one pass, to be quick."""
    layout = plan_hops(((24_000_000, 900_000_000),)).layout()
    known = baseline_of([make_summary(layout, n_passes=1, seed=1)])
    rows = make_rows(layout, 1, seed=2, day=9, power=16 * NOISE)
    result = make_judge(known)(layout, rows_of(rows), {"driver": "test", "serial": "1"}).document
    assert result["verdict"] == "anomalies"
    assert NOT_ALIGNED.format(12) in result["reasons"]
    assert covered_hz(result) > 0.9 * 876e6


@pytest.mark.parametrize("layout", [SEVEN, MANY], ids=["7 hops", "36 hops"])
def test_a_gain_is_none(layout: Layout) -> None:
    """A few decibels say nothing; more is said, for known emitters rose as well."""
    few = judged(layout, 20, gain_db=5.0)
    assert (few["verdict"], few["findings"], few["reasons"]) == ("no_anomaly_detected", [], [])
    more = judged(layout, 20, gain_db=12.0)
    assert (more["verdict"], more["findings"]) == ("no_anomaly_detected", [])
    (reason,) = more["reasons"]
    assert reason.startswith("levels rose by 12 dB at the same gain setting, those of known emitters too")


def test_another_gain_setting_explains_a_rise() -> None:
    result = judged(MANY, 20, gain_db=12.0, setting_db=40.0)
    assert result["findings"] == []
    assert result["reasons"] == ["gain 40 dB differs from the baseline's 28 dB; levels were aligned"]
    lower = judged(MANY, 20, gain_db=-8.0, setting_db=20.0)
    assert lower["findings"] == []
    both = judged(MANY, 20, gain_db=5.0, noise_db=12.0, setting_db=33.0)
    assert both["verdict"] == "anomalies"


def test_another_dongle_may_be_noisier_and_that_is_said() -> None:
    for noise_db, verdict in ((8.0, "no_anomaly_detected"), (12.0, "inconclusive")):  # 10 dB deafer is too deaf
        result = judged(MANY, 20, noise_db=noise_db, serial="2")
        assert (result["verdict"], result["findings"]) == (verdict, [])
        rose = f"levels rose by {noise_db:.0f} dB, and the gain is not known to be the same; they were aligned"
        assert rose in result["reasons"]


def test_noise_over_a_part_of_the_hops_is_found() -> None:
    for layout, hops in ((SEVEN, (2, 5)), (MANY, (10, 22))):
        noise_db = np.zeros(layout.n_bins)
        noise_db[hops[0] * 768 : hops[1] * 768] = 12.0
        result = judged(layout, 10, noise_db=noise_db)
        assert result["verdict"] == "anomalies"
        widest = max(result["findings"], key=lambda finding: finding["occupied_bw_hz"])
        assert layout.freq_hz[hops[0] * 768] < widest["center_freq_hz"] < layout.freq_hz[hops[1] * 768]


def test_noise_in_two_sweeps_of_five_is_said_and_not_confirmed() -> None:
    result = judged(SEVEN, 0, noise_db=12.0, noisy=(1, 3))
    assert any(reason.startswith("the noise floor rose by 1") for reason in result["reasons"])
    assert covered_hz({"findings": result["unconfirmed"]}) > 0.9 * 7 * 1.92e6


def test_a_baseline_keeps_the_levels_of_its_visits() -> None:
    levels = np.array([visit.level_db for visit in baseline(SEVEN, 20).visits])
    assert np.diff(levels) == pytest.approx(np.diff(GAINS_DB), abs=0.05)


def test_a_gain_step_is_known_of_the_same_equipment_only() -> None:
    known = baseline(SEVEN, 20)
    assert gain_step_db(known, {"serial": "1"}, 33.0) == 5.0
    assert gain_step_db(known, {}, 28.0) == 0.0
    assert gain_step_db(known, {"serial": "2"}, 28.0) is None
    assert gain_step_db(known, {}, None) is None
    unknown = replace(known, visits=(*known.visits[:2], replace(known.visits[2], gain_db=None)))
    assert gain_step_db(unknown, {}, 28.0) is None
