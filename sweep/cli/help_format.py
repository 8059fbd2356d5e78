"""How help is laid out."""

from __future__ import annotations

import argparse
import os
import sys

__all__ = ["HelpFormat", "RawHelpFormat"]

_USUAL_COLUMNS, _MARGIN = 80, 2


class HelpFormat(argparse.HelpFormatter):
    """As wide as the terminal; argparse would import ``shutil`` to ask, with every compressor there is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - _MARGIN)


class RawHelpFormat(HelpFormat, argparse.RawDescriptionHelpFormatter):
    """The same, with the lines of description and epilog as they are."""


def _columns() -> int:
    """Columns that the user asked for, or those of the terminal."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError, AttributeError):  # no terminal, or no file at all
        return _USUAL_COLUMNS
