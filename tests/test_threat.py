"""The threat score: its terms and reasons, and the fit that gave its weights."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.threat import LEVELS, ORDERED, PRIOR, STATED, UNCOMPARED, WEIGHTS, amended, assess, classes_of
from benchmarks.detection.outcomes import Outcome, outcomes_of
from benchmarks.detection.threat import draw, evidence, fit, reliability, report, shift

DOCS = Path(__file__).parents[1] / "docs" / "detection.md"


def finding(**more: Any) -> dict[str, Any]:
    """A new narrowband emitter in a band of no weight."""
    fields = {
        "kind": "new", "center_freq_hz": 120e6, "occupied_bw_hz": 12_000, "duty_cycle": 1.0, "snr_db": 25.0,
        "excess_db": 25.0, "p_value": 1e-9, "confirmed": True, "passes": 5, "signal_type": "continuous narrowband",
        "harmonic_of_hz": None,
    }  # fmt: skip
    return {**fields, **more}


def _terms(table: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    return [(group, name) for group, of in table.items() for name in of]


EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("kind", "no baseline"): {},
    ("kind", "raised"): {"kind": "raised"},
    ("kind", "changed"): {"kind": "changed"},
    ("kind", "new"): {},
    ("shape", "under 6 kHz"): {"occupied_bw_hz": 3e3},
    ("shape", "6 to 30 kHz"): {},
    ("shape", "30 to 250 kHz"): {"occupied_bw_hz": 130e3},
    ("shape", "over 250 kHz"): {"occupied_bw_hz": 2e6},
    ("shape", "hopper"): {"occupied_bw_hz": 2e6, "signal_type": "frequency hopper, 12 channels heard"},
    ("time", "under 10 %"): {"duty_cycle": 0.01},
    ("time", "10 to 90 %"): {"duty_cycle": 0.5},
    ("time", "over 90 %"): {},
    ("persistence", "not confirmed"): {"confirmed": False},
    ("persistence", "too few passes"): {"confirmed": False, "passes": 2},
    ("persistence", "confirmed"): {},
    ("level", "under 5 dB"): {"snr_db": -3.0},
    ("level", "5 to 10 dB"): {"snr_db": 7.0},
    ("level", "10 to 20 dB"): {"snr_db": 15.0},
    ("level", "over 20 dB"): {},
    ("chance", "over 0.1"): {"p_value": 0.5},
    ("chance", "0.001 to 0.1"): {"p_value": 0.01},
    ("chance", "1e-6 to 0.001"): {"p_value": 1e-4},
    ("chance", "under 1e-6"): {},
}
"""For each term a finding that has it."""


TERMS = [(compared, *term) for compared, table in ((True, WEIGHTS), (False, UNCOMPARED)) for term in _terms(table)]


@pytest.mark.parametrize(("compared", "group", "name"), TERMS)
def test_each_term_is_said_with_its_weight(compared: bool, group: str, name: str) -> None:
    one = finding(**EXAMPLES[group, name])
    classes = classes_of(one, compared=compared)
    assert classes[group] == name
    reasons = assess(one, compared=compared)["reasons"]
    weights = WEIGHTS if compared else UNCOMPARED
    others = [weights[other][of] for other, of in classes.items()]
    assert [float(reason.split()[0]) for reason in reasons] == [*others, 0.0, PRIOR]  # 0.0: aeronautical voice
    assert all(len(reason.split()) > 2 for reason in reasons)


@given(
    kind=st.sampled_from(["new", "raised", "changed", "missing"]),
    width_hz=st.floats(0, 1e7),
    duty=st.one_of(st.none(), st.floats(0, 1)),
    snr_db=st.one_of(st.none(), st.floats(-20, 80)),
    confirmed=st.booleans(),
    compared=st.booleans(),
    freq_hz=st.floats(24e6, 1766e6),
)
@settings(deadline=None, max_examples=60)
def test_a_threat_is_the_sum_of_its_reasons(compared: bool, width_hz: float, duty: float | None, **more: Any) -> None:
    one = finding(occupied_bw_hz=width_hz, duty_cycle=duty, center_freq_hz=more.pop("freq_hz"), **more)
    threat = assess(one, compared=compared)
    assert threat["score"] == pytest.approx(sum(float(reason.split()[0]) for reason in threat["reasons"]))


def test_what_was_not_measured_says_nothing() -> None:
    bare = finding(kind="raised", duty_cycle=None, snr_db=None, p_value=None, excess_db=None)
    assert set(classes_of(bare, compared=True)) == {"kind", "shape", "persistence"}
    assert "None" not in json.dumps(assess(bare, compared=True))


def test_what_is_missing_is_weighed_by_that_alone() -> None:
    gone = assess(finding(kind="missing", duty_cycle=None, snr_db=None, p_value=None), compared=True)
    assert gone["score"] == STATED["missing"] + PRIOR
    assert gone["level"] == "info"


def test_a_harmonic_says_of_what() -> None:
    reasons = assess(finding(harmonic_of_hz=60_000_000), compared=True)["reasons"]
    assert "-0.5 at a harmonic of a strong emitter at 60 MHz: may come from that" in reasons


def test_terms_add_up() -> None:
    threat = assess(finding(), compared=True)
    more = amended(amended(threat, [(0.5, "one")]), [(-0.2, "two"), (0.1, "three")])
    assert more["score"] == pytest.approx(threat["score"] + 0.4)
    assert more["reasons"] == [*threat["reasons"], "+0.5 one", "-0.2 two", "+0.1 three"]
    assert amended(threat, [(9.0, "much")], level="info")["level"] == "info"


@given(score=st.floats(-20, 20).map(lambda value: round(value, 2)))
@settings(deadline=None, max_examples=40)
def test_a_level_is_what_the_odds_are(score: float) -> None:
    level = amended({"score": score, "reasons": []}, [])["level"]
    odds = np.exp(score)
    assert (level == "high") == (odds >= 1)
    assert (level in {"high", "medium"}) == (odds > 0.246)
    assert (level == "info") == (odds < 0.055)
    assert [name for _, name in LEVELS] == ["high", "medium", "low"]


@given(
    snr_db=st.lists(st.floats(-20, 60), min_size=2, max_size=2).map(sorted),
    p_value=st.lists(st.floats(1e-12, 1), min_size=2, max_size=2).map(sorted),
    confirmed=st.sampled_from([(False, False), (False, True), (True, True)]),
    kinds=st.sampled_from(list(itertools.combinations_with_replacement(("changed", "raised", "new"), 2))),
    width_hz=st.floats(0, 1e7),
)
@settings(deadline=None, max_examples=60)
def test_more_of_a_device_never_scores_lower(
    snr_db: list[float], p_value: list[float], confirmed: tuple[bool, bool], kinds: tuple[str, str], width_hz: float
) -> None:
    """Stronger, less likely by chance, confirmed, new: in each the weights rise."""
    more = {"occupied_bw_hz": width_hz}
    less, most = (
        assess(
            finding(**more, snr_db=snr_db[at], p_value=p_value[1 - at], confirmed=confirmed[at], kind=kinds[at]),
            compared=True,
        )
        for at in (0, 1)
    )
    assert most["score"] >= less["score"]


def test_ordered_groups_rise() -> None:
    for table in (WEIGHTS, UNCOMPARED):
        for group in ORDERED:
            assert list(table[group].values()) == sorted(table[group].values())


KNOWN = {
    "shape": {"narrow": (0.6, 0.2), "wide": (0.3, 0.3), "block": (0.1, 0.5)},
    "time": {"rare": (0.1, 0.5), "often": (0.9, 0.5)},
    "level": {"weak": (0.2, 0.6), "middle": (0.4, 0.3), "strong": (0.4, 0.1)},
}
"""Chance of each class for a device and for an emitter of the town."""


def drawn(n_findings: int, seed: int) -> tuple[list[dict[str, str]], np.ndarray]:
    rng = np.random.default_rng(seed)
    planted = rng.random(n_findings) < 0.3
    classes = [
        {group: str(rng.choice(list(of), p=[p[0 if bug else 1] for p in of.values()])) for group, of in KNOWN.items()}
        for bug in planted
    ]
    return classes, planted


TABLE = {group: dict.fromkeys(of, 0.0) for group, of in KNOWN.items()}
LLR = {group: {name: float(np.log(p[0] / p[1])) for name, p in of.items()} for group, of in KNOWN.items()}


def test_the_fit_finds_weights_that_are_known() -> None:
    classes, planted = drawn(6000, seed=1)
    fitted = fit(classes, planted, table=TABLE, ordered=frozenset({"level"}))
    for group, of in LLR.items():
        for one, other in itertools.pairwise(of):
            assert fitted[group][other] - fitted[group][one] == pytest.approx(of[other] - of[one], abs=0.25)
    assert evidence(classes, fitted) == pytest.approx(evidence(classes, LLR), abs=0.3)


def test_an_ordered_group_never_falls() -> None:
    classes, planted = drawn(2000, seed=2)
    falling = {**TABLE, "shape": dict.fromkeys(("narrow", "wide", "block"), 0.0)}
    free = fit(classes, planted, table=falling, ordered=frozenset())["shape"]
    held = fit(classes, planted, table=falling, ordered=frozenset({"shape"}))["shape"]
    assert list(free.values()) == sorted(free.values(), reverse=True)
    assert list(held.values()) == pytest.approx([next(iter(held.values()))] * 3, abs=1e-6)


def test_a_shift_makes_as_many_likely_as_there_are() -> None:
    classes, planted = drawn(3000, seed=6)
    nats = evidence(classes, LLR)
    assert shift(nats, planted, float(planted.mean())) == pytest.approx(0.0, abs=0.2)
    assert shift(nats + 2.0, planted, float(planted.mean())) == pytest.approx(-2.0, abs=0.2)


def test_reliability_tells_right_from_overconfident() -> None:
    classes, planted = drawn(6000, seed=3)
    nats = evidence(classes, LLR)
    right, bold = (reliability(scale * nats, planted, float(planted.mean())) for scale in (1, 3))
    assert right.calibration_error < 0.03 < bold.calibration_error
    assert right.brier < bold.brier
    assert sum(one.observed.trials for one in right.bins) == 6000
    assert all(one.observed.low - 0.03 <= one.predicted <= one.observed.high + 0.03 for one in right.bins)


@pytest.mark.parametrize("name", ["curve.svg", "curve.png"])
def test_the_curve_is_drawn_the_same_each_time(name: str, tmp_path: Path) -> None:
    classes, planted = drawn(300, seed=4)
    curves = {"one": reliability(evidence(classes, LLR), planted, 0.3)}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw(curves, tmp_path / folder / name)
    first, second = ((tmp_path / folder / name).read_bytes() for folder in ("a", "b"))
    assert first == second


def test_what_is_planted_in_a_town_is_told_from_what_is_its_own() -> None:
    outcomes = outcomes_of(1, ranges=("424M:436M",), baselines=(1,), sweeps=(1,))
    assert {one.town for one in outcomes} == {1}
    assert {one.baseline_visits for one in outcomes} == {0, 1}
    assert {one.planted for one in outcomes} == {True, False}
    bugs = [one.finding for one in outcomes if one.planted and one.baseline_visits == 1]
    assert all(item["passes"] == 1 and item["kind"] != "missing" for item in bugs)


def test_a_report_fits_on_some_towns_and_checks_on_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    outcomes = [
        Outcome(
            town=int(rng.integers(1, 5)),
            baseline_visits=int(rng.choice([0, 4])),
            finding=finding(snr_db=float(rng.normal(20 if bug else 8, 8)), confirmed=bool(rng.random() < 0.8)),
            planted=bool(bug),
        )
        for bug in rng.random(400) < 0.5
    ]
    text = "\n".join(report(outcomes, [3, 4], tmp_path / "curve.svg"))
    assert "Fitted on towns 1, 2:" in text
    assert "Held against towns 3, 4:" in text
    assert len(re.findall(r"Brier score 0\.\d{3} \(0\.2\d\d for the share of bugs alone\)", text)) == 2
    assert re.search(
        r"^\| level \| over 20 dB \| \+\d\.\d \| \d+ \| \d+ \| [+-]\d\.\d \| \d+ \| \d+ \|$", text, re.MULTILINE
    )
    assert (tmp_path / "curve.svg").stat().st_size > 1000


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    section = DOCS.read_text("utf-8").partition("## Threat score")[2]
    rows = re.findall(r"^\| (\w+) \| ([^|]+?) \| (.+) \|$", section, re.MULTILINE)
    cells = {(group, name): [cell.strip() for cell in rest.split("|")] for group, name, rest in rows}
    for column, table in ((0, WEIGHTS), (3, UNCOMPARED)):
        said = {term: float(of[column]) for term, of in cells.items() if len(of) == 6 and "." in of[column]}
        assert said == {(group, name): table[group][name] for group, name in _terms(table)}
