"""Packing: the record of a journal is written beside its place, compared with the journal, and put there."""

from __future__ import annotations

import contextlib
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import h5py

from dsp.errors import QuietroomError, RecordError
from sweep.journal import JournalReader, ballast_path, exclusive
from sweep.journal.documents import check_judgement
from sweep.journal.files import sync_file, sync_folder
from sweep.model import Judgement
from sweep.packing.contents import write_contents
from sweep.packing.hdf5 import plain_text
from sweep.record import SweepRecord

__all__ = ["pack", "pack_locked"]

_SPARE_BYTES = 1 << 20
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def pack(
    journal_path: Path,
    record_path: Path,
    *,
    recovered: bool = False,
    judgement: Judgement | None = None,
    keep_journal: bool = False,
) -> None:
    """Make the sweep record of a journal; the journal is removed when the record is in its place.

    Packing the same journal again gives the same bytes. If the record is there already and holds the rows of this
    journal, an earlier run was stopped just before its end: only the journal is then removed.

    Parameters
    ----------
    journal_path, record_path : Path
        The writer of the journal must have given it back.
    recovered : bool
        Mark the record as packed after an interruption.
    judgement : Judgement, optional
        For a journal that was not closed with one.
    keep_journal : bool

    Raises
    ------
    RecordError
        The journal is damaged, in use or has no judgement; the record exists with other contents, or cannot be
        written. The journal is then as it was.
    """
    with exclusive(journal_path):
        pack_locked(journal_path, record_path, recovered=recovered, judgement=judgement, keep_journal=keep_journal)


def pack_locked(
    journal_path: Path,
    record_path: Path,
    *,
    recovered: bool = False,
    judgement: Judgement | None = None,
    keep_journal: bool = False,
) -> None:
    """Make the record of a journal whose lock the caller holds; parameters and errors are those of `pack`."""
    part = record_path.with_name(record_path.name + ".part")
    if judgement is not None:
        _check(judgement, journal_path)
    with JournalReader(journal_path) as journal:
        judged = judgement or journal.judgement
        if judged is None:
            raise RecordError(f"{journal_path}: the sweep was not closed; run: quietroom recover {journal_path}")
        if record_path.exists():
            _compare(journal, record_path)
        else:
            _clear_away(part)
            _check_room(journal_path, part)
            _write_and_check(journal, judged, part, recovered=recovered)
            part.rename(record_path)
        sync_folder(record_path.parent)  # also where an earlier run was stopped between this and the line before
        ballast_path(journal_path).unlink(missing_ok=True)
        if not keep_journal:
            journal_path.unlink()
            sync_folder(journal_path.parent)


def _check(judgement: Judgement, journal_path: Path) -> None:
    try:
        check_judgement(judgement.document)
    except RecordError as error:
        raise RecordError(f"{journal_path}: {error}") from error


def _clear_away(part: Path) -> None:
    """Remove what a crash of an earlier packing left; nobody else packs, as the journal is locked.

    After a power cut a file may begin with anything: what is not known to be ours is moved aside, and stays.
    """
    try:
        if not stat.S_ISREG(part.lstat().st_mode):  # to open a pipe would wait for ever
            raise RecordError(f"{part}: is in the way and was not made by packing; move it elsewhere")
        with part.open("rb") as stream:
            is_ours = stream.read(len(_HDF5_SIGNATURE)).strip(b"\0") in (b"", _HDF5_SIGNATURE)
        if is_ours:
            part.unlink()
        else:
            part.rename(_free_name(part))
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordError(f"{part}: is in the way ({error.strerror}); move it elsewhere") from error


def _free_name(part: Path) -> Path:
    number = 1
    while (aside := part.with_name(f"{part.name}.old{number}")).exists():
        number += 1
    return aside


def _check_room(journal_path: Path, part: Path) -> None:
    # HDF5 may crash when a disk fills up while it writes, so that must not happen at all.
    try:
        free = shutil.disk_usage(part.parent).free
    except OSError as error:
        raise RecordError(f"{part.parent}: cannot be written ({error.strerror}); name a folder of yours") from error
    needed = journal_path.stat().st_size + _SPARE_BYTES
    if free < needed:
        raise RecordError(
            f"{part}: packing needs up to {needed >> 20} MiB and the disk has {free >> 20} MiB; free some, then run: "
            f"quietroom recover {journal_path}"
        )


def _write_and_check(journal: JournalReader, judged: Judgement, part: Path, *, recovered: bool) -> None:
    try:
        with h5py.File(part, "x", libver=("v108", "v110")) as file:
            write_contents(file, journal, judged, recovered=recovered)
            file.flush()
        sync_file(part)
        _compare(journal, part)
    except FileExistsError as error:
        raise RecordError(f"{part}: appeared while packing began; move it elsewhere, and pack again") from error
    except QuietroomError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise RecordError(
            f"{part}: cannot be written ({' '.join(str(error).split())}); check the disk, then run: "
            f"quietroom recover {journal.path}"
        ) from error


def _compare(journal: JournalReader, record_path: Path) -> None:
    """Check that a record holds what the journal holds."""
    with SweepRecord.open(record_path) as record:
        same = record.leaves == journal.leaves and list(record.look_leaves) == journal.look_leaves
        same = same and record.stay_leaves == journal.stay_leaves
        if not same or record.start != journal.start:
            raise RecordError(
                f"{record_path}: holds another sweep than {journal.path}; move one of the two elsewhere, and pack again"
            )
        gaps = [replace(gap, reason=plain_text(gap.reason)) for gap in journal.gaps]
        notes = [replace(note, kind=plain_text(note.kind), text=plain_text(note.text)) for note in journal.notes]
        altered = [f"row {number}" for number in record.altered_rows()]
        altered += [f"stay {number}" for number, unaltered in record.verify_stays() if not unaltered]
        altered += [f"second look {number}" for number, unaltered in record.verify_looks() if not unaltered]
        if altered or list(record.gaps) != gaps or list(record.notes) != notes:
            what = altered[0] if altered else "its gaps or notes"
            raise RecordError(f"{record_path}: differs from {journal.path} in {what}; check the disk, and pack again")
