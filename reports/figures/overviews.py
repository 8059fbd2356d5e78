"""Figures of a sweep: spectrum against baseline, waterfall, and one figure for each finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record, waterfall_within
from reports.content.wording import count
from reports.figures.flags import Flags, choose_flags, draw_flags, threat_style
from reports.figures.panels import Box, Panel, add_panels, fraction, segment_rows
from reports.figures.style import INK, figure_bytes, figure_settings, new_figure
from reports.figures.traces import draw_legend, draw_levels, draw_track, level_limits
from reports.figures.waterfalls import draw_waterfall
from reports.files import write_bytes
from reports.text import drawable
from sweep.record import SweepRecord
from sweep.units import format_hz

__all__ = ["finding_figure", "save_plot", "spectrum_figure", "sweep_figure", "waterfall_figure"]

_LEFT_IN, _RIGHT_IN, _BAR_IN = 0.62, 0.14, 0.72
_TICKS_IN, _AXIS_IN, _LEGEND_IN = 0.34, 0.44, 0.44
_PAGE_WIDTH_IN = 6.9
_KINDS = frozenset({"pdf", "png", "svg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """Inches: width of the figure, heights of a spectrum and of a waterfall; 0 leaves one out."""

    width: float
    spectrum: float
    waterfall: float
    title: float = 0.1

    @property
    def inner(self) -> float:
        """Width of the panels; to their right stands the colour bar, or the names of the last findings."""
        return self.width - _LEFT_IN - _RIGHT_IN - _BAR_IN

    @property
    def row(self) -> float:
        ticks_between = _TICKS_IN if self.spectrum and self.waterfall else 0.0
        return self.spectrum + ticks_between + self.waterfall + _AXIS_IN


def spectrum_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure:
    """Spectrum of a sweep against the baseline of its room, with the findings marked and named.

    Parameters
    ----------
    content : ReportContent
    range_hz : (start, stop), optional
        Show only these frequencies, in Hz; by default all of the record.

    Raises
    ------
    ParameterError
        The record holds nothing within the range.
    """
    return _stack(content, range_hz, _Sizes(width=_PAGE_WIDTH_IN, spectrum=2.4, waterfall=0.0))


def waterfall_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure:
    """Level over time and frequency. Parameters and errors as for ``spectrum_figure``."""
    return _stack(content, range_hz, _Sizes(width=_PAGE_WIDTH_IN, spectrum=0.0, waterfall=2.1, title=0.14))


def sweep_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure:
    """Spectrum and waterfall in one picture with a title. Parameters and errors as for ``spectrum_figure``."""
    return _stack(content, range_hz, _Sizes(width=11.0, spectrum=3.5, waterfall=2.5, title=0.5))


def finding_figure(content: ReportContent, finding: Mapping[str, Any]) -> Figure:
    """Surroundings of one finding against the baseline, and the level of its strongest bin in every pass."""
    height_in, color = 1.7, threat_style(finding)[0]
    center_hz, half_hz = float(finding["center_freq_hz"]), _half_width_hz(content, finding)
    with figure_settings():
        figure = new_figure(_PAGE_WIDTH_IN, height_in, synthetic=content.synthetic)
        track = content.tracks.get(str(finding["id"]))
        has_track = track is not None and track.time_s.size > 1 and np.isfinite(track.mean_dbfs).any()
        width_in = 3.4 if has_track else _PAGE_WIDTH_IN - _LEFT_IN - _RIGHT_IN
        box = Box(left=_LEFT_IN, bottom=_AXIS_IN, width=width_in, height=height_in - _AXIS_IN - 0.14)
        bins = _surroundings(content, center_hz, half_hz)
        (panel,) = add_panels(figure, box, content.layout, [bins])
        draw_levels(content, [panel])
        panel.axes.axvspan((center_hz - half_hz) / 1e6, (center_hz + half_hz) / 1e6, color=color, alpha=0.2, lw=0)
        panel.axes.set(xlabel="Frequency (MHz)", ylabel=f"Level ({content.level_unit})")
        if track is not None and has_track:
            place = Box(left=4.5, bottom=box.bottom, width=_PAGE_WIDTH_IN - _RIGHT_IN - 4.5, height=box.height)
            draw_track(figure.add_axes(fraction(figure, place)), track, level_limits(content, [bins]))
        return figure


def save_plot(record: SweepRecord, path: Path, range_hz: tuple[float, float] | None = None) -> None:
    """Draw spectrum and waterfall of a record into a file: PNG, SVG or PDF by the end of its name.

    Raises
    ------
    ParameterError
        The record holds no pass, nothing within the range, the folder does not exist, or the name has another ending.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in _KINDS:
        raise ParameterError(f"{path}: a plot is written as .png, .svg or .pdf; end the name in one of these")
    if not record.n_rows:
        raise ParameterError(f"{record.path}: no pass was recorded, so there is nothing to draw")
    content = from_record(record)
    if range_hz is not None:
        content = replace(content, waterfall=waterfall_within(record, range_hz, content.emissions))
    write_bytes(figure_bytes(sweep_figure(content, range_hz), kind), path)


def _stack(content: ReportContent, range_hz: tuple[float, float] | None, sizes: _Sizes) -> Figure:
    rows = segment_rows(content, range_hz)
    if not rows:
        raise ParameterError(_nothing_within(content, range_hz))
    with figure_settings():
        flags = [_flags(content, row, sizes) if sizes.spectrum else Flags(findings=()) for row in rows]
        heights = [sizes.row + (row.height_in if sizes.spectrum else 0.0) for row in flags]
        legend_in = _LEGEND_IN if sizes.spectrum else 0.0
        top_in = legend_in + sum(heights)
        figure = new_figure(sizes.width, top_in + sizes.title, synthetic=content.synthetic)
        if sizes.title > _LEGEND_IN:
            _draw_title(figure, content, top_in + sizes.title)
        panels: list[Panel] = []
        for row, row_flags, height in zip(rows, flags, heights, strict=True):
            panels += _draw_row(figure, content, (row, row_flags), top_in, sizes)
            top_in -= height
        if sizes.spectrum:
            n_unnamed = sum(len(row.findings) - len(row.labels) for row in flags)
            draw_legend(figure, content, panels, left_in=_LEFT_IN, bottom_in=0.09, n_unnamed=n_unnamed)
        return figure


def _flags(content: ReportContent, row: list[slice], sizes: _Sizes) -> Flags:
    """Labels of a row, placed on a figure of the final width before its height is known."""
    probe = new_figure(sizes.width, 1.0, synthetic=False)
    box = Box(left=_LEFT_IN, bottom=0.0, width=sizes.inner, height=1.0)
    panels = add_panels(probe, box, content.layout, row)
    return choose_flags(content, panels, left_in=0.1, right_in=sizes.width - 0.05)


def _draw_row(
    figure: Figure, content: ReportContent, drawn: tuple[list[slice], Flags], top_in: float, sizes: _Sizes
) -> list[Panel]:
    """Draw one row of panels from the top down; gives those of the spectrum."""
    row, flags = drawn
    panels: list[Panel] = []
    if sizes.spectrum:
        top_in -= flags.height_in
        box = Box(left=_LEFT_IN, bottom=top_in - sizes.spectrum, width=sizes.inner, height=sizes.spectrum)
        panels = add_panels(figure, box, content.layout, row)
        draw_levels(content, panels)
        draw_flags(figure, content, flags, panels, top_in)
        panels[0].axes.set_ylabel(f"Level ({content.level_unit})")
        top_in = box.bottom - _TICKS_IN
    if sizes.waterfall:
        box = Box(left=_LEFT_IN, bottom=top_in - sizes.waterfall, width=sizes.inner, height=sizes.waterfall)
        bar = Box(left=box.left + box.width + 0.12, bottom=box.bottom, width=0.11, height=box.height)
        draw_waterfall(figure, content, add_panels(figure, box, content.layout, row), bar)
    _name_axis(figure, box)
    return panels


def _name_axis(figure: Figure, box: Box) -> None:
    center_in = box.left + box.width / 2
    place = figure.dpi_scale_trans
    figure.text(center_in, box.bottom - 0.36, "Frequency (MHz)", transform=place, ha="center", va="center")


def _draw_title(figure: Figure, content: ReportContent, top_in: float) -> None:
    room, start = content.start.get("room"), str(content.start.get("start_time") or "")[:19].replace("T", " ")
    title = f"Radio sweep of {room}" if room else "Radio sweep"
    where = f", position {content.start['position']}" if content.start.get("position") else ""
    facts = f"{start} UTC{where}, {count(content.n_rows, 'pass', 'passes')}, record {content.record_name}"
    place = figure.dpi_scale_trans
    figure.text(_LEFT_IN, top_in - 0.16, drawable(title), transform=place, fontsize=11, fontweight="bold", va="center")
    figure.text(_LEFT_IN, top_in - 0.36, drawable(facts), transform=place, fontsize=7.5, va="center", color=INK)


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


def _nothing_within(content: ReportContent, range_hz: tuple[float, float] | None) -> str:
    freq_hz = content.layout.freq_hz
    if range_hz is None or not freq_hz.size:
        return f"{content.record_name}: the record holds no frequencies, so there is nothing to draw"
    asked, held = (" to ".join(format_hz(float(hz)) for hz in pair) for pair in (range_hz, (freq_hz[0], freq_hz[-1])))
    return f"{content.record_name} holds nothing within {asked}; choose a range within {held}"
