"""The register of a room's emitters: each has a number that stays, over passes, positions, visits and records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from baselines.association import Places, pairs_of
from dsp.errors import ParameterError, RecordError
from sweep.chain import ChainedLog
from sweep.room_records import count_visits
from sweep.units import iso_utc, parse_utc

__all__ = ["EmitterRegister", "Sighting", "register_path"]

_FILE = "emitters.jsonl"
_FIELDS = frozenset({"start_time", "position", "bin_width_hz", "sightings"})
_SIGHTED = ("center_freq_hz", "occupied_bw_hz", "power_dbfs", "first_seen", "last_seen")
_SINCE = "power_expanded_uncertainty_db"  # registers of before do not have it
_ID = re.compile(r"E([1-9]\d{0,8})")
_DRIFT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An emitter in one sweep.

    ``start_ns`` is the start of the sweep in nanoseconds since 1970 UTC, ``position`` where the antenna stood,
    ``confirmed`` whether it was a finding: other emissions were heard in too few passes of that sweep.
    ``power_expanded_uncertainty_db`` is None where it is not known.
    """

    emitter: str
    start_ns: int
    position: str | None
    bin_width_hz: float
    center_freq_hz: float
    occupied_bw_hz: float
    power_dbfs: float | None
    first_seen: str | None
    last_seen: str | None
    confirmed: bool = True
    power_expanded_uncertainty_db: float | None = None


class EmitterRegister:
    """Emitters of a room: E1, E2 ..., in an append-only log in the room's folder.

    They are those that were found, and those that were heard in too few passes to be confirmed.

    Parameters
    ----------
    room_folder : Path
    """

    def __init__(self, room_folder: Path) -> None:
        self.path = register_path(room_folder)
        self._log = ChainedLog(
            path=self.path,
            fields=_FIELDS,
            about=("room", room_folder.name),
            noun="emitters that were found",
            mend=f"restore it from a copy, or make it anew with: quietroom emitters {room_folder.name} --rebuild",
        )

    @property
    def exists(self) -> bool:
        """Whether there is one; it can be made anew from the records."""
        return self.path.exists()

    def sightings(self) -> list[Sighting]:
        """Read all sightings, in the order in which they were entered.

        Raises
        ------
        RecordError
            The register is damaged.
        """
        return self._sightings(self._log.read())

    def look_up(
        self, findings: Sequence[Mapping[str, Any]], *, start_ns: int, bin_width_hz: float
    ) -> list[dict[str, Any]]:
        """Give findings the numbers that their emitters have; None for an emitter that has none.

        Raises
        ------
        RecordError
            The register is damaged.
        """
        known = self.sightings()
        return _numbered(findings, _matches(findings, known, bin_width_hz), known, start_ns)

    def enter(
        self,
        findings: Sequence[Mapping[str, Any]],
        *,
        start_ns: int,
        position: str | None,
        bin_width_hz: float,
        n_unconfirmed: int = 0,
    ) -> list[dict[str, Any]]:
        """Give findings the numbers of their emitters, new ones where needed, and keep that they were heard.

        The same sweep entered again changes nothing.

        Parameters
        ----------
        findings : sequence of mapping
            As in the findings JSON. One that has an ``emitter`` already keeps it.
        start_ns : int
            Start of the sweep.
        position : str or None
        bin_width_hz : float
        n_unconfirmed : int
            So many of the findings, the last ones, were heard in too few passes to be confirmed.

        Returns
        -------
        list of dict
            The findings with ``emitter``, and with ``first_seen`` and ``visits`` over the visits up to this one.
            An emitter that is missing has a number if it was ever found, and is not entered.

        Raises
        ------
        RecordError
            The register is damaged, or the disk refuses.
        """
        numbered: list[dict[str, Any]] = []
        n_found = len(findings) - n_unconfirmed
        marks = [{} if index < n_found else {"confirmed": False} for index in range(len(findings))]

        def compose(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
            known = self._sightings(lines)
            ids = _matches(findings, known, bin_width_hz)
            heard = [finding["kind"] != "missing" for finding in findings]
            ids = _with_new(ids, heard, known)
            numbered[:] = _numbered(findings, ids, known, start_ns)
            here = {item.emitter for item in known if (item.start_ns, item.position) == (start_ns, position)}
            new = [
                {"emitter": name, **{key: finding.get(key) for key in _SIGHTED}, _SINCE: _expanded(finding), **mark}
                for name, finding, is_heard, mark in zip(ids, findings, heard, marks, strict=True)
                if is_heard and name not in here
            ]
            if not new:
                return None
            return {
                "start_time": iso_utc(start_ns),
                "position": position,
                "bin_width_hz": bin_width_hz,
                "sightings": new,
            }

        self._log.append(compose)
        return numbered

    def set_aside(self) -> Path | None:
        """Put a register that is there under another name, to make it anew; say which, or None if there is none."""
        if not self.exists:
            return None
        number = 1
        while (aside := self.path.with_suffix(f".old{number}.jsonl")).exists():
            number += 1
        self.path.rename(aside)
        return aside

    def _sightings(self, lines: Sequence[Mapping[str, Any]]) -> list[Sighting]:
        try:
            return [_sighting(line, item) for line in lines for item in line["sightings"]]
        except (KeyError, TypeError, ValueError, ParameterError) as error:
            raise RecordError(
                f"{self.path}: holds what is no sighting ({type(error).__name__}: {error}); {self._log.mend}"
            ) from None


def register_path(room_folder: Path) -> Path:
    """Where the register of a room is kept."""
    return room_folder / _FILE


def _sighting(line: Mapping[str, Any], item: Mapping[str, Any]) -> Sighting:
    if _ID.fullmatch(item["emitter"]) is None:
        raise ValueError(f"emitter {item['emitter']!r}")
    values = {
        **{name: item[name] for name in ("emitter", *_SIGHTED)},
        "start_ns": parse_utc(line["start_time"]),
        "position": line["position"],
        "bin_width_hz": line["bin_width_hz"],
        "occupied_bw_hz": item["occupied_bw_hz"] or 0.0,
        "confirmed": item.get("confirmed", True) is not False,
        _SINCE: item.get(_SINCE),
    }
    return msgspec.convert(values, Sighting)


def _expanded(finding: Mapping[str, Any]) -> float | None:
    told = finding.get("power_uncertainty_db")
    return None if told is None else float(told["expanded"])


def _matches(findings: Sequence[Mapping[str, Any]], known: Sequence[Sighting], bin_width_hz: float) -> list[str | None]:
    """Emitter of each finding: the nearest pairs first, none of them twice."""
    ids: list[str | None] = [finding.get("emitter") for finding in findings]
    before = Places(
        center_hz=np.array([item.center_freq_hz for item in known]),
        width_hz=np.array([item.occupied_bw_hz for item in known]),
        bin_width_hz=np.array([item.bin_width_hz for item in known]),
    )
    own = Places(
        center_hz=np.array([float(finding["center_freq_hz"]) for finding in findings]),
        width_hz=np.array([float(finding["occupied_bw_hz"] or 0.0) for finding in findings]),
        bin_width_hz=np.full(len(findings), bin_width_hz),
    )
    taken = {name for name in ids if name is not None}
    pairs = [(pair.away_hz, pair.own, known[pair.known].emitter) for pair in pairs_of(own, before, _DRIFT)]
    for _, index, name in sorted(pairs):
        if ids[index] is None and name not in taken:
            ids[index] = name
            taken.add(name)
    return ids


def _with_new(ids: Sequence[str | None], heard: Sequence[bool], known: Sequence[Sighting]) -> list[str | None]:
    """Number what was heard and has no number yet."""
    used = [_number(name) for name in (*ids, *(item.emitter for item in known)) if name is not None]
    following = max(used, default=0) + 1
    result = list(ids)
    for index, is_heard in enumerate(heard):
        if is_heard and result[index] is None:
            result[index] = f"E{following}"
            following += 1
    return result


def _number(name: str) -> int:
    match = _ID.fullmatch(name)
    return 0 if match is None else int(match[1])


def _numbered(
    findings: Sequence[Mapping[str, Any]], ids: Sequence[str | None], known: Sequence[Sighting], start_ns: int
) -> list[dict[str, Any]]:
    """Findings with number, first time and visits, from what was found at this time and before it."""
    result = []
    for finding, name in zip(findings, ids, strict=True):
        before = [item for item in known if item.emitter == name and item.start_ns <= start_ns]
        if name is None or finding["kind"] == "missing":
            result.append({**finding, "emitter": name})
            continue
        times = [time for time in (finding.get("first_seen"), *(item.first_seen for item in before)) if time]
        visits = count_visits([start_ns, *(item.start_ns for item in before)])
        result.append({**finding, "emitter": name, "first_seen": min(times, default=None), "visits": visits})
    return result
