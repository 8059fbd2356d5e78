"""The journal of a sweep: an append-only file that survives a crash, read back record by record.

A record is a header ``magic | type | sequence | length | header CRC | payload CRC`` and its payload. Only the end of
the file may be torn, by a crash in the middle of a write; damage anywhere else is reported where it is, and nothing is
thrown away. ``docs/record-format.md`` has the bytes. The checksums are CRC-32 of zlib: they find accidents; against
forgers there are the leaves of the rows and, later, the seal.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import struct
import weakref
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dsp.errors import QuietroomError, RecordError
from sweep.leaf import NO_LEAF, decode_row, encode_row, leaf, row_arrays, row_links
from sweep.model import HopGap, Judgement, SweepRow
from sweep.plan import Layout

__all__ = [
    "MAX_BINS",
    "MAX_ROWS",
    "JournalDamageError",
    "JournalReader",
    "JournalWriter",
    "Note",
    "ballast_path",
    "exclusive",
    "layout_document",
    "layout_from",
    "sync_folder",
]

MAX_BINS = 1 << 24
"""Bins of a row that a journal or record may have: 24 to 1766 MHz in steps of 104 Hz."""

MAX_ROWS = 1 << 22
"""Rows of one record: 31 hours of 27 ms dwells."""

_MAX_PAYLOAD = 1 << 30
_MAGIC = b"\x89QRJ1\r\n\x1a"
_HEADER = struct.Struct("<8sIQQII")
_TEXT_LENGTH = struct.Struct("<Q")
_SEARCH_BLOCK = 1 << 20
_BALLAST_SPARE = 1 << 20

_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


class _Kind(IntEnum):
    START = 1
    ROW = 2
    FINDING = 3
    GAP = 4
    NOTE = 5
    CLOSE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that happened during a sweep and is neither row, gap nor finding."""

    utc_ns: int
    kind: str
    text: str


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


class _Frame(NamedTuple):
    kind: int
    sequence: int
    length: int
    payload_crc: int
    payload_offset: int

    @property
    def end(self) -> int:
        return self.payload_offset + self.length


class _Tail(NamedTuple):
    """Where the next record goes; replaced as a whole, so that an interrupt cannot leave half of it."""

    end: int = 0
    sequence: int = 0
    n_rows: int = 0
    last_leaf: bytes = NO_LEAF


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock that the writer of a journal holds.

    Raises
    ------
    RecordError
        The file cannot be opened, or a sweep or another command holds the lock.
    """
    descriptor = _open_regular(path)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def ballast_path(path: Path) -> Path:
    """Name of the file that keeps room on the disk for closing the journal at ``path``."""
    return path.with_name(path.name + ".ballast")


class JournalWriter:
    """Writes one journal; made by ``create``. A row is safe on disk when ``sync`` has returned, not before.

    A context manager: leaving it gives the lock back, whether or not ``close_with`` was called. When the disk is full
    an append raises ``RecordError``, the file is cut back to its last whole record, and the writer can go on as soon as
    there is room; a reserve of disk space is given back at that moment, so that the journal can at least be closed.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, descriptor: int, layout: Layout) -> None:
        self.path = path
        self._descriptor = descriptor
        self._layout = layout
        self._shape: tuple[tuple[str, int], ...] | None = None
        self._tail = _Tail()
        self._n_saved = 0
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
        RecordError
            The file exists or cannot be written, or the layout has too many bins.
        """
        if not 0 < layout.n_bins <= MAX_BINS or layout.n_bins != layout.n_hops * layout.hop_bins:
            raise RecordError(
                f"{path}: a row of {layout.n_bins} bins in {layout.n_hops} hops of {layout.hop_bins} cannot be kept; "
                f"a record takes 1 to {MAX_BINS} bins: sweep less at once, or with wider bins"
            )
        text = _json({"start": dict(start), "layout": layout_document(layout)})
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecordError(
                f"{path}: cannot be made ({error.strerror}); name a new file in a folder of yours"
            ) from error
        writer = cls(path, descriptor, layout)
        try:
            _lock(descriptor, path)
            writer._reserve()
            writer._append(_Kind.START, *_with_text(text, layout.freq_hz.astype("<f8").tobytes()))
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
        self._check_row(row)
        header, payload = encode_row(row, self._tail.last_leaf)
        digest = leaf(header, payload)
        self._append(_Kind.ROW, *_with_text(header, payload), last_leaf=digest)
        return digest

    def append_finding(self, finding: Mapping[str, Any]) -> None:
        """Append a finding as in the findings JSON."""
        self._append(_Kind.FINDING, _json(dict(finding)))

    def append_gap(self, gap: HopGap) -> None:
        """Append what was not received, and why."""
        self._append(_Kind.GAP, _json(asdict(gap)))

    def append_note(self, text: str, *, utc_ns: int, kind: str = "note") -> None:
        """Append anything else that a reader of the record should know, with its time."""
        self._append(_Kind.NOTE, _json(asdict(Note(utc_ns=utc_ns, kind=kind, text=text))))

    def sync(self) -> None:
        """Put everything appended so far on the disk; only then may anyone be told that it is saved.

        Raises
        ------
        RecordError
            The disk refused. What it kept is then unknown, so that the writer takes no more.
        """
        self._check_usable()
        self._sync()

    def _sync(self) -> None:
        try:
            _fdatasync(self._descriptor)
        except OSError as error:
            self._broken = True
            raise RecordError(
                f"{self.path}: the disk failed to keep the data ({error.strerror}); {self._n_saved} rows are known "
                f"to be safe: end the sweep, check the disk, then run: quietroom recover {self.path}"
            ) from error
        self._n_saved = self._tail.n_rows

    def close_with(self, judgement: Judgement, *, end_time: str | None = None) -> None:
        """Append the judgement as the last record, sync, and give the file and its lock back.

        Parameters
        ----------
        judgement : Judgement
        end_time : str, optional
            ISO 8601 in UTC. By default readers take the time of the last hop.
        """
        floor, baseline = judgement.noise_floor_dbfs, judgement.baseline_dbfs
        for name, levels in (("noise_floor_dbfs", floor), ("baseline_dbfs", baseline)):
            if levels is not None and levels.shape != (self._layout.n_bins,):
                raise RecordError(f"{self.path}: {name} has shape {levels.shape}, a row has {self._layout.n_bins} bins")
        text = _json(
            {"judgement": dict(judgement.document), "end_time": end_time, "has_baseline": baseline is not None}
        )
        arrays = [levels.astype("<f4").tobytes() for levels in (floor, baseline) if levels is not None]
        self._drop_ballast()
        self._append(_Kind.CLOSE, *_with_text(text, *arrays))
        self._sync()
        self.close()

    def close(self) -> None:
        """Give the file and its lock back. Harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._drop_ballast()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_usable(self) -> None:
        if self._descriptor < 0 or self._broken:
            state = "closed" if self._descriptor < 0 else "on a failing disk"
            raise RecordError(f"{self.path}: the journal is {state} and takes no more; begin a new sweep")

    def _check_row(self, row: SweepRow) -> None:
        if row.sequence != self._tail.n_rows or row.sequence >= MAX_ROWS:
            raise RecordError(
                f"{self.path}: row {row.sequence} cannot follow {self._tail.n_rows} rows (at most {MAX_ROWS} in a "
                "record); close this record and begin another"
            )
        shape = tuple((name, values.size) for name, values in row_arrays(row).items())
        for name, size in shape:
            wanted = self._layout.n_hops if name.startswith("hop_") else self._layout.n_bins
            if size != wanted and not name.startswith("burst_"):
                raise RecordError(f"{self.path}: row {row.sequence} has {size} values of {name}, its layout {wanted}")
        if self._shape is not None and shape != self._shape:
            raise RecordError(f"{self.path}: row {row.sequence} has other arrays than the rows before it: {shape}")
        self._shape = shape

    def _append(self, kind: _Kind, *parts: bytes, last_leaf: bytes | None = None) -> None:
        self._check_usable()
        tail = self._tail
        record = _framed(kind, tail.sequence, parts)
        try:
            _write_at(self._descriptor, record, tail.end)
            self._tail = _Tail(
                end=tail.end + len(record),
                sequence=tail.sequence + 1,
                n_rows=tail.n_rows + (kind is _Kind.ROW),
                last_leaf=last_leaf or tail.last_leaf,
            )
        except OSError as error:
            self._cut_back()
            self._drop_ballast()
            raise RecordError(
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

    def _reserve(self) -> None:
        # Room for the CLOSE record: two float32 levels a bin, and the document.
        size = 8 * self._layout.n_bins + _BALLAST_SPARE
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(ballast_path(self.path), flags, 0o644)
            try:
                _write_at(descriptor, bytes(size), 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RecordError(
                f"{self.path}: no room on the disk to begin a sweep ({error.strerror}); free at least {size >> 20} MiB"
            ) from error

    def _drop_ballast(self) -> None:
        with contextlib.suppress(OSError):
            ballast_path(self.path).unlink()


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
        A record other than the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gaps: list[HopGap] = []
        self.findings: list[dict[str, Any]] = []
        self.notes: list[Note] = []
        self.judgement: Judgement | None = None
        self.end_time: str | None = None
        self.torn_tail_bytes = 0
        self._row_records, self._row_offsets = array("Q"), array("Q")
        self._descriptor = _open_regular(path)
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
            if row_links(header)[1] != (leaves[-1] if leaves else NO_LEAF):
                raise self._damage(self._row_records[row], self._row_offsets[row], "it does not follow the row before")
            leaves.append(leaf(header, body))
        return leaves

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
        return _split_text(found[1])

    def close(self) -> None:
        """Give the file back. Harmless when done twice."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
            except (QuietroomError, msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
                raise self._damage(record, offset, str(error)) from error
            offset, record = frame.end, record + 1
        self.torn_tail_bytes = self._size - offset
        if record == 0:
            raise RecordError(f"{self.path}: {self._why_not_begun()}")

    def _why_not_begun(self) -> str:
        if os.pread(self._descriptor, len(_MAGIC), 0) not in (_MAGIC, b""):
            return "is not a Quietroom journal; give the file ending in .journal that a sweep left"
        return "holds no whole first record, so that no row was ever saved in it; delete it and sweep again"

    def _read(self, record: int, offset: int) -> tuple[_Frame, bytes] | None:
        """Read one record; None where it is the torn end of the file."""
        head = os.pread(self._descriptor, _HEADER.size, offset)
        frame = _unframed(head, offset)
        if frame is None:
            if self._record_follows(record, offset + 1):
                raise self._damage(record, offset, "its header")
            return None
        if frame.sequence != record or frame.length > _MAX_PAYLOAD:
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
            at = block.find(_MAGIC)
            while at >= 0:
                frame = _unframed(os.pread(self._descriptor, _HEADER.size, offset + at), offset + at)
                if frame is not None and frame.sequence > record:
                    return True
                at = block.find(_MAGIC, at + 1)
            offset += max(1, len(block) - len(_MAGIC) + 1)
        return False

    def _damage(self, record: int, offset: int, what: str) -> JournalDamageError:
        return JournalDamageError(
            f"{self.path}: record {record} at byte {offset} is damaged ({what}); the records before it are whole and "
            "nothing was changed: keep this file, and try a copy of it from another disk",
            record=record,
            offset=offset,
        )

    def _take(self, frame: _Frame, offset: int, payload: bytes) -> None:
        if (frame.kind == _Kind.START) != (frame.sequence == 0) or self.judgement is not None:
            raise ValueError("it stands where it cannot")
        if frame.kind == _Kind.START:
            self._take_start(payload)
        elif frame.kind == _Kind.ROW:
            if row_links(_split_text(payload)[0])[0] != self.n_rows or self.n_rows >= MAX_ROWS:
                raise ValueError(f"it is not row {self.n_rows}")
            self._row_records.append(frame.sequence)
            self._row_offsets.append(offset)
        elif frame.kind == _Kind.FINDING:
            self.findings.append(_document(payload))
        elif frame.kind == _Kind.GAP:
            self.gaps.append(msgspec.convert(_document(payload), HopGap))
        elif frame.kind == _Kind.NOTE:
            self.notes.append(msgspec.convert(_document(payload), Note))
        elif frame.kind == _Kind.CLOSE:
            self._take_close(payload)

    def _take_start(self, payload: bytes) -> None:
        text, rest = _split_text(payload)
        document = _document(text)
        self.start = dict(document["start"])
        self.layout = layout_from(document["layout"], np.frombuffer(rest, "<f8"))

    def _take_close(self, payload: bytes) -> None:
        text, rest = _split_text(payload)
        document = _document(text)
        levels = np.frombuffer(rest, "<f4").reshape(1 + bool(document["has_baseline"]), self.layout.n_bins)
        self.end_time = document["end_time"]
        self.judgement = Judgement(
            document=dict(document["judgement"]),
            noise_floor_dbfs=levels[0],
            baseline_dbfs=levels[1] if document["has_baseline"] else None,
        )


def layout_document(layout: Layout) -> dict[str, Any]:
    """Give all of a layout but its frequencies, for JSON."""
    return {
        "bin_width_hz": float(layout.bin_width_hz),
        "n_hops": layout.n_hops,
        "hop_bins": layout.hop_bins,
        "enbw_bins": float(layout.enbw_bins),
        "n_averages": layout.n_averages,
        "notes": list(layout.notes),
    }


class _LayoutDocument(msgspec.Struct, frozen=True):
    bin_width_hz: float
    n_hops: int
    hop_bins: int
    enbw_bins: float
    n_averages: int | None
    notes: tuple[str, ...] = ()


def layout_from(document: Mapping[str, Any], freq_hz: NDArray[np.float64]) -> Layout:
    """Put a layout together again.

    Raises
    ------
    RecordError
        Fields are missing or do not agree with each other.
    """
    try:
        told = msgspec.convert(document, _LayoutDocument)
    except msgspec.ValidationError as error:
        raise RecordError(f"layout cannot be read ({error})") from error
    if not 0 < freq_hz.size <= MAX_BINS or told.n_hops < 1 or told.n_hops * told.hop_bins != freq_hz.size:
        raise RecordError(
            f"layout of {told.n_hops} hops of {told.hop_bins} bins does not fit {freq_hz.size} frequencies"
        )
    if not np.isfinite(freq_hz).all() or not told.bin_width_hz > 0:
        raise RecordError(f"layout has a frequency that is no number, or a bin width of {told.bin_width_hz} Hz")
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    return Layout(freq_hz=freq_hz, **fields)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _document(payload: bytes) -> dict[str, Any]:
    document = json.loads(payload)
    if not isinstance(document, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004, a fault of the file and not of a caller
    return document


def _with_text(text: bytes, *rest: bytes) -> tuple[bytes, ...]:
    return (_TEXT_LENGTH.pack(len(text)), text, *rest)


def _split_text(payload: bytes) -> tuple[bytes, memoryview]:
    if len(payload) < _TEXT_LENGTH.size:
        raise ValueError("it is too short")
    end = _TEXT_LENGTH.size + _TEXT_LENGTH.unpack_from(payload)[0]
    if end > len(payload):
        raise ValueError("its text is cut")
    return payload[_TEXT_LENGTH.size : end], memoryview(payload)[end:]


def _framed(kind: _Kind, sequence: int, parts: tuple[bytes, ...]) -> bytes:
    payload_crc = 0
    for part in parts:
        payload_crc = zlib.crc32(part, payload_crc)
    fields = (_MAGIC, kind, sequence, sum(map(len, parts)))
    header_crc = zlib.crc32(_HEADER.pack(*fields, 0, payload_crc))
    return b"".join((_HEADER.pack(*fields, header_crc, payload_crc), *parts))


def _unframed(head: bytes, offset: int) -> _Frame | None:
    if len(head) < _HEADER.size:
        return None
    magic, kind, sequence, length, header_crc, payload_crc = _HEADER.unpack(head)
    if magic != _MAGIC or zlib.crc32(_HEADER.pack(magic, kind, sequence, length, 0, payload_crc)) != header_crc:
        return None
    return _Frame(kind, sequence, length, payload_crc, offset + _HEADER.size)


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _open_regular(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RecordError(f"{path}: cannot be opened ({error.strerror}); check the name and your rights") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RecordError(f"{path}: is not a plain file; give the file ending in .journal that a sweep left")
    return descriptor


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RecordError(f"{path}: is in use by a running sweep or command; wait until it has ended") from error


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
