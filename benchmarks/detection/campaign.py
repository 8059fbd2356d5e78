"""One town after the other: learn it, visit it with and without bugs, and count what each detector reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline, BaselineVisit
from benchmarks.detection.peers import RULES, PeerBaseline, peer_baseline
from benchmarks.detection.planting import Plant, plant
from benchmarks.detection.towns import DRIFTING, STEADY, town
from benchmarks.detection.truth import CLASSES, Truth, finds
from benchmarks.detection.visits import Visit, make_visit, planted

__all__ = ["KNOBS", "SWEEPS", "Campaign", "Hit", "Quiet", "TownResult", "described", "run"]

SWEEPS = (1, 5)
KNOBS = (0.1, 1.0, 10.0)
"""False alarms a sweep that Quietroom is asked to keep to."""

_TOP_EMITTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """How much is visited.

    Attributes
    ----------
    seen, unseen : tuple of int
        Seeds of the towns that thresholds of peers are taken from, and of those that figures are quoted on.
    baseline_visits, clean_visits : int
        Of each town; a baseline visit has five passes.
    plantings : int
        Times that each clean visit is visited again with bugs in it.
    ranges : tuple of str
        Swept.
    drifting : bool
        Whether gain, slope, frequency and antenna differ between visits.
    """

    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    baseline_visits: int
    clean_visits: int
    plantings: int
    ranges: tuple[str, ...] = ("24M:1766M",)
    drifting: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A report of a visit without a bug: emitters by class for Quietroom, scores by class for a peer."""

    detector: str
    sweeps: int
    counts: Mapping[str, int]
    scores: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A planted bug: whether Quietroom reported it, or the score that a peer gave it."""

    detector: str
    sweeps: int
    kind: str
    snr_db: float
    found: bool
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TownResult:
    """What came of one town."""

    seed: int
    drifting: bool
    quiet: tuple[Quiet, ...]
    hits: tuple[Hit, ...]


def run(campaign: Campaign, workers: int) -> Iterator[TownResult]:
    """Visit all towns, several at once."""
    seeds = (*campaign.seen, *campaign.unseen)
    if workers == 1:
        yield from (visit_town(campaign, seed) for seed in seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(visit_town, [campaign] * len(seeds), seeds)


def visit_town(campaign: Campaign, seed: int) -> TownResult:
    """Learn a town, visit it, and let every detector report."""
    scene = town(seed, DRIFTING if campaign.drifting else STEADY, ranges=campaign.ranges)
    known = [make_visit(scene, number, SWEEPS[-1]) for number in range(campaign.baseline_visits)]
    baseline = build_baseline(
        [visit.summary() for visit in known],
        [described(visit) for visit in known],
        room=f"town-{seed}",
        created="2026-03-20T08:00:00Z",
    )
    truth, peer = Truth(known), peer_baseline(known)
    quiet: list[Quiet] = []
    hits: list[Hit] = []
    for number in range(campaign.baseline_visits, campaign.baseline_visits + campaign.clean_visits):
        visit = make_visit(scene, number, SWEEPS[-1])
        quiet += _quiet(visit, baseline, peer, truth)
        for planting in range(campaign.plantings):
            plants = plant(scene, seed=1000 * planting + number)
            hits += _hits(planted(visit, plants), plants, baseline, peer)
    return TownResult(seed=seed, drifting=campaign.drifting, quiet=tuple(quiet), hits=tuple(hits))


def described(visit: Visit) -> BaselineVisit:
    """Give what a baseline says of a visit."""
    return BaselineVisit(
        record_id=f"visit-{visit.number}",
        last_leaf="",
        start_time=f"2026-03-{2 + visit.number:02d}T08:00:00Z",
        n_passes=len(visit.rows),
        instrument={},
        plan_digest=visit.plan.digest,
        gain_db=visit.plan.gain_db,
    )


def _reported(visit: Visit, baseline: Baseline, knob: float) -> list[Mapping[str, Any]]:
    """Findings of Quietroom; what was heard in the baseline and is missing now is no emitter."""
    judgement = make_judge(baseline, false_alarms_per_sweep=knob)(visit.layout, lambda: visit.rows, {})
    return [finding for finding in judgement.document["findings"] if finding["kind"] != "missing"]


def _quiet(visit: Visit, baseline: Baseline, peer: PeerBaseline, truth: Truth) -> Iterator[Quiet]:
    for sweeps in SWEEPS:
        part = visit.first(sweeps)
        for knob in KNOBS:
            scores: dict[str, list[float]] = {name: [] for name in CLASSES}
            for item in _reported(part, baseline, knob):
                label = truth.label(part, item["center_freq_hz"], item["occupied_bw_hz"])
                scores[label].append(-float(np.log1p(-min(item["p_value"], 1 - 1e-16))))
            counts = {name: len(values) for name, values in scores.items()}
            yield Quiet(detector=f"Quietroom {knob:g}", sweeps=sweeps, counts=counts, scores=scores)
        for name, rule in RULES.items():
            scores = truth.false_emitters(part, rule(part, peer), _TOP_EMITTERS)
            yield Quiet(detector=name, sweeps=sweeps, counts={}, scores=scores)


def _hits(visit: Visit, plants: Sequence[Plant], baseline: Baseline, peer: PeerBaseline) -> Iterator[Hit]:
    freq_hz = visit.layout.freq_hz
    for sweeps in SWEEPS:
        part = visit.first(sweeps)
        scores: dict[str, np.ndarray] = {name: rule(part, peer) for name, rule in RULES.items()}
        found = {knob: _reported(part, baseline, knob) for knob in KNOBS[:2]}
        for item in plants:
            same = {"sweeps": sweeps, "kind": item.kind.name, "snr_db": item.snr_db}
            for knob, findings in found.items():
                hit = any(finds(item, finding["center_freq_hz"]) for finding in findings)
                yield Hit(detector=f"Quietroom {knob:g}", found=hit, score=0.0, **same)
            low, high = np.searchsorted(freq_hz, item.band_hz)
            for name, score in scores.items():
                yield Hit(detector=name, found=False, score=float(score[low:high].max()), **same)
