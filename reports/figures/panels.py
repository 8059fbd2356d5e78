"""Axes side by side, one for each contiguous range of frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.content import ReportContent
from reports.segments import contiguous_slices
from sweep.plan import Layout

__all__ = ["Box", "Panel", "add_panels", "fraction", "segment_rows"]

_MAX_PANELS, _PER_ROW = 15, 5
_GAP_IN, _EDGE_IN = 0.13, 0.12
_TICK_IN = 0.42
"""Room that one tick label of a frequency axis needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of a figure in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Axes over the bins ``bins`` of the layout; ``left_in`` and ``width_in`` are its place in the figure."""

    axes: Axes
    bins: slice
    start_hz: float
    stop_hz: float
    left_in: float
    width_in: float

    def x_in(self, freq_hz: float) -> float:
        """Horizontal place of a frequency in the figure, in inches."""
        return self.left_in + self.width_in * (freq_hz - self.start_hz) / (self.stop_hz - self.start_hz)


def segment_rows(content: ReportContent, range_hz: tuple[float, float] | None = None) -> list[list[slice]]:
    """Contiguous ranges of bins, a few to a row; a comb of too many becomes one range with holes.

    A range of frequencies outside the record gives an empty list.
    """
    layout = content.layout
    first, stop = 0, layout.n_bins
    if range_hz is not None:
        low, high = np.searchsorted(layout.freq_hz, range_hz)
        first, stop = int(low), int(high)
    parts = contiguous_slices(layout.freq_hz[first:stop], layout.bin_width_hz)
    slices = [slice(first + part.start, first + part.stop) for part in parts]
    if len(slices) > _MAX_PANELS:
        return [[slice(first, stop)]]
    n_rows = -(-len(slices) // _PER_ROW)
    per_row = -(-len(slices) // max(1, n_rows))
    return [slices[k : k + per_row] for k in range(0, len(slices), max(1, per_row))]


def add_panels(figure: Figure, box: Box, layout: Layout, segments: Sequence[slice]) -> list[Panel]:
    """Fill a box with axes; a wide range gets more room than a narrow one, but by less than its width says."""
    spans = [_span(layout, bins) for bins in segments]
    weights = np.sqrt([stop - start for start, stop in spans])
    weights = np.maximum(weights / weights.sum(), 0.6 / len(spans))
    widths = weights / weights.sum() * (box.width - _GAP_IN * (len(spans) - 1))
    panels: list[Panel] = []
    left = box.left
    for bins, (start, stop), width in zip(segments, spans, widths, strict=True):
        axes = figure.add_axes(fraction(figure, Box(left=left, bottom=box.bottom, width=width, height=box.height)))
        panel = Panel(axes=axes, bins=bins, start_hz=start, stop_hz=stop, left_in=left, width_in=float(width))
        _dress(panel, is_first=not panels, is_last=len(panels) == len(spans) - 1)
        panels.append(panel)
        left += float(width) + _GAP_IN
    return panels


def fraction(figure: Figure, box: Box) -> tuple[float, float, float, float]:
    """Express a box in parts of its figure, as matplotlib wants it."""
    width, height = figure.get_size_inches()
    return box.left / width, box.bottom / height, box.width / width, box.height / height


def _span(layout: Layout, bins: slice) -> tuple[float, float]:
    half = layout.bin_width_hz / 2
    return float(layout.freq_hz[bins.start]) - half, float(layout.freq_hz[bins.stop - 1]) + half


def _dress(panel: Panel, *, is_first: bool, is_last: bool) -> None:
    axes = panel.axes
    axes.set_xlim(panel.start_hz / 1e6, panel.stop_hz / 1e6)
    ticks = _ticks(panel, pad_left=not is_first, pad_right=not is_last)
    axes.set_xticks(ticks, [f"{mhz:.6f}".rstrip("0").rstrip(".") for mhz in ticks])
    axes.set_facecolor("none")
    for side, is_outer in (("left", is_first), ("right", is_last)):
        if not is_outer:  # a broken axis: dotted where frequencies are left out
            axes.spines[side].set_linestyle((0, (1, 2)))
    if not is_first:
        axes.tick_params(axis="y", left=False, labelleft=False)


def _ticks(panel: Panel, *, pad_left: bool, pad_right: bool) -> list[float]:
    """Round frequencies in MHz; none so near to a broken edge that its label meets that of the next panel."""
    start, stop = panel.start_hz / 1e6, panel.stop_hz / 1e6
    pad = (stop - start) * _EDGE_IN / panel.width_in
    low, high = start + pad * pad_left, stop - pad * pad_right
    roundest = (round((start + stop) / 2, digits) for digits in range(4))
    best: list[float] = [next((mhz for mhz in roundest if low <= mhz <= high), round((start + stop) / 2, 3))]
    for n_bins in range(1, 2 * int(panel.width_in / _TICK_IN) + 3):
        values = MaxNLocator(nbins=n_bins, steps=[1, 2, 5, 10]).tick_values(start, stop)
        ticks = [round(float(mhz), 9) for mhz in values if low <= mhz <= high]
        spacing_in = (values[1] - values[0]) / (stop - start) * panel.width_in
        if len(ticks) > 1 and spacing_in < _TICK_IN:
            if len(best) > 1:
                return best
            if (ticks[-1] - ticks[0]) / (stop - start) * panel.width_in >= _TICK_IN:
                return [ticks[0], ticks[-1]]  # one tick alone would give no scale
            continue  # these two would run into each other; finer ones lie further apart
        best = ticks or best
    return best
