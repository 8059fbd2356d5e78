"""Frequency-shift keying whose tones lie far apart: two lines that are one emitter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from baselines.tracking import Followed
from baselines.union import unite

__all__ = ["join_tones"]

_LARGEST_SHIFT_HZ = 250_000.0
_POWER_RATIO, _WIDTH_RATIO = 2.5, 2.5
_SHIFT_WIDTHS = 4.0
_SPLATTER = 3.0
_TOUCHING_HZ_SHARE = 0.35
_LARGEST_DUTY = 0.9


def join_tones(followed: Sequence[Followed]) -> list[Followed]:
    """Join the two tones of a shift keying.

    Parameters
    ----------
    followed : sequence of (Emitter, Track)
        Ascending in frequency.

    Returns
    -------
    list of (Emitter, Track)
        Neighbours of like width and mean power, up to 250 kHz apart, become one where they come and go in the same
        passes and not in all, or where both are lines with splatter many times their own width that meets: each is
        keyed as the other is not.
    """
    result: list[Followed] = []
    for item in followed:
        if result and _are_tones(result[-1], item):
            result[-1] = unite([result[-1], item], channels_heard=1)
        else:
            result.append(item)
    return result


def _are_tones(one: Followed, other: Followed) -> bool:
    (low, _), (high, _) = one, other
    shift_hz = high.center_freq_hz - low.center_freq_hz
    widths = sorted((low.occupied_bw_hz, high.occupied_bw_hz))
    powers = sorted((low.mean_power, high.mean_power))
    alike = (
        low.channels_heard == high.channels_heard == 1
        and shift_hz <= min(_LARGEST_SHIFT_HZ, _SHIFT_WIDTHS * widths[1])
        and widths[1] <= _WIDTH_RATIO * widths[0]
        and powers[1] <= _POWER_RATIO * powers[0]
    )
    return alike and (_come_and_go_together(one, other) or _meet_in_splatter(one, other))


def _come_and_go_together(one: Followed, other: Followed) -> bool:
    tracks = one[1], other[1]
    courses = [track.course for track in tracks]
    if courses[0] is None or courses[1] is None:
        return False
    intermittent = all(track.duty_cycle is not None and track.duty_cycle < _LARGEST_DUTY for track in tracks)
    hits = [course.hit for course in courses if course is not None]
    known = np.isfinite(courses[0].power) & np.isfinite(courses[1].power)
    return intermittent and bool(np.all(hits[0][known] == hits[1][known])) and bool(np.any(~hits[0][known]))


def _meet_in_splatter(one: Followed, other: Followed) -> bool:
    (low, _), (high, _) = one, other
    for emitter in (low, high):
        if emitter.width_6db_hz is None or emitter.occupied_bw_hz < _SPLATTER * emitter.width_6db_hz:
            return False
    gap_hz = high.center_freq_hz - low.center_freq_hz - (low.occupied_bw_hz + high.occupied_bw_hz) / 2
    return gap_hz <= _TOUCHING_HZ_SHARE * min(low.occupied_bw_hz, high.occupied_bw_hz)
