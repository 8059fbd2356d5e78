"""Verifying a record: rows hashed anew, against ``sha256sum`` of the same bytes, in processor time of all threads."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOutError, Row, Spread, ratio_row
from benchmarks.turns import alternate, program_seconds
from sweep.chain import ChainedLog
from sweep.journal import JournalWriter
from sweep.leaf import ROW_ARRAYS, row_arrays
from sweep.model import Instrument, Judgement, SweepRow
from sweep.packing import pack
from sweep.plan import SweepPlan
from sweep.record import SweepRecord
from sweep.seal.claims import State
from sweep.seal.verification import VerifyRequest, verify

__all__ = ["measure"]

_HOP_BINS = 768
_KINDS = {"whole-band": (908, 8), "ten-hop": (10, 800), "one-hop": (1, 8000)}  # hops of a row, and rows; 50 MB each
_HOP_NS = 30_000_000
_BURST_BOXES = {"burst_8": 191, "burst_8x4": 188, "burst_64": 23, "burst_512": 2}
_LEVEL, _SPREAD = -6000, 100  # hundredths of a dB, of noise
_GOAL_MB_S, _GOAL_RATIO = 300.0, 0.3


def measure(effort: Effort) -> Iterator[Row]:
    """Make records of long and of short rows, verify them, and hash their rows with ``sha256sum``.

    Yields
    ------
    Row
        Of the rows alone, and of all that ``quietroom verify`` does.

    Raises
    ------
    LeftOutError
        There is no ``sha256sum``.
    """
    program = shutil.which("sha256sum")
    if program is None:
        raise LeftOutError("sha256sum is not installed")
    for kind, (n_hops, n_rows) in _KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.h5"
            _write_record(path, n_hops, n_rows)
            yield from _of_record(path, kind, program, effort)


def _of_record(path: Path, kind: str, program: str, effort: Effort) -> Iterator[Row]:
    plain = path.with_suffix(".plain")
    with SweepRecord.open(path) as record:
        _write_rows(record, plain)
        size = plain.stat().st_size
        sides = {
            "rows": _speed(size, record.verify_rows),
            "all": _speed(size, lambda: _verify(path)),
            "sha256sum": lambda: size / program_seconds([program, str(plain)], os.environ) / 1e6,
        }
        figures = alternate(sides, effort.repeats)
    named = {"rows": f"{kind} rows hashed anew", "all": f"quietroom verify, sealless, {kind} rows"}
    for side, what in named.items():
        yield ratio_row(
            what, figures[side], figures["sha256sum"], unit="MB/s", named="sha256sum", goal=Goal(limit=_GOAL_RATIO)
        )
    speed = figures["rows"]
    yield Row(
        what=f"{kind} rows hashed anew, against the goal",
        ours=f"{statistics.median(speed):.3g} MB/s",
        against=f"{_GOAL_MB_S:g} MB/s",
        ratio=Spread.of([value / _GOAL_MB_S for value in speed]),
        goal=Goal(limit=1.0),
    )


def _speed(size: int, work: Callable[[], object]) -> Callable[[], float]:
    def step() -> float:
        start = time.process_time()
        work()
        return size / (time.process_time() - start) / 1e6

    return step


def _verify(path: Path) -> None:
    log = path.with_suffix(".jsonl")
    decisions = ChainedLog(path=log, fields=frozenset(), about=("record", path.name), noun="decision")
    claims = verify(VerifyRequest(record_path=path, decisions=decisions)).claims
    assert claims[0].state is State.PASS


def _write_record(path: Path, n_hops: int, n_rows: int) -> None:
    plan = SweepPlan(
        sample_rate_hz=2_400_000,
        n_fft=960,
        n_frames=64,
        hop_bins=_HOP_BINS,
        hop_centers_hz=tuple(24_960_000 + hop * _HOP_BINS * 2500 for hop in range(n_hops)),
        gain_db=28.0,
    )
    layout, random = plan.layout(), np.random.default_rng(1)
    start = {"plan": asdict(plan), "instrument": asdict(Instrument(driver="benchmark"))}
    journal = path.with_suffix(".journal")
    with JournalWriter.create(journal, start, layout) as writer:
        for number in range(n_rows):
            writer.append_row(_row(number, n_hops, random))
        writer.sync()
        document: dict[str, Any] = {"verdict": "inconclusive", "reasons": [], "coverage": [], "findings": []}
        writer.finish_with(Judgement(document=document, noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32)))
    pack(journal, path)


def _row(number: int, n_hops: int, random: np.random.Generator) -> SweepRow:
    arrays: dict[str, Any] = {}
    for name, dtype in ROW_ARRAYS:
        size = n_hops if name.startswith("hop_") else n_hops * _BURST_BOXES.get(name, _HOP_BINS)
        noise = random.normal(_LEVEL, _SPREAD, size) if dtype == np.int16 else np.full(size, number)
        arrays[name] = noise.astype(dtype)
    begun_ns = number * n_hops * _HOP_NS
    return SweepRow(sequence=number, utc_ns=begun_ns, monotonic_ns=begun_ns, **arrays)


def _write_rows(record: SweepRecord, path: Path) -> None:
    with path.open("wb") as file:
        for row in record.rows():
            for values in row_arrays(row).values():
                file.write(values.tobytes())
