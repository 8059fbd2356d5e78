"""Learning a room's baseline and comparing a visit with it, over the whole band of a dongle.

Held against what somebody with numpy would do instead: mean and maximum over the sweeps of the baseline; of a visit,
what stands 10 dB over the median of its hop. Each side starts from rows in memory. The peak memory is that of the
process, libraries included: of learning with the summaries of the visits, of comparing with rows and baseline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline
from baselines.store import BaselineStore
from baselines.summary import VisitSummary, summarise
from benchmarks import USER_ENVIRONMENT
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, Spread, ratio_row
from benchmarks.turns import alternate, timed
from sweep.model import SweepRow
from sweep.plan import Layout
from tests.visits import NOISE, make_rows, noise_layout, visit_of

__all__ = ["measure", "town_rows"]

_HOPS, _START_HZ = 908, 24_000_000
_VISITS, _PASSES = 4, 5
_WIDE, _NARROW = (300, 80), (2000, 5)  # stations and their bins
_LEVELS_DB, _VISIT_SIGMA_DB, _GAIN_SIGMA_DB = (5.0, 30.0), 2.0, 1.0
_OVER_MEDIAN_DB = 10.0
_LIMITS = {"learning": (10.0, 600.0), "comparing": (1.0, 600.0)}
"""Processor seconds and MB."""

_NAMED = {"learning": "numpy's mean and maximum", "comparing": "numpy's median + 10 dB"}

_STATUS, _CLEAR_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give time and peak memory of learning and of comparing.

    Raises
    ------
    LeftOutError
        The system does not tell the peak memory of a process.
    """
    if not _CLEAR_PEAK.exists():
        raise LeftOutError(f"this system has no {_CLEAR_PEAK}")
    with tempfile.TemporaryDirectory() as folder:
        for work, turns in (("learning", max(1, effort.repeats // 4)), ("comparing", effort.repeats)):
            yield from _rows(work, _in_process(work, folder, turns))


def _rows(work: str, figures: dict[str, Any]) -> Iterator[Row]:
    passes = f"{_VISITS} x {_PASSES}" if work == "learning" else f"{_PASSES}"
    what = f"{work} {passes} passes of {figures['n_bins']:,} bins"
    ours, against, limits = figures["ours"], figures["against"], _LIMITS[work]
    yield ratio_row(what, ours, against, unit="s", named=_NAMED[work])
    yield _against_limit(f"{what}: processor time", ours, limits[0], "s")
    yield _against_limit(f"{what}: peak memory", [figures["peak_mb"]], limits[1], "MB")


def _against_limit(what: str, values: Sequence[float], limit: float, unit: str) -> Row:
    return Row(
        what=what,
        ours=f"{Spread.of(values).median:.3g} {unit}",
        against=f"limit {limit:g} {unit}",
        ratio=Spread.of([value / limit for value in values]),
        goal=Goal(limit=1, at_least=False),
    )


def _in_process(work: str, folder: str, turns: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.comparison", work, folder, str(turns)]
    result = subprocess.run(command, env=USER_ENVIRONMENT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{work} failed: {result.stderr}")
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def _learning(layout: Layout, folder: Path, turns: int) -> dict[str, Any]:
    """Learn, and leave the baseline in the folder."""
    figures: dict[str, list[float]] = {"ours": [], "against": [], "peak_mb": []}
    for _ in range(turns):
        for name, value in _learning_once(layout, folder).items():
            figures[name].append(value)
    return {**figures, "peak_mb": max(figures["peak_mb"])}


def _learning_once(layout: Layout, folder: Path) -> dict[str, float]:
    """Of a visit that is summarised the rows are not kept, as in use."""
    summaries: list[VisitSummary] = []
    bare: list[NDArray[np.floating]] = []
    baselines: list[Baseline] = []
    rows: tuple[SweepRow, ...] = ()
    summing = timed(lambda: summaries.append(summarise(layout, rows)))
    baring = timed(lambda: bare.extend(_mean_and_largest(rows)))
    building = timed(lambda: baselines.append(_build(summaries)))
    ours = against = 0.0
    for day in range(_VISITS):
        rows = town_rows(layout, _PASSES, day)
        ours += summing()
        against += baring()
    rows = ()
    _CLEAR_PEAK.write_text("5")
    ours += building()
    peak_mb = _peak_mb()
    if not BaselineStore(folder).list():
        BaselineStore(folder).save(baselines[0])
    return {"ours": ours, "against": against, "peak_mb": peak_mb}


def _build(summaries: list[VisitSummary]) -> Baseline:
    known = [visit_of(day) for day in range(_VISITS)]
    return build_baseline(summaries, known, room="town", created="2026-11-20T09:00:00.000000000Z")


def _mean_and_largest(rows: Sequence[SweepRow]) -> list[NDArray[np.floating]]:
    means = np.array([row.mean for row in rows], np.float32)
    held = np.array([row.max_hold for row in rows], np.float32)
    return [np.asarray(np.mean(means, axis=0)), np.asarray(np.max(held, axis=0))]


def _comparing(layout: Layout, folder: Path, turns: int) -> dict[str, Any]:
    """Compare with the baseline in the folder."""
    rows = town_rows(layout, _PASSES, _VISITS)
    judge = make_judge(BaselineStore(folder).load())
    ours = timed(lambda: judge(layout, lambda: rows, {}))
    against = timed(lambda: _over_median(layout, rows))
    _CLEAR_PEAK.write_text("5")
    first = {"ours": [ours()]}
    peak_mb = _peak_mb()
    first["against"] = [against()]
    more = alternate({"ours": ours, "against": against}, turns - 1)
    return {side: values + more[side] for side, values in first.items()} | {"peak_mb": peak_mb}


def _over_median(layout: Layout, rows: Sequence[SweepRow]) -> NDArray[np.bool_]:
    power_db = np.array([row.mean for row in rows], np.float32).mean(axis=0).reshape(layout.n_hops, -1) / 100
    return np.asarray(power_db > np.median(power_db, axis=1, keepdims=True) + _OVER_MEDIAN_DB)


def town_rows(layout: Layout, n_passes: int, day: int) -> tuple[SweepRow, ...]:
    """Rows of a day in a town: its stations at levels of their own, as strong as that day has them."""
    town, today = np.random.default_rng(7), np.random.default_rng((7, day))
    power = np.full(layout.n_bins, NOISE)
    for n_stations, n_bins in (_WIDE, _NARROW):
        for start in town.integers(0, layout.n_bins - n_bins, n_stations):
            level_db = town.uniform(*_LEVELS_DB) + _VISIT_SIGMA_DB * today.standard_normal()
            power[start : start + n_bins] += NOISE * 10 ** (level_db / 10)
    gain_db = _GAIN_SIGMA_DB * float(today.standard_normal())
    return tuple(make_rows(layout, n_passes, seed=11, power=power, gain_db=gain_db, day=day))


def _peak_mb() -> float:
    [kib] = [line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(kib) * 1024 / 1e6


def _main(work: str, folder: str, turns: str) -> None:
    """Do the work in this process, and print the figures as JSON."""
    layout = noise_layout(_HOPS, start_hz=_START_HZ)
    figures = (_learning if work == "learning" else _comparing)(layout, Path(folder), int(turns))
    print(json.dumps({**figures, "n_bins": layout.n_bins}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
