"""Findings with what they really are, for the threat score to learn from: planted bugs, and emitters of the town."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline
from benchmarks.detection.campaign import described
from benchmarks.detection.planting import Kind, Plant, plant
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


def outcomes_of(
    seed: int,
    *,
    ranges: tuple[str, ...] = _RANGES,
    baselines: Sequence[int] = _BASELINES,
    sweeps: Sequence[int] = _SWEEPS,
) -> list[Outcome]:
    """Visit one town, with no baseline and with baselines of several lengths.

    Of a visit without bugs all findings are of the town; of the same visit with bugs those that are a bug count, and
    the rest does not: it may be the edge of a strong one.
    """
    scene = town(seed, ranges=ranges)
    known = [make_visit(scene, number, sweeps[0]) for number in range(baselines[-1])]
    learnt = [None, *(_learn(known[:length]) for length in baselines)]
    outcomes: list[Outcome] = []
    for number, passes in enumerate(sweeps, len(known)):
        visit = make_visit(scene, number, passes)
        bugs = plant(scene, seed=number, ladder=functools.partial(_ladder, seed, number))
        with_bugs = planted(visit, bugs)
        for baseline in learnt:
            found = [item for item in _heard(with_bugs, baseline) if _is_one_of(bugs, item)]
            length = 0 if baseline is None else baseline.n_visits
            outcomes += [
                Outcome(town=seed, baseline_visits=length, finding=item, planted=which)
                for which, items in ((False, _heard(visit, baseline)), (True, found))
                for item in items
            ]
    return outcomes


def _is_one_of(bugs: Sequence[Plant], finding: Mapping[str, Any]) -> bool:
    return any(finds(bug, finding["center_freq_hz"]) for bug in bugs)


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
