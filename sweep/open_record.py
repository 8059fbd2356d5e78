"""The files of a sweep that runs: its journal, and the samples where they are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sweep.events import Event, GapSeen, Noted, RowDone
from sweep.iq_writer import IqWriter
from sweep.journal import DiskFullError, JournalWriter, NameTakenError
from sweep.model import HopGap, HopSamples, Instrument, SweepRow
from sweep.plan import Layout, SweepPlan
from sweep.snippets.held import HeldSamples

__all__ = ["OpenRecord"]

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class OpenRecord:
    """What is being written, from the first samples on."""

    record_path: Path
    journal_path: Path
    journal: JournalWriter
    layout: Layout
    iq_writer: IqWriter | None = None
    held: HeldSamples | None = None
    n_rows: int = 0
    next_pass: int = 0

    @classmethod
    def create(cls, name: Callable[[], Path], start: Mapping[str, Any], layout: Layout) -> OpenRecord:
        """Begin the journal of a new record.

        Parameters
        ----------
        name : callable
            Gives a path that is free. Another sweep may take it before the journal is there: then it is asked again.
        start : mapping
            What is known as the sweep begins; ``record_id`` is added.
        layout : Layout

        Raises
        ------
        RecordError
            The journal cannot be made.
        """
        taken = None
        while True:
            record_path = name()
            journal_path = record_path.with_suffix(".journal")
            try:
                journal = JournalWriter.create(journal_path, {**start, "record_id": record_path.stem}, layout)
            except NameTakenError:
                if record_path == taken:
                    raise
                taken = record_path
            else:
                return cls(record_path=record_path, journal_path=journal_path, journal=journal, layout=layout)

    def keep_samples(self, plan: SweepPlan, instrument: Instrument) -> None:
        """Keep the raw samples from now on, in a folder beside the record.

        Raises
        ------
        RecordError
            The folder is not empty, or cannot be made. Then there is no journal either.
        """
        try:
            self.iq_writer = IqWriter(self.record_path.with_suffix(".iq"), plan, instrument)
        except BaseException:
            self.discard()
            raise

    def append(self, piece: SweepRow | HopGap) -> Event:
        """Journal a row or a gap and give the event that says so."""
        if isinstance(piece, HopGap):
            self.journal.append_gap(piece)
            self.next_pass = max(self.next_pass, 1 + piece.pass_index)
            return GapSeen(gap=piece)
        leaf = self.journal.append_row(piece)
        self.next_pass = max(self.next_pass, 1 + piece.sequence)
        self.n_rows += 1
        return RowDone(row=piece, leaf=leaf)

    def note(self, noted: Noted) -> Noted:
        """Journal a note and give it back."""
        self.journal.append_note(noted.text, utc_ns=noted.utc_ns, kind=noted.kind)
        return noted

    def keep(self, block: HopSamples | HopGap) -> None:
        """Keep the raw samples, where they are wanted, and hold them until the sweep is judged."""
        if self.iq_writer is not None:
            self.iq_writer.write(block)
        self.hold(block)

    def hold(self, block: HopSamples | HopGap) -> None:
        """Hold the raw samples of a hop or a stay until the sweep is judged."""
        if self.held is not None:
            self.held.add(block)

    def make_room(self, append: Callable[[], T]) -> T:
        """Append something; where the disk is full, once more without the samples that were held.

        Raises
        ------
        DiskFullError
            It is full nevertheless.
        """
        try:
            return append()
        except DiskFullError:
            if self.held is None:
                raise
            self.held.give_up("the disk was full, and the samples that were held made room for the rows")
            return append()

    def let_go(self) -> None:
        """Give the held samples back."""
        if self.held is not None:
            self.held.close()

    def close_iq(self) -> None:
        """Close the kept samples, once."""
        writer, self.iq_writer = self.iq_writer, None
        if writer is not None:
            writer.close()

    def discard(self) -> None:
        """Leave no journal."""
        self.journal.close()
        self.journal_path.unlink(missing_ok=True)
