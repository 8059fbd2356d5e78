"""What a sweep session tells as it happens: progress, what is in the journal, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweep.health.drift import DRIFT
from sweep.looks import Look
from sweep.model import HopGap, HopSamples, Judgement, SweepRow

__all__ = [
    "Closed",
    "Event",
    "FindingMade",
    "GapSeen",
    "HopDone",
    "LookTaken",
    "Noted",
    "Paused",
    "RowDone",
    "StayDone",
    "noted_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HopDone:
    """One hop was received and analysed."""

    pass_index: int
    hop_index: int
    n_hops: int
    overloaded: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowDone:
    """One pass is in the journal, synced to disk."""

    row: SweepRow
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StayDone:
    """One stay on a hop is in the journal, synced to disk.

    Attributes
    ----------
    row : SweepRow
        What a row has for each hop, it has for each dwell.
    leaf : bytes
    center_freq_hz : int
        Centre of the hop.
    number, n_stays : int
        Stays so far, this one and failed ones among them, and in all.
    """

    row: SweepRow
    leaf: bytes
    center_freq_hz: int
    number: int
    n_stays: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSeen:
    """A gap is in the journal."""

    gap: HopGap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LookTaken:
    """A second look is in the journal, synced to disk."""

    look: Look
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The sweep waits for something that the user can mend."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something happened that is neither row, gap nor finding; it is in the journal.

    Attributes
    ----------
    utc_ns : int
    kind : str
        ``clock``, ``drift``, ``pause`` or ``receiver``.
    text : str
    is_quiet : bool
        Whether it is for the record only, and nobody needs to hear of it now.
    """

    utc_ns: int
    kind: str
    text: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingMade:
    """The judge made a finding; it is in the journal."""

    finding: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The record is packed, checked and in its place."""

    record_path: str
    n_rows: int
    judgement: Judgement = field(hash=False)


Event = HopDone | RowDone | GapSeen | StayDone | LookTaken | Paused | Noted | FindingMade | Closed


def noted_of(block: HopSamples | HopGap) -> Iterator[Noted]:
    """What a receiver says of itself with a hop."""
    if isinstance(block, HopSamples) and block.note:
        yield Noted(utc_ns=block.utc_ns, kind="receiver", text=block.note)
    if isinstance(block, HopSamples) and block.drift is not None:
        drift = block.drift
        yield Noted(utc_ns=block.utc_ns, kind=DRIFT, text=drift.text, is_quiet=not drift.is_worth_saying)
