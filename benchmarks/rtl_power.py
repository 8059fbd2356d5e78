"""Analysis of one hop against the real ``rtl_power`` of Debian, with the same number of points.

Both read the virtual dongle, which serves noise as fast as it is read; all figures are received samples per processor
second of one thread.

- ``rtl_power`` writes how many frames went into each line. Two runs of different length are taken and only their
  difference counts, so that its start-up does not.
- Ours is the whole way from bytes to a row: decode, all features, quantisation (``PassAssembler``); end to end with
  pyrtlsdr and the same dongle, counting the samples that were analysed and not those thrown away to settle; and
  computing alone, as in a replay.
- The mean PSD alone is what ``rtl_power`` gives. It transforms each sample once, with a rectangular window; ours twice,
  with overlapping Hann frames. Samples transformed, each as often as it is, compare the work of both for one frame.
"""

from __future__ import annotations

import contextlib
import itertools
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.dongle import plugged_in
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, ratio_row
from benchmarks.transforms import engines, mean_psd
from benchmarks.turns import alternate, million_per_second, timed
from dsp import engine
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr
from sweep.stitch import PassAssembler, examine
from tests.virtual_dongle.scene import Scene

__all__ = ["measure"]

_RATE_HZ, _STEP_HZ, _CENTER_HZ = 2_560_000, 2500, 100_000_000  # 1024 points in one hop, for both
_N_FRAMES = 1024  # 0.2 s: staying on one hop, nobody would sweep with short dwells
_RUNS_S = (1, 3)
_GOAL = Goal(limit=5)


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
    with plugged_in(Scene()) as environment:
        options = SourceOptions(
            ranges_hz=((_CENTER_HZ - 1_000_000, _CENTER_HZ + 1_000_000),),
            sample_rate_hz=_RATE_HZ,
            bin_width_hz=_STEP_HZ,
            n_frames=_N_FRAMES,
        )
        with contextlib.closing(open_rtlsdr("", options)) as source:
            plan = source.plan
            hop = next(block for block in source.blocks(1) if isinstance(block, HopSamples))
            sides: dict[str, Callable[[], float]] = {"rtl_power": partial(_rtl_power, program, environment, plan)}
            for name in usable:
                work = timed(mean_psd(plan.n_fft, plan.n_frames, name))
                sides[f"mean PSD, computing alone, engine {name}"] = million_per_second(
                    work, plan.hop_samples, effort.turn_s
                )
                sides[f"rows, computing alone, engine {name}"] = partial(
                    _rows, plan, partial(_again, hop), name, effort.turn_s
                )
                sides[f"rows through pyrtlsdr, engine {name}"] = partial(
                    _rows, plan, partial(source.blocks, None), name, effort.turn_s
                )
            figures = alternate(sides, effort.repeats)
    theirs = figures.pop("rtl_power")
    for what, ours in figures.items():
        yield ratio_row(f"one hop, 1024 points: {what}", ours, theirs, unit="MS/s", named="rtl_power", goal=_GOAL)
    for name in usable:
        transformed = [2 * figure for figure in figures[f"mean PSD, computing alone, engine {name}"]]
        what = f"the same mean PSD, samples transformed, engine {name}"
        yield ratio_row(what, transformed, theirs, unit="MS/s", named="rtl_power", goal=_GOAL)


def _rtl_power(program: str, environment: dict[str, str], plan: SweepPlan) -> float:
    """Samples per processor second, in millions, beyond a short run."""
    (short, short_s), (long, long_s) = (_run(program, environment, plan, seconds) for seconds in _RUNS_S)
    return (long - short) / (long_s - short_s) / 1e6


def _run(program: str, environment: dict[str, str], plan: SweepPlan, seconds: int) -> tuple[int, float]:
    """Samples that went into the lines of one run, and its processor time."""
    half = plan.sample_rate_hz // 2
    span = f"{_CENTER_HZ - half}:{_CENTER_HZ + half}:{_STEP_HZ}"
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = [program, "-f", span, "-g", "28", "-i", "1", "-e", str(seconds), out.name]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = [line.split(",") for line in Path(out.name).read_text().splitlines()]
    n_frames = sum(int(line[5]) for line in lines)  # the column called samples counts frames
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return n_frames * plan.n_fft, processor_s


def _again(hop: HopSamples) -> Iterator[HopSamples]:
    for pass_index in itertools.count():
        yield replace(hop, pass_index=pass_index)


def _rows(plan: SweepPlan, blocks: Callable[[], Iterable[HopSamples | HopGap]], name: str, turn_s: float) -> float:
    """Samples per processor second, in millions, from bytes to rows; of all threads, as the driver has one."""
    engine.use_engine(name)
    assembler, n_samples = PassAssembler(plan), 0
    start = time.process_time()
    for block in blocks():
        for _ in assembler.take(examine(plan, block)):
            pass
        if isinstance(block, HopSamples):
            n_samples += block.raw.size // 2
        if time.process_time() - start >= turn_s:
            break
    return n_samples / (time.process_time() - start) / 1e6
