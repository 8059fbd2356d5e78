"""Trials: emitters of every kind injected at places drawn over the sweep, and which of them are found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.emitters import Emitter
from baselines.injection.curves import Curve, fit_curve
from baselines.injection.places import Places, places_for
from baselines.injection.signals import Kind, half_width
from baselines.injection.summaries import Bug, inject, window_of
from baselines.minutes import dwells_met
from baselines.outcome import Outcome
from baselines.part import FEWEST_TO_CONFIRM
from baselines.summary import VisitSummary

__all__ = ["Trial", "Visit", "curve_of", "run_trials"]

_PER_KIND = 48
_APART_BINS, _BINS_PER_BUG = 160, 250
_MOST_IN_A_RUN = 320
_FIRST_DB, _KEYED_DB = (-7.0, 11.0), (-3.0, 17.0)
_LATER_DB, _BUSY_MORE_DB = (-4.0, 4.0), 10.0
_BUSY_SHARE = 0.4
_TO_90_SIGMAS = 1.28
_CHANNEL_HZ = 10e3
_TRIES, _SPOTS = 50, 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """What trials are made on.

    Attributes
    ----------
    summary : VisitSummary
    floor_dbfs : ndarray of float32, shape (n_bins,)
    outcome : Outcome
        Of the visit as it was.
    judge : callable
        Judges a summary as the visit was judged.
    theory_db : dict of str to float
        By kind, over noise in its reference bandwidth, roughly where it is found.
    """

    summary: VisitSummary
    floor_dbfs: NDArray[np.float32]
    outcome: Outcome
    judge: Callable[[VisitSummary], Outcome]
    theory_db: dict[str, float]

    def places(self, kinds: Sequence[Kind]) -> dict[str, Places]:
        """Every bin as a place for an emitter, by kind."""
        return places_for(kinds, self.summary, self.floor_dbfs, self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One emitter: its kind, its level over that of its place in dB, whether that is busy, and whether it was found."""

    kind: Kind
    over_db: float
    busy: bool
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Round:
    """Trials that are judged by what those before them showed.

    ``middles`` is where it is decided, by kind and by whether the place is busy; ``free`` are the bins in which an
    emitter can be told from what was found there already, and ``places`` those of `Visit.places` by kind.
    """

    visit: Visit
    middles: Mapping[tuple[str, bool], float]
    free: NDArray[np.bool_]
    places: Mapping[str, Places]
    rng: np.random.Generator

    def trials(self, kinds: Sequence[Kind]) -> Iterator[Trial]:
        """Emitters of these kinds, in as many judgements as are needed to have them far apart."""
        summary = self.visit.summary
        most = int(np.clip(summary.layout.n_bins // _BINS_PER_BUG, 1, _MOST_IN_A_RUN))
        waiting = [kinds[index] for index in self.rng.permutation(len(kinds))]
        failed = 0
        while waiting and failed < _TRIES:
            placed, left = self._place(waiting[:most])
            waiting = waiting[most:] + left
            failed += not placed
            if placed:
                outcome = self.visit.judge(inject(summary, [bug for bug, _ in placed], self.rng))
                yield from (replace(trial, found=_is_found(outcome, bug, summary)) for bug, trial in placed)

    def _place(self, kinds: Sequence[Kind]) -> tuple[list[tuple[Bug, Trial]], list[Kind]]:
        """Emitters at places far enough from each other, and the kinds for which there was none."""
        summary, rng = self.visit.summary, self.rng
        placed: list[tuple[Bug, Trial]] = []
        left: list[Kind] = []
        free = self.free.copy()
        for kind in kinds:
            places = self.places[kind.name]
            spot = self._spot(kind, free, places.busy)
            if spot is None:
                left.append(kind)
                continue
            busy = bool(places.busy[spot])
            over_db = self._over_db(kind, busy)
            bug = Bug(
                kind=kind,
                bin=spot,
                offset_bins=float(rng.uniform(-0.5, 0.5)),
                power_dbfs=float(places.level_dbfs[spot]) + over_db,
                dwells=_dwells(summary, kind, spot, rng),
            )
            placed.append((bug, Trial(kind=kind, over_db=over_db, busy=busy, found=False)))
            reach = _APART_BINS + half_width(kind, summary.layout.bin_width_hz)
            free[max(0, spot - reach) : spot + reach] = False
        return placed, left

    def _spot(self, kind: Kind, free: NDArray[np.bool_], busy: NDArray[np.bool_]) -> int | None:
        """A bin for an emitter; busy ones, of which there are mostly few, are asked for more often."""
        wanted = free & busy if self.rng.random() < _BUSY_SHARE else free
        bins = np.flatnonzero(wanted if wanted.any() else free)
        for _ in range(_SPOTS if bins.size else 0):
            spot = int(bins[self.rng.integers(bins.size)])
            window = window_of(kind, spot, self.visit.summary)
            met = not kind.keyed or _met(self.visit.summary, spot).any()
            if window is not None and free[window].all() and met:
                return spot
        return None

    def _over_db(self, kind: Kind, busy: bool) -> float:
        """Level over that of the place: about where it is decided, or where theory expects that."""
        middle = self.middles.get((kind.name, busy))
        if middle is not None:
            return middle + float(self.rng.uniform(*_LATER_DB))
        low, high = _KEYED_DB if kind.keyed else _FIRST_DB
        return self.visit.theory_db[kind.name] + float(self.rng.uniform(low, high + (_BUSY_MORE_DB if busy else 0.0)))


def run_trials(visit: Visit, kinds: Sequence[Kind], places: Mapping[str, Places]) -> list[Trial]:
    """Inject emitters of each kind, the second half of them where the first half showed that it is decided.

    The work is bounded: 96 emitters of a kind, in as many judgements as it takes to have them far enough apart.

    Parameters
    ----------
    visit : Visit
        Its own powers are the seed: a record gives the same trials whenever it is judged.
    kinds : sequence of Kind
    places : mapping of str to Places
        Those of `Visit.places`.
    """
    rng = np.random.default_rng(_seed(visit.summary))
    first = _Round(visit=visit, middles={}, free=_free_bins(visit), places=places, rng=rng)
    trials = list(first.trials([kind for kind in kinds for _ in range(_PER_KIND)]))
    later = replace(first, middles=dict(_middles(trials, rng)))
    tried = [kind for kind in kinds if any(trial.kind is kind for trial in trials)]
    return [*trials, *later.trials([kind for kind in tried for _ in range(_PER_KIND)])]


def curve_of(trials: Sequence[Trial], rng: np.random.Generator) -> Curve:
    """Curve of some trials, of which there is one."""
    over_db = np.array([trial.over_db for trial in trials])
    return fit_curve(over_db, np.array([trial.found for trial in trials]), rng)


def _seed(summary: VisitSummary) -> list[int]:
    digest = hashlib.sha256(np.ascontiguousarray(summary.mean).tobytes()).digest()
    return [int.from_bytes(digest[:8], "big"), summary.start_utc_ns]


def _middles(trials: Sequence[Trial], rng: np.random.Generator) -> Iterator[tuple[tuple[str, bool], float]]:
    for name, busy in dict.fromkeys((trial.kind.name, trial.busy) for trial in trials):
        curve = curve_of([trial for trial in trials if (trial.kind.name, trial.busy) == (name, busy)], rng)
        yield (name, busy), float(np.median(curve.middle_db + _TO_90_SIGMAS * curve.sigma_db))


def _heard(outcome: Outcome) -> list[Emitter]:
    return [emitter for emitter, kind in zip(outcome.emitters, outcome.kinds, strict=True) if kind != "missing"]


def _is_found(outcome: Outcome, bug: Bug, summary: VisitSummary) -> bool:
    """Whether what was injected is among what was found, and enough of a finding for its kind."""
    layout = summary.layout
    center_hz = float(layout.freq_hz[bug.bin]) + bug.offset_bins * layout.bin_width_hz
    reach_hz = max(bug.kind.span_hz / 2, _CHANNEL_HZ)
    must_stay = not bug.kind.keyed and layout.n_hops > 1 and summary.n_groups >= FEWEST_TO_CONFIRM
    return any(
        abs(emitter.center_freq_hz - center_hz) <= reach_hz and (emitter.confirmed or not must_stay)
        for emitter in _heard(outcome)
    )


def _free_bins(visit: Visit) -> NDArray[np.bool_]:
    free = np.array(np.isfinite(visit.summary.mean).all(axis=0), np.bool_)
    reach = max(1, round(_CHANNEL_HZ / visit.summary.layout.bin_width_hz))
    for emitter in _heard(visit.outcome):
        free[max(0, emitter.start - reach) : emitter.stop + reach] = False
    return free


def _met(summary: VisitSummary, spot: int) -> NDArray[np.int32]:
    """Dwells of each group in the burst, by when in the minute it begins; shape (G, 120)."""
    if summary.by_minute is None:
        return np.zeros((summary.n_groups, 1), np.int32)
    return dwells_met(summary.by_minute[:, spot // summary.layout.hop_bins])


def _dwells(summary: VisitSummary, kind: Kind, spot: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if not kind.keyed:
        return np.asarray(summary.passes, np.int64)
    met = _met(summary, spot)
    begins = np.flatnonzero(met.any(axis=0))
    return np.minimum(met[:, begins[rng.integers(begins.size)]], summary.passes).astype(np.int64)
