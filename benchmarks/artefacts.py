"""How many artefacts of faulty simulated dongles are rejected, and how many transmitters are lost with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import binomtest

from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, Spread
from tests.artefact_rooms import Tally, judge_room, write_room

__all__ = ["measure"]

_FIRST_SEED = 1000  # those below were looked at while the tests were written
_REJECTED, _LOST = 0.95, 0.02


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the share rejected and the share lost, with and without second looks, with and without a baseline.

    The interval is that of Clopper and Pearson (1934) at 95 %; transmitters of one room are not quite independent.
    """
    totals: dict[tuple[bool, bool], Tally] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(_FIRST_SEED, _FIRST_SEED + effort.dongles):
            path = write_room(Path(folder) / "room.toml", seed)
            for compared in (False, True):
                for looks, tally in judge_room(path, compared=compared).items():
                    totals.setdefault((compared, looks), Tally()).add(tally)
    for (compared, looks), tally in totals.items():
        where = f"{'with' if compared else 'no'} baseline, {'second looks' if looks else 'as a recording'}"
        yield _row(f"artefacts rejected: {where}", tally.rejected, tally.artefacts, Goal(limit=_REJECTED))
        yield _row(f"transmitters lost: {where}", tally.lost, tally.transmitters, Goal(limit=_LOST, at_least=False))


def _row(what: str, hits: int, total: int, goal: Goal) -> Row:
    interval = binomtest(hits, total).proportion_ci(0.95)
    share = hits / total
    return Row(
        what=what,
        ours=f"{100 * share:.1f} % ({hits} of {total})",
        against=f"95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %",
        ratio=Spread(median=share, lowest=float(interval.low), highest=float(interval.high)),
        goal=goal,
    )
