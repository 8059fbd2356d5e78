"""What a detection really is: a planted bug, an emitter known to the baseline, a new one, one that roams, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.detection.planting import Plant
from benchmarks.detection.visits import Visit, station_heard
from sweep.scene.room import Room, Station

__all__ = ["CLASSES", "Detection", "Truth", "finds"]

CLASSES = ("core", "novel", "agile")
_PAD_HZ = 10_000.0
_STRONG_SPAN_SHARE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One emitter that a rule reports: where, how wide, and how sure (larger is surer)."""

    center_freq_hz: float
    width_hz: float
    score: float


@dataclass(slots=True, eq=False)
class Truth:
    """Who is on the air in a town, and whether the baseline could know.

    Parameters
    ----------
    baseline : sequence of Visit
    """

    baseline: Sequence[Visit]
    _known: dict[str, bool] = field(default_factory=dict)

    def label(self, visit: Visit, detection: Detection) -> str:
        """``core`` for noise, an artefact or what the baseline has heard; ``novel`` or ``agile`` for the others."""
        half = 0.5 * detection.width_hz + _PAD_HZ
        low, high = detection.center_freq_hz - half, detection.center_freq_hz + half
        near = [station for station in stations(visit) if _overlaps(station, low, high)]
        kinds = {self._kind(station) for station in near}
        if not kinds or "core" in kinds:
            return "core"
        return "novel" if "novel" in kinds else "agile"

    def _kind(self, station: Station) -> str:
        if station.spec.roams_hz:
            return "agile"
        if station.name not in self._known:
            self._known[station.name] = any(station_heard(visit, station) for visit in self.baseline)
        return "core" if self._known[station.name] else "novel"


def stations(visit: Visit) -> tuple[Station, ...]:
    """The transmitters of a town that are there in a visit, on the air or not."""
    return Room(visit.scene, seed=visit.scene.seed, visit=visit.number).stations


def finds(detection: Detection, plant: Plant) -> bool:
    """Whether a detection is a planted bug: its centre lies in the bug's band, give or take a channel."""
    reach = max(0.5 * plant.bug.span_hz, _PAD_HZ)
    return abs(detection.center_freq_hz - plant.center_freq_hz) <= reach


def _overlaps(station: Station, low: float, high: float) -> bool:
    half = 0.5 * (station.spec.span_hz + station.spec.roams_hz)
    return bool(station.center_freq_hz - half < high and station.center_freq_hz + half > low)


def owners(visit: Visit, freq_hz: np.ndarray, cell_hz: float = 50_000.0) -> np.ndarray:
    """Number of the emitter that each bin is charged to: the station whose band it lies in, else its cell."""
    owner = -1 - (freq_hz // cell_hz).astype(np.int64)
    for number, station in enumerate(stations(visit)):
        half = 0.5 * station.spec.span_hz + _PAD_HZ
        first, last = np.searchsorted(freq_hz, [station.center_freq_hz - half, station.center_freq_hz + half])
        owner[first:last] = number
    return owner
