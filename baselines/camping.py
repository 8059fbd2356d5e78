"""Where a sweep camps after its passes: on what they could not settle, and on the bands where devices are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from baselines.device_bands import DEVICE_BANDS, DeviceBand
from sweep.camping import CampPlan
from sweep.model import Judge, SweepRow
from sweep.plan import Layout

__all__ = ["camp_plan", "where_to_camp"]

_DEVICE_WEIGHT = 0.3
"""From this term of the threat score on, in nats, a band is one where devices are found."""

_MOST_CANDIDATES = 32
"""Hops that share every second stay: with more of them none would be listened to for long."""

_SELDOM_SHARE = 0.5


def where_to_camp(
    judge: Judge,
) -> Callable[[Layout, Callable[[], Iterable[SweepRow]], Mapping[str, Any]], CampPlan]:
    """Let a judge say where to camp: it looks at the passes as they are, without second looks.

    Parameters
    ----------
    judge : Judge
        That leaves no trace: it is asked again when the stays are there.
    """

    def where(layout: Layout, rows: Callable[[], Iterable[SweepRow]], instrument: Mapping[str, Any]) -> CampPlan:
        return camp_plan(layout, judge(layout, rows, instrument).document)

    return where


def camp_plan(layout: Layout, document: Mapping[str, Any]) -> CampPlan:
    """Choose hops from what a judge made of the passes; the same document gives the same plan.

    Parameters
    ----------
    layout : Layout
    document : mapping
        A judgement of the passes.

    Returns
    -------
    CampPlan
        Candidates: the hops of what was not confirmed, then of findings heard in half of the passes or fewer, each in
        the order of their threat, 32 at the most. Bands: those of the project's table that speak for a device, the
        most telling first; where the sweep holds none of them, all of its hops are one.
    """
    named = [_hop_at(layout, float(item["center_freq_hz"])) for item in _unsettled(document)]
    bands = _bands(layout) or (tuple(range(layout.n_hops)),)
    return CampPlan(candidates=tuple(dict.fromkeys(named))[:_MOST_CANDIDATES], bands=bands)


def _unsettled(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from document["unconfirmed"]
    for finding in document["findings"]:
        seldom = not finding["confirmed"] or finding["hits"] <= _SELDOM_SHARE * finding["passes"]
        if seldom and finding["kind"] != "missing" and finding["known_as"] is None:
            yield finding


def _hop_at(layout: Layout, freq_hz: float) -> int:
    return int(np.abs(layout.freq_hz - freq_hz).argmin()) // layout.hop_bins


def _bands(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Hops of each band, the narrow ones first to take theirs: a hop belongs to one band only."""
    starts, stops = layout.freq_hz[:: layout.hop_bins], layout.freq_hz[layout.hop_bins - 1 :: layout.hop_bins]
    taken = np.zeros(layout.n_hops, bool)
    found: list[tuple[DeviceBand, tuple[int, ...]]] = []
    telling = [band for band in DEVICE_BANDS if band.weight >= _DEVICE_WEIGHT]
    for band in sorted(telling, key=lambda band: (band.stop_hz - band.start_hz, band.start_hz)):
        inside = (stops >= band.start_hz) & (starts < band.stop_hz) & ~taken
        taken |= inside
        if inside.any():
            found.append((band, tuple(np.flatnonzero(inside).tolist())))
    return tuple(hops for _, hops in sorted(found, key=lambda item: (-item[0].weight, item[0].start_hz)))
