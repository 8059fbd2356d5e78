"""Which way the samples of a source can be had once it has been judged."""

from __future__ import annotations

from pathlib import Path

from sweep.model import IqSource
from sweep.snippets.held import HeldSamples, RecordedSamples, can_reread
from sweep.snippets.spool import SampleSpool

__all__ = ["hold_samples"]


def hold_samples(source: IqSource, folder: Path) -> HeldSamples:
    """Hold what a receiver gives, on the disk of a folder; a recording is read once more instead."""
    return RecordedSamples(source) if can_reread(source) else SampleSpool(folder, source.plan)
