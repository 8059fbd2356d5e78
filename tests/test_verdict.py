"""The rules of docs/verdict.md, one by one: each is what the code does, and the code has no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visits import NOISE, baseline_of, make_rows, make_summary, noise_layout, rows_of, without_hop

from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.witnesses import Witnesses
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED, SweepRow

LAYOUT = noise_layout(20)
STEADY = [300 + 1500 * number for number in range(10)]
DOCS = Path(__file__).parents[1] / "docs" / "verdict.md"

Rows = list[SweepRow]


def spectrum(*falls_db: float) -> np.ndarray:
    """Noise with ten steady emitters 25 dB above it, the first of them so much weaker."""
    power = np.full(LAYOUT.n_bins, NOISE)
    for bin_, fall_db in zip(STEADY, [*falls_db, *[0.0] * (len(STEADY) - len(falls_db))], strict=True):
        power[bin_ : bin_ + 5] += NOISE * 10 ** ((25 - fall_db) / 10)
    return power


@pytest.fixture(scope="module")
def room() -> Baseline:
    rng = np.random.default_rng(4)
    days = [spectrum(*rng.normal(0, 1, len(STEADY))) for _ in range(4)]  # stations differ by a dB from day to day
    return baseline_of(
        [make_summary(LAYOUT, n_passes=4, seed=1, day=day, power=power) for day, power in enumerate(days)]
    )


@pytest.fixture(scope="module")
def quiet() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=4, seed=1, day=day) for day in range(3)])


def noise() -> Rows:
    return make_rows(LAYOUT, 4, seed=2, day=5)


def visit(*falls_db: float) -> Rows:
    return make_rows(LAYOUT, 4, seed=2, day=5, power=spectrum(*falls_db))


def judged(baseline: Baseline | None, rows: Rows, instrument: Mapping[str, Any]) -> Mapping[str, Any]:
    return make_judge(baseline)(LAYOUT, rows_of(rows), instrument).document


def with_flag(rows: Rows, flag: int, n_hops: int) -> Rows:
    flags = np.full(LAYOUT.n_hops, HOP_MEASURED, np.uint8)
    flags[:n_hops] |= flag
    return [replace(row, hop_flags=flags) for row in rows]


def without_hops(rows: Rows, n_hops: int) -> Rows:
    for hop in range(n_hops):
        rows = [without_hop(row, LAYOUT, LAYOUT.n_hops - 1 - hop) for row in rows]
    return rows


def lossy(rows: Rows, n_hops: int) -> Rows:
    dropped = np.where(np.arange(LAYOUT.n_hops) < n_hops, 700, 0).astype(np.int32)
    return [replace(row, hop_dropped_samples=dropped) for row in rows]


def deaf(n_passes: int) -> Rows:
    """The floor falls by 6 dB in the last of ten passes."""

    def fallen(row: SweepRow) -> SweepRow:
        assert row.max_hold is not None
        return replace(row, mean=row.mean - np.int16(600), max_hold=row.max_hold - np.int16(600))

    rows = make_rows(LAYOUT, 10, seed=2, day=5)
    return [*rows[:-n_passes], *map(fallen, rows[-n_passes:])]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a rule of the page says, what is enough for it, and what is not quite; in the room, or where none sends."""

    says: str
    enough: Callable[[], Rows] = visit
    not_quite: Callable[[], Rows] = visit
    enough_of: Mapping[str, Any] = field(default_factory=dict)
    not_quite_of: Mapping[str, Any] = field(default_factory=dict)
    of_noise: bool = False


def lost(share: float) -> Mapping[str, Any]:
    return {"lost": {"share": share, "reason": "it was unplugged"}}


def drifted(ppm: float) -> Mapping[str, Any]:
    return {"drift": {"ppm": ppm, "known_to_ppm": 0.1}}


RULES = (
    Rule(
        says="less than 90 % of the hops were measured",
        enough=lambda: without_hops(visit(), 3),
        not_quite=lambda: without_hops(visit(), 2),
    ),
    Rule(
        says="more than 50 % of the hops were overloaded",
        enough=lambda: with_flag(visit(), HOP_OVERLOADED, 11),
        not_quite=lambda: with_flag(visit(), HOP_OVERLOADED, 10),
    ),
    Rule(
        says="samples were lost in more than 25 % of the dwells",
        enough=lambda: lossy(visit(), 6),
        not_quite=lambda: lossy(visit(), 5),
    ),
    Rule(
        says="more than 10 % of the dwells of all passes were lost to faults",
        enough_of=lost(0.101),
        not_quite_of=lost(0.1),
    ),
    Rule(
        says="in more than 10 % of the dwells the tuner was not locked",
        enough=lambda: with_flag(visit(), HOP_UNLOCKED, 3),
        not_quite=lambda: with_flag(visit(), HOP_UNLOCKED, 2),
    ),
    Rule(
        says="or the noise floor of a hop lay 3 dB or more below",
        enough=lambda: deaf(2),
        not_quite=lambda: deaf(1),
        of_noise=True,
    ),
    Rule(
        says="the crystal surely drifted by 5 ppm or more",
        enough_of=drifted(5.2),
        not_quite_of=drifted(4.9),
    ),
    Rule(
        says="more than half of the room's steady emitters",
        enough=lambda: visit(*[40.0] * 6),
        not_quite=lambda: visit(*[40.0] * 5),
    ),
)
NOTHING = "nothing at all was heard, and there is no baseline"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says[:40])
def test_a_rule_is_what_the_page_says(room: Baseline, quiet: Baseline, rule: Rule) -> None:
    baseline = quiet if rule.of_noise else room
    assert judged(baseline, rule.not_quite(), rule.not_quite_of)["verdict"] == "no_anomaly_detected"
    told = judged(baseline, rule.enough(), rule.enough_of)
    assert told["verdict"] == "inconclusive" and told["reasons"]


def test_the_page_has_these_rules_and_no_other() -> None:
    page = " ".join(DOCS.read_text("utf-8").split())
    _, _, rest = page.partition("5. `inconclusive` where the claim would not be covered:")
    rules, _, _ = rest.partition("6. Otherwise")
    bullets = [bullet for bullet in re.split(r" - (?=[a-z])", rules) if bullet.strip()]
    told = [*(rule.says for rule in RULES), NOTHING]
    for words in told:
        assert sum(words in bullet for bullet in bullets) == 1, words
    assert all(any(words in bullet for words in told) for bullet in bullets)


def test_a_finding_comes_before_what_was_not_covered_and_a_failed_check_before_that(room: Baseline) -> None:
    power = spectrum()
    power[5000:5005] += 300 * NOISE
    rows = without_hops(make_rows(LAYOUT, 4, seed=2, day=5, power=power), 6)
    assert judged(room, rows, {})["verdict"] == "anomalies"
    failed = {"checks": [{"name": "dc", "state": "FAIL", "words": "much"}]}
    assert judged(room, rows, failed)["verdict"] == "inconclusive"


def test_a_baseline_that_does_not_fit_is_no_comparison() -> None:
    far = noise_layout(3, start_hz=800_000_000)
    other = baseline_of([make_summary(far, n_passes=4, seed=1, day=day) for day in range(2)])
    told = judged(other, make_rows(LAYOUT, 4, seed=2, power=spectrum()), {})
    assert told["verdict"] == "inconclusive" and told["findings"]  # it heard the room, and knows nothing of it
    assert told["baseline"] is None and told["witnesses"] is None


def received_nothing(rows: Rows) -> dict[str, Rows]:
    dropped = np.full(LAYOUT.n_hops, 20_000, np.int32)
    return {
        "terminated": noise(),
        "terminated, 10 dB less gain": make_rows(LAYOUT, 4, seed=2, day=5, gain_db=-10),
        "a dead lead lets 20 dB less through": visit(*[20.0] * 10),
        "wrong gain": visit(*[12.0] * 10),
        "all overloaded": with_flag(rows, HOP_OVERLOADED, LAYOUT.n_hops),
        "all dropped": [replace(row, hop_dropped_samples=dropped) for row in rows],
        "never locked": with_flag(rows, HOP_UNLOCKED, LAYOUT.n_hops),
        "nothing came": without_hops(rows, LAYOUT.n_hops),
    }


@pytest.mark.parametrize("name", list(received_nothing(visit())))
def test_a_sweep_that_received_nothing_is_no_quiet_room(room: Baseline, name: str) -> None:
    told = judged(room, received_nothing(visit())[name], {})
    assert told["verdict"] == "inconclusive"
    assert told["reasons"]


def test_without_a_baseline_hearing_nothing_proves_nothing() -> None:
    told = judged(None, make_rows(LAYOUT, 4, seed=2), {})
    assert told["verdict"] == "inconclusive"
    assert any("nothing shows that the antenna was connected" in reason for reason in told["reasons"])
    assert judged(None, visit(), {})["verdict"] == "anomalies"


def test_witnesses_are_counted_and_a_weaker_room_is_said(room: Baseline) -> None:
    (witnesses,) = judged(room, visit(), {})["witnesses"]
    assert witnesses == {"n_known": 10, "n_lost": 0, "fall_db": pytest.approx(0, abs=0.5), "where": None}
    told = judged(room, visit(*[7.5] * 10), {})
    assert told["verdict"] == "no_anomaly_detected"
    (reason,) = told["reasons"]
    assert re.match(r"the 10 steady emitters that the baseline knows came in [78] dB weaker than in its visits", reason)


def test_each_of_several_receivers_has_witnesses_of_its_own(room: Baseline) -> None:
    """The second dongle is deaf, and hears three of the ten."""
    middle = int(LAYOUT.freq_hz[7 * 1500])
    low, high = int(LAYOUT.freq_hz[0]) - 10_000, int(LAYOUT.freq_hz[-1]) + 10_000
    pair = [{"serial": "A", "ranges_hz": [[low, middle]]}, {"serial": "B", "ranges_hz": [[middle, high]]}]
    falls_db = [*[0.0] * 7, *[40.0] * 3]
    told = judged(room, visit(*falls_db), {"receivers": pair})
    assert told["verdict"] == "inconclusive"
    assert [(one["n_known"], one["n_lost"]) for one in told["witnesses"]] == [(7, 0), (3, 3)]
    assert judged(room, visit(*falls_db), {})["verdict"] == "no_anomaly_detected"


@pytest.mark.parametrize(("n_lost", "is_deaf"), [(0, False), (1, True)])
def test_one_witness_is_enough(n_lost: int, is_deaf: bool) -> None:
    assert Witnesses(n_known=1, n_lost=n_lost).is_deaf is is_deaf
    assert not Witnesses(n_known=0, n_lost=0).is_deaf
