"""How much time a run takes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Effort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Size of a run.

    Attributes
    ----------
    repeats : int
        Turns that the sides take; at least 5, so that a median means something.
    turn_s : float
        Processor time of a side in one turn.
    replay_mib : tuple of int
        Lengths of the recordings that are replayed; the shortest is replayed ``repeats`` times, the others once.
    passes : tuple of int
        Passes of the records whose commands are measured, over the whole band: some 6 MB each.
    dongles : int
        Faulty simulated dongles, each swept four times.
    live_band_hz : tuple of int
        What is swept live, from and to.
    """

    repeats: int
    turn_s: float
    replay_mib: tuple[int, ...]
    passes: tuple[int, ...]
    dongles: int
    live_band_hz: tuple[int, int]


FULL = Effort(
    repeats=9,
    turn_s=0.4,
    replay_mib=(64, 512, 4096),
    passes=(60, 500),
    dongles=40,
    live_band_hz=(24_000_000, 1_766_000_000),
)
QUICK = Effort(
    repeats=5,
    turn_s=0.15,
    replay_mib=(64, 512),
    passes=(10, 60),
    dongles=4,
    live_band_hz=(88_000_000, 200_000_000),
)
