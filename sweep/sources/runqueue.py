"""How long the system let a thread wait for a processor, so that its clock readings can be judged."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["RunQueue"]

_STATISTICS = Path("/proc/thread-self/schedstat")  # Linux: time on a processor, time waiting for one, times it ran
_MOST_BYTES = 128


class RunQueue:
    """The wait for a processor of the thread that makes this object.

    Examples
    --------
    >>> queue = RunQueue()
    >>> queue.waited_ns() >= 0
    True
    >>> queue.close()
    """

    def __init__(self) -> None:
        try:
            self._statistics: int | None = os.open(_STATISTICS, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # another system than Linux
            self._statistics = None

    def waited_ns(self) -> int:
        """Tell how long the thread was ready to run and did not, since it began, in nanoseconds; 0 where unknown."""
        if self._statistics is None:
            return 0
        return int(os.pread(self._statistics, _MOST_BYTES, 0).split()[1])

    def close(self) -> None:
        """Give the file back."""
        if self._statistics is not None:
            os.close(self._statistics)
            self._statistics = None
