"""Timeline of a visit: its steps, and below them this sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from reports.content import ReportContent
from reports.content.timeline import Happening, finding_levels, sweep_times, visit_times
from reports.figures.legends import legend_line
from reports.figures.panels import Box, fraction
from reports.figures.style import (
    BASELINE,
    BASELINE_EDGE,
    GAP,
    INK,
    PAGE_WIDTH_IN,
    PEAK,
    SWEEP,
    UNMEASURED_LOOK,
    figure_settings,
    new_figure,
    shortened,
)
from reports.figures.traces import time_unit
from reports.text import drawable
from sweep.units import parse_utc

__all__ = ["timeline_figure"]

_LEFT_IN, _RIGHT_IN, _TOP_IN, _BETWEEN_IN, _AXIS_IN, _LEGEND_IN = 1.62, 0.86, 0.1, 0.5, 0.42, 0.3
_ROW_IN, _MOST_FINDINGS, _MOST_CELLS, _LEAST_SHARE = 0.18, 24, 1200, 1 / 400
_MOST_LETTERS = 26
_THIS_SWEEP: dict[str, Any] = {"color": SWEEP, "alpha": 0.25, "lw": 0}
_LOST: dict[str, Any] = {"ls": "none", "marker": "x", "color": GAP, "ms": 4.5, "mew": 1.2}
_LANES = (("passes", "pass"), ("stays", "stay"), ("gaps", "gap"))


def timeline_figure(content: ReportContent) -> Figure | None:
    """Steps of the visit, and below them this sweep; None where no pass was recorded."""
    steps, times = visit_times(content), sweep_times(content)
    if content.passes.begun_ns is None:
        return None
    findings = content.findings[:_MOST_FINDINGS]
    lanes = [name for name, kind in _LANES if any(one.kind == kind for one in times)]
    steps_in = _ROW_IN * len(steps) + _BETWEEN_IN if steps else 0.0
    sweep_in = _ROW_IN * (len(lanes) + len(findings))
    with figure_settings():
        height_in = _TOP_IN + steps_in + sweep_in + _AXIS_IN + _LEGEND_IN
        figure = new_figure(PAGE_WIDTH_IN, height_in, synthetic=content.synthetic)
        width_in = PAGE_WIDTH_IN - _LEFT_IN - _RIGHT_IN
        if steps:
            bottom_in = height_in - _TOP_IN - _ROW_IN * len(steps)
            box = Box(left=_LEFT_IN, bottom=bottom_in, width=width_in, height=_ROW_IN * len(steps))
            _draw_steps(figure.add_axes(fraction(figure, box)), content, steps)
        box = Box(left=_LEFT_IN, bottom=_AXIS_IN + _LEGEND_IN, width=width_in, height=sweep_in)
        axes = figure.add_axes(fraction(figure, box))
        norm = _draw_sweep(axes, content, times, lanes)
        if norm is not None:
            bar = Box(left=_LEFT_IN + width_in + 0.12, bottom=box.bottom, width=0.11, height=max(box.height, 0.8))
            scale = figure.add_axes(fraction(figure, bar))
            figure.colorbar(ScalarMappable(norm, "viridis"), cax=scale, label=f"Level ({content.level_unit})")
        legend_line(figure, _entries(times, steps, is_within=_within_visit(content, steps) is not None), _LEFT_IN, 0.09)
        return figure


def _draw_steps(axes: Axes, content: ReportContent, steps: Sequence[Happening]) -> None:
    unit_s, unit = time_unit(max(step.stop_s for step in steps))
    for row, step in enumerate(steps):
        looks: dict[str, Any] = {"facecolor": PEAK} if step.state == "done" else {"facecolor": "white", "hatch": "////"}
        bar = (step.start_s / unit_s, (step.stop_s - step.start_s) / unit_s)
        axes.broken_barh([bar], (row - 0.28, 0.56), edgecolor=BASELINE_EDGE, lw=0.5, **looks)
        if step.state != "done":
            axes.plot([bar[0] + bar[1]], [row], marker="o", ms=3.6, mfc="white", mec=BASELINE_EDGE, clip_on=False)
    span = _within_visit(content, steps)
    if span is not None:
        axes.axvspan(span[0] / unit_s, span[1] / unit_s, **_THIS_SWEEP, zorder=0)
    axes.set_yticks(range(len(steps)), [drawable(shortened(step.name, _MOST_LETTERS)) for step in steps])
    axes.set(ylim=(len(steps) - 0.45, -0.55), xlabel=f"Time since the visit was begun ({unit})")
    axes.set_xlim(0, 1.02 * max(1.0, *(step.stop_s for step in steps)) / unit_s)
    _dress(axes)


def _within_visit(content: ReportContent, steps: Sequence[Happening]) -> tuple[float, float] | None:
    """Begin and end of this sweep in seconds after the visit was begun; None on a clock that is not that of the log.

    A replay, or a sweep of a simulated room, has times of its own.
    """
    if content.visit is None or not steps:
        return None
    begun_ns, start_ns = parse_utc(content.visit.begun), parse_utc(str(content.start["start_time"]))
    end_ns = start_ns if content.end_time is None else parse_utc(content.end_time)
    span = (start_ns - begun_ns) / 1e9, (end_ns - begun_ns) / 1e9
    return span if span[0] >= 0 and span[1] <= steps[-1].stop_s else None


def _draw_sweep(
    axes: Axes, content: ReportContent, times: Sequence[Happening], lanes: Sequence[str]
) -> Normalize | None:
    """Draw the lanes and the findings; gives the scale of their levels."""
    span_s = max(1e-3, *(one.stop_s for one in times))
    unit_s, unit = time_unit(span_s)
    for row, lane in enumerate(lanes):
        kind = dict(_LANES)[lane]
        spans = np.array([(one.start_s, one.stop_s) for one in times if one.kind == kind]) / unit_s
        _draw_lane(axes, row, kind, spans, _LEAST_SHARE * span_s / unit_s)
    findings = content.findings[:_MOST_FINDINGS]
    told = [finding_levels(content, finding) for finding in findings]
    known = np.concatenate([level[np.isfinite(level)] for _, level in told]) if told else np.empty(0)
    norm = Normalize(float(known.min()), float(max(known.max(), known.min() + 10))) if known.size else None
    for row, (cells_s, level) in enumerate(told, len(lanes)):
        _draw_cells(axes, row, _widened(cells_s / unit_s, _LEAST_SHARE * span_s / unit_s), level, norm)
    names = [f"{finding['id']}  {float(finding['center_freq_hz']) / 1e6:.3f} MHz" for finding in findings]
    axes.set_yticks(range(len(lanes) + len(names)), [*lanes, *map(drawable, names)])
    axes.set(ylim=(len(lanes) + len(names) - 0.45, -0.55), xlabel=f"Time since the first pass ({unit})")
    axes.set_xlim(min(0.0, *(one.start_s / unit_s for one in times)), 1.01 * span_s / unit_s)
    _dress(axes)
    return norm


def _draw_lane(axes: Axes, row: int, kind: str, spans: NDArray[np.float64], least: float) -> None:
    if kind == "gap":
        axes.plot(spans[:, 0], np.full(len(spans), row), clip_on=False, **_LOST)
        return
    colors = (SWEEP, PEAK) if kind == "pass" else (INK,)
    bars = _widened(spans, least)
    for first, color in enumerate(colors):
        mine = bars[first :: len(colors)]
        axes.broken_barh(list(zip(mine[:, 0], np.diff(mine)[:, 0], strict=True)), (row - 0.28, 0.56), color=color, lw=0)


def _draw_cells(
    axes: Axes, row: int, cells: NDArray[np.float64], level: NDArray[np.float64], norm: Normalize | None
) -> None:
    """Level in each pass and stay; of more than a drawing can show, the highest of several."""
    step = max(1, -(-len(cells) // _MOST_CELLS))
    for first in range(0, len(cells), step):
        group, shown = cells[first : first + step], level[first : first + step]
        known = shown[np.isfinite(shown)]
        looks = UNMEASURED_LOOK
        if norm is not None and known.size:
            looks = {"color": colormaps["viridis"](norm(float(known.max()))), "lw": 0}
        axes.broken_barh([(group[0, 0], group[-1, 1] - group[0, 0])], (row - 0.4, 0.8), **looks)


def _widened(spans: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Spans, each long enough to be seen."""
    return np.column_stack([spans[:, 0], np.maximum(spans[:, 1], spans[:, 0] + least)])


def _dress(axes: Axes) -> None:
    axes.tick_params(axis="y", length=0)
    axes.set_facecolor("none")
    axes.grid(axis="x", color=BASELINE, lw=0.4, alpha=0.6)
    axes.set_axisbelow(True)


def _entries(times: Sequence[Happening], steps: Sequence[Happening], *, is_within: bool) -> dict[str, Artist]:
    entries: dict[str, Artist] = {}
    if any(step.state == "done" for step in steps):
        entries["step, from the end of the one before"] = Patch(facecolor=PEAK, edgecolor=BASELINE_EDGE, lw=0.5)
    if any(step.state != "done" for step in steps):
        entries["left out"] = Line2D([], [], ls="none", marker="o", ms=3.6, mfc="white", mec=BASELINE_EDGE)
    if is_within:
        entries["this sweep"] = Patch(**_THIS_SWEEP)
    if any(one.kind == "gap" for one in times):
        entries["something was lost"] = Line2D([], [], **_LOST)
    return entries
