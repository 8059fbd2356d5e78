"""Frequency hoppers: many short emissions of one width and level, close together, are one emitter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from baselines.emitters import Emitter
from baselines.tracking import Followed, Track
from baselines.union import unite
from sweep.plan import Layout

__all__ = ["group_hoppers"]

_LARGEST_DUTY = 0.7
_LARGEST_WIDTH_HZ = 60_000.0
_NEIGHBOUR_HZ = 2_000_000.0
_TOGETHER = 1.35
"""Share of a dwell that the channels of one hop may have been on in all: a hopper is on one at a time; the rest allows
for the error of the shares."""

_ALWAYS_ON = 0.9
_ALIKE = ((4, 2.5, 10.0), (3, 1.6, 2.0))
"""Fewest channels, and the largest ratios of their widths and levels to the median: few must be the more alike."""

_CLICK_RATIO, _CLICK_DUTY = 1.6, 0.3


def group_hoppers(followed: Sequence[Followed], layout: Layout) -> list[Followed]:
    """Join the channels of a frequency hopper.

    Parameters
    ----------
    followed : sequence of (Emitter, Track)
        New emitters, ascending in frequency.
    layout : Layout

    Returns
    -------
    list of (Emitter, Track)
        Four or more narrow, intermittent emitters of like width and level (or three that are very much alike), each
        within 2 MHz of the next and hardly ever on at once, become one that spans them; ``channels_heard`` says of
        how many. What is as narrow and rare but weaker within that span, a channel that a dwell cut short or a click
        of the keying, goes with it, and so do channels side by side that came out as one. All others are as they were.
    """
    joined: list[Followed] = []
    taken: set[int] = set()
    for run in _runs([item for item in followed if _is_channel(*item)]):
        channels = _channels(run, layout)
        if channels:
            hopper = unite(channels, channels_heard=len(channels))
            several = [item for item in followed if _is_several(item, hopper, channels)]
            clicks = [item for item in run if _is_click(item, hopper, channels)]
            joined.append(_spanning(hopper, several))
            taken |= {id(item[0]) for item in (*channels, *several, *clicks)}
    rest = [item for item in followed if id(item[0]) not in taken]
    return sorted([*rest, *joined], key=lambda item: item[0].center_freq_hz)


def _spanning(hopper: Followed, several: Sequence[Followed]) -> Followed:
    """A hopper over the band of what else is of it, too; its levels stay those of a channel."""
    if not several:
        return hopper
    one, track = unite([hopper, *several], channels_heard=hopper[0].channels_heard)
    emitter = replace(
        hopper[0],
        start=one.start,
        stop=one.stop,
        center_freq_hz=one.center_freq_hz,
        occupied_bw_hz=one.occupied_bw_hz,
    )
    return emitter, track


def _is_channel(emitter: Emitter, track: Track) -> bool:
    """Narrow, and not always on; of what is on for longer than a dwell a single pass cannot tell."""
    single = track.course is not None and np.count_nonzero(np.isfinite(track.course.power)) == 1
    intermittent = track.duty_cycle is not None and (single or track.duty_cycle <= _LARGEST_DUTY)
    return intermittent and emitter.occupied_bw_hz <= _LARGEST_WIDTH_HZ


def _runs(candidates: Sequence[Followed]) -> list[list[Followed]]:
    runs: list[list[Followed]] = []
    for item in candidates:
        if runs and item[0].center_freq_hz - runs[-1][-1][0].center_freq_hz <= _NEIGHBOUR_HZ:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _channels(run: Sequence[Followed], layout: Layout) -> list[Followed]:
    for fewest, width_ratio, level_ratio in _ALIKE:
        alike = _alike(run, width_ratio, level_ratio)
        if len(alike) >= fewest and _one_at_a_time(alike, layout):
            return alike
    return []


def _alike(run: Sequence[Followed], width_ratio: float, level_ratio: float) -> list[Followed]:
    width = float(np.median([emitter.occupied_bw_hz for emitter, _ in run]))
    level = float(np.median([emitter.level for emitter, _ in run]))
    return [
        item
        for item in run
        if width / width_ratio <= item[0].occupied_bw_hz <= width * width_ratio
        and level / level_ratio <= item[0].level <= level * level_ratio
    ]


def _one_at_a_time(channels: Sequence[Followed], layout: Layout) -> bool:
    """Whether in most dwells in which channels were heard they shared the time between them, and hopping shows.

    It shows where a channel was silent in a pass, or for a part of a dwell.
    """
    dwells: list[np.ndarray] = []
    hops = np.array([(emitter.start + emitter.stop) // 2 // layout.hop_bins for emitter, _ in channels])
    courses = [track.course for _, track in channels]
    for hop in np.unique(hops):
        shares = [course.share for course, its in zip(courses, hops, strict=True) if its == hop and course is not None]
        if shares:
            dwells.append(np.nansum(shares, axis=0))
    if not dwells:
        return True
    total = np.concatenate(dwells)
    comes_and_goes = any(course is not None and np.nanmin(course.share) < _ALWAYS_ON for course in courses)
    return comes_and_goes and bool(np.mean(total[total > 0] <= _TOGETHER) > 0.5)


def _is_several(item: Followed, hopper: Followed, channels: Sequence[Followed]) -> bool:
    """Whether channels side by side, of several passes, came out as one wider emitter of the same level a channel."""
    emitter, track = item
    width = float(np.median([channel.occupied_bw_hz for channel, _ in channels]))
    level = float(np.median([channel.level for channel, _ in channels]))
    away_hz = abs(emitter.center_freq_hz - hopper[0].center_freq_hz) - hopper[0].occupied_bw_hz / 2
    n_channels = emitter.occupied_bw_hz / width
    return (
        away_hz <= hopper[0].occupied_bw_hz
        and _ALIKE[0][1] < n_channels
        and emitter.occupied_bw_hz <= hopper[0].occupied_bw_hz
        and level / _ALIKE[0][2] <= emitter.level <= level * n_channels
        and track.duty_cycle is not None
        and track.duty_cycle <= _LARGEST_DUTY
    )


def _is_click(item: Followed, hopper: Followed, channels: Sequence[Followed]) -> bool:
    emitter, track = item
    width = float(np.median([channel.occupied_bw_hz for channel, _ in channels]))
    away_hz = abs(emitter.center_freq_hz - hopper[0].center_freq_hz) - hopper[0].occupied_bw_hz / 2
    return (
        away_hz <= hopper[0].occupied_bw_hz / len(channels)
        and emitter.occupied_bw_hz <= _ALIKE[0][1] * width
        and emitter.level <= _CLICK_RATIO * float(np.median([channel.level for channel, _ in channels]))
        and track.duty_cycle is not None
        and track.duty_cycle <= max([_CLICK_DUTY, *(track.duty_cycle or 0.0 for _, track in channels)])
    )
