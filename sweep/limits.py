"""The most that a record may hold: what is above is neither written nor read.

A file of a megabyte can declare, in zeros, more than a machine has memory or its user time for. Memory grows with the
bins of a row, time with all its levels; rows are read in blocks.
"""

from __future__ import annotations

__all__ = ["MAX_BINS", "MAX_BURSTS", "MAX_HOPS", "MAX_LEVELS", "MAX_ROWS", "most_rows"]

MAX_BINS = 1 << 22
"""Bins of a row, and of a stay: 24 to 1766 MHz in steps of 416 Hz."""

MAX_HOPS = 1 << 16
"""Hops of a row, or dwells of a stay: 24 to 1766 MHz in steps of 27 kHz."""

MAX_ROWS = 1 << 22
"""Rows of one record: 31 hours of 27 ms dwells."""

MAX_LEVELS = 1 << 32
"""Bins of all rows of one record: 6159 passes over 24 to 1766 MHz in steps of 2500 Hz, 20 hours of signal."""

MAX_BURSTS = 1 << 16
"""Burst boxes of a row; more only where it has more bins."""


def most_rows(row_bins: int) -> int:
    """Rows that a record of rows with so many bins may have.

    Examples
    --------
    >>> most_rows(768), most_rows(697_344)
    (4194304, 6159)
    """
    return min(MAX_ROWS, MAX_LEVELS // max(1, row_bins))
