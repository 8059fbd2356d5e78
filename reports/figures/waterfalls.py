"""Level over time and frequency, in panels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.content import ReportContent
from reports.content.passes import StayShown
from reports.figures.flags import mark_colors
from reports.figures.panels import Box, Panel, fraction
from reports.figures.style import UNMEASURED_LOOK
from reports.figures.traces import time_unit
from reports.segments import max_bins
from sweep.record import Waterfall

__all__ = ["draw_waterfall", "time_rows"]

_COLUMNS_PER_INCH, _MAX_ROWS = 110, 240
_GAP_ROWS = 2.5
_LEAST_SHARE = 1 / 200


def time_rows(
    level_dbfs: NDArray[np.float32], time_s: NDArray[np.float64], n_rows: int
) -> tuple[NDArray[np.float64], float]:
    """Put rows on an even time axis, so that a pause in a sweep is seen as a pause.

    Parameters
    ----------
    level_dbfs : ndarray of float32, shape (n_time, n_freq)
    time_s : ndarray of float64, shape (n_time,)
        Start of each row, ascending.
    n_rows : int
        At most this many rows come back.

    Returns
    -------
    image : ndarray of float64, shape (at most n_rows, n_freq)
        Each row the maximum of those it stands for; NaN where there is a pause.
    span_s : float
        Time from the first edge of the image to its last.
    """
    steps = np.diff(time_s)
    step_s = float(np.median(steps)) if steps.size else 1.0
    if step_s <= 0 or not steps.size:
        return max_bins(level_dbfs, n_rows, 0), max(step_s, 1.0) * len(time_s)
    stops = np.append(time_s[1:], time_s[-1] + step_s)
    stops = np.where(stops - time_s > _GAP_ROWS * step_s, time_s + step_s, stops)
    span_s = float(stops[-1] - time_s[0])
    n_image = min(n_rows, max(len(time_s), round(span_s / step_s)))
    image = np.full((n_image, level_dbfs.shape[1]), np.nan)
    scale = n_image / span_s
    for level, start, stop in zip(level_dbfs, time_s - time_s[0], stops - time_s[0], strict=True):
        first = min(int(start * scale + 1e-9), n_image - 1)
        last = max(first + 1, round(stop * scale))
        image[first:last] = np.fmax(image[first:last], level)
    return image, span_s


def draw_waterfall(figure: Figure, content: ReportContent, panels: Sequence[Panel], bar: Box) -> None:
    """Draw the waterfall into panels, time downwards, with a colour bar; findings and the unconfirmed are ticked."""
    fall = content.waterfall
    images = [_image(fall, panel) for panel in panels]
    levels = np.concatenate([image[np.isfinite(image)] for image, _ in images])
    low, high = np.percentile(levels, (2, 99.9)) if levels.size else (-100.0, 0.0)
    norm = Normalize(float(low), float(max(high, low + 10)))
    end_s = max(images[0][1], *(stay.stop_s for stay in content.stays), 0.0)
    unit_s, unit = time_unit(end_s)
    for panel, (image, span_s) in zip(panels, images, strict=True):
        panel.axes.patch.set(**UNMEASURED_LOOK)
        extent = (panel.start_hz / 1e6, panel.stop_hz / 1e6, span_s / unit_s, 0.0)
        panel.axes.imshow(image, cmap="viridis", norm=norm, extent=extent, aspect="auto", interpolation="none")
        for stay in content.stays:
            _draw_stay(content, panel, stay, norm, (unit_s, end_s))
        panel.axes.set(xlim=(panel.start_hz / 1e6, panel.stop_hz / 1e6), ylim=(end_s / unit_s, 0.0))
        _tick_findings(content, panel)
    if fall.time_s.size > 1 or content.stays:
        panels[0].axes.set_ylabel(f"Time since start ({unit})")
    else:  # how long a single pass took is not known
        panels[0].axes.set(ylabel="One pass", yticks=[])
    bar_axes = figure.add_axes(fraction(figure, bar))
    figure.colorbar(ScalarMappable(norm, "viridis"), cax=bar_axes, label=f"Level ({content.level_unit})")


def _draw_stay(
    content: ReportContent, panel: Panel, stay: StayShown, norm: Normalize, scale: tuple[float, float]
) -> None:
    """Highest level of a stay in the hop that it was on, long enough to be seen; ``scale`` is unit and end in s."""
    layout, (unit_s, end_s) = content.layout, scale
    bins = layout.hop_slice(stay.hop)
    if bins.stop <= panel.bins.start or bins.start >= panel.bins.stop:
        return
    half_hz = layout.bin_width_hz / 2
    low_hz, high_hz = float(layout.freq_hz[bins.start]) - half_hz, float(layout.freq_hz[bins.stop - 1]) + half_hz
    columns = panel.width_in * _COLUMNS_PER_INCH * (high_hz - low_hz) / (panel.stop_hz - panel.start_hz)
    power = max_bins(stay.peak_dbfs[None, :], max(1, int(columns)), 1)
    stop_s = max(stay.stop_s, stay.start_s + _LEAST_SHARE * end_s)
    extent = (low_hz / 1e6, high_hz / 1e6, stop_s / unit_s, stay.start_s / unit_s)
    panel.axes.imshow(power, cmap="viridis", norm=norm, extent=extent, aspect="auto", interpolation="none")


def _image(fall: Waterfall, panel: Panel) -> tuple[NDArray[np.float64], float]:
    inside = (fall.freq_hz >= panel.start_hz) & (fall.freq_hz <= panel.stop_hz)
    if not inside.any():  # the preview is coarser than this panel is wide
        inside[np.argmin(np.abs(fall.freq_hz - (panel.start_hz + panel.stop_hz) / 2))] = True
    power = max_bins(fall.level_dbfs[:, inside], int(panel.width_in * _COLUMNS_PER_INCH), 1)
    return time_rows(power.astype(np.float32), fall.time_s, _MAX_ROWS)


def _tick_findings(content: ReportContent, panel: Panel) -> None:
    for finding in content.emissions:
        center_hz = float(finding["center_freq_hz"])
        if panel.start_hz <= center_hz <= panel.stop_hz:
            panel.axes.plot(
                [center_hz / 1e6],
                [1.025],
                transform=panel.axes.get_xaxis_transform(),
                marker="v",
                ms=4,
                mew=0.4,
                clip_on=False,
                zorder=5,
                **mark_colors(content, finding),
            )
