"""Injection held against the air: emitters put into the summary of a visit, and into its samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from baselines.compatibility import no_step
from baselines.heard import floor_of
from baselines.injection.attempt import try_sweep
from baselines.injection.curves import Curve
from baselines.injection.sensitivity import Sensitivity
from baselines.injection.signals import Kind
from baselines.injection.trials import Trial
from baselines.learning import build_baseline
from baselines.model import Baseline, BaselineVisit
from baselines.part import Bar, part_of
from benchmarks.detection.planting import Kind as Planted
from benchmarks.detection.planting import Plant
from benchmarks.detection.towns import STEADY, town
from benchmarks.detection.visits import Visit, make_visit, planted
from sweep.scene.schema import AnyEmitter

__all__ = ["SPECS", "Agreement", "agreement", "level_at_90", "levels_at_90"]

SPECS = {
    "nfm": {"kind": "nfm", "deviation_hz": 2500.0},
    "wfm": {"kind": "wfm", "programme": "speech", "deviation_hz": 60e3},
    "carrier": {"kind": "carrier"},
}
_APART_HZ = 1_200_000.0
_EDGE_BINS = 40
_AROUND_DB = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """Trials of one kind on the air, and what injection had said of them.

    Attributes
    ----------
    trials : list of Trial
        Over the background as injection counts it.
    expected : ndarray of float64, shape (n,)
        Chance of detection of each by the injected ones.
    measured : Sensitivity
    """

    trials: list[Trial]
    expected: np.ndarray
    measured: Sensitivity


def agreement(kind: Kind, ranges: tuple[str, ...], *, seed: int, visits: int, passes: int = 5) -> Agreement:
    """Visit a town with emitters in the samples, about as strong as injection says that they must be.

    Parameters
    ----------
    kind : Kind
        Always on.
    ranges : tuple of str
        Swept.
    seed : int
        Of the town.
    visits : int
        With emitters; three without teach the baseline, and a fourth is what is injected into.
    passes : int
    """
    scene = town(seed, STEADY, ranges=ranges)
    learnt = [make_visit(scene, number, passes) for number in range(3)]
    notes = [_note(visit) for visit in learnt]
    baseline = build_baseline([visit.summary() for visit in learnt], notes, room="town", created=notes[-1].start_time)
    clean = make_visit(scene, 3, passes)
    measured = _tried(baseline, clean)
    rng = np.random.default_rng((seed, 1876))
    trials: list[Trial] = []
    for _ in range(visits):
        trials += _on_air(kind, baseline, clean, measured, rng)
    curves = measured.curves[kind.name]
    chances = [float(curves.get(t.busy, curves[False]).chance(np.array([t.over_db])).mean()) for t in trials]
    return Agreement(trials=trials, expected=np.array(chances), measured=measured)


def level_at_90(curve: Curve) -> float:
    """Level over the background that is found with probability 0.9, in dB, median over the curves."""
    return float(np.median(levels_at_90(curve)))


def levels_at_90(curve: Curve) -> np.ndarray:
    """The same by each of the curves."""
    return np.asarray(curve.middle_db + 1.2816 * curve.sigma_db)


def _tried(baseline: Baseline, visit: Visit) -> Sensitivity:
    summary = visit.summary()
    bar = Bar(baseline=baseline, gain_step_db=no_step, instrument={}, false_alarms=0.1)
    part = part_of(lambda: visit.rows, summary, floor_of(summary), bar)
    tried = try_sweep(part, bar, 1.0)
    assert tried is not None
    return tried


def _note(visit: Visit) -> BaselineVisit:
    return BaselineVisit(
        record_id=f"visit-{visit.number}",
        last_leaf="00" * 32,
        start_time=f"2026-11-{visit.number + 1:02d}T09:00:00Z",
        n_passes=len(visit.rows),
        instrument={},
        plan_digest=visit.plan.digest,
        gain_db=visit.plan.gain_db,
    )


def _on_air(
    kind: Kind, baseline: Baseline, clean: Visit, measured: Sensitivity, rng: np.random.Generator
) -> Iterator[Trial]:
    """Emitters in the samples of a visit, and whether each was found."""
    plants, trials = _plants(kind, clean, measured, rng)
    visit = planted(clean, plants)
    summary = visit.summary()
    bar = Bar(baseline=baseline, gain_step_db=no_step, instrument={}, false_alarms=0.1)
    outcome = part_of(lambda: visit.rows, summary, floor_of(summary), bar).outcome
    for item, trial in zip(plants, trials, strict=True):
        low, high = item.band_hz
        heard = zip(outcome.emitters, outcome.kinds, strict=True)
        found = any(low <= one.center_freq_hz <= high and one.confirmed for one, name in heard if name != "missing")
        yield replace(trial, found=found)


def _plants(
    kind: Kind, clean: Visit, measured: Sensitivity, rng: np.random.Generator
) -> tuple[list[Plant], list[Trial]]:
    """Emitters anywhere in the hops, busy places too."""
    layout = clean.layout
    places = measured.places[kind.name]
    planned = Planted(name=kind.name, spec=SPECS[kind.name], ladder_db=(), goals_db={})
    spots: list[int] = []
    for spot in rng.permutation(layout.n_bins).tolist():
        apart = all(abs(layout.freq_hz[spot] - layout.freq_hz[other]) > _APART_HZ for other in spots)
        if apart and _EDGE_BINS < spot % layout.hop_bins < layout.hop_bins - _EDGE_BINS:
            spots.append(spot)
    plants, trials = [], []
    for number, spot in enumerate(spots):
        busy = bool(places.busy[spot])
        curve = measured.curves[kind.name].get(busy, measured.curves[kind.name][False])
        over_db = level_at_90(curve) + float(rng.uniform(-_AROUND_DB, _AROUND_DB))
        fields = {"name": f"bug-{number}", "center_freq_hz": int(layout.freq_hz[spot] + rng.integers(-1200, 1200))}
        fields |= {"power_dbfs": float(places.level_dbfs[spot]) + over_db, **SPECS[kind.name]}
        plants.append(Plant(kind=planned, snr_db=over_db, bug=msgspec.convert(fields, AnyEmitter)))
        trials.append(Trial(kind=kind, over_db=over_db, busy=busy, found=False))
    return plants, trials
