"""``python -m benchmarks.detection.threat [--seed N]``: fit the weights of the threat score, and check what it says.

Weights are fitted on three towns and held against three others: how often is an emitter of this score a planted bug?
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from baselines.threat import ORDERED, UNCOMPARED, WEIGHTS, classes_of
from benchmarks.detection.outcomes import Outcome, collect
from benchmarks.detection.rates import Rate, proportion

__all__ = ["Bin", "Reliability", "Weights", "draw", "evidence", "fit", "reliability", "report", "shift"]

Weights = Mapping[str, Mapping[str, float]]
"""Of each class of each group, in nats."""

_FITTED_ON = (1, 2, 3)
_FIRST_UNSEEN, _UNSEEN = 2000, 3
_NAMES = {True: "with a baseline", False: "without one"}
_RIDGE = 1.0
_EDGES = (0.0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Findings of about one predicted probability: its mean, and the share of them that are bugs."""

    predicted: float
    observed: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How far predicted probabilities hold: by bins, the Brier score, and the expected calibration error."""

    bins: tuple[Bin, ...]
    brier: float
    calibration_error: float
    share: float


def fit(
    classes: Sequence[Mapping[str, str]],
    planted: NDArray[np.bool_],
    *,
    table: Weights = WEIGHTS,
    ordered: frozenset[str] = ORDERED,
    ridge: float = _RIDGE,
) -> dict[str, dict[str, float]]:
    """Fit weights by logistic regression with a ridge; the share of bugs in the sample is taken out.

    Parameters
    ----------
    classes : sequence of mapping
        Class of each finding in each group.
    planted : ndarray of bool, shape (n_findings,)
    table : mapping
        Groups and classes to fit; its weights do not count.
    ordered : frozenset of str
        Groups whose classes rise: a later class never weighs less than an earlier one.
    ridge : float
        Of the sum of squares in the negative log-likelihood: a normal prior of variance 1 / ridge. It also shares out
        what the groups have in common.

    Returns
    -------
    dict
        As the table: log-likelihood ratios in nats.
    """
    names = _names(table)
    design, steps = _design(classes, names), _steps(names, ordered)
    offset = logit(planted.mean())

    def loss(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = steps @ free
        margin = offset + design @ weights
        value = np.sum(np.logaddexp(0, margin) - planted * margin) + ridge / 2 * weights @ weights
        return float(value), steps.T @ (design.T @ (expit(margin) - planted) + ridge * weights)

    first = {group: next(iter(of)) for group, of in table.items()}
    bounds = [(0.0 if group in ordered and name != first[group] else None, None) for group, name in names]
    best = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 5000})
    fitted = dict(zip(names, (steps @ best.x).tolist(), strict=True))
    return {group: {name: fitted[group, name] for name in of} for group, of in table.items()}


def _names(table: Weights) -> list[tuple[str, str]]:
    return [(group, name) for group, of in table.items() for name in of]


def _design(classes: Sequence[Mapping[str, str]], names: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """One where a finding is of a class."""
    return np.array([[float(one.get(group) == name) for group, name in names] for one in classes])


def _steps(names: Sequence[tuple[str, str]], ordered: frozenset[str]) -> NDArray[np.float64]:
    """Matrix that turns steps between the classes of an ordered group into weights."""
    groups = np.array([group for group, _ in names])
    below = np.tri(len(names), k=-1) * (groups[:, None] == groups) * np.isin(groups, list(ordered))
    steps: NDArray[np.float64] = np.eye(len(names)) + below
    return steps


def evidence(classes: Sequence[Mapping[str, str]], weights: Weights) -> NDArray[np.float64]:
    """Sum of the weights of each finding, in nats."""
    return np.array([sum(weights[group][name] for group, name in one.items()) for one in classes])


def shift(nats: NDArray[np.float64], planted: NDArray[np.bool_], share: float) -> float:
    """Weight that, added to all of this evidence, makes as many bugs likely as there are."""
    return float(brentq(lambda more: expit(logit(share) + nats + more).sum() - planted.sum(), -30, 30))


def reliability(nats: NDArray[np.float64], planted: NDArray[np.bool_], share: float) -> Reliability:
    """Hold the probabilities that evidence gives to emitters, of which so many are bugs, against what came true."""
    predicted = expit(logit(share) + nats)
    which = np.clip(np.searchsorted(_EDGES, predicted, side="right") - 1, 0, len(_EDGES) - 2)
    bins = tuple(
        Bin(predicted=float(predicted[which == one].mean()), observed=proportion(planted[which == one].tolist()))
        for one in np.unique(which)
    )
    gaps = [abs(one.predicted - one.observed.value) * one.observed.trials for one in bins]
    return Reliability(
        bins=bins,
        brier=float(np.mean((predicted - planted) ** 2)),
        calibration_error=sum(gaps) / planted.size,
        share=float(planted.mean()),
    )


def draw(curves: Mapping[str, Reliability], path: Path) -> None:
    """Draw curves by name; the name of the file says in which format."""
    figure = Figure(figsize=(5.0, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="as predicted")
    for name, curve in curves.items():
        observed = [one.observed for one in curve.bins]
        values = np.array([rate.value for rate in observed])
        error = np.abs(np.array([[rate.low for rate in observed], [rate.high for rate in observed]]) - values)
        axes.errorbar([one.predicted for one in curve.bins], values, error, marker="o", capsize=3, label=name)
    axes.set(xlabel="predicted probability of a planted device", ylabel="observed share", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)
    with rc_context({"svg.hashsalt": "quietroom"}):
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def report(outcomes: Sequence[Outcome], unseen: Sequence[int], picture: Path | None) -> Iterator[str]:
    """Fit on the towns that are not unseen, and write what holds in those that are."""
    seen = {compared: _Sample.of(outcomes, unseen, seen=True, compared=compared) for compared in (True, False)}
    held = {compared: _Sample.of(outcomes, unseen, seen=False, compared=compared) for compared in (True, False)}
    tables = {True: _rounded(fit(seen[True].classes, seen[True].planted)), False: _uncompared(seen)}
    yield f"Fitted on {seen[True].towns}:\n"
    yield from _weights_table(tables, seen)
    for compared, table in tables.items():
        yield f"\nFor the code, {_NAMES[compared]}:\n"
        yield from (f"    {group!r}: {of}," for group, of in table.items())
    yield f"\nHeld against {held[True].towns}:"
    share = float(held[True].planted.mean())
    curves = {
        _NAMES[compared]: reliability(evidence(held[compared].classes, table), held[compared].planted, share)
        for compared, table in tables.items()
    }
    for name, curve in curves.items():
        yield from _curve_table(name, curve)
    if picture is not None:
        draw(curves, picture)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sample:
    """Findings of some towns: their classes, and whether they are bugs."""

    towns: str
    classes: list[dict[str, str]]
    planted: NDArray[np.bool_]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], unseen: Sequence[int], *, seen: bool, compared: bool) -> _Sample:
        own = [one for one in outcomes if (one.town not in unseen) == seen and (one.baseline_visits > 0) == compared]
        return cls(
            towns="towns " + ", ".join(str(town) for town in sorted({one.town for one in own})),
            classes=[classes_of(one.finding, compared=compared) for one in own],
            planted=np.array([one.planted for one in own]),
        )


def _uncompared(seen: Mapping[bool, _Sample]) -> Weights:
    """Weights without a baseline, over the share of bugs with one."""
    sample = seen[False]
    table = fit(sample.classes, sample.planted, table=UNCOMPARED)
    share = float(seen[True].planted.mean())
    table["kind"]["no baseline"] += shift(evidence(sample.classes, table), sample.planted, share)
    return _rounded(table)


def _rounded(table: Weights) -> Weights:
    """To what the reasons print."""
    return {group: {name: round(weight, 1) + 0.0 for name, weight in of.items()} for group, of in table.items()}


def _weights_table(tables: Mapping[bool, Weights], samples: Mapping[bool, _Sample]) -> Iterator[str]:
    yield "| term | class | nats with a baseline | bugs | town | nats without | bugs | town |"
    yield "|---|---|---|---|---|---|---|---|"
    both = {group: [*of, *tables[False][group]] for group, of in tables[True].items()}
    for group, names in both.items():
        for name in dict.fromkeys(names):
            cells = [cell for compared in (True, False) for cell in _cells(tables, samples, compared, group, name)]
            yield f"| {' | '.join([group, name, *cells])} |"


def _cells(
    tables: Mapping[bool, Weights], samples: Mapping[bool, _Sample], compared: bool, group: str, name: str
) -> tuple[str, str, str]:
    """Weight of a class, and how many bugs and emitters of the town are of it."""
    if name not in tables[compared][group]:
        return "", "", ""
    sample = samples[compared]
    bugs = [bug for one, bug in zip(sample.classes, sample.planted, strict=True) if one.get(group) == name]
    return f"{tables[compared][group][name]:+.1f}", str(sum(bugs)), str(len(bugs) - sum(bugs))


def _curve_table(name: str, curve: Reliability) -> Iterator[str]:
    yield f"\n| predicted, {name} | observed | emitters |"
    yield "|---|---|---|"
    yield from (f"| {one.predicted:.2f} | {one.observed} | {one.observed.trials} |" for one in curve.bins)
    yield (
        f"\nBrier score {curve.brier:.3f} ({curve.share * (1 - curve.share):.3f} for the share of bugs alone), "
        f"expected calibration error {curve.calibration_error:.3f}."
    )


def main() -> None:
    """Visit, fit, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection.threat", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="another number gives other unseen towns")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="towns visited at once")
    parser.add_argument("--picture", type=Path, help="draw the curve here, as .svg or .png")
    arguments = parser.parse_args()
    first = _FIRST_UNSEEN + _UNSEEN * arguments.seed
    unseen = range(first, first + _UNSEEN)
    outcomes = collect([*_FITTED_ON, *unseen], arguments.workers)
    print("\n".join(report(outcomes, unseen, arguments.picture)))


if __name__ == "__main__":
    main()
