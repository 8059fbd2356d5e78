"""Figures of a whole sweep: spectrum against baseline, what rose over it, level over time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record, waterfall_within
from reports.figures.sheets import Heights, draw_sheet
from reports.figures.style import PAGE_WIDTH_IN, figure_bytes
from reports.files import write_bytes
from sweep.record import SweepRecord

__all__ = ["difference_figure", "save_plot", "spectrum_figure", "sweep_figure", "waterfall_figure"]

_KINDS = frozenset({"pdf", "png", "svg"})


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
    return draw_sheet(content, range_hz, Heights(width=PAGE_WIDTH_IN, spectrum=2.4))


def difference_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure | None:
    """Excess over the baseline, with the threshold of a single bin; None where there was no baseline.

    Parameters and errors as for ``spectrum_figure``.
    """
    if content.baseline_dbfs is None:
        return None
    return draw_sheet(content, range_hz, Heights(width=PAGE_WIDTH_IN, difference=1.9))


def waterfall_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure:
    """Level over time and frequency. Parameters and errors as for ``spectrum_figure``."""
    return draw_sheet(content, range_hz, Heights(width=PAGE_WIDTH_IN, waterfall=2.1, title=0.14))


def sweep_figure(content: ReportContent, range_hz: tuple[float, float] | None = None) -> Figure:
    """All of these in one picture with a title. Parameters and errors as for ``spectrum_figure``."""
    difference = 0.0 if content.baseline_dbfs is None else 1.7
    sizes = Heights(width=11.0, spectrum=3.3, difference=difference, waterfall=2.5, title=0.5)
    return draw_sheet(content, range_hz, sizes)


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
