"""What the journal costs a live sweep: processor time, and time for which the receiver waits for the disk.

The sweep is a real one on the paced virtual dongle. Journal and hashes are all that encodes, hashes, writes and syncs
rows and gaps; the rest is the capture, without what the virtual dongle takes to make its samples. The receiver waits
when the thread that reads it may not read on; how long is measured there, with the disk as it is and with one that
takes 100 ms for each sync.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from baselines.judge import make_judge
from benchmarks.dongle import dongle_seconds, plugged_in
from benchmarks.effort import Effort
from benchmarks.rows import Goal, Row, Spread
from sweep.events import RowDone
from sweep.journal import JournalWriter, writer
from sweep.model import HopGap, HopSamples
from sweep.session import SweepSession
from sweep.sources.live import LiveSource
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr
from tests.virtual_dongle.scene import Emitter, Scene

__all__ = ["measure"]

_SCENE = Scene(realtime=True, emitters=(Emitter(kind="fm", freq_hz=98.3e6, level_dbfs=-15, bandwidth_hz=75e3),))
_ONE_HOP_HZ = (97_500_000, 99_000_000)
_TURNS, _PASSES_OF_ONE_HOP = 3, 200
_SLOW_SYNC_S = 0.1
_COSTS, _WAITS = Goal(limit=0.1, at_least=False), Goal(limit=0.2, at_least=False)


@dataclass(slots=True, kw_only=True)
class _Meter:
    """What one sweep took.

    Attributes
    ----------
    journal_s, all_s : float
        Processor time of the journal, and of all threads from the first hop to the last row.
    waits_s : list of float
        For how long the source was not asked for its next hop after it had given one.
    """

    journal_s: float = 0.0
    all_s: float = 0.0
    waits_s: list[float]

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add what a function takes, in whichever thread it runs."""

        def call(*arguments: Any, **options: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self.journal_s += time.thread_time() - begun

        return call

    def watched(self, blocks: Iterator[HopSamples | HopGap]) -> Iterator[HopSamples | HopGap]:
        """Note how long each hop is held before the next one is asked for."""
        for block in blocks:
            given = time.monotonic()
            yield block
            self.waits_s.append(time.monotonic() - given)


def measure(effort: Effort) -> Iterator[Row]:
    """Give the rows.

    Raises
    ------
    LeftOutError
        There is no C compiler.
    """
    with plugged_in(_SCENE):
        yield from _rows(effort.live_band_hz)


def _rows(band_hz: tuple[int, int]) -> Iterator[Row]:
    what = f"live sweep of {band_hz[0] // 1_000_000}-{band_hz[1] // 1_000_000} MHz"
    shares, ours_s, theirs_s = [], [], []
    for _ in range(_TURNS):
        meter, hop_s, n_hops = _sweep(band_hz, passes=2)
        theirs = meter.all_s - dongle_seconds(_SCENE, n_hops, hop_s, 2_400_000)
        ours_s.append(1e3 * meter.journal_s)
        theirs_s.append(1e3 * theirs)
        shares.append(meter.journal_s / theirs)
    yield Row(
        what=f"{what}: journal and hashes, processor time",
        ours=f"{Spread.of(ours_s).median:.3g} ms",
        against=f"all but the dongle {Spread.of(theirs_s).median:.4g} ms",
        ratio=Spread.of(shares),
        goal=_COSTS,
    )
    yield _waits("live sweep of one hop", _ONE_HOP_HZ, _PASSES_OF_ONE_HOP)
    yield _waits(what, band_hz, 2)


def _waits(what: str, band_hz: tuple[int, int], passes: int) -> Row:
    """Longest wait with a slow disk; a receiver that waited for it would wait as long as it takes."""
    quick_s, slow_s = [], []
    for _ in range(_TURNS):
        quick_s.append(max(_sweep(band_hz, passes=passes)[0].waits_s))
        slow_s.append(max(_sweep(band_hz, passes=passes, slow=True)[0].waits_s))
    return Row(
        what=f"{what}: longest wait of the receiver, each sync {1e3 * _SLOW_SYNC_S:.0f} ms",
        ours=f"{1e3 * Spread.of(slow_s).median:.2g} ms",
        against=f"a sync; with the disk as it is {1e3 * Spread.of(quick_s).median:.2g} ms",
        ratio=Spread.of([wait / _SLOW_SYNC_S for wait in slow_s]),
        goal=_WAITS,
    )


def _sweep(band_hz: tuple[int, int], *, passes: int, slow: bool = False) -> tuple[_Meter, float, int]:
    """Sweep once; gives what it took, the seconds of a hop and their number in all passes."""
    meter = _Meter(waits_s=[])
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("append_row", "append_gap", "sync"):
            method = getattr(JournalWriter, name)
            stack.enter_context(mock.patch.object(JournalWriter, name, _as_method(meter.counted(method))))
        if slow:
            stack.enter_context(mock.patch.object(writer, "fdatasync", _slow(writer.fdatasync)))
        source = open_rtlsdr("", SourceOptions(ranges_hz=(band_hz,)))
        hop_s = (source.instrument.settle_s or 0.0) + source.plan.dwell_s
        _run(source, folder, meter, passes)
        return meter, hop_s, passes * source.plan.n_hops


def _run(source: LiveSource, folder: Path, meter: _Meter, passes: int) -> None:
    real = source.blocks
    begun = 0.0

    def blocks(wanted: int | None) -> Iterator[HopSamples | HopGap]:
        nonlocal begun
        begun = time.process_time()
        return meter.watched(real(wanted))

    with mock.patch.object(source, "blocks", blocks):
        session = SweepSession(
            source, start={}, name_record=lambda _: folder / "a.h5", judge=make_judge(None), passes=passes
        )
        n_rows = 0
        for event in session.events():
            n_rows += isinstance(event, RowDone)
            if isinstance(event, RowDone) and n_rows == passes:
                meter.all_s = time.process_time() - begun
                session.stop()  # no looks: they are no part of this


def _as_method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: JournalWriter, *arguments: Any, **options: Any) -> Any:
        return function(self, *arguments, **options)

    return method


def _slow(real: Callable[[int], None]) -> Callable[[int], None]:
    def sync(descriptor: int) -> None:
        time.sleep(_SLOW_SYNC_S)
        real(descriptor)

    return sync
