"""Texts from records made fit for paper: what cannot be shown is replaced by a square, never dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import get_font

__all__ = ["FONT_FOLDER", "SQUARE", "clean", "drawable", "printable"]

FONT_FOLDER = Path(mpl.get_data_path()) / "fonts" / "ttf"
"""DejaVu comes with matplotlib, so no system font is needed."""

SQUARE = "\u25a1"


def printable(text: str) -> str:
    """Replace control and formatting characters by a square, and any white space by a blank.

    Examples
    --------
    >>> printable("a\\tb\\x00c\\u202ed")
    'a b□c□d'
    """
    return "".join(" " if c.isspace() else c if c.isprintable() else SQUARE for c in text)


def drawable(text: str) -> str:
    """Do as ``printable``, and also replace what the DejaVu font cannot draw.

    Examples
    --------
    >>> drawable("Büro, офис, 会")
    'Büro, офис, □'
    """
    known = _glyphs()
    return "".join(c if ord(c) in known else SQUARE for c in printable(text))


def clean(value: Any, how: Callable[[str], str] = printable) -> Any:
    """Copy a structure of dicts, lists and strings with every string made fit."""
    if isinstance(value, str):
        return how(value)
    if isinstance(value, Mapping):
        return {key: clean(item, how) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item, how) for item in value]
    return value


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(str(FONT_FOLDER / "DejaVuSans.ttf")).get_charmap())
