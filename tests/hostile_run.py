"""Runs ``quietroom`` on files that nobody vouches for: in a child of its own, within limits, and watched.

Started as a program it loads the commands once and then forks for every command, because loading costs more than
refusing a file. It reads one command in JSON per line and writes one result per line.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS_SPACE = 4 << 30  # beyond any bound that is tested; it only keeps the machine alive
LONGEST_S = 60
MOST_MB, MOST_S = 450, 12
COMMANDS = ("baseline", "capture", "emitters", "findings", "handoff", "known", "present", "setup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command did: exit code (below 0: killed by that signal), texts, and what it cost.

    ``opened`` are the names that Python opened, ``connected`` whether it opened a socket; HDF5 opens files unseen.
    """

    code: int
    out: str
    err: str
    peak_mb: float
    cpu_s: float
    opened: tuple[str, ...]
    connected: bool


class Runner:
    """The loaded program, waiting for commands. A context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=LONGEST_S)
        self._process.stdout.close()

    def run(self, *words: str, folder: Path) -> Outcome:
        """Run one command in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(folder), *words]), file=self._process.stdin, flush=True)
        told = json.loads(self._process.stdout.readline())
        return Outcome(**{**told, "opened": tuple(told["opened"])})


def _serve() -> None:
    for name in COMMANDS:
        importlib.import_module(f"sweep.cli.{name}")
    for line in sys.stdin:
        folder, *words = json.loads(line)
        print(json.dumps(_forked(folder, words)), flush=True)


def _forked(folder: str, words: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        child = os.fork()
        if child == 0:
            _command(Path(place), folder, words)
        _, status, usage = os.wait4(child, 0)
        seen = Path(place) / "seen"
        events = seen.read_text(errors="backslashreplace").splitlines() if seen.exists() else []
        return {
            "code": os.waitstatus_to_exitcode(status),
            "out": (Path(place) / "out").read_text(errors="backslashreplace"),
            "err": (Path(place) / "err").read_text(errors="backslashreplace"),
            "peak_mb": usage.ru_maxrss / 1000,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "opened": [event[5:] for event in events if event.startswith("open ")],
            "connected": "connect" in events,
        }


def _command(place: Path, folder: str, words: list[str]) -> None:
    code = 70
    try:
        signal.alarm(LONGEST_S)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
        seen = (place / "seen").open("w", buffering=1, errors="backslashreplace")

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and not isinstance(arguments[0], int):
                seen.write(f"open {os.fsdecode(arguments[0])!r}\n")
            elif event == "socket.connect":
                seen.write("connect\n")

        sys.addaudithook(watch)
        from sweep.cli.main import main  # noqa: PLC0415

        code = main(words)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # what Python would print of a defect
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def contents(folder: Path) -> dict[Path, tuple[int, bytes | None]]:
    """What lies in a folder: a change of any of it shows."""
    return {
        path: (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 30 else None,
        )
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def check(outcome: Outcome, outside: Path) -> None:
    """No traceback, no hang, bounded, one line where it is an error, and nothing opened outside."""
    assert outcome.code in (0, 2, 3), outcome.err
    assert outcome.peak_mb < MOST_MB
    assert outcome.cpu_s < MOST_S
    assert not outcome.connected
    assert not [name for name in outcome.opened if f"{outside}/pipe" in name or f"{outside}/outside.txt" in name]
    if outcome.code == 2:
        assert outcome.out == ""
        assert outcome.err.count("\n") == 1
        assert outcome.err.startswith("quietroom: ")
        assert outcome.err.strip().isprintable()
        assert len(outcome.err) < 1000


if __name__ == "__main__":
    _serve()
