"""Frequency hoppers: many short emissions of one width and level, close together, are one emitter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from baselines.emitters import Emitter
from baselines.tracking import Followed, Track

__all__ = ["group_hoppers"]

_MIN_CHANNELS = 4
_LARGEST_DUTY = 0.7
_LARGEST_WIDTH_HZ = 60_000.0
_NEIGHBOUR_HZ = 2_000_000.0
_WIDTH_RATIO, _LEVEL_RATIO = 2.5, 10.0


def group_hoppers(followed: Sequence[Followed]) -> list[Followed]:
    """Join the channels of a frequency hopper.

    Parameters
    ----------
    followed : sequence of (Emitter, Track)
        New emitters, ascending in frequency.

    Returns
    -------
    list of (Emitter, Track)
        Four or more narrow, intermittent emitters of like width and level, each within 2 MHz of the next, become
        one that spans them; ``channels_heard`` says of how many. All others are as they were.
    """
    candidates = [item for item in followed if _is_channel(*item)]
    runs: list[list[Followed]] = []
    for item in candidates:
        near = runs and item[0].center_freq_hz - runs[-1][-1][0].center_freq_hz <= _NEIGHBOUR_HZ
        if near:
            runs[-1].append(item)
        else:
            runs.append([item])
    joined: list[Followed] = []
    taken: set[int] = set()
    for run in runs:
        alike = _alike(run)
        if len(alike) >= _MIN_CHANNELS:
            joined.append(_join(alike))
            taken |= {id(item[0]) for item in alike}
    rest = [item for item in followed if id(item[0]) not in taken]
    return sorted([*rest, *joined], key=lambda item: item[0].center_freq_hz)


def _is_channel(emitter: Emitter, track: Track) -> bool:
    intermittent = track.duty_cycle is not None and track.duty_cycle <= _LARGEST_DUTY
    return intermittent and emitter.occupied_bw_hz <= _LARGEST_WIDTH_HZ


def _alike(run: Sequence[Followed]) -> list[Followed]:
    width = float(np.median([emitter.occupied_bw_hz for emitter, _ in run]))
    level = float(np.median([emitter.level for emitter, _ in run]))
    return [
        item
        for item in run
        if width / _WIDTH_RATIO <= item[0].occupied_bw_hz <= width * _WIDTH_RATIO
        and level / _LEVEL_RATIO <= item[0].level <= level * _LEVEL_RATIO
    ]


def _join(run: Sequence[Followed]) -> Followed:
    emitters = [emitter for emitter, _ in run]
    tracks = [track for _, track in run]
    low = min(emitter.center_freq_hz - emitter.occupied_bw_hz / 2 for emitter in emitters)
    high = max(emitter.center_freq_hz + emitter.occupied_bw_hz / 2 for emitter in emitters)
    peaks = [emitter.peak_power for emitter in emitters if emitter.peak_power is not None]
    duties = [track.duty_cycle for track in tracks if track.duty_cycle is not None]
    firsts = [track.first_utc_ns for track in tracks if track.first_utc_ns is not None]
    lasts = [track.last_utc_ns for track in tracks if track.last_utc_ns is not None]
    p_values = [emitter.p_value for emitter in emitters if emitter.p_value is not None]
    one = replace(
        emitters[0],
        start=min(emitter.start for emitter in emitters),
        stop=max(emitter.stop for emitter in emitters),
        center_freq_hz=(low + high) / 2,
        occupied_bw_hz=high - low,
        mean_power=sum(emitter.mean_power for emitter in emitters),
        background_power=float(np.mean([emitter.background_power for emitter in emitters])),
        floor_power=float(np.mean([emitter.floor_power for emitter in emitters])),
        peak_power=float(np.median(peaks)) if peaks else None,
        channels=tuple(dict.fromkeys(name for emitter in emitters for name in emitter.channels)),
        p_value=min(p_values) if p_values else None,
        confirmed=len({track.first_utc_ns for track in tracks}) > 1 or any(emitter.confirmed for emitter in emitters),
        channels_heard=len(run),
    )
    track = Track(
        hits=max(track.hits for track in tracks),
        duty_cycle=min(1.0, sum(duties)) if duties else None,
        first_utc_ns=min(firsts) if firsts else None,
        last_utc_ns=max(lasts) if lasts else None,
        strongest_power=max((track.strongest_power or 0.0 for track in tracks), default=0.0) or None,
    )
    return one, track
