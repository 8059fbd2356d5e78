"""What rows say of the receiver, in the verdict: lowered gains, deaf hops, lost dwells, failed checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import same_rows
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of

from baselines import aligned
from baselines.fallen import fallen_hops
from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.referral import Referral
from sweep.health.losses import judged_instrument
from sweep.model import FILL, HOP_MEASURED, HOP_UNLOCKED, HopGap, SweepRow

LAYOUT = noise_layout(10)
INSTRUMENT: dict[str, Any] = {"driver": "test", "serial": "1", "gain_db": 28.0}
LOWERED, STEP_DB, LIFTED_DB = 4, 11.4, 4.5


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=day) for day in range(2)])


def document(baseline: Baseline, rows: list[SweepRow], **instrument: Any) -> Mapping[str, Any]:
    return make_judge(baseline)(LAYOUT, rows_of(rows), {**INSTRUMENT, **instrument}).document


def lowered_rows(emitter_db: float | None = None) -> list[SweepRow]:
    """One hop at a lower gain, below which the converter's noise shows."""
    power = np.full(LAYOUT.n_bins, NOISE)
    where = LAYOUT.hop_slice(LOWERED)
    power[where] *= 10 ** ((LIFTED_DB - STEP_DB) / 10)
    if emitter_db is not None:
        power[where.start + 200 : where.start + 205] = NOISE * 10 ** ((emitter_db - STEP_DB) / 10)
    gains = np.full(LAYOUT.n_hops, 28, np.float32)
    gains[LOWERED] = 28 - STEP_DB
    return [replace(row, hop_gain_db=gains) for row in make_rows(LAYOUT, 4, seed=2, day=5, power=power)]


def test_a_lower_gain_is_no_anomaly_and_hides_no_strong_emitter(
    quiet: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = document(quiet, lowered_rows())
    assert (result["verdict"], result["findings"]) == ("no_anomaly_detected", [])
    result = document(quiet, lowered_rows(emitter_db=25))
    assert result["verdict"] == "anomalies"
    (finding,) = result["findings"]
    noise_dbfs = 10 * np.log10(NOISE)
    assert finding["power_dbfs"] == pytest.approx(noise_dbfs + 25 + 10 * np.log10(5 / LAYOUT.enbw_bins), abs=1.5)
    monkeypatch.setattr(aligned, "_lift_apart", lambda *_: None)
    assert document(quiet, lowered_rows())["findings"], "without a curve of its own the noise of the hop stands out"


@given(steps_db=st.lists(st.sampled_from([0.0, 10.0, 20.0]), min_size=2, max_size=2), with_hole=st.booleans())
@settings(deadline=None, max_examples=12)
def test_referring_moves_levels_by_the_step_and_nothing_else(steps_db: Sequence[float], with_hole: bool) -> None:
    layout = noise_layout(2)
    (row,) = make_rows(layout, 1, seed=3)
    if with_hole:
        row.mean[5] = FILL
    gains = (28 - np.array(steps_db)).astype(np.float32)
    row = replace(row, hop_gain_db=gains)
    before = row.mean.copy()
    referral = Referral(layout, {"gain_db": 28.0})
    (moved,) = referral.of(lambda: [row])()
    assert np.array_equal(row.mean, before)
    assert np.array_equal(referral.lowered, np.array(steps_db) > 0)
    if not any(steps_db):
        assert moved is row
    for hop, step_db in enumerate(steps_db):
        where = layout.hop_slice(hop)
        known = row.mean[where] != FILL
        assert np.array_equal(moved.mean[where][known], row.mean[where][known] + round(100 * step_db))
        assert np.all(moved.mean[where][~known] == FILL)
    (same,) = Referral(layout, {}).of(lambda: [row])()
    assert same_rows(same, row)


def test_a_receiver_that_goes_deaf_makes_a_quiet_sweep_inconclusive(quiet: Baseline) -> None:
    rows = make_rows(LAYOUT, 4, seed=2, day=5)
    deaf = [*rows[:2], *(fallen(row, range(10)) for row in rows[2:])]
    result = document(quiet, deaf)
    assert result["verdict"] == "inconclusive"
    assert any("went deaf there; check antenna" in reason and "50 %" in reason for reason in result["reasons"])
    little = [*rows[:3], fallen(rows[3], range(2))]
    result = document(quiet, little)
    assert result["verdict"] == "no_anomaly_detected"
    assert any("in 5 % of the dwells" in reason for reason in result["reasons"])
    assert not any("deaf" in reason for reason in document(quiet, rows)["reasons"])


def test_a_pass_in_which_the_antenna_came_off_accuses_nobody(quiet: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    """What still heard the room stands over one gain for all hops, those that were swept before and in that pass."""
    result = document(quiet, came_off())
    assert (result["verdict"], result["findings"]) == ("inconclusive", [])
    monkeypatch.setattr(aligned, "fallen_hops", lambda floors: np.zeros(floors.shape, bool))
    assert document(quiet, came_off())["findings"]


@pytest.mark.parametrize("hop", [0, 7], ids=["before it came off", "after it"])
def test_an_emitter_is_found_though_the_floor_fell(quiet: Baseline, hop: int) -> None:
    power = np.full(LAYOUT.n_bins, NOISE)
    where = slice(LAYOUT.hop_slice(hop).start + 200, LAYOUT.hop_slice(hop).start + 205)
    power[where] *= 100
    result = document(quiet, came_off(power))
    (finding,) = result["findings"]
    assert result["verdict"] == "anomalies"
    assert abs(finding["center_freq_hz"] - LAYOUT.freq_hz[where.start + 2]) < 5000


def test_a_wide_emitter_that_goes_off_is_no_hop_that_fell(quiet: Baseline) -> None:
    power = np.full(LAYOUT.n_bins, NOISE)
    power[LAYOUT.hop_slice(4)] *= 10
    with_it = make_rows(LAYOUT, 3, seed=2, day=5, power=power)
    result = document(quiet, [*with_it, *make_rows(LAYOUT, 5, seed=2, day=5)[3:]])
    (finding,) = result["findings"]
    assert result["verdict"] == "anomalies"
    assert LAYOUT.freq_hz[LAYOUT.hop_slice(4)][[0, -1]] == pytest.approx(
        finding["center_freq_hz"] + np.array([-0.5, 0.5]) * finding["occupied_bw_hz"], abs=50_000
    )


def came_off(power: np.ndarray | float = NOISE) -> list[SweepRow]:
    """The floor falls by 6 dB after the first hop of the third of five passes."""
    rows = make_rows(LAYOUT, 5, seed=2, day=5, power=power)
    return [*rows[:2], fallen(rows[2], range(1, 10)), *(fallen(row, range(10)) for row in rows[3:])]


@given(
    floors=st.lists(st.lists(st.floats(-0.1, 0.1), min_size=6, max_size=6), min_size=2, max_size=5),
    first=st.integers(0, 6),
    emitter=st.tuples(st.integers(0, 5), st.integers(0, 4)),
    gain=st.floats(-5, 5),
)
@settings(deadline=None, max_examples=60)
def test_only_what_fell_has_fallen(
    floors: list[list[float]], first: int, emitter: tuple[int, int], gain: float
) -> None:
    """In the last group some hops are deaf; a wide emitter comes and goes with the groups before."""
    levels = np.array(floors)
    levels[-1, first:] -= 1.4
    kept = set(range(first))
    if emitter[1] < len(levels) - 1:
        levels[emitter[1], emitter[0]] += 3.0
        kept.discard(emitter[0])  # it fell too, and is no lower than a hop that never had an emitter
    expected = np.zeros(levels.shape, bool)
    expected[-1, first:] = bool(kept)
    assert np.array_equal(fallen_hops(levels + gain), expected)


def fallen(row: SweepRow, hops: Sequence[int]) -> SweepRow:
    assert row.max_hold is not None
    mean, largest = row.mean.copy(), row.max_hold.copy()
    for levels in (mean, largest):
        for hop in hops:
            levels[LAYOUT.hop_slice(hop)] -= 600
    return replace(row, mean=mean, max_hold=largest)


def test_unlocked_lossy_and_lost_dwells(quiet: Baseline) -> None:
    rows = make_rows(LAYOUT, 4, seed=2, day=5)
    unlocked = np.full(LAYOUT.n_hops, HOP_MEASURED, np.uint8)
    unlocked[:3] |= HOP_UNLOCKED
    result = document(quiet, [replace(row, hop_flags=unlocked) for row in rows])
    assert result["verdict"] == "inconclusive"
    assert "the tuner was not locked in 30 % of the dwells" in result["reasons"]
    lossy = np.array([700] * 3 + [0] * 7, np.int32)
    result = document(quiet, [replace(row, hop_dropped_samples=lossy) for row in rows])
    assert result["verdict"] == "inconclusive"
    for share, verdict in ((0.09, "no_anomaly_detected"), (0.2, "inconclusive")):
        result = document(quiet, rows, lost={"share": share, "reason": "it was unplugged"})
        assert result["verdict"] == verdict
        assert result["reasons"] == [f"{100 * share:.0f} % of the dwells were lost: it was unplugged"]


def test_a_failed_check_outweighs_what_was_heard(quiet: Baseline) -> None:
    power = np.full(LAYOUT.n_bins, NOISE)
    power[900:905] *= 300
    rows = make_rows(LAYOUT, 4, seed=2, day=5, power=power)
    assert document(quiet, rows)["verdict"] == "anomalies"
    failed = {"name": "image", "state": "FAIL", "words": "10 dB below what makes it"}
    result = document(quiet, rows, checks=[{"name": "dc", "state": "WARN", "words": "much"}, failed])
    assert (result["verdict"], len(result["findings"])) == ("inconclusive", 1)
    assert result["reasons"][0] == "the receiver failed its check (image): 10 dB below what makes it"
    assert "take it for real until" in result["reasons"][-1]
    pair = [{"serial": "A", "checks": [failed]}]
    assert document(quiet, rows, receivers=[])["verdict"] == "anomalies"
    told = judged_instrument({"instrument": {"receivers": pair}}, [], 10, 4)
    assert told["receivers"] == pair


def test_a_stop_by_the_user_is_no_loss() -> None:
    def gap(pass_index: int, hop_index: int | None, reason: str) -> HopGap:
        return HopGap(pass_index=pass_index, hop_index=hop_index, utc_ns=0, monotonic_ns=0, reason=reason)

    assert judged_instrument({}, [gap(2, None, "stopped by the user at hop 3 of 5")], 5, 3)["lost"] is None
    gaps = [gap(0, 1, "unplugged"), gap(0, 1, "again"), gap(1, None, "given up"), gap(1, 0, "before")]
    assert judged_instrument({}, gaps, 5, 4)["lost"] == {"share": 0.3, "reason": "unplugged"}
