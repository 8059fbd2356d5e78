"""Our sides of one hop of 1024 points, against tools that stay on one hop: from bytes to a row, and parts of that.

- Rows are the whole way: decode, all features, quantisation (`examine`, `PassAssembler`); through pyrtlsdr and the
  virtual dongle they count the samples that were analysed and not those thrown away to settle.
- Spectra are the mean, max and min alone; the tools give the mean.
- Bare transforms are the ceiling: overlapping frames, made beforehand, transformed and nothing else. The tools may
  transform each sample once; we transform it twice.
- One thread counts its processor time. Two threads, each with hops of its own as in a sweep, count wall time, so that
  whatever they wait for counts; they are held against the processor time of the tool.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from benchmarks.transforms import ENGINE_LABELS, bare_transforms, hold_spectra
from benchmarks.turns import million_per_second, timed
from dsp import engine
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.sources.live import LiveSource
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine

__all__ = ["CENTER_HZ", "RATE_HZ", "STEP_HZ", "alone", "through_dongle", "tuned"]

RATE_HZ, STEP_HZ, CENTER_HZ = 2_560_000, 2500, 100_000_000  # 1024 points in one hop, for both
_N_FRAMES = 1024  # 0.2 s: staying on one hop, nobody would sweep with short dwells

Work = Callable[[], object]
Side = Callable[[], float]


@contextlib.contextmanager
def tuned() -> Iterator[LiveSource]:
    """Open the virtual dongle that is plugged in, on one hop."""
    options = SourceOptions(
        ranges_hz=((CENTER_HZ - 1_000_000, CENTER_HZ + 1_000_000),),
        sample_rate_hz=RATE_HZ,
        bin_width_hz=STEP_HZ,
        n_frames=_N_FRAMES,
    )
    with contextlib.closing(open_rtlsdr("", options)) as source:
        yield source


def alone(source: LiveSource, name: str, turn_s: float) -> dict[str, tuple[Side, int]]:
    """Sides that compute without a receiver, with one engine: each with the threads that it has, by what it makes."""
    plan = source.plan
    hop = next(block for block in source.blocks(1) if isinstance(block, HopSamples))
    sizes = plan.n_fft, plan.n_frames

    def spectra() -> Work:
        return hold_spectra(*sizes, name)

    def rows() -> Work:
        return _rows_again(plan, hop, name)

    bare = million_per_second(bare_transforms(*sizes, name), plan.hop_samples, turn_s)
    sides: dict[str, tuple[Side, int]] = {f"bare overlapping transforms, {ENGINE_LABELS[name]}": (bare, 1)}
    for what, make in (("mean, max and min PSD", spectra), ("rows", rows)):
        one = million_per_second(timed(make()), plan.hop_samples, turn_s)
        sides[f"{what}, one thread, engine {name}"] = one, 1
        sides[f"{what}, two threads, engine {name}"] = _two_threads(make, plan.hop_samples, turn_s), 2
    return sides


def through_dongle(source: LiveSource, name: str, turn_s: float) -> float:
    """Samples per processor second, in millions, from the dongle to rows; of all threads, as the driver has one."""
    engine.use_engine(name)
    assembler, n_samples = PassAssembler(source.plan), 0
    start = time.process_time()
    for block in source.blocks(None):
        _assemble(assembler, source.plan, block)
        if isinstance(block, HopSamples):
            n_samples += block.raw.size // 2
        if time.process_time() - start >= turn_s:
            break
    return n_samples / (time.process_time() - start) / 1e6


def _rows_again(plan: SweepPlan, hop: HopSamples, name: str) -> Work:
    assembler, passes = PassAssembler(plan), itertools.count()

    def work() -> None:
        engine.use_engine(name)
        _assemble(assembler, plan, replace(hop, pass_index=next(passes)))

    return work


def _assemble(assembler: PassAssembler, plan: SweepPlan, block: HopSamples | HopGap) -> None:
    for _ in assembler.take(examine(plan, block)):
        pass


def _two_threads(make: Callable[[], Work], amount: float, turn_s: float) -> Side:
    """Give a function that lets two threads work for one turn; tells 10^6 samples per second of wall time."""
    works = [make(), make()]

    def measure() -> float:
        together = threading.Barrier(2)

        def repeat(work: Work) -> tuple[int, float]:
            together.wait()
            start, n_steps = time.monotonic(), 0
            while time.monotonic() - start < turn_s:
                work()
                n_steps += 1
            return n_steps, time.monotonic() - start

        with ThreadPoolExecutor(2) as pool:
            return sum(n_steps * amount / spent for n_steps, spent in pool.map(repeat, works)) / 1e6

    return measure
