"""Writing a journal: a row is on the disk before anybody is told so, and a full disk costs nothing that was written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Self

from dsp.errors import RecordError
from sweep.journal.ballast import drop_ballast, reserve
from sweep.journal.documents import (
    CloseDocument,
    FindingDocument,
    GapDocument,
    Note,
    SweepDocument,
    write_document,
)
from sweep.journal.files import DiskFullError, create_new, fdatasync, is_full, lock, sync_folder, write_at
from sweep.journal.framing import Kind, framed, with_text
from sweep.journal.layout_json import layout_document
from sweep.journal.row_order import row_misfit, stay_misfit
from sweep.leaf import NO_LEAF, encode_row, leaf, row_arrays, sizes_of
from sweep.limits import MAX_BINS
from sweep.look_leaf import encode_look
from sweep.looks import Look
from sweep.model import HopGap, Judgement, SweepRow
from sweep.plan import Layout
from sweep.row_header import Sizes

__all__ = ["JournalWriter"]


class _Tail(NamedTuple):
    """Where the next record goes; replaced as a whole, so that an interrupt cannot leave half of it."""

    end: int = 0
    sequence: int = 0
    n_rows: int = 0
    n_stays: int = 0
    n_looks: int = 0
    last_leaf: bytes = NO_LEAF


class JournalWriter:
    """Writes one journal; made by ``create``. A row is safe on disk when ``sync`` has returned, not before.

    A context manager: leaving it gives the lock back, whether or not ``finish_with`` was called. When the disk is full
    an append raises ``DiskFullError``, the file is cut back to its last whole record, and the writer can go on as soon
    as there is room. A reserve of disk space is kept for `give_room`, so that the journal can at least be closed.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, descriptor: int, layout: Layout) -> None:
        self.path = path
        self._descriptor = descriptor
        self._layout = layout
        self._sizes: Sizes | None = None
        self._stay_sizes: Sizes | None = None
        self._tail = _Tail()
        self._n_saved = 0
        self._n_synced = 0
        self._broken = False

    @classmethod
    def create(cls, path: Path, start: Mapping[str, Any], layout: Layout) -> JournalWriter:
        """Begin a new journal and put its first record on disk.

        Parameters
        ----------
        path : Path
            Must not exist.
        start : mapping
            What is known as the sweep begins; anything that JSON can hold.
        layout : Layout

        Raises
        ------
        NameTakenError
            The file exists.
        RecordError
            The file cannot be written, the layout has too many bins, or the start has a field of another type than
            ``StartDocument``.
        """
        if not 0 < layout.n_bins <= MAX_BINS or layout.n_bins != layout.n_hops * layout.hop_bins:
            raise RecordError(
                f"{path}: a row of {layout.n_bins} bins in {layout.n_hops} hops of {layout.hop_bins} cannot be kept; "
                f"a record takes 1 to {MAX_BINS} bins: sweep less at once, or with wider bins"
            )
        text = _written(path, {"start": dict(start), "layout": layout_document(layout)}, SweepDocument)
        descriptor = create_new(path)
        writer = cls(path, descriptor, layout)
        try:
            lock(descriptor, path)
            reserve(path, layout.n_bins)
            writer._append(Kind.START, *with_text(text, layout.freq_hz.astype("<f8").tobytes()))
            writer.sync()
            sync_folder(path.parent)
        except BaseException:
            writer.close()
            path.unlink()
            raise
        return writer

    @property
    def n_rows(self) -> int:
        """Rows appended."""
        return self._tail.n_rows

    @property
    def n_saved(self) -> int:
        """Rows that are safe on disk."""
        return self._n_saved

    def append_row(self, row: SweepRow) -> bytes:
        """Append a row and give its leaf. The row is safe only after ``sync``.

        Raises
        ------
        RecordError
            The disk is full, the row does not follow the last one, or its arrays do not fit the layout.
        """
        arrays = row_arrays(row)
        self._check_row(row, sizes_of(arrays))
        return self._append_hashed(Kind.ROW, *encode_row(row, self._tail.last_leaf, arrays=arrays))

    def append_stay(self, stay: SweepRow) -> bytes:
        """Append a stay (see `sweep.camping`) and give its leaf; no row may follow. It is safe only after ``sync``.

        Raises
        ------
        RecordError
            The disk is full, the stay does not follow the last one, or its arrays do not fit the layout.
        """
        arrays = row_arrays(stay)
        self._check_stay(stay, sizes_of(arrays))
        return self._append_hashed(Kind.STAY, *encode_row(stay, self._tail.last_leaf, arrays=arrays))

    def append_look(self, look: Look) -> bytes:
        """Append a second look and give its leaf; no row and no stay may follow. It is safe only after ``sync``.

        Raises
        ------
        RecordError
            The disk is full.
        ParameterError
            Its arrays are not those of a look.
        """
        return self._append_hashed(Kind.LOOK, *encode_look(look, self._tail.n_looks, self._tail.last_leaf))

    def append_finding(self, finding: Mapping[str, Any]) -> None:
        """Append a finding as in the findings JSON, which is the beginning of the end: the reserve is given back."""
        self.give_room()
        self._append(Kind.FINDING, _written(self.path, finding, FindingDocument))

    def append_gap(self, gap: HopGap) -> None:
        """Append what was not received, and why."""
        self._append(Kind.GAP, _written(self.path, asdict(gap), GapDocument))

    def append_note(self, text: str, *, utc_ns: int, kind: str = "note") -> None:
        """Append anything else that a reader of the record should know, with its time."""
        self._append(Kind.NOTE, _written(self.path, {"utc_ns": utc_ns, "kind": kind, "text": text}, Note))

    def give_room(self) -> None:
        """Give the reserve of disk space back, for what must still be written."""
        drop_ballast(self.path)

    def sync(self) -> None:
        """Put everything appended so far on the disk; only then may anyone be told that it is saved.

        May run in another thread while more is appended, which it then need not cover.

        Raises
        ------
        RecordError
            The disk refused. What it kept is then unknown, so that the writer takes no more.
        """
        self._check_usable()
        n_rows, n_records = self._tail.n_rows, self._tail.sequence
        try:
            fdatasync(self._descriptor)
        except OSError as error:
            self._broken = True
            raise RecordError(
                f"{self.path}: the disk failed to keep the data ({error.strerror}); {self._n_saved} rows are known "
                f"to be safe: end the sweep, check the disk, then run: quietroom recover {self.path}"
            ) from error
        self._n_saved, self._n_synced = n_rows, n_records

    def finish_with(self, judgement: Judgement, *, end_time: str | None = None) -> None:
        """Append the judgement as the last record, and sync; the lock is kept until `close`.

        Parameters
        ----------
        judgement : Judgement
        end_time : str, optional
            ISO 8601 in UTC. By default readers take the time of the last hop.

        Raises
        ------
        RecordError
            The judgement does not fit the layout or the findings JSON, or the disk refused.
        """
        names = ("noise_floor_dbfs", "baseline_dbfs", "threshold_db")
        levels = {name: getattr(judgement, name) for name in names}
        known = {name: values for name, values in levels.items() if values is not None}
        for name, values in known.items():
            if values.shape != (self._layout.n_bins,):
                raise RecordError(f"{self.path}: {name} has shape {values.shape}, a row has {self._layout.n_bins} bins")
        document = {
            "judgement": dict(judgement.document),
            "end_time": end_time,
            "has_baseline": "baseline_dbfs" in known,
            "has_threshold": "threshold_db" in known,
        }
        text = _written(self.path, document, CloseDocument)
        arrays = [values.astype("<f4").tobytes() for values in known.values()]
        self.sync()  # so that the last record vouches for all before it
        self.give_room()
        self._append(Kind.CLOSE, *with_text(text, *arrays))
        self.sync()

    def close(self) -> None:
        """Give the file and its lock back. Harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            drop_ballast(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_usable(self) -> None:
        if self._descriptor < 0 or self._broken:
            state = "closed" if self._descriptor < 0 else "on a failing disk"
            raise RecordError(f"{self.path}: the journal is {state} and takes no more; begin a new sweep")

    def _check_row(self, row: SweepRow, sizes: Sizes) -> None:
        if self._tail.n_looks or self._tail.n_stays:
            after = "a second look" if self._tail.n_looks else "a stay"
            raise RecordError(f"{self.path}: no row can follow {after}; begin another record")
        why = row_misfit(row.sequence, sizes, self.n_rows, first_sizes=self._sizes, layout=self._layout)
        if why is not None:
            raise RecordError(f"{self.path}: {why}; close this record and begin another")
        self._sizes = sizes

    def _check_stay(self, stay: SweepRow, sizes: Sizes) -> None:
        if self._tail.n_looks:
            raise RecordError(f"{self.path}: no stay can follow a second look; begin another record")
        n_stays, first = self._tail.n_stays, self._stay_sizes
        why = stay_misfit(stay.sequence, sizes, n_stays, first_sizes=first, layout=self._layout)
        if why is not None:
            raise RecordError(f"{self.path}: {why}; close this record and begin another")
        self._stay_sizes = sizes

    def _append_hashed(self, kind: Kind, header: bytes, payload: bytes) -> bytes:
        digest = leaf(header, payload)
        self._append(kind, *with_text(header, payload), last_leaf=digest)
        return digest

    def _append(self, kind: Kind, *parts: bytes, last_leaf: bytes | None = None) -> None:
        self._check_usable()
        tail = self._tail
        record = framed(kind, tail.sequence, parts, follows_synced=self._n_synced == tail.sequence)
        try:
            write_at(self._descriptor, record, tail.end)
            self._tail = _Tail(
                end=tail.end + len(record),
                sequence=tail.sequence + 1,
                n_rows=tail.n_rows + (kind is Kind.ROW),
                n_stays=tail.n_stays + (kind is Kind.STAY),
                n_looks=tail.n_looks + (kind is Kind.LOOK),
                last_leaf=last_leaf or tail.last_leaf,
            )
        except OSError as error:
            self._cut_back()
            refused = DiskFullError if is_full(error) and not self._broken else RecordError
            raise refused(
                f"{self.path}: cannot be written any further ({error.strerror}); {tail.n_rows} rows are in it, "
                f"unharmed: free some disk space and go on, or end the sweep and run: quietroom recover {self.path}"
            ) from error
        except BaseException:  # an interrupt between two writes
            self._cut_back()
            raise

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._tail.end)
        except OSError:
            self._broken = True


def _written(path: Path, document: Mapping[str, Any], schema: type[Any]) -> bytes:
    try:
        return write_document(dict(document), schema)
    except RecordError as error:
        raise RecordError(f"{path}: cannot be kept ({error}); a reader could not use it") from error
