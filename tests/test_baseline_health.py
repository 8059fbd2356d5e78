"""Ageing baselines: extending them with new visits, and how far they can be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from visits import baseline_of, make_summary, noise_layout, visit_of

from baselines.health import check_health
from baselines.model import Baseline, BaselineVisit
from baselines.store import BaselineStore
from dsp.errors import RecordError
from sweep.cli.baseline_words import visits_of
from sweep.cli.main import main
from sweep.units import parse_utc
from sweep.workspace import Workspace

NOW_NS = parse_utc("2026-11-23T12:00:00Z")
LAYOUT = noise_layout(1)
RANGE = ("--range", "434M:435M", "--passes", "3")


@pytest.fixture(scope="module")
def learnt() -> Baseline:
    return baseline_of([make_summary(LAYOUT, n_passes=3, seed=seed) for seed in (1, 2)])


def of(learnt: Baseline, *visits: BaselineVisit) -> Baseline:
    return replace(learnt, visits=visits)


def test_a_good_one(learnt: Baseline) -> None:
    health = check_health(of(learnt, visit_of(10), visit_of(20)), utc_ns=NOW_NS)
    assert (health.verdict, health.reasons) == ("good", ())
    assert (health.n_visits, health.n_passes) == (2, 10)
    assert health.age_days == pytest.approx(2.12, abs=0.01)
    assert (health.measured_share, health.overloaded_share) == (None, None)


@pytest.mark.parametrize(
    ("visits", "verdict", "reason"),
    [
        ([{}], "poor", "the baseline is of one visit only"),
        ([{}, {"start_time": "2026-11-11T16:00:00Z"}], "fair", "all 2 visits of the baseline are of one day"),
        ([{"start_time": "2026-05-01T09:00:00Z"}, {"start_time": "2026-05-09T09:00:00Z"}], "fair", "198 days old"),
        ([{"start_time": "2025-05-01T09:00:00Z"}, {"start_time": "2025-05-09T09:00:00Z"}], "poor", "563 days old"),
        (
            [{}, {"n_passes": 1, "start_time": "2026-11-15T09:00:00Z"}],
            "fair",
            "a visit of the baseline has 1 pass only",
        ),
        (
            [{}, {"instrument": {"serial": "7"}, "start_time": "2026-11-15T09:00:00Z"}],
            "fair",
            "made with different dongles (1, 7)",
        ),
        (
            [
                {"overloaded_share": 0.5, "measured_share": 1.0},
                {"overloaded_share": 0.0, "measured_share": 1.0, "start_time": "2026-11-15T09:00:00Z"},
            ],
            "poor",
            "25 % of the baseline's hops were overloaded",
        ),
        (
            [
                {"overloaded_share": 0.0, "measured_share": 0.9},
                {"overloaded_share": 0.0, "measured_share": 1.0, "start_time": "2026-11-15T09:00:00Z"},
            ],
            "fair",
            "5 % of the baseline's hops were not measured",
        ),
    ],
)
def test_what_is_held_against_it(learnt: Baseline, visits: list[dict[str, Any]], verdict: str, reason: str) -> None:
    made = [visit_of(10, **{**visit, "record_id": f"visit-{number}"}) for number, visit in enumerate(visits)]
    health = check_health(of(learnt, *made), utc_ns=NOW_NS)
    assert health.verdict == verdict
    assert len(health.reasons) == 1
    assert reason in health.reasons[0]


def test_a_baseline_of_before_there_was_health_is_read(learnt: Baseline, tmp_path: Path) -> None:
    store = BaselineStore(tmp_path / "lab")
    store.save(learnt)
    assert store.load().parent is None
    assert store.load().visits[0].measured_share is None


class Job:
    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.create(root)

    def code(self, *words: str) -> int:
        return main(["--workspace", str(self.workspace.root), *words])

    def run(self, *words: str) -> Any:
        result = self.workspace.root / "result.json"
        result.unlink(missing_ok=True)
        assert self.code(*words, "--json", str(result)) in (0, 3)
        return json.loads(result.read_text(encoding="utf-8"))

    def sweep(self, visit: int) -> str:
        source = f"sim:meeting-room?visit={visit}"
        return str(self.run("sweep", "lab", "--source", source, *RANGE, "--baseline", "none")["record"])


def test_extending_with_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(tmp_path)
    records = [job.sweep(visit) for visit in range(4)]
    first = job.run("baseline", "learn", "lab", records[0])
    assert first["parent"] is None
    assert (first["health"]["verdict"], first["visits"][0]["overloaded_share"]) == ("poor", 0.0)
    capsys.readouterr()
    judged = job.run("compare", records[3])
    assert "the baseline is of one visit only" in " ".join(capsys.readouterr().out.split())
    assert any("one visit only" in reason for reason in judged["reasons"])
    second = job.run("baseline", "learn", "lab", records[1], "--extend")
    third = job.run("baseline", "learn", "lab", records[2], "--extend", first["id"])
    assert (second["parent"], third["parent"]) == (first["id"], first["id"])
    assert [visit["record_id"] for visit in third["visits"]] == [Path(records[0]).stem, Path(records[2]).stem]
    relearnt = job.run("baseline", "learn", "lab", records[0], records[1])
    (again,) = (item for item in job.run("baseline", "list", "lab")["baselines"] if item["id"] == relearnt["id"])
    assert again["n_visits"] == second["n_visits"] == 2
    verdicts = [job.run("compare", records[3], "--baseline", item["id"]) for item in (second, relearnt)]
    assert verdicts[0]["findings"] == verdicts[1]["findings"]
    capsys.readouterr()
    assert job.code("baseline", "show", "lab", second["id"]) == 0
    shown = capsys.readouterr().out
    assert f"extends  {first['id']}" in shown
    assert "health   " in shown
    assert "days old" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 100
    assert job.code("baseline", "list", "lab") == 0
    header, *versions = capsys.readouterr().out.splitlines()
    assert "health  latest sweep" in header
    assert all(" poor " in line or " fair " in line for line in versions)
    assert max(map(len, versions)) <= 100
    assert job.code("baseline", "learn", "lab", records[0], "--extend", first["id"]) == 2
    assert "the same record was given twice" in capsys.readouterr().err
    gone = Path(records[0])
    gone.rename(tmp_path / "elsewhere.h5")
    assert job.code("baseline", "learn", "lab", records[3], "--extend", first["id"]) == 2
    said = capsys.readouterr().err
    assert f"baseline {first['id']} cannot be extended: {gone.stem}, which it was learnt from, is not in" in said
    assert said.count("\n") == 1
    with gone.open("wb") as file:
        file.write(Path(records[3]).read_bytes())
    assert job.code("baseline", "learn", "lab", records[3], "--extend", first["id"]) == 2
    assert "cannot be extended" in capsys.readouterr().err
    assert len(job.run("baseline", "list", "lab")["baselines"]) == 4


def test_a_record_that_is_not_the_one_learnt_from_is_refused(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.run("baseline", "learn", "lab", job.sweep(0))
    baseline = BaselineStore(job.workspace.room("lab")).load()
    (path,) = visits_of(baseline, job.workspace)
    assert path.stem == baseline.visits[0].record_id
    other = replace(baseline, visits=(replace(baseline.visits[0], last_leaf="ff" * 32),))
    with pytest.raises(RecordError, match=r"is not the record that baseline .* was learnt from; put that one back"):
        visits_of(other, job.workspace)


def test_age_counts_up_to_the_sweep_not_to_today(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.run("baseline", "learn", "lab", job.sweep(0), job.sweep(2))
    for visit, old in ((10, False), (300, True)):
        reasons = job.run("compare", job.sweep(visit))["reasons"]
        assert any("days old" in reason for reason in reasons) == old
