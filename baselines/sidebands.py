"""What goes with a stronger emitter: lobes of its keying, its skirts, and the other tone of a shift keying."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from baselines.tracking import Followed, Track

__all__ = ["absorb_sidebands"]

_REACH_WIDTHS = 2.0
_WEAKER_RATIO = 4.0  # 6 dB
_LARGEST_DUTY = 0.9
_LARGEST_WIDTH_HZ = 1e6
_MIRROR_REACH_WIDTHS, _MIRROR_REACH_HZ = 12.0, 500_000.0
_MIRROR_BINS, _MIRROR_SHARE, _MIRROR_RATIO = 2.0, 0.3, 30.0
_OFF_CENTER = 0.25  # of its width: one of two tones may have been on for longer
_TOUCHING_SHARE, _FAINT_WIDTHS, _FAINT_RATIO = 0.35, 3.0, 100.0
_BEYOND_MIRRORED = 1.5
_SKIRT_WIDTHS, _SKIRT_RATIO = 1.5, 10**2.6  # beyond its -26 dB points an emission is out of its band


def absorb_sidebands(followed: Sequence[Followed], bin_width_hz: float, *, compared: bool) -> list[Followed]:
    """Leave out what belongs to a stronger emitter next to it.

    Parameters
    ----------
    followed : sequence of (Emitter, Track)
    bin_width_hz : float
    compared : bool
        Whether they are new against a baseline. Without one, the neighbours of a strong station may lie alike on both
        sides of it: steady ones then have to be within three bandwidths of it and 20 dB under it in each bin.

    Returns
    -------
    list of (Emitter, Track)
        In the same order, without those that are

        - an intermittent lobe, its centre within two occupied bandwidths of a burst at least 6 dB stronger;
        - one of a pair of like lobes on both sides of an emitter at least 6 dB stronger, heard in no pass without it,
          where all three come and go, or are new, or touch: keying is symmetric about its carrier;
        - 20 dB or more under such an emitter in each bin, heard in no pass without it, and not much farther off than
          such a pair;
        - a skirt: within one and a half bandwidths of an emitter whose power in each bin is 26 dB higher.

        An operator who looks at the stronger one looks at them. A hopper's width is where it hops, not that of its
        bursts, and a block of more than 1 MHz has no keying: neither takes anything with it.
    """
    mains = [item for item in followed if item[0].channels_heard == 1 and item[0].occupied_bw_hz <= _LARGEST_WIDTH_HZ]
    dropped: set[int] = set()
    for main in mains:
        others = [item for item in followed if item is not main]
        mirrored = [
            item for item in others if _is_mirrored(item, main, mains, bin_width_hz=bin_width_hz, compared=compared)
        ]
        reach_hz = _BEYOND_MIRRORED * max((_away_hz(item, main) for item in mirrored), default=0.0)
        dropped |= {id(item) for item in mirrored}
        dropped |= {
            id(item)
            for item in others
            if _is_lobe(item, main)
            or _is_skirt(item, main, bin_width_hz)
            or (
                _away_hz(item, main) <= reach_hz
                and _is_faint(item, main, bin_width_hz)
                and _heard_only_with(item, main)
            )
        }
    return [item for item in followed if id(item) not in dropped]


def _away_hz(item: Followed, main: Followed) -> float:
    return abs(item[0].center_freq_hz - main[0].center_freq_hz)


def _is_faint(item: Followed, main: Followed, bin_width_hz: float) -> bool:
    return main[0].level / _bins(main, bin_width_hz) >= _FAINT_RATIO * item[0].level / _bins(item, bin_width_hz)


def _is_lobe(item: Followed, other: Followed) -> bool:
    (lobe, lobe_track), (main, main_track) = item, other
    return (
        _intermittent(lobe_track)
        and _intermittent(main_track)
        and abs(lobe.center_freq_hz - main.center_freq_hz) <= _REACH_WIDTHS * main.occupied_bw_hz
        and (
            main.level >= _WEAKER_RATIO * lobe.level
            or (main.mean_power >= _WEAKER_RATIO * lobe.mean_power and _heard_only_with(item, other))
        )
    )


def _is_skirt(item: Followed, other: Followed, bin_width_hz: float) -> bool:
    skirt, main = item[0], other[0]
    return abs(
        skirt.center_freq_hz - main.center_freq_hz
    ) <= _SKIRT_WIDTHS * main.occupied_bw_hz and main.level / _bins(
        other, bin_width_hz
    ) >= _SKIRT_RATIO * skirt.level / _bins(item, bin_width_hz)


def _is_mirrored(
    item: Followed, other: Followed, all_: Sequence[Followed], *, bin_width_hz: float, compared: bool
) -> bool:
    lobe, main = item[0], other[0]
    away_hz = lobe.center_freq_hz - main.center_freq_hz
    reach_hz = min(_MIRROR_REACH_WIDTHS * main.occupied_bw_hz, _MIRROR_REACH_HZ)
    if (
        abs(away_hz) > reach_hz
        or main.level < _WEAKER_RATIO * lobe.level
        or not _goes_with(item, other, bin_width_hz, compared=compared)
    ):
        return False
    slack_hz = _MIRROR_BINS * bin_width_hz + _OFF_CENTER * main.occupied_bw_hz
    return any(
        twin is not item
        and twin is not other
        and abs(twin[0].center_freq_hz - main.center_freq_hz + away_hz)
        <= slack_hz + _MIRROR_SHARE * max(lobe.occupied_bw_hz, twin[0].occupied_bw_hz)
        and lobe.level / _MIRROR_RATIO <= twin[0].level <= lobe.level * _MIRROR_RATIO
        and main.level >= _WEAKER_RATIO * twin[0].level
        and _goes_with(twin, other, bin_width_hz, compared=compared)
        for twin in all_
    )


def _goes_with(item: Followed, main: Followed, bin_width_hz: float, *, compared: bool) -> bool:
    """Whether it comes and goes with a main, or what is as steady is its lobe all the same."""
    if _intermittent(item[1]) or _intermittent(main[1]):
        return _heard_only_with(item, main)
    gap_hz = _away_hz(item, main) - (item[0].occupied_bw_hz + main[0].occupied_bw_hz) / 2
    if compared or gap_hz <= _TOUCHING_SHARE * item[0].occupied_bw_hz:
        return True
    near = _away_hz(item, main) <= _FAINT_WIDTHS * main[0].occupied_bw_hz
    return near and _is_faint(item, main, bin_width_hz)


def _heard_only_with(item: Followed, main: Followed) -> bool:
    course, main_course = item[1].course, main[1].course
    if course is None or main_course is None:
        return False
    return not bool(np.any(course.hit & ~main_course.hit & np.isfinite(main_course.power)))


def _intermittent(track: Track) -> bool:
    return track.duty_cycle is not None and track.duty_cycle < _LARGEST_DUTY


def _bins(item: Followed, bin_width_hz: float) -> float:
    return max(1.0, item[0].occupied_bw_hz / bin_width_hz)
