"""Emitters by visits: which of them each visit heard, did not hear, or could not hear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from baselines.chronicle import EmitterTold, RoomChronicle, Sight
from reports.figures.legends import legend_line
from reports.figures.panels import Box, fraction
from reports.figures.style import (
    BASELINE,
    FRAME,
    INK,
    PAGE_WIDTH_IN,
    THREAT,
    UNCONFIRMED,
    UNMEASURED_LOOK,
    figure_settings,
    new_figure,
)
from reports.history.wording import visit_name
from reports.text import drawable

__all__ = ["MOST_EMITTERS", "MOST_VISITS", "grid_figure"]

MOST_EMITTERS, MOST_VISITS = 40, 24
_LEFT_IN, _RIGHT_IN, _TOP_IN, _LEGEND_IN, _ROW_IN = 1.32, 0.3, 0.78, 0.52, 0.2
_WIDEST_IN = 0.9
_NOT_HEARD: dict[str, Any] = {"marker": "_", "color": INK, "ms": 6, "mew": 1.1}
_POWER: dict[str, Any] = {"marker": ".", "color": FRAME, "ms": 5}


def grid_figure(chronicle: RoomChronicle) -> Figure | None:
    """Draw the first emitters at the latest visits; None where nothing was heard at any."""
    emitters = chronicle.emitters[:MOST_EMITTERS]
    first = max(0, len(chronicle.visits) - MOST_VISITS)
    visits = range(first, len(chronicle.visits))
    if not emitters:
        return None
    column_in = min(_WIDEST_IN, (PAGE_WIDTH_IN - _LEFT_IN - _RIGHT_IN) / len(visits))
    height_in = _ROW_IN * len(emitters)
    with figure_settings():
        figure = new_figure(PAGE_WIDTH_IN, height_in + _TOP_IN + _LEGEND_IN, synthetic=chronicle.synthetic)
        box = Box(left=_LEFT_IN, bottom=_LEGEND_IN, width=column_in * len(visits), height=height_in)
        axes = figure.add_axes(fraction(figure, box))
        for row, emitter in enumerate(emitters):
            _draw_row(axes, row, emitter.sights[first:])
        axes.set(xlim=(-0.5, len(visits) - 0.5), ylim=(len(emitters) - 0.5, -0.5))
        axes.set_yticks(range(len(emitters)), [_label(emitter) for emitter in emitters])
        axes.set_xticks(range(len(visits)), [visit_name(chronicle, visit) for visit in visits])
        axes.tick_params(axis="x", top=True, bottom=False, labeltop=True, labelbottom=False, length=2)
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="left", rotation_mode="anchor")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", color=BASELINE, lw=0.4, alpha=0.6)
        axes.set_axisbelow(True)
        axes.set_facecolor("none")
        _legend(figure, [sight for emitter in emitters for sight in emitter.sights[first:]])
        return figure


def _label(emitter: EmitterTold) -> str:
    return drawable(f"{emitter.id}  {emitter.center_freq_hz / 1e6:.3f} MHz")


def _draw_row(axes: Axes, row: int, sights: Sequence[Sight]) -> None:
    for column, sight in enumerate(sights):
        if sight.state in ("not_measured", "overloaded"):
            place = (column - 0.46, row - 0.42)
            axes.add_patch(Rectangle(place, 0.92, 0.84, **UNMEASURED_LOOK, zorder=1))
        else:
            axes.plot([column], [row], ls="none", zorder=3, **_mark(sight))
        before = sights[column - 1] if column else None
        if before is not None and before.is_heard and sight.is_heard:
            axes.plot([column - 1, column], [row, row], color=FRAME, lw=0.8, zorder=2)


def _mark(sight: Sight) -> dict[str, Any]:
    if sight.state == "not_heard":
        return _NOT_HEARD
    if sight.state == "power_there":
        return _POWER
    color, marker = THREAT.get(str(sight.threat), THREAT["info"])
    if sight.state == "unconfirmed":
        return {"marker": UNCONFIRMED[1], "mfc": "white", "mec": UNCONFIRMED[0], "mew": 0.8, "ms": 5.5}
    return {"marker": marker, "mfc": color, "mec": "white", "mew": 0.5, "ms": 6.5}


def _legend(figure: Figure, sights: Sequence[Sight]) -> None:
    found = {sight.threat if sight.threat in THREAT else "info" for sight in sights if sight.state == "seen"}
    states = {sight.state for sight in sights}
    marks: dict[str, Artist] = {
        f"found, threat {level}": Line2D([], [], ls="none", marker=style[1], mfc=style[0], mec="white", ms=6)
        for level, style in THREAT.items()
        if level in found
    }
    others: dict[str, Artist] = {}
    if "unconfirmed" in states:
        others["heard, not confirmed"] = Line2D([], [], ls="none", **_mark(Sight(state="unconfirmed")))
    if "power_there" in states:
        others["power there, not listed"] = Line2D([], [], ls="none", **_POWER)
    if "not_heard" in states:
        others["not heard"] = Line2D([], [], ls="none", **_NOT_HEARD)
    if states & {"not_measured", "overloaded"}:
        others["not measured"] = Patch(**UNMEASURED_LOOK)
    for entries, bottom_in in ((marks, 0.26), (others, 0.07)):
        if entries:
            legend_line(figure, entries, 0.1, bottom_in)
