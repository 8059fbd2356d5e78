"""``init`` and ``devices``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from sweep.cli.printing import Printer, table
from sweep.sources.rtlsdr import list_dongles
from sweep.workspace import Workspace

__all__ = ["devices", "init"]

_NO_DONGLE = (
    "No dongle was found. Plug one in; if one is plugged in, install the udev rules of rtl-sdr",
    "(Debian: apt install librtlsdr0), plug it in again, and look for it with lsusb (0bda:2832 or 0bda:2838).",
)


def init(arguments: Namespace) -> int:
    """Make a folder a workspace."""
    root: Path = arguments.folder or arguments.workspace
    Workspace.create(root)
    place = "" if root == Path() else f"--workspace {root} "
    print(f"{root.resolve()} is a Quietroom workspace; next: quietroom {place}sweep ROOM")
    return 0


def devices(arguments: Namespace) -> int:
    """List the dongles of this machine."""
    printer = Printer(arguments.json)
    dongles = list_dongles()
    rows = [
        (
            f"rtlsdr:{dongle.index}",
            dongle.serial or "-",
            dongle.tuner or "-",
            f"{dongle.manufacturer} {dongle.product}".strip() or "-",
            "; ".join(dongle.health) or "good",
        )
        for dongle in dongles
    ]
    printer.lines(table(("source", "serial", "tuner", "product", "health"), rows) if rows else _NO_DONGLE)
    printer.document({"schema": "quietroom.devices/1", "devices": [asdict(dongle) for dongle in dongles]})
    return 0
