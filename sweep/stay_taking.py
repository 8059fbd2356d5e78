"""Taking stays: from the receiver, or from where they were kept, into the journal."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from sweep.camping import CampedSource, CampRequest, stay_dwells, stay_on, stay_row
from sweep.events import Event, GapSeen, StayDone
from sweep.full_disk import until_room
from sweep.iq_writer import IqWriter
from sweep.journal import JournalReader, JournalWriter
from sweep.look_taking import RetunableSource
from sweep.model import HopGap, HopSamples, SweepRow
from sweep.plan import SweepPlan

__all__ = ["StayTaker"]

T = TypeVar("T")


class StayTaker:
    """Brings stays into the journal of a running session; each is on the disk before its event says so.

    Parameters
    ----------
    journal : JournalWriter
    plan : SweepPlan
    pass_index : int
        Number of the pass after the last one, of which the gaps of stays are.
    is_stopping : callable
        Whether the user wants the sweep to end: then no more stays are taken.
    keep : IqWriter or None
        Keeps the samples of each stay.
    hold : callable
        Takes each stay, to have its samples when the sweep has been judged.
    """

    def __init__(
        self,
        journal: JournalWriter,
        plan: SweepPlan,
        *,
        pass_index: int,
        is_stopping: Callable[[], bool],
        keep: IqWriter | None,
        hold: Callable[[HopSamples | HopGap], None],
    ) -> None:
        self._journal = journal
        self._plan = plan
        self._pass_index = pass_index
        self._is_stopping = is_stopping
        self._keep = keep
        self._hold = hold

    def camp(self, source: RetunableSource, request: CampRequest) -> Generator[Event, None, None]:
        """Camp where the passes in the journal say, for as long as is asked: whole stays, one at the least."""
        with JournalReader(self._journal.path) as reader:
            where = request.where(reader.layout, reader.rows, reader.start["instrument"])
        n_dwells = stay_dwells(self._plan)
        n_stays = max(1, round(request.duration_s / (n_dwells * self._plan.dwell_s)))
        hops = tuple(itertools.islice(where.hops(), n_stays))
        with contextlib.closing(self._received(source, hops)) as stays:
            yield from self._take(stays, len(hops), n_dwells)

    def camp_again(self, source: CampedSource) -> Generator[Event, None, None]:
        """Take the stays that a recording has."""
        yield from self._take(source.stays(), source.n_stays, source.stay_dwells)

    def _received(self, source: RetunableSource, hops: Sequence[int]) -> Generator[HopSamples | HopGap, None, None]:
        """Give stay after stay, the next of which is being received: that goes on while this one is analysed."""
        with ThreadPoolExecutor(1, thread_name_prefix="stay") as pool:
            coming: deque[Future[HopSamples | HopGap]] = deque()
            for hop in hops:
                coming.append(pool.submit(stay_on, source, hop, self._pass_index))
                if len(coming) > 1:
                    yield coming.popleft().result()
            yield from (stay.result() for stay in coming)

    def _take(self, stays: Iterable[HopSamples | HopGap], n_stays: int, n_dwells: int) -> Generator[Event, None, None]:
        n_kept = 0
        for number, stay in enumerate(stays, 1):
            if self._keep is not None:
                yield from self._until_room(partial(self._keep.write_stay, stay, n_dwells))
            self._hold(stay)
            if isinstance(stay, HopGap):
                yield from self._gap(stay)
            else:
                row = stay_row(self._plan, stay, sequence=n_kept, n_dwells=n_dwells)
                n_kept += not isinstance(row, HopGap)
                yield from self._gap(row) if isinstance(row, HopGap) else self._done(row, stay, number, n_stays)
            if self._is_stopping() and number < n_stays:
                gap = self._stopped(stay, f"stopped by the user after stay {number} of {n_stays}", n_dwells)
                if self._keep is not None:
                    self._keep.write_stay(gap, n_dwells)
                yield from self._gap(gap)
                return

    def _until_room(self, append: Callable[[], T]) -> Generator[Event, None, T]:
        return until_room(append, self._journal, is_stopping=self._is_stopping)

    def _done(self, row: SweepRow, stay: HopSamples, number: int, n_stays: int) -> Generator[Event, None, None]:
        leaf = yield from self._until_room(partial(self._journal.append_stay, row))
        self._journal.sync()
        center_hz = self._plan.hop_centers_hz[stay.hop_index]
        yield StayDone(row=row, leaf=leaf, center_freq_hz=center_hz, number=number, n_stays=n_stays)

    def _stopped(self, last: HopSamples | HopGap, reason: str, n_dwells: int) -> HopGap:
        stay_ns = round(n_dwells * self._plan.dwell_s * 1e9) if isinstance(last, HopSamples) else 0
        return HopGap(
            pass_index=last.pass_index,
            hop_index=None,
            utc_ns=last.utc_ns + stay_ns,
            monotonic_ns=last.monotonic_ns + stay_ns,
            reason=reason,
        )

    def _gap(self, gap: HopGap) -> Generator[Event, None, None]:
        yield from self._until_room(partial(self._journal.append_gap, gap))
        self._journal.sync()
        yield GapSeen(gap=gap)
