"""Measuring: sides that take turns, in processor time.

Processor time, not wall time, wherever one thread computes: what other programs do on the machine then costs neither
side anything but cache, and both the same.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

__all__ = ["alternate", "million_per_second", "processor_seconds", "program_seconds", "timed"]


def alternate(sides: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Let the sides take turns, A B A B ..., and give the figures of each."""
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, measure in sides.items():
            figures[name].append(measure())
    return figures


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Give a function that does the work once and tells the processor seconds that this thread spent on it."""

    def step() -> float:
        start = time.thread_time()
        work()
        return time.thread_time() - start

    return step


def million_per_second(step: Callable[[], float], amount: float, turn_s: float) -> Callable[[], float]:
    """Give a function that repeats a step for one turn.

    Parameters
    ----------
    step : callable
        Does ``amount`` of work and gives the seconds it took; what it does outside of them is not counted.
    amount : float
        In samples.
    turn_s : float

    Returns
    -------
    callable
        Gives 10^6 samples per second.
    """

    def measure() -> float:
        spent, n_steps = 0.0, 0
        while spent < turn_s:
            spent += step()
            n_steps += 1
        return amount * n_steps / spent / 1e6

    return measure


def program_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run another program to its end; gives the processor seconds of all its threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def processor_seconds(pid: int) -> float:
    """Processor seconds so far of all threads of a process that runs (on Linux: clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)
