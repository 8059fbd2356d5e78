"""The PDF of a full visit: processor time and peak memory of ``quietroom report`` in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from pypdf import PdfReader

from benchmarks.commands import quietroom, require_peak_memory
from benchmarks.comparison import town_rows
from benchmarks.effort import Effort
from benchmarks.passes import make_visit
from benchmarks.rows import Goal, Row, Spread
from sweep.model import SweepRow
from sweep.plan import Layout

__all__ = ["measure"]

_PASSES, _DAY = 5, 2
_PLANTED_HZ = (72_300_000, 138_400_000, 315_000_000, 434_500_000, 868_300_000, 909_100_000, 1_263_000_000)
_OVER_CDB, _HALF_BINS = 2500, 3
_GOAL_S, _GOAL_MB = 5.0, 400.0
_GOAL = Goal(limit=1, at_least=False)


def measure(effort: Effort) -> Iterator[Row]:
    """Report a visit of the whole band with seven findings, a few times after the first.

    Raises
    ------
    LeftOutError
        The system does not tell the peak memory of a process.
    """
    require_peak_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = make_visit(folder, _rows)
        command = ("--workspace", name, "recover", str(journal))
        quietroom(*command)
        record, pdf = journal.with_suffix(".h5"), folder / "report.pdf"
        costs = [
            quietroom("--workspace", name, "report", str(record), "-o", str(pdf)) for _ in range(effort.repeats + 1)
        ][1:]
        what = f"report of a full visit, {len(PdfReader(pdf).pages)} pages, {pdf.stat().st_size / 1e6:.1f} MB"
    seconds, peaks = [cost.processor_s for cost in costs], [cost.peak_mb for cost in costs]
    for kind, values, limit, unit in (
        ("processor time", seconds, _GOAL_S, "s"),
        ("peak memory", peaks, _GOAL_MB, "MB"),
    ):
        yield Row(
            what=f"{what}: {kind}",
            ours=f"{np.median(values):.3g} {unit}",
            against=f"limit {limit:g} {unit}",
            ratio=Spread.of([value / limit for value in values]),
            goal=_GOAL,
        )


def _rows(layout: Layout) -> Iterator[SweepRow]:
    """Passes of a visit to the town with carriers that its baseline does not have."""
    near = np.zeros(layout.n_bins, bool)
    for freq_hz in _PLANTED_HZ:
        near |= np.abs(layout.freq_hz - freq_hz) <= _HALF_BINS * layout.bin_width_hz
    for row in town_rows(layout, _PASSES, _DAY):
        raised = {name: getattr(row, name) + np.int16(_OVER_CDB) * near for name in ("mean", "max_hold")}
        yield replace(row, **raised)
