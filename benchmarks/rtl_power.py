"""Analysis of one hop against the real ``rtl_power`` of Debian, with the same number of points.

Both read the virtual dongle, which serves noise as fast as it is read; all figures are received samples per second (see
`benchmarks.one_hop`). ``rtl_power`` writes how many frames went into each line. Two runs of different length are taken
and only their difference counts, so that its start-up does not. It transforms each sample once, with a rectangular
window; ours twice, with overlapping Hann frames. Samples transformed, each as often as it is, compare the work of both
for one frame.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.dongle import plugged_in
from benchmarks.effort import Effort
from benchmarks.one_hop import CENTER_HZ, RATE_HZ, STEP_HZ, alone, through_dongle, tuned
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, ratio_row
from benchmarks.transforms import engines
from benchmarks.turns import alternate, program_seconds
from tests.virtual_dongle.scene import Scene

__all__ = ["measure"]

_RUNS_S = (1, 3)
_GOALS = {1: Goal(limit=8), 2: Goal(limit=14)}  # by threads


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the rows against ``rtl_power``.

    Raises
    ------
    LeftOutError
        There is no C compiler, or no rtl_power.
    """
    program = shutil.which("rtl_power")
    if program is None:
        raise LeftOutError("rtl_power is not installed (Debian's package rtl-sdr)")
    usable, _ = engines()
    with plugged_in(Scene()) as environment, tuned() as source:
        ours = {what: side for name in usable for what, side in alone(source, name, effort.turn_s).items()}
        for name in usable:
            ours[f"rows through pyrtlsdr, engine {name}"] = partial(through_dongle, source, name, effort.turn_s), 1
        sides = {what: side for what, (side, _) in ours.items()}
        figures = alternate({"rtl_power": partial(_rtl_power, program, environment)} | sides, effort.repeats)
    row = partial(ratio_row, against=figures["rtl_power"], unit="MS/s", named="rtl_power")
    for what, (_, n_threads) in ours.items():
        goal = None if what.startswith("bare") else _GOALS[n_threads]
        yield row(f"one hop, 1024 points: {what}", figures[what], goal=goal)
    for name in usable:
        transformed = [2 * figure for figure in figures[f"mean, max and min PSD, one thread, engine {name}"]]
        yield row(f"the same mean, max and min PSD, samples transformed, engine {name}", transformed, goal=_GOALS[1])


def _rtl_power(program: str, environment: dict[str, str]) -> float:
    """Samples per processor second, in millions, beyond a short run."""
    (short, short_s), (long, long_s) = (_run(program, environment, seconds) for seconds in _RUNS_S)
    return (long - short) / (long_s - short_s) / 1e6


def _run(program: str, environment: dict[str, str], seconds: int) -> tuple[int, float]:
    """Samples that went into the lines of one run, and its processor time."""
    half = RATE_HZ // 2
    span = f"{CENTER_HZ - half}:{CENTER_HZ + half}:{STEP_HZ}"
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = [program, "-f", span, "-g", "28", "-i", "1", "-e", str(seconds), out.name]
        processor_s = program_seconds(command, environment)
        lines = [line.split(",") for line in Path(out.name).read_text().splitlines()]
    n_frames = sum(int(line[5]) for line in lines)  # the column called samples counts frames
    return n_frames * RATE_HZ // STEP_HZ, processor_s
