"""The log of a guided visit: append-only, hash-chained, synced with each step, so that nothing finished is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dsp.errors import RecordError
from sweep.chain import ChainedLog
from sweep.guided.steps import Step, make_steps
from sweep.units import parse_utc

__all__ = [
    "DONE",
    "NOT_POSSIBLE",
    "REOPENED",
    "SKIPPED",
    "Outcome",
    "VisitLog",
    "VisitPlanned",
    "VisitTold",
    "find_visit",
    "visit_logs",
]

DONE, SKIPPED, NOT_POSSIBLE, REOPENED = "done", "skipped", "not possible", "reopened"
_BEGUN = "begun"
_FOLDER = "visits"


class _Line(msgspec.Struct, frozen=True):
    step: str
    outcome: str
    text: str
    by: str
    details: dict[str, Any]
    time: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPlanned:
    """What a visit was begun with; it stays, whatever files say later.

    Attributes
    ----------
    outside : str or None
    positions, stimuli : tuple of str
    source, ranges : tuple of str
        As on the command line; empty for the defaults.
    passes : int or None
    camp_s : float or None
    """

    outside: str | None
    positions: tuple[str, ...]
    stimuli: tuple[str, ...]
    source: tuple[str, ...]
    ranges: tuple[str, ...]
    passes: int | None
    camp_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitTold:
    """A visit as far as it is done, for a report.

    Attributes
    ----------
    id, operator : str
    begun : str
        ISO 8601 in UTC.
    steps : tuple of (Step, Outcome or None)
        None where a step is not finished.
    digest : str
        Hash of the last line of its log, which stands for all before it.
    """

    id: str
    operator: str
    begun: str
    steps: tuple[tuple[Step, Outcome | None], ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a step.

    Attributes
    ----------
    step : str
    outcome : str
        `DONE`, `SKIPPED`, `NOT_POSSIBLE` or `REOPENED`.
    text : str
        Result or reason.
    by, time : str
    details : mapping
        Records and whatever else the step keeps.
    """

    step: str
    outcome: str
    text: str
    by: str
    time: str
    details: Mapping[str, Any]


class VisitLog:
    """One visit, open for going on; made by ``begin`` and ``open``.

    Attributes
    ----------
    path : Path
    id : str
    planned : VisitPlanned
    operator : str
    steps : tuple of Step
    """

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.stem
        self._log = _chained(path)
        self._lines = [self._line(entry) for entry in self._log.read()]
        if not self._lines or self._lines[0].outcome != _BEGUN:
            raise RecordError(f"{path}: does not begin as a visit does; begin a new one with --new")
        self.operator = self._lines[0].by
        try:
            self.planned = msgspec.convert(self._lines[0].details, VisitPlanned)
            self.steps: tuple[Step, ...] = make_steps(
                outside=self.planned.outside, positions=self.planned.positions, stimuli=self.planned.stimuli
            )
        except (msgspec.ValidationError, KeyError, IndexError) as error:
            raise RecordError(f"{path}: has a plan that none wrote ({error}); begin a new visit with --new") from error

    @classmethod
    def begin(cls, room_folder: Path, planned: VisitPlanned, *, by: str) -> VisitLog:
        """Begin a visit.

        Raises
        ------
        RecordError
            The disk refuses.
        """
        folder = room_folder / _FOLDER
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        path, number = folder / f"{stem}.jsonl", 1
        while path.exists():
            number += 1
            path = folder / f"{stem}-{number}.jsonl"
        details = msgspec.to_builtins(planned)
        _chained(path).append(lambda _: {"step": "", "outcome": _BEGUN, "text": "", "by": by, "details": details})
        return cls(path)

    @property
    def begun_ns(self) -> int:
        """When it was begun: nanoseconds since 1970 UTC."""
        return parse_utc(self._lines[0].time)

    @property
    def age_s(self) -> float:
        """Seconds since it was begun."""
        return (time.time_ns() - self.begun_ns) / 1e9

    @property
    def heads(self) -> tuple[str, ...]:
        """Hash of each line."""
        return tuple(line.hash for line in self._lines)

    @property
    def history(self) -> list[Outcome]:
        """Every outcome, oldest first."""
        return [
            Outcome(
                step=line.step,
                outcome=line.outcome,
                text=line.text,
                by=line.by,
                time=line.time,
                details=line.details,
            )
            for line in self._lines[1:]
        ]

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What counts of each finished step: the latest, unless it was opened again."""
        latest = {outcome.step: outcome for outcome in self.history}
        return {step.id: latest[step.id] for step in self.steps if _finished(latest.get(step.id))}

    @property
    def next_step(self) -> Step | None:
        """The first step that is not finished; None at the end."""
        finished = self.outcomes
        return next((step for step in self.steps if step.id not in finished), None)

    @property
    def is_finished(self) -> bool:
        """Whether no step is left."""
        return self.next_step is None

    def told(self) -> VisitTold:
        """Say all of it that a report shows."""
        finished = self.outcomes
        return VisitTold(
            id=self.id,
            operator=self.operator,
            begun=self._lines[0].time,
            steps=tuple((step, finished.get(step.id)) for step in self.steps),
            digest=self._lines[-1].hash,
        )

    def add(self, step: Step, outcome: str, text: str = "", *, details: Mapping[str, Any] | None = None) -> None:
        """Keep what came of a step; it is on the disk when this returns.

        Raises
        ------
        RecordError
            Somebody else goes on with this visit at the same time, the log is damaged, or the disk refuses.
        """
        body = {"step": step.id, "outcome": outcome, "text": text, "by": self.operator, "details": dict(details or {})}

        def compose(entries: Sequence[dict[str, Any]]) -> Mapping[str, Any]:
            if len(entries) != len(self._lines):
                raise RecordError(f"{self.path}: somebody else goes on with this visit; stop here, or there")
            return body

        entry = self._log.append(compose)
        assert entry is not None  # a body was composed
        self._lines.append(self._line(entry))

    def _line(self, entry: Mapping[str, Any]) -> _Line:
        try:
            return msgspec.convert(entry, _Line)
        except msgspec.ValidationError as error:
            raise RecordError(f"{self.path}: holds a line that none wrote ({error}); restore it from a copy") from error


def visit_logs(room_folder: Path) -> list[Path]:
    """Find the visits of a room, oldest first."""
    return sorted((room_folder / _FOLDER).glob("*.jsonl"))


def find_visit(room_folder: Path, visit_id: object) -> VisitLog | None:
    """Open the visit that a record names; None where the room has none of that name.

    Raises
    ------
    RecordError
        Its log is damaged.
    """
    path = next((path for path in visit_logs(room_folder) if path.stem == visit_id), None)
    return None if path is None else VisitLog(path)


def _chained(path: Path) -> ChainedLog:
    return ChainedLog(
        path=path,
        fields=frozenset({"step", "outcome", "text", "by", "details"}),
        about=("visit", path.stem),
        noun="step of the visit",
        mend="restore it from a copy, or begin a new visit with --new",
    )


def _finished(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.outcome != REOPENED
