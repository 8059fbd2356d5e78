"""What a report shows of every pass and every stay: levels of the findings, occupancy, what camping heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.occupancy import Occupancy, OccupancyCounter
from reports.figures.middles import bins_of, middle_bins
from sweep.camping import hop_of_stay
from sweep.model import FILL, HOP_MEASURED, SweepRow
from sweep.plan import Layout

__all__ = ["LevelTrack", "Passes", "StayShown", "read_passes", "read_stays"]

_MOST_DWELLS = 20_000
"""Dwells of stays that are kept one by one; those of more are too many for any drawing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelTrack:
    """Level of the strongest bin of a finding in every pass.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_rows,)
        Seconds after the first pass.
    mean_dbfs, max_dbfs : ndarray of float64, shape (n_rows,)
        From the mean and from the maximum over the frames of a pass; NaN where not measured.
    """

    time_s: NDArray[np.float64]
    mean_dbfs: NDArray[np.float64]
    max_dbfs: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passes:
    """The passes of a sweep.

    Attributes
    ----------
    begun_ns : int or None
        Start of the first one, monotonic; None where there is none.
    times_s : ndarray of float64, shape (n_rows, 2)
        Start of each, and start of its last dwell, in seconds after the first.
    tracks : mapping
        Finding id to its level in every pass.
    occupancy : Occupancy or None
        Of every bin, without the middles of hops, in which the receiver hears itself. None where it is not known that
        the spectra were averaged enough to tell a signal from noise.
    """

    begun_ns: int | None
    times_s: NDArray[np.float64]
    tracks: Mapping[str, LevelTrack]
    occupancy: Occupancy | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StayShown:
    """A stay of a sweep that camped.

    Attributes
    ----------
    hop : int
        Of the plan, on which the receiver stayed.
    start_s, stop_s : float
        Seconds after the first pass.
    peak_dbfs : ndarray of float32, shape (hop_bins,)
        Highest level over the dwells that were measured.
    dwells_dbfs : ndarray of float32, shape (n_dwells, hop_bins), or None
        Highest level in each dwell, NaN where not measured; None of stays that hold no emission, or of too many.
    """

    hop: int
    start_s: float
    stop_s: float
    peak_dbfs: NDArray[np.float32]
    dwells_dbfs: NDArray[np.float32] | None


def read_passes(
    rows: Iterable[SweepRow],
    layout: Layout,
    findings: Sequence[Mapping[str, Any]],
    floor_dbfs: NDArray[np.float32],
) -> Passes:
    """Read every pass once."""
    places = {str(finding["id"]): slice(*bins_of(layout, finding)) for finding in findings}
    suits = OccupancyCounter.suits(layout.n_averages)
    left_out = middle_bins(layout, findings) if layout.n_hops > 1 else None
    counter = OccupancyCounter(floor_dbfs, left_out) if suits else None
    times_ns: list[tuple[int, int]] = []
    levels: list[NDArray[np.float64]] = []  # 16 bytes a finding and pass
    for row in rows:
        times_ns.append((row.monotonic_ns, max(row.monotonic_ns, int(row.hop_monotonic_ns.max(initial=0)))))
        peaks = [(_peak(row.mean, where), _peak(row.max_hold, where)) for where in places.values()]
        levels.append(np.array(peaks, np.float64))
        if counter is not None:
            counter.add(row)
    times_s, stacked = _seconds(times_ns), np.array(levels).reshape(len(levels), len(places), 2)
    return Passes(
        begun_ns=times_ns[0][0] if times_ns else None,
        times_s=times_s,
        tracks={
            name: LevelTrack(time_s=times_s[:, 0], mean_dbfs=stacked[:, index, 0], max_dbfs=stacked[:, index, 1])
            for index, name in enumerate(places)
        },
        occupancy=counter.result() if counter is not None and times_ns else None,
    )


def read_stays(
    stays: Iterable[SweepRow], layout: Layout, emissions: Sequence[Mapping[str, Any]], *, start_ns: int
) -> tuple[StayShown, ...]:
    """Read every stay once; those on a hop that holds an emission dwell by dwell.

    Parameters
    ----------
    stays : iterable of SweepRow
    layout : Layout
        Of the plan.
    emissions : sequence of mapping
    start_ns : int
        Start of the first pass, monotonic.
    """
    of_emissions = {bins_of(layout, item)[0] // layout.hop_bins for item in emissions}
    dwell_s = 0.0 if layout.n_averages is None else (layout.n_averages + 1) / 2 / layout.bin_width_hz
    shown: list[StayShown] = []
    n_kept = 0
    for stay in stays:
        hop, n_dwells = hop_of_stay(layout, stay), stay.hop_flags.size
        stored = (stay.mean if stay.max_hold is None else stay.max_hold).reshape(n_dwells, layout.hop_bins)
        peak, keeps = stored.max(axis=0), hop in of_emissions and n_kept + n_dwells <= _MOST_DWELLS
        n_kept += n_dwells * keeps
        times_ns = stay.hop_monotonic_ns[(stay.hop_flags & HOP_MEASURED) > 0]
        shown.append(
            StayShown(
                hop=hop,
                start_s=(int(times_ns.min()) - start_ns) / 1e9,
                stop_s=(int(times_ns.max()) - start_ns) / 1e9 + dwell_s,
                peak_dbfs=_levels(peak),
                dwells_dbfs=_levels(stored) if keeps else None,
            )
        )
    return tuple(shown)


def _seconds(times_ns: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Pairs of times in seconds after the first of them, float64 of shape (n, 2)."""
    times = np.asarray(times_ns, np.int64).reshape(-1, 2)
    return np.asarray((times - times[:1, :1].sum()) / 1e9, np.float64)


def _levels(stored: NDArray[np.int16]) -> NDArray[np.float32]:
    return np.where(stored == FILL, np.float32(np.nan), stored / np.float32(100)).astype(np.float32)


def _peak(stored: NDArray[np.int16] | None, where: slice) -> float:
    if stored is None:
        return float("nan")
    highest = int(stored[where].max())
    return float("nan") if highest == FILL else highest / 100
