"""Raw samples that can still be had once the judge has spoken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol, TypeGuard

from sweep.camping import dwells_of, holds_stays
from sweep.model import HopGap, HopSamples, IqSource, SpectraSource

__all__ = ["DwellKey", "HeldSamples", "RecordedSamples", "RereadSource", "can_reread", "key_of"]

DwellKey = tuple[int, int]
"""Hop of the plan, and monotonic time at which the samples of a dwell begin; no two dwells of a sweep share both."""


def key_of(samples: HopSamples) -> DwellKey:
    """Key of a dwell."""
    return samples.hop_index, samples.monotonic_ns


class HeldSamples(Protocol):
    """Samples of the dwells of a sweep."""

    @property
    def since_ns(self) -> int:
        """Monotonic time from which on dwells are held; older ones had to go."""
        ...

    @property
    def failure(self) -> str | None:
        """Why none are held; None where that did not happen."""
        ...

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample."""
        ...

    def add(self, block: HopSamples | HopGap) -> None:
        """Take note of a hop or a stay that came."""
        ...

    def give_up(self, reason: str) -> None:
        """Give back what is held, and hold no more."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...

    def fetch(self, wanted: AbstractSet[DwellKey]) -> Mapping[DwellKey, HopSamples]:
        """Give those of the wanted dwells that are held.

        Raises
        ------
        OSError, CaptureError
            They cannot be read.
        """
        ...


class RereadSource(IqSource, Protocol):
    """A recording, of which any hop can be read once more."""

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample, the most of any of its files."""
        ...

    def reread(self, wanted: AbstractSet[DwellKey]) -> Iterator[HopSamples]:
        """Give the hops of these places and times; nothing else is read."""
        ...


def can_reread(source: IqSource | SpectraSource) -> TypeGuard[RereadSource]:
    """Whether a source is a recording."""
    return hasattr(source, "reread")


class RecordedSamples:
    """Samples of a recording: nothing is held, as they are still where they were.

    Parameters
    ----------
    source : RereadSource
    """

    since_ns = 0
    failure = None

    def __init__(self, source: RereadSource) -> None:
        self._source = source

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample."""
        return self._source.sample_bytes

    def add(self, block: HopSamples | HopGap) -> None:
        """It can be read once more."""

    def give_up(self, reason: str) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def fetch(self, wanted: AbstractSet[DwellKey]) -> Mapping[DwellKey, HopSamples]:
        """Read the wanted dwells of passes and stays once more.

        Raises
        ------
        CaptureError
            A file cannot be read any more.
        """
        plan = self._source.plan
        found = {key_of(hop): next(dwells_of(plan, hop)) for hop in self._source.reread(wanted)}
        if holds_stays(self._source):
            for stay in self._source.stays():
                dwells = dwells_of(plan, stay) if isinstance(stay, HopSamples) else ()
                found |= {key_of(dwell): dwell for dwell in dwells if key_of(dwell) in wanted}
        return found
