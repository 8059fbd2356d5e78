"""Start-up of the command line against that of Python itself, in wall time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import USER_ENVIRONMENT
from benchmarks.effort import Effort
from benchmarks.rows import LeftOut, LeftOutError, Row, ratio_row
from benchmarks.turns import alternate

__all__ = ["measure"]

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
    yield ratio_row("quietroom --help", figures["ours"], figures["python"], unit="ms", named="python -c pass")


def _milliseconds(command: Sequence[str]) -> float:
    start = time.monotonic()
    subprocess.run(command, env=USER_ENVIRONMENT, check=True, capture_output=True)
    return 1e3 * (time.monotonic() - start)
