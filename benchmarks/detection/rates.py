"""Rates from counts: probabilities of detection and false alarms with their intervals, SNR at a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from scipy.optimize import isotonic_regression

from benchmarks.detection.campaign import Hit, Quiet, TownResult
from benchmarks.detection.peers import RULES

__all__ = ["Rate", "SnrAt", "detected", "expected_and_seen", "false_rate", "peer_threshold", "proportion", "snr_at"]

_RESAMPLES = 400
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate with its 95 % interval: of a proportion (Clopper and Pearson 1934), or of counts (Garwood 1936)."""

    value: float
    low: float
    high: float
    count: int
    trials: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnrAt:
    """SNR in dB at which a share of the bugs is found, with a 95 % bootstrap interval; infinite when never."""

    value: float
    low: float
    high: float
    lowest: float

    def __str__(self) -> str:
        return f"{self._text(self.value)} ({self._text(self.low)} to {self._text(self.high)})"

    def _text(self, value: float) -> str:
        if np.isinf(value):
            return "never"
        return f"<= {value:+.1f}" if value <= self.lowest else f"{value:+.1f}"


def peer_threshold(seen: Sequence[TownResult], detector: str, sweeps: int, per_report: float) -> float:
    """Lowest threshold that keeps core false emitters to a number per report in the towns that were looked at."""
    reports = [quiet for town in seen for quiet in town.quiet if quiet.detector == detector and quiet.sweeps == sweeps]
    scores = np.sort(np.concatenate([np.asarray(report.scores["core"]) for report in reports]))[::-1]
    allowed = int(per_report * len(reports))
    return float(scores[allowed]) if allowed < scores.size else -np.inf


def false_rate(towns: Sequence[TownResult], detector: str, sweeps: int, threshold: float, kinds: Sequence[str]) -> Rate:
    """False emitters per report; the threshold counts for peers only."""
    return _of_counts([_count(quiet, threshold, kinds) for town in towns for quiet in _reports(town, detector, sweeps)])


def _of_counts(counts: Sequence[int]) -> Rate:
    total, n = sum(counts), max(1, len(counts))
    tail = (1 - _CONFIDENCE) / 2
    low = scipy.stats.chi2.ppf(tail, 2 * total) / 2 if total else 0.0
    high = scipy.stats.chi2.isf(tail, 2 * total + 2) / 2
    return Rate(value=total / n, low=float(low) / n, high=float(high) / n, count=total, trials=n)


def _reports(town: TownResult, detector: str, sweeps: int) -> list[Quiet]:
    return [quiet for quiet in town.quiet if quiet.detector == detector and quiet.sweeps == sweeps]


def _count(quiet: Quiet, threshold: float, kinds: Sequence[str]) -> int:
    if quiet.detector in RULES:
        return sum(score > threshold for kind in kinds for score in quiet.scores[kind])
    return sum(quiet.counts[kind] for kind in kinds)


def detected(
    towns: Sequence[TownResult], detector: str, sweeps: int, kind: str, threshold: float
) -> dict[float, list[bool]]:
    """Whether each planted bug of a kind was found, by SNR."""
    found: dict[float, list[bool]] = {}
    for town in towns:
        for hit in town.hits:
            if (hit.detector, hit.sweeps, hit.kind) == (detector, sweeps, kind):
                found.setdefault(hit.snr_db, []).append(_is_found(hit, threshold))
    return dict(sorted(found.items()))


def _is_found(hit: Hit, threshold: float) -> bool:
    return hit.score > threshold if hit.detector in RULES else hit.found


def proportion(found: Sequence[bool]) -> Rate:
    """Share of bugs found."""
    test = scipy.stats.binomtest(sum(found), len(found))
    interval = test.proportion_ci(_CONFIDENCE, method="exact")
    return Rate(
        value=float(np.mean(found)),
        low=float(interval.low),
        high=float(interval.high),
        count=sum(found),
        trials=len(found),
    )


def snr_at(found: dict[float, list[bool]], share: float = 0.9) -> SnrAt:
    """SNR from which on this share is found, between steps of the ladder by interpolation.

    The shares are made to rise with SNR first (isotonic regression, weighted by the bugs of each step).
    """
    rng = np.random.default_rng(1)
    steps = np.array(list(found))
    weights = np.array([len(values) for values in found.values()])
    shares = np.array([np.mean(values) for values in found.values()])
    draws = [_crossing(steps, rng.binomial(weights, shares) / weights, weights, share) for _ in range(_RESAMPLES)]
    low, high = np.quantile(draws, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2], method="nearest")
    return SnrAt(
        value=_crossing(steps, shares, weights, share), low=float(low), high=float(high), lowest=float(steps[0])
    )


def _crossing(steps: np.ndarray, shares: np.ndarray, weights: np.ndarray, wanted: float) -> float:
    rising = isotonic_regression(shares, weights=weights).x
    enough = np.flatnonzero(rising >= wanted)
    if enough.size == 0:
        return float("inf")
    at = int(enough[0])
    if at == 0:
        return float(steps[0])
    before, after = rising[at - 1], rising[at]
    return float(steps[at - 1] + (wanted - before) / (after - before) * (steps[at] - steps[at - 1]))


def expected_and_seen(
    towns: Sequence[TownResult], detector: str, sweeps: int, stated: Sequence[float]
) -> list[tuple[float, Rate]]:
    """Core false emitters per report of this much evidence: the number that the p-value states, and the one seen."""
    reports = [quiet for town in towns for quiet in _reports(town, detector, sweeps)]
    return [
        (number, _of_counts([sum(score <= number for score in report.scores["core"]) for report in reports]))
        for number in stated
    ]
