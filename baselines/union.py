"""Several emitters of a visit that are one: the channels of a hopper, the tones of a shift keying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from baselines.courses import Course
from baselines.tracking import Followed, Track

__all__ = ["unite"]


def unite(parts: Sequence[Followed], *, channels_heard: int) -> Followed:
    """Make one emitter of parts that are on the air one after the other.

    Parameters
    ----------
    parts : sequence of (Emitter, Track)
        At least one.
    channels_heard : int
        Above 1 for a frequency hopper.

    Returns
    -------
    (Emitter, Track)
        It spans them; its mean power is their sum, its peak power their median. It was heard when any of them was.
    """
    emitters, tracks = [emitter for emitter, _ in parts], [track for _, track in parts]
    low = min(emitter.center_freq_hz - emitter.occupied_bw_hz / 2 for emitter in emitters)
    high = max(emitter.center_freq_hz + emitter.occupied_bw_hz / 2 for emitter in emitters)
    peaks = [emitter.peak_power for emitter in emitters if emitter.peak_power is not None]
    p_values = [emitter.p_value for emitter in emitters if emitter.p_value is not None]
    one = replace(
        emitters[0],
        start=min(emitter.start for emitter in emitters),
        stop=max(emitter.stop for emitter in emitters),
        center_freq_hz=(low + high) / 2,
        occupied_bw_hz=high - low,
        width_6db_hz=None,
        width_26db_hz=None,
        mean_power=sum(emitter.mean_power for emitter in emitters),
        background_power=float(np.mean([emitter.background_power for emitter in emitters])),
        floor_power=float(np.mean([emitter.floor_power for emitter in emitters])),
        peak_power=float(np.median(peaks)) if peaks else None,
        channels=tuple(dict.fromkeys(name for emitter in emitters for name in emitter.channels)),
        p_value=min(p_values) if p_values else None,
        confirmed=len({track.first_utc_ns for track in tracks}) > 1 or any(emitter.confirmed for emitter in emitters),
        channels_heard=channels_heard,
    )
    return one, _followed_together(tracks)


def _followed_together(tracks: Sequence[Track]) -> Track:
    firsts = [track.first_utc_ns for track in tracks if track.first_utc_ns is not None]
    lasts = [track.last_utc_ns for track in tracks if track.last_utc_ns is not None]
    duties = [track.duty_cycle for track in tracks if track.duty_cycle is not None]
    courses = [track.course for track in tracks if track.course is not None]
    course = _course(courses) if len(courses) == len(tracks) else None
    return Track(
        hits=int(np.count_nonzero(course.hit)) if course else max(track.hits for track in tracks),
        duty_cycle=min(1.0, sum(duties)) if duties else None,
        first_utc_ns=min(firsts) if firsts else None,
        last_utc_ns=max(lasts) if lasts else None,
        strongest_power=max((track.strongest_power or 0.0 for track in tracks), default=0.0) or None,
        passes=max((track.passes for track in tracks), default=0),
        course=course,
    )


def _course(courses: Sequence[Course]) -> Course:
    def total(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        known = np.any([np.isfinite(array) for array in arrays], axis=0)
        return np.where(known, np.nansum(arrays, axis=0), np.nan)

    return Course(
        power=total([course.power for course in courses]),
        hit=np.any([course.hit for course in courses], axis=0),
        share=np.minimum(total([course.share for course in courses]), 1.0),
        short=all(course.short for course in courses),
    )
