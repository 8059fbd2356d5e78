"""What a seal says of the contents of a record, apart from the file that holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import rfc8785

from sweep.journal import Note
from sweep.model import HopGap
from sweep.record import SweepRecord
from sweep.seal.merkle import merkle_root

__all__ = ["PARTS", "Contents", "all_leaves", "contents_of", "gaps_of"]

PARTS = {
    "frequency": "the frequencies of the bins",
    "processing": "the plan, instrument or judgement",
    "events": "the log of events",
}
"""What is hashed apart from rows and gaps, so that a change of it can be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Leaves, parts and gaps of a record.

    Attributes
    ----------
    n_rows, n_stays : int
    leaves : tuple of bytes
        As `all_leaves` gives them.
    parts : dict
        Name in `PARTS` to SHA-256 in hexadecimal.
    gaps : list of dict
        Times as text: canonical JSON has no whole numbers above 2^53.
    """

    n_rows: int
    n_stays: int
    leaves: tuple[bytes, ...]
    parts: dict[str, str]
    gaps: list[dict[str, Any]]

    @property
    def root(self) -> bytes:
        """Root of the Merkle tree over the leaves."""
        return merkle_root(self.leaves)


def all_leaves(record: SweepRecord) -> tuple[bytes, ...]:
    """Leaves as they are stored: of the rows, then of the stays, then of the second looks."""
    return (*record.leaves, *record.stay_leaves, *record.look_leaves)


def contents_of(record: SweepRecord) -> Contents:
    """Collect the contents of an open record, with its leaves as they are stored.

    Raises
    ------
    RecordError
        A part of the record is damaged.
    """
    frequency = np.ascontiguousarray(record.layout.freq_hz, "<f8").tobytes()
    parts = {"frequency": frequency, "processing": record.processing, "events": _events(record.notes)}
    return Contents(
        n_rows=record.n_rows,
        n_stays=record.n_stays,
        leaves=all_leaves(record),
        parts={name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
        gaps=gaps_of(record),
    )


def gaps_of(record: SweepRecord) -> list[dict[str, Any]]:
    """The gaps of a record, as a seal tells them."""
    return [_gap(gap) for gap in record.gaps]


def _events(notes: Iterable[Note]) -> bytes:
    return rfc8785.dumps([{"kind": note.kind, "text": note.text, "utc_ns": str(note.utc_ns)} for note in notes])


def _gap(gap: HopGap) -> dict[str, Any]:
    return {
        "pass_index": gap.pass_index,
        "hop_index": gap.hop_index,
        "utc_ns": str(gap.utc_ns),
        "monotonic_ns": str(gap.monotonic_ns),
        "reason": gap.reason,
    }
