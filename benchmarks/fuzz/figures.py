"""What fuzzing a reader gave, as kept in a file and as printed in a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["HEADING", "Figures"]

HEADING = f"{'reader':<17}{'inputs':>9}{'a second':>10}{'refused':>9}{'longest':>10}{'peak':>9}  found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one reader.

    Attributes
    ----------
    inputs, refused : int
    seconds, longest_s : float
        Of all inputs, and of the one that took longest.
    peak_mb : float
        Most memory of the process.
    found : dict
        What came about that must not, and how.
    """

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    peak_mb: float = 0.0
    found: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Figures kept in a file; none of a file that is not there."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls()

    def write(self, path: Path) -> None:
        """Keep them in a file, in which there is at no time half of them."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(path)

    def plus(self, later: Figures) -> Figures:
        """Figures of both runs together.

        Examples
        --------
        >>> both = Figures(inputs=3, peak_mb=9.0).plus(Figures(inputs=4, peak_mb=7.0))
        >>> both.inputs, both.peak_mb
        (7, 9.0)
        """
        return Figures(
            inputs=self.inputs + later.inputs,
            refused=self.refused + later.refused,
            seconds=self.seconds + later.seconds,
            longest_s=max(self.longest_s, later.longest_s),
            peak_mb=max(self.peak_mb, later.peak_mb),
            found={**later.found, **self.found},
        )

    def line(self, name: str) -> str:
        """A line of the table, and below it what was found."""
        text = (
            f"{name:<17}{self.inputs:>9}{self.inputs / max(self.seconds, 1e-9):>10.0f}"
            f"{100 * self.refused / max(1, self.inputs):>8.0f}%{1000 * self.longest_s:>7.0f} ms{self.peak_mb:>6.0f} MB"
            f"  {len(self.found) or 'nothing'}"
        )
        for what, why in self.found.items():
            text += f"\n  {what}\n    " + why.strip().replace("\n", "\n    ")
        return text
