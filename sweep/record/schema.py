"""The schema of a sweep record: its version, and where things are kept in it."""

from __future__ import annotations

import msgspec

from sweep.journal.documents import Int64, JudgementDocument, StartDocument
from sweep.journal.layout_json import LayoutDocument

__all__ = ["LOOK_NUMBERS", "MAX_WATERFALL_CELLS", "SCHEMA", "ProcessingDocument", "row_place"]

SCHEMA = "1.4.0"
"""Semantic version of the file's schema; a reader refuses another major version and ignores what it does not know."""

MAX_WATERFALL_CELLS = 2000
"""Cells of the waterfall in time, and in frequency."""


LOOK_NUMBERS = (
    ("center_freq_hz", "<i8"),
    ("gain_step_db", "<f8"),
    ("wanted_dwells", "<i8"),
    ("n_dwells", "<i8"),
    ("n_bins", "<i8"),
    ("first_bin", "<i8"),
    ("gain_db", "<f8"),
    ("utc_ns", "<i8"),
    ("monotonic_ns", "<i8"),
)
"""What ``/entry/looks`` says of each second look, with its stored type."""


class ProcessingDocument(msgspec.Struct, frozen=True):
    """The JSON of ``/entry/processing``."""

    start: StartDocument
    layout: LayoutDocument
    judgement: JudgementDocument
    end_time: str
    recovered: bool
    torn_tail_bytes: Int64


def row_place(name: str) -> str:
    """Say where in ``/entry``, or of stays in ``/entry/stays``, an array of ``ROW_ARRAYS`` is kept.

    Examples
    --------
    >>> row_place("mean"), row_place("burst_8"), row_place("hop_gain_db")
    ('data/mean', 'bursts/burst_8', 'hops/hop_gain_db')
    """
    group = {"burst": "bursts", "hop": "hops"}.get(name.partition("_")[0], "data")
    return f"{group}/{name}"
