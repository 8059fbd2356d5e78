"""``python -m benchmarks.fuzz [--reader NAME]... [--inputs N] [--keep DIR]``: fuzz readers, and print one table.

``--notes DIR`` fuzzes for hours and keeps its figures there: the same command goes on where it was stopped, and with
``--show`` it only prints the table so far.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from benchmarks.fuzz.campaign import go_on, table
from benchmarks.fuzz.figures import HEADING
from benchmarks.fuzz.readers import READERS
from benchmarks.fuzz.running import fuzz


def main() -> int:
    """Fuzz the readers that are asked for, by default all; 1 where one of them did what it must not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", choices=list(READERS), help="one of them; may be repeated")
    parser.add_argument("--inputs", type=int, default=10_000, help="for each reader (default 10000; long: 1000000)")
    parser.add_argument("--keep", type=Path, help="new folder for the inputs that were found")
    parser.add_argument("--notes", type=Path, help="folder of a long run, which goes on where it was stopped")
    parser.add_argument("--show", action="store_true", help="print what the long run in --notes gave so far")
    arguments = parser.parse_args()
    names = arguments.reader or list(READERS)
    if arguments.notes is None:
        return _run(parser, names, arguments.inputs, arguments.keep)
    if not arguments.show:
        _need_atheris(parser)
        go_on(arguments.notes, names, arguments.inputs)
    text = table(arguments.notes, names)
    print(text)
    return int(any(not line.endswith("nothing") for line in text.splitlines()[1:]))


def _run(parser: argparse.ArgumentParser, names: list[str], n_inputs: int, keep: Path | None) -> int:
    _need_atheris(parser)
    print(HEADING)
    bad = False
    for name in names:
        result = fuzz(name, n_inputs, keep=None if keep is None else keep / name)
        print(result.line(name), flush=True)
        bad = bad or bool(result.found)
    return int(bad)


def _need_atheris(parser: argparse.ArgumentParser) -> None:
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed; it comes with the extra: pip install 'quietroom[fuzz]'")


if __name__ == "__main__":
    sys.exit(main())
