"""Candidates: runs of bins that stand out, from whatever channel, before they are measured and vetted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.summary import BURST_BOXES, VisitSummary, box_bins
from dsp.emitters import hysteresis_segments, merge_segments
from dsp.statistics import burst_level, burst_p_value, to_linear
from sweep.plan import Layout

__all__ = [
    "BURST_SHARE",
    "ROUNDING",
    "Candidate",
    "Scores",
    "axis_breaks",
    "burst_scores",
    "candidate_of",
    "gather",
    "quiet_fluctuation",
]

ROUNDING = 1e-6
"""By how much a level that only spares the work of looking closer may be off."""

BURST_SHARE = 0.2
"""Share of the false alarms that the burst channel may make."""

_CROWD_SEGMENTS, _CROWD_SHARE = 6, 0.25
_QUIET_FLUCTUATION_DB = 0.8  # largest of 64 frames of pure noise over 768 bins, with room


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run of bins [start, stop) of a row, and what speaks for it.

    ``p_value`` is the chance that a visit without a device shows anything as strong, over all that was searched,
    ``resolution`` the width in bins of the narrowest boxes that stood out.
    """

    start: int
    stop: int
    channels: tuple[str, ...]
    p_value: float
    confirmed: bool
    resolution: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """One channel's view of every bin.

    ``high`` marks bins that pass the channel's threshold, ``low`` those that belong to an emitter once a neighbour
    does, ``confirmed`` those that also pass the channel's persistence test; ``resolution`` is the width in bins of the
    boxes that were looked at. Of the ``bins`` that stood out, ascending, ``expected`` is how many emitters at least as
    strong, over all channels, a visit without a device is expected to show.
    """

    channel: str
    high: NDArray[np.bool_]
    low: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    bins: NDArray[np.int64]
    expected: NDArray[np.float64]
    resolution: int = 1

    @classmethod
    def of(
        cls,
        channel: str,
        *,
        high: NDArray[np.bool_],
        low: NDArray[np.bool_],
        confirmed: NDArray[np.bool_],
        expected: NDArray[np.float64],
        resolution: int = 1,
    ) -> Scores:
        """Keep what is expected, shape (n_bins,), of the bins that stand out: they are few, and the channels many."""
        bins = np.flatnonzero(high)
        return cls(
            channel=channel,
            high=high,
            low=low,
            confirmed=confirmed,
            bins=bins,
            expected=expected[bins],
            resolution=resolution,
        )

    def least_expected(self, start: int, stop: int) -> float:
        """Least that is expected of the high bins in [start, stop), of which there is one."""
        first, last = np.searchsorted(self.bins, (start, stop))
        return float(self.expected[first:last][self.high[self.bins[first:last]]].min())


def axis_breaks(layout: Layout) -> NDArray[np.int64]:
    """Bins after which the frequency axis jumps; no emitter is joined across one.

    Returns
    -------
    ndarray of int64
        Index of the last bin before each jump.
    """
    return np.flatnonzero(np.diff(layout.freq_hz) > 1.5 * layout.bin_width_hz).astype(np.int64)


def quiet_fluctuation(summary: VisitSummary) -> NDArray[np.float32]:
    """Factor by which frames of each group and hop rose together, beyond what noise does; shape (G, n_hops).

    A gain step, an impulse or a front end that breathes lifts every bin at once; burst features are divided by it.
    """
    excess = np.clip(np.nan_to_num(summary.fluctuation_db) - _QUIET_FLUCTUATION_DB, 0, None)
    factor: NDArray[np.float32] = np.power(np.float32(10), (excess / 10).astype(np.float32))
    return factor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Among:
    """What a burst among the room's emitters is held against: what was ever heard there, not noise alone.

    Attributes
    ----------
    known : ndarray of bool, shape (n_bins,)
        Bins among the room's emitters.
    excess : ndarray of float32, shape (G, n_bins)
        How far the largest frame of each group reached above the baseline's mask.
    usual : callable
        From such an excess to how many runs of these bins a visit without a device lifts as far.
    """

    known: NDArray[np.bool_]
    excess: NDArray[np.float32]
    usual: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def burst_scores(
    summary: VisitSummary,
    false_alarms: float,
    *,
    limits: dict[str, NDArray[np.float32]] | None = None,
    among: Among | None = None,
) -> list[Scores]:
    """Judge the self-normalised burst features of a visit.

    Parameters
    ----------
    summary : VisitSummary
    false_alarms : float
        Accepted in one report, over all channels.
    limits : dict of ndarray of float32, shape (n_boxes,), optional
        Largest value of each feature that the baseline explains; a box must exceed it as well.
    among : Among, optional

    Returns
    -------
    list of Scores
        One for each feature, narrow boxes first; a wide box counts only where no narrower one explains it.
    """
    if summary.burst_1 is None or summary.layout.n_averages is None:
        return []
    layout = summary.layout
    fluctuation = quiet_fluctuation(summary)
    explained = np.zeros(layout.n_bins, bool)
    result: list[Scores] = []
    for feature, stored in (("burst_1", summary.burst_1), *summary.bursts.items()):
        value = to_linear(stored)
        value /= np.repeat(fluctuation, value.shape[1] // layout.n_hops, axis=1)
        group, box, expected = _strong_boxes(feature, value, summary, false_alarms, among)
        passed = expected <= false_alarms
        if limits is not None and feature in limits:
            passed &= value[group, box] > limits[feature][box]
        n_passed = np.bincount(box[passed], minlength=value.shape[1])
        least = np.full(value.shape[1], np.inf)
        np.minimum.at(least, box, expected)
        scores = _spread(feature, layout, n_passed >= 1, n_passed >= 2, least)
        if feature in ("burst_64", "burst_512"):
            scores = _where_unexplained(scores, explained)
        explained |= scores.high
        result.append(scores)
    return result


def _strong_boxes(
    feature: str, value: NDArray[np.float32], summary: VisitSummary, false_alarms: float, among: Among | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Group and box of the values that noise alone may not explain, and how many such emitters are expected."""
    layout = summary.layout
    frames = summary.passes.astype(np.float64) * float(layout.n_averages or 1)
    trials = value.size * (1 + len(summary.bursts)) / BURST_SHARE
    level = burst_level(feature, false_alarms / trials, frames) * (1 - ROUNDING)  # the chance itself is to decide
    group, box = np.nonzero(value >= level[:, None])
    expected = burst_p_value(feature, value[group, box], frames[group]) * trials
    if among is not None:
        start, stop = box_bins(feature, box, layout.hop_bins)
        known = np.flatnonzero(_largest(among.known, start, stop))
        for index in range(len(value)):
            mine = known[group[known] == index]
            usual = among.usual(_largest(among.excess[index], start[mine], stop[mine]))
            expected[mine] = np.maximum(expected[mine], usual * len(value) / BURST_SHARE)
    return group, box, expected


def _largest(values: NDArray[Any], start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[Any]:
    """Largest of values[start:stop] for each pair."""
    if start.size == 0:
        return values[:0]
    pairs = np.stack([start, stop], axis=1).ravel()
    return np.asarray(np.maximum.reduceat(np.append(values, values[-1]), pairs)[::2])


def gather(channels: Sequence[Scores], layout: Layout) -> list[Candidate]:
    """Join what the channels marked into candidates.

    Segments are grown by hysteresis and merged over short gaps; in a hop that is crowded with steady segments (the
    comb of an OFDM block) neighbours are joined over gaps as wide as themselves, so that one block stays one emitter.
    The bursts of a frequency hopper crowd a hop too, and stay apart.
    """
    high = np.any([scores.high for scores in channels], axis=0)
    low = np.any([scores.low | scores.high for scores in channels], axis=0)
    breaks = axis_breaks(layout)
    segments = hysteresis_segments(high.astype(np.int8) + low, 2, 1)
    segments = _split_at(segments, breaks)
    # The part of a segment that lies across a jump may hold no bin that stands out.
    segments = segments[[bool(high[start:stop].any()) for start, stop in segments]]
    segments = merge_segments(segments, max_gap=_largest_gap(layout), breaks=breaks)
    steady = np.any([scores.high for scores in channels if scores.channel == "continuous"], axis=0)
    segments = _merge_crowds(segments, np.broadcast_to(steady, high.shape), layout, breaks)
    found = [candidate_of(int(start), int(stop), channels) for start, stop in segments]
    return [candidate for candidate in found if candidate is not None]


def candidate_of(start: int, stop: int, channels: Sequence[Scores]) -> Candidate | None:
    """What speaks for an emitter in a run of bins [start, stop); None where no channel marked any of them."""
    run = slice(start, stop)
    named = [scores for scores in channels if scores.high[run].any()]
    if not named:
        return None
    expected = min(scores.least_expected(start, stop) for scores in named)
    return Candidate(
        start=start,
        stop=stop,
        channels=tuple(dict.fromkeys(scores.channel for scores in named)),
        p_value=float(-np.expm1(-expected)),
        confirmed=any(bool(scores.confirmed[run].any()) for scores in named),
        resolution=min(scores.resolution for scores in named),
    )


def _spread(
    feature: str, layout: Layout, high: NDArray[np.bool_], confirmed: NDArray[np.bool_], expected: NDArray[np.float64]
) -> Scores:
    """From boxes to bins."""
    if feature == "burst_1":
        return Scores.of("burst", high=high, low=high, confirmed=confirmed, expected=expected)
    bins_high = np.zeros(layout.n_bins, bool)
    bins_confirmed = np.zeros(layout.n_bins, bool)
    bins_expected = np.full(layout.n_bins, np.inf)
    boxes = np.flatnonzero(high)
    for box, start, stop in zip(boxes, *box_bins(feature, boxes, layout.hop_bins), strict=True):
        bins_high[start:stop] = True
        bins_confirmed[start:stop] |= confirmed[box]
        bins_expected[start:stop] = np.minimum(bins_expected[start:stop], expected[box])
    return Scores.of(
        "burst",
        high=bins_high,
        low=bins_high,
        confirmed=bins_confirmed,
        expected=bins_expected,
        resolution=BURST_BOXES[feature],
    )


def _where_unexplained(scores: Scores, explained: NDArray[np.bool_]) -> Scores:
    high = scores.high.copy()
    for start, stop in hysteresis_segments(high.astype(np.int8), 1, 1):
        if explained[start:stop].any():
            high[start:stop] = False
    return replace(scores, high=high, low=high, confirmed=scores.confirmed & high)


def _split_at(segments: NDArray[np.int64], breaks: NDArray[np.int64]) -> NDArray[np.int64]:
    pieces: list[tuple[int, int]] = []
    for start, stop in segments.tolist():
        cuts = [int(b) + 1 for b in breaks if start <= b < stop - 1]
        pieces += list(zip([start, *cuts], [*cuts, stop], strict=True))
    return np.array(pieces, np.int64).reshape(-1, 2)


def _merge_crowds(
    segments: NDArray[np.int64], steady: NDArray[np.bool_], layout: Layout, breaks: NDArray[np.int64]
) -> NDArray[np.int64]:
    n_steady = np.concatenate([[0], np.cumsum(steady)])
    hop_of = segments[:, 0] // layout.hop_bins if layout.n_hops > 1 else np.zeros(len(segments), np.int64)
    result: list[NDArray[np.int64]] = []
    for hop in np.unique(hop_of):
        mine = segments[hop_of == hop]
        lasting = mine[n_steady[mine[:, 1]] > n_steady[mine[:, 0]]]
        share = np.sum(lasting[:, 1] - lasting[:, 0]) / layout.hop_bins
        if len(mine) >= _CROWD_SEGMENTS and share > _CROWD_SHARE and layout.n_averages is not None:
            mine = merge_segments(mine, min_gap=8, width_share=1.0, max_gap=_largest_gap(layout), breaks=breaks)
        result.append(mine)
    if not result:
        return segments
    return merge_segments(np.concatenate(result), max_gap=_largest_gap(layout), breaks=breaks)


def _largest_gap(layout: Layout) -> int:
    """Bins without signal that one emitter may hold: a quarter of what the receiver hears at once."""
    return max(4, layout.hop_bins // 4)
