"""Commands of Quietroom in processes of their own, with what each cost."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import USER_ENVIRONMENT
from benchmarks.rows import LeftOutError

__all__ = ["Cost", "children_s", "quietroom", "require_peak_memory"]

_STATUS = Path("/proc/self/status")
# The kernel's own figure, which unlike ru_maxrss does not count what the parent held when it started the child.
_RUN = f"""
import atexit, sys
from sweep.cli.main import main
atexit.register(lambda: sys.stderr.write(open({str(_STATUS)!r}).read()))
sys.exit(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Peak memory in MB, and processor time in seconds, of a process."""

    peak_mb: float
    processor_s: float


def require_peak_memory() -> None:
    """Make sure that the system tells the peak memory of a process.

    Raises
    ------
    LeftOutError
        It does not.
    """
    if not _STATUS.exists():
        raise LeftOutError(f"this system has no {_STATUS}")


def quietroom(*arguments: str) -> Cost:
    """Run a command to its end, even if that was inconclusive."""
    before = children_s()
    command = [sys.executable, "-c", _RUN, *arguments]
    result = subprocess.run(command, env=USER_ENVIRONMENT, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 3):
        raise RuntimeError(f"quietroom {' '.join(arguments)} failed: {result.stdout} {result.stderr}")
    [kib] = [line.split()[1] for line in result.stderr.splitlines() if line.startswith("VmHWM:")]
    return Cost(peak_mb=int(kib) * 1024 / 1e6, processor_s=children_s() - before)


def children_s() -> float:
    """Processor time of all programs that this one started and saw end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
