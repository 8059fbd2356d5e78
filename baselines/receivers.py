"""Several receivers in one visit: which of them heard what, and where on an axis they meet.

A visit is brought onto its baseline part by part (see `baselines.shifts`). A part ends where another receiver begins,
be it in the visit or in the one whose frequencies and gain the baseline has; a visit by one receiver on a baseline by
one is a single part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from dsp.errors import RecordError
from sweep.plan import Layout
from sweep.units import format_hz

__all__ = ["Bins", "Part", "borders_hz", "by_receivers", "parts_of", "receiver_at"]

_Equipment = Mapping[str, Any]

Bins = slice | NDArray[np.int64]
"""Bins of an axis, to index an array with."""


class _Receiver(msgspec.Struct, frozen=True):
    """What is read of a receiver that shared a plan."""

    ranges_hz: tuple[tuple[float, float], ...]
    serial: str | None = None
    tuner: str | None = None
    antenna: str | None = None
    gain_db: float | None = None
    ppm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bins of an axis in which neither the visit nor what it is held against changes receivers.

    Attributes
    ----------
    bins : slice
    heard : slice
        Bins that the visit's receiver of this part heard.
    begins : str
        Who changes receivers where it begins: ``visit``, ``other``, ``both``, or nobody.
    receivers : tuple of int
        Number of the visit's receiver, and of each other one's: what was heard by the same ones has one frequency error
        and one gain, wherever it lies.
    start_hz, stop_hz : float
        Edges of the part.
    middle_hz : float
        Frequency of its middle bin, which one receiver heard; there may be gaps between its hops.
    """

    bins: slice
    heard: slice
    begins: str
    receivers: tuple[int, ...]
    start_hz: float
    stop_hz: float
    middle_hz: float

    @property
    def words(self) -> str:
        """Its range, for people."""
        return f"{format_hz(round(self.start_hz))} to {format_hz(round(self.stop_hz))}"


def receiver_at(instrument: _Equipment, freq_hz: float) -> _Equipment:
    """The one of several receivers that heard a frequency, as a record names it; the instrument itself of one.

    Examples
    --------
    >>> pair = {"receivers": [{"serial": "A", "ranges_hz": [[0, 10]]}, {"serial": "B", "ranges_hz": [[10, 20]]}]}
    >>> receiver_at(pair, 12)["serial"], receiver_at({"serial": "C"}, 12)["serial"]
    ('B', 'C')
    """
    number = _number_at(instrument, freq_hz)
    return instrument if number < 0 else cast("_Equipment", instrument["receivers"][number])


def borders_hz(instrument: _Equipment) -> tuple[float, ...]:
    """Frequencies at which another receiver begins; none where there is one.

    Raises
    ------
    RecordError
        The receivers are not as a record has them.

    Examples
    --------
    >>> borders_hz({"receivers": [{"ranges_hz": [[0, 10], [20, 30]]}, {"ranges_hz": [[10, 20]]}]}), borders_hz({})
    ((10.0, 20.0), ())
    """
    starts = sorted((start, index) for index, one in enumerate(_receivers(instrument)) for start, _ in one.ranges_hz)
    return tuple(start for (_, before), (start, index) in pairwise(starts) if index != before)


def parts_of(layout: Layout, instrument: _Equipment, others: Iterable[_Equipment] = ()) -> tuple[Part, ...]:
    """Cut an axis where a visit, or what it is held against, changes receivers.

    Parameters
    ----------
    layout : Layout
    instrument : mapping
        Of the visit, as in its record.
    others : iterable of mapping
        Of what it is held against.
    """
    others = tuple(others)
    own = _cuts(layout, borders_hz(instrument))
    theirs = {cut for other in others for cut in _cuts(layout, borders_hz(other))}
    edges, runs = [0, *sorted({*own, *theirs}), layout.n_bins], [0, *own, layout.n_bins]
    who = {(True, True): "both", (True, False): "visit", (False, True): "other", (False, False): ""}
    half_hz = layout.bin_width_hz / 2
    return tuple(
        Part(
            bins=slice(start, stop),
            heard=_run_of(runs, start),
            begins=who[start in own, start in theirs],
            receivers=tuple(
                _number_at(one, float(layout.freq_hz[(start + stop) // 2])) for one in (instrument, *others)
            ),
            start_hz=float(layout.freq_hz[start] - half_hz),
            stop_hz=float(layout.freq_hz[stop - 1] + half_hz),
            middle_hz=float(layout.freq_hz[(start + stop) // 2]),
        )
        for start, stop in pairwise(edges)
    )


def by_receivers(parts: Sequence[Part]) -> list[tuple[list[Part], Bins]]:
    """Put parts that the same receivers heard together, with their bins."""
    groups: dict[tuple[int, ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(part.receivers, []).append(part)
    return [
        (group, group[0].bins if len(group) == 1 else np.r_[tuple(part.bins for part in group)])
        for group in groups.values()
    ]


def _number_at(instrument: _Equipment, freq_hz: float) -> int:
    """Number of the receiver that heard a frequency; -1 for one, and where none did."""
    for number, one in enumerate(_receivers(instrument)):
        if any(start <= freq_hz < stop for start, stop in one.ranges_hz):
            return number
    return -1


def _receivers(instrument: _Equipment) -> tuple[_Receiver, ...]:
    try:
        return msgspec.convert(instrument.get("receivers") or (), tuple[_Receiver, ...])
    except msgspec.ValidationError as error:
        raise RecordError(f"the receivers of a sweep are not as a record has them ({error})") from error


def _cuts(layout: Layout, borders: Iterable[float]) -> list[int]:
    """Bins at which parts begin, within the axis."""
    bins = np.searchsorted(layout.freq_hz, list(borders)).tolist()
    return sorted({bin_ for bin_ in bins if 0 < bin_ < layout.n_bins})


def _run_of(runs: Sequence[int], start: int) -> slice:
    at = int(np.searchsorted(runs, start, side="right"))
    return slice(runs[at - 1], runs[at])
