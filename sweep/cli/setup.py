"""``init`` and ``devices``."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError
from sweep.cli.checking import check_devices
from sweep.cli.printing import Printer, table, wrapped
from sweep.facts.loading import write_examples
from sweep.sources.rtlsdr import DongleInfo, list_dongles
from sweep.workspace import Workspace

__all__ = ["devices", "init"]

_EXIT_NOTHING_CHECKED = 3
_NO_DONGLE = (
    "No dongle was found. Plug one in; if one is plugged in, install the udev rules of rtl-sdr",
    "(Debian: apt install librtlsdr0), plug it in again, and look for it with lsusb (0bda:2832 or 0bda:2838).",
)


def init(arguments: Namespace) -> int:
    """Make a folder a workspace."""
    root: Path = arguments.folder or arguments.workspace
    Workspace.create(root)
    written = write_examples(root)
    place = "" if root == Path() else f"--workspace {shlex.quote(str(root))} "
    if written:
        print(f"Say in {' and '.join(str(path) for path in written)} what you know of site, people and equipment")
    print(
        f"{root.resolve()} is a Quietroom workspace; next, once: quietroom keys make; then: quietroom {place}visit ROOM"
    )
    return 0


def devices(arguments: Namespace) -> int:
    """List the dongles of this machine, and check them where that is wanted."""
    printer = Printer(arguments.json)
    wanted: list[str] = arguments.source or []
    if not arguments.check and (wanted or arguments.warm_up is not None):
        raise ParameterError("--source and --warm-up say what to check; add --check")
    dongles = [] if wanted else list_dongles()
    if not wanted:
        printer.lines(_lines(dongles) if dongles else _NO_DONGLE)
    document: dict[str, Any] = {
        "schema": "quietroom.devices/1",
        "devices": [asdict(dongle) for dongle in dongles],
    }
    code = 0
    if arguments.check:
        texts = wanted or [f"rtlsdr:{dongle.index}" for dongle in dongles]
        printer.lines([""] if dongles else [])
        document["checked"], code = check_devices(
            texts, workspace=arguments.workspace, printer=printer, warm_up_s=arguments.warm_up
        )
        code = code if texts else _EXIT_NOTHING_CHECKED
    printer.document(document)
    return code


def _lines(dongles: Sequence[DongleInfo]) -> list[str]:
    """A table, and under each dongle what a technician should know of it."""
    rows = [
        (
            f"rtlsdr:{dongle.index}",
            dongle.serial or "-",
            dongle.tuner or "-",
            f"{dongle.manufacturer} {dongle.product}".strip() or "-",
            "see below" if dongle.health else "good",
        )
        for dongle in dongles
    ]
    header, *body = table(("source", "serial", "tuner", "product", "health"), rows)
    lines = [header]
    for row, dongle in zip(body, dongles, strict=True):
        lines.append(row)
        for remark in dongle.health:
            lines += wrapped(remark, indent="    ")
    return lines
