"""The mean spectra of all passes as rtl_power writes them, so that heatmap.py and its like draw them.

Columns: date, time, Hz low, Hz high, Hz step, samples, dB, dB, ... As rtl_power does it, all lines of a pass carry
one time, when its last hop was measured (here UTC), and the last value of a line stands there twice. Bins lie at low
+ k step. Levels are dBFS at the resolution of the record, 0.01 dB. What was not measured is ``nan``; a line of
nothing else is left out, because heatmap.py would draw it as 0 dB. Stays of a sweep that camped are no passes, and
are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reports.exports.source import ExportSource
from sweep.model import FILL, SweepRow
from sweep.plan import Layout

__all__ = ["rtl_power_csv"]

_LINE_BINS = 4096


def rtl_power_csv(source: ExportSource) -> Iterator[bytes]:
    """Write line after line; one row is in memory at a time."""
    layout = source.record.layout
    heads = list(_heads(layout))
    samples = layout.n_averages or 0
    for row in source.record.rows():
        stamp = _stamp(row)
        for first, count, low_hz, high_hz in heads:
            stored = row.mean[first : first + count]
            if (stored == FILL).all():
                continue
            values = [_level(int(value)) for value in stored]
            values += ["nan"] * (count % 2)
            line = [*stamp, str(low_hz), str(high_hz), f"{layout.bin_width_hz:.12g}", str(samples), *values, values[-1]]
            yield (", ".join(line) + "\n").encode("ascii")


def _heads(layout: Layout) -> Iterator[tuple[int, int, int, int]]:
    """First bin, number of bins, low and high edge of each line: bins without a break, hop by hop where that is even.

    rtl_power centres its bins on the middle of low and high, so a line holds an even number of them: the last of a
    stretch is filled with one that was not measured.
    """
    step_hz = layout.bin_width_hz
    most = layout.hop_bins if layout.hop_bins % 2 == 0 and layout.hop_bins <= _LINE_BINS else _LINE_BINS
    breaks = np.flatnonzero(np.abs(np.diff(layout.freq_hz) - step_hz) > step_hz / 2) + 1
    for stretch in np.split(np.arange(layout.freq_hz.size), breaks):
        for first in range(int(stretch[0]), int(stretch[-1]) + 1, most):
            count = min(most, int(stretch[-1]) + 1 - first)
            low_hz = float(layout.freq_hz[first])
            yield first, count, round(low_hz), round(low_hz + (count + count % 2) * step_hz)


def _stamp(row: SweepRow) -> tuple[str, str]:
    at = datetime.fromtimestamp(_last_ns(row.hop_utc_ns, row.utc_ns) // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}"


def _last_ns(hops_ns: NDArray[np.int64], begun_ns: int) -> int:
    return max(int(hops_ns.max(initial=begun_ns)), begun_ns)


@lru_cache(maxsize=1 << 16)
def _level(centidecibels: int) -> str:
    return "nan" if centidecibels == FILL else f"{centidecibels / 100:.2f}"
