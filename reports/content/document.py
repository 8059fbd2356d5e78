"""The whole report as data: what PDF and HTML lay out, each in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from matplotlib.figure import Figure

from reports.content.annex import annex_sections
from reports.content.client import about, answer, client_pages
from reports.content.evidence import SEAL_CODE, seal_code
from reports.content.finding_pages import MAX_FINDING_FIGURES, figure_name
from reports.content.material import ReportContent
from reports.content.qr import qr_code
from reports.content.wording import EXERCISE, recorded, utc
from reports.figures.camps import camp_figure
from reports.figures.closeups import finding_figure
from reports.figures.occupancies import occupancy_figure
from reports.figures.overviews import difference_figure, spectrum_figure, waterfall_figure
from reports.figures.positions import positions_figure
from reports.figures.style import svg_text
from reports.figures.timelines import timeline_figure

__all__ = ["compose", "draw"]


_DRAWN: dict[str, Callable[[ReportContent], Figure | None]] = {
    "spectrum": spectrum_figure,
    "difference": difference_figure,
    "waterfall": lambda content: waterfall_figure(content) if content.waterfall.time_s.size else None,
    "camp": camp_figure,
    "occupancy": occupancy_figure,
    "positions": positions_figure,
    "timeline": timeline_figure,
}


def compose(content: ReportContent) -> dict[str, Any]:
    """Put the texts of a report together.

    Returns
    -------
    dict
        ``title``, ``room``, ``date``, ``exercise`` (the banner, or empty), ``answer``, ``client`` and ``annex``
        (lists of sections, see ``reports.content.blocks``), ``software``. Strings, lists and dicts only.
    """
    first, second = client_pages(content)
    return {
        "title": "Radio sweep report",
        "room": recorded(content.start.get("room")),
        "date": utc(content.start.get("start_time")),
        "heading": recorded(content.start.get("room_title") or content.start.get("room")),
        "about": about(content),
        "record": content.record_name,
        "software": recorded(content.start.get("software")),
        "exercise": EXERCISE if content.synthetic else "",
        "answer": answer(content),
        "client": msgspec.to_builtins([*first, *second]),
        "first_page": len(first),
        "annex": msgspec.to_builtins(annex_sections(content)),
    }


def draw(content: ReportContent) -> dict[str, str]:
    """Draw every figure that ``compose`` refers to, as SVG text by name."""
    drawings = {name: svg_text(drawn, name) for name, make in _DRAWN.items() if (drawn := make(content)) is not None}
    code = seal_code(content)
    if code is not None:
        drawings[SEAL_CODE] = qr_code(code)
    for index, finding in enumerate(content.findings[:MAX_FINDING_FIGURES]):
        drawings[figure_name(index)] = svg_text(finding_figure(content, finding), figure_name(index))
    return drawings
