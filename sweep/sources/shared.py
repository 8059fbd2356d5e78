"""Several receivers as one source: each visits its part of the plan at the same time, and the passes are one.

A thread reads each receiver. The blocks are given in an order that depends on the parts alone, never on who was
quicker: the same samples make the same record. Whoever is ahead waits once it has so much in store.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from sweep.health.checks import Check
from sweep.looks import LookRequest
from sweep.model import HopGap, HopSamples, Instrument, IqSource
from sweep.plan import SweepPlan
from sweep.sources.sharing import part_ranges

__all__ = ["Part", "PartSource", "SharedSource"]

_STORE_BYTES = 64 << 20
_LEAST_STORED = 4


class PartSource(IqSource, Protocol):
    """A receiver that can visit a part of a plan."""

    @property
    def tunes_hz(self) -> tuple[tuple[int, int], ...]:
        """What its tuner covers, in Hz."""
        ...

    def take_part(self, plan: SweepPlan, hops: Sequence[int]) -> None:
        """From now on visit these hops of a plan, at this receiver's own gain."""
        ...

    def look(self, request: LookRequest) -> HopSamples:
        """Look at another tuning."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A receiver, what it is called in messages, and its hops, ascending."""

    source: PartSource
    name: str
    hops: tuple[int, ...]


class SharedSource:
    """A source of samples (see `sweep.model.IqSource`) over several receivers.

    Parameters
    ----------
    plan : SweepPlan
        Of all of them.
    parts : sequence of Part
        Every hop of the plan once.
    """

    def __init__(self, plan: SweepPlan, parts: Sequence[Part]) -> None:
        self._plan = plan
        self._parts = tuple(parts)
        self._owner = {hop: part for part in parts for hop in part.hops}
        self._readers: tuple[_Reader, ...] = ()
        for part in parts:
            part.source.take_part(plan, part.hops)
        self._instrument = _instrument(plan, parts)

    @property
    def instrument(self) -> Instrument:
        """What the receivers have in common, and each of them."""
        return self._instrument

    @property
    def plan(self) -> SweepPlan:
        """The plan that ``blocks`` follows."""
        return self._plan

    @property
    def receivers(self) -> tuple[PartSource, ...]:
        """The sources that share the plan."""
        return tuple(part.source for part in self._parts)

    def note_checks(self, checks: Sequence[Check]) -> None:
        """Add what was checked of all together, and take over what was noted of each receiver."""
        told = (*self._instrument.checks, *checks)
        self._instrument = replace(_instrument(self._plan, self._parts), checks=told)

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        """Give hop after hop, pass after pass; within a pass all parts go on evenly.

        A receiver that is given up for a pass is a gap at the end of it, when all others have done their parts.
        """
        self._halt()
        n_stored = max(_LEAST_STORED, _STORE_BYTES // (2 * self._plan.hop_samples * len(self._parts)))
        self._readers = readers = tuple(_Reader(part, passes, n_stored) for part in self._parts)
        order = _order([len(part.hops) for part in self._parts])
        try:
            for pass_index in itertools.count() if passes is None else range(passes):
                yield from self._one_pass(pass_index, readers, order)
        finally:
            self._halt()

    def look(self, request: LookRequest) -> HopSamples:
        """Look at another tuning with the receiver in whose part it lies.

        Raises
        ------
        DeviceError
            That receiver is lost or refuses the frequency.
        """
        self._halt()  # they read ahead, and a receiver is tuned by one at a time
        centers_hz = self._plan.hop_centers_hz
        nearest = min(range(len(centers_hz)), key=lambda hop: abs(centers_hz[hop] - request.center_freq_hz))
        return self._owner[nearest].source.look(request)

    def close(self) -> None:
        """Give all receivers back."""
        self._halt()
        with contextlib.ExitStack() as stack:
            for part in self._parts:
                stack.callback(part.source.close)

    def _one_pass(
        self, pass_index: int, readers: Sequence[_Reader], order: Sequence[int]
    ) -> Iterator[HopSamples | HopGap]:
        given_up: dict[int, HopGap] = {}
        n_given = [0] * len(readers)
        for index in order:
            if index in given_up:
                continue
            block = readers[index].take()
            if block.hop_index is None and isinstance(block, HopGap):
                hops = self._parts[index].hops[n_given[index] :]
                reason = f"{self._parts[index].name}, hops {hops[0] + 1} to {hops[-1] + 1}: {block.reason}"
                given_up[index] = replace(block, reason=reason)
                continue
            n_given[index] += 1
            yield block
        if given_up:
            first = min(given_up.values(), key=lambda gap: gap.monotonic_ns)
            yield replace(first, reason="; ".join(gap.reason for _, gap in sorted(given_up.items())))

    def _halt(self) -> None:
        """End the threads; what they have in store is dropped."""
        readers, self._readers = self._readers, ()
        for reader in readers:
            reader.leave()
        for reader in readers:
            reader.join()


class _Reader:
    """Reads one receiver in a thread of its own, so far ahead and no further."""

    def __init__(self, part: Part, passes: int | None, n_stored: int) -> None:
        self._room = threading.Semaphore(n_stored)
        self._blocks: SimpleQueue[HopSamples | HopGap | BaseException] = SimpleQueue()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(part.source, passes), name=part.name, daemon=True)
        self._thread.start()

    def take(self) -> HopSamples | HopGap:
        """Give the next block, or raise what the source raised in its place."""
        block = self._blocks.get()
        self._room.release()
        if isinstance(block, BaseException):
            raise block
        return block

    def leave(self) -> None:
        """Read no more than what is being read."""
        self._left.set()
        self._room.release()

    def join(self) -> None:
        """Wait for the end of what is being read."""
        self._thread.join()

    def _run(self, source: PartSource, passes: int | None) -> None:
        try:
            for block in source.blocks(passes):
                self._blocks.put(block)
                self._room.acquire()
                if self._left.is_set():
                    break
        except BaseException as error:  # raised again where the blocks are awaited
            self._blocks.put(error)


class _Turn(NamedTuple):
    """When a hop is given within a pass: at this share of its receiver's part."""

    share: float
    receiver: int


def _order(sizes: Sequence[int]) -> list[int]:
    """Receiver of each block of a pass: all go on evenly, and the last hop of the last one ends the pass.

    Examples
    --------
    >>> _order([2, 4])
    [1, 0, 1, 1, 0, 1]
    """
    turns = [_Turn((number + 1) / size, index) for index, size in enumerate(sizes) for number in range(size)]
    return [turn.receiver for turn in sorted(turns)]


def _instrument(plan: SweepPlan, parts: Sequence[Part]) -> Instrument:
    """Each receiver with its ranges, and what all have in common; texts that differ are named one after another."""
    own = [replace(part.source.instrument, ranges_hz=part_ranges(plan, part.hops)) for part in parts]
    shared = tuple(note for note in own[0].notes if all(note in one.notes for one in own))
    single = [
        f"{part.name}: {note}"
        for part, one in zip(parts, own, strict=True)
        for note in dict.fromkeys(one.notes)
        if note not in shared
    ]
    texts: dict[str, Any] = {
        name: _listed([getattr(one, name) for one in own]) for name in ("serial", "product", "tuner", "antenna")
    }
    alike: dict[str, Any] = {
        name: getattr(own[0], name) if len({getattr(one, name) for one in own}) == 1 else None
        for name in ("gain_db", "ppm", "sample_format", "settle_s", "settle_measured")
    }
    return Instrument(
        driver=_listed([one.driver for one in own]) or "",
        **texts,
        **alike,
        synthetic=any(one.synthetic for one in own),
        notes=(*single, *shared),
        receivers=tuple(own),
    )


def _listed(texts: Sequence[str | None]) -> str | None:
    return ", ".join(dict.fromkeys(text for text in texts if text)) or None
