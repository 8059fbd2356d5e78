"""The page: one file with its style, its scripts and its data, which fetches nothing and runs nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reports.content import ReportContent
from reports.content.document import compose, draw
from reports.figures import style
from reports.files import write_bytes
from reports.html.live import live_figures
from reports.html.policy import content_security_policy
from reports.html.scripts import library_scripts, own_script
from reports.html.sort_keys import sort_key
from reports.text import clean

__all__ = ["html_bytes", "page_bytes", "write_html"]

_VARIABLES = {
    style.INK: "--fig-ink",
    style.FRAME: "--fig-frame",
    style.SWEEP: "--fig-sweep",
    style.PEAK: "--fig-peak",
    style.FLOOR: "--fig-floor",
    style.BASELINE: "--fig-baseline",
    style.BASELINE_EDGE: "--fig-baseline-edge",
    style.UNMEASURED: "--fig-unmeasured",
}
_COLOR = re.compile("|".join(map(re.escape, _VARIABLES)))


def write_html(content: ReportContent, path: Path) -> None:
    """Write the report as a single HTML file, whole or not at all.

    Raises
    ------
    ParameterError
        The file cannot be written.
    """
    write_bytes(html_bytes(content), path)


def html_bytes(content: ReportContent) -> bytes:
    """Lay the report out as UTF-8 HTML; the same bytes for the same content.

    The figures are the drawings of the PDF; where scripts run, live ones stand in their place.
    """
    return page_bytes(compose(content), draw(content), live_figures(content))


def page_bytes(
    composed: Mapping[str, Any], drawings: Mapping[str, str], figures: Mapping[str, Any] | None = None
) -> bytes:
    """Lay out what was composed.

    Parameters
    ----------
    composed : mapping
        As `reports.content.document.compose` gives it.
    drawings : mapping
        SVG text by the names that it refers to.
    figures : mapping, optional
        What live figures are drawn from, as `live_figures` gives it.
    """
    folder = files("reports.html")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["sort_key"] = sort_key
    scripts = (*library_scripts(), own_script()) if figures else (own_script(),)
    page = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8")).render(
        report=clean(dict(composed)),
        drawings={name: Markup(_themed(svg)) for name, svg in drawings.items()},  # ours: holds no text of others
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        policy=content_security_policy(scripts),
        figures=None if figures is None else clean(dict(figures)),
        scripts=[Markup(script) for script in scripts],
    )
    return page.encode("utf-8")


def _themed(svg: str) -> str:
    """Let the page's style choose the colours of a drawing, so that it is readable in the dark too."""
    return _COLOR.sub(lambda match: f"var({_VARIABLES[match[0]]})", svg)
