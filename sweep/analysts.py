"""Processes that analyse hops, for a source that gives them faster than one interpreter takes them.

numpy works outside the lock of the interpreter, but takes it some fifty times a hop. Two threads that do this get less
done than one.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue

from dsp.engine import chosen_engine, use_engine
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.stored_hop import StoredHop, examine

__all__ = ["LOT_BYTES", "Analysts", "examine_all", "sample_bytes", "serve"]

LOT_BYTES = 1 << 20
"""Samples that go to a process at once, at most. With hops as long as that threads seldom meet at the lock."""

_START = "import sys; sys.path[:] = sys.argv[3:]; from sweep.analysts import serve; serve(*map(int, sys.argv[1:3]))"
"""A program of its own: neither a fork of one with threads, nor one that runs the main module of the caller again."""

_PATIENCE_S = 5.0
_ALIGNMENT_BYTES = 64
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_Outcomes = list[StoredHop | HopGap]


def examine_all(plan: SweepPlan, blocks: Sequence[HopSamples | HopGap]) -> _Outcomes:
    """`examine` some blocks one after another."""
    return [examine(plan, block) for block in blocks]


def sample_bytes(blocks: Sequence[HopSamples | HopGap]) -> int:
    """Bytes of the samples of some blocks, as they lie in the memory of a lot."""
    return sum(_aligned(block.raw.nbytes) for block in blocks if isinstance(block, HopSamples))


class Analysts:
    """Some processes that `examine`. They change no number: same code, same engine.

    Parameters
    ----------
    plan : SweepPlan
    count : int
        Processes.

    Raises
    ------
    OSError
        The machine has no room for them.
    """

    def __init__(self, plan: SweepPlan, count: int) -> None:
        self._plan = plan
        self._all = [_Analyst(plan) for _ in range(count)]
        self._idle: SimpleQueue[_Analyst] = SimpleQueue()
        for analyst in self._all:
            self._idle.put(analyst)

    def examine_all(self, blocks: Sequence[HopSamples | HopGap]) -> _Outcomes:
        """Let the next free process examine blocks; where they do not fit, or it has died, they are examined here.

        Raises
        ------
        Exception
            What `examine` raises.
        """
        if sample_bytes(blocks) > LOT_BYTES:
            return examine_all(self._plan, blocks)
        analyst = self._idle.get()
        try:
            outcomes = analyst.examine_all(blocks)
        except (EOFError, OSError):  # killed for its memory, perhaps; the samples are still here
            return examine_all(self._plan, blocks)
        finally:
            self._idle.put(analyst)
        if isinstance(outcomes, Exception):
            raise outcomes
        return outcomes

    def close(self) -> None:
        """End the processes; nobody may wait for one."""
        for analyst in self._all:
            analyst.close()


class _Analyst:
    """One process, the line to it, and the memory that holds the samples of a lot."""

    def __init__(self, plan: SweepPlan) -> None:
        self._line, theirs = multiprocessing.Pipe()
        descriptor = os.memfd_create("quietroom-samples")
        try:
            os.ftruncate(descriptor, LOT_BYTES)
            self._memory = mmap.mmap(descriptor, LOT_BYTES)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, str(theirs.fileno()), str(descriptor), *sys.path],
                pass_fds=(theirs.fileno(), descriptor),
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD},
                start_new_session=True,  # Ctrl-C is for the sweep, which still needs them to end in order
            )
        finally:
            theirs.close()
            os.close(descriptor)
        with contextlib.suppress(OSError):
            self._line.send((chosen_engine(), plan))

    def examine_all(self, blocks: Sequence[HopSamples | HopGap]) -> _Outcomes | Exception:
        """Raises OSError or EOFError where the process is no more."""
        samples: list[pickle.PickleBuffer] = []
        rest = pickle.dumps(list(blocks), protocol=5, buffer_callback=samples.append)
        places, start = [], 0
        for buffer in samples:
            with buffer.raw() as raw:
                places.append((start, raw.nbytes))
                self._memory[start : start + raw.nbytes] = raw
                start += _aligned(raw.nbytes)
        self._line.send((rest, places))
        outcomes: _Outcomes | Exception = self._line.recv()
        return outcomes

    def close(self) -> None:
        self._line.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._memory.close()


def serve(line_descriptor: int, memory_descriptor: int) -> None:
    """Examine what comes down a line until its other end is closed, or is no more.

    Parameters
    ----------
    line_descriptor, memory_descriptor : int
        Of this end of the line, and of the memory of samples, which the parent made.
    """
    with contextlib.suppress(EOFError, OSError), Connection(line_descriptor) as line:
        memory = memoryview(mmap.mmap(memory_descriptor, LOT_BYTES))
        engine, plan = line.recv()
        use_engine(engine)
        while True:
            rest, places = line.recv()
            blocks = pickle.loads(rest, buffers=[memory[start : start + size] for start, size in places])
            try:
                outcomes: _Outcomes | Exception = examine_all(plan, blocks)
            except Exception as error:  # raised again where the samples came from
                outcomes = error
            line.send(outcomes)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
