"""The room's own steady emitters as witnesses: who does not hear them either has not shown that the room is quiet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.aligned import Aligned
from baselines.missing import steady_emitters
from baselines.model import Baseline
from baselines.receivers import by_receivers
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["Witnesses", "call_witnesses"]

_WORTH_SAYING_DB = 6.0
_GONE_NEPERS, _FALLEN_NEPERS = 1.0, 2.3  # less than 4 dB over the floor, or 10 dB less than it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Steady emitters of the room in what one receiver swept, and how many of them it lost.

    Attributes
    ----------
    n_known : int
        Those that stood 10 dB or more over the floor in every visit of the baseline.
    n_lost : int
        Of them, those within 4 dB of the floor now, or 10 dB or more lower against it.
    fall_db : float or None
        Median over them of how far they fell against the noise floor.
    where : str
        Range of a receiver that is one of several; else empty.
    """

    n_known: int
    n_lost: int
    fall_db: float | None = None
    where: str = ""

    @property
    def is_deaf(self) -> bool:
        """Whether more than half are lost: transmitters go off the air one at a time, a cable takes all of them."""
        return 2 * self.n_lost > self.n_known

    @property
    def document(self) -> dict[str, Any]:
        """As in the findings JSON."""
        fall_db = None if self.fall_db is None else round(self.fall_db, 1)
        return {"n_known": self.n_known, "n_lost": self.n_lost, "fall_db": fall_db, "where": self.where or None}

    @property
    def words(self) -> str | None:
        """What is to be said of a receiver that is deaf, or hears less than it did; None of one that hears well."""
        where = f" from {self.where}" if self.where else ""
        many = f"the {self.n_known} steady emitters" if self.n_known > 1 else "the one steady emitter"
        if self.is_deaf:
            lost = f"{self.n_lost} of {many}" if self.n_known > 1 else many
            return (
                f"{lost} that the baseline knows{where} {'were' if self.n_lost > 1 else 'was'} not heard as in its "
                "visits: the receiver may have been deaf; check antenna, cable and gain"
            )
        if self.fall_db is not None and self.fall_db >= _WORTH_SAYING_DB:
            fallen = f"{many} that the baseline knows{where} came in {self.fall_db:.0f} dB weaker than in its visits"
            return f"{fallen}: what is weak was heard that much less; check antenna, cable and gain"
        return None


def call_witnesses(baseline: Baseline, aligned: Aligned) -> tuple[Witnesses, ...]:
    """Ask for the room's emitters, for each receiver of a visit by itself.

    Parameters
    ----------
    baseline : Baseline
    aligned : Aligned
        A visit on the axis of the baseline.
    """
    runs = [run for run in steady_emitters(baseline) if np.isfinite(aligned.log_mean[:, run]).all()]
    rises = np.array([np.median(aligned.log_mean[:, run] - baseline.log_mean[run], axis=1) for run in runs])
    rises = rises.reshape(len(runs), len(aligned.log_mean))  # by emitter and group, in nats
    loudest = rises.max(axis=1)
    above = loudest + np.array([np.median(baseline.above_floor[run]) for run in runs])
    lost = (loudest < -_FALLEN_NEPERS) | (above < _GONE_NEPERS)
    middles = np.array([(run.start + run.stop) // 2 for run in runs], np.int64)
    receivers = by_receivers(aligned.shift.parts)
    told = []
    for parts, bins in receivers:
        heard = np.zeros(baseline.layout.n_bins, bool)
        heard[bins] = True
        mine = heard[middles]
        n_known = int(np.count_nonzero(mine))
        told.append(
            Witnesses(
                n_known=n_known,
                n_lost=int(np.count_nonzero(lost[mine])),
                fall_db=-DB_PER_NEPER_POWER * float(np.median(rises[mine])) if n_known else None,
                where=", ".join(part.words for part in parts) if len(receivers) > 1 else "",
            )
        )
    return tuple(told)
