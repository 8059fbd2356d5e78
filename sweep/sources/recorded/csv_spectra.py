"""Sweeps that rtl_power or hackrf_sweep made: spectra without samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweep.model import FILL, HOP_MEASURED, Instrument, SweepRow
from sweep.plan import Layout
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.csv_lines import Band, Line, read_lines
from sweep.sources.recorded.files import refuse, regular_size
from sweep.sources.recorded.visits import VISIT_GAP_NS

__all__ = ["CsvSource", "CsvStretch", "open_csv"]

_HACKRF_STEP_HZ = 20e6  # hackrf_sweep interleaves its lines within one tuning step, never further
_OVERLAP_BINS = 2  # rtl_power rounds its crop, so that neighbouring lines may share edge bins
_MAX_TIME_NS = 2**63 - 1
_RAMP_BINS = 16

Axis = dict[Band, tuple[int, int]]  # where in a row the bins of a line begin, and how many at its head are left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CsvStretch:
    """Passes of one file that belong to one visit, on one axis."""

    path: Path
    first_pass: int
    n_passes: int
    utc_ns: int
    end_utc_ns: int
    layout: Layout
    axis: Axis
    instrument: Instrument

    def rows(self) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Time and levels (cdB, `FILL` where not measured) of each pass; the file is read again."""
        for lines in islice(_passes(self.path), self.first_pass, self.first_pass + self.n_passes):
            mean = np.full(self.layout.n_bins, FILL, np.int16)
            for line in lines:
                if line.band not in self.axis:
                    raise refuse(self.path, f"line {line.number}: the file was changed while it was being read")
                begin, skipped = self.axis[line.band]
                level_db = line.level_db[skipped:]
                levels = np.where(np.isnan(level_db), FILL, np.round(100 * np.nan_to_num(level_db)))
                mean[begin : begin + level_db.size] = levels.astype(np.int16)
            yield lines[0].utc_ns, mean


def open_csv(path: Path, options: SourceOptions) -> list[CsvStretch]:
    """Open a CSV, plain or gzipped; it is read to its end once, so that damage shows before anything is recorded.

    Parameters
    ----------
    path : Path
    options : SourceOptions
        Only the antenna and the gain are taken; everything else is in the file.

    Returns
    -------
    list of CsvStretch
        One for each visit: a pause of more than 30 minutes begins a new one.

    Raises
    ------
    CaptureError
        The file is damaged, of another kind, holds impossible values, or sweeps with different bins.
    """
    regular_size(path)
    scan = _scan(path)
    layout, axis = _layout(path, scan.bands)
    return [
        CsvStretch(
            path=path,
            first_pass=first,
            n_passes=end - first,
            utc_ns=scan.times[first],
            end_utc_ns=scan.times[end - 1],
            layout=layout,
            axis=axis,
            instrument=_instrument(scan, options),
        )
        for first, end in _visits(scan.times)
    ]


@dataclass(slots=True)
class _Scan:
    """What a whole file holds: the bands of its lines with the first line of each, and the times of its passes."""

    bands: dict[Band, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    n_lines: int = 0
    n_unmeasured: int = 0


def _scan(path: Path) -> _Scan:
    scan = _Scan()
    lines: list[Line] = []
    for lines in _passes(path):
        scan.times.append(lines[0].utc_ns)
        if not 0 <= lines[0].utc_ns <= _MAX_TIME_NS:
            raise refuse(path, f"line {lines[0].number}: its time is not between 1970 and 2262")
        for line in lines:
            scan.bands.setdefault(line.band, line.number)
            scan.n_lines += 1
            scan.n_unmeasured += int(np.count_nonzero(np.isnan(line.level_db)))
    if scan.n_lines == 1:
        _refuse_ramp(path, lines[0])
    return scan


def _instrument(scan: _Scan, options: SourceOptions) -> Instrument:
    tool = next(iter(scan.bands)).tool
    notes = [f"levels are in the dB of {tool}, not relative to full scale", "local times without a zone, taken as UTC"]
    if tool == "rtl_power":
        notes.append("rtl_power stamps a pass when it ends")
    if scan.n_unmeasured:
        notes.append(f"{scan.n_unmeasured} levels were -inf or nan: not measured")
    return Instrument(driver=tool, gain_db=options.gain_db, antenna=options.antenna, notes=tuple(notes))


def _visits(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    breaks = [at for at in range(1, len(times)) if abs(times[at] - times[at - 1]) > VISIT_GAP_NS]
    return zip([0, *breaks], [*breaks, len(times)], strict=True)


def _passes(path: Path) -> Iterator[list[Line]]:
    """Group lines into passes: a band that comes again, or a step back, begins a new one.

    rtl_power moreover gives all lines of a pass the same time.
    """
    lines: list[Line] = []
    seen: set[float] = set()
    for line in read_lines(path):
        if lines:
            again = line.band.low_hz in seen
            if line.band.tool == "rtl_power":
                other = line.utc_ns != lines[-1].utc_ns
            else:
                other = line.band.low_hz < lines[-1].band.low_hz - _HACKRF_STEP_HZ
            if again or other:
                yield lines
                lines, seen = [], set()
        lines.append(line)
        seen.add(line.band.low_hz)
    if lines:
        yield lines


def _layout(path: Path, bands: dict[Band, int]) -> tuple[Layout, Axis]:
    """Lay the bins of all lines on one ascending axis; edge bins that two lines share are taken once."""
    axis: Axis = {}
    parts: list[NDArray[np.float64]] = []
    position, top_hz, n_shared = 0, -np.inf, 0
    ordered = sorted(bands, key=lambda band: (band.low_hz, band.high_hz))
    step_hz = ordered[0].step_hz
    for band in ordered:
        freq_hz = band.freq_hz
        skipped = int(np.searchsorted(freq_hz, top_hz + step_hz / 2, side="right"))
        if abs(band.step_hz - step_hz) > 0.001 * step_hz or skipped > min(_OVERLAP_BINS, band.n_bins - 1):
            raise refuse(
                path,
                f"line {bands[band]}: its bins ({band.low_hz:.0f} to {band.high_hz:.0f} Hz by {band.step_hz:g} Hz) "
                "do not fit those of the other lines; the file holds different sweeps, split it",
            )
        axis[band] = (position, skipped)
        parts.append(freq_hz[skipped:])
        position += freq_hz.size - skipped
        n_shared += skipped
        top_hz = float(freq_hz[-1])
    freq_hz = np.concatenate(parts)
    notes = (f"{n_shared} edge bins that two lines share were taken from the lower one",) if n_shared else ()
    layout = Layout(
        freq_hz=freq_hz,
        bin_width_hz=step_hz,
        n_hops=1,
        hop_bins=freq_hz.size,
        enbw_bins=1.0,
        n_averages=None,
        notes=notes,
    )
    return layout, axis


def _refuse_ramp(path: Path, line: Line) -> None:
    steps = np.diff(line.level_db)
    if steps.size >= _RAMP_BINS and abs(steps[0]) > 0 and np.all(np.abs(steps - steps[0]) < 1e-6):
        raise refuse(
            path,
            f"line {line.number} is an exact ramp of {steps[0]:g} dB a bin from {line.level_db[0]:g} dB; "
            "it is made by hand, no measurement",
        )


class CsvSource:
    """Stretches of one visit as a source of rows.

    Parameters
    ----------
    stretches : sequence of CsvStretch
        At least one, on the same axis, in order of time.
    """

    def __init__(self, stretches: Sequence[CsvStretch]) -> None:
        self._stretches = tuple(stretches)

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver."""
        return self._stretches[0].instrument

    @property
    def layout(self) -> Layout:
        """The axis of every row."""
        return self._stretches[0].layout

    @property
    def n_passes(self) -> int:
        """Rows that the files hold."""
        return sum(stretch.n_passes for stretch in self._stretches)

    @property
    def utc_ns(self) -> int:
        """Time of the first row."""
        return self._stretches[0].utc_ns

    def rows(self) -> Iterator[SweepRow]:
        """Give row after row; the files are read as they are asked for.

        Raises
        ------
        CaptureError
            A file cannot be read any more, or was changed.
        """
        sequence = monotonic_ns = 0
        for stretch in self._stretches:
            for utc_ns, mean in stretch.rows():
                monotonic_ns = max(monotonic_ns, utc_ns - self.utc_ns)  # a clock that was set back stands still
                yield _row(self.layout, sequence, utc_ns, monotonic_ns, mean)
                sequence += 1

    def close(self) -> None:
        """Nothing is held: a file is open only while its rows are being given."""


def _row(layout: Layout, sequence: int, utc_ns: int, monotonic_ns: int, mean: NDArray[np.int16]) -> SweepRow:
    unknown = np.array([np.nan], np.float32)
    return SweepRow(
        sequence=sequence,
        utc_ns=utc_ns,
        monotonic_ns=monotonic_ns,
        mean=mean,
        hop_utc_ns=np.array([utc_ns], np.int64),
        hop_monotonic_ns=np.array([monotonic_ns], np.int64),
        hop_center_freq_hz=np.array([(layout.freq_hz[0] + layout.freq_hz[-1]) / 2]),
        hop_gain_db=unknown.copy(),
        hop_clip_fraction=unknown.copy(),
        hop_rms_dbfs=unknown.copy(),
        hop_dc_dbfs=unknown.copy(),
        hop_fluctuation_db=unknown.copy(),
        hop_dropped_samples=np.zeros(1, np.int32),
        hop_flags=np.array([HOP_MEASURED], np.uint8),
    )
