"""Keying sidebands: the weaker lobes beside a burst are part of it."""

from __future__ import annotations

from collections.abc import Sequence

from baselines.tracking import Followed, Track

__all__ = ["absorb_sidebands"]

_REACH_WIDTHS = 2.0
_WEAKER_RATIO = 4.0  # 6 dB
_LARGEST_DUTY = 0.9
_LARGEST_WIDTH_HZ = 1e6


def absorb_sidebands(followed: Sequence[Followed]) -> list[Followed]:
    """Leave out intermittent emitters that are lobes of a stronger burst next to them.

    Parameters
    ----------
    followed : sequence of (Emitter, Track)

    Returns
    -------
    list of (Emitter, Track)
        In the same order, without those whose centre lies within two occupied bandwidths of a burst at least 6 dB
        stronger, of up to 1 MHz. Keying and pulse shaping put such lobes there; an operator who looks at the burst
        looks at them. A hopper's width is where it hops, not that of its bursts: it takes nothing with it.
    """
    return [item for item in followed if not any(_is_lobe(item, other) for other in followed if other is not item)]


def _is_lobe(item: Followed, other: Followed) -> bool:
    (lobe, lobe_track), (main, main_track) = item, other
    away_hz = abs(lobe.center_freq_hz - main.center_freq_hz)
    return (
        main.channels_heard == 1
        and main.occupied_bw_hz <= _LARGEST_WIDTH_HZ
        and _intermittent(lobe_track)
        and _intermittent(main_track)
        and away_hz <= _REACH_WIDTHS * main.occupied_bw_hz
        and main.level >= _WEAKER_RATIO * lobe.level
    )


def _intermittent(track: Track) -> bool:
    return track.duty_cycle is not None and track.duty_cycle < _LARGEST_DUTY
