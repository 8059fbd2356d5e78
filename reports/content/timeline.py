"""When things happened: the steps of a visit, and within a sweep its passes, stays, gaps, and levels of findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.content.material import ReportContent
from reports.figures.middles import bins_of
from sweep.guided.log import DONE
from sweep.units import parse_utc

__all__ = ["Happening", "finding_levels", "sweep_times", "visit_times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that lasted from one time to another, in seconds; ``kind`` tells how it is drawn.

    ``kind`` is ``step`` (with what came of it in ``state``), ``pass``, ``stay`` or ``gap``.
    """

    name: str
    kind: str
    start_s: float
    stop_s: float
    state: str = ""


def visit_times(content: ReportContent) -> tuple[Happening, ...]:
    """Steps of the visit in the order of their ends, in seconds after it was begun; each follows the one before.

    A step that was not finished is not among them. The log says when a step ended, and not when it began: what went
    before it, waiting included, is in it.
    """
    if content.visit is None:
        return ()
    begun_ns = parse_utc(content.visit.begun)
    ended = [
        ((parse_utc(outcome.time) - begun_ns) / 1e9, step, outcome)
        for step, outcome in content.visit.steps
        if outcome is not None
    ]
    ended.sort(key=lambda item: item[0])
    times: list[Happening] = []
    before_s = 0.0
    for end_s, step, outcome in ended:
        state = "done" if outcome.outcome == DONE else "left out"
        times.append(Happening(name=step.title, kind="step", start_s=before_s, stop_s=end_s, state=state))
        before_s = end_s
    return tuple(times)


def sweep_times(content: ReportContent) -> tuple[Happening, ...]:
    """Passes, stays and gaps in seconds after the first pass; a gap is the moment at which something was lost."""
    layout, begun_ns = content.layout, content.passes.begun_ns
    dwell_s = 0.0 if layout.n_averages is None else (layout.n_averages + 1) / 2 / layout.bin_width_hz
    passes = [
        Happening(name=f"pass {number}", kind="pass", start_s=float(start), stop_s=float(last) + dwell_s)
        for number, (start, last) in enumerate(content.passes.times_s, 1)
    ]
    stays = [
        Happening(name=f"stay {number}", kind="stay", start_s=stay.start_s, stop_s=stay.stop_s)
        for number, stay in enumerate(content.stays, 1)
    ]
    lost_s = [] if begun_ns is None else [(gap.monotonic_ns - begun_ns) / 1e9 for gap in content.gaps]
    gaps = [
        Happening(name=gap.reason, kind="gap", start_s=at_s, stop_s=at_s)
        for gap, at_s in zip(content.gaps, lost_s, strict=False)
    ]
    return (*passes, *stays, *gaps)


def finding_levels(
    content: ReportContent, finding: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Highest level of a finding in every pass and in every stay on its hop.

    Returns
    -------
    times_s : ndarray of float64, shape (n, 2)
        Start and end, in seconds after the first pass.
    level_dbfs : ndarray of float64, shape (n,)
        NaN where not measured.
    """
    first, last = bins_of(content.layout, finding)
    hop = first // content.layout.hop_bins
    within = slice(first - hop * content.layout.hop_bins, last - hop * content.layout.hop_bins)
    track = content.tracks.get(str(finding["id"]))
    if track is None:
        return np.empty((0, 2)), np.empty(0)
    passes = [(one.start_s, one.stop_s) for one in sweep_times(content) if one.kind == "pass"]
    stays = [stay for stay in content.stays if stay.hop == hop]
    times = [*passes, *((stay.start_s, stay.stop_s) for stay in stays)]
    heard = np.where(np.isfinite(track.max_dbfs), track.max_dbfs, track.mean_dbfs)
    camped = [float(np.max(stay.peak_dbfs[within], initial=-np.inf)) for stay in stays]
    level = np.append(heard, [value if np.isfinite(value) else np.nan for value in camped])
    return np.array(times, np.float64).reshape(-1, 2), level
