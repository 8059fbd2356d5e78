"""From paths to sources: which reader takes a file, and which files are one visit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dsp.errors import ParameterError
from sweep.model import IqSource, SpectraSource
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.csv_spectra import CsvSource, CsvStretch, open_csv
from sweep.sources.recorded.files import name_errors, refuse
from sweep.sources.recorded.iq import RecordedSource, Recording
from sweep.sources.recorded.kept_looks import source_of_visit
from sweep.sources.recorded.raw import open_raw
from sweep.sources.recorded.sigmf_capture import open_sigmf
from sweep.sources.recorded.sigmf_files import META, is_sigmf, recording_path
from sweep.sources.recorded.visits import split_visits
from sweep.sources.recorded.wav import open_wav

__all__ = ["open_captures"]


def open_captures(paths: Sequence[Path], options: SourceOptions) -> list[IqSource | SpectraSource]:
    """Open recorded captures, one source for each visit.

    Recordings whose times lie more than 30 minutes apart are several visits. Recordings of one visit on different
    plans (another rate, centre, or bins) are several sources too, since a record has one plan.

    Parameters
    ----------
    paths : sequence of Path
        SigMF (any of its names, or a folder of them), raw IQ, WAV IQ, CSV of rtl_power or hackrf_sweep. Named twice is
        read once.
    options : SourceOptions
        Facts that the files do not carry.

    Returns
    -------
    list of IqSource or SpectraSource
        In order of time. Every file was checked; samples are read only when they are asked for.

    Raises
    ------
    CaptureError
        A file is missing, damaged, of an unknown kind, too short, or lacks a fact.
    ParameterError
        No path, or an option that only a live receiver can obey.
    """
    if not paths:
        raise ParameterError("no capture was given; name at least one file")
    if options.ranges_hz or options.ppm:
        raise ParameterError("--range and --ppm are orders to a receiver; a recording is replayed as it was tuned")
    recordings: list[Recording] = []
    stretches: list[CsvStretch] = []
    for path in _expand(paths):
        if _is_csv(path):
            stretches += open_csv(path, options)
        else:
            recordings.append(_open_iq(path, options))
    sources: list[RecordedSource | CsvSource] = [*_iq_sources(recordings), *_csv_sources(stretches)]
    sources.sort(key=lambda source: source.utc_ns)
    return list(sources)


def _expand(paths: Iterable[Path]) -> list[Path]:
    """Folders as the recordings in them, both files of a SigMF pair as one, and every file once."""
    found: dict[Path, Path] = {}
    for path in paths:
        for one in _recordings_in(path) if path.is_dir() else [path]:
            with name_errors(one):
                taken = recording_path(one) if is_sigmf(one) else one
                found.setdefault(taken.resolve(), taken)
    return list(found.values())


def _recordings_in(folder: Path) -> list[Path]:
    with name_errors(folder):
        metas = sorted(folder.glob(f"*{META}"))
    if not metas:
        raise refuse(folder, f"is a folder without SigMF recordings (*{META}); name the files themselves")
    return metas


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


def _open_iq(path: Path, options: SourceOptions) -> Recording:
    if is_sigmf(path):
        return open_sigmf(path, options)
    if path.suffix.lower() == ".wav":
        return open_wav(path, options)
    return open_raw(path, options)


def _iq_sources(recordings: Sequence[Recording]) -> list[RecordedSource]:
    by_plan: dict[SweepPlan, list[Recording]] = {}
    for recording in recordings:
        by_plan.setdefault(recording.plan, []).append(recording)
    return [
        source_of_visit(visit)
        for group in by_plan.values()
        for visit in split_visits(group, lambda one: (one.utc_ns, one.utc_ns + one.duration_ns))
    ]


def _csv_sources(stretches: Sequence[CsvStretch]) -> list[CsvSource]:
    by_axis: dict[tuple[str, float, bytes], list[CsvStretch]] = {}
    for stretch in stretches:
        key = (stretch.instrument.driver, stretch.layout.bin_width_hz, stretch.layout.freq_hz.tobytes())
        by_axis.setdefault(key, []).append(stretch)
    return [
        CsvSource(visit)
        for group in by_axis.values()
        for visit in split_visits(group, lambda one: (one.utc_ns, one.end_utc_ns))
    ]
