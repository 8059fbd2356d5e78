"""Fuzzing for hours: in legs of some minutes, so that it can be stopped, looked at, and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.fuzz.figures import HEADING, Figures
from benchmarks.fuzz.running import fuzz

__all__ = ["go_on", "table"]

_FIRST_LEG_S, _LEG_S = 30, 600
_MOST_STOPS = 20  # of one reader, by crashes and hangs; beyond, it is to be mended first


def go_on(folder: Path, names: Sequence[str], n_inputs: int) -> None:
    """Fuzz readers until each had so many inputs, counting those of earlier calls; the one soonest done comes first.

    Parameters
    ----------
    folder : Path
        Of the figures, the corpus of each reader, and the inputs that were found.
    names : sequence of str
    n_inputs : int
        For each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while waiting := [name for name in names if _left_s(_figures(folder, name), n_inputs) is not None]:
        name = min(waiting, key=lambda name: _left_s(_figures(folder, name), n_inputs) or 0.0)
        so_far = _figures(folder, name)
        corpus = folder / name / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        leg = fuzz(
            name,
            n_inputs - so_far.inputs,
            keep=folder / name / "found",
            corpus=corpus,
            seed=1 + so_far.inputs,
            longest_s=_LEG_S if so_far.inputs else _FIRST_LEG_S,
        )
        if leg.inputs == 0:
            leg = Figures(found={**leg.found, "no input was read": "see what else was found"})
        so_far.plus(leg).write(folder / f"{name}.json")
        print(leg.line(name), flush=True)


def table(folder: Path, names: Sequence[str]) -> str:
    """What all legs in a folder gave together."""
    lines = [_figures(folder, name).line(name) for name in names]
    return "\n".join([HEADING, *lines])


def _figures(folder: Path, name: str) -> Figures:
    return Figures.read(folder / f"{name}.json")


def _left_s(so_far: Figures, n_inputs: int) -> float | None:
    """Seconds until a reader is done; None where it is, or has to be mended first.

    Examples
    --------
    >>> _left_s(Figures(inputs=10, seconds=5.0), 30), _left_s(Figures(), 30), _left_s(Figures(inputs=30), 30)
    (10.0, 0.0, None)
    """
    if so_far.inputs >= n_inputs or len(so_far.found) > _MOST_STOPS or "no input was read" in so_far.found:
        return None
    return (n_inputs - so_far.inputs) * so_far.seconds / so_far.inputs if so_far.inputs else 0.0
