"""Sheets: spectrum, difference and waterfall of a sweep above each other, in one or more rows of panels."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from dsp.errors import ParameterError
from reports.content import ReportContent
from reports.content.wording import count
from reports.figures.flags import Flags, choose_flags, draw_flags
from reports.figures.legends import Legend, make_legend
from reports.figures.panels import Box, Panel, add_panels, segment_rows
from reports.figures.style import INK, figure_settings, new_figure
from reports.figures.traces import draw_excess, draw_levels
from reports.figures.waterfalls import draw_waterfall
from reports.text import drawable
from sweep.units import format_hz

__all__ = ["LEFT_IN", "RIGHT_IN", "Heights", "draw_sheet"]

LEFT_IN, RIGHT_IN = 0.62, 0.14
_BAR_IN = 0.72
_TICKS_IN, _AXIS_IN, _LEAST_TITLE_IN = 0.34, 0.44, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Heights:
    """Inches: width of the figure, heights of its parts; 0 leaves one out."""

    width: float
    spectrum: float = 0.0
    difference: float = 0.0
    waterfall: float = 0.0
    title: float = 0.1

    @property
    def inner(self) -> float:
        """Width of the panels; to their right stands the colour bar, or the names of the last findings."""
        return self.width - LEFT_IN - RIGHT_IN - _BAR_IN

    @property
    def has_levels(self) -> bool:
        """Whether anything is drawn that has a level axis, with marks and a legend."""
        return bool(self.spectrum or self.difference)

    @property
    def row(self) -> float:
        """Height of a row of panels without the names above it."""
        parts = [part for part in (self.spectrum, self.difference, self.waterfall) if part]
        return sum(parts) + _TICKS_IN * (len(parts) - 1) + _AXIS_IN


def draw_sheet(content: ReportContent, range_hz: tuple[float, float] | None, sizes: Heights) -> Figure:
    """Draw what has a height.

    Raises
    ------
    ParameterError
        The record holds nothing within the range.
    """
    rows = segment_rows(content, range_hz)
    if not rows:
        raise ParameterError(_nothing_within(content, range_hz))
    with figure_settings():
        probes = [_probe(content, row, sizes) for row in rows]
        flags = [_flags(content, probe, sizes) for probe in probes]
        legend = _legend(content, probes, flags, sizes)
        heights = [sizes.row + (row.height_in if sizes.has_levels else 0.0) for row in flags]
        top_in = (legend.height_in if sizes.has_levels else 0.0) + sum(heights)
        figure = new_figure(sizes.width, top_in + sizes.title, synthetic=content.synthetic)
        if sizes.title > _LEAST_TITLE_IN:
            _draw_title(figure, content, top_in + sizes.title)
        for row, row_flags, height in zip(rows, flags, heights, strict=True):
            _draw_row(figure, content, (row, row_flags), top_in, sizes)
            top_in -= height
        legend.draw(figure, LEFT_IN)
        return figure


def _probe(content: ReportContent, row: list[slice], sizes: Heights) -> list[Panel]:
    """Panels of a row on a figure of the final width, before its height is known."""
    probe = new_figure(sizes.width, 1.0, synthetic=False)
    return add_panels(probe, Box(left=LEFT_IN, bottom=0.0, width=sizes.inner, height=1.0), content.layout, row)


def _flags(content: ReportContent, probe: list[Panel], sizes: Heights) -> Flags:
    """Labels of a row, placed."""
    if not sizes.has_levels:
        return Flags(findings=())
    return choose_flags(content, probe, left_in=0.1, right_in=sizes.width - 0.05)


def _legend(content: ReportContent, probes: list[list[Panel]], flags: list[Flags], sizes: Heights) -> Legend:
    if not sizes.has_levels:
        return Legend(lines=())
    return make_legend(
        content,
        [panel for probe in probes for panel in probe],
        width_in=sizes.width - LEFT_IN,
        n_unnamed=sum(len(row.findings) - len(row.labels) for row in flags),
        shown=(bool(sizes.spectrum), bool(sizes.difference)),
    )


def _draw_row(
    figure: Figure, content: ReportContent, drawn: tuple[list[slice], Flags], top_in: float, sizes: Heights
) -> None:
    """Draw one row of panels from the top down."""
    row, flags = drawn
    is_first = True
    if sizes.has_levels:
        top_in -= flags.height_in
    for height, draw, levels, label in (
        (sizes.spectrum, draw_levels, content.mean_dbfs, f"Level ({content.level_unit})"),
        (sizes.difference, draw_excess, content.excess_db, "Over baseline (dB)"),
    ):
        if not height:
            continue
        box = Box(left=LEFT_IN, bottom=top_in - height, width=sizes.inner, height=height)
        part = add_panels(figure, box, content.layout, row)
        draw(content, part)
        draw_flags(figure, content, flags, part, top_in=top_in if is_first else None, levels_db=levels)
        part[0].axes.set_ylabel(label)
        is_first = False
        top_in = box.bottom - _TICKS_IN
    if sizes.waterfall:
        box = Box(left=LEFT_IN, bottom=top_in - sizes.waterfall, width=sizes.inner, height=sizes.waterfall)
        bar = Box(left=box.left + box.width + 0.12, bottom=box.bottom, width=0.11, height=box.height)
        draw_waterfall(figure, content, add_panels(figure, box, content.layout, row), bar)
    _name_axis(figure, box)


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
    figure.text(LEFT_IN, top_in - 0.16, drawable(title), transform=place, fontsize=11, fontweight="bold", va="center")
    figure.text(LEFT_IN, top_in - 0.36, drawable(facts), transform=place, fontsize=7.5, va="center", color=INK)


def _nothing_within(content: ReportContent, range_hz: tuple[float, float] | None) -> str:
    freq_hz = content.layout.freq_hz
    if range_hz is None or not freq_hz.size:
        return f"{content.record_name}: the record holds no frequencies, so there is nothing to draw"
    asked, held = (" to ".join(format_hz(float(hz)) for hz in pair) for pair in (range_hz, (freq_hz[0], freq_hz[-1])))
    return f"{content.record_name} holds nothing within {asked}; choose a range within {held}"
