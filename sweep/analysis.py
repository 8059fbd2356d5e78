"""Reading ahead: the source goes on while others analyse the hops that it gave.

A receiver that waits for an analysis or for the disk loses time that somebody waits for in a room. One thread reads the
source, a few analyse, and whoever asks gets the hops in the order in which they came. Each hop is analysed for itself,
so who does it, and how many, changes no number. A receiver never waits for threads; a recording does, and where it has
waited for long, processes take over.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

from sweep.analysts import LOT_BYTES, Analysts, examine_all, sample_bytes
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.stored_hop import StoredHop

__all__ = ["READ_AHEAD", "Analysed", "analysed", "worker_count"]

READ_AHEAD = 16
"""Blocks that may wait: a fifth of a second of a dongle, in which a disk has synced a row."""

_MOST_WORKERS = 4
_LONG_WAIT = 500
"""Blocks that found no room: about as long as processes take to start."""

_LOT = 8  # blocks that go to a process together, which saves turns


class Analysed(NamedTuple):
    """What a source gave, and what became of it: the stored hop, or the gap that it is."""

    block: HopSamples | HopGap
    outcome: StoredHop | HopGap


def worker_count() -> int:
    """Threads that analyse: as many as there are processors for this process, four at most.

    Examples
    --------
    >>> 1 <= worker_count() <= 4
    True
    """
    return max(1, min(_MOST_WORKERS, len(os.sched_getaffinity(0))))


def analysed(
    blocks: Iterable[HopSamples | HopGap], plan: SweepPlan, *, is_stopping: Callable[[], bool] = lambda: False
) -> Generator[Analysed, None, None]:
    """Analyse the blocks of a source while it gives more of them.

    Parameters
    ----------
    blocks : iterable of HopSamples or HopGap
        Read in a thread of its own, up to 16 blocks ahead.
    plan : SweepPlan
    is_stopping : callable
        Asked after each block; once it says so no more are read, and those that were are given.

    Yields
    ------
    Analysed
        In the order of the blocks.

    Raises
    ------
    Exception
        What the source raises, once all blocks before it were given.

    Notes
    -----
    Close the generator (``contextlib.closing``) where it may be left early: that ends the reading before the source
    itself is closed.
    """
    room: SimpleQueue[None] = SimpleQueue()  # a place for each block that may wait: half the cost of a semaphore
    for _ in range(READ_AHEAD):
        room.put(None)
    read: SimpleQueue[_Lot | BaseException | None] = SimpleQueue()
    left = threading.Event()
    crew = _Crew(plan)

    def run() -> None:
        lot: list[HopSamples | HopGap] = []
        try:
            for block in blocks:
                lot.append(block)
                if crew.takes(lot):
                    read.put(_Lot(lot, crew.examine(lot)))
                    lot = []
                    crew.wait_for(room)
                if is_stopping() or left.is_set():
                    break
        except BaseException as error:  # raised again where the blocks are awaited
            end: BaseException | None = error
        else:
            end = None
        if lot:
            read.put(_Lot(lot, crew.examine(lot)))
        read.put(end)

    reader = threading.Thread(target=run, name="source", daemon=True)
    reader.start()
    try:
        while (item := read.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.put(None)
            yield from map(Analysed, item.blocks, item.outcomes.result())
    finally:
        left.set()
        room.put(None)
        reader.join()
        crew.close()


class _Lot(NamedTuple):
    """Blocks that are analysed together, and what comes of them."""

    blocks: Sequence[HopSamples | HopGap]
    outcomes: Future[list[StoredHop | HopGap]]


class _Crew:
    """Those who analyse: threads, until the source has waited for them too often."""

    def __init__(self, plan: SweepPlan) -> None:
        self._plan = plan
        self._threads = ThreadPoolExecutor(worker_count(), thread_name_prefix="analysis")
        self._analysts: Analysts | None = None
        self._n_waits = 0

    def takes(self, lot: Sequence[HopSamples | HopGap]) -> bool:
        """Whether these are enough to begin with."""
        if self._analysts is None or len(lot) == _LOT:
            return True
        return sample_bytes([*lot, lot[-1]]) > LOT_BYTES  # another one would not fit

    def examine(self, lot: Sequence[HopSamples | HopGap]) -> Future[list[StoredHop | HopGap]]:
        """Have them analysed."""
        if self._analysts is None:
            return self._threads.submit(examine_all, self._plan, lot)
        return self._threads.submit(self._analysts.examine_all, lot)

    def wait_for(self, room: SimpleQueue[None]) -> None:
        """Wait for room for the next block, and call for help where that is too often."""
        self._n_waits += room.empty()
        if self._analysts is None and self._n_waits == _LONG_WAIT:
            with contextlib.suppress(OSError):  # no room for processes: threads do it as well, more slowly
                self._analysts = Analysts(self._plan, worker_count())
        room.get()

    def close(self) -> None:
        """End them; what waits for them is given up."""
        self._threads.shutdown(cancel_futures=True)
        if self._analysts is not None:
            self._analysts.close()
