"""Commands of Quietroom in processes of their own, with what each cost."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Self

from benchmarks import USER_ENVIRONMENT
from benchmarks.rows import LeftOutError

__all__ = ["Cost", "children_s", "quietroom", "require_peak_memory"]

_SAMPLED_EVERY_S = 0.1
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
    """Peak memory in MB, and processor time in seconds, of a process and those that it started.

    Memory of several processes is that of samples taken ten times a second, in which what they share counts once.
    """

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
    with (
        subprocess.Popen(command, env=USER_ENVIRONMENT, stdout=PIPE, stderr=PIPE, text=True) as process,
        _WatchedMemory(process.pid) as watched,
    ):
        output, errors = process.communicate()
    if process.returncode not in (0, 3):
        raise RuntimeError(f"quietroom {' '.join(arguments)} failed: {output} {errors}")
    [kib] = [int(line.split()[1]) for line in errors.splitlines() if line.startswith("VmHWM:")]
    return Cost(peak_mb=max(kib, watched.peak_kib) * 1024 / 1e6, processor_s=children_s() - before)


class _WatchedMemory:
    """Samples the memory of a process and of its children together, where there are any, in a thread of its own."""

    def __init__(self, process: int) -> None:
        self.peak_kib = 0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLED_EVERY_S):
            children = _children(self._process)
            if children:
                self.peak_kib = max(self.peak_kib, sum(map(_shared_out_kib, (self._process, *children))))


def _children(process: int) -> list[int]:
    with contextlib.suppress(OSError):  # ended meanwhile
        lists = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
        return [int(child) for children in lists for child in children]
    return []


def _shared_out_kib(process: int) -> int:
    """Proportional set size: what n processes share counts an nth for each."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


def children_s() -> float:
    """Processor time of all programs that this one started and saw end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
