"""A disk that is full: the sweep pauses, says so, and goes on when there is room."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TypeVar

from sweep.events import Event, Noted, Paused
from sweep.journal import DiskFullError, JournalWriter

__all__ = ["at_once", "until_room"]

T = TypeVar("T")

_RETRY_S = 0.5


def until_room(
    append: Callable[[], T],
    journal: JournalWriter,
    *,
    is_stopping: Callable[[], bool],
    wait: Callable[[float], None] = time.sleep,
) -> Generator[Paused | Noted, None, T]:
    """Append something, waiting as long as the disk is full; how long that was is noted in the journal.

    Parameters
    ----------
    append : callable
        May be called again after it raised `DiskFullError`.
    journal : JournalWriter
    is_stopping : callable
        Whether the user wants the sweep to end. The last try then has the reserve that the journal keeps.
    wait : callable
        Given the seconds between two tries.

    Yields
    ------
    Paused or Noted
        That it waits, and afterwards what was noted.

    Returns
    -------
    object
        What ``append`` gives.

    Raises
    ------
    DiskFullError
        The user ended the sweep, and the reserve is not enough.
    """
    try:
        return append()
    except DiskFullError as error:
        full = error
    begun_ns, utc_ns = time.monotonic_ns(), time.time_ns()
    journal.sync()
    yield Paused(
        reason=f"{journal.path.parent}: the disk is full; {journal.n_saved} passes are saved. Free some space and the "
        "sweep goes on, or end it with Ctrl-C"
    )

    result = _insist(append, journal, is_stopping, wait)
    seconds = (time.monotonic_ns() - begun_ns) * 1e-9
    text = f"the disk was full for {seconds:.1f} s, in which the sweep waited ({full.__cause__ or full})"
    note = Noted(utc_ns=utc_ns, kind="pause", text=text)
    _insist(lambda: journal.append_note(text, utc_ns=utc_ns, kind=note.kind), journal, is_stopping, wait)
    yield note
    return result


def at_once(waiting: Generator[Event, None, T], tell: Callable[[Event], None]) -> T:
    """Wait for the end of `until_room` where no event can be yielded; each is told to a callable instead.

    Returns
    -------
    object
        What the generator returns.
    """
    while True:
        try:
            tell(next(waiting))
        except StopIteration as end:
            result: T = end.value
            return result


def _insist(
    append: Callable[[], T], journal: JournalWriter, is_stopping: Callable[[], bool], wait: Callable[[float], None]
) -> T:
    while not is_stopping():
        try:
            return append()
        except DiskFullError:
            wait(_RETRY_S)
    journal.give_room()
    return append()
