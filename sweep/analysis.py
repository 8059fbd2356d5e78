"""Reading ahead: the source goes on while threads analyse the hops that it gave.

A receiver that waits for an analysis or for the disk loses time that somebody waits for in a room. One thread reads the
source, a few analyse, and whoever asks gets the hops in the order in which they came. Each hop is analysed for itself,
so how many threads there are changes no number.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.stored_hop import StoredHop, examine

__all__ = ["READ_AHEAD", "Analysed", "analysed", "worker_count"]

READ_AHEAD = 16
"""Blocks that may wait: a fifth of a second of a dongle, in which a disk has synced a row."""

_MOST_WORKERS = 4


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
    read: SimpleQueue[tuple[HopSamples | HopGap, Future[StoredHop | HopGap]] | BaseException | None] = SimpleQueue()
    left = threading.Event()
    pool = ThreadPoolExecutor(worker_count(), thread_name_prefix="analysis")

    def run() -> None:
        try:
            for block in blocks:
                read.put((block, pool.submit(examine, plan, block)))
                room.get()
                if is_stopping() or left.is_set():
                    break
        except BaseException as error:  # raised again where the blocks are awaited
            read.put(error)
        else:
            read.put(None)

    reader = threading.Thread(target=run, name="source", daemon=True)
    reader.start()
    try:
        while (item := read.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            room.put(None)
            yield Analysed(item[0], item[1].result())
    finally:
        left.set()
        room.put(None)
        reader.join()
        pool.shutdown(cancel_futures=True)
