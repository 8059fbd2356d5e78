"""A small town at spectrum level: stations that fade, come and go, and a receiver whose gain drifts between visits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from visits import NOISE, START_NS, make_rows, noise_layout

from baselines.summary import VisitSummary, summarise
from sweep.model import SweepRow
from sweep.plan import Layout

__all__ = ["TOWN", "town_rows", "town_visit"]

TOWN = noise_layout(12)
_N_STATIONS = 60


def town_rows(
    seed: int, day: int, *, extra: np.ndarray | None = None, passes: int = 5, layout: Layout = TOWN
) -> list[SweepRow]:
    """Passes over a town.

    Parameters
    ----------
    seed : int
        Of the town.
    day : int
        Of the visit.
    extra : ndarray, shape (passes, n_bins) or (n_bins,), optional
        Power of a device, before the gain of the visit.
    passes : int
    layout : Layout
    """
    rng, drawn = np.random.default_rng((seed, 1)), np.random.default_rng((seed, day, 2))
    tilt = drawn.uniform(-1, 1) * (layout.freq_hz - layout.freq_hz.mean()) / np.ptp(layout.freq_hz)
    gain_db = drawn.uniform(-3, 3) + tilt
    power = np.full((passes, layout.n_bins), NOISE)
    for _ in range(_N_STATIONS):
        width = float(rng.choice([1.5, 2.0, 5.0, 20.0, 80.0]))
        center, level_db = rng.uniform(20, layout.n_bins - 20), rng.uniform(3, 35)
        visit_sd_db, pass_sd_db = rng.uniform(0.3, 1.5), rng.uniform(0.1, 1.5)
        duty = float(rng.choice([1.0, 1.0, 1.0, 0.5, 0.2]))
        shape = np.exp(-0.5 * ((np.arange(layout.n_bins) - center) / (width / 2)) ** 2)
        of_pass = level_db + drawn.normal(0, visit_sd_db) + drawn.normal(0, pass_sd_db, passes)
        on = drawn.random(passes) < duty
        power += (NOISE * on * 10 ** (of_pass / 10))[:, None] * shape
    if extra is not None:
        power += extra
    rows = []
    for number in range(passes):
        (row,) = make_rows(layout, 1, seed=10_000 * seed + number, day=day, power=power[number], gain_db=gain_db)
        rows.append(replace(row, sequence=number, utc_ns=row.utc_ns + number * 10**8))
    assert rows[0].utc_ns >= START_NS
    return rows


def town_visit(seed: int, day: int, *, extra: np.ndarray | None = None, passes: int = 5) -> VisitSummary:
    """A visit of the town, for a baseline or a judge."""
    return summarise(TOWN, town_rows(seed, day, extra=extra, passes=passes))
