"""What a report presents: one sweep record, its judgement, and what people decided about the findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.occupancy import Occupancy
from reports.content.compared import ComparedWith, read_compared
from reports.content.passes import LevelTrack, Passes, StayShown, read_passes, read_stays
from reports.content.sealed import Sealed, read_sealed
from reports.figures.middles import is_overview, middle_bins
from reports.segments import envelope, max_bins
from sweep.guided.log import VisitTold
from sweep.journal import Note
from sweep.model import FILL, HopGap, Instrument, Judgement
from sweep.plan import Layout, SweepPlan
from sweep.record import SweepRecord, Waterfall

__all__ = ["LevelTrack", "ReportContent", "from_record", "waterfall_within"]

_MAX_COLUMNS = _MAX_LINES = 2000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportContent:
    """Everything that a report shows; nothing is read from disk after this.

    Attributes
    ----------
    record_name : str
        File name of the record, without a folder.
    record_sha256 : str or None
        Of the record file, hexadecimal; None when there is no such file.
    start : mapping
        The record's start: who, where, when, with what software.
    document : mapping
        The judgement as in the findings JSON, with ``rejected_candidates``. Its ``unconfirmed`` are shown, and counted
        as no finding.
    mean_dbfs, noise_floor_dbfs : ndarray of float32, shape (n_bins,)
        NaN where nothing was measured.
    max_dbfs, baseline_dbfs : ndarray of float32, shape (n_bins,), or None
        None where the source has no maxima, and where there was no baseline.
    threshold_db : ndarray of float32, shape (n_bins,), or None
        Excess of the mean over the baseline below which no single bin was listed; None where the record has none.
    passes : Passes
        When they were, with the level of each finding, and the occupancy of every bin.
    stays : tuple of StayShown
        Of a sweep that camped, in order.
    dispositions : tuple of mapping
        ``finding``, ``as``, ``reason``, ``by``, ``time``, oldest first.
    visit : VisitTold or None
        The guided visit that the sweep was part of.
    sealed : Sealed or None
        None where the record was never sealed.
    compared : ComparedWith or None
        The baseline that the judgement names; None where it names none.
    """

    record_name: str
    record_sha256: str | None
    n_rows: int
    last_leaf: str | None
    end_time: str | None
    recovered: bool
    start: Mapping[str, Any]
    instrument: Instrument
    plan: SweepPlan | None
    layout: Layout
    document: Mapping[str, Any]
    mean_dbfs: NDArray[np.float32]
    max_dbfs: NDArray[np.float32] | None
    noise_floor_dbfs: NDArray[np.float32]
    baseline_dbfs: NDArray[np.float32] | None
    waterfall: Waterfall
    passes: Passes
    gaps: tuple[HopGap, ...]
    notes: tuple[Note, ...]
    dispositions: tuple[Mapping[str, Any], ...]
    visit: VisitTold | None = None
    sealed: Sealed | None = None
    compared: ComparedWith | None = None
    threshold_db: NDArray[np.float32] | None = None
    stays: tuple[StayShown, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether any sample was made rather than received."""
        return bool(self.start.get("synthetic")) or self.instrument.synthetic

    @property
    def level_unit(self) -> str:
        """``dBFS``; plain ``dB`` for spectra that another program made on a scale of its own."""
        return "dB" if self.plan is None else "dBFS"

    @property
    def tracks(self) -> Mapping[str, LevelTrack]:
        """Finding id to its level in every pass."""
        return self.passes.tracks

    @property
    def occupancy(self) -> Occupancy | None:
        """Of every bin; None where it cannot be told."""
        return self.passes.occupancy

    @property
    def excess_db(self) -> NDArray[np.float32] | None:
        """Mean level over the baseline, shape (n_bins,); NaN where either is not known, None without a baseline."""
        return None if self.baseline_dbfs is None else self.mean_dbfs - self.baseline_dbfs

    @property
    def hides_middles(self) -> bool:
        """Whether the waterfall of the whole sweep leaves the middles of hops out."""
        return is_overview(self.layout, self.layout.n_bins, _MAX_COLUMNS)

    @property
    def middles(self) -> NDArray[np.bool_]:
        """Bins that overviews leave out, shape (n_bins,)."""
        return middle_bins(self.layout, self.emissions)

    @property
    def findings(self) -> tuple[Mapping[str, Any], ...]:
        """Findings in the order of the judgement."""
        return tuple(self.document.get("findings") or ())

    @property
    def unconfirmed(self) -> tuple[Mapping[str, Any], ...]:
        """What stood out in too few passes to be a finding, in the order of the judgement."""
        return tuple(self.document.get("unconfirmed") or ())

    @property
    def emissions(self) -> tuple[Mapping[str, Any], ...]:
        """All that is marked in a drawing: the findings, then what was not confirmed."""
        return (*self.findings, *self.unconfirmed)

    def disposition_of(self, finding_id: str) -> Mapping[str, Any] | None:
        """Latest decision about a finding; None when nobody decided."""
        return next((d for d in reversed(self.dispositions) if d.get("finding") == finding_id), None)

    def decision_on(self, finding: Mapping[str, Any]) -> str:
        """The latest decision about a finding in a word: also what the list of known emitters decided beforehand."""
        decided = self.disposition_of(str(finding["id"]))
        if decided:
            return str(decided["as"])
        return "open" if finding.get("known_as") is None else "known"


def from_record(
    record: SweepRecord,
    dispositions: Sequence[Mapping[str, Any]] = (),
    *,
    judgement: Judgement | None = None,
    visit: VisitTold | None = None,
    room_folder: Path | None = None,
) -> ReportContent:
    """Gather what a report shows from a sweep record.

    Parameters
    ----------
    record : SweepRecord
    dispositions : sequence of mapping
        ``finding``, ``as``, ``reason``, ``by``, ``time``, oldest first.
    judgement : Judgement, optional
        A later judgement of the same rows, shown in place of the one in the record.
    visit : VisitTold, optional
        The guided visit that the sweep was part of.
    room_folder : Path, optional
        Of the room, for the baseline that was compared with.

    Raises
    ------
    RecordError
        The record is damaged.
    """
    judged = judgement if judgement is not None else record.judgement
    findings = judged.document.get("findings") or ()
    passes = read_passes(record.rows(), record.layout, findings, judged.noise_floor_dbfs)
    return ReportContent(
        record_name=record.path.name,
        record_sha256=_sha256(record.path),
        n_rows=record.n_rows,
        last_leaf=record.leaves[-1].hex() if record.leaves else None,
        end_time=record.end_time,
        recovered=record.recovered,
        start=record.start,
        instrument=record.instrument,
        plan=record.plan,
        layout=record.layout,
        document=judged.document,
        mean_dbfs=record.summary_mean_dbfs,
        max_dbfs=record.summary_max_dbfs,
        noise_floor_dbfs=judged.noise_floor_dbfs,
        baseline_dbfs=judged.baseline_dbfs,
        waterfall=_waterfall(record, judged.emissions),
        threshold_db=judged.threshold_db,
        passes=passes,
        stays=_stays(record, judged.emissions, passes),
        gaps=record.gaps,
        notes=record.notes,
        dispositions=tuple(dispositions),
        visit=visit,
        sealed=read_sealed(record.path),
        compared=read_compared(record, judged.document.get("baseline"), room_folder),
    )


def _stays(record: SweepRecord, emissions: Sequence[Mapping[str, Any]], passes: Passes) -> tuple[StayShown, ...]:
    if not record.n_stays or passes.begun_ns is None:
        return ()
    return read_stays(record.stays(), record.layout, emissions, start_ns=passes.begun_ns)


def waterfall_within(
    record: SweepRecord, range_hz: tuple[float, float], findings: Sequence[Mapping[str, Any]] = ()
) -> Waterfall:
    """Read the waterfall of a few frequencies at the full resolution of the record, as far as a drawing can show it.

    Parameters
    ----------
    record : SweepRecord
    range_hz : (start, stop)
    findings : sequence of mapping
        Their bins stay in where an overview leaves the middles of hops out.
    """
    layout = record.layout
    first, last = (int(k) for k in np.searchsorted(layout.freq_hz, range_hz))
    hidden: NDArray[np.bool_] | slice = slice(0, 0)
    if is_overview(layout, last - first, _MAX_COLUMNS):
        hidden = middle_bins(layout, findings)[first:last]
    rows_per_line = -(-max(record.n_rows, 1) // _MAX_LINES)
    lines: list[NDArray[np.float32]] = []
    times_ns = []
    for number, row in enumerate(record.rows()):
        stored = (row.mean if row.max_hold is None else row.max_hold)[first:last]
        level = np.where(stored == FILL, np.nan, stored / 100)
        level[hidden] = np.nan
        line = max_bins(level[None, :], _MAX_COLUMNS, 1)[0].astype(np.float32)
        if number % rows_per_line:
            lines[-1] = np.fmax(lines[-1], line)
        else:
            lines.append(line)
            times_ns.append(row.monotonic_ns)
    center_hz, _, _ = envelope(layout.freq_hz[first:last], np.zeros(last - first), _MAX_COLUMNS)
    return Waterfall(np.array(lines, np.float32).reshape(len(lines), center_hz.size), _seconds(times_ns), center_hz)


def _waterfall(record: SweepRecord, findings: Sequence[Mapping[str, Any]]) -> Waterfall:
    """The preview of the record, unless it is so coarse that the middles of the hops are all it shows."""
    layout = record.layout
    if not is_overview(layout, layout.n_bins, _MAX_COLUMNS):
        return record.waterfall
    whole = (float(layout.freq_hz[0]), float(layout.freq_hz[-1]) + layout.bin_width_hz)
    return waterfall_within(record, whole, findings)


def _seconds(times_ns: Sequence[int]) -> NDArray[np.float64]:
    times = np.asarray(times_ns, np.int64)
    return np.asarray((times - times[:1].sum()) / 1e9, np.float64)


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
