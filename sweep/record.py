"""Reading a sweep record: an HDF5 file whose every part is checked before it is read.

``docs/record-format.md`` describes the file. What it holds is data of strangers: nothing in it can name another file,
make the reader take memory beyond what the file itself backs, or pass as measured when it is damaged.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import h5py
import msgspec
import numpy as np
from numpy.typing import NDArray

from dsp.errors import QuietroomError, RecordError
from sweep.journal import Note
from sweep.journal.layout_json import MAX_BINS, LayoutDocument, layout_from
from sweep.journal.row_order import MAX_ROWS
from sweep.leaf import NO_LEAF, ROW_ARRAYS, encode_row, leaf
from sweep.model import HopGap, Instrument, Judgement, SweepRow
from sweep.plan import Layout, SweepPlan

__all__ = ["BLOCK_BYTES", "SCHEMA", "SweepRecord", "Waterfall", "row_place"]

SCHEMA = "1.0.0"
"""Semantic version of the file's schema; a reader refuses another major version and ignores what it does not know."""

BLOCK_BYTES = 4 << 20
"""Size of the blocks of rows that are read or written at once."""

_MAX_HOP_VALUES = 1 << 24
_MAX_TABLE_BYTES = 64 << 20
_MAX_CHUNK_BYTES = 1 << 20
_MAX_OBJECTS = 1000
_FILTERS = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32))
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError, msgspec.MsgspecError)


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


class _Processing(msgspec.Struct, frozen=True):
    """The JSON of ``/entry/processing``, as far as the reader needs it."""

    start: dict[str, Any]
    layout: LayoutDocument
    judgement: dict[str, Any]
    end_time: str
    recovered: bool
    torn_tail_bytes: int


def row_place(name: str) -> str:
    """Say where in ``/entry`` an array of ``ROW_ARRAYS`` is kept.

    Examples
    --------
    >>> row_place("mean"), row_place("burst_8"), row_place("hop_gain_db")
    ('data/mean', 'bursts/burst_8', 'hops/hop_gain_db')
    """
    group = {"burst": "bursts", "hop": "hops"}.get(name.partition("_")[0], "data")
    return f"{group}/{name}"


class SweepRecord:
    """One sweep record, open for reading; made by ``open``. A context manager.

    Attributes
    ----------
    path : Path
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
        with _refusing(path):
            _survey(file, {h5py.h5o.get_info(file.id).addr})
            _check_schema(file)
            self._entry = _entry(file)
            told = msgspec.convert(json.loads(self._note("processing")), _Processing)
            self.start = told.start
            self.end_time, self.recovered = told.end_time, told.recovered
            self.torn_tail_bytes = told.torn_tail_bytes
            self._document = told.judgement
            self.layout = self._read_layout(told.layout)
            self.n_rows = self._count_rows()
            self._times = [self._find(f"rows/{name}", "<i8", (self.n_rows,)) for name in ("utc_ns", "monotonic_ns")]
            self._leaf = self._find("rows/leaf", "|u1", (self.n_rows, len(NO_LEAF)))
            self._arrays = dict(self._row_datasets())

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
        with _refusing(path):
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def instrument(self) -> Instrument:
        """The receiver, as far as it was known."""
        with _refusing(self.path):
            return msgspec.convert(self.start["instrument"], Instrument)

    @property
    def plan(self) -> SweepPlan | None:
        """The plan of the sweep; None for spectra that another tool made."""
        with _refusing(self.path):
            plan = msgspec.convert(self.start.get("plan"), SweepPlan | None)
            if plan is not None and not (
                0 < plan.n_fft <= plan.sample_rate_hz
                and plan.sample_rate_hz % plan.n_fft == 0
                and (plan.n_hops, plan.hop_bins) == (self.layout.n_hops, self.layout.hop_bins)
            ):
                raise RecordError(f"has a plan that cannot be ({plan.n_hops} hops, {plan.n_fft} points)")
            return plan

    @property
    def judgement(self) -> Judgement:
        """What the judge made of the rows when the sweep was closed."""
        floor = self._summary("noise_floor")
        if floor is None:
            raise RecordError(f"{self.path}: has no summary/noise_floor; fetch an intact copy")
        return Judgement(document=self._document, noise_floor_dbfs=floor, baseline_dbfs=self._summary("baseline"))

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
        with _refusing(self.path):
            if "waterfall" not in self._entry:
                return Waterfall(np.empty((0, 0), np.float32), np.empty(0), np.empty(0))
            shape = self._dataset("waterfall/level").shape
            if len(shape) != 2 or max(shape) > 2000:
                raise RecordError(f"has a waterfall of shape {shape}, above 2000 by 2000")
            return Waterfall(
                _read(self._find("waterfall/level", "<f4", shape)),
                _read(self._find("waterfall/time", "<f8", shape[:1])),
                _read(self._find("waterfall/frequency", "<f8", shape[1:])),
            )

    @cached_property
    def gaps(self) -> tuple[HopGap, ...]:
        """What was not received, in the order in which it happened."""
        return tuple(
            HopGap(**{**gap, "hop_index": None if gap["hop_index"] < 0 else gap["hop_index"]})
            for gap in self._table("gaps", ("pass_index", "hop_index", "utc_ns", "monotonic_ns"), ("reason",))
        )

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Everything else that happened, from ``/entry/events``."""
        return tuple(Note(**note) for note in self._table("events", ("utc_ns",), ("kind", "text")))

    @cached_property
    def leaves(self) -> tuple[bytes, ...]:
        """Leaf of every row, as stored."""
        with _refusing(self.path):
            stored = _read(self._leaf).tobytes()
        size = len(NO_LEAF)
        return tuple(stored[at : at + size] for at in range(0, len(stored), size))

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[SweepRow]:
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
        first, last, _ = slice(start, stop).indices(self.n_rows)
        step = self._block_rows
        for begin in range(first, last, step):
            yield from self._block(begin, min(begin + step, last))

    def verify_rows(self) -> list[tuple[int, bool]]:
        """Hash every row anew and compare with its stored leaf.

        Returns
        -------
        list of (int, bool)
            Number of each row and whether it is what was hashed, after the stored leaf of the row before. A row that
            can no longer be read is False.
        """
        result: list[tuple[int, bool]] = []
        for begin in range(0, self.n_rows, self._block_rows):
            end = min(begin + self._block_rows, self.n_rows)
            try:
                rows: list[SweepRow | None] = list(self._block(begin, end))
            except RecordError:
                rows = [self._row_or_none(number) for number in range(begin, end)]
            result += [(number, self._is_unaltered(number, row)) for number, row in enumerate(rows, start=begin)]
        return result

    @cached_property
    def _block_rows(self) -> int:
        row_bytes: int = sum(dataset.dtype.itemsize * dataset.shape[1] for dataset in self._arrays.values())
        return max(1, BLOCK_BYTES // max(1, row_bytes))

    def _block(self, begin: int, end: int) -> Iterator[SweepRow]:
        with _refusing(self.path):
            times = [_read(dataset, begin, end).tolist() for dataset in self._times]
            arrays = {name: _read(dataset, begin, end) for name, dataset in self._arrays.items()}
        for values in arrays.values():
            values.flags.writeable = False
        for index, (utc_ns, monotonic_ns) in enumerate(zip(*times, strict=True)):
            yield SweepRow(
                sequence=begin + index,
                utc_ns=utc_ns,
                monotonic_ns=monotonic_ns,
                **{name: values[index] for name, values in arrays.items()},
            )

    def _row_or_none(self, number: int) -> SweepRow | None:
        try:
            return next(self._block(number, number + 1))
        except RecordError:
            return None

    def _is_unaltered(self, number: int, row: SweepRow | None) -> bool:
        if row is None:
            return False
        previous = self.leaves[number - 1] if number else NO_LEAF
        try:
            return leaf(*encode_row(row, previous)) == self.leaves[number]
        except (QuietroomError, ValueError, OverflowError, OSError):  # a time that no calendar has
            return False

    def _read_layout(self, told: LayoutDocument) -> Layout:
        shape = self._dataset("data/frequency").shape
        if len(shape) != 1 or not 0 < shape[0] <= MAX_BINS:
            raise RecordError(f"has frequencies of shape {shape}, not 1 to {MAX_BINS} bins")
        return layout_from(told, _read(self._find("data/frequency", "<f8", shape)))

    def _count_rows(self) -> int:
        shape = self._dataset("rows/leaf").shape
        if len(shape) != 2 or shape[0] > MAX_ROWS:
            raise RecordError(f"has leaves of shape {shape}, above {MAX_ROWS} rows")
        return int(shape[0])

    def _row_datasets(self) -> Iterator[tuple[str, h5py.Dataset]]:
        sizes = {"data": self.layout.n_bins, "hops": self.layout.n_hops}
        for name, dtype in ROW_ARRAYS:
            place = row_place(name)
            if place not in self._entry:
                if name == "mean" or name.startswith("hop_"):
                    raise RecordError(f"has no {place}")
                continue
            shape = self._dataset(place).shape
            width = sizes.get(place.partition("/")[0], shape[-1] if shape else 0)
            if width > _MAX_HOP_VALUES:
                raise RecordError(f"has {width} values of {name} in a row, above {_MAX_HOP_VALUES}")
            yield name, self._find(place, dtype.str, (self.n_rows, width))

    def _summary(self, name: str) -> NDArray[np.float32] | None:
        with _refusing(self.path):
            if f"summary/{name}" not in self._entry:
                return None
            levels: NDArray[np.float32] = _read(self._find(f"summary/{name}", "<f4", (self.layout.n_bins,)))
            return levels

    def _note(self, group: str) -> bytes:
        dataset = self._dataset(f"{group}/data")
        if dataset.shape != (1,) or dataset.dtype.kind != "S" or dataset.dtype.itemsize > _MAX_TABLE_BYTES:
            raise RecordError(f"has a {group} note that is no text of up to {_MAX_TABLE_BYTES} bytes")
        return bytes(_read(_checked(dataset, _MAX_TABLE_BYTES))[0])

    def _table(self, name: str, numbers: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        with _refusing(self.path):
            table = self._dataset(name)
            if len(table.shape) != 1 or table.dtype.itemsize * table.shape[0] > _MAX_TABLE_BYTES:
                raise RecordError(f"has a table of {name} with shape {table.shape}, too big to be one")
            if any(table.dtype[field].kind != "i" for field in numbers) or any(
                table.dtype[field].kind != "S" for field in texts
            ):
                raise RecordError(f"has a table of {name} with columns of other types")
            for line in _read(_checked(table, _MAX_TABLE_BYTES)):
                yield {field: int(line[field]) for field in numbers} | {
                    field: line[field].decode("utf-8") for field in texts
                }

    def _dataset(self, place: str) -> h5py.Dataset:
        dataset = self._entry.get(place)
        if not isinstance(dataset, h5py.Dataset):
            raise RecordError(f"has no {place}")
        return dataset

    def _find(self, place: str, dtype: str, shape: tuple[int, ...]) -> h5py.Dataset:
        dataset = self._dataset(place)
        if dataset.dtype != np.dtype(dtype) or dataset.shape != shape:
            raise RecordError(f"has {place} as {dataset.dtype} of shape {dataset.shape}, not {dtype} of {shape}")
        return _checked(dataset, _MAX_CHUNK_BYTES)


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever HDF5 makes of a damaged file into one line that names the file."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"{path}: {error}; fetch an intact copy of the record") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise RecordError(f"{path}: is damaged ({reason}); fetch an intact copy of the record") from error


def _check_schema(file: h5py.File) -> None:
    if "quietroom_schema" not in file.attrs:
        raise RecordError("is an HDF5 file, but not a Quietroom sweep record")
    version = file.attrs.get_id("quietroom_schema")
    if version.shape != () or h5py.check_string_dtype(version.dtype) is None:
        raise RecordError("has a schema version that is no text")
    text = file.attrs["quietroom_schema"]
    text = text.decode() if isinstance(text, bytes) else str(text)
    if text.partition(".")[0] != SCHEMA.partition(".")[0]:
        raise RecordError(f"has schema {text}, and this Quietroom reads {SCHEMA.partition('.')[0]}.x: update Quietroom")


def _entry(file: h5py.File) -> h5py.Group:
    entry = file.get("entry")
    if not isinstance(entry, h5py.Group):
        raise RecordError("has no group /entry")
    return entry


def _survey(group: h5py.Group, seen: set[int]) -> None:
    """Refuse anything in the file that points elsewhere, before any of it is read."""
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise RecordError(f"holds {group.name}/{name}, a link to somewhere else, which no record has")
        child = group[name]
        address = h5py.h5o.get_info(child.id).addr
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > _MAX_OBJECTS:
            raise RecordError(f"holds more than {_MAX_OBJECTS} objects, which no record has")
        if isinstance(child, h5py.Group):
            _survey(child, seen)
        elif isinstance(child, h5py.Dataset) and (child.is_virtual or child.external):
            raise RecordError(f"holds {child.name}, whose data lie in another file, which no record has")


def _checked(dataset: h5py.Dataset, max_chunk_bytes: int) -> h5py.Dataset:
    """Refuse a dataset that declares more than the file backs, or whose chunks carry no checksum."""
    if math.prod(dataset.shape) == 0:
        return dataset
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(index)[0] for index in range(plist.get_nfilters())}
    chunks = dataset.chunks
    if chunks is None or h5py.h5z.FILTER_FLETCHER32 not in filters or not filters <= _FILTERS:
        raise RecordError(f"has {dataset.name} not in chunks with checksums")
    if math.prod(chunks) * dataset.dtype.itemsize > max_chunk_bytes:
        raise RecordError(f"has {dataset.name} in chunks of {chunks}, above {max_chunk_bytes} bytes")
    wanted = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, chunks, strict=True))
    if dataset.id.get_num_chunks() != wanted:
        raise RecordError(f"lacks chunks of {dataset.name}: {dataset.id.get_num_chunks()} of {wanted} are there")
    return dataset


def _read(dataset: h5py.Dataset, begin: int = 0, end: int | None = None) -> NDArray[Any]:
    """Read some rows, or all, once every chunk is known to be in its place and to have gone through all filters.

    HDF5 keeps its list of chunks without a checksum, and gives the fill value for a chunk that it does not find.
    """
    first, last, _ = slice(begin, end).indices(dataset.shape[0])
    if dataset.chunks is not None:
        length, *others = dataset.chunks
        starts = [range(first // length * length, last, length)]
        starts += [range(0, size, chunk) for size, chunk in zip(dataset.shape[1:], others, strict=True)]
        for at in itertools.product(*starts):
            if dataset.id.read_direct_chunk(at)[0] != 0:
                raise RecordError(f"has a chunk of {dataset.name} without its checksum, at {at}")
    values: NDArray[Any] = dataset[first:last]
    return values
