"""Legends below panels: traces, and under them the marks; only what is there is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.content import ReportContent
from reports.figures.flags import threat_style
from reports.figures.middles import is_overview
from reports.figures.panels import Panel
from reports.figures.style import (
    BASELINE,
    BASELINE_EDGE,
    DASHED,
    FLOOR,
    INK,
    PEAK,
    SWEEP,
    THREAT,
    TOLERATED,
    UNCONFIRMED,
    UNMEASURED_LOOK,
)
from reports.figures.traces import columns_of

__all__ = ["Legend", "legend_line", "make_legend"]

_LINE_IN, _FONT_PT = 0.17, 7.0
_HANDLE_IN = (1.5 + 0.5 + 1.4) * _FONT_PT / 72
"""Handle, its distance and that of the next entry, as `legend_line` has them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legend:
    """What is drawn, line by line."""

    lines: tuple[Mapping[str, Artist], ...]

    @property
    def height_in(self) -> float:
        """Room that it needs, in inches."""
        return 0.1 + _LINE_IN * max(len(self.lines), 1)

    def draw(self, figure: Figure, left_in: float) -> None:
        """Draw it at the bottom of a figure."""
        for number, line in enumerate(reversed(self.lines)):
            legend_line(figure, line, left_in, 0.09 + _LINE_IN * number)


def make_legend(
    content: ReportContent,
    panels: Sequence[Panel],
    *,
    width_in: float,
    n_unnamed: int = 0,
    shown: tuple[bool, bool] = (True, False),
) -> Legend:
    """Explain what is drawn into panels: traces, then the marks, in lines of a width.

    ``shown`` says whether there are levels, and whether there is the excess over the baseline.
    """
    traces = {**(_level_entries(content) if shown[0] else {}), **(_excess_entries(content) if shown[1] else {})}
    if np.isnan(content.mean_dbfs).any() or np.isnan(content.waterfall.level_dbfs).any():
        traces["not measured"] = Patch(**UNMEASURED_LOOK)
    if any(is_overview(content.layout, panel.bins.stop - panel.bins.start, columns_of(panel)) for panel in panels):
        traces["(middles of hops left out)"] = Line2D([], [], ls="none")
    return Legend(
        lines=(*_broken(traces, panels, width_in), *_broken(_marks(content, panels, n_unnamed), panels, width_in))
    )


def _marks(content: ReportContent, panels: Sequence[Panel], n_unnamed: int) -> dict[str, Artist]:
    seen = {threat_style(finding) for finding in content.findings if _is_within(finding, panels)}
    marks: dict[str, Artist] = {
        f"finding, threat {level}": Line2D([], [], ls="none", marker=style[1], mfc=style[0], mec="white", ms=5)
        for level, style in THREAT.items()
        if style in seen
    }
    if any(_is_within(item, panels) for item in content.unconfirmed):
        color, marker = UNCONFIRMED
        marks["not confirmed"] = Line2D([], [], ls="none", marker=marker, mfc="white", mec=color, mew=0.6, ms=5)
    if n_unnamed:
        marks[f"({n_unnamed} more marked without a name)"] = Line2D([], [], ls="none")
    return marks


def _broken(entries: Mapping[str, Artist], panels: Sequence[Panel], width_in: float) -> list[dict[str, Artist]]:
    """Break entries into lines that are no longer than a width."""
    figure = panels[0].axes.get_figure(root=True)
    assert figure is not None  # panels are made on one
    lines: list[dict[str, Artist]] = []
    used_in = width_in
    for name, artist in entries.items():
        text = figure.text(0, 0, name, fontsize=_FONT_PT)
        needed_in = text.get_window_extent().width / figure.dpi + _HANDLE_IN
        text.remove()
        if used_in + needed_in > width_in:
            lines.append({})
            used_in = 0.0
        lines[-1][name] = artist
        used_in += needed_in
    return lines


def _is_within(emission: Mapping[str, Any], panels: Sequence[Panel]) -> bool:
    center_hz = float(emission["center_freq_hz"])
    return any(panel.start_hz <= center_hz <= panel.stop_hz for panel in panels)


def _level_entries(content: ReportContent) -> dict[str, Artist]:
    traces: dict[str, Artist] = {"this sweep, mean": Line2D([], [], color=SWEEP, lw=1.2)}
    if content.max_dbfs is not None:
        traces["this sweep, highest"] = Line2D([], [], color=PEAK, lw=1.0)
    if content.baseline_dbfs is not None:
        traces["baseline"] = Patch(facecolor=BASELINE, edgecolor=BASELINE_EDGE, lw=0.6)
        if content.threshold_db is not None:
            traces["below the threshold of one bin"] = Patch(facecolor=TOLERATED, edgecolor="none")
    if np.isfinite(content.noise_floor_dbfs).any():
        traces["noise floor"] = Line2D([], [], color=FLOOR, lw=1.0, ls=(0, (1, 1.5)))
    return traces


def _excess_entries(content: ReportContent) -> dict[str, Artist]:
    traces: dict[str, Artist] = {"mean over baseline": Patch(facecolor=PEAK, edgecolor="none")}
    if content.threshold_db is not None:
        traces["over threshold"] = Patch(facecolor=SWEEP, edgecolor="none")
        traces["threshold of one bin"] = Line2D([], [], color=INK, lw=1.0, ls=DASHED)
    return traces


def legend_line(figure: Figure, entries: Mapping[str, Artist], left_in: float, bottom_in: float) -> None:
    """Draw one line of a legend."""
    width, height = figure.get_size_inches()
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="lower left",
        bbox_to_anchor=(left_in / width, bottom_in / height),
        ncols=len(entries),
        frameon=False,
        fontsize=_FONT_PT,
        handlelength=1.5,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )
