"""A whole ``quietroom replay`` of long recordings: peak memory, and speed from start to record in wall time."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.commands import quietroom, require_peak_memory
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, Spread
from benchmarks.samples import write_cu8_noise

__all__ = ["measure"]

_RATE_MHZ = 2.4
_MEMORY_LIMIT_MB = 400.0


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
    facts = ("--rate", f"{_RATE_MHZ}M", "--center", "100M")
    runs = []
    for _ in range(repeats):
        start = time.monotonic()
        peak_mb = quietroom("--workspace", str(folder), "replay", *facts, "room", str(capture)).peak_mb
        runs.append((peak_mb, (mib << 20) / 2e6 / (time.monotonic() - start)))
    peak, rate = Spread.of([peak for peak, _ in runs]), Spread.of([rate for _, rate in runs])
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
    )


def _scaled(spread: Spread, unit: float) -> Spread:
    return Spread(median=spread.median / unit, lowest=spread.lowest / unit, highest=spread.highest / unit)
