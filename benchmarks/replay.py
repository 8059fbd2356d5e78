"""A whole ``quietroom replay`` of long recordings: peak memory, and speed from start to record in wall time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import USER_ENVIRONMENT
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, Spread
from benchmarks.samples import write_cu8_noise

__all__ = ["measure"]

_RATE_MHZ = 2.4
_MEMORY_LIMIT_MB = 400.0
_STATUS = Path("/proc/self/status")
# The kernel's own figure, which unlike ru_maxrss does not count what the parent held when it started the child.
_RUN = f"""
import atexit, sys
from sweep.cli.main import main
atexit.register(lambda: sys.stderr.write(open({str(_STATUS)!r}).read()))
sys.exit(main())
"""


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give memory and speed for each length.

    Raises
    ------
    LeftOutError
        The system does not tell the peak memory of a process.
    """
    if not _STATUS.exists():
        raise LeftOutError(f"this system has no {_STATUS}")
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
    _quietroom("--workspace", str(folder), "init")
    facts = ("--rate", f"{_RATE_MHZ}M", "--center", "100M")
    runs = []
    for _ in range(repeats):
        start = time.monotonic()
        peak_mb = _quietroom("--workspace", str(folder), "replay", *facts, "room", str(capture))
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


def _quietroom(*arguments: str) -> float:
    """Run a command; gives its peak memory in MB."""
    command = [sys.executable, "-c", _RUN, *arguments]
    result = subprocess.run(command, env=USER_ENVIRONMENT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"quietroom {' '.join(arguments)} failed: {result.stderr}")
    [kib] = [line.split()[1] for line in result.stderr.splitlines() if line.startswith("VmHWM:")]
    return int(kib) * 1024 / 1e6
