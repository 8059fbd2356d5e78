"""Reading a journal: all of it is checked on opening, and damage is named where it is."""

from __future__ import annotations

import os
import weakref
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from dsp.errors import QuietroomError, RecordError
from sweep.journal.damage import JournalDamageError, record_follows
from sweep.journal.documents import (
    CloseDocument,
    FindingDocument,
    GapDocument,
    Note,
    SweepDocument,
    one_line,
    parse_document,
)
from sweep.journal.files import ReadAhead, open_regular
from sweep.journal.framing import HEADER_BYTES, MAGIC, MAX_PAYLOAD, Frame, Kind, split_text, unframed
from sweep.journal.layout_json import layout_from
from sweep.journal.row_index import RowIndex
from sweep.journal.row_order import row_misfit, stay_misfit
from sweep.leaf import NO_LEAF, leaf, read_header
from sweep.leaves import Leaves
from sweep.look_leaf import decode_look, look_previous
from sweep.looks import MAX_LOOKS, Look
from sweep.model import HopGap, Judgement
from sweep.row_blocks import RowBlock, RowStream

__all__ = ["JournalDamageError", "JournalReader"]


class JournalReader:
    """Reads a journal, also while its writer is open: then as far as it was written when the reader was made.

    All of the file is checked once on opening, one record in memory at a time. A context manager.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    start : dict
        As given to ``JournalWriter.create``.
    layout : Layout
    gaps : list of HopGap
    findings : list of dict
    notes : list of Note
    looks : list of Look
        Second looks, after the rows.
    judgement : Judgement or None
        None when the sweep was not closed.
    end_time : str or None
        As given to ``finish_with``.
    torn_tail_bytes : int
        Bytes of an unfinished last record.

    Raises
    ------
    RecordError
        The file is not a journal, or holds no whole first record.
    JournalDamageError
        A record other than the last is damaged, or one holds what no writer wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gaps: list[HopGap] = []
        self.findings: list[dict[str, Any]] = []
        self.notes: list[Note] = []
        self.looks: list[Look] = []
        self._look_chain: list[tuple[int, int, bytes, bytes]] = []
        self.judgement: Judgement | None = None
        self.end_time: str | None = None
        self.torn_tail_bytes = 0
        self._rows_at, self._stays_at = RowIndex(), RowIndex()
        self._descriptor = open_regular(path)
        # A reader may live only as long as the rows it gives; its file is closed with it, at the latest.
        self._closing = weakref.finalize(self, os.close, self._descriptor)
        try:
            self._size = os.fstat(self._descriptor).st_size
            self._scan()
        except BaseException:
            self.close()
            raise

    @property
    def n_rows(self) -> int:
        """Whole rows in the journal."""
        return len(self._rows_at)

    @property
    def n_stays(self) -> int:
        """Whole stays in the journal, after the rows."""
        return len(self._stays_at)

    @property
    def leaves(self) -> Leaves:
        """Leaf of every row; hashes all rows when it is first asked for, and checks that each names the one before.

        Raises
        ------
        JournalDamageError
            A row does not follow the row before it.
        """
        if self._rows_at.leaves is None:
            for _ in self.hashed_blocks():
                pass
        return self._rows_at.leaves or Leaves()

    @property
    def stay_leaves(self) -> Leaves:
        """Leaf of every stay, checked as those of the rows are, which they go on from."""
        if self._stays_at.leaves is None:
            for _ in self.hashed_stays():
                pass
        return self._stays_at.leaves or Leaves()

    @property
    def look_leaves(self) -> list[bytes]:
        """Leaf of every second look, checked as those of rows and stays are, which they go on from."""
        before = (NO_LEAF, *self.leaves[-1:], *self.stay_leaves[-1:])[-1]
        for record, offset, previous, digest in self._look_chain:
            if previous != before:
                raise self._damage(record, offset, "it does not follow what stands before it")
            before = digest
        return [digest for *_, digest in self._look_chain]

    def rows(self, start: int = 0, stop: int | None = None) -> RowStream:
        """Give rows in order, a block of them in memory at a time.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened.
        """
        return self._rows_at.decoded(slice(start, stop), self._reading(), self._damage)

    def stays(self, start: int = 0, stop: int | None = None) -> RowStream:
        """Give stays in order, as ``rows`` does rows."""
        return self._stays_at.decoded(slice(start, stop), self._reading(), self._damage)

    def hashed_blocks(self) -> Iterator[RowBlock]:
        """Give all rows block by block, hashing them on the way.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened, or a row does not follow the row before it.
        """
        return self._rows_at.hashed(NO_LEAF, self._reading(), self._damage)

    def hashed_stays(self) -> Iterator[RowBlock]:
        """Give all stays block by block, as ``hashed_blocks`` does rows."""
        before = self.leaves[-1] if self.n_rows else NO_LEAF
        return self._stays_at.hashed(before, self._reading(), self._damage)

    def _reading(self) -> Callable[[int, int], tuple[Frame, memoryview] | None]:
        return partial(self._read, ReadAhead(self._descriptor))

    def close(self) -> None:
        """Give the file back. Harmless when done twice."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scan(self) -> None:
        ahead = ReadAhead(self._descriptor)
        offset = record = 0
        while offset < self._size:
            found = self._read(ahead, record, offset)
            if found is None:
                break
            frame, payload = found
            try:
                self._take(frame, offset, payload)
            except (QuietroomError, ValueError) as error:
                raise self._damage(record, offset, str(error)) from error
            offset, record = frame.end, record + 1
        self.torn_tail_bytes = self._size - offset
        if record == 0:
            raise RecordError(f"{self.path}: {self._why_not_begun()}")

    def _why_not_begun(self) -> str:
        if os.pread(self._descriptor, len(MAGIC), 0) not in (MAGIC, b""):
            return "is not a Quietroom journal; give the file ending in .journal that a sweep left"
        return "holds no whole first record, so that no row was ever saved in it; delete it and sweep again"

    def _read(self, ahead: ReadAhead, record: int, offset: int) -> tuple[Frame, memoryview] | None:
        """Read one record; None where it is the torn end of the file."""
        frame = unframed(ahead.at(offset, HEADER_BYTES), offset)
        if frame is None:
            if record_follows(self._descriptor, record, offset + 1):
                raise self._damage(record, offset, "its header")
            return None
        if frame.sequence != record or frame.length > MAX_PAYLOAD:
            what = f"it calls itself number {frame.sequence}, with {frame.length} bytes"
            raise self._damage(record, offset, what)
        if frame.end > self._size:
            return None
        payload = ahead.at(frame.payload_offset, frame.length)
        if zlib.crc32(payload) == frame.payload_crc:
            return frame, payload
        if record_follows(self._descriptor, record, frame.end):
            raise self._damage(record, offset, "its payload")
        return None

    def _damage(self, record: int, offset: int, what: str) -> JournalDamageError:
        return JournalDamageError(
            f"{self.path}: record {record} at byte {offset} is damaged ({one_line(what)}); the records "
            "before it are whole and nothing was changed: keep this file, and try a copy of it from another disk",
            record=record,
            offset=offset,
        )

    def _take(self, frame: Frame, offset: int, payload: memoryview) -> None:
        if (frame.kind == Kind.START) != (frame.sequence == 0) or self.judgement is not None:
            raise ValueError("it stands where it cannot")
        if frame.kind == Kind.START:
            self._take_start(payload)
        elif frame.kind in (Kind.ROW, Kind.STAY):
            self._take_row(frame, offset, payload)
        elif frame.kind == Kind.LOOK:
            self._take_look(frame, offset, payload)
        elif frame.kind == Kind.FINDING:
            self.findings.append(parse_document(bytes(payload), FindingDocument)[0])
        elif frame.kind == Kind.GAP:
            self.gaps.append(HopGap(**msgspec.structs.asdict(parse_document(bytes(payload), GapDocument)[1])))
        elif frame.kind == Kind.NOTE:
            self.notes.append(parse_document(bytes(payload), Note)[1])
        elif frame.kind == Kind.CLOSE:
            self._take_close(payload)

    def _take_start(self, payload: memoryview) -> None:
        text, rest = split_text(payload)
        document, told = parse_document(text, SweepDocument)
        self.start: dict[str, Any] = document["start"]
        self.layout = layout_from(told.layout, np.frombuffer(rest, "<f8"))

    def _take_look(self, frame: Frame, offset: int, payload: memoryview) -> None:
        header, body = split_text(payload)
        number, previous = look_previous(header)
        if number != len(self.looks) or number >= MAX_LOOKS:
            raise ValueError(f"look {number} cannot follow {len(self.looks)} looks (at most {MAX_LOOKS} in a record)")
        self.looks.append(decode_look(header, body))
        self._look_chain.append((frame.sequence, offset, previous, leaf(header, body)))

    def _take_row(self, frame: Frame, offset: int, payload: memoryview) -> None:
        header = read_header(split_text(payload)[0])
        is_stay = frame.kind == Kind.STAY
        index, misfit = (self._stays_at, stay_misfit) if is_stay else (self._rows_at, row_misfit)
        why = misfit(header.sequence, header.sizes, len(index), first_sizes=index.sizes, layout=self.layout)
        if why is not None:
            raise ValueError(why)
        if self.looks or (self.n_stays and not is_stay):
            raise ValueError("it follows a second look or a stay")
        index.add(header, frame.sequence, offset)

    def _take_close(self, payload: memoryview) -> None:
        text, rest = split_text(payload)
        document, told = parse_document(text, CloseDocument)
        n_arrays = 1 + told.has_baseline + told.has_threshold
        levels = np.frombuffer(rest, "<f4").reshape(n_arrays, self.layout.n_bins)
        self.end_time = told.end_time
        self.judgement = Judgement(
            document=document["judgement"],
            noise_floor_dbfs=levels[0],
            baseline_dbfs=levels[1] if told.has_baseline else None,
            threshold_db=levels[-1] if told.has_threshold else None,
        )
