"""The sweep session: one pipeline from any source to a closed record, told as a stream of events."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, cast

from dsp.engine import engine_name
from dsp.errors import CaptureError, DeviceError, QuietroomError
from sweep import __version__
from sweep.analysis import analysed
from sweep.camping import CampRequest, holds_stays
from sweep.clock import ClockWatch
from sweep.events import Closed, Event, FindingMade, HopDone, LookTaken, Noted, Paused, StayDone, noted_of
from sweep.full_disk import until_room
from sweep.health.losses import STOPPED, judged_instrument
from sweep.journal import JournalReader
from sweep.look_taking import LookTaker, can_look
from sweep.model import HopGap, HopSamples, IqSource, Judge, Judgement, SpectraSource, SweepRow
from sweep.open_record import OpenRecord
from sweep.packing import pack_locked
from sweep.plan import Layout
from sweep.snippets.cutting import SnippetCutter
from sweep.snippets.holding import hold_samples
from sweep.snippets.noting import with_snippets
from sweep.stay_taking import StayTaker
from sweep.stitch import PassAssembler
from sweep.syncing import Syncing
from sweep.units import iso_utc

__all__ = ["SweepSession"]

T = TypeVar("T")

_Piece = HopDone | Paused | Noted | SweepRow | HopGap
"""What is measured; notes among it are in the journal already, rows and gaps are not."""


class SweepSession:
    """Sweep, journal, judge and pack.

    The journal comes first: a row is on disk before its event says so. The record is made from the journal at the end.

    Parameters
    ----------
    source : IqSource or SpectraSource
        Closed by the session.
    start : mapping
        What the record says of the sweep beside plan and instrument: room, position, operator ... JSON values.
    name_record : callable
        From the start of the first samples (nanoseconds since 1970 UTC) to the path of the new record. The journal
        lies beside it.
    judge : Judge
        Called once, when all rows are in the journal. It may ask a source that can be tuned for second looks.
    passes : int, optional
        Passes that are wanted; by default until the source ends.
    duration_s : float, optional
        No new pass begins after this time.
    keep_iq : bool
        Also keep the raw samples, in a folder beside the record.
    camp : CampRequest, optional
        To camp after the passes, with a source that can be tuned. A recording in which stays were kept gives those.
    tell : callable, optional
        Given what happens while the judge works and cannot wait for it: that second looks wait for room on the disk.
    sync_interval_s : float
        Longest time that a row waits for the disk. 0 syncs each row, as a live sweep must; a replay may wait, as its
        input is still there after a power cut.
    """

    def __init__(
        self,
        source: IqSource | SpectraSource,
        *,
        start: Mapping[str, Any],
        name_record: Callable[[int], Path],
        judge: Judge,
        passes: int | None = None,
        duration_s: float | None = None,
        keep_iq: bool = False,
        camp: CampRequest | None = None,
        tell: Callable[[Event], None] = lambda _: None,
        sync_interval_s: float = 0.0,
    ) -> None:
        self._source = source
        self._start = start
        self._name_record = name_record
        self._judge = judge
        self._passes = passes
        self._duration_s = duration_s
        self._keep_iq = keep_iq
        self._camp_request = camp
        self._tell = tell
        self._sync_interval_s = sync_interval_s
        self._stopping = False
        self._open: OpenRecord | None = None
        self._clock = ClockWatch()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def stop(self) -> None:
        """Stop after the current hop. What was measured is judged, closed and packed. Safe in a signal handler."""
        self._stopping = True

    def events(self) -> Iterator[Event]:
        """Run the sweep.

        Yields
        ------
        Event
            As things happen: hops, rows and gaps; findings after the last row; `Closed` at the end.

        Raises
        ------
        CaptureError
            A recording is damaged; nothing is left behind.
        DeviceError
            The receiver failed before it gave anything. Later failures are gaps.
        RecordError
            Journal or record cannot be written.
        KeyboardInterrupt
            With the way to recover the journal as its message.
        """
        try:
            yield from self._commit(self._measure())
            yield from self._camp()
            yield from self._conclude()
        except CaptureError:
            self._discard()
            raise
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt("; ".join(["interrupted", *self._hint()])) from interrupt
        except QuietroomError as error:
            if "quietroom recover" in str(error):  # the journal says it better itself
                raise
            raise type(error)("; ".join([str(error), *self._hint()])) from error
        except Exception as defect:
            for note in self._hint():
                defect.add_note(note)
            raise
        finally:
            self._release()

    def _measure(self) -> Iterator[_Piece]:
        if _gives_samples(self._source):
            return self._hops(self._source)
        return self._spectra(cast("SpectraSource", self._source))

    def _hops(self, source: IqSource) -> Iterator[_Piece]:
        """Assemble the blocks of a source to rows, until it ends, is stopped, fails, or has had its time."""
        assembler = PassAssembler(source.plan)
        blocks = _lasting(source.blocks(self._passes), self._duration_s)
        try:
            with contextlib.closing(analysed(blocks, source.plan, is_stopping=lambda: self._stopping)) as items:
                for block, outcome in items:
                    if self._open is None:
                        self._open = self._begin(block.utc_ns, source.plan.layout())
                    yield from self._watch_clock(block.utc_ns, block.monotonic_ns)
                    yield from self._until_room(partial(self._open.keep, block))
                    for noted in noted_of(block):
                        yield from self._until_room(partial(self._open.note, noted))
                        yield noted
                    yield from assembler.take(outcome)
            if self._stopping and not assembler.has_finished(self._passes):
                yield from self._break_off(assembler, STOPPED)
        except DeviceError as error:
            if self._open is None:
                raise
            yield from self._break_off(assembler, str(error))
        yield from assembler.finish()

    def _break_off(self, assembler: PassAssembler, cause: str) -> Iterator[_Piece]:
        for piece in assembler.break_off(cause):
            if isinstance(piece, HopGap):
                self._opened.keep(piece)
            yield piece

    def _spectra(self, source: SpectraSource) -> Iterator[_Piece]:
        """Take the rows that another tool made as they are."""
        for count, row in enumerate(source.rows(), start=1):
            if self._open is None:
                self._open = self._begin(row.utc_ns, source.layout)
            yield row
            if count == self._passes:
                return
            if self._stopping:
                yield HopGap(
                    pass_index=count,
                    hop_index=None,
                    utc_ns=row.utc_ns,
                    monotonic_ns=row.monotonic_ns,
                    reason=f"{STOPPED} after row {count}",
                )
                return

    def _begin(self, utc_ns: int, layout: Layout) -> OpenRecord:
        """Name the record and open what is written during the sweep."""
        source = self._source
        plan = source.plan if _gives_samples(source) else None
        start = {
            **self._start,
            "start_time": iso_utc(utc_ns),
            "passes_planned": self._passes,
            "camp_planned_s": None if self._camp_request is None else self._camp_request.duration_s,
            "software": f"quietroom {__version__}",
            "fft_engine": None if plan is None else engine_name(),
            "synthetic": source.instrument.synthetic,
            "plan": None if plan is None else asdict(plan),
            "instrument": asdict(source.instrument),
        }
        opened = OpenRecord.create(lambda: self._name_record(utc_ns), start, layout)
        if self._keep_iq and plan is not None:
            opened.keep_samples(plan, source.instrument)
        if _gives_samples(source):
            opened.held = hold_samples(source, opened.record_path.parent)
        return opened

    def _until_room(self, append: Callable[[], T]) -> Generator[Paused | Noted, None, T]:
        """Write something to the disk; while that is full, wait."""
        return until_room(
            partial(self._opened.make_room, append), self._opened.journal, is_stopping=lambda: self._stopping
        )

    def _watch_clock(self, utc_ns: int, monotonic_ns: int) -> Iterator[Paused | Noted]:
        noted = self._clock.step(utc_ns, monotonic_ns)
        if noted is not None:
            yield from self._until_room(partial(self._opened.note, noted))
            yield noted

    def _commit(self, pieces: Iterable[_Piece]) -> Iterator[Event]:
        """Journal rows and gaps; their events come after the sync that covers them."""
        with Syncing(self._sync, self._sync_interval_s) as syncing:
            for piece in pieces:
                if isinstance(piece, HopDone | Paused | Noted):
                    yield from syncing.ready()
                    yield piece
                else:
                    done = yield from self._until_room(partial(self._opened.append, piece))
                    yield from syncing.add(done)
            yield from syncing.finish()

    def _sync(self) -> None:
        self._opened.journal.sync()

    def _camp(self) -> Iterator[Event]:
        """Stay where the passes say, or take the stays that a recording has."""
        source, request, opened = self._source, self._camp_request, self._opened
        if self._stopping or not _gives_samples(source):
            return
        taker = StayTaker(
            opened.journal,
            source.plan,
            pass_index=opened.next_pass,
            is_stopping=lambda: self._stopping,
            keep=opened.iq_writer,
            hold=opened.hold,
        )
        stays: Iterable[Event] = ()
        if holds_stays(source):
            stays = taker.camp_again(source)
        elif request is not None and can_look(source):
            stays = taker.camp(source, request)
        for event in stays:
            yield event
            if isinstance(event, StayDone):
                yield from self._watch_clock(event.row.utc_ns, event.row.monotonic_ns)

    @property
    def _opened(self) -> OpenRecord:
        if self._open is None:
            raise CaptureError("the source gave no hop and no gap, so there is nothing to record; check the source")
        return self._open

    def _conclude(self) -> Iterator[Event]:
        """Judge the rows in the journal, with second looks where that can be, close it, and pack it into the record."""
        opened = self._opened
        taker = self._look_taker(opened)
        with JournalReader(opened.journal_path) as reader:
            stays = (reader.stays,) if reader.n_stays else ()
            n_hops = opened.layout.n_hops
            told = judged_instrument(reader.start, reader.gaps, n_hops, reader.n_rows, reader.notes)
            judgement = self._judge(opened.layout, reader.rows, told, taker, *stays)
            judgement = self._with_snippets(judgement, reader)
        opened.close_iq()
        for event in () if taker is None else taker.events:
            yield event
            if isinstance(event, LookTaken):
                yield from self._watch_clock(event.look.utc_ns, event.look.monotonic_ns)
        findings = judgement.document["findings"]
        for finding in findings:
            opened.journal.append_finding(finding)
        opened.journal.finish_with(judgement)
        yield from (FindingMade(finding=finding) for finding in findings)
        pack_locked(opened.journal_path, opened.record_path)  # nobody may recover it meanwhile
        yield Closed(record_path=str(opened.record_path), n_rows=opened.n_rows, judgement=judgement)

    def _with_snippets(self, judgement: Judgement, reader: JournalReader) -> Judgement:
        """Cut the samples of each finding from those held; they are on the disk before the journal is closed."""
        opened, source = self._opened, self._source
        if opened.held is None or not _gives_samples(source):
            return with_snippets(judgement, {}, "the source gave spectra, no samples")
        cutter = SnippetCutter(
            record_path=opened.record_path,
            plan=source.plan,
            instrument=source.instrument,
            held=opened.held,
            room_bytes=2 * opened.journal_path.stat().st_size,
        )
        return cutter.cut(judgement, reader.rows(), reader.stays if reader.n_stays else None)

    def _look_taker(self, opened: OpenRecord) -> LookTaker | None:
        if not can_look(self._source):
            return None
        return LookTaker(
            self._source,
            opened.journal,
            until_room=self._until_room,
            tell=self._tell,
            pass_index=opened.next_pass,
            is_stopping=lambda: self._stopping,
            keep=opened.iq_writer,
        )

    def _release(self) -> None:
        """Give back the receiver and the files, whatever happened."""
        self._source.close()
        if self._open is not None:
            self._open.close_iq()
            self._open.let_go()
            self._open.journal.close()

    def _discard(self) -> None:
        """Leave nothing of a recording that turned out to be damaged: it can be replayed again."""
        if self._open is not None:
            self._open.discard()

    def _hint(self) -> list[str]:
        """What to do about a journal that is left, if one is."""
        if self._open is None or not self._open.journal_path.exists():
            return []
        journal = shlex.quote(str(self._open.journal_path))
        return [f"all measured rows are in {journal}; make the record with: quietroom recover {journal}"]


def _lasting(blocks: Iterable[HopSamples | HopGap], duration_s: float | None) -> Iterator[HopSamples | HopGap]:
    """Give the passes that begin within a time of the first block."""
    end_ns: float | None = None
    last: int | None = None
    for block in blocks:
        if end_ns is None:
            end_ns = math.inf if duration_s is None else block.monotonic_ns + duration_s * 1e9
        if last is not None and block.pass_index != last and block.monotonic_ns >= end_ns:
            return
        last = block.pass_index
        yield block


def _gives_samples(source: IqSource | SpectraSource) -> TypeGuard[IqSource]:
    return hasattr(source, "blocks")
