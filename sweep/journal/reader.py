"""Reading a journal: all of it is checked on opening, and damage is named where it is."""

from __future__ import annotations

import os
import weakref
import zlib
from array import array
from collections.abc import Iterator
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
from sweep.journal.row_order import row_misfit
from sweep.leaf import NO_LEAF, decode_row, leaf, read_header
from sweep.look_leaf import decode_look, look_previous
from sweep.looks import MAX_LOOKS, Look
from sweep.model import HopGap, Judgement, SweepRow
from sweep.row_blocks import BLOCK_BYTES, RowBlock, block_of
from sweep.row_header import Sizes

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
        self._sizes: Sizes | None = None
        self._leaves: list[bytes] | None = None
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

    @property
    def leaves(self) -> list[bytes]:
        """Leaf of every row; hashes all rows when it is first asked for, and checks that each names the one before.

        Raises
        ------
        JournalDamageError
            A row does not follow the row before it.
        """
        if self._leaves is None:
            for _ in self.hashed_blocks():
                pass
        return self._leaves or []

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
        for first, encoded in self._encoded(range(*slice(start, stop).indices(self.n_rows))):
            yield from self._block(first, encoded).rows()

    def hashed_blocks(self) -> Iterator[tuple[RowBlock, list[bytes]]]:
        """Give all rows block by block, and the leaves of each block.

        Raises
        ------
        JournalDamageError
            The file was changed since it was opened, or a row does not follow the row before it.
        """
        leaves: list[bytes] = []
        for first, encoded in self._encoded(range(self.n_rows)):
            for row, (header, body) in enumerate(encoded, start=first):
                if read_header(header).previous_leaf != (leaves[-1] if leaves else NO_LEAF):
                    raise self._row_damage(row, "it does not follow the row before")
                leaves.append(leaf(header, body))
            yield self._block(first, encoded), leaves[first:]
        self._leaves = leaves

    def _encoded(self, rows: range) -> Iterator[tuple[int, list[tuple[bytes, memoryview]]]]:
        """Read headers and payloads of rows, so many at a time as make a block."""
        ahead = ReadAhead(self._descriptor)
        first, n_bytes = rows.start, 0
        encoded: list[tuple[bytes, memoryview]] = []
        for row in rows:
            found = self._read(ahead, self._row_records[row], self._row_offsets[row])
            if found is None:
                raise self._row_damage(row, "it changed while the journal was read")
            header, body = split_text(found[1])
            if encoded and n_bytes + len(body) > BLOCK_BYTES:
                yield first, encoded
                first, n_bytes, encoded = row, 0, []
            encoded.append((header, body))
            n_bytes += len(body)
        if encoded:
            yield first, encoded

    def _block(self, first: int, encoded: list[tuple[bytes, memoryview]]) -> RowBlock:
        try:
            return block_of(first, encoded)
        except RecordError as error:
            for row, (header, body) in enumerate(encoded, start=first):
                try:
                    decode_row(header, body)
                except RecordError as why:
                    raise self._row_damage(row, str(why)) from why
            raise self._row_damage(first, str(error)) from error

    def _row_damage(self, row: int, what: str) -> JournalDamageError:
        return self._damage(self._row_records[row], self._row_offsets[row], what)

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
        elif frame.kind == Kind.ROW:
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
        why = row_misfit(header.sequence, header.sizes, n_rows=self.n_rows, first_sizes=self._sizes, layout=self.layout)
        if why is not None:
            raise ValueError(why)
        if self.looks:
            raise ValueError("it follows a second look")
        self._sizes = header.sizes
        self._row_records.append(frame.sequence)
        self._row_offsets.append(offset)

    def _take_close(self, payload: memoryview) -> None:
        text, rest = split_text(payload)
        document, told = parse_document(text, CloseDocument)
        levels = np.frombuffer(rest, "<f4").reshape(1 + told.has_baseline, self.layout.n_bins)
        self.end_time = told.end_time
        self.judgement = Judgement(
            document=document["judgement"],
            noise_floor_dbfs=levels[0],
            baseline_dbfs=levels[1] if told.has_baseline else None,
        )
