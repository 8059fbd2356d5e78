"""What a detection really is: a planted bug, an emitter that the baseline knows, a new one, one that roams, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.planting import Plant
from benchmarks.detection.visits import Visit, room_of, station_heard
from sweep.scene.room import Station

__all__ = ["CLASSES", "Truth", "finds"]

CLASSES = ("core", "novel", "agile")
"""``core``: noise, an artefact, or an emitter heard in the baseline; ``novel``: an emitter never heard there;
``agile``: one that is elsewhere in every sweep."""

_PAD_HZ = 10_000.0
_CELL_HZ = 50_000.0


@dataclass(slots=True, eq=False)
class Truth:
    """Who is on the air in a town, and whether the baseline could know.

    Parameters
    ----------
    baseline : sequence of Visit
    """

    baseline: Sequence[Visit]
    _known: dict[str, bool] = field(default_factory=dict)

    def label(self, visit: Visit, center_freq_hz: float, width_hz: float) -> str:
        """Class of a detection: ``core`` as soon as anything that the baseline knows lies in its band."""
        half = 0.5 * width_hz + _PAD_HZ
        kinds = {
            self._kind(station)
            for station, low, high in _bands(visit)
            if low < center_freq_hz + half and high > center_freq_hz - half
        }
        if not kinds or "core" in kinds:
            return "core"
        return "novel" if "novel" in kinds else "agile"

    def false_emitters(self, visit: Visit, score: NDArray[np.float32], most: int) -> dict[str, list[float]]:
        """Highest scores of a rule, one for each emitter of the town or cell without one, by class.

        Parameters
        ----------
        visit : Visit
            Without a bug.
        score : ndarray of float32, shape (n_bins,)
        most : int
            Emitters and cells to look at, highest first.
        """
        freq_hz = visit.layout.freq_hz
        owner = -1 - (freq_hz // _CELL_HZ).astype(np.int64)
        numbered = list(_bands(visit))
        for number, (_, low, high) in enumerate(numbered):
            first, last = np.searchsorted(freq_hz, [low - _PAD_HZ, high + _PAD_HZ])
            owner[first:last] = number
        order = np.argsort(score)[::-1]
        _, first_at = np.unique(owner[order], return_index=True)
        found: dict[str, list[float]] = {name: [] for name in CLASSES}
        for at in np.sort(first_at)[:most]:
            number = int(owner[order[at]])
            kind = "core" if number < 0 else self._kind(numbered[number][0])
            found[kind].append(float(score[order[at]]))
        return found

    def _kind(self, station: Station) -> str:
        if station.spec.roams_hz:
            return "agile"
        if station.name not in self._known:
            self._known[station.name] = any(station_heard(visit, station) for visit in self.baseline)
        return "core" if self._known[station.name] else "novel"


def finds(plant: Plant, center_freq_hz: float) -> bool:
    """Whether a detection is a planted bug: its centre lies in the bug's band, give or take a channel."""
    low, high = plant.band_hz
    return low <= center_freq_hz <= high


def _bands(visit: Visit) -> Iterator[tuple[Station, float, float]]:
    """Stations with their band in each of the passes."""
    room = room_of(visit)
    for station in room.stations:
        half = 0.5 * station.spec.span_hz
        for place in {room.place_hz(station, row.sequence) for row in visit.rows}:
            yield station, place - half, place + half
