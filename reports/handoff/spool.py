"""What waits to be delivered, on the disk of the workspace: nothing is lost while a receiver is away.

``handoff/DIGEST/`` is one target: ``target.json``, ``waiting/`` with a file for each message, and ``delivered``, the
identifiers of what was. A message is on the disk before it is first sent, and stays until its identifier is in
``delivered``: a crash in between sends it twice, with the same identifier, and never not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Self

import msgspec

from dsp.errors import ParameterError, QuietroomError, RecordError
from reports.files import write_bytes
from reports.handoff.messages import Message
from reports.handoff.target import Target
from sweep.journal.files import sync_folder

__all__ = ["Spool"]

_ENDING = ".msg"


class Spool:
    """Messages for one target.

    Parameters
    ----------
    folder : Path
    target : Target
    """

    def __init__(self, folder: Path, target: Target) -> None:
        self.folder = folder
        self.target = target
        self._waiting = folder / "waiting"
        self._delivered = folder / "delivered"

    @classmethod
    def open(cls, root: Path, target: Target) -> Self:
        """Open the spool of a target below a folder, made at its first use.

        Raises
        ------
        ParameterError
            It cannot be written.
        """
        spool = cls(root / hashlib.sha256(target.url.encode()).hexdigest()[:16], target)
        try:
            spool._waiting.mkdir(parents=True, exist_ok=True)
            sync_folder(root)
        except OSError as error:
            raise ParameterError(f"{spool.folder}: cannot be made ({error.strerror}); check the disk") from error
        write_bytes(msgspec.json.encode(asdict(target)) + b"\n", spool.folder / "target.json")
        return spool

    @classmethod
    def find_all(cls, root: Path) -> list[Self]:
        """Open all spools below a folder, by the names of their folders.

        Raises
        ------
        RecordError
            One is damaged.
        """
        return [cls(path.parent, _read_target(path)) for path in sorted(root.glob("*/target.json"))]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep another process from delivering the same.

        Raises
        ------
        QuietroomError
            One does.
        """
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise QuietroomError(
                    f"{self.folder}: another process delivers from here; wait until it ends"
                ) from error
            yield

    def add(self, message: Message) -> bool:
        """Keep a message until it is delivered.

        Returns
        -------
        bool
            False where it was delivered before, or waits already.
        """
        names = self._names()
        if message.uid in self.delivered() or any(name.endswith(f"-{message.uid}{_ENDING}") for name in names):
            return False
        number = int(names[-1][:8]) + 1 if names else 1
        write_bytes(message.body, self._waiting / f"{number:08d}-{message.uid}{_ENDING}")
        sync_folder(self._waiting)
        return True

    def waiting(self) -> list[Message]:
        """Give what waits, in the order in which it came."""
        found = [(name, (self._waiting / name).read_bytes()) for name in self._names()]
        return [Message(uid=name[9 : -len(_ENDING)], body=body) for name, body in found]

    def delivered(self) -> frozenset[str]:
        """Identifiers of what was delivered."""
        try:
            return frozenset(self._delivered.read_text(encoding="ascii", errors="replace").split())
        except FileNotFoundError:
            return frozenset()

    def settle(self, uid: str) -> None:
        """Note that a message was delivered, and let go of it."""
        with self._delivered.open("a", encoding="ascii") as stream:
            stream.write(f"\n{uid}\n")  # a power cut may have left a part of a line
            stream.flush()
            os.fsync(stream.fileno())
        for name in self._names():
            if name.endswith(f"-{uid}{_ENDING}"):
                (self._waiting / name).unlink()

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._waiting.glob(f"[0-9]*-*{_ENDING}"))


def _read_target(path: Path) -> Target:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Target)
    except (OSError, msgspec.DecodeError, ParameterError) as error:
        raise RecordError(f"{path}: is damaged ({error}); give --to once more, or remove its folder") from error
