"""The folder that holds rooms, sweeps and reports."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dsp.errors import RecordError
from sweep.journal.files import sync_folder
from sweep.room_names import check_room_name

__all__ = ["Workspace", "require_free_space"]

_MARKER = ".quietroom"
_MARKER_TEXT = "quietroom workspace 1\n"
_FOLDERS = ("rooms", "sweeps", "reports")
_SPARE_BYTES = 64 * 2**20  # what a full disk leaves of the rest of the machine's work
_README = """\
This folder is a Quietroom workspace.

rooms/    one folder for each room: its baselines, its known emitters, the register of what was found, and visits/, the
          logs of guided visits
sweeps/   the sweep records (.h5) with their seals, signatures and time tokens (.seal.json, .sig, .tsr), the logs of
          decisions about them (.jsonl), folders with raw samples of what was found (.snippets), and the journals of
          sweeps that were interrupted (.journal)
reports/  plots, reports and exports; they can be made again from the records
handoff/  what waits to be delivered to a collector, and what was
dongles/  profiles of the dongles, by serial
site.toml, equipment.toml  what people wrote down of site, rooms, people and equipment
seals.jsonl  the list of all seals that were made here, numbered and chained

The records, their seals and the baselines are evidence: copy them, do not edit them. Names are part of them.
"""


def require_free_space(folder: Path, n_bytes: int) -> None:
    """Make sure that a folder's disk can take so many bytes and stay usable.

    Raises
    ------
    RecordError
        It cannot.
    """
    free = shutil.disk_usage(folder).free
    wanted = n_bytes + _SPARE_BYTES
    if free < wanted:
        raise RecordError(
            f"{folder}: {free / 1e6:.0f} MB free, but this sweep may need {wanted / 1e6:.0f} MB; "
            "make room, use another --workspace, or sweep fewer ranges or passes"
        )


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder made by ``quietroom init``.

    Attributes
    ----------
    root : Path
    """

    root: Path

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Make a folder a workspace, or complete one; nothing that is there is changed.

        Raises
        ------
        RecordError
            A name that the workspace needs is taken by something else, or its marker is unknown.
        """
        marker = root / _MARKER
        if marker.exists():
            _check_marker(marker)
        for folder in (root, *(root / name for name in _FOLDERS)):
            if folder.exists() and not folder.is_dir():
                raise RecordError(f"{folder} is in the way: it is not a folder; move it or choose another workspace")
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        for path, text in ((root / "README.txt", _README), (marker, _MARKER_TEXT)):
            if not path.exists():
                path.write_text(text, encoding="utf-8")
        for folder in (root, root.resolve().parent):  # a record is as safe as the folder that it lies in
            sync_folder(folder)
        return cls(root)

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open a workspace.

        Raises
        ------
        RecordError
            The folder is none, or one of a later version.
        """
        marker = root / _MARKER
        if not marker.is_file():
            raise RecordError(
                f"{root} is not a Quietroom workspace; make it one with: quietroom init {shlex.quote(str(root))} "
                "(or name yours with --workspace or QUIETROOM_WORKSPACE)"
            )
        _check_marker(marker)
        return cls(root)

    @classmethod
    def around(cls, root: Path, record: Path) -> Workspace:
        """Open the workspace at ``root``; where there is none, that in which the record lies.

        Raises
        ------
        RecordError
            Neither is one.
        """
        if not (root / _MARKER).is_file() and (home := cls.of(record)) is not None:
            return home
        return cls.open(root)

    @classmethod
    def of(cls, path: Path) -> Workspace | None:
        """The workspace in whose ``sweeps/`` a file lies, if it lies in one."""
        root = path.resolve().parent.parent
        return cls.open(root) if (root / _MARKER).is_file() else None

    @property
    def sweeps(self) -> Path:
        """Folder of the sweep records."""
        return self.root / "sweeps"

    @property
    def reports(self) -> Path:
        """Folder of plots, reports and exports."""
        return self.root / "reports"

    @property
    def handoff(self) -> Path:
        """Folder of what waits to be delivered; made at its first use."""
        return self.root / "handoff"

    def room(self, name: str) -> Path:
        """Folder of a room, whether it exists or not.

        Raises
        ------
        ParameterError
            The name cannot be that of a room.
        """
        return self.root / "rooms" / check_room_name(name)

    def make_room(self, name: str) -> Path:
        """Folder of a room, made at its first use."""
        folder = self.room(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def new_record(self, room: str, utc_ns: int) -> Path:
        """Path of a record that does not exist yet, and whose journal does not either.

        Parameters
        ----------
        room : str
        utc_ns : int
            Start of the first row, in nanoseconds since 1970 UTC.
        """
        stem = f"{check_room_name(room)}-{datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC):%Y%m%dT%H%M%SZ}"
        path, number = self.sweeps / f"{stem}.h5", 1
        while any(self.sweeps.glob(f"{path.stem}.*")):  # record, journal, part, or a log beside it
            number += 1
            path = self.sweeps / f"{stem}-{number}.h5"
        return path

    def find_record(self, name: str) -> Path:
        """Path of a record given as a path, or by its name in this workspace.

        Raises
        ------
        RecordError
            There is none.
        """
        for path in (Path(name), self.sweeps / name, self.sweeps / f"{name}.h5"):
            if path.is_file():
                return path
        raise RecordError(
            f"{name or repr(name)}: no such record, also not in {self.sweeps}; give the path of a .h5 sweep record"
        )


def _check_marker(marker: Path) -> None:
    with marker.open(encoding="utf-8", errors="replace") as file:
        text = file.read(80)
    if text != _MARKER_TEXT:
        raise RecordError(
            f"{marker} says {text.strip()!r}, which this version of Quietroom does not know; "
            "use the version that made the workspace"
        )
