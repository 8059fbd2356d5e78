"""Fuzzing one reader in a process of its own, on files in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.fuzz.figures import Figures

__all__ = ["fuzz"]

_MEMORY = Path("/dev/shm")  # files in memory, where there is such a folder


def fuzz(
    name: str, n_inputs: int, *, keep: Path | None = None, corpus: Path | None = None, seed: int = 1, longest_s: int = 0
) -> Figures:
    """Fuzz one reader.

    Parameters
    ----------
    name : str
    n_inputs : int
    keep : Path, optional
        Folder for the inputs that were found; made where there are any.
    corpus : Path, optional
        Folder of inputs to go on from, where those that reach new code are kept.
    seed : int
        Of the random choices, above 0.
    longest_s : int
        Ends the run; 0 for never.
    """
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="quietroom-fuzz-") as place:
        folder = Path(place)
        worker = [sys.executable, "-m", "benchmarks.fuzz.worker", name, str(n_inputs), place]
        worker += [str(corpus or folder / "corpus"), str(seed), str(longest_s)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(worker, env=environment, capture_output=True, text=True, errors="replace", check=False)
        result = Figures.read(folder / "result.json")
        stopped = sorted(folder.glob("stopped-*"))
        if stopped or done.returncode:
            why = [line for line in done.stderr.splitlines() if "ERROR" in line or "SUMMARY" in line]
            what = "; ".join(why) or f"ended with {done.returncode}"
            result = replace(result, found={**result.found, what: done.stderr[-1500:]})
        if keep is not None and result.found:
            _keep([*stopped, *sorted(folder.glob("found-*"))], keep)
    return result


def _keep(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        place = folder / path.name
        shutil.copy(path, place if not place.exists() else folder / f"{path.name}-{os.urandom(4).hex()}")
