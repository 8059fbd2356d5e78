"""What a command prints: text for people, or JSON for programs, and never both on standard output."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError
from sweep.units import format_hz
from sweep.workspace import Workspace

__all__ = ["Printer", "level", "output_path", "short_time", "span", "table"]

_STDOUT = Path("-")


class Printer:
    """Prints lines, unless standard output is for JSON.

    Parameters
    ----------
    json_path : Path or None
        ``--json`` of the command.
    """

    def __init__(self, json_path: Path | None) -> None:
        self._json_path = json_path

    @property
    def quiet(self) -> bool:
        """Whether standard output is kept for JSON."""
        return self._json_path == _STDOUT

    def line(self, text: str = "") -> None:
        """Print a line for people."""
        if not self.quiet:
            print(text)

    def lines(self, texts: Sequence[str]) -> None:
        """Print several lines for people."""
        for text in texts:
            self.line(text)

    def document(self, document: Mapping[str, Any] | Sequence[Any]) -> None:
        """Write the result as JSON where ``--json`` says; a number that was not measured is null already.

        Raises
        ------
        ValueError
            A number is not finite: a defect, never written as if it were a measurement.
        """
        if self._json_path is None:
            return
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if self.quiet:
            print(text, end="")
            return
        part = self._json_path.with_name(f"{self._json_path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(self._json_path)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = 100) -> list[str]:
    """Lay out a table in columns; the last one is cut so that no line is longer than ``width``.

    Examples
    --------
    >>> print("\\n".join(table(("id", "level"), [("F1", "-60.1"), ("F10", "-7.0")])))
    id   level
    F1   -60.1
    F10  -7.0
    """
    cells = [header, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header) - 1)]
    lines = []
    for row in cells:
        text = "  ".join([*(cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        lines.append(text if len(text) <= width else text[: width - 3].rstrip() + "...")
    return lines


def output_path(arguments: Namespace, record: Path, suffix: str) -> Path:
    """Where to write: as told with -o, or in the reports of the workspace under the record's name.

    Raises
    ------
    ParameterError
        It would be written over a record.
    RecordError
        No -o, and no workspace.
    """
    if arguments.output is None:
        return Workspace.open(arguments.workspace).reports / f"{record.stem}{suffix}"
    output: Path = arguments.output
    if output.suffix.lower() in {".h5", ".journal"}:
        raise ParameterError(f"{output} has the name of a record; give -o a name that ends with {suffix}")
    return output


def level(value: float | None, unit: str = "") -> str:
    """Write a measured number with one decimal; a dash where nothing was measured.

    Examples
    --------
    >>> level(-61.04, " dBFS"), level(None)
    ('-61.0 dBFS', '-')
    """
    return "-" if value is None else f"{value:.1f}{unit}"


def span(start_hz: float, stop_hz: float) -> str:
    """Write a range of frequencies.

    Examples
    --------
    >>> span(430e6, 440e6)
    '430 MHz to 440 MHz'
    """
    return f"{format_hz(start_hz)} to {format_hz(stop_hz)}"


def short_time(iso: str) -> str:
    """Write an ISO 8601 time to the second.

    Examples
    --------
    >>> short_time("2026-11-23T09:30:00.123456789Z")
    '2026-11-23 09:30:00Z'
    """
    return f"{iso[:19].replace('T', ' ')}Z"
