"""A swept recording: every capture is one hop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sweep.model import HopGap, Instrument
from sweep.plan import SweepPlan
from sweep.sources.recorded.iq import HopAt, Samples, nanoseconds
from sweep.sources.recorded.quietroom_keys import LookKeys

__all__ = ["SweptRecording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptRecording:
    """Hops and gaps, at least one, pass after pass. Satisfies ``Recording``.

    Attributes
    ----------
    samples : Samples
    plan : SweepPlan
    instrument : Instrument
    entries : tuple of HopAt or HopGap
    stated : bool
        True when pass numbers and monotonic times are those that the recorder wrote; False when passes were counted
        from 0 and monotonic times run from the start of the recording.
    looks : tuple of LookKeys
        What was asked for, where the entries are second looks and no passes.
    camp_dwells : int or None
        Dwells of a whole stay, where the entries are stays and no passes.
    """

    samples: Samples
    plan: SweepPlan
    instrument: Instrument
    entries: tuple[HopAt | HopGap, ...]
    stated: bool
    looks: tuple[LookKeys, ...] = ()
    camp_dwells: int | None = None

    @property
    def utc_ns(self) -> int:
        """Time of the first sample."""
        return min(entry.utc_ns for entry in (*self.entries, *self.looks))

    @property
    def duration_ns(self) -> int:
        """From the first sample to the end of the last."""
        last = max((*self.entries, *self.looks), key=lambda entry: entry.utc_ns)
        count = last.count if isinstance(last, HopAt) else 0
        return last.utc_ns - self.utc_ns + nanoseconds(count, self.plan.sample_rate_hz)

    @property
    def n_passes(self) -> int:
        """Passes that it holds."""
        return len(self._numbers)

    @property
    def own_passes(self) -> frozenset[int]:
        """Pass numbers that the recorder wrote."""
        return frozenset(self._numbers) if self.stated else frozenset()

    @property
    def _numbers(self) -> list[int]:
        return sorted({entry.pass_index for entry in self.entries})

    def steps(self, first_pass: int | None, monotonic_ns: int) -> Iterator[HopAt | HopGap]:
        """Give hop after hop; see ``Recording``."""
        number = {old: old if first_pass is None else first_pass + at for at, old in enumerate(self._numbers)}
        shift_ns = 0 if self.stated else monotonic_ns
        for entry in self.entries:
            yield replace(entry, pass_index=number[entry.pass_index], monotonic_ns=entry.monotonic_ns + shift_ns)
