"""Start-up of the command line against that of Python itself, in processor time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import USER_ENVIRONMENT
from benchmarks.commands import children_s
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, ratio_row
from benchmarks.turns import alternate

__all__ = ["measure"]

_GOAL = Goal(limit=5, at_least=False)
_TURNS = 3  # a start is short, so it is taken more often than other work


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the row of ``quietroom --help``.

    Raises
    ------
    LeftOutError
        The command is not installed beside this Python.
    """
    command = Path(sys.executable).with_name("quietroom")
    if not command.exists():
        raise LeftOutError(f"there is no {command}; install the project with pip")
    sides = {
        "ours": partial(_milliseconds, [str(command), "--help"]),
        "python": partial(_milliseconds, [sys.executable, "-c", "pass"]),
    }
    figures = alternate(sides, _TURNS * effort.repeats)
    named = "python -c pass"
    yield ratio_row("quietroom --help", figures["ours"], figures["python"], unit="ms", named=named, goal=_GOAL)


def _milliseconds(command: Sequence[str]) -> float:
    before = children_s()
    subprocess.run(command, env=USER_ENVIRONMENT, check=True, capture_output=True)
    return 1e3 * (children_s() - before)
