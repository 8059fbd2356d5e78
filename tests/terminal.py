"""A real terminal (a pty) in which a command runs, and somebody who waits for prompts and types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# Ctrl-C reaches those whose terminal it is; to fork here and take it would be a fork of several threads.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_PATIENCE_S = 250.0  # a machine on which everything is tested at once
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command in a terminal. A context manager: what still runs at its end is hung up.

    Parameters
    ----------
    command : sequence of str
    cwd : Path
    env : mapping
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))  # else a progress bar has no room
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            cwd=cwd,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._from = 0

    def wait_for(self, text: str, seconds: float = _PATIENCE_S) -> None:
        """Read until the text is shown after what was waited for before."""
        end = time.monotonic() + seconds
        while (at := self.shown.find(text, self._from)) < 0:
            assert time.monotonic() < end, f"no {text!r} in {self.shown[self._from :]!r}"
            assert self._read(0.2), f"ended without {text!r}: {self.shown[self._from :]!r}"
        self._from = at + len(text)

    def type(self, text: str) -> None:
        """Type something, and Enter."""
        os.write(self._fd, text.encode() + b"\n")

    def press(self, key: bytes) -> None:
        """Press a key, for example Ctrl-C."""
        os.write(self._fd, key)

    def finish(self, seconds: float = _PATIENCE_S) -> int:
        """Wait for the end of the command and give its exit code."""
        end = time.monotonic() + seconds
        while self._read(0.2):
            assert time.monotonic() < end, self.shown[self._from :]
        return self._process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)  # hangs up
        self._process.wait(_PATIENCE_S)

    def _read(self, seconds: float) -> bool:
        """Take what is shown; False at the end."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # Linux says so where the other side is closed
            return False
        self.shown += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r\n", "\n")
        return bool(data)
