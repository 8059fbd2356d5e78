"""``python -m benchmarks.fuzz [--reader NAME]... [--inputs N] [--keep DIR]``: fuzz readers, and print one table."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzz.readers import READERS

_MEMORY = Path("/dev/shm")  # files in memory, where there is such a folder


def main() -> int:
    """Fuzz the readers that are asked for, by default all; 1 where one of them did what it must not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", choices=list(READERS), help="one of them; may be repeated")
    parser.add_argument("--inputs", type=int, default=10_000, help="for each reader (default 10000; long: 1000000)")
    parser.add_argument("--keep", type=Path, help="new folder for the inputs that were found")
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed; it comes with the extra: pip install 'quietroom[fuzz]'")
    print(f"{'reader':<17}{'inputs':>9}{'a second':>10}{'refused':>9}{'longest':>10}{'peak':>9}  found")
    bad = False
    for name in arguments.reader or READERS:
        result = fuzz(name, arguments.inputs, arguments.keep)
        print(_line(name, result), flush=True)
        for what, why in result["found"].items():
            print(f"  {what}\n    " + why.strip().replace("\n", "\n    "))
        bad = bad or bool(result["found"])
    return int(bad)


def fuzz(name: str, n_inputs: int, keep: Path | None = None) -> dict[str, Any]:
    """Fuzz one reader.

    Returns
    -------
    dict
        The figures of ``worker``; ``found`` by what was found, with how it came about.
    """
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="quietroom-fuzz-") as place:
        folder = Path(place)
        command = [sys.executable, "-m", "benchmarks.fuzz.worker", name, str(n_inputs), place]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        try:
            result: dict[str, Any] = json.loads((folder / "result.json").read_text())
        except FileNotFoundError:
            result = {"inputs": 0, "refused": 0, "seconds": 0.0, "longest_s": 0.0, "peak_mb": 0.0, "found": {}}
        stopped = sorted(folder.glob("stopped-*"))
        if stopped or done.returncode:
            why = [line for line in done.stderr.splitlines() if "ERROR" in line or "SUMMARY" in line]
            result["found"]["; ".join(why) or f"ended with {done.returncode}"] = done.stderr[-1500:]
        if keep is not None and result["found"]:
            _keep([*stopped, *sorted(folder.glob("found-*"))], keep / name)
    return result


def _keep(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, folder)


def _line(name: str, result: dict[str, Any]) -> str:
    rate = result["inputs"] / max(result["seconds"], 1e-9)
    return (
        f"{name:<17}{result['inputs']:>9}{rate:>10.0f}{100 * result['refused'] / max(1, result['inputs']):>8.0f}%"
        f"{1000 * result['longest_s']:>7.0f} ms{result['peak_mb']:>6.0f} MB  {len(result['found']) or 'nothing'}"
    )


if __name__ == "__main__":
    sys.exit(main())
