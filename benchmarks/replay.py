"""A whole ``quietroom replay`` of long recordings: peak memory, and speed from start to record in wall time.

Each pass is decoded, analysed, journalled, compared with a baseline of 20 sweeps, packed, read back and hashed anew.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.commands import quietroom, require_peak_memory
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, Spread
from benchmarks.samples import cu8_noise, write_cu8_noise

__all__ = ["measure"]

_RATE_MHZ = 2.4
_FACTS = ("--rate", f"{_RATE_MHZ}M", "--center", "100M")
_GOAL_MSPS, _MEMORY_LIMIT_MB = 100.0, 300.0
_SWEEPS, _SWEEP_S = 20, 0.13
"""Sweeps of the baseline, ten dwells each, days apart."""


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give memory and speed for each length.

    Raises
    ------
    LeftOutError
        The system does not tell the peak memory of a process.
    """
    require_peak_memory()
    shortest = min(effort.replay_mib)
    for mib in effort.replay_mib:
        with tempfile.TemporaryDirectory() as folder:
            needed = (3 * mib // 2 + 200) << 20  # the recording, its journal and its record
            if shutil.disk_usage(folder).free < needed:
                yield LeftOut(what=f"replay of {mib} MiB", reason=f"{folder} has less than {needed >> 20} MiB free")
                continue
            yield from _rows_of_length(Path(folder), mib, effort.repeats if mib == shortest else 1)


def _rows_of_length(folder: Path, mib: int, repeats: int) -> Iterator[Row]:
    capture = folder / "noise.cu8"
    write_cu8_noise(capture, mib)
    quietroom("--workspace", str(folder), "init")
    quietroom("--workspace", str(folder), "baseline", "learn", *_FACTS, "room", *_sweeps(folder))
    million = (mib << 20) / 2e6
    runs: list[tuple[float, float, float]] = []
    for _ in range(repeats):
        start = time.monotonic()
        cost = quietroom("--workspace", str(folder), "replay", *_FACTS, "room", str(capture))
        runs.append((cost.peak_mb, million / (time.monotonic() - start), million / cost.processor_s))
    peak, rate, per_processor = (Spread.of(figures) for figures in zip(*runs, strict=True))
    what = f"replay of {mib} MiB of cu8, {'once' if repeats == 1 else f'{repeats} times'}"
    yield Row(
        what=f"{what}: peak memory",
        ours=f"{peak.median:.0f} MB",
        against=f"limit {_MEMORY_LIMIT_MB:.0f} MB",
        ratio=_scaled(peak, _MEMORY_LIMIT_MB),
        goal=Goal(limit=1, at_least=False),
    )
    yield Row(
        what=f"{what}: speed, wall time",
        ours=f"{rate.median:.3g} MS/s",
        against=f"real time {_RATE_MHZ} MS/s",
        ratio=_scaled(rate, _RATE_MHZ),
        goal=Goal(limit=_GOAL_MSPS / _RATE_MHZ),
    )
    yield Row(
        what=f"{what}: speed, processor time",
        ours=f"{per_processor.median:.3g} MS/s",
        against=f"real time {_RATE_MHZ} MS/s",
        ratio=_scaled(per_processor, _RATE_MHZ),
    )


def _sweeps(folder: Path) -> list[str]:
    """Record the sweeps of the baseline; the time of a file is taken as that of its sweep."""
    rng = np.random.default_rng(2)
    paths = [folder / f"sweep-{day}.cu8" for day in range(_SWEEPS)]
    for day, path in enumerate(paths):
        path.write_bytes(cu8_noise(2 * round(_SWEEP_S * _RATE_MHZ * 1e6), rng).tobytes())
        at_s = time.time() - 86_400 * (_SWEEPS - day)
        os.utime(path, (at_s, at_s))
    return [str(path) for path in paths]


def _scaled(spread: Spread, unit: float) -> Spread:
    return Spread(median=spread.median / unit, lowest=spread.lowest / unit, highest=spread.highest / unit)
