"""Putting a journal on the disk while more is appended to it: an event is told once a sync that began after it is done.

A replay appends some thousand rows a second. Waiting for the disk five times a second would leave both processors idle
for a tenth of the time. A receiver must not wait for a slow disk at all: what it does not hear then nobody hears again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from sweep.events import Event

__all__ = ["Syncing"]

_LATE_S = 0.1  # half of what a live source reads ahead
_MOST_HELD_BACK = 1000


class Syncing:
    """Holds events back until what they tell of is on the disk. A context manager: leaving it waits for the disk.

    Parameters
    ----------
    sync : callable
        Puts all that was appended before the call on the disk; called in a thread of its own.
    interval_s : float
        Longest time from one sync to the next. With 0 each event waits for a sync of its own, unless the disk takes
        longer than a tenth of a second: what is being received then goes on, and events are told as the disk has them.
    """

    def __init__(self, sync: Callable[[], None], interval_s: float) -> None:
        self._sync = sync
        self._interval_s = interval_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._running: Future[None] | None = None
        self._covered: list[Event] = []
        self._waiting: list[Event] = []
        self._begun_at = time.monotonic()

    def add(self, event: Event) -> Iterator[Event]:
        """Take an event of what was just appended, and give those that can be told by now.

        Raises
        ------
        RecordError
            The disk failed to keep the data.
        """
        self._waiting.append(event)
        is_late = self._running is not None and not self._running.done()
        yield from self.ready()
        if self._interval_s == 0 and not is_late:
            self._await_disk()
            yield from self.ready()
        if len(self._covered) + len(self._waiting) > _MOST_HELD_BACK:
            yield from self._end()

    def ready(self) -> Iterator[Event]:
        """Give the events that can be told by now, and see to the others."""
        if self._running is not None and self._running.done():
            yield from self._end()
        if self._running is None and self._waiting and time.monotonic() - self._begun_at >= self._interval_s:
            self._begin()

    def finish(self) -> Iterator[Event]:
        """Sync what is left, and give the events that were held back."""
        yield from self._end()
        self._begin()
        yield from self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()

    def _await_disk(self) -> None:
        if self._running is not None:
            wait((self._running,), _LATE_S)

    def _begin(self) -> None:
        self._covered, self._waiting = self._waiting, []
        self._begun_at = time.monotonic()
        self._running = self._thread.submit(self._sync)

    def _end(self) -> Iterator[Event]:
        if self._running is not None:
            running, self._running = self._running, None
            running.result()
            covered, self._covered = self._covered, []
            yield from covered
