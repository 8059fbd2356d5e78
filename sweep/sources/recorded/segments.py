"""SigMF captures by others: segments of one recording, at one frequency or at many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dsp.errors import ParameterError
from sweep.model import Instrument
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.facts import Facts, Known, settle
from sweep.sources.recorded.files import name_errors, refuse
from sweep.sources.recorded.fixed import Stretch, dwell_notes, fixed_recording, plan_at
from sweep.sources.recorded.iq import HopAt, Recording, Samples, nanoseconds, receiver
from sweep.sources.recorded.levels import measure_full_scale
from sweep.sources.recorded.swept import SweptRecording
from sweep.units import parse_utc

__all__ = ["open_segments"]

_CONTINUOUS_NS = 1_000_000  # recorders round their time stamps to a millisecond
_MAX_UTC_NS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    start: int
    count: int
    freq_hz: float | None
    utc_ns: int | None


class _Hop(NamedTuple):
    freq_hz: float
    stretch: Stretch


def open_segments(path: Path, samples: Samples, document: Mapping[str, Any], options: SourceOptions) -> Recording:
    """Open a recording by its plain SigMF captures.

    At one frequency the segments are one recording, cut into passes. At several, each segment is a hop, and a pass
    ends before the first hop that comes again.

    Parameters
    ----------
    path : Path
        Its metadata, named in errors.
    samples : Samples
    document : mapping
        Validated SigMF metadata; no captures means one that begins at the first sample.
    options : SourceOptions

    Raises
    ------
    CaptureError
        A segment lies beyond the samples or is too short, or rate or frequency is missing.
    """
    info = document["global"]
    segments = _segments(path, samples, document["captures"], info.get("core:offset", 0))
    swept = len({segment.freq_hz for segment in segments}) > 1
    if swept and (options.center_freq_hz is not None or any(segment.freq_hz is None for segment in segments)):
        raise refuse(path, "is swept: every capture needs its core:frequency, and --center must be left out")
    stated = Facts(
        sample_rate_hz=_whole_rate(path, info),
        center_freq_hz=segments[0].freq_hz,
        utc_ns=segments[0].utc_ns,
        note="the SigMF metadata",
    )
    known = settle(path, options, stated)
    notes = [] if "core:sha512" in info else ["the recording has no checksum of its samples"]
    stretches = _timed(path, segments, known)
    if not swept:
        joined = _joined(stretches, known.sample_rate_hz)
        return fixed_recording(samples, known, options, notes=notes, stretches=joined, product=info.get("core:hw"))
    hops = [_Hop(float(segment.freq_hz or 0), at) for segment, at in zip(segments, stretches, strict=True)]
    instrument = receiver(options, samples.sample_format, (*known.notes, *notes), info.get("core:hw"))
    return _swept(samples, hops, known.sample_rate_hz, options, instrument)


def _whole_rate(path: Path, info: Mapping[str, Any]) -> int | None:
    rate = info.get("core:sample_rate")
    if rate is None:
        return None
    if not math.isfinite(rate) or rate != int(rate) or rate < 1:
        raise refuse(path, f"core:sample_rate {rate} is not a whole number of Hz above 0; resample the recording")
    return int(rate)


def _segments(path: Path, samples: Samples, captures: Sequence[Mapping[str, Any]], first_sample: int) -> list[_Segment]:
    """Captures as stretches of samples; one without samples only repeats the start of the next."""
    segments: list[_Segment] = []
    starts = [capture["core:sample_start"] - first_sample for capture in captures]
    for index, capture in enumerate(captures):
        end = starts[index + 1] if index + 1 < len(captures) else samples.n_samples
        if not 0 <= starts[index] < samples.n_samples or end > samples.n_samples:
            raise refuse(
                path,
                f"capture {index} begins at sample {starts[index]}, but there are {samples.n_samples} samples; "
                "the recording is cut, or metadata and samples are not of one recording",
            )
        if end > starts[index]:
            utc_ns = _utc(path, index, capture.get("core:datetime"))
            freq_hz = capture.get("core:frequency") or None  # 0 is what recorders write that do not know it
            segments.append(_Segment(start=starts[index], count=end - starts[index], freq_hz=freq_hz, utc_ns=utc_ns))
    return segments or [_Segment(start=0, count=samples.n_samples, freq_hz=None, utc_ns=None)]


def _utc(path: Path, index: int, text: str | None) -> int | None:
    if text is None:
        return None
    with name_errors(path):
        utc_ns = parse_utc(text)
        if not 0 <= utc_ns <= _MAX_UTC_NS:
            raise ParameterError(f"core:datetime {text!r} of capture {index} is not between 1970 and 2262")
    return utc_ns


def _timed(path: Path, segments: Sequence[_Segment], known: Known) -> list[Stretch]:
    """Give every segment a time: its own, or the end of the one before."""
    stretches: list[Stretch] = []
    utc_ns = known.utc_ns
    for segment in segments:
        begin_ns = utc_ns if segment.utc_ns is None else segment.utc_ns
        if stretches and begin_ns < stretches[-1].utc_ns:
            raise refuse(
                path, f"has captures out of order: the one at sample {segment.start} is older than the one before"
            )
        stretches.append(Stretch(start=segment.start, count=segment.count, utc_ns=begin_ns))
        utc_ns = begin_ns + nanoseconds(segment.count, known.sample_rate_hz)
    return stretches


def _joined(stretches: Sequence[Stretch], sample_rate_hz: int) -> tuple[Stretch, ...]:
    """Join stretches that follow each other without a break in time."""
    joined = [stretches[0]]
    for stretch in stretches[1:]:
        last = joined[-1]
        break_ns = stretch.utc_ns - last.utc_ns - nanoseconds(last.count, sample_rate_hz)
        if break_ns <= _CONTINUOUS_NS:  # below 0 where time stamps are coarser than the segments
            joined[-1] = replace(last, count=last.count + stretch.count)
        else:
            joined.append(stretch)
    return tuple(joined)


def _swept(
    samples: Samples, hops: Sequence[_Hop], sample_rate_hz: int, options: SourceOptions, instrument: Instrument
) -> SweptRecording:
    freqs_hz = sorted({hop.freq_hz for hop in hops})
    shortest = min(hop.stretch.count for hop in hops)
    plan, notes = _plan(samples.path, freqs_hz, shortest, sample_rate_hz, options)
    full_scale, scale_note = measure_full_scale(samples)
    passes = _passes(hops)
    n_missing = len(passes) * plan.n_hops - len(hops)
    if scale_note:
        notes.append(scale_note)
    if any(hop.stretch.count > plan.hop_samples for hop in hops):
        notes.append(f"of each hop the last {plan.hop_samples} samples are analysed, furthest from the retune")
    if n_missing:
        notes.append(f"{n_missing} hops are missing in {len(passes)} passes: not measured")
    index_of = {freq_hz: index for index, freq_hz in enumerate(freqs_hz)}
    entries = [
        _entry(plan, hop, (number, index_of[hop.freq_hz]), full_scale, hops[0].stretch.utc_ns)
        for number, one_pass in enumerate(passes)
        for hop in sorted(one_pass, key=lambda hop: hop.freq_hz)
    ]
    return SweptRecording(
        samples=samples,
        plan=plan,
        instrument=replace(instrument, notes=(*instrument.notes, *notes)),
        entries=tuple(entries),
        stated=False,
    )


def _passes(hops: Sequence[_Hop]) -> list[list[_Hop]]:
    """Hops until one comes again are a pass."""
    passes: list[list[_Hop]] = [[]]
    seen: set[float] = set()
    for hop in hops:
        if hop.freq_hz in seen:
            passes.append([])
            seen = set()
        passes[-1].append(hop)
        seen.add(hop.freq_hz)
    return passes


def _entry(plan: SweepPlan, hop: _Hop, at: tuple[int, int], full_scale: float, begin_ns: int) -> HopAt:
    skipped = hop.stretch.count - plan.hop_samples
    utc_ns = hop.stretch.utc_ns + nanoseconds(skipped, plan.sample_rate_hz)
    return HopAt(
        start=hop.stretch.start + skipped,
        count=plan.hop_samples,
        center_freq_hz=hop.freq_hz,
        gain_db=plan.gain_db,
        utc_ns=utc_ns,
        monotonic_ns=utc_ns - begin_ns,
        pass_index=at[0],
        hop_index=at[1],
        full_scale=full_scale,
    )


def _plan(
    path: Path, freqs_hz: Sequence[float], shortest: int, sample_rate_hz: int, options: SourceOptions
) -> tuple[SweepPlan, list[str]]:
    """Plan whose hops do not overlap: where they lie close, less of each passband is kept."""
    plan = plan_at(path, freqs_hz, shortest, sample_rate_hz, options)
    closest = int(np.diff(plan.hop_centers_hz).min()) // plan.bin_width_hz // 2 * 2
    if closest < 2:
        raise refuse(path, f"has hops closer than two bins of {plan.bin_width_hz} Hz; give a finer --bin-width")
    notes = dwell_notes(plan, options)
    if closest < plan.hop_bins:
        notes.append(f"hops lie {closest} bins apart, so that many bins of each are kept")
    return replace(plan, hop_bins=min(closest, plan.hop_bins)), notes
