"""``python -m benchmarks.detection [--long] [--seed N]``: plant bugs, count false alarms, print tables."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy

from benchmarks.detection.campaign import Campaign, TownResult, run
from benchmarks.detection.tables import tables

_FIRST_UNSEEN = 1000


def campaigns(*, long: bool, seed: int) -> list[Campaign]:
    """Give the campaigns of a run: visits that drift, and visits that do not."""
    first = _FIRST_UNSEEN + 100 * seed
    if not long:
        return [Campaign(seen=(1,), unseen=(first, first + 1), baseline_visits=4, clean_visits=2, plantings=1)]
    drifting = Campaign(
        seen=(1, 2),
        unseen=tuple(range(first, first + 5)),
        baseline_visits=4,
        clean_visits=8,
        plantings=1,
    )
    steady = replace(drifting, seen=(1,), unseen=drifting.unseen[:2], clean_visits=4, drifting=False)
    return [drifting, steady]


def main() -> None:
    """Run, and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--long", action="store_true", help="half an hour to an hour on two cores; by default minutes")
    parser.add_argument("--seed", type=int, default=0, help="another number gives other unseen towns")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="towns visited at once")
    arguments = parser.parse_args()
    start = time.monotonic()
    print(_provenance(arguments.seed))
    for campaign in campaigns(long=arguments.long, seed=arguments.seed):
        results: list[TownResult] = []
        for result in run(campaign, arguments.workers):
            results.append(result)
            print(f"{time.monotonic() - start:5.0f} s  town {result.seed} visited", file=sys.stderr, flush=True)
        print()
        print(tables(campaign, results), flush=True)


def _provenance(seed: int) -> str:
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", folder, "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "not known"
    return (
        f"Seed {seed}, commit {commit}, {os.cpu_count()} processors {platform.machine()}, "
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}."
    )


if __name__ == "__main__":
    main()
