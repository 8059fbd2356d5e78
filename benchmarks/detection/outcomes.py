"""Findings with what they really are, for the threat score to learn from: planted bugs, and emitters of the town."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline
from benchmarks.detection.campaign import described
from benchmarks.detection.planting import Kind, plant
from benchmarks.detection.towns import town
from benchmarks.detection.truth import finds
from benchmarks.detection.visits import Visit, make_visit, planted

__all__ = ["Outcome", "collect", "outcomes_of"]

_RANGES = ("87M:174M", "380M:470M", "830M:960M")  # where towns are busiest
_BASELINES = (1, 2, 4)
"""Visits of the baselines that each visit is held against: the shorter one is, the more of the town is new to it."""

_SWEEPS = (5, 1, 5, 1, 5, 1)
_BUGS_OF_A_KIND = 4
_LADDER_DB = 45.0
_FALSE_ALARMS = 10.0  # far above the default, for there to be false findings to learn from; each has its p-value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finding, or an unconfirmed emission, and whether it is a planted bug.

    Attributes
    ----------
    town : int
        Seed of the town.
    baseline_visits : int
        0 where nothing was compared.
    finding : mapping
        As in the findings JSON.
    planted : bool
    """

    town: int
    baseline_visits: int
    finding: Mapping[str, Any]
    planted: bool


def collect(seeds: Sequence[int], workers: int) -> list[Outcome]:
    """Visit towns with and without bugs."""
    if workers == 1:
        return [outcome for seed in seeds for outcome in outcomes_of(seed)]
    with ProcessPoolExecutor(workers) as pool:
        return [outcome for outcomes in pool.map(outcomes_of, seeds) for outcome in outcomes]


def outcomes_of(seed: int) -> list[Outcome]:
    """Visit one town, with no baseline and with baselines of several lengths.

    Of a visit without bugs all findings are of the town; of the same visit with bugs those that are a bug count, and
    the rest does not: it may be the edge of a strong one.
    """
    scene = town(seed, ranges=_RANGES)
    known = [make_visit(scene, number, _SWEEPS[0]) for number in range(_BASELINES[-1])]
    baselines = [None, *(_learn(known[:length]) for length in _BASELINES)]
    outcomes: list[Outcome] = []
    for number, sweeps in enumerate(_SWEEPS, len(known)):
        visit = make_visit(scene, number, sweeps)
        bugs = plant(scene, seed=number, ladder=lambda kind, number=number: _ladder(seed, number, kind))
        with_bugs = planted(visit, bugs)
        for baseline in baselines:
            same = {"town": seed, "baseline_visits": 0 if baseline is None else len(baseline.visits)}
            outcomes += [Outcome(finding=item, planted=False, **same) for item in _heard(visit, baseline)]
            outcomes += [
                Outcome(finding=item, planted=True, **same)
                for item in _heard(with_bugs, baseline)
                if any(finds(bug, item["center_freq_hz"]) for bug in bugs)
            ]
    return outcomes


def _learn(visits: Sequence[Visit]) -> Baseline:
    return build_baseline(
        [visit.summary() for visit in visits],
        [described(visit) for visit in visits],
        room="town",
        created="2026-03-20T08:00:00Z",
    )


def _ladder(seed: int, number: int, kind: Kind) -> Sequence[float]:
    """SNRs from never heard to as strong as a device in the room is."""
    rng = np.random.default_rng((seed, number, len(kind.name)))
    low = kind.ladder_db[0]
    steps: list[float] = rng.uniform(low, low + _LADDER_DB, _BUGS_OF_A_KIND).round(1).tolist()
    return steps


def _heard(visit: Visit, baseline: Baseline | None) -> Iterator[Mapping[str, Any]]:
    judgement = make_judge(baseline, false_alarms_per_sweep=_FALSE_ALARMS)(visit.layout, lambda: visit.rows, {})
    for item in (*judgement.document["findings"], *judgement.document["unconfirmed"]):
        if item["kind"] != "missing":
            yield item
