"""Reading a sweep record."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep.journal import Note
from sweep.journal.documents import parse_document
from sweep.journal.layout_json import LayoutDocument, layout_from
from sweep.leaf import NO_LEAF
from sweep.leaves import Leaves
from sweep.limits import MAX_BINS
from sweep.looks import Look
from sweep.model import HopGap, Instrument, Judgement
from sweep.plan import Layout, SweepPlan
from sweep.record.entry import RecordEntry
from sweep.record.heaps import check_heaps
from sweep.record.older import as_of_now
from sweep.record.refusal import check_schema, refusing, survey
from sweep.record.schema import MAX_WATERFALL_CELLS, ProcessingDocument
from sweep.record.stored_looks import read_looks, verify_looks
from sweep.record.stored_rows import StoredRows
from sweep.row_blocks import RowStream

__all__ = ["SweepRecord", "Waterfall"]


class Waterfall(NamedTuple):
    """Preview of a record: the highest level in each of at most 2000 by 2000 cells.

    Attributes
    ----------
    level_dbfs : ndarray of float32, shape (n_time, n_freq)
        NaN where nothing was measured.
    time_s : ndarray of float64, shape (n_time,)
        Seconds since the first row.
    freq_hz : ndarray of float64, shape (n_freq,)
    """

    level_dbfs: NDArray[np.float32]
    time_s: NDArray[np.float64]
    freq_hz: NDArray[np.float64]


class SweepRecord:
    """One sweep record, open for reading; made by ``open``. A context manager.

    Attributes
    ----------
    path : Path
    schema : str
        Version of the schema that the file follows.
    processing : bytes
        JSON of all that is not an array, as it stands in the file.
    start : dict
        What was known as the sweep began.
    layout : Layout
    n_rows : int
    end_time : str
        ISO 8601 in UTC.
    recovered : bool
        Whether an interrupted sweep was packed later.
    torn_tail_bytes : int
        Bytes of an unfinished journal record that recovery left out.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        with refusing(path):
            found = survey(file)
            self.schema = check_schema(file)
            self._entry = RecordEntry(found)
            self.processing = self._entry.note("processing")
            document, self._told = _read_processing(self.processing)
            self._document = as_of_now(document["judgement"])
            self.start = document["start"]
            self.end_time, self.recovered = self._told.end_time, self._told.recovered
            self.torn_tail_bytes = self._told.torn_tail_bytes
            self.layout = _read_layout(self._entry, self._told.layout)
            self._rows = StoredRows(path, self._entry, n_hops=self.layout.n_hops, n_bins=self.layout.n_bins)
            self.n_rows = len(self._rows)
            self._stays = self._find_stays()

    @classmethod
    def open(cls, path: Path) -> SweepRecord:
        """Open a record and check its structure.

        Raises
        ------
        RecordError
            The file is missing, damaged, not a sweep record, of another major schema version, or refers to other
            files.
        """
        if not path.is_file():
            raise RecordError(f"{path}: is not a file; give the path of a .h5 sweep record")
        if not h5py.is_hdf5(path):
            raise RecordError(f"{path}: is not an HDF5 file, or its beginning is damaged; give a .h5 sweep record")
        with refusing(path):
            check_heaps(path)
            file = h5py.File(path, "r", locking="best-effort")
        try:
            return cls(path, file)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def instrument(self) -> Instrument:
        """The receiver, as far as it was known."""
        if self._told.start.instrument is None:
            raise RecordError(f"{self.path}: names no instrument; fetch an intact copy of the record")
        return self._told.start.instrument

    @property
    def plan(self) -> SweepPlan | None:
        """The plan of the sweep; None for spectra that another tool made."""
        plan = self._told.start.plan
        if plan is not None and not (
            0 < plan.n_fft <= plan.sample_rate_hz
            and plan.sample_rate_hz % plan.n_fft == 0
            and (plan.n_hops, plan.hop_bins) == (self.layout.n_hops, self.layout.hop_bins)
        ):
            raise RecordError(
                f"{self.path}: has a plan that cannot be ({plan.n_hops} hops, {plan.n_fft} points); fetch an intact "
                "copy of the record"
            )
        return plan

    @property
    def judgement(self) -> Judgement:
        """What the judge made of the rows when the sweep was closed."""
        floor = self._summary("noise_floor")
        if floor is None:
            raise RecordError(f"{self.path}: has no summary/noise_floor; fetch an intact copy")
        return Judgement(
            document=self._document,
            noise_floor_dbfs=floor,
            baseline_dbfs=self._summary("baseline"),
            threshold_db=self._summary("threshold"),
        )

    @property
    def summary_mean_dbfs(self) -> NDArray[np.float32]:
        """Mean power over all rows in dBFS, float32 of shape (n_bins,); NaN where nothing was measured."""
        mean = self._summary("mean")
        if mean is None:
            raise RecordError(f"{self.path}: has no summary/mean; fetch an intact copy")
        return mean

    @property
    def summary_max_dbfs(self) -> NDArray[np.float32] | None:
        """Highest level over all rows in dBFS, float32 of shape (n_bins,); None where the source had no maxima."""
        return self._summary("max_hold")

    @property
    def waterfall(self) -> Waterfall:
        """The preview of the whole record; empty when it has no rows."""
        with refusing(self.path):
            if "waterfall" not in self._entry:
                return Waterfall(np.empty((0, 0), np.float32), np.empty(0), np.empty(0))
            shape = self._entry.shape("waterfall/level")
            if len(shape) != 2 or max(shape) > MAX_WATERFALL_CELLS:
                raise RecordError(f"has a waterfall of shape {shape}, above {MAX_WATERFALL_CELLS} cells a side")
            return Waterfall(
                self._entry.read("waterfall/level", "<f4", shape),
                self._entry.read("waterfall/time", "<f8", shape[:1]),
                self._entry.read("waterfall/frequency", "<f8", shape[1:]),
            )

    @cached_property
    def gaps(self) -> tuple[HopGap, ...]:
        """What was not received, in the order in which it happened."""
        numbers = ("pass_index", "hop_index", "utc_ns", "monotonic_ns")
        with refusing(self.path):
            return tuple(
                HopGap(**{**gap, "hop_index": None if gap["hop_index"] < 0 else gap["hop_index"]})
                for gap in self._entry.table("gaps", numbers, ("reason",))
            )

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Everything else that happened, from ``/entry/events``."""
        with refusing(self.path):
            return tuple(Note(**note) for note in self._entry.table("events", ("utc_ns",), ("kind", "text")))

    @property
    def leaves(self) -> Leaves:
        """Leaf of every row, as stored."""
        return self._rows.leaves

    @property
    def begun_utc_ns(self) -> int | None:
        """Start of the first row, which a gap may come before; None where there is none."""
        return self._rows.begun_utc_ns()

    def rows(self, start: int = 0, stop: int | None = None) -> RowStream:
        """Give rows in order, with a few megabytes of them in memory at a time.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Raises
        ------
        RecordError
            A chunk of the file is damaged.
        """
        return self._rows.read(start, stop)

    def verify_rows(self) -> list[tuple[int, bool]]:
        """Hash every row anew and compare with its stored leaf.

        Returns
        -------
        list of (int, bool)
            Number of each row and whether it is what was hashed, after the stored leaf of the row before. A row that
            can no longer be read is False.
        """
        return list(self._rows.verify())

    def altered_rows(self) -> list[int]:
        """Hash every row anew, and give the numbers of those that are not what was hashed."""
        return [number for number, is_unaltered in self._rows.verify() if not is_unaltered]

    @property
    def n_stays(self) -> int:
        """Stays of a sweep that camped."""
        return 0 if self._stays is None else len(self._stays)

    @property
    def stay_leaves(self) -> Leaves:
        """Leaf of every stay, as stored."""
        return Leaves() if self._stays is None else self._stays.leaves

    def stays(self, start: int = 0, stop: int | None = None) -> RowStream:
        """Give stays in order, as ``rows`` does rows: what a row has for each hop, a stay has for each dwell."""
        return RowStream(iter(())) if self._stays is None else self._stays.read(start, stop)

    def verify_stays(self) -> list[tuple[int, bool]]:
        """Hash every stay anew, as ``verify_rows`` does rows."""
        return [] if self._stays is None else list(self._stays.verify())

    @property
    def looks(self) -> tuple[Look, ...]:
        """Second looks that the judge asked for, in order."""
        return self._looks[0]

    @property
    def look_leaves(self) -> tuple[bytes, ...]:
        """Leaf of every second look, as stored."""
        return self._looks[1]

    def verify_looks(self) -> list[tuple[int, bool]]:
        """Hash every second look anew, as ``verify_rows`` does rows."""
        return verify_looks(*self._looks, (NO_LEAF, *self.leaves[-1:], *self.stay_leaves[-1:])[-1])

    def _find_stays(self) -> StoredRows | None:
        if "stays" not in self._entry:
            return None
        n_dwells = self._entry.shape("stays/hops/hop_flags")[-1]
        before = self.leaves[-1] if self.n_rows else NO_LEAF
        n_bins = n_dwells * self.layout.hop_bins
        return StoredRows(self.path, self._entry, n_hops=n_dwells, n_bins=n_bins, folder="stays/", before=before)

    @cached_property
    def _looks(self) -> tuple[tuple[Look, ...], tuple[bytes, ...]]:
        with refusing(self.path):
            return read_looks(self._entry)

    def _summary(self, name: str) -> NDArray[np.float32] | None:
        with refusing(self.path):
            if f"summary/{name}" not in self._entry:
                return None
            return self._entry.read(f"summary/{name}", "<f4", (self.layout.n_bins,))


def _read_processing(text: bytes) -> tuple[dict[str, Any], ProcessingDocument]:
    try:
        return parse_document(text, ProcessingDocument)
    except RecordError as error:
        raise RecordError(f"has a damaged processing note ({error})") from error


def _read_layout(entry: RecordEntry, told: LayoutDocument) -> Layout:
    shape = entry.shape("data/frequency")
    if len(shape) != 1 or not 0 < shape[0] <= MAX_BINS:
        raise RecordError(f"has frequencies of shape {shape}, not 1 to {MAX_BINS} bins")
    return layout_from(told, entry.read("data/frequency", "<f8", shape))
