"""Where the time of a seal comes from."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["clock_source"]

_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of <sys/timex.h>
_STATUS_OFFSET = 5 * ctypes.sizeof(ctypes.c_long)  # modes (padded), offset, freq, maxerror, esterror
_TIMEX_BYTES = 512


def clock_source() -> dict[str, object]:
    """Say which clock is read, and whether the system has set it by another one (NTP, PTP, GPS).

    Returns
    -------
    dict
        ``source`` and ``synchronized``; the latter is None where the system does not tell.
    """
    return {"source": "clock of the computer", "synchronized": _synchronised()}


def _synchronised() -> bool | None:
    """The kernel's own flag, which every time service sets; read-only, so that no right is needed."""
    if not sys.platform.startswith("linux"):
        return None
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes is 0: nothing is changed
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
            return None
    except (OSError, AttributeError):
        return None
    status = ctypes.c_int.from_buffer(timex, _STATUS_OFFSET).value
    return not status & _UNSYNCHRONISED
