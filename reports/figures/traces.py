"""Levels drawn into panels: the sweep against its baseline, and one finding over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from reports.content import LevelTrack, ReportContent
from reports.figures.flags import threat_style
from reports.figures.middles import is_overview
from reports.figures.panels import Panel
from reports.figures.style import BASELINE, BASELINE_EDGE, FLOOR, PEAK, SWEEP, THREAT, UNCONFIRMED, UNMEASURED
from reports.segments import envelope

__all__ = ["LEGEND_LINE_IN", "draw_legend", "draw_levels", "draw_track", "level_limits", "time_unit"]

_COLUMNS_PER_INCH = 130
_MOST_SHADES = 200
LEGEND_LINE_IN = 0.17


def level_limits(content: ReportContent, segments: Sequence[slice]) -> tuple[float, float]:
    """Lowest and highest level in dBFS that panels over these bins must show, on a grid of 5 dB."""
    lows, highs = [], []
    for bins in segments:
        for level in (content.mean_dbfs, content.max_dbfs, content.baseline_dbfs):
            if level is not None and np.isfinite(level[bins]).any():
                lows.append(float(np.nanpercentile(level[bins], 0.5)))
                highs.append(float(np.nanmax(level[bins])))
    if not lows:
        return -100.0, 0.0
    return 5 * np.floor((min(lows) - 3) / 5), 5 * np.ceil((max(highs) + 3) / 5)


def draw_levels(content: ReportContent, panels: Sequence[Panel]) -> None:
    """Draw baseline, noise floor, maxima and mean into panels that share one level axis."""
    limits = level_limits(content, [panel.bins for panel in panels])
    for panel in panels:
        panel.axes.set_ylim(*limits)
        panel.axes.grid(axis="y", color=BASELINE, lw=0.4, alpha=0.6)
        panel.axes.set_axisbelow(True)
        _shade_unmeasured(content, panel)
        _draw_baseline(content, panel, limits[0])
        if content.max_dbfs is not None:
            frequency, _, high = _thin(content, content.max_dbfs, panel)
            panel.axes.plot(frequency, high, color=PEAK, lw=0.5, zorder=2.2)
        frequency, low, high = _thin(content, content.mean_dbfs, panel)
        panel.axes.fill_between(frequency, low, high, color=SWEEP, alpha=0.35, lw=0, zorder=2.5)
        panel.axes.plot(frequency, high, color=SWEEP, lw=0.7, zorder=2.6)
        frequency, _, high = _thin(content, content.noise_floor_dbfs, panel)
        panel.axes.plot(frequency, high, color=FLOOR, lw=0.7, ls=(0, (1, 1.5)), zorder=2.7)


def _draw_baseline(content: ReportContent, panel: Panel, bottom: float) -> None:
    if content.baseline_dbfs is None:
        return
    frequency, _, high = _thin(content, content.baseline_dbfs, panel)
    panel.axes.fill_between(frequency, bottom, high, color=BASELINE, alpha=0.55, lw=0, zorder=1.5)
    panel.axes.plot(frequency, high, color=BASELINE_EDGE, lw=0.6, zorder=3)


def _thin(
    content: ReportContent, level: NDArray[np.floating], panel: Panel
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    frequency, shown = content.layout.freq_hz[panel.bins], level[panel.bins]
    n_columns = _columns(panel)
    if is_overview(content.layout, shown.size, n_columns):
        shown = np.where(content.middles[panel.bins], np.nan, shown)
    center, low, high = envelope(frequency, shown, n_columns)
    holes = np.flatnonzero(np.diff(center) > 1.5 * max(content.layout.bin_width_hz, float(np.median(np.diff(center)))))
    return tuple(np.insert(a, holes + 1, np.nan) for a in (center / 1e6, low, high))  # type: ignore[return-value]


def _columns(panel: Panel) -> int:
    return max(2, int(panel.width_in * _COLUMNS_PER_INCH))


def _shade_unmeasured(content: ReportContent, panel: Panel) -> None:
    """Grey where nothing was measured, so that an empty stretch is not taken for a quiet one."""
    freq_hz, half_hz = content.layout.freq_hz[panel.bins], content.layout.bin_width_hz / 2
    unknown = np.isnan(content.mean_dbfs[panel.bins])
    turns = np.flatnonzero(np.diff(np.concatenate([[False], unknown, [False]])))
    runs = turns.reshape(-1, 2)
    for first, stop in runs[np.argsort(runs[:, 0] - runs[:, 1])][:_MOST_SHADES]:
        low, high = (freq_hz[first] - half_hz) / 1e6, (freq_hz[stop - 1] + half_hz) / 1e6
        panel.axes.axvspan(low, high, color=UNMEASURED, lw=0, zorder=1)


def draw_legend(
    figure: Figure,
    content: ReportContent,
    panels: Sequence[Panel],
    *,
    left_in: float,
    bottom_in: float,
    n_unnamed: int = 0,
) -> None:
    """Explain what is drawn, below the panels: traces, and under them the marks; only what is there is named."""
    traces: dict[str, Artist] = {"this sweep, mean": Line2D([], [], color=SWEEP, lw=1.2)}
    if content.max_dbfs is not None:
        traces["this sweep, highest"] = Line2D([], [], color=PEAK, lw=1.0)
    if content.baseline_dbfs is not None:
        traces["baseline"] = Patch(facecolor=BASELINE, edgecolor=BASELINE_EDGE, lw=0.6)
    if np.isfinite(content.noise_floor_dbfs).any():
        traces["noise floor"] = Line2D([], [], color=FLOOR, lw=1.0, ls=(0, (1, 1.5)))
    if np.isnan(content.mean_dbfs).any() or np.isnan(content.waterfall.level_dbfs).any():
        traces["not measured"] = Patch(facecolor=UNMEASURED, edgecolor="none")
    if any(is_overview(content.layout, panel.bins.stop - panel.bins.start, _columns(panel)) for panel in panels):
        traces["(middles of hops left out)"] = Line2D([], [], ls="none")
    seen = {threat_style(finding) for finding in content.findings}
    marks: dict[str, Artist] = {
        f"finding, threat {level}": Line2D([], [], ls="none", marker=style[1], mfc=style[0], mec="white", ms=5)
        for level, style in THREAT.items()
        if style in seen
    }
    if content.unconfirmed:
        color, marker = UNCONFIRMED
        marks["not confirmed"] = Line2D([], [], ls="none", marker=marker, mfc="white", mec=color, mew=0.6, ms=5)
    if n_unnamed:
        marks[f"({n_unnamed} more marked without a name)"] = Line2D([], [], ls="none")
    for entries, height_in in ((traces, bottom_in + LEGEND_LINE_IN), (marks, bottom_in)):
        if entries:
            _legend_line(figure, entries, left_in, height_in)


def _legend_line(figure: Figure, entries: dict[str, Artist], left_in: float, bottom_in: float) -> None:
    width, height = figure.get_size_inches()
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="lower left",
        bbox_to_anchor=(left_in / width, bottom_in / height),
        ncols=len(entries),
        frameon=False,
        fontsize=7,
        handlelength=1.5,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )


def time_unit(span_s: float) -> tuple[float, str]:
    """Seconds in the unit that suits a span of time, and its symbol.

    Examples
    --------
    >>> time_unit(30.0), time_unit(5000.0)
    ((1.0, 's'), (60.0, 'min'))
    """
    if span_s > 3 * 3600:
        return 3600.0, "h"
    return (60.0, "min") if span_s > 300 else (1.0, "s")


def draw_track(axes: Axes, track: LevelTrack, limits: tuple[float, float]) -> None:
    """Draw the level of a finding in every pass."""
    unit_s, unit = time_unit(float(np.ptp(track.time_s)) if track.time_s.size else 0.0)
    time = track.time_s / unit_s
    if np.isfinite(track.max_dbfs).any():
        axes.plot(time, track.max_dbfs, color=PEAK, lw=0.6, marker="o", ms=2.0, zorder=2)
    axes.plot(time, track.mean_dbfs, color=SWEEP, lw=0.9, marker="o", ms=2.6, zorder=3)
    axes.set_ylim(*limits)
    axes.grid(axis="y", color=BASELINE, lw=0.4, alpha=0.6)
    axes.set_facecolor("none")
    axes.set_xlabel(f"Time since start ({unit})")
