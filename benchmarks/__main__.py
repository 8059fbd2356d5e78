"""``python -m benchmarks [--quick] [NAME ...]``: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time

import numpy as np
import scipy

from benchmarks.effort import FULL, QUICK
from benchmarks.registry import BENCHMARKS, run
from benchmarks.rows import LeftOut, Row, table


def main() -> None:
    """Run the benchmarks that are asked for, by default all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns and shorter recordings: two minutes")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; by default all")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {sorted(unknown)[0]!r}; choose from {', '.join(BENCHMARKS)}")
    effort = QUICK if arguments.quick else FULL
    print(_machine(), file=sys.stderr)
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    start = time.monotonic()
    for name in arguments.names or BENCHMARKS:
        for line in run(name, effort):
            if isinstance(line, Row):
                rows.append(line)
            else:
                left_out.append(line)
        print(f"{time.monotonic() - start:5.0f} s  {name} measured", file=sys.stderr)
    if rows:
        print(table(rows))
    for line in left_out:
        print(f"left out: {line.what}: {line.reason}")


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} processors, load {load:.1f}, {platform.machine()}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, scipy {scipy.__version__}"
    )


if __name__ == "__main__":
    main()
