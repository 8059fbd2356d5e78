"""Level of each finding at every position of a visit: a device in the room is strongest where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

from baselines.positions import is_outside
from reports.content import ReportContent
from reports.figures.panels import Box, fraction
from reports.figures.style import (
    BASELINE,
    CATEGORIES,
    INK,
    OUTSIDE,
    PAGE_WIDTH_IN,
    figure_settings,
    new_figure,
    shortened,
)
from reports.text import drawable

__all__ = ["PlaceLevel", "levels_by_position", "positions_figure"]

_MOST_FINDINGS, _MOST_LETTERS = 30, 34
_ROW_IN, _LEFT_IN, _RIGHT_IN, _AXIS_IN = 0.21, 1.25, 0.2, 0.46
_LEGEND_ROW_IN, _PER_LEGEND_ROW = 0.18, 3
_SIZES = {"d": 7.5, "P": 6.0, "X": 6.0}
_NOT_NAMED = "position not named"
_LEFTWARD = Path([(-0.35, 0), (-1, 0), (-0.75, 0.2), (-1, 0), (-0.75, -0.2)], [1, 2, 1, 2, 2])
"""An arrow to the left, beside the mark of a level that something is below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLevel:
    """Level of a finding at one place.

    ``power_dbfs`` is None where it was not heard: then it is weaker than ``limit_dbfs``, or nobody could tell where
    that is None too. ``expanded_db`` is the expanded uncertainty of the level, where it is known.
    """

    place: str
    power_dbfs: float | None
    limit_dbfs: float | None
    expanded_db: float | None = None


def levels_by_position(finding: Mapping[str, Any]) -> tuple[PlaceLevel, ...]:
    """Levels of a finding at the positions of its visit, that of its own sweep first."""
    places: list[PlaceLevel] = []
    for entry in finding.get("positions") or ():
        name = str(entry.get("position") or _NOT_NAMED)
        if any(place.place == name for place in places):  # swept again: told apart by the record
            name = f"{name} ({str(entry.get('record') or '').removesuffix('.h5')})"
        places.append(
            PlaceLevel(
                place=name,
                power_dbfs=entry.get("power_dbfs"),
                limit_dbfs=entry.get("limit_dbfs"),
                expanded_db=(entry.get("power_uncertainty_db") or {}).get("expanded"),
            )
        )
    return tuple(places)


def positions_figure(content: ReportContent) -> Figure | None:
    """Levels of the findings by position; None where the visit had one position only."""
    told = [(finding, levels_by_position(finding)) for finding in content.findings]
    told = [(finding, levels) for finding, levels in told if len(levels) > 1][:_MOST_FINDINGS]
    if not told:
        return None
    names = list(dict.fromkeys(level.place for _, levels in told for level in levels))
    styles = _styles(names)
    legend_in = _LEGEND_ROW_IN * -(-(len(names) + 1) // _PER_LEGEND_ROW) + 0.08
    height_in = _ROW_IN * len(told) + 0.1
    with figure_settings():
        figure = new_figure(PAGE_WIDTH_IN, height_in + legend_in + _AXIS_IN, synthetic=content.synthetic)
        box = Box(left=_LEFT_IN, bottom=_AXIS_IN, width=PAGE_WIDTH_IN - _LEFT_IN - _RIGHT_IN, height=height_in)
        axes = figure.add_axes(fraction(figure, box))
        for row, (_, levels) in enumerate(told):
            _draw_row(axes, row, levels, styles)
        labels = [f"{finding['id']}  {float(finding['center_freq_hz']) / 1e6:.3f} MHz" for finding, _ in told]
        axes.set_yticks(range(len(told)), [drawable(label) for label in labels])
        axes.set(ylim=(len(told) - 0.4, -0.6), xlabel=f"Level ({content.level_unit})")
        axes.margins(x=0.06)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=BASELINE, lw=0.4, alpha=0.6)
        axes.set_facecolor("none")
        axes.set_axisbelow(True)
        is_unheard = any(level.power_dbfs is None for _, levels in told for level in levels)
        _legend(figure, styles, box.bottom + box.height + legend_in - 0.04, is_unheard=is_unheard)
        return figure


def _styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each place; what is outside looks like nothing that is inside."""
    inside = [name for name in names if not is_outside(name)]
    styles = {name: CATEGORIES[index % len(CATEGORIES)] for index, name in enumerate(inside)}
    return {name: styles.get(name, OUTSIDE) for name in names}


def _draw_row(axes: Axes, row: int, levels: Sequence[PlaceLevel], styles: Mapping[str, tuple[str, str]]) -> None:
    shown = [value for level in levels for value in (level.power_dbfs, level.limit_dbfs) if value is not None]
    if shown:
        axes.plot([min(shown), max(shown)], [row, row], color=BASELINE, lw=0.8, zorder=1)
    for level in levels:
        color, marker = styles[level.place]
        if level.power_dbfs is not None:
            if level.expanded_db is not None:
                axes.errorbar(
                    [level.power_dbfs],
                    [row],
                    xerr=level.expanded_db,
                    color=color,
                    lw=1.6,
                    capsize=2.4,
                    capthick=1.0,
                    zorder=2,
                    gid="uncertainty",
                )
            axes.plot(
                [level.power_dbfs],
                [row],
                marker=marker,
                ms=_SIZES.get(marker, 5.2),
                mfc=color,
                mec="white",
                mew=0.5,
                zorder=3,
            )
        elif level.limit_dbfs is not None:
            axes.plot([level.limit_dbfs], [row], marker=marker, ms=4.6, mfc="white", mec=color, mew=0.9, zorder=2)
            axes.plot([level.limit_dbfs], [row], marker=_LEFTWARD, ms=9, color=color, lw=0, mew=0.9, zorder=2)


def _legend(figure: Figure, styles: Mapping[str, tuple[str, str]], top_in: float, *, is_unheard: bool) -> None:
    width, height = figure.get_size_inches()
    entries = {
        drawable(shortened(name, _MOST_LETTERS)): Line2D(
            [], [], ls="none", marker=marker, mfc=color, mec="white", ms=5.5
        )
        for name, (color, marker) in styles.items()
    }
    if is_unheard:
        hollow = Line2D([], [], ls="none", marker="o", mfc="white", mec=INK, ms=5)
        entries["hollow: not heard, weaker than this"] = hollow
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="upper left",
        bbox_to_anchor=(_LEFT_IN / width, top_in / height),
        ncols=_PER_LEGEND_ROW,
        frameon=False,
        fontsize=7,
        handletextpad=0.3,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )
