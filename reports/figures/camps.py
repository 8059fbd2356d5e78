"""Where a sweep camped, dwell by dwell: bursts as they come within a second, around what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.content import ReportContent
from reports.content.wording import count
from reports.figures.flags import mark_colors
from reports.figures.panels import Box, fraction
from reports.figures.style import INK, PAGE_WIDTH_IN, UNMEASURED_LOOK, figure_settings, new_figure
from reports.segments import max_bins
from reports.text import drawable

__all__ = ["CampedHop", "camp_figure", "camped_hops"]

_MOST_HOPS, _PER_ROW, _MAX_ROWS, _MAX_COLUMNS = 6, 2, 240, 256
_MOST_NAMES = 6
_LEFT_IN, _BETWEEN_IN, _BAR_IN, _HEIGHT_IN = 0.62, 0.62, 0.75, 1.35
_TITLE_IN, _AXIS_IN = 0.34, 0.34


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CampedHop:
    """All stays on one hop, one after the other.

    Attributes
    ----------
    start_hz, stop_hz : float
        Edges of the hop.
    level_dbfs : ndarray of float32, shape (n_dwells, hop_bins)
        NaN where not measured.
    starts : tuple of int
        First dwell of each stay.
    dwell_s : float
    """

    start_hz: float
    stop_hz: float
    level_dbfs: NDArray[np.float32]
    starts: tuple[int, ...]
    dwell_s: float


def camped_hops(content: ReportContent) -> tuple[CampedHop, ...]:
    """Hops that hold an emission and were camped on, those with findings first, in the order of the judgement."""
    layout = content.layout
    stays = [stay for stay in content.stays if stay.dwells_dbfs is not None]
    centers = [float(item["center_freq_hz"]) for item in content.emissions]
    nearest = np.searchsorted(layout.freq_hz, centers).clip(0, layout.n_bins - 1) // layout.hop_bins
    hops = [hop for hop in dict.fromkeys(nearest.tolist()) if any(stay.hop == hop for stay in stays)]
    half_hz = layout.bin_width_hz / 2
    camped = []
    for hop in hops:
        levels = [stay.dwells_dbfs for stay in stays if stay.hop == hop and stay.dwells_dbfs is not None]
        freq_hz = layout.freq_hz[layout.hop_slice(hop)]
        camped.append(
            CampedHop(
                start_hz=float(freq_hz[0]) - half_hz,
                stop_hz=float(freq_hz[-1]) + half_hz,
                level_dbfs=np.concatenate(levels),
                starts=tuple(np.cumsum([0, *(len(level) for level in levels[:-1])]).tolist()),
                dwell_s=0.0 if layout.n_averages is None else (layout.n_averages + 1) / 2 / layout.bin_width_hz,
            )
        )
    return tuple(camped)


def camp_figure(content: ReportContent) -> Figure | None:
    """Level over frequency and the time listened, for the first few such hops; None of a sweep without any."""
    hops = camped_hops(content)[:_MOST_HOPS]
    if not hops:
        return None
    images = [max_bins(max_bins(hop.level_dbfs, _MAX_ROWS, 0), _MAX_COLUMNS, 1) for hop in hops]
    norm = _norm(images)
    n_rows, n_columns = -(-len(hops) // _PER_ROW), min(len(hops), _PER_ROW)
    inner_in = PAGE_WIDTH_IN - _LEFT_IN - _BAR_IN
    width_in = (inner_in - _BETWEEN_IN * (n_columns - 1)) / n_columns
    row_in = _TITLE_IN + _HEIGHT_IN + _AXIS_IN
    with figure_settings():
        height_in = row_in * n_rows + 0.14
        figure = new_figure(PAGE_WIDTH_IN, height_in, synthetic=content.synthetic)
        for index, (hop, image) in enumerate(zip(hops, images, strict=True)):
            row, column = divmod(index, n_columns)
            left_in, bottom_in = _LEFT_IN + column * (width_in + _BETWEEN_IN), height_in - (row + 1) * row_in + _AXIS_IN
            box = Box(left=left_in, bottom=bottom_in, width=width_in, height=_HEIGHT_IN)
            axes = figure.add_axes(fraction(figure, box))
            _draw(axes, content, hop, image, norm)
            axes.set_ylabel("Time listened (s)" if column == 0 else "")
        bar_in = PAGE_WIDTH_IN - _BAR_IN + 0.12
        bar = Box(left=bar_in, bottom=height_in - row_in + _AXIS_IN, width=0.11, height=_HEIGHT_IN)
        scale = figure.add_axes(fraction(figure, bar))
        figure.colorbar(ScalarMappable(norm, "viridis"), cax=scale, label=f"Level ({content.level_unit})")
        figure.text(
            _LEFT_IN + inner_in / 2, 0.06, "Frequency (MHz)", transform=figure.dpi_scale_trans, ha="center", va="bottom"
        )
        return figure


def _norm(images: Sequence[NDArray[np.float64]]) -> Normalize:
    known = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(known, (2, 99.9)) if known.size else (-100.0, 0.0)
    return Normalize(float(low), float(max(high, low + 10)))


def _draw(axes: Axes, content: ReportContent, hop: CampedHop, image: NDArray[np.float64], norm: Normalize) -> None:
    span_s = max(len(hop.level_dbfs) * hop.dwell_s, 1e-9)
    axes.patch.set(**UNMEASURED_LOOK)
    extent = (hop.start_hz / 1e6, hop.stop_hz / 1e6, span_s, 0.0)
    axes.imshow(image, cmap="viridis", norm=norm, extent=extent, aspect="auto", interpolation="none")
    for start in hop.starts[1:]:
        axes.axhline(start * hop.dwell_s, color="white", lw=0.5, alpha=0.8)
    axes.locator_params(axis="x", nbins=5)
    axes.ticklabel_format(axis="x", useOffset=False)
    here = [item for item in content.emissions if hop.start_hz <= float(item["center_freq_hz"]) <= hop.stop_hz]
    for item in here:
        mark = {"marker": "v", "ms": 4, "mew": 0.4, "clip_on": False, "zorder": 5, **mark_colors(content, item)}
        axes.plot([float(item["center_freq_hz"]) / 1e6], [1.035], transform=axes.get_xaxis_transform(), **mark)
    said = f"{count(len(hop.starts), 'stay')}, {count(len(hop.level_dbfs), 'dwell')}: "
    names = ", ".join(str(item["id"]) for item in here[:_MOST_NAMES]) + (" ..." if len(here) > _MOST_NAMES else "")
    axes.set_title(drawable(said + names), fontsize=7, color=INK, loc="left", pad=9)
