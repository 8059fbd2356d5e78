"""Real sweeps that are killed at random moments."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweep.workspace import Workspace

from .claims import Told, broken_claims, read_told

__all__ = ["MOMENTS", "Kill", "SweepBench"]

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")
MOMENTS = ("sweep", "packing", "sealing", "interrupt")
"""When: anywhere, once the record is being written, once it is in its place; or by Ctrl-C twice, anywhere."""

_BEGINS = {"sweep": "*.journal", "packing": "*.h5.part", "sealing": "*.h5", "interrupt": "*.journal"}
_ANYWHERE = ("sweep", "interrupt")
_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One sweep that was killed.

    Attributes
    ----------
    moment : str
    told : Told
    killed : bool
        It had not ended by itself.
    broken : tuple of str
        Claims that did not hold.
    """

    moment: str
    told: Told
    killed: bool
    broken: tuple[str, ...]


class SweepBench:
    """Sweeps in workspaces of their own, each below one folder.

    Parameters
    ----------
    folder : Path
    environment : mapping
        In which the sweep finds its dongle and its key.
    words : tuple of str
        A command that records room ``lab``, with all that follows it.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], words: tuple[str, ...]) -> None:
        self._folder = folder
        self.environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._words = words
        self._lasts: dict[str, float] = {}
        self._n_told = 0

    def workspace(self, name: str) -> Path:
        """Make a workspace, and give its folder."""
        return Workspace.create(self._folder / name).root

    def begin(self, name: str, **environment: str) -> tuple[subprocess.Popen[str], Path, Path]:
        """Begin a sweep; gives its process, the folder of its record, and the file of what it tells."""
        root = self.workspace(name)
        told = root / "told"
        command = [sys.executable, str(DRIVER), str(told), "--workspace", str(root)]
        process = subprocess.Popen(
            [*command, *self._words],
            env={**self.environment, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return process, root / "sweeps", told

    def calm(self) -> float:
        """Let one sweep end, to know how long each part of it lasts; gives the seconds of all."""
        process, sweeps, told = self.begin("calm")
        seen = {"sweep": 0.0, "packing": 0.0, "sealing": 0.0}
        while process.poll() is None:
            for moment, begun in seen.items():
                if not begun and any(sweeps.glob(_BEGINS[moment])):
                    seen[moment] = time.monotonic()
            time.sleep(0.0005)
        ended = time.monotonic()
        _, err = process.communicate()
        if process.returncode not in (0, 3):
            raise RuntimeError(f"quietroom sweep failed: {err}")
        sealing = seen["sealing"] or ended
        packing = seen["packing"] or sealing
        self._n_told = told.read_bytes().count(b"\n")
        each = (ended - seen["sweep"]) / self._n_told
        self._lasts = {"sweep": each, "interrupt": each, "packing": sealing - packing, "sealing": ended - sealing}
        shutil.rmtree(self._folder / "calm")
        return ended - seen["sweep"]

    def kill(self, number: int, moment: str) -> Kill:
        """Kill one sweep, recover what it left, and say what does not hold."""
        if not self._lasts:
            self.calm()
        rng = random.Random(f"{moment} {number}")
        process, sweeps, told_path = self.begin(f"{moment}-{number}")
        n_told = rng.randrange(self._n_told + 1) if moment in _ANYWHERE else 0

        def begun() -> bool:
            return any(sweeps.glob(_BEGINS[moment])) and (not n_told or _lines(told_path) >= n_told)

        _wait_for(begun, process)
        time.sleep(rng.uniform(0, self._lasts[moment]))
        killed = process.poll() is None
        broken = list(_interrupt(process, rng) if moment == "interrupt" else _kill(process))
        told = read_told(told_path.read_text() if told_path.exists() else "")
        broken += broken_claims(sweeps, told)
        shutil.rmtree(sweeps.parent)
        return Kill(moment=moment, told=told, killed=killed, broken=tuple(broken))


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _wait_for(begun: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _TIMEOUT_S
    while not begun() and process.poll() is None:
        if time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"the sweep did not come so far in {_TIMEOUT_S:.0f} s: {process.communicate()[1]}")
        time.sleep(0.0003)


def _kill(process: subprocess.Popen[str]) -> Iterator[str]:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    yield from ()


def _interrupt(process: subprocess.Popen[str], rng: random.Random) -> Iterator[str]:
    """Press Ctrl-C twice, and expect that the sweep ends with a word of what to do."""
    for _ in "12":
        if process.poll() is None:
            os.kill(process.pid, signal.SIGINT)
        time.sleep(rng.uniform(0, 0.1))
    try:
        _, err = process.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        yield "it did not end after Ctrl-C twice"
        return
    last = err.splitlines()[-1] if err.strip() else ""
    if process.returncode not in (0, 2, 3, 130):
        yield f"Ctrl-C twice gave {process.returncode}: {err}"
    elif process.returncode == 130 and "interrupted" not in last:
        yield f"Ctrl-C twice said: {last}"
