"""A recording at one frequency: one hop, cut into passes of the plan's dwell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsp.errors import ParameterError
from sweep.model import HopGap, Instrument
from sweep.plan import SweepPlan, choose_fft
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.facts import Known
from sweep.sources.recorded.files import name_errors, refuse
from sweep.sources.recorded.iq import HopAt, Samples, nanoseconds, receiver
from sweep.sources.recorded.levels import measure_full_scale

__all__ = ["FixedRecording", "Stretch", "dwell_notes", "fixed_recording", "plan_at"]

_MIN_FRAMES = 8  # with fewer, neither spread nor kurtosis of a bin means anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples without a break in time."""

    start: int
    count: int
    utc_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedRecording:
    """One or more stretches at one frequency. Satisfies ``Recording``."""

    samples: Samples
    plan: SweepPlan
    instrument: Instrument
    center_freq_hz: float
    full_scale: float
    stretches: tuple[Stretch, ...]

    @property
    def utc_ns(self) -> int:
        """Time of the first sample."""
        return self.stretches[0].utc_ns

    @property
    def duration_ns(self) -> int:
        """From the first sample to the end of the last."""
        last = self.stretches[-1]
        return last.utc_ns - self.utc_ns + nanoseconds(last.count, self.plan.sample_rate_hz)

    @property
    def n_passes(self) -> int:
        """Passes that it holds."""
        return sum(-(-stretch.count // self.plan.hop_samples) for stretch in self.stretches)

    @property
    def own_passes(self) -> frozenset[int]:
        """None are stated."""
        return frozenset()

    def steps(self, first_pass: int | None, monotonic_ns: int) -> Iterator[HopAt | HopGap]:
        """Give pass after pass; see ``Recording``."""
        number = first_pass or 0
        for stretch in self.stretches:
            base_ns = monotonic_ns + stretch.utc_ns - self.utc_ns
            for start in _pass_starts(stretch.count, self.plan.hop_samples):
                elapsed_ns = nanoseconds(start, self.plan.sample_rate_hz)
                yield HopAt(
                    start=stretch.start + start,
                    count=self.plan.hop_samples,
                    center_freq_hz=self.center_freq_hz,
                    gain_db=self.plan.gain_db,
                    utc_ns=stretch.utc_ns + elapsed_ns,
                    monotonic_ns=base_ns + elapsed_ns,
                    pass_index=number,
                    hop_index=0,
                    full_scale=self.full_scale,
                )
                number += 1


def _pass_starts(n_samples: int, hop_samples: int) -> Iterator[int]:
    """First sample of each pass; the last ends where the samples end, so that none is left out.

    Examples
    --------
    >>> list(_pass_starts(10, 4)), list(_pass_starts(8, 4))
    ([0, 4, 6], [0, 4])
    """
    yield from range(0, n_samples - hop_samples + 1, hop_samples)
    if n_samples % hop_samples:
        yield n_samples - hop_samples


def _frames_in(n_samples: int, n_fft: int) -> int:
    """Half-overlapping frames that samples hold.

    Examples
    --------
    >>> _frames_in(1000, 400)
    4
    """
    return n_samples // (n_fft // 2) - 1


def _fewest_frames(options: SourceOptions) -> int:
    """Fewest frames of a hop that are analysed; only a user who asks for fewer gets fewer."""
    return min(_MIN_FRAMES, options.n_frames)


def plan_at(
    path: Path, centers_hz: Sequence[float], n_samples: int, sample_rate_hz: int, options: SourceOptions
) -> SweepPlan:
    """Make the plan for samples that were recorded without one.

    Parameters
    ----------
    path : Path
        Named in errors.
    centers_hz : sequence of float
        Ascending; the plan has each at the nearest multiple of the bin width.
    n_samples : int
        Samples of the shortest hop; where they are fewer than a dwell, the plan has fewer frames.
    sample_rate_hz : int
    options : SourceOptions

    Raises
    ------
    CaptureError
        The hop is too short, or the rate has no bin width of whole hertz.
    """
    with name_errors(path):
        if options.n_frames < 2:
            raise ParameterError(f"a hop needs at least 2 frames, not {options.n_frames}")
        n_fft = choose_fft(sample_rate_hz, options.bin_width_hz)
    width = sample_rate_hz // n_fft
    n_frames = min(options.n_frames, _frames_in(n_samples, n_fft))
    if n_frames < _fewest_frames(options):
        needed = (_fewest_frames(options) + 1) * (n_fft // 2)
        raise refuse(
            path,
            f"is too short: {n_samples} samples, but {needed} are needed at {sample_rate_hz} S/s "
            f"({_fewest_frames(options)} frames of {n_fft} points); record longer",
        )
    return SweepPlan(
        sample_rate_hz=sample_rate_hz,
        n_fft=n_fft,
        n_frames=n_frames,
        hop_bins=n_fft,  # no neighbouring hop covers the edges, so nothing is cut off
        hop_centers_hz=tuple(round(center / width) * width for center in centers_hz),
        gain_db=options.gain_db,
    )


def dwell_notes(plan: SweepPlan, options: SourceOptions) -> list[str]:
    """Say where fewer frames were recorded than a dwell has."""
    if plan.n_frames == options.n_frames:
        return []
    return [f"shorter than a dwell of {options.n_frames} frames: analysed with {plan.n_frames}"]


def fixed_recording(
    samples: Samples,
    known: Known,
    options: SourceOptions,
    *,
    notes: Iterable[str] = (),
    stretches: tuple[Stretch, ...] = (),
    product: str | None = None,
) -> FixedRecording:
    """Check and plan a recording at one frequency.

    Parameters
    ----------
    samples : Samples
    known : Known
    options : SourceOptions
    notes : iterable of str
        On the file; those on its facts, its cutting and its scaling are added.
    stretches : tuple of Stretch
        In order of time; by default the samples have no break.
    product : str, optional
        Of the receiver.

    Raises
    ------
    CaptureError
        The recording is too short, its rate cannot be planned, or float samples are not finite.
    """
    stretches = stretches or (Stretch(start=0, count=samples.n_samples, utc_ns=known.utc_ns),)
    shortest = min(stretch.count for stretch in stretches)
    plan = plan_at(samples.path, (known.center_freq_hz,), shortest, known.sample_rate_hz, options)
    full_scale, scale_note = measure_full_scale(samples)
    all_notes = [*known.notes, *notes, *([scale_note] if scale_note else []), *dwell_notes(plan, options)]
    if any(stretch.count % plan.hop_samples for stretch in stretches):
        all_notes.append(
            "not a whole number of dwells: the last pass ends with the samples and overlaps that before it"
        )
    return FixedRecording(
        samples=samples,
        plan=plan,
        instrument=receiver(options, samples.sample_format, all_notes, product),
        center_freq_hz=known.center_freq_hz,
        full_scale=full_scale,
        stretches=stretches,
    )
