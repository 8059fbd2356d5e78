"""What a command prints: text for people, or JSON for programs, and never both on standard output."""

from __future__ import annotations

import json
import textwrap
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError
from reports.files import check_place, write_bytes
from sweep.units import format_hz
from sweep.workspace import Workspace

__all__ = ["Printer", "level", "output_path", "short_time", "shown", "span", "table", "wrapped"]

_STDOUT = Path("-")
_WIDTH = 100
_EVIDENCE = (".h5", ".journal", ".jsonl", ".sigmf-data", ".sigmf-meta")


class Printer:
    """Prints lines, unless standard output is for JSON.

    Parameters
    ----------
    json_path : Path or None
        ``--json`` of the command.

    Raises
    ------
    ParameterError
        Nothing can be written there; said before the work, not after it.
    """

    def __init__(self, json_path: Path | None) -> None:
        if json_path is not None and json_path != _STDOUT:
            if json_path.suffix.lower() in _EVIDENCE:
                raise ParameterError(f"{json_path} has the name of evidence; give --json a name that ends with .json")
            check_place(json_path)
        self._json_path = json_path

    @property
    def quiet(self) -> bool:
        """Whether standard output is kept for JSON."""
        return self._json_path == _STDOUT

    def line(self, text: str = "") -> None:
        """Print a line for people; what a file says may hold orders to the terminal, which are shown as blanks."""
        if not self.quiet:
            print("\n".join(map(shown, text.split("\n"))))

    def lines(self, texts: Sequence[str]) -> None:
        """Print several lines for people."""
        for text in texts:
            self.line(text)

    def document(self, document: Mapping[str, Any] | Sequence[Any]) -> None:
        """Write the result as JSON where ``--json`` says; a number that was not measured is null already.

        Raises
        ------
        ParameterError
            The file cannot be written; nothing is left behind.
        ValueError
            A number is not finite: a defect, never written as if it were a measurement.
        """
        if self._json_path is None:
            return
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if self.quiet:
            print(text, end="")
            return
        write_bytes(text.encode("utf-8", errors="replace"), self._json_path)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = _WIDTH) -> list[str]:
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


def wrapped(text: str, *, indent: str = "") -> list[str]:
    """Break a text into lines that fit a terminal; all but the first stand two blanks deeper.

    Examples
    --------
    >>> wrapped("one two", indent="    ")
    ['    one two']
    """
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def output_path(arguments: Namespace, record: Path, *suffixes: str) -> Path:
    """Where to write: as told with -o, or in the reports of the workspace under the record's name.

    Parameters
    ----------
    arguments : Namespace
        With ``output`` and ``workspace``.
    record : Path
    *suffixes : str
        Endings that the file may have, the usual one first. Evidence has none of them, so it is never written over.

    Raises
    ------
    ParameterError
        The name has another ending, or nothing can be written there.
    RecordError
        No -o, and no workspace.
    """
    if arguments.output is None:
        return Workspace.around(arguments.workspace, record).reports / f"{record.stem}{suffixes[0]}"
    output: Path = arguments.output
    if output.suffix.lower() not in suffixes:
        raise ParameterError(f"{output}: give -o a name that ends with {' or '.join(suffixes)}")
    check_place(output)
    return output


def level(value: float | None, unit: str = "") -> str:
    """Write a measured number with one decimal; a dash where nothing was measured.

    Examples
    --------
    >>> level(-61.04, " dBFS"), level(-0.04), level(None)
    ('-61.0 dBFS', '0.0', '-')
    """
    return "-" if value is None else f"{value:z.1f}{unit}"


def span(start_hz: float, stop_hz: float) -> str:
    """Write a range of frequencies.

    Examples
    --------
    >>> span(430e6, 440e6)
    '430 MHz to 440 MHz'
    """
    return f"{format_hz(start_hz)} to {format_hz(stop_hz)}"


def shown(text: str) -> str:
    """Put blanks for what a terminal would obey, or take for another line, in a text of others.

    Examples
    --------
    >>> shown("a\\x1b[2Jb")
    'a [2Jb'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def short_time(iso: str) -> str:
    """Write an ISO 8601 time to the second.

    Examples
    --------
    >>> short_time("2026-11-23T09:30:00.123456789Z")
    '2026-11-23 09:30:00Z'
    """
    return f"{iso[:19].replace('T', ' ')}Z"
