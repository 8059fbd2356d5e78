"""Power cuts: a real sweep is logged, and recovered from many disks that it might have left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .claims import broken_claims, read_told
from .disk import Disk, Operation, Written, read_log
from .kills import SweepBench

__all__ = ["PHASES", "Cut", "Logged", "build_log_library", "cuts", "logged_recovery", "logged_sweep"]

PHASES = ("sweep", "packing", "sealing")
"""What the process was at."""

_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One disk that a power cut might have left.

    Attributes
    ----------
    phase : str
        One of `PHASES`.
    n_told : int
        Rows, stays and looks that were told to be saved.
    broken : tuple of str
        Claims that did not hold.
    """

    phase: str
    n_told: int
    broken: tuple[str, ...]


def build_log_library(folder: Path) -> Path:
    """Compile what logs the writes of a process.

    Raises
    ------
    FileNotFoundError
        There is no C compiler.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise FileNotFoundError("no C compiler (cc, gcc or clang) on this machine")
    library = folder / "write_log.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-U_FORTIFY_SOURCE"]
    source = Path(__file__).with_name("write_log.c")
    subprocess.run([compiler, *flags, "-o", str(library), str(source), "-ldl", "-lpthread"], check=True)
    return library


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A sweep whose writes were logged.

    Attributes
    ----------
    root, log : Path
        Its workspace, and the log.
    before : Disk
        As it was when the log began.
    """

    root: Path
    log: Path
    before: Disk


def logged_sweep(bench: SweepBench, library: Path, name: str, *, kill_after: int | None = None) -> Logged:
    """Let a sweep run under the log.

    Parameters
    ----------
    bench : SweepBench
    library : Path
        From `build_log_library`.
    name : str
        Of the workspace.
    kill_after : int, optional
        Kill it when it has told so many lines.
    """
    root = bench.workspace(name)
    logged = Logged(root=root, log=root.with_suffix(".log"), before=Disk(root))
    process, _, told = bench.begin(name, **_logging(library, logged))
    while kill_after is not None and process.poll() is None:
        if told.exists() and told.read_bytes().count(b"\n") >= kill_after:
            process.send_signal(signal.SIGKILL)
            break
    _, err = process.communicate(timeout=_TIMEOUT_S)
    if process.returncode not in (0, 3, -signal.SIGKILL):
        raise RuntimeError(f"quietroom sweep failed: {err}")
    return logged


def logged_recovery(bench: SweepBench, library: Path, logged: Logged) -> int:
    """Recover what a killed sweep left, under the same log; gives the entry with which that begins."""
    n_entries = len(read_log(logged.log))
    (journal,) = (logged.root / "sweeps").glob("*.journal")
    command = [sys.executable, "-m", "sweep.cli.main", "recover", str(journal)]
    environment = {**bench.environment, **_logging(library, logged)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 3):
        raise RuntimeError(f"quietroom recover failed: {result.stderr}")
    return n_entries


def cuts(logged: Logged, scratch: Path, *, n_cuts: int, seed: int, first: int = 0) -> Iterator[Cut]:
    """Cut the power at random moments, evenly over what the process was at, and recover each disk.

    Parameters
    ----------
    logged : Logged
        Used up.
    scratch : Path
        Folder that does not exist yet, in which each disk is made.
    n_cuts, seed : int
    first : int
        Entry of the log from which on the power is cut.
    """
    rng = random.Random(seed)
    entries = read_log(logged.log)
    phases = _phases(entries)
    places = {phase: [at for at, other in enumerate(phases) if other == phase and at >= first] for phase in phases}
    there = [phase for phase in PHASES if places.get(phase)]
    wanted = Counter(rng.choice(places[there[number % len(there)]]) for number in range(n_cuts))
    for at, entry in enumerate(entries):
        logged.before.apply(entry)
        for _ in range(wanted[at]):
            told = read_told(logged.before.now(str(logged.root / "told")).decode())
            sweeps = _materialise(logged.before.after_cut(rng), logged.root, scratch)
            broken = tuple(broken_claims(sweeps, told))
            shutil.rmtree(scratch)
            yield Cut(phase=phases[at], n_told=sum(map(len, told.leaves.values())), broken=broken)


def _phases(entries: Sequence[Written]) -> list[str]:
    """What the process was at with each entry: the moments at which files appear tell."""
    phase, phases = "sweep", []
    for entry in entries:
        if entry.operation is Operation.CREATE and entry.path.endswith(".h5.part"):
            phase = "packing"
        elif entry.operation is Operation.RENAME and entry.two.endswith(b".h5"):
            phase = "sealing"
        phases.append(phase)
    return phases


def _materialise(files: Iterator[tuple[str, bytes]], root: Path, scratch: Path) -> Path:
    for folder in ("rooms/lab", "sweeps", "reports"):
        (scratch / folder).mkdir(parents=True, exist_ok=True)
    for name, contents in files:
        path = scratch / Path(name).relative_to(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name != "told":
            path.write_bytes(contents)
    return scratch / "sweeps"


def _logging(library: Path, logged: Logged) -> dict[str, str]:
    return {"LD_PRELOAD": str(library), "WRITE_LOG": str(logged.log), "WRITE_LOG_ROOT": str(logged.root)}
