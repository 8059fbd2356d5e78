"""Who visits which hop where several receivers share a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from dsp.errors import ParameterError
from sweep.plan import SweepPlan
from sweep.units import format_hz

__all__ = ["Reach", "part_ranges", "share_hops"]

_REFERENCE_HZ = (87_500_000, 108_000_000)
_HALVINGS = 60
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a receiver can take of a plan.

    Attributes
    ----------
    tunes_hz : tuple of (start, stop)
        What its tuner covers.
    hop_s : float
        What a hop takes it: settle time and dwell, in any unit.
    """

    tunes_hz: tuple[tuple[int, int], ...]
    hop_s: float

    def beyond_hz(self, freq_hz: int) -> int:
        """How far a frequency lies outside what it covers; 0 inside."""
        return min(max(start - freq_hz, freq_hz - stop, 0) for start, stop in self.tunes_hz)


class _Kind(NamedTuple):
    """Hops that the same receivers tune, in the FM band or in any other."""

    is_other: bool
    takers: tuple[int, ...]


def share_hops(plan: SweepPlan, reaches: Sequence[Reach]) -> tuple[tuple[int, ...], ...]:
    """Share the hops of a plan out, so that all receivers are done at the same time.

    Each has one contiguous part, in the order of what the receivers tune, and else in that in which they are given, so
    that gain and frequency error change in few places. A hop that few tune goes to one of these first. And each has a
    part of the FM band, as far as that is in the plan: there are steady strong stations anywhere in the world, which
    tell the frequency error of a receiver that has nothing of the kind in its own part.

    Parameters
    ----------
    plan : SweepPlan
    reaches : sequence of Reach
        One for each receiver, not empty.

    Returns
    -------
    tuple of tuple of int
        The hops of each receiver, ascending.

    Raises
    ------
    ParameterError
        No receiver tunes a hop, or one has nothing to do.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> plan = plan_hops(((430_000_000, 440_000_000),))
    >>> quick = Reach(tunes_hz=((24_000_000, 1_766_000_000),), hop_s=1.0)
    >>> slow = Reach(tunes_hz=((1, 1_000_000_000),), hop_s=2.0)
    >>> share_hops(plan, [quick, quick]), share_hops(plan, [quick, slow])
    (((0, 1, 2), (3, 4, 5)), ((2, 3, 4, 5), (0, 1)))
    """
    able: dict[_Kind, list[int]] = {}
    for hop, center_hz in enumerate(plan.hop_centers_hz):
        is_reference = _REFERENCE_HZ[0] <= center_hz <= _REFERENCE_HZ[1]
        able.setdefault(_Kind(not is_reference, _takers(plan, hop, reaches)), []).append(hop)
    order = sorted(range(len(reaches)), key=lambda k: sum(reaches[k].tunes_hz[0]) + sum(reaches[k].tunes_hz[-1]))
    owners = [-1] * plan.n_hops
    busy_s = [0.0] * len(reaches)
    for kind in sorted(able, key=lambda kind: (kind.is_other, len(kind.takers))):
        left = iter(able[kind])
        ranked = [k for k in order if k in kind.takers]
        for k, count in zip(ranked, _counts(len(able[kind]), ranked, reaches, busy_s), strict=True):
            busy_s[k] += count * reaches[k].hop_s
            for hop in islice(left, count):
                owners[hop] = k
    parts = tuple(tuple(hop for hop, owner in enumerate(owners) if owner == k) for k in range(len(reaches)))
    if not all(parts):
        raise ParameterError(
            f"{plan.n_hops} hops cannot be shared by {len(reaches)} receivers: one has nothing to do; widen the range "
            "or leave a source out"
        )
    return parts


def part_ranges(plan: SweepPlan, hops: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Give the ranges in Hz that hops cover, neighbours joined.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> part_ranges(plan_hops(((430_000_000, 440_000_000),)), (0, 1, 3))
    ((429998750, 433838750), (435758750, 437678750))
    """
    width, half = plan.bin_width_hz, plan.hop_bins // 2
    ranges: list[tuple[int, int]] = []
    for hop in hops:
        start = plan.hop_centers_hz[hop] - half * width - width // 2
        stop = start + plan.hop_bins * width
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], stop)
        else:
            ranges.append((start, stop))
    return tuple(ranges)


def _takers(plan: SweepPlan, hop: int, reaches: Sequence[Reach]) -> tuple[int, ...]:
    """Receivers that can visit a hop; one at the end of a range may reach half a hop beyond it."""
    center_hz = plan.hop_centers_hz[hop]
    beyond = [reach.beyond_hz(center_hz) for reach in reaches]
    if min(beyond) > plan.hop_bins * plan.bin_width_hz // 2:
        raise ParameterError(f"none of the sources tunes {format_hz(center_hz)}; narrow the range")
    return tuple(index for index, away in enumerate(beyond) if away == min(beyond))


def _counts(n_hops: int, ranked: Sequence[int], reaches: Sequence[Reach], busy_s: Sequence[float]) -> list[int]:
    """How many of some hops each of these receivers takes, so that the last one is done as early as can be."""

    def counts(end_s: float) -> list[int]:
        return [max(0, int((end_s - busy_s[k]) / reaches[k].hop_s + _ROUNDING)) for k in ranked]

    least, most = 0.0, max(busy_s) + n_hops * max(reaches[k].hop_s for k in ranked)
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        least, most = (least, middle) if sum(counts(middle)) >= n_hops else (middle, most)
    found = counts(most)
    latest = sorted(range(len(ranked)), key=lambda at: (busy_s[ranked[at]] + found[at] * reaches[ranked[at]].hop_s, at))
    for at in latest[len(latest) - (sum(found) - n_hops) :]:
        found[at] -= 1
    return found
