"""Reading a journal: all of it is checked on opening, and damage is named where it is."""

from __future__ import annotations

import os
import weakref
import zlib
from array import array
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from dsp.errors import QuietroomError, RecordError
from sweep.journal.documents import (
    CloseDocument,
    FindingDocument,
    GapDocument,
    Note,
    SweepDocument,
    one_line,
    parse_document,
)
from sweep.journal.files import open_regular
from sweep.journal.framing import HEADER_BYTES, MAGIC, MAX_PAYLOAD, Frame, Kind, split_text, unframed
from sweep.journal.layout_json import layout_from
from sweep.journal.row_order import row_misfit
from sweep.leaf import NO_LEAF, decode_row, leaf, read_header
from sweep.look_leaf import decode_look, look_previous
from sweep.looks import MAX_LOOKS, Look
from sweep.model import HopGap, Judgement, SweepRow

__all__ = ["JournalDamageError", "JournalReader"]

_SEARCH_BLOCK = 1 << 20


class JournalDamageError(RecordError):
    """A record of a journal, other than a torn last one, is not what was written.

    Attributes
    ----------
    record : int or None
        Number of the damaged record in the file, from 0.
    offset : int or None
        Byte at which it begins.
    """

    def __init__(self, message: str, *, record: int | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.record = record
        self.offset = offset


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
        As given to ``close_with``.
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
        self._sizes: tuple[tuple[str, int], ...] | None = None
        self._row_records, self._row_offsets = array("Q"), array("Q")
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
        return len(self._row_offsets)

    @cached_property
    def leaves(self) -> list[bytes]:
        """Leaf of every row; hashes all rows when it is first asked for, and checks that each names the one before.

        Raises
        ------
        JournalDamageError
            A row does not follow the row before it.
        """
        leaves: list[bytes] = []
        for row in range(self.n_rows):
            header, body = self._row(row)
            if read_header(header).previous_leaf != (leaves[-1] if leaves else NO_LEAF):
                raise self._damage(self._row_records[row], self._row_offsets[row], "it does not follow the row before")
            leaves.append(leaf(header, body))
        return leaves

    @property
    def look_leaves(self) -> list[bytes]:
        """Leaf of every second look, checked as those of the rows are, which they go on from."""
        before = self.leaves[-1] if self.n_rows else NO_LEAF
        for record, offset, previous, digest in self._look_chain:
            if previous != before:
                raise self._damage(record, offset, "it does not follow what stands before it")
            before = digest
        return [digest for *_, digest in self._look_chain]

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[SweepRow]:
        """Give rows in order, one in memory at a time.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened.
        """
        for row in range(*slice(start, stop).indices(self.n_rows)):
            try:
                values = decode_row(*self._row(row))
            except RecordError as error:
                raise self._damage(self._row_records[row], self._row_offsets[row], str(error)) from error
            yield values

    def _row(self, row: int) -> tuple[bytes, memoryview]:
        record, offset = self._row_records[row], self._row_offsets[row]
        found = self._read(record, offset)
        if found is None:
            raise self._damage(record, offset, "it changed while the journal was read")
        return split_text(found[1])

    def close(self) -> None:
        """Give the file back. Harmless when done twice."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _scan(self) -> None:
        offset = record = 0
        while offset < self._size:
            found = self._read(record, offset)
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

    def _read(self, record: int, offset: int) -> tuple[Frame, bytes] | None:
        """Read one record; None where it is the torn end of the file."""
        head = os.pread(self._descriptor, HEADER_BYTES, offset)
        frame = unframed(head, offset)
        if frame is None:
            if self._record_follows(record, offset + 1):
                raise self._damage(record, offset, "its header")
            return None
        if frame.sequence != record or frame.length > MAX_PAYLOAD:
            what = f"it calls itself number {frame.sequence}, with {frame.length} bytes"
            raise self._damage(record, offset, what)
        if frame.end > self._size:
            return None
        payload = os.pread(self._descriptor, frame.length, frame.payload_offset)
        if zlib.crc32(payload) == frame.payload_crc:
            return frame, payload
        if self._record_follows(record, frame.end):
            raise self._damage(record, offset, "its payload")
        return None

    def _record_follows(self, record: int, offset: int) -> bool:
        """Look for the header of a later record, so that damage is told from a torn end."""
        while block := os.pread(self._descriptor, _SEARCH_BLOCK, offset):
            at = block.find(MAGIC)
            while at >= 0:
                frame = unframed(os.pread(self._descriptor, HEADER_BYTES, offset + at), offset + at)
                if frame is not None and frame.sequence > record:
                    return True
                at = block.find(MAGIC, at + 1)
            offset += max(1, len(block) - len(MAGIC) + 1)
        return False

    def _damage(self, record: int, offset: int, what: str) -> JournalDamageError:
        return JournalDamageError(
            f"{self.path}: record {record} at byte {offset} is damaged ({one_line(what)}); the records "
            "before it are whole and nothing was changed: keep this file, and try a copy of it from another disk",
            record=record,
            offset=offset,
        )

    def _take(self, frame: Frame, offset: int, payload: bytes) -> None:
        if (frame.kind == Kind.START) != (frame.sequence == 0) or self.judgement is not None:
            raise ValueError("it stands where it cannot")
        if frame.kind == Kind.START:
            self._take_start(payload)
        elif frame.kind == Kind.ROW:
            self._take_row(frame, offset, payload)
        elif frame.kind == Kind.LOOK:
            self._take_look(frame, offset, payload)
        elif frame.kind == Kind.FINDING:
            self.findings.append(parse_document(payload, FindingDocument)[0])
        elif frame.kind == Kind.GAP:
            self.gaps.append(HopGap(**msgspec.structs.asdict(parse_document(payload, GapDocument)[1])))
        elif frame.kind == Kind.NOTE:
            self.notes.append(parse_document(payload, Note)[1])
        elif frame.kind == Kind.CLOSE:
            self._take_close(payload)

    def _take_start(self, payload: bytes) -> None:
        text, rest = split_text(payload)
        document, told = parse_document(text, SweepDocument)
        self.start: dict[str, Any] = document["start"]
        self.layout = layout_from(told.layout, np.frombuffer(rest, "<f8"))

    def _take_look(self, frame: Frame, offset: int, payload: bytes) -> None:
        header, body = split_text(payload)
        number, previous = look_previous(header)
        if number != len(self.looks) or number >= MAX_LOOKS:
            raise ValueError(f"look {number} cannot follow {len(self.looks)} looks (at most {MAX_LOOKS} in a record)")
        self.looks.append(decode_look(header, body))
        self._look_chain.append((frame.sequence, offset, previous, leaf(header, body)))

    def _take_row(self, frame: Frame, offset: int, payload: bytes) -> None:
        header = read_header(split_text(payload)[0])
        why = row_misfit(header.sequence, header.sizes, n_rows=self.n_rows, first_sizes=self._sizes, layout=self.layout)
        if why is not None:
            raise ValueError(why)
        if self.looks:
            raise ValueError("it follows a second look")
        self._sizes = header.sizes
        self._row_records.append(frame.sequence)
        self._row_offsets.append(offset)

    def _take_close(self, payload: bytes) -> None:
        text, rest = split_text(payload)
        document, told = parse_document(text, CloseDocument)
        levels = np.frombuffer(rest, "<f4").reshape(1 + told.has_baseline, self.layout.n_bins)
        self.end_time = told.end_time
        self.judgement = Judgement(
            document=document["judgement"],
            noise_floor_dbfs=levels[0],
            baseline_dbfs=levels[1] if told.has_baseline else None,
        )
