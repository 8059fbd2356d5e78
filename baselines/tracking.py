"""Following emitters over the passes of a visit: hits, duty cycle, first and last seen, burst length and period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from baselines.courses import FRAMES_OF_BOX, BurstBox, Course, box_of, course_of, ratios
from baselines.emitters import Emitter
from dsp.bursts import burst_timing
from dsp.statistics import to_linear
from sweep.model import SweepRow
from sweep.plan import Layout
from sweep.row_blocks import side_by_side

__all__ = ["NEVER_HEARD", "Followed", "Track", "follow"]

_LARGEST_GAP, _LARGEST_BREAK_SHARE = 0.1, 0.1
_FEWEST_HITS, _LARGEST_HIT_SHARE, _LARGEST_ON_SHARE = 3, 0.9, 0.9
_WHOLE_BURST = 0.9
_CUT_SHORT, _LEAST_CUT = 0.8, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One emitter over the passes.

    Attributes
    ----------
    hits : int
        Passes in which it was heard.
    duty_cycle : float or None
        Share of the time that it was on while it was looked at; None when never caught on.
    first_utc_ns, last_utc_ns : int or None
        Start of its hop in the first and the last of these passes.
    strongest_power : float or None
        Linear mean over the pass in which it was strongest, over its background.
    burst_length_s, burst_period_s, burst_resolution_s : float or None
        Of a train of bursts, as far as the data tell, and the time that neither can be told finer than.
    passes : int
        Passes in which it was looked for.
    course : Course or None
    """

    hits: int
    duty_cycle: float | None
    first_utc_ns: int | None
    last_utc_ns: int | None
    strongest_power: float | None
    burst_length_s: float | None = None
    burst_period_s: float | None = None
    burst_resolution_s: float | None = None
    passes: int = 0
    course: Course | None = field(default=None, compare=False, repr=False)


Followed = tuple[Emitter, Track]
"""An emitter and what following it over the passes gave."""

NEVER_HEARD = Track(hits=0, duty_cycle=None, first_utc_ns=None, last_utc_ns=None, strongest_power=None)
"""Of an emitter that no pass shows."""


def follow(
    layout: Layout,
    rows: Iterable[SweepRow],
    emitters: Sequence[Emitter],
    *,
    ppm: float | Sequence[float] = 0.0,
) -> list[Track]:
    """Read the rows once more and look at the band of each emitter.

    Parameters
    ----------
    layout : Layout
    rows : iterable of SweepRow
    emitters : sequence of Emitter
    ppm : float or sequence of float
        Parts per million to add to the emitters' frequencies to find them in the rows; of all, or of each.

    Returns
    -------
    list of Track
        One for each emitter. Memory does not grow with the number of rows but for 29 bytes an emitter and row.
    """
    if not emitters:
        return []
    errors_ppm = np.broadcast_to(ppm, len(emitters)).tolist()
    bands = [_band(layout, emitter, error_ppm) for emitter, error_ppm in zip(emitters, errors_ppm, strict=True)]
    start, stop = np.array([band[0] for band in bands]), np.array([band[1] for band in bands])
    boxes = [box_of(layout, emitter, *band) for emitter, band in zip(emitters, bands, strict=True)]
    hops = (start + stop) // 2 // layout.hop_bins if layout.n_hops > 1 else np.zeros(len(start), np.int64)
    power: list[NDArray[np.float32]] = []
    ratio: list[NDArray[np.float32]] = []
    times: list[NDArray[np.int64]] = []
    for block in side_by_side(rows):
        mean = to_linear(block.arrays["mean"])
        total = np.zeros((len(block), layout.n_bins + 1))
        np.cumsum(np.nan_to_num(mean), axis=1, dtype=np.float64, out=total[:, 1:])
        in_band = (total[:, stop] - total[:, start]) / layout.enbw_bins
        in_band[np.isnan(mean[:, start]) | np.isnan(mean[:, stop - 1])] = np.nan
        power.append(in_band.astype(np.float32))
        ratio.append(ratios(block, boxes))
        times.append(block.arrays["hop_utc_ns"][:, hops])
    powers, features, when = np.concatenate(power), np.concatenate(ratio), np.concatenate(times)
    tracks = []
    for index, (emitter, box) in enumerate(zip(emitters, boxes, strict=True)):
        course = course_of(layout, emitter, box, powers[:, index], features[:, index])
        tracks.append(NEVER_HEARD if course is None else _track(layout, box, course, powers[:, index], when[:, index]))
    return tracks


def _band(layout: Layout, emitter: Emitter, ppm: float) -> tuple[int, int]:
    """Bins of the rows that hold an emitter."""
    away = round(ppm * 1e-6 * emitter.center_freq_hz / layout.bin_width_hz)
    width = emitter.stop - emitter.start
    start = min(max(0, emitter.start + away), layout.n_bins - width)
    return start, start + width


def _track(
    layout: Layout, box: BurstBox | None, course: Course, power: NDArray[np.float32], when: NDArray[np.int64]
) -> Track:
    seen, strongest = when[course.hit], float(np.nanmax(course.power))
    passes = int(np.count_nonzero(np.isfinite(course.power)))
    n_frames = passes * (layout.n_averages or 1)
    length_s, period_s, resolution_s = _timing(layout, box, course, power, when)
    return Track(
        hits=int(np.count_nonzero(course.hit)),
        duty_cycle=float(np.clip(np.nanmean(course.share), 1.0 / n_frames, 1.0)),
        first_utc_ns=int(seen.min()),
        last_utc_ns=int(seen.max()),
        strongest_power=strongest if strongest > 0 else None,
        burst_length_s=length_s,
        burst_period_s=period_s,
        burst_resolution_s=resolution_s,
        passes=passes,
        course=course,
    )


def _timing(
    layout: Layout, box: BurstBox | None, course: Course, power: NDArray[np.float32], when: NDArray[np.int64]
) -> tuple[float | None, float | None, float | None]:
    """Length and period of bursts, and their resolution.

    Passes of one hop that follow each other are frames of a recording, which may have breaks, as between stays.
    Otherwise only bursts shorter than a dwell can be measured, and only where a dwell holds one of them at most: of a
    burst that it holds whole, the share of the dwell is the length.
    """
    nothing = (None, None, None)
    if layout.n_averages is None or np.count_nonzero(course.hit) < _FEWEST_HITS:
        return nothing
    dwell_s = (layout.n_averages + 1) / 2 / layout.bin_width_hz
    frames = _frames(power, when, dwell_s) if layout.n_hops == 1 else None
    if frames is not None:
        timing = burst_timing(frames, dwell_s)
        return (timing.length_s, timing.period_s, dwell_s) if timing.length_s or timing.period_s else nothing
    if box is None or not _is_single(course):
        return nothing
    length_s = float(np.quantile(course.share[course.hit], _WHOLE_BURST)) * dwell_s
    return length_s, None, (FRAMES_OF_BOX[box.feature] + 1) / 2 / layout.bin_width_hz


def _frames(power: NDArray[np.float32], when: NDArray[np.int64], dwell_s: float) -> NDArray[np.float32] | None:
    """Power of passes that follow each other, with a frame that was not measured in place of each break.

    None where there are more than a few breaks. The last pass may overlap the one before, and then says nothing.
    """
    late = np.diff(when) / 1e9 / dwell_s - 1
    if late.size and late[-1] < -_LARGEST_GAP:
        power, late = power[:-1], late[:-1]
    breaks = np.flatnonzero(np.abs(late) > _LARGEST_GAP)
    if late.size == 0 or breaks.size > _LARGEST_BREAK_SHARE * late.size:
        return None
    return np.insert(power, breaks + 1, np.float32(np.nan))


def _is_single(course: Course) -> bool:
    """Whether dwells hold one burst of a length of their own, or a part of it, and not several.

    A burst of a share b of the dwell is cut short in 2 b / (1 + b) of the dwells that meet it, by any amount; what is
    keyed for longer than a dwell fills nearly all of them alike.
    """
    heard = course.share[course.hit]
    rare = heard.size <= _LARGEST_HIT_SHARE * np.count_nonzero(np.isfinite(course.share))
    burst = float(np.quantile(heard, _WHOLE_BURST))
    cut = _CUT_SHORT * 2 * burst / (1 + burst)
    if not (course.short and rare and heard.max() <= _LARGEST_ON_SHARE and cut >= _LEAST_CUT):
        return False
    return bool(cut * heard.size >= _FEWEST_HITS and np.mean(heard < _CUT_SHORT * burst) >= 0.5 * cut)
