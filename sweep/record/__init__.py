"""Reading a sweep record: an HDF5 file whose every part is checked before it is read.

``docs/record-format.md`` describes the file. What it holds is data of strangers: nothing in it can name another file,
make the reader take memory beyond what the file itself backs, or pass as measured when it is damaged.
"""

from __future__ import annotations

from sweep.record.reader import SweepRecord, Waterfall

__all__ = ["SweepRecord", "Waterfall"]
