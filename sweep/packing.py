"""From a journal to an HDF5 sweep record: written under another name, compared row by row, then put in place.

The schema is that of ``docs/record-format.md``: NeXus, so that silx, H5Web, JupyterLab and nexusformat plot a record as
it opens. Nothing in the file depends on when or how often it is packed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep import __version__
from sweep.journal import JournalReader, ballast_path, exclusive
from sweep.journal.files import sync_folder
from sweep.journal.layout_json import layout_document
from sweep.leaf import ROW_ARRAYS, row_arrays
from sweep.model import FILL, HOP_OVERLOADED, HOP_UNLOCKED, Judgement, SweepRow
from sweep.record import SweepRecord
from sweep.record.schema import BLOCK_BYTES, MAX_WATERFALL_CELLS, SCHEMA, row_place
from sweep.units import iso_utc

__all__ = ["pack"]

_CHUNK_VALUES = 65536
_SPARE_BYTES = 1 << 20
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FINDING_NUMBERS = (
    "center_freq_hz",
    "occupied_bw_hz",
    "power_dbfs",
    "snr_db",
    "excess_db",
    "p_value",
    "hits",
    "visits",
    "duty_cycle",
)
_FINDING_TEXTS = ("id", "kind", "first_seen", "last_seen", "signal_type")
_COVERAGE_NUMBERS = ("start_hz", "stop_hz", "noise_floor_dbfs", "min_detectable_dbfs", "dwell_s", "visits")
_SITE = ("site", "room", "position")
_PEOPLE = ("operator", "people")
_SWEEP = ("record_id", "source", "software", "engine", "fft_engine", "synthetic")


def pack(
    journal_path: Path,
    record_path: Path,
    *,
    recovered: bool = False,
    judgement: Judgement | None = None,
    keep_journal: bool = False,
) -> None:
    """Make the sweep record of a journal; the journal is removed when the record is in its place.

    Packing the same journal again gives the same bytes. If the record is there already and holds the rows of this
    journal, an earlier run was stopped just before its end: only the journal is then removed.

    Parameters
    ----------
    journal_path, record_path : Path
        The writer of the journal must have given it back.
    recovered : bool
        Mark the record as packed after an interruption.
    judgement : Judgement, optional
        For a journal that was not closed with one.
    keep_journal : bool

    Raises
    ------
    RecordError
        The journal is damaged, in use or has no judgement; the record exists with other contents, or cannot be
        written. The journal is then as it was.
    """
    part = record_path.with_name(record_path.name + ".part")
    with exclusive(journal_path), JournalReader(journal_path) as journal:
        judged = judgement or journal.judgement
        if judged is None:
            raise RecordError(f"{journal_path}: the sweep was not closed; run: quietroom recover {journal_path}")
        if record_path.exists():
            _compare(journal, record_path)
        else:
            _remove_stale(part)
            _check_room(journal_path, part)
            _write_and_check(journal, judged, part, recovered=recovered)
            part.rename(record_path)
            sync_folder(record_path.parent)
        if not keep_journal:
            ballast_path(journal_path).unlink(missing_ok=True)
            journal_path.unlink()
            sync_folder(journal_path.parent)


def _remove_stale(part: Path) -> None:
    """Remove what a crash of an earlier packing left; nobody else packs, as the journal is locked."""
    try:
        with part.open("rb") as stream:
            head = stream.read(len(_HDF5_SIGNATURE))
            is_ours = stat.S_ISREG(os.fstat(stream.fileno()).st_mode) and head.strip(b"\0") in (b"", _HDF5_SIGNATURE)
    except FileNotFoundError:
        return
    except OSError:
        is_ours = False
    if part.is_symlink() or not is_ours:
        raise RecordError(f"{part}: is in the way and was not made by packing; move it elsewhere")
    part.unlink()


def _check_room(journal_path: Path, part: Path) -> None:
    # HDF5 may crash when a disk fills up while it writes, so that must not happen at all.
    try:
        free = shutil.disk_usage(part.parent).free
    except OSError as error:
        raise RecordError(f"{part.parent}: cannot be written ({error.strerror}); name a folder of yours") from error
    needed = journal_path.stat().st_size + _SPARE_BYTES
    if free < needed:
        raise RecordError(
            f"{part}: packing needs up to {needed >> 20} MiB and the disk has {free >> 20} MiB; free some, then run: "
            f"quietroom recover {journal_path}"
        )


def _write_and_check(journal: JournalReader, judged: Judgement, part: Path, *, recovered: bool) -> None:
    try:
        with h5py.File(part, "x", libver=("v108", "v110")) as file:
            _Packer(file, journal, judged, recovered=recovered).run()
            file.flush()
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        _compare(journal, part)
    except FileExistsError as error:
        raise RecordError(f"{part}: appeared while packing began; move it elsewhere, and pack again") from error
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise RecordError(
            f"{part}: cannot be written ({' '.join(str(error).split())}); check the disk, then run: "
            f"quietroom recover {journal.path}"
        ) from error


def _compare(journal: JournalReader, record_path: Path) -> None:
    """Check that a record holds what the journal holds."""
    with SweepRecord.open(record_path) as record:
        if list(record.leaves) != journal.leaves or record.start != journal.start:
            raise RecordError(
                f"{record_path}: holds another sweep than {journal.path}; move one of the two elsewhere, and pack again"
            )
        altered = [number for number, unaltered in record.verify_rows() if not unaltered]
        if altered or list(record.gaps) != journal.gaps or list(record.notes) != journal.notes:
            what = f"row {altered[0]}" if altered else "its gaps or notes"
            raise RecordError(f"{record_path}: differs from {journal.path} in {what}; check the disk, and pack again")


class _Packer:
    """Fills one new file from one journal."""

    def __init__(self, file: h5py.File, journal: JournalReader, judged: Judgement, *, recovered: bool) -> None:
        self._file = file
        self._journal = journal
        self._judged = judged
        self._recovered = recovered
        self._layout = journal.layout
        first = next(journal.rows(0, 1), None)
        self._arrays = {} if first is None else row_arrays(first)
        self._first_utc_ns = None if first is None else first.utc_ns
        self._preview = _Preview(journal.n_rows, self._layout.freq_hz, "max_hold" in self._arrays)
        self._health = _Health()

    def run(self) -> None:
        self._file.attrs.update(
            {
                "NX_class": "NXroot",
                "default": "entry",
                "quietroom_schema": SCHEMA,
                "creator": f"Quietroom {__version__}",
            }
        )
        self._entry = _group(self._file, "entry", "NXentry", default="summary")
        self._write_rows()
        self._write_previews()
        self._write_tables()
        self._write_attributes()
        self._write_texts()

    def _write_rows(self) -> None:
        """Write the rows in blocks, and gather previews and health from them on the way."""
        n_rows = self._journal.n_rows
        datasets = self._make_row_datasets()
        row_bytes = sum(values.nbytes for values in self._arrays.values())
        times = np.empty((n_rows, 2), np.int64)
        at = 0
        for rows in _blocks(self._journal.rows(), max(1, BLOCK_BYTES // max(1, row_bytes))):
            block = slice(at, at + len(rows))
            stacked = {name: np.stack([getattr(row, name) for row in rows]) for name in self._arrays}
            for name, values in stacked.items():
                datasets[name][block] = values
            times[block] = [(row.utc_ns, row.monotonic_ns) for row in rows]
            self._preview.add(at, stacked)
            self._health.add(stacked)
            at = block.stop
        self._times = times
        self._finish_data_group(times)

    def _make_row_datasets(self) -> dict[str, h5py.Dataset]:
        data = _group(self._entry, "data", "NXdata", signal="mean", axes=["time", "frequency"])
        data.attrs["interpretation"] = "spectrum"
        self._entry.create_group("bursts").attrs["NX_class"] = "NXcollection"
        self._entry.create_group("hops").attrs["NX_class"] = "NXcollection"
        datasets: dict[str, h5py.Dataset] = {}
        for name, dtype in ROW_ARRAYS:
            if name not in self._arrays and name != "mean" and not name.startswith("hop_"):
                continue
            missing = self._layout.n_bins if name == "mean" else self._layout.n_hops
            width = self._arrays[name].size if name in self._arrays else missing
            levels = dtype == np.int16
            dataset = _dataset(
                self._entry, row_place(name), (self._journal.n_rows, width), dtype, fillvalue=FILL if levels else None
            )
            if levels:
                is_level = name in ("mean", "max_hold", "min_hold")
                dataset.attrs.update({"units": "cdB(FS)" if is_level else "cdB", "scale_factor": 0.01})
                dataset.attrs["_FillValue"] = np.int16(FILL)
            datasets[name] = dataset
        return datasets

    def _finish_data_group(self, times: NDArray[np.int64]) -> None:
        data = self._entry["data"]
        frequency = _dataset(
            self._entry, "data/frequency", (self._layout.n_bins,), np.dtype("<f8"), self._layout.freq_hz
        )
        frequency.attrs.update({"units": "Hz", "long_name": "frequency (Hz)"})
        self._write_time(data, times[:, 0])
        rows = _group(self._entry, "rows", "NXcollection")
        for index, name in enumerate(("utc_ns", "monotonic_ns")):
            _dataset(rows, name, times[:, index].shape, np.dtype("<i8"), times[:, index]).attrs["units"] = "ns"
        leaves = np.frombuffer(b"".join(self._journal.leaves), np.uint8).reshape(-1, 32)
        _dataset(rows, "leaf", leaves.shape, leaves.dtype, leaves)

    def _write_time(self, group: h5py.Group, utc_ns: NDArray[np.int64]) -> None:
        seconds = (utc_ns - (self._first_utc_ns or 0)) / 1e9
        time = _dataset(group, "time", seconds.shape, np.dtype("<f8"), seconds)
        time.attrs.update({"units": "s", "long_name": "time since the first row (s)"})
        if self._first_utc_ns is not None:
            time.attrs["start"] = iso_utc(self._first_utc_ns)

    def _write_previews(self) -> None:
        preview = self._preview
        levels: dict[str, NDArray[np.float32] | None] = {
            "max_hold": preview.max_dbfs,
            "mean": preview.mean_dbfs,
            "baseline": self._judged.baseline_dbfs,
            "noise_floor": self._judged.noise_floor_dbfs,
        }
        known = {name: values for name, values in levels.items() if values is not None}
        signal, *others = known
        summary = _group(self._entry, "summary", "NXdata", signal=signal, auxiliary_signals=others, axes=["frequency"])
        summary["frequency"] = self._entry["data/frequency"]
        for name, values in known.items():
            dataset = _dataset(summary, name, values.shape, np.dtype("<f4"), values)
            dataset.attrs.update({"units": "dB(FS)", "long_name": f"{name.replace('_', ' ')} (dBFS)"})
        if self._journal.n_rows:
            self._write_waterfall()

    def _write_waterfall(self) -> None:
        level, freq_hz = self._preview.waterfall()
        waterfall = _group(self._entry, "waterfall", "NXdata", signal="level", axes=["time", "frequency"])
        dataset = _dataset(waterfall, "level", level.shape, np.dtype("<f4"), level)
        dataset.attrs.update({"units": "dB(FS)", "long_name": "highest level (dBFS)", "interpretation": "image"})
        frequency = _dataset(waterfall, "frequency", freq_hz.shape, np.dtype("<f8"), freq_hz)
        frequency.attrs.update({"units": "Hz", "long_name": "frequency (Hz)"})
        self._write_time(waterfall, self._times[:: self._preview.rows_per_line, 0])

    def _write_tables(self) -> None:
        findings = self._judged.document.get("findings") or []
        numbers = {name: [_number(finding.get(name)) for finding in findings] for name in _FINDING_NUMBERS}
        texts = {name: [str(finding.get(name) or "") for finding in findings] for name in _FINDING_TEXTS}
        threats = [finding.get("threat") or {} for finding in findings]
        texts["threat_level"] = [str(threat.get("level") or "") for threat in threats]
        numbers["threat_score"] = [_number(threat.get("score")) for threat in threats]
        _table(self._entry, "findings", texts, numbers, {})
        gaps = self._journal.gaps
        integers = {
            "pass_index": [gap.pass_index for gap in gaps],
            "hop_index": [-1 if gap.hop_index is None else gap.hop_index for gap in gaps],
            "utc_ns": [gap.utc_ns for gap in gaps],
            "monotonic_ns": [gap.monotonic_ns for gap in gaps],
        }
        _table(self._entry, "gaps", {"reason": [gap.reason for gap in gaps]}, {}, integers)
        notes = self._journal.notes
        words = {"kind": [note.kind for note in notes], "text": [note.text for note in notes]}
        _table(self._entry, "events", words, {}, {"utc_ns": [note.utc_ns for note in notes]})

    def _write_attributes(self) -> None:
        start, document = self._journal.start, self._judged.document
        _attributes(self._entry, {name: start.get(name) for name in _SWEEP} | {"recovered": self._recovered})
        _attributes(self._entry, {"verdict": document.get("verdict")})
        _attributes(_group(self._entry, "instrument", "NXinstrument"), start.get("instrument") or {})
        for name, fields in (("site", _SITE), ("people", _PEOPLE)):
            _attributes(_group(self._entry, name, "NXcollection"), {field: start.get(field) for field in fields})
        plan = {**(start.get("plan") or {}), **layout_document(self._layout)}
        _attributes(_group(self._entry, "plan", "NXcollection"), plan)
        health = self._health.totals() | {"gaps": len(self._journal.gaps)}
        _attributes(_group(self._entry, "health", "NXcollection"), health)
        baseline = {"baseline": document.get("baseline"), "planned": start.get("baseline")}
        _attributes(_group(self._entry, "baseline", "NXcollection"), baseline)
        self._write_coverage()

    def _write_coverage(self) -> None:
        start, document = self._journal.start, self._judged.document
        coverage = _group(self._entry, "coverage", "NXcollection")
        passes = {"passes_planned": start.get("passes_planned"), "passes_recorded": self._journal.n_rows}
        _attributes(coverage, passes | {"false_alarms_per_sweep": document.get("false_alarms_per_sweep")})
        segments = document.get("coverage") or []
        numbers = {name: [_number(segment.get(name)) for segment in segments] for name in _COVERAGE_NUMBERS}
        periods = sorted({period for segment in segments for period in segment.get("poi") or {}})
        for period in periods:
            numbers[f"poi_{period}"] = [_number((segment.get("poi") or {}).get(period)) for segment in segments]
        _table(coverage, "segments", {"state": [str(segment.get("state") or "") for segment in segments]}, numbers, {})

    def _write_texts(self) -> None:
        start = self._journal.start
        first = None if self._first_utc_ns is None else iso_utc(self._first_utc_ns)
        texts = {
            "title": start.get("title") or f"Sweep of {start.get('room') or 'a room'}",
            "start_time": start.get("start_time") or first,
            "end_time": self._end_time(),
            "definition": "quietroom_sweep",
        }
        for name, text in texts.items():
            if text:
                self._entry[name] = _plain(str(text))
        processing = {
            "start": start,
            "layout": layout_document(self._layout),
            "judgement": dict(self._judged.document),
            "end_time": self._end_time(),
            "recovered": self._recovered,
            "torn_tail_bytes": self._journal.torn_tail_bytes,
        }
        _note(self._entry, "processing", processing)
        sigmf = _sigmf(start)
        if sigmf:
            _note(self._entry, "sigmf", sigmf)

    def _end_time(self) -> str:
        if self._journal.end_time is not None:
            return self._journal.end_time
        last = next(self._journal.rows(max(0, self._journal.n_rows - 1)), None)
        if last is None:
            return str(self._journal.start.get("start_time") or "")
        return iso_utc(max(last.utc_ns, int(last.hop_utc_ns.max())))


class _Preview:
    """Summary and waterfall of the rows that pass by."""

    _POWER = np.where(np.arange(65536) == 32768, 0.0, 10 ** (np.arange(65536, dtype=np.uint16).view(np.int16) / 1000.0))

    def __init__(self, n_rows: int, freq_hz: NDArray[np.float64], has_max: bool) -> None:
        self._freq_hz = freq_hz
        self._peak_name = "max_hold" if has_max else "mean"
        self._power = np.zeros(freq_hz.size)
        self._count = np.zeros(freq_hz.size, np.int64)
        self._peak = np.full(freq_hz.size, FILL, np.int16) if has_max else None
        self.rows_per_line = -(-n_rows // MAX_WATERFALL_CELLS) or 1
        self._columns = np.arange(0, freq_hz.size, -(-freq_hz.size // MAX_WATERFALL_CELLS))
        self._lines = np.full((-(-n_rows // self.rows_per_line), self._columns.size), FILL, np.int16)

    def add(self, first_row: int, stacked: Mapping[str, NDArray[Any]]) -> None:
        """Take a block of rows, the first of which has this number."""
        mean, peak = stacked["mean"], stacked[self._peak_name]
        for row in mean:  # one at a time: the powers of a block would be four times its size
            self._power += self._POWER[row.view(np.uint16)]
        self._count += np.count_nonzero(mean != FILL, axis=0)
        if self._peak is not None:
            np.maximum(self._peak, peak.max(axis=0), out=self._peak)
        cells = np.maximum.reduceat(peak, self._columns, axis=1)
        lines, first = np.unique((first_row + np.arange(len(peak))) // self.rows_per_line, return_index=True)
        self._lines[lines] = np.maximum(self._lines[lines], np.maximum.reduceat(cells, first, axis=0))

    @property
    def mean_dbfs(self) -> NDArray[np.float32]:
        """Mean power of each bin."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (10 * np.log10(self._power / self._count)).astype(np.float32)

    @property
    def max_dbfs(self) -> NDArray[np.float32] | None:
        """Highest level of each bin."""
        return None if self._peak is None else _levels(self._peak)

    def waterfall(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Highest level of each cell, and the middle frequency of each column."""
        last = np.append(self._columns[1:], self._freq_hz.size) - 1
        return _levels(self._lines), (self._freq_hz[self._columns] + self._freq_hz[last]) / 2


class _Health:
    """What the rows that pass by say of the receiver."""

    def __init__(self) -> None:
        self._totals = {"overloaded_hops": 0, "unlocked_hops": 0, "dropped_samples": 0}
        self._highest: dict[str, float] = {}

    def add(self, stacked: Mapping[str, NDArray[Any]]) -> None:
        """Take a block of rows."""
        flags = stacked["hop_flags"]
        self._totals["overloaded_hops"] += int(np.count_nonzero(flags & HOP_OVERLOADED))
        self._totals["unlocked_hops"] += int(np.count_nonzero(flags & HOP_UNLOCKED))
        self._totals["dropped_samples"] += int(stacked["hop_dropped_samples"].sum(dtype=np.int64))
        for name in ("hop_clip_fraction", "hop_rms_dbfs", "hop_fluctuation_db"):
            known = stacked[name][~np.isnan(stacked[name])]
            if known.size:
                self._highest[f"{name}_max"] = max(float(known.max()), self._highest.get(f"{name}_max", -np.inf))

    def totals(self) -> dict[str, int | float]:
        """Sums and highest values; one that was never measured is absent."""
        return {**self._totals, **self._highest}


def _levels(stored: NDArray[np.int16]) -> NDArray[np.float32]:
    return np.where(stored == FILL, np.float32(np.nan), stored.astype(np.float32) / np.float32(100))


def _blocks(rows: Iterator[SweepRow], size: int) -> Iterator[list[SweepRow]]:
    while block := list(islice(rows, size)):
        yield block


def _group(parent: h5py.Group, name: str, nx_class: str, **attributes: str | list[str]) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    for key, value in attributes.items():
        group.attrs[key] = value
    return group


def _dataset(
    parent: h5py.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    data: NDArray[Any] | None = None,
    *,
    fillvalue: int | None = None,
) -> h5py.Dataset:
    """Make a dataset in compressed chunks with checksums, over several rows where rows are short."""
    if 0 in shape:
        return parent.create_dataset(name, shape=shape, dtype=dtype, track_times=False)
    width = min(shape[-1], _CHUNK_VALUES)
    rows = max(1, _CHUNK_VALUES // width)
    return parent.create_dataset(
        name,
        shape=shape,
        dtype=dtype,
        data=data,
        chunks=(min(shape[0], rows), width) if len(shape) > 1 else (width,),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fletcher32=True,
        fillvalue=fillvalue,
        track_times=False,
    )


def _table(
    parent: h5py.Group,
    name: str,
    texts: Mapping[str, Sequence[str]],
    numbers: Mapping[str, Sequence[float]],
    integers: Mapping[str, Sequence[int]],
) -> None:
    """Write columns as one compound table; texts have the length of the longest."""
    encoded = {key: [text.encode("utf-8", "backslashreplace") for text in column] for key, column in texts.items()}
    columns: list[tuple[str, np.dtype[Any], Sequence[Any]]] = [
        (key, h5py.string_dtype("utf-8", max([1, *map(len, column)])), column) for key, column in encoded.items()
    ]
    columns += [(key, np.dtype("<f8"), column) for key, column in numbers.items()]
    columns += [(key, np.dtype("<i8"), column) for key, column in integers.items()]
    table = np.zeros(len(columns[0][2]), np.dtype([(key, dtype) for key, dtype, _ in columns]))
    for key, _, column in columns:
        table[key] = column
    _dataset(parent, name, table.shape, table.dtype, table)


def _note(parent: h5py.Group, name: str, document: Mapping[str, Any]) -> None:
    """Write JSON as a note; in a chunk, because only chunks have checksums."""
    text = json.dumps(document, sort_keys=True, allow_nan=False).encode("ascii")
    note = _group(parent, name, "NXnote")
    note["type"] = "application/json"
    dtype = h5py.string_dtype("utf-8", len(text))
    _dataset(note, "data", (1,), dtype, np.array([text], dtype))


def _attributes(group: h5py.Group, fields: Mapping[str, Any]) -> None:
    """Set what is known as attributes; what HDF5 has no type for becomes JSON text."""
    for key, value in fields.items():
        if value is None or value in ((), [], {}, ""):
            continue
        group.attrs[key] = _attribute(value)


def _attribute(value: Any) -> Any:
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return [_plain(item) for item in value]
        if all(isinstance(item, int | float) and abs(item) < 2**63 for item in value):
            return np.asarray(value)
    return json.dumps(value, sort_keys=True)


def _plain(text: str) -> str:
    # HDF5 takes neither NUL nor the half characters that Python makes of a command line that is not UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _sigmf(start: Mapping[str, Any]) -> dict[str, Any] | None:
    """Describe the samples in the words of SigMF; none where spectra came in place of samples."""
    plan, instrument = start.get("plan"), start.get("instrument") or {}
    if not plan or not instrument.get("sample_format"):
        return None
    named = {
        "core:hw": " ".join(filter(None, (instrument.get("product"), instrument.get("tuner")))),
        "core:recorder": start.get("software"),
        "core:author": start.get("operator"),
    }
    return {
        "global": {
            "core:datatype": instrument["sample_format"],
            "core:version": "1.2.0",
            "core:sample_rate": plan["sample_rate_hz"],
            "core:metadata_only": True,
            **{key: value for key, value in named.items() if value},
        },
        "captures": [],
        "annotations": [],
    }
