"""Emitters of a room over its visits: emissions of its records that are taken for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.association import Places, pairs_of
from baselines.chronicle.sights import Change, Sight, changes_of
from baselines.chronicle.told import RecordTold, drift_between

__all__ = ["EmitterTold", "Heard", "associate", "listed_sight"]

_THREATS = ("high", "medium", "low", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An emission of a record, taken for one of an emitter."""

    record: RecordTold
    emission: Mapping[str, Any]
    is_ambiguous: bool = False

    @property
    def is_confirmed(self) -> bool:
        """Whether it was a finding."""
        return any(item is self.emission for item in self.record.findings)

    @property
    def is_missing(self) -> bool:
        """Whether the record lists it because it was not heard."""
        return self.emission.get("kind") == "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitterTold:
    """An emitter over the visits of a room.

    Attributes
    ----------
    id : str
        ``H1``, ``H2`` ...; of this history only.
    center_freq_hz, occupied_bw_hz : float
        Of the latest sight.
    known_as : str or None
        In the list of the room's known emitters, at the latest sight.
    numbers : tuple of str
        That the room's register gave it.
    sights : tuple of Sight
        One for each visit.
    """

    id: str
    center_freq_hz: float
    occupied_bw_hz: float
    known_as: str | None
    numbers: tuple[str, ...]
    sights: tuple[Sight, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What changed from visit to visit."""
        return changes_of(self.sights)

    @property
    def threat(self) -> str | None:
        """The latest level of threat."""
        return next((sight.threat for sight in reversed(self.sights) if sight.threat is not None), None)

    @property
    def decision(self) -> Mapping[str, Any] | None:
        """The latest decision about it."""
        return next((sight.decision for sight in reversed(self.sights) if sight.decision is not None), None)


def associate(records: Sequence[RecordTold]) -> list[list[Heard]]:
    """Put the emissions of records, in the order of time, together by emitter.

    An emission of a record belongs to one emitter at most, and an emitter has one of a record at most: the nearest
    pairs first, each against the latest sight of the emitter.
    """
    emitters: list[list[Heard]] = []
    for record in records:
        known = Places(
            center_hz=np.array([float(one[-1].emission["center_freq_hz"]) for one in emitters]),
            width_hz=np.array([float(one[-1].emission.get("occupied_bw_hz") or 0.0) for one in emitters]),
            bin_width_hz=np.array([one[-1].record.bin_width_hz for one in emitters]),
        )
        drift = np.array([drift_between(record, one[-1].record) for one in emitters])
        pairs = pairs_of(record.places, known, drift)
        of_own, of_known = Counter(pair.own for pair in pairs), Counter(pair.known for pair in pairs)
        matched: dict[int, int] = {}
        for pair in pairs:
            if pair.own not in matched and pair.known not in matched.values():
                matched[pair.own] = pair.known
        for index, emission in enumerate(record.emissions):
            at = matched.get(index)
            if at is None:
                emitters.append([Heard(record=record, emission=emission)])
                continue
            is_ambiguous = of_own[index] > 1 or of_known[at] > 1
            emitters[at].append(Heard(record=record, emission=emission, is_ambiguous=is_ambiguous))
    return emitters


def listed_sight(heard: Sequence[Heard]) -> Sight:
    """What the records of one visit that list an emitter say of it together: that of the strongest finding."""
    present = [one for one in heard if not one.is_missing]
    if not present:
        one = heard[0]
        return Sight(
            state="not_heard",
            record=one.record.path.name,
            position=one.record.position,
            finding=str(one.emission["id"]),
            kind="missing",
            is_missing=True,
            is_ambiguous=one.is_ambiguous,
            decision=one.record.decisions.get(str(one.emission["id"])),
        )
    best = max(present, key=lambda one: (one.is_confirmed, one.emission.get("power_dbfs") or -np.inf))
    emission, record = best.emission, best.record
    threats = [str((one.emission.get("threat") or {}).get("level")) for one in present]
    decided = [one.record.decisions.get(str(one.emission["id"])) for one in present]
    return Sight(
        state="seen" if best.is_confirmed else "unconfirmed",
        record=record.path.name,
        position=record.position,
        finding=str(emission["id"]),
        center_freq_hz=emission["center_freq_hz"],
        occupied_bw_hz=emission.get("occupied_bw_hz"),
        power_dbfs=emission.get("power_dbfs"),
        uncertainty_db=(emission.get("power_uncertainty_db") or {}).get("expanded"),
        threat=min((level for level in threats if level in _THREATS), key=_THREATS.index, default=None),
        signal_type=emission.get("signal_type"),
        kind=emission.get("kind"),
        decision=max((line for line in decided if line), key=lambda line: str(line["time"]), default=None),
        levels={
            str(one.record.position): float(one.emission["power_dbfs"])
            for one in present
            if one.record.position is not None and one.emission.get("power_dbfs") is not None
        },
        gain_db=record.gain_db,
        is_ambiguous=any(one.is_ambiguous for one in present),
    )
