"""``demo``: a whole job in a simulated room, done by the commands that a technician would type."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError, RecordError
from sweep.cli.main import run
from sweep.cli.printing import Printer

__all__ = ["demo"]

_ROOM = "meeting-room"
_SCENE = "sim:meeting-room"
_RANGES = ("88M:108M", "165M:170M", "415M:440M", "863M:870M", "900M:907M")
_CLEAN_VISITS = 3
_PASSES = "5"


def demo(arguments: Namespace) -> int:
    """Learn a simulated room, sweep it with planted bugs, and report."""
    printer = Printer(arguments.json)
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder} is there already; name a new folder: quietroom demo FOLDER")
    with contextlib.redirect_stdout(sys.stderr if printer.quiet else sys.stdout):
        document = _exercise(folder)
    printer.document(document)
    return 0


def _exercise(folder: Path) -> Mapping[str, Any]:
    """Give the commands one after another, and the findings JSON that came of them."""
    print("EXERCISE: all of this is simulated, no receiver is used")
    _do(folder, "init")
    for visit in range(_CLEAN_VISITS):
        print(f"\nVisit {visit + 1} of {_CLEAN_VISITS} while the room is known to be clean")
        with contextlib.redirect_stdout(io.StringIO()):
            _do(folder, *_sweep(f"{_SCENE}?visit={visit}"), "--baseline", "none")
    clean = sorted(str(path) for path in (folder / "sweeps").glob("*.h5"))
    _do(folder, "baseline", "learn", _ROOM, *clean)
    print("\nOne more visit; somebody has planted bugs")
    findings = folder / "findings.json"
    _do(folder, *_sweep(f"{_SCENE}?visit={_CLEAN_VISITS}&bugs=all"), "--json", str(findings))
    document: dict[str, Any] = json.loads(findings.read_text(encoding="utf-8"))
    print("\nReport and plot")
    _do(folder, "report", document["record"], "--html")
    _do(folder, "plot", document["record"])
    print(f"\nThe record is {document['record']}, its findings as JSON are {findings}")
    return document


def _sweep(source: str) -> tuple[str, ...]:
    ranges = (word for text in _RANGES for word in ("--range", text))
    return (
        "sweep",
        _ROOM,
        "--source",
        source,
        *ranges,
        "--passes",
        _PASSES,
        "--position",
        "table",
        "--operator",
        "demo",
    )


def _do(folder: Path, *command: str) -> None:
    if run(["--workspace", str(folder), *command]) != 0:
        raise RecordError(f"{folder}: the demo was inconclusive at '{command[0]}'; please report this with the folder")
