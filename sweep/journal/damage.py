"""Damage of a journal: told from a torn end, and named where it is."""

from __future__ import annotations

import os

from dsp.errors import RecordError
from sweep.journal.framing import HEADER_BYTES, MAGIC, unframed

__all__ = ["JournalDamageError", "record_follows"]

_SEARCH_BLOCK = 1 << 20


class JournalDamageError(RecordError):
    """A record of a journal, other than a torn last one, is not what was written.

    Attributes
    ----------
    record : int or None
        Number of the damaged record in the file, from 0.
    offset : int or None
        Byte at which it begins.
    """

    def __init__(self, message: str, *, record: int | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.record = record
        self.offset = offset


def record_follows(descriptor: int, record: int, offset: int) -> bool:
    """Look for what tells damage from a torn end: a later record, written when all before it was on the disk.

    Between two syncs a disk may keep a later record and lose an earlier one; nobody was told that either was saved.
    """
    while block := os.pread(descriptor, _SEARCH_BLOCK, offset):
        at = block.find(MAGIC)
        while at >= 0:
            frame = unframed(os.pread(descriptor, HEADER_BYTES, offset + at), offset + at)
            if frame is not None and frame.sequence > record and frame.follows_synced:
                return True
            at = block.find(MAGIC, at + 1)
        offset += max(1, len(block) - len(MAGIC) + 1)
    return False
