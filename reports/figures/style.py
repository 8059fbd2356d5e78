"""How figures look: sizes, fonts, colours that survive colour blindness and a grey printer."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = [
    "BASELINE",
    "BASELINE_EDGE",
    "CATEGORIES",
    "DASHED",
    "FLOOR",
    "FRAME",
    "GAP",
    "INK",
    "OUTSIDE",
    "PAGE_WIDTH_IN",
    "PEAK",
    "SWEEP",
    "THREAT",
    "TOLERATED",
    "UNCONFIRMED",
    "UNMEASURED",
    "UNMEASURED_LOOK",
    "figure_bytes",
    "figure_settings",
    "new_figure",
    "shortened",
    "svg_text",
]

INK, FRAME = "#1c2530", "#8b95a1"
SWEEP, PEAK, FLOOR = "#0b4f8a", "#7fb2dd", "#5d6773"
BASELINE, BASELINE_EDGE = "#c3c9d0", "#7d8792"
TOLERATED = "#e3e6ea"
UNMEASURED = "#eceae4"
UNMEASURED_LOOK: dict[str, Any] = {"facecolor": UNMEASURED, "edgecolor": "#cdc8ba", "hatch": "/////", "lw": 0}
"""Hatched, so that what was not measured is told from what was quiet in any print."""

GAP = "#b02418"
DASHED = (0, (4, 2))
THREAT = {
    # Okabe and Ito's palette, each with a shape of its own and a lightness of its own
    "high": ("#d55e00", "D"),
    "medium": ("#e69f00", "^"),
    "low": ("#009e73", "o"),
    "info": ("#6b7580", "s"),
}
UNCONFIRMED = ("#5d6773", "o")
"""Of what was not confirmed: a hollow mark in no colour of a threat level, because nothing is concluded from it."""

CATEGORIES = (
    # Okabe and Ito's palette in an order of falling lightness by turns, each with a shape of its own
    ("#0b4f8a", "o"),
    ("#e69f00", "^"),
    ("#009e73", "s"),
    ("#d55e00", "D"),
    ("#56b4e9", "v"),
    ("#8c4a77", "P"),
    ("#a0940a", "X"),
    ("#5d6773", "p"),
)
OUTSIDE = ("#111111", "d")
"""Of what was received outside the room."""

EXERCISE_STRIP = "EXERCISE: synthetic signals, not a sweep of a real room"

PAGE_WIDTH_IN = 6.9
_BANNER_IN = 0.24
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": FRAME,
    "axes.labelcolor": INK,
    "axes.labelsize": 7.5,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.unicode_minus": False,
    "hatch.linewidth": 0.4,
    "path.simplify": False,  # the envelope is thinned already, and every one of its peaks must stay
    "svg.hashsalt": "quietroom",
    "svg.fonttype": "path",
    "figure.dpi": 150,
    "savefig.dpi": 150,
}


@contextmanager
def figure_settings() -> Iterator[None]:
    """Draw and save with our settings, whatever the user's matplotlib is told; put those back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width_in: float, height_in: float, *, synthetic: bool) -> Figure:
    """Make an empty figure; a synthetic one gets a banner across its top, within a strip added to the height."""
    figure = Figure(figsize=(width_in, height_in + (_BANNER_IN if synthetic else 0.0)))
    FigureCanvasAgg(figure)
    if synthetic:
        top = figure.get_figheight()
        figure.text(
            0.5,
            (top - _BANNER_IN / 2) / top,
            EXERCISE_STRIP,
            ha="center",
            va="center",
            fontsize=7.5,
            fontweight="bold",
            color="white",
            bbox={"facecolor": "#8a1c1c", "edgecolor": "none", "boxstyle": "square,pad=0.35"},
        )
    return figure


def figure_bytes(figure: Figure, kind: str, *, transparent: bool = False) -> bytes:
    """Save a figure as ``png``, ``svg`` or ``pdf``: the same bytes every time, without a date."""
    dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    buffer = io.BytesIO()
    with figure_settings():
        figure.savefig(buffer, format=kind, transparent=transparent, metadata={**dates})
    return buffer.getvalue()


def svg_text(figure: Figure, prefix: str) -> str:
    """Save a figure as SVG that can stand beside others in one document.

    Parameters
    ----------
    figure : Figure
    prefix : str
        Put before every id, so that two figures share none.
    """
    text = figure_bytes(figure, "svg", transparent=True).decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    return re.sub(r"\n\s*", "\n", text)


def shortened(text: str, most: int) -> str:
    """Cut a text to so many letters.

    Examples
    --------
    >>> shortened("sweep at the window", 9)
    'sweep at\u2026'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"
