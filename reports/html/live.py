"""What the live figures of a page are drawn from: every bin of the sweep, the waterfall, the marks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.content import LevelTrack, ReportContent
from reports.content.finding_pages import MAX_FINDING_FIGURES, figure_name
from reports.content.wording import count, frequency
from reports.figures.middles import bins_of, overview_bins, peak_beside_middles
from reports.figures.style import THREAT
from reports.figures.traces import level_limits, time_unit
from reports.figures.waterfalls import time_rows
from reports.html.packing import pack
from reports.segments import contiguous_slices

__all__ = ["live_figures"]

_MAX_ROWS = 240
_LARGEST_STRAY = 0.1
"""Parts of a bin by which a bin may lie off the straight line through the first and last of its range."""


def live_figures(content: ReportContent) -> dict[str, Any] | None:
    """Give what the script of the page draws, as plain data; None where nothing was measured.

    Returns
    -------
    dict
        ``segments`` (first and last bin in Hz, count), ``levels`` by name and the waterfall as ``pack`` makes them,
        ``marks`` in the order of their weight, with their places counted in bins, and ``charts``: which plots each
        figure of the report has.
    """
    if not np.isfinite(content.mean_dbfs).any():
        return None
    low, high = level_limits(content, [slice(0, content.layout.n_bins)])
    return {
        "unit": content.level_unit,
        "bin_width_hz": content.layout.bin_width_hz,
        "segments": list(_segments(content)),
        "levels": {name: pack(level) for name, level in _levels(content)},
        "limits": [float(low), float(high)],
        "overview": overview_bins(content.layout),
        "middles": pack(content.middles.astype(np.float64)) if overview_bins(content.layout) else None,
        "waterfall": _waterfall(content),
        "marks": _marks(content),
        "charts": dict(_charts(content)),
    }


def _levels(content: ReportContent) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield "mean", content.mean_dbfs
    if content.max_dbfs is not None:
        yield "highest", content.max_dbfs
    if content.baseline_dbfs is not None:
        yield "baseline", content.baseline_dbfs
    if np.isfinite(content.noise_floor_dbfs).any():
        yield "floor", content.noise_floor_dbfs
    if content.threshold_db is not None and content.baseline_dbfs is not None:
        yield "threshold", content.threshold_db


def _segments(content: ReportContent) -> Iterator[tuple[float, float, int]]:
    """Ranges in which bins are evenly spaced; the hops of a range in which they are not."""
    layout = content.layout
    for bins in contiguous_slices(layout.freq_hz, layout.bin_width_hz):
        freq_hz = layout.freq_hz[bins]
        stray_hz = np.abs(freq_hz - np.linspace(freq_hz[0], freq_hz[-1], freq_hz.size)).max()
        if stray_hz <= _LARGEST_STRAY * layout.bin_width_hz:
            yield float(freq_hz[0]), float(freq_hz[-1]), int(freq_hz.size)
            continue
        for start in range(0, freq_hz.size, layout.hop_bins):
            hop = freq_hz[start : start + layout.hop_bins]
            yield float(hop[0]), float(hop[-1]), int(hop.size)


def _waterfall(content: ReportContent) -> dict[str, Any] | None:
    fall, n_bins = content.waterfall, content.layout.n_bins
    if not fall.time_s.size or not np.isfinite(fall.level_dbfs).any():
        return None
    image, span_s = time_rows(fall.level_dbfs, fall.time_s, _MAX_ROWS)
    unit_s, unit = time_unit(span_s)
    low, high = np.percentile(image[np.isfinite(image)], (2, 99.9))
    return {
        "level": pack(image),
        "rows": image.shape[0],
        "columns": image.shape[1],
        "start": -0.5,
        "stop": _last_place(n_bins, image.shape[1], even=content.hides_middles) - 0.5,
        "span": span_s / unit_s,
        "time_unit": unit,
        "timed": fall.time_s.size > 1,
        "limits": [float(low), float(max(high, low + 10))],
        "cell": _cell(-(-n_bins // image.shape[1]), -(-content.n_rows // image.shape[0])),
    }


def _cell(n_bins: int, n_passes: int) -> str:
    """What a cell of the waterfall stands for; it does not get finer when one zooms in."""
    bins, passes = count(n_bins, "bin"), count(n_passes, "pass", "passes")
    return f"Each cell of the waterfall, at any zoom, is the highest level of up to {bins} and {passes}."


def _last_place(n_bins: int, n_columns: int, *, even: bool) -> int:
    """Where the last column ends: the columns of a stored preview hold equally many bins, but for the last."""
    return n_bins if even else n_columns * -(-n_bins // n_columns)


def _marks(content: ReportContent) -> list[dict[str, Any]]:
    ranks = {level: rank for rank, level in enumerate(THREAT)}
    marks = [_mark(content, item, _level_name(item)) for item in content.findings]
    marks.sort(key=lambda mark: ranks[mark["threat"]])
    return [*marks, *(_mark(content, item, "unconfirmed") for item in content.unconfirmed)]


def _level_name(finding: Mapping[str, Any]) -> str:
    level = str((finding.get("threat") or {}).get("level"))
    return level if level in THREAT else "info"


def _mark(content: ReportContent, item: Mapping[str, Any], threat: str) -> dict[str, Any]:
    first, stop = bins_of(content.layout, item)
    level = peak_beside_middles(content.layout, content.mean_dbfs, item)
    words = "not confirmed" if threat == "unconfirmed" else threat
    return {
        "id": str(item["id"]),
        "name": f"{item['id']}: {frequency(item.get('center_freq_hz'))}, {words}",
        "at": (first + stop - 1) / 2,
        "half": (stop - first) / 2,
        "level": _number(level),
        "threat": threat,
    }


def _charts(content: ReportContent) -> Iterator[tuple[str, dict[str, Any]]]:
    fall = ["waterfall"] if content.waterfall.time_s.size else []
    against = ["difference"] if content.baseline_dbfs is not None else []
    label = "Level over frequency"
    yield "spectrum", {"panels": ["spectrum", *against, *fall], "label": f"{label}, with what was found marked"}
    if against:
        yield "difference", {"panels": against, "label": "Difference from the baseline over frequency"}
    if fall:
        yield "waterfall", {"panels": fall, "label": "Level over frequency and time"}
    for index, finding in enumerate(content.findings[:MAX_FINDING_FIGURES]):
        name = str(finding["id"])
        spec: dict[str, Any] = {"panels": ["spectrum"], "label": f"{label} around {name}", "mark": name}
        track = content.tracks.get(name)
        if track is not None and track.time_s.size > 1 and np.isfinite(track.mean_dbfs).any():
            spec["track"] = _track(content, track)
        yield figure_name(index), spec


def _track(content: ReportContent, track: LevelTrack) -> dict[str, Any]:
    unit_s, unit = time_unit(float(np.ptp(track.time_s)))
    measured = np.concatenate([track.mean_dbfs, track.max_dbfs])
    measured = measured[np.isfinite(measured)]
    return {
        "time": [round(float(time) / unit_s, 3) for time in track.time_s],
        "unit": unit,
        "mean": _numbers(track.mean_dbfs),
        "highest": _numbers(track.max_dbfs) if np.isfinite(track.max_dbfs).any() else None,
        "limits": [float(5 * np.floor((measured.min() - 3) / 5)), float(5 * np.ceil((measured.max() + 3) / 5))],
    }


def _numbers(values: NDArray[np.float64]) -> Sequence[float | None]:
    return [_number(float(value)) for value in values]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 2)
