"""Run a command of Quietroom, and write down what it says is saved: ``python driver.py FILE COMMAND ...``.

The command is the real one. Each line of the file is written when the progress display is told the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sweep.cli import visits
from sweep.cli.main import main
from sweep.events import Closed, Event, LookTaken, RowDone, StayDone

_KINDS = {RowDone: "row", StayDone: "stay", LookTaken: "look"}


def run(file: str, command: list[str]) -> int:
    """Run the command and give its exit code."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    follow = visits.follow

    def told(events: Iterable[Event], **options: Any) -> Iterator[Event]:
        for event in follow(events, **options):
            if isinstance(event, RowDone | StayDone | LookTaken):
                os.write(descriptor, f"{_KINDS[type(event)]} {event.leaf.hex()}\n".encode())
            elif isinstance(event, Closed):
                os.write(descriptor, f"closed {event.record_path}\n".encode())
            yield event

    visits.follow = told
    return main(command)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
