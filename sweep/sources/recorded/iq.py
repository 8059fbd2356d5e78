"""What every recording of IQ samples has in common: where samples lie, hops cut from them, the source over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.samples import SAMPLE_FORMATS
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.files import name_errors, refuse

__all__ = ["HopAt", "RecordedSource", "Recording", "Samples", "hop_samples", "nanoseconds", "receiver"]


def nanoseconds(n_samples: int, sample_rate_hz: int) -> int:
    """Duration of samples, in whole nanoseconds.

    Examples
    --------
    >>> nanoseconds(3, 2_000_000)
    1500
    """
    return n_samples * 1_000_000_000 // sample_rate_hz


def receiver(
    options: SourceOptions, sample_format: str, notes: Iterable[str], product: str | None = None
) -> Instrument:
    """Describe the receiver behind a recording: nothing but what the file and the user say."""
    return Instrument(
        driver="recording",
        product=product,
        gain_db=options.gain_db,
        antenna=options.antenna,
        sample_format=sample_format,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Where the samples of a recording lie in a file.

    Attributes
    ----------
    path : Path
    sample_format : str
        A key of ``dsp.samples.SAMPLE_FORMATS``.
    offset_bytes : int
        Of the first sample.
    n_samples : int
        Whole IQ samples.
    """

    path: Path
    sample_format: str
    offset_bytes: int
    n_samples: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample."""
        return 2 * SAMPLE_FORMATS[self.sample_format].itemsize

    @contextmanager
    def reader(self) -> Iterator[Callable[[int, int], NDArray[Any]]]:
        """Open the file; gives a function from (start, count) in samples to their components.

        Raises
        ------
        CaptureError
            The file cannot be read, or it became shorter since it was opened.
        """
        with name_errors(self.path), self.path.open("rb", buffering=0) as handle:

            def read(start: int, count: int) -> NDArray[Any]:
                handle.seek(self.offset_bytes + start * self.sample_bytes)
                data = np.empty(count * self.sample_bytes, np.uint8)
                view, filled = data.data, 0
                while filled < data.size:  # one read call may give less than was asked for
                    got = handle.readinto(view[filled:])
                    if not got:
                        raise refuse(self.path, f"ends within sample {start + filled // self.sample_bytes}")
                    filled += got
                components = data.view(SAMPLE_FORMATS[self.sample_format])
                components.flags.writeable = False
                return components

            yield read


@dataclass(frozen=True, slots=True, kw_only=True)
class HopAt:
    """One hop: ``count`` samples from ``start`` on, and what ``HopSamples`` says of them."""

    start: int
    count: int
    center_freq_hz: float
    gain_db: float | None
    utc_ns: int
    monotonic_ns: int
    pass_index: int
    hop_index: int
    full_scale: float = 1.0
    dropped_samples: int = 0
    tuner_locked: bool = True


class Recording(Protocol):
    """One recording, opened and checked; its samples are read only when they are asked for."""

    @property
    def samples(self) -> Samples:
        """Where the samples lie."""
        ...

    @property
    def plan(self) -> SweepPlan:
        """The plan that its hops follow."""
        ...

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver."""
        ...

    @property
    def utc_ns(self) -> int:
        """Time of the first sample."""
        ...

    @property
    def duration_ns(self) -> int:
        """From the first sample to the end of the last."""
        ...

    @property
    def n_passes(self) -> int:
        """Passes that it holds."""
        ...

    @property
    def own_passes(self) -> frozenset[int]:
        """Pass numbers that the recording itself states; empty when it states none."""
        ...

    def steps(self, first_pass: int | None, monotonic_ns: int) -> Iterator[HopAt | HopGap]:
        """Give hop after hop.

        Parameters
        ----------
        first_pass : int or None
            Number of its first pass; None keeps the numbers that it states.
        monotonic_ns : int
            Monotonic time of its first sample, where the recording does not state one.
        """
        ...


class RecordedSource:
    """Recordings of one visit as a source of samples.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one, all on the same plan, in order of time.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = tuple(recordings)
        stated = [number for recording in recordings for number in recording.own_passes]
        self._keeps_numbers = all(r.own_passes for r in recordings) and len(stated) == len(set(stated))

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver, with the notes of every recording."""
        first = self._recordings[0].instrument
        notes = dict.fromkeys(note for recording in self._recordings for note in recording.instrument.notes)
        return replace(first, notes=tuple(notes))

    @property
    def plan(self) -> SweepPlan:
        """The plan that ``blocks`` follows."""
        return self._recordings[0].plan

    @property
    def n_passes(self) -> int:
        """Passes that the recordings hold."""
        return sum(recording.n_passes for recording in self._recordings)

    @property
    def utc_ns(self) -> int:
        """Time of the first sample."""
        return self._recordings[0].utc_ns

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample, the most of any recording."""
        return max(recording.samples.sample_bytes for recording in self._recordings)

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        """Give hop after hop, pass after pass, until the recordings or ``passes`` are at their end.

        Raises
        ------
        CaptureError
            A file cannot be read any more.
        """
        return self._give(passes, lambda step: True)

    def reread(self, wanted: AbstractSet[tuple[int, int]]) -> Iterator[HopSamples]:
        """Give hops once more; the samples of no other are read.

        Parameters
        ----------
        wanted : set of (int, int)
            Hop of the plan and monotonic time of each, as they were given.

        Raises
        ------
        CaptureError
            A file cannot be read any more.
        """
        for block in self._give(None, lambda step: (step.hop_index, step.monotonic_ns) in wanted):
            if isinstance(block, HopSamples):
                yield block

    def _give(self, passes: int | None, wanted: Callable[[HopAt], bool]) -> Iterator[HopSamples | HopGap]:
        seen: set[int] = set()
        first_pass, monotonic_ns = 0, 0
        for recording in self._recordings:
            monotonic_ns = max(monotonic_ns, recording.utc_ns - self.utc_ns)
            steps = recording.steps(None if self._keeps_numbers else first_pass, monotonic_ns)
            with recording.samples.reader() as read:
                for step in steps:
                    seen.add(step.pass_index)
                    if passes is not None and len(seen) > passes:
                        return
                    if isinstance(step, HopGap):
                        yield step
                    elif wanted(step):
                        yield hop_samples(recording, step, read(step.start, step.count))
            first_pass += recording.n_passes
            monotonic_ns += recording.duration_ns

    def close(self) -> None:
        """Nothing is held: a file is open only while its blocks are being given."""


def hop_samples(recording: Recording, at: HopAt, raw: NDArray[Any]) -> HopSamples:
    """Put the samples of a hop together with what is known of it."""
    return HopSamples(
        raw=raw,
        sample_format=recording.samples.sample_format,
        full_scale=at.full_scale,
        center_freq_hz=at.center_freq_hz,
        sample_rate_hz=recording.plan.sample_rate_hz,
        gain_db=at.gain_db,
        utc_ns=at.utc_ns,
        monotonic_ns=at.monotonic_ns,
        pass_index=at.pass_index,
        hop_index=at.hop_index,
        dropped_samples=at.dropped_samples,
        tuner_locked=at.tuner_locked,
    )
