"""Synthetic visits: rows drawn at spectrum level from the distributions of noise, and rows of a simulated room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.special

from baselines.learning import build_baseline
from baselines.model import Baseline, BaselineVisit
from baselines.summary import BURST_BOXES, VisitSummary, summarise
from dsp.spectra import box_count
from dsp.statistics import effective_averages
from sweep.model import FILL, HOP_MEASURED, SweepRow
from sweep.plan import Layout, plan_hops
from sweep.sources.options import SourceOptions
from sweep.sources.sim import open_sim
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine, to_centidecibels

START_NS = 1_795_000_000_000_000_000
DAY_NS = 86_400_000_000_000
PASS_NS = 100_000_000
NOISE = 1e-6
N_FRAMES = 64

_SHAPES = {"burst_8": 4.4, "burst_8x4": 17.0, "burst_64": 32.9, "burst_512": 263.0}
_TRIALS = {"burst_8x4": 40}

Spoil = Callable[[int, SweepRow], SweepRow]


def noise_layout(n_hops: int = 7, *, start_hz: int = 430_000_000) -> Layout:
    """So many hops of 768 bins of 2500 Hz."""
    return plan_hops(((start_hz, start_hz + n_hops * 1_920_000 - 2500),)).layout()


def make_rows(
    layout: Layout,
    n_passes: int = 5,
    *,
    seed: int,
    power: np.ndarray | float = NOISE,
    gain_db: np.ndarray | float = 0.0,
    day: int = 0,
) -> list[SweepRow]:
    """Rows of noise of this mean power in each bin, as 64 frames of Hann spectra give it."""
    rng = np.random.default_rng((seed, day))
    level = np.broadcast_to(power, layout.n_bins) * 10 ** (np.broadcast_to(gain_db, layout.n_bins) / 10)
    return [_noise_row(layout, rng, level, number, day) for number in range(n_passes)]


def _noise_row(layout: Layout, rng: np.random.Generator, level: np.ndarray, number: int, day: int) -> SweepRow:
    shape = effective_averages(N_FRAMES)
    mean = level * rng.gamma(shape, 1 / shape, layout.n_bins)
    # The largest of 64 exponential powers over their own mean, which it is independent of (Fisher 1929).
    chance_of_one = 1 - rng.random(layout.n_bins) ** (1 / N_FRAMES)
    largest = N_FRAMES * (1 - chance_of_one ** (1 / (N_FRAMES - 1)))
    bursts = {}
    for name, width in BURST_BOXES.items():
        chance = 1 - rng.random(layout.n_hops * box_count(layout.hop_bins, width)) ** (1 / _TRIALS.get(name, N_FRAMES))
        bursts[name] = scipy.special.gammainccinv(_SHAPES[name], chance) / _SHAPES[name]
    centers = layout.freq_hz[layout.hop_bins // 2 :: layout.hop_bins]
    utc_ns = START_NS + day * DAY_NS + number * PASS_NS
    times = utc_ns + np.arange(layout.n_hops) * (PASS_NS // layout.n_hops)
    return SweepRow(
        sequence=number,
        utc_ns=utc_ns,
        monotonic_ns=number * PASS_NS,
        mean=to_centidecibels(mean.astype(np.float32)),
        max_hold=to_centidecibels((mean * largest).astype(np.float32)),
        spectral_kurtosis=rng.normal(0, 100, layout.n_bins).astype(np.int16),
        **{name: to_centidecibels(value.astype(np.float32)) for name, value in bursts.items()},
        **hop_values(layout, times, centers),
    )


def hop_values(layout: Layout, times: np.ndarray, centers: np.ndarray) -> dict[str, Any]:
    """What is kept of each hop, for hops with nothing wrong."""
    single = np.ones(layout.n_hops, np.float32)
    return {
        "hop_utc_ns": times.astype(np.int64),
        "hop_monotonic_ns": (times - START_NS).astype(np.int64),
        "hop_center_freq_hz": centers.astype(np.float64),
        "hop_gain_db": 28 * single,
        "hop_clip_fraction": 0 * single,
        "hop_rms_dbfs": -40 * single,
        "hop_dc_dbfs": -60 * single,
        "hop_fluctuation_db": 0.4 * single,
        "hop_dropped_samples": np.zeros(layout.n_hops, np.int32),
        "hop_flags": np.full(layout.n_hops, HOP_MEASURED, np.uint8),
    }


def without_hop(row: SweepRow, layout: Layout, hop: int) -> SweepRow:
    """The row of a pass in which one hop was not received."""
    changes: dict[str, np.ndarray] = {}
    for name in ("mean", "max_hold", "min_hold", "spectral_kurtosis", *BURST_BOXES):
        values = getattr(row, name)
        if values is not None:
            changes[name] = values.copy()
            changes[name].reshape(layout.n_hops, -1)[hop] = FILL
    flags = row.hop_flags.copy()
    flags[hop] = 0
    return replace(row, **changes, hop_flags=flags)


def make_summary(layout: Layout, **how: Any) -> VisitSummary:
    """A visit of noise in groups."""
    return summarise(layout, make_rows(layout, **how))


def visit_of(number: int, **more: Any) -> BaselineVisit:
    """What a baseline keeps of a visit."""
    fields: dict[str, Any] = {
        "record_id": f"visit-{number}",
        "last_leaf": "00" * 32,
        "start_time": f"2026-11-{number + 1:02d}T09:00:00Z",
        "n_passes": 5,
        "instrument": {"driver": "test", "serial": "1"},
        "plan_digest": "plan",
        "gain_db": 28.0,
    }
    return BaselineVisit(**{**fields, **more})


def baseline_of(summaries: Sequence[VisitSummary], **more: Any) -> Baseline:
    """Learn a baseline from visits."""
    visits = [visit_of(number, **more) for number in range(len(summaries))]
    return build_baseline(summaries, visits, room="lab", created="2026-11-20T09:00:00.000000000Z")


def sim_rows(address: str, *ranges_hz: tuple[float, float], passes: int = 5) -> tuple[Layout, list[SweepRow]]:
    """Rows of a simulated room, from its samples on."""
    whole = tuple((round(start), round(stop)) for start, stop in ranges_hz)
    source = open_sim(address, SourceOptions(ranges_hz=whole))
    assembler = PassAssembler(source.plan)
    rows = [
        item
        for block in source.blocks(passes)
        for item in assembler.take(examine(source.plan, block))
        if isinstance(item, SweepRow)
    ]
    return source.plan.layout(), rows


def rows_of(rows: Sequence[SweepRow]) -> Callable[[], Iterator[SweepRow]]:
    """Rows as a judge wants them: to be read as often as it likes."""
    return lambda: iter(rows)
