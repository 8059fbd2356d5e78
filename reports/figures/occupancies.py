"""Occupancy in the terms of ITU-R SM.1880: of every channel over frequency, and of bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from baselines.occupancy import THRESHOLD_DB, BandOccupancy
from reports.content import ReportContent
from reports.content.services import SERVICES
from reports.content.wording import count
from reports.figures.panels import Box, add_panels, fraction, segment_rows
from reports.figures.sheets import LEFT_IN, RIGHT_IN
from reports.figures.style import BASELINE, PAGE_WIDTH_IN, PEAK, SWEEP, UNMEASURED, figure_settings, new_figure
from reports.figures.traces import draw_share

__all__ = ["occupancy_by_band", "occupancy_figure"]

_CHANNELS_IN, _BAR_IN, _NAMES_IN, _TEXT_IN = 1.0, 0.2, 2.65, 1.75
_TICKS_IN, _AXIS_IN, _GAP_IN, _TOP_IN = 0.34, 0.44, 0.22, 0.1
_WHOLE = "All that was measured"


def occupancy_by_band(content: ReportContent) -> tuple[tuple[str, BandOccupancy], ...]:
    """Occupancy of all that was measured, and of each band of a service as far as it was."""
    if content.occupancy is None:
        return ()
    freq_hz = content.layout.freq_hz
    bands = [(_WHOLE, np.ones(freq_hz.size, bool))]
    bands += [(one.name, (freq_hz >= one.start_hz) & (freq_hz < one.stop_hz)) for one in SERVICES]
    told = [(name, content.occupancy.of(bins)) for name, bins in bands]
    return tuple((name, band) for name, band in told if band is not None)


def occupancy_figure(content: ReportContent) -> Figure | None:
    """Channel and band occupancy; None where it cannot be told."""
    bands, rows = occupancy_by_band(content), segment_rows(content)
    if not bands:
        return None
    row_in = _CHANNELS_IN + _TICKS_IN
    bars_in = _BAR_IN * len(bands)
    with figure_settings():
        height_in = _TOP_IN + row_in * len(rows) + _GAP_IN + bars_in + _AXIS_IN
        figure = new_figure(PAGE_WIDTH_IN, height_in, synthetic=content.synthetic)
        for index, row in enumerate(rows):
            bottom_in = height_in - _TOP_IN - row_in * index - _CHANNELS_IN
            width_in = PAGE_WIDTH_IN - LEFT_IN - RIGHT_IN
            panels = add_panels(
                figure, Box(left=LEFT_IN, bottom=bottom_in, width=width_in, height=_CHANNELS_IN), content.layout, row
            )
            draw_share(content, panels)
            panels[0].axes.set_ylabel("In use (%)")
        center_in = LEFT_IN + (PAGE_WIDTH_IN - LEFT_IN - RIGHT_IN) / 2
        figure.text(center_in, bottom_in - 0.3, "Frequency (MHz)", transform=figure.dpi_scale_trans, ha="center")
        width_in = PAGE_WIDTH_IN - _NAMES_IN - _TEXT_IN
        bars = figure.add_axes(fraction(figure, Box(left=_NAMES_IN, bottom=_AXIS_IN, width=width_in, height=bars_in)))
        _draw_bars(bars, bands)
        return figure


def _draw_bars(axes: Axes, bands: tuple[tuple[str, BandOccupancy], ...]) -> None:
    shares = [100 * band.share for _, band in bands]
    ever = [100 * band.ever for _, band in bands]
    rows = range(len(bands))
    axes.barh(rows, ever, height=0.62, color=UNMEASURED, edgecolor=BASELINE, lw=0.5, zorder=1)
    axes.barh(rows, shares, height=0.62, color=[SWEEP, *[PEAK] * (len(bands) - 1)], zorder=2)
    axes.set_yticks(rows, [name for name, _ in bands])
    axes.set(ylim=(len(bands) - 0.4, -0.6), xlim=(0, min(100.0, max(5.0, 1.08 * max(ever)))))
    axes.set_xlabel(f"Band occupancy (%), {THRESHOLD_DB:g} dB over the noise; outline: channels ever in use")
    axes.tick_params(axis="y", length=0)
    axes.set_facecolor("none")
    for row, (_, band) in enumerate(bands):
        said = f"{100 * band.share:.1f} %   ({100 * band.ever:.1f} %)   {count(band.n_samples, 'sample')}"
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(said, (1, row), xytext=(5, 0), va="center", fontsize=6.8, **place)
