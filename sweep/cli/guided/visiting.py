"""What every step of a guided visit has at hand, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweep.cli.guided.console import Console
from sweep.guided.log import DONE, VisitLog
from sweep.guided.steps import Step
from sweep.workspace import Workspace

__all__ = ["INSIDE", "Result", "Swept", "Visiting"]

INSIDE = ("position", "stimulus")
"""Kinds of steps that sweep in the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a step says of itself, for the log; ``text`` is for people."""

    outcome: str = DONE
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A step that made a record."""

    step: Step
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Visiting:
    """A visit under way.

    Attributes
    ----------
    workspace : Workspace
    room : str
    log : VisitLog
    console : Console
    time_server : str or None
    """

    workspace: Workspace
    room: str
    log: VisitLog
    console: Console
    time_server: str | None

    def swept(self) -> Iterator[Swept]:
        """Give the records of the visit that are there, in the order of the steps."""
        outcomes = self.log.outcomes
        for step in self.log.steps:
            outcome = outcomes.get(step.id)
            name = None if outcome is None else outcome.details.get("record")
            if isinstance(name, str):  # a name in the folder of sweeps, whatever the log says
                path = self.workspace.sweeps / Path(name).name
                if path.is_file():
                    yield Swept(step=step, path=path)
