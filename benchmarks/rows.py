"""What a benchmark gives: rows of one table, each a ratio with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Goal", "LeftOut", "LeftOutError", "Row", "Spread", "ratio_row", "table"]


class LeftOutError(Exception):
    """The machine lacks what a benchmark needs; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of repeated measurements."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Take the spread of one value or more."""
        return cls(median=statistics.median(values), lowest=min(values), highest=max(values))

    def __str__(self) -> str:
        if self.lowest == self.highest:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({self.lowest:.2f}-{self.highest:.2f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a ratio should reach, or stay under."""

    limit: float
    at_least: bool = True

    def verdict(self, ratio: Spread) -> str:
        """Say the goal and whether the median reaches it."""
        reached = ratio.median >= self.limit if self.at_least else ratio.median <= self.limit
        return f"{'>=' if self.at_least else '<='} {self.limit:g} {'yes' if reached else 'NO'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: ours, what it is held against, and the ratio of the two."""

    what: str
    ours: str
    against: str
    ratio: Spread
    goal: Goal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A line that could not be measured here, and why."""

    what: str
    reason: str


def ratio_row(
    what: str, ours: Sequence[float], against: Sequence[float], *, unit: str, named: str, goal: Goal | None = None
) -> Row:
    """Make a row from the figures of two sides that took turns; the ratio is taken turn by turn.

    Parameters
    ----------
    ours, against : sequence of float
        One figure a turn.
    unit : str
        Of the figures.
    named : str
        What ours is held against.
    """
    ratios = [mine / theirs for mine, theirs in zip(ours, against, strict=True)]
    return Row(
        what=what,
        ours=f"{statistics.median(ours):.3g} {unit}",
        against=f"{named} {statistics.median(against):.3g} {unit}",
        ratio=Spread.of(ratios),
        goal=goal,
    )


def table(rows: Sequence[Row]) -> str:
    """Write rows as one text table."""
    head = ("what", "Quietroom", "against", "ratio (min-max)", "goal")
    cells = [(r.what, r.ours, r.against, str(r.ratio), r.goal.verdict(r.ratio) if r.goal else "") for r in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *cells]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
