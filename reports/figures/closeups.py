"""One figure for each finding: its surroundings, and its level over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.content import ReportContent
from reports.figures.flags import threat_style
from reports.figures.panels import Box, add_panels, fraction, segment_rows
from reports.figures.sheets import LEFT_IN, RIGHT_IN
from reports.figures.style import PAGE_WIDTH_IN, figure_settings, new_figure
from reports.figures.traces import draw_levels, draw_track, level_limits

__all__ = ["finding_figure"]

_AXIS_IN = 0.44


def finding_figure(content: ReportContent, finding: Mapping[str, Any]) -> Figure:
    """Surroundings of one finding against the baseline, and the level of its strongest bin in every pass."""
    height_in, color = 1.7, threat_style(finding)[0]
    center_hz, half_hz = float(finding["center_freq_hz"]), _half_width_hz(content, finding)
    with figure_settings():
        figure = new_figure(PAGE_WIDTH_IN, height_in, synthetic=content.synthetic)
        track = content.tracks.get(str(finding["id"]))
        has_track = track is not None and track.time_s.size > 1 and np.isfinite(track.mean_dbfs).any()
        width_in = 3.4 if has_track else PAGE_WIDTH_IN - LEFT_IN - RIGHT_IN
        box = Box(left=LEFT_IN, bottom=_AXIS_IN, width=width_in, height=height_in - _AXIS_IN - 0.14)
        bins = _surroundings(content, center_hz, half_hz)
        (panel,) = add_panels(figure, box, content.layout, [bins])
        draw_levels(content, [panel])
        panel.axes.axvspan((center_hz - half_hz) / 1e6, (center_hz + half_hz) / 1e6, color=color, alpha=0.2, lw=0)
        panel.axes.set(xlabel="Frequency (MHz)", ylabel=f"Level ({content.level_unit})")
        if track is not None and has_track:
            place = Box(left=4.5, bottom=box.bottom, width=PAGE_WIDTH_IN - RIGHT_IN - 4.5, height=box.height)
            draw_track(figure.add_axes(fraction(figure, place)), track, level_limits(content, [bins]))
        return figure


def _half_width_hz(content: ReportContent, finding: Mapping[str, Any]) -> float:
    return max(float(finding.get("occupied_bw_hz") or 0.0), content.layout.bin_width_hz) / 2


def _surroundings(content: ReportContent, center_hz: float, half_hz: float) -> slice:
    """Bins around a finding, five times its bandwidth to each side, within its contiguous range."""
    layout = content.layout
    reach_hz = max(10 * half_hz, 40 * layout.bin_width_hz)
    inside = [bins for row in segment_rows(content) for bins in row]
    home = min(inside, key=lambda bins: _distance(center_hz, layout.freq_hz[bins]))
    first, last = np.searchsorted(layout.freq_hz, (center_hz - reach_hz, center_hz + reach_hz))
    first = min(max(int(first), home.start), home.stop - 1)
    return slice(first, min(max(int(last), first + 1), home.stop))


def _distance(center_hz: float, freq_hz: NDArray[np.float64]) -> float:
    return max(float(freq_hz[0]) - center_hz, center_hz - float(freq_hz[-1]), 0.0)
