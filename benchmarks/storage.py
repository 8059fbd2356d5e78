"""What a sweep takes on the disk, and what putting it there costs while it runs.

The record is held against the CSV of ``rtl_power`` for the same bins and passes. That has one level of 0.01 dB a bin;
a record has mean, maximum, minimum and kurtosis, and the burst boxes. All of them are noise: the entropy of the stored
values, counted value by value, is what no lossless coding of them for themselves gets below.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from baselines.judge import make_judge
from benchmarks.comparison import town_rows
from benchmarks.dongle import plugged_in
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, Spread
from sweep.journal import JournalWriter
from sweep.leaf import NO_LEAF, encode_row, leaf
from sweep.plan import plan_hops
from sweep.session import SweepSession
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr
from tests.virtual_dongle.scene import Emitter, Scene

__all__ = ["measure"]

_BAND_HZ, _STEP_HZ, _PASSES = (88_000_000, 108_000_000), 2500, 40
_STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_hz, level_dbfs=level_dbfs, bandwidth_hz=75e3)
    for freq_hz, level_dbfs in ((91.3e6, -25.0), (98.3e6, -18.0), (104.9e6, -30.0))
)
_TENTH = Goal(limit=0.1, at_least=False)
_WHOLE_BAND_HZ = (24_000_000, 1_766_000_000)
_DWELL_S = 0.013


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the sizes, and the costs of a row of the whole band.

    Raises
    ------
    LeftOutError
        There is no C compiler.
    """
    yield from _live_costs(effort.repeats)
    program = shutil.which("rtl_power")
    if program is None:
        raise LeftOutError("rtl_power is not installed (Debian's package rtl-sdr)")
    with tempfile.TemporaryDirectory() as folder, plugged_in(Scene(emitters=_STATIONS)) as environment:
        theirs = _csv_bytes(program, environment)
        record, journal_bytes = _sweep(Path(folder))
        with h5py.File(record) as file:
            yield from _sizes(file, theirs, record.stat().st_size, journal_bytes)


def _sizes(file: h5py.File, theirs: float, record_bytes: int, journal_bytes: int) -> Iterator[Row]:
    """All sizes in bytes a bin and pass."""
    n_rows, n_bins = file["entry/data/mean"].shape
    levels = [
        dataset
        for group in ("data", "bursts")
        for dataset in file["entry"][group].values()
        if dataset.shape[:1] == (n_rows,) and dataset.dtype == np.int16
    ]
    entropy_bits = sum(_entropy_bits(dataset[:]) for dataset in levels)
    mean_bytes = file["entry/data/mean"].id.get_storage_size()
    what = f"{n_rows} passes of {n_bins:,} bins"
    for name, size, goal in (
        ("record", record_bytes, _TENTH),
        ("its levels at their entropy", entropy_bits / 8, None),
        ("its mean alone, which is what the CSV has", mean_bytes, None),
        ("journal, which is removed", journal_bytes, None),
    ):
        ours = size / (n_rows * n_bins)
        yield Row(
            what=f"{what}: {name}",
            ours=f"{ours:.2f} B/bin",
            against=f"rtl_power's CSV {theirs:.2f} B/bin",
            ratio=Spread.of([ours / theirs]),
            goal=goal,
        )


def _entropy_bits(values: NDArray[np.int16]) -> float:
    counts = np.bincount(values.view(np.uint16).ravel())
    counts = counts[counts > 0]
    return float((counts * np.log2(values.size / counts)).sum())


def _csv_bytes(program: str, environment: dict[str, str]) -> float:
    """Bytes a bin and pass; one pass is like the other."""
    span = f"{_BAND_HZ[0]}:{_BAND_HZ[1]}:{_STEP_HZ}"
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = [program, "-f", span, "-g", "28", "-i", "1", "-1", out.name]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
        text = Path(out.name).read_text()
    n_values = sum(len(line.split(",")) - 6 for line in text.splitlines())
    return len(text) / n_values


def _sweep(folder: Path) -> tuple[Path, int]:
    """Sweep the dongle, and give the record and the size that its journal had."""
    record = folder / "a.h5"
    options = SourceOptions(ranges_hz=(_BAND_HZ,), bin_width_hz=_STEP_HZ)
    with contextlib.closing(open_rtlsdr("", options)) as source:
        session = SweepSession(
            source, start={}, name_record=lambda _: record, judge=make_judge(None), passes=_PASSES, sync_interval_s=1.0
        )
        journal_bytes = 0
        for _ in session.events():
            journal = record.with_suffix(".journal")
            journal_bytes = journal.stat().st_size if journal.exists() else journal_bytes
    return record, journal_bytes


def _live_costs(repeats: int) -> Iterator[Row]:
    """What a row of the whole band costs, against the time in which a dongle gives one."""
    plan = plan_hops((_WHOLE_BAND_HZ,))
    layout, pass_s = plan.layout(), plan.n_hops * _DWELL_S
    [row] = town_rows(layout, 1, 0)
    costs: dict[str, list[float]] = {"header and leaf": [], "header, leaf and write": [], "sync to the disk": []}
    with tempfile.TemporaryDirectory() as folder, JournalWriter.create(Path(folder) / "a", {}, layout) as journal:
        for number in range(repeats):
            next_row = replace(row, sequence=number)
            times = [time.perf_counter()]
            leaf(*encode_row(next_row, NO_LEAF))
            times.append(time.perf_counter())
            journal.append_row(next_row)
            times.append(time.perf_counter())
            journal.sync()
            times.append(time.perf_counter())
            for name, spent in zip(costs, np.diff(times).tolist(), strict=True):
                costs[name].append(spent)
    for name, spent_s in costs.items():
        yield Row(
            what=f"a row of {layout.n_bins:,} bins: {name}, wall time",
            ours=f"{1e3 * Spread.of(spent_s).median:.3g} ms",
            against=f"its {plan.n_hops} dwells, {pass_s:.1f} s",
            ratio=Spread.of([spent / pass_s for spent in spent_s]),
        )
