"""The journal of a sweep: an append-only file that survives a crash, read back record by record.

A record is a header ``magic | type | sequence | length | header CRC | payload CRC`` and its payload. Only the end of
the file may be torn, by a crash in the middle of a write; damage anywhere else is reported where it is, and nothing is
thrown away. ``docs/record-format.md`` has the bytes.
"""

from __future__ import annotations

from sweep.journal.ballast import ballast_path
from sweep.journal.damage import JournalDamageError
from sweep.journal.documents import Note
from sweep.journal.files import DiskFullError, NameTakenError, exclusive
from sweep.journal.reader import JournalReader
from sweep.journal.writer import JournalWriter

__all__ = [
    "DiskFullError",
    "JournalDamageError",
    "JournalReader",
    "JournalWriter",
    "NameTakenError",
    "Note",
    "ballast_path",
    "exclusive",
]
