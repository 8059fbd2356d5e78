"""One emitter at one visit, and what changed from visit to visit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["HEARD", "NOT_MEASURED", "STATES", "Change", "Sight", "changes_of"]

STATES = ("seen", "unconfirmed", "power_there", "not_heard", "overloaded", "not_measured")
"""What a visit can say of an emitter, the most telling first. ``power_there``: power on its frequency that is not
listed, as that of a room's own emitters is not where they are as the baseline has them."""

HEARD, NOT_MEASURED = frozenset(STATES[:3]), frozenset(STATES[4:])

_LEAST_DB, _UNKNOWN_DB = 3.0, 6.0
"""Change of level that is worth a word, and where the uncertainty of either level is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a visit says of an emitter.

    Attributes
    ----------
    state : str
        One of `STATES`.
    record : str or None
        File name of the record that says so.
    position : str or None
    finding : str or None
        Id in that record.
    center_freq_hz, occupied_bw_hz, power_dbfs : float or None
        As found there.
    uncertainty_db : float or None
        Expanded, of the level.
    threat, signal_type, kind : str or None
    decision : mapping or None
        The latest about that finding.
    levels : mapping
        Level in dBFS by position, of all records of the visit that list it.
    gain_db : float or None
        Of that record.
    limit_dbfs : float or None
        Of a visit that did not hear it: level of narrowband FM that it finds nine times of ten in that band.
    in_baseline : bool
        Whether the baseline of that sweep has power there too.
    is_missing : bool
        Whether the sweep lists it as missing: its baseline has it.
    is_ambiguous : bool
        Whether another emission, or another emitter, was as well placed to be it.
    """

    state: str
    record: str | None = None
    position: str | None = None
    finding: str | None = None
    center_freq_hz: float | None = None
    occupied_bw_hz: float | None = None
    power_dbfs: float | None = None
    uncertainty_db: float | None = None
    threat: str | None = None
    signal_type: str | None = None
    kind: str | None = None
    decision: Mapping[str, Any] | None = None
    levels: Mapping[str, float] | None = None
    gain_db: float | None = None
    limit_dbfs: float | None = None
    in_baseline: bool = False
    is_missing: bool = False
    is_ambiguous: bool = False

    @property
    def is_heard(self) -> bool:
        """Whether there was anything on its frequency."""
        return self.state in HEARD

    @property
    def is_listed(self) -> bool:
        """Whether it was a finding, or unconfirmed."""
        return self.state in STATES[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed at a visit, counted from 0, against the last one before it that could tell.

    ``kind`` is ``appeared``, ``vanished``, ``returned``, ``listed`` (there was power before that was not listed),
    ``unlisted`` (there is power still, and it is not listed), ``level``, ``signal_type`` or ``decision``; ``before``
    and ``after`` are what it was, and ``difference_db`` by how much a level changed.
    """

    visit: int
    kind: str
    before: str | None = None
    after: str | None = None
    difference_db: float | None = None


def changes_of(sights: Sequence[Sight]) -> tuple[Change, ...]:
    """Say what changed over the visits; visits that did not measure the band change nothing.

    Examples
    --------
    >>> states = ("not_measured", "not_heard", "seen", "not_measured", "not_heard", "seen")
    >>> [(change.visit, change.kind) for change in changes_of([Sight(state=state) for state in states])]
    [(2, 'appeared'), (4, 'vanished'), (5, 'returned')]
    """
    told = [(visit, sight) for visit, sight in enumerate(sights) if sight.state not in NOT_MEASURED]
    changes: list[Change] = []
    was_heard = False
    for (_, before), (visit, after) in pairwise([(-1, None), *told]):
        assert after is not None  # only the first is none
        if before is not None and after.is_heard and not before.is_heard:
            changes.append(Change(visit=visit, kind="returned" if was_heard else "appeared"))
        elif before is not None and before.is_heard and not after.is_heard:
            changes.append(Change(visit=visit, kind="vanished"))
        elif before is not None and before.is_listed != after.is_listed and after.is_heard:
            changes.append(Change(visit=visit, kind="listed" if after.is_listed else "unlisted"))
        was_heard |= after.is_heard
    listed = [(visit, sight) for visit, sight in told if sight.is_listed]
    for (_, before), (visit, after) in pairwise(listed):
        changes += _between(visit, before, after)
    return tuple(sorted(changes, key=lambda change: change.visit))


def _between(visit: int, before: Sight, after: Sight) -> Iterator[Change]:
    difference_db = _level_change(before, after)
    if difference_db is not None:
        yield Change(visit=visit, kind="level", difference_db=round(difference_db, 2))
    if before.signal_type and after.signal_type and before.signal_type != after.signal_type:
        yield Change(visit=visit, kind="signal_type", before=before.signal_type, after=after.signal_type)
    was, is_now = _decided(before), _decided(after)
    if was != is_now and is_now is not None:
        yield Change(visit=visit, kind="decision", before=was, after=is_now)


def _level_change(before: Sight, after: Sight) -> float | None:
    """Largest change at a position that both visits had, at one gain; None where it is within what is not known."""
    if before.gain_db is None or before.gain_db != after.gain_db:
        return None
    was, is_now = before.levels or {}, after.levels or {}
    differences = [is_now[place] - was[place] for place in was if place in is_now]
    if not differences:
        return None
    largest = max(differences, key=abs)
    known = [sight.uncertainty_db for sight in (before, after)]
    least_db = _UNKNOWN_DB
    if known[0] is not None and known[1] is not None:
        least_db = max(_LEAST_DB, (known[0] ** 2 + known[1] ** 2) ** 0.5)
    return largest if abs(largest) >= least_db else None


def _decided(sight: Sight) -> str | None:
    return None if sight.decision is None else str(sight.decision["as"])
