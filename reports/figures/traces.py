"""Levels drawn into panels: the sweep against its baseline, and one finding over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reports.content import LevelTrack, ReportContent
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
    TOLERATED,
    UNMEASURED_LOOK,
)
from reports.segments import envelope

__all__ = [
    "columns_of",
    "draw_excess",
    "draw_levels",
    "draw_share",
    "draw_track",
    "excess_limits",
    "level_limits",
    "time_unit",
]

_COLUMNS_PER_INCH = 130
_LEAST_EXCESS_DB, _DEEPEST_DB = 5.0, -30.0
_MOST_SHADES = 200


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
        _dress(content, panel, limits)
        _draw_baseline(content, panel, limits[0])
        if content.max_dbfs is not None:
            frequency, _, high = _thin(content, content.max_dbfs, panel)
            panel.axes.plot(frequency, high, color=PEAK, lw=0.5, zorder=2.2)
        frequency, low, high = _thin(content, content.mean_dbfs, panel)
        panel.axes.fill_between(frequency, low, high, color=SWEEP, alpha=0.35, lw=0, zorder=2.5)
        panel.axes.plot(frequency, high, color=SWEEP, lw=0.7, zorder=2.6)
        frequency, _, high = _thin(content, content.noise_floor_dbfs, panel)
        panel.axes.plot(frequency, high, color=FLOOR, lw=0.7, ls=(0, (1, 1.5)), zorder=2.7)


def excess_limits(content: ReportContent, segments: Sequence[slice]) -> tuple[float, float]:
    """Lowest and highest excess in dB that panels over these bins must show, on a grid of 5 dB."""
    if content.excess_db is None:
        return -_LEAST_EXCESS_DB, _LEAST_EXCESS_DB
    shown = np.concatenate([content.excess_db[bins] for bins in segments])
    shown = np.clip(shown[np.isfinite(shown)], _DEEPEST_DB, None)
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
    return min(5 * np.floor((low - 1) / 5), -_LEAST_EXCESS_DB), max(5 * np.ceil((high + 1) / 5), _LEAST_EXCESS_DB)


def draw_excess(content: ReportContent, panels: Sequence[Panel]) -> None:
    """Draw the excess over the baseline: what no bin by itself is listed for is light, what is over that is dark."""
    limits = excess_limits(content, [panel.bins for panel in panels])
    for panel in panels:
        _dress(content, panel, limits)
        panel.axes.axhline(0.0, color=BASELINE_EDGE, lw=0.6, zorder=1.8)
        if content.excess_db is None:
            continue
        frequency, low, high = _thin(content, content.excess_db, panel)
        panel.axes.fill_between(frequency, low, high, color=PEAK, lw=0, zorder=2)
        panel.axes.plot(frequency, high, color=PEAK, lw=0.6, zorder=2.1)
        if content.threshold_db is None:
            continue
        is_over = content.excess_db > content.threshold_db
        _, _, top = _thin(content, np.where(is_over, content.excess_db, np.nan), panel)
        _, _, over = _thin(content, np.where(is_over, content.threshold_db, np.nan), panel)
        panel.axes.vlines(frequency, np.fmin(over, top), top, color=SWEEP, lw=0.9, zorder=2.6)
        panel.axes.plot(
            frequency, _typical(content, content.threshold_db, panel), color=INK, lw=0.8, ls=DASHED, zorder=3
        )


def draw_share(content: ReportContent, panels: Sequence[Panel]) -> None:
    """Draw the occupancy of the channels into panels: that of the busiest one in each column, in percent."""
    for panel in panels:
        _dress(content, panel, (0.0, 105.0))
        panel.axes.set_yticks([0, 50, 100])
        if content.occupancy is not None:
            frequency, _, high = _thin(content, 100 * content.occupancy.share, panel)
            panel.axes.fill_between(frequency, 0, high, color=SWEEP, lw=0, step="mid", zorder=2)
            panel.axes.plot(frequency, high, color=SWEEP, lw=0.5, drawstyle="steps-mid", zorder=2)


def _dress(content: ReportContent, panel: Panel, limits: tuple[float, float]) -> None:
    panel.axes.set_ylim(*limits)
    panel.axes.grid(axis="y", color=BASELINE, lw=0.4, alpha=0.6)
    panel.axes.set_axisbelow(True)
    _shade_unmeasured(content, panel)


def _draw_baseline(content: ReportContent, panel: Panel, bottom: float) -> None:
    """What the room always had; above it, lighter, how much more of it is not listed yet."""
    if content.baseline_dbfs is None:
        return
    if content.threshold_db is not None:
        frequency, _, high = _thin(content, content.baseline_dbfs + content.threshold_db, panel)
        panel.axes.fill_between(frequency, bottom, high, color=TOLERATED, lw=0, zorder=1.4)
    frequency, _, high = _thin(content, content.baseline_dbfs, panel)
    panel.axes.fill_between(frequency, bottom, high, color=BASELINE, alpha=0.55, lw=0, zorder=1.5)
    panel.axes.plot(frequency, high, color=BASELINE_EDGE, lw=0.6, zorder=3)


def _thin(
    content: ReportContent, level: NDArray[np.floating], panel: Panel
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    frequency, shown = content.layout.freq_hz[panel.bins], level[panel.bins]
    n_columns = columns_of(panel)
    if is_overview(content.layout, shown.size, n_columns):
        shown = np.where(content.middles[panel.bins], np.nan, shown)
    center, low, high = envelope(frequency, shown, n_columns)
    center_mhz, low, high = _with_holes(content, center, (center / 1e6, low, high))
    return center_mhz, low, high


def _with_holes(
    content: ReportContent, center_hz: NDArray[np.float64], values: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Break lines where frequencies are left out."""
    usual = float(np.median(np.diff(center_hz))) if center_hz.size > 1 else 0.0
    holes = np.flatnonzero(np.diff(center_hz) > 1.5 * max(content.layout.bin_width_hz, usual))
    return [np.insert(one, holes + 1, np.nan) for one in values]


def _typical(content: ReportContent, level: NDArray[np.floating], panel: Panel) -> NDArray[np.float64]:
    """Median of each column that `_thin` has."""
    shown = np.asarray(level[panel.bins], np.float64)
    edges = np.linspace(0, shown.size, min(columns_of(panel), shown.size) + 1).astype(np.intp)
    width = int(np.diff(edges).max())
    index = np.minimum(edges[:-1, None] + np.arange(width), edges[1:, None] - 1)
    known = np.isfinite(shown[index])
    middle = np.full(edges.size - 1, np.nan)
    some = known.any(axis=1)
    middle[some] = np.nanmedian(shown[index[some]], axis=1)
    center, _, _ = envelope(content.layout.freq_hz[panel.bins], shown, columns_of(panel))
    return _with_holes(content, center, (middle,))[0]


def columns_of(panel: Panel) -> int:
    """Columns that levels in a panel are thinned to."""
    return max(2, int(panel.width_in * _COLUMNS_PER_INCH))


def _shade_unmeasured(content: ReportContent, panel: Panel) -> None:
    """Grey where nothing was measured, so that an empty stretch is not taken for a quiet one."""
    freq_hz, half_hz = content.layout.freq_hz[panel.bins], content.layout.bin_width_hz / 2
    unknown = np.isnan(content.mean_dbfs[panel.bins])
    turns = np.flatnonzero(np.diff(np.concatenate([[False], unknown, [False]])))
    runs = turns.reshape(-1, 2)
    for first, stop in runs[np.argsort(runs[:, 0] - runs[:, 1])][:_MOST_SHADES]:
        low, high = (freq_hz[first] - half_hz) / 1e6, (freq_hz[stop - 1] + half_hz) / 1e6
        panel.axes.axvspan(low, high, **UNMEASURED_LOOK, zorder=1)


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
