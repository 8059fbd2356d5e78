"""From the spectra of hops to the rows that are stored: one row is one pass over the plan."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from dsp.errors import ParameterError
from sweep.events import HopDone
from sweep.model import FILL, HOP_OVERLOADED, HopGap, SweepRow
from sweep.plan import SweepPlan
from sweep.stored_hop import StoredHop, level_sizes

__all__ = ["PassAssembler", "RowBuilder", "row_bytes"]

_HOP_FIELDS: dict[str, tuple[type[np.generic], float]] = {
    "hop_utc_ns": (np.int64, 0),
    "hop_monotonic_ns": (np.int64, 0),
    "hop_center_freq_hz": (np.float64, np.nan),
    "hop_gain_db": (np.float32, np.nan),
    "hop_clip_fraction": (np.float32, np.nan),
    "hop_rms_dbfs": (np.float32, np.nan),
    "hop_dc_dbfs": (np.float32, np.nan),
    "hop_fluctuation_db": (np.float32, np.nan),
    "hop_dropped_samples": (np.int32, 0),
    "hop_flags": (np.uint8, 0),
}
_FACTS = np.dtype([(name, kind) for name, (kind, _) in _HOP_FIELDS.items()], align=True)
_NO_FACTS = tuple(empty for _, empty in _HOP_FIELDS.values())
_in_order = operator.itemgetter(*_HOP_FIELDS)


def row_bytes(plan: SweepPlan) -> int:
    """Bytes of one row of a plan, to know what a sweep needs on disk."""
    levels = np.dtype(np.int16).itemsize * sum(level_sizes(plan.hop_bins).values())
    return plan.n_hops * (levels + sum(np.dtype(kind).itemsize for kind, _ in _HOP_FIELDS.values()))


class RowBuilder:
    """Collects the hops of one pass; what never comes stays ``FILL``, with its flags 0.

    Parameters
    ----------
    plan : SweepPlan
    """

    def __init__(self, plan: SweepPlan) -> None:
        self._sizes = level_sizes(plan.hop_bins)
        self._levels = np.full((plan.n_hops, sum(self._sizes.values())), FILL, np.int16)
        self._facts: list[tuple[Any, ...]] = [_NO_FACTS] * plan.n_hops
        self._start: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no hop has come."""
        return self._start is None

    @property
    def n_measured(self) -> int:
        """Hops that have come."""
        return sum(facts is not _NO_FACTS for facts in self._facts)

    def add(self, hop: StoredHop) -> None:
        """Put one hop in its place."""
        self._levels[hop.hop_index] = hop.levels
        self._facts[hop.hop_index] = _in_order(hop.facts)
        if self._start is None:
            self._start = (hop.utc_ns, hop.monotonic_ns)

    def build(self, sequence: int) -> SweepRow:
        """Give the row; its time is that of the first hop that came.

        Parameters
        ----------
        sequence : int
            Number of the row within its record.

        Raises
        ------
        ParameterError
            No hop has come: such a pass is a gap, not a row.
        """
        if self._start is None:
            raise ParameterError(f"pass {sequence} has no hop, so it is no row; record a gap instead")
        arrays: dict[str, Any] = {}
        start = 0
        for name, size in self._sizes.items():
            arrays[name] = self._levels[:, start : start + size].ravel()
            start += size
        facts = np.array(self._facts, _FACTS)
        arrays |= {name: facts[name] for name in _HOP_FIELDS}
        return SweepRow(sequence=sequence, utc_ns=self._start[0], monotonic_ns=self._start[1], **arrays)


class PassAssembler:
    """Turns the examined blocks of a source into rows, one for each pass in which anything was measured.

    Parameters
    ----------
    plan : SweepPlan
    """

    def __init__(self, plan: SweepPlan) -> None:
        self._plan = plan
        self._builder = RowBuilder(plan)
        self._n_rows = 0
        self._n_in_pass = 0  # receivers that share a plan give its hops in another order
        self._last: StoredHop | HopGap | None = None

    def is_next_pass(self, outcome: StoredHop | HopGap) -> bool:
        """Whether a hop is of another pass than the one before it."""
        return self._last is not None and outcome.pass_index != self._last.pass_index

    def has_finished(self, passes: int | None) -> bool:
        """Whether the hop before was the last one of so many passes."""
        last = self._last
        return last is not None and last.pass_index + 1 == passes and self._ends_pass(last)

    def take(self, outcome: StoredHop | HopGap) -> Iterator[HopDone | HopGap | SweepRow]:
        """Take the next hop or gap (see `examine`).

        Yields
        ------
        HopDone, HopGap or SweepRow
            What it completed: the row of an earlier pass, its own hop, the row of its pass.
        """
        if self.is_next_pass(outcome):
            yield from self.finish()
            self._n_in_pass = 0
        self._last = outcome
        self._n_in_pass += 1
        if isinstance(outcome, HopGap):
            yield outcome
        else:
            self._builder.add(outcome)
            yield HopDone(
                pass_index=outcome.pass_index,
                hop_index=outcome.hop_index,
                n_hops=self._plan.n_hops,
                overloaded=bool(outcome.facts["hop_flags"] & HOP_OVERLOADED),
            )
        if self._ends_pass(outcome):
            yield from self.finish()

    def finish(self) -> Iterator[SweepRow]:
        """Give the row of the current pass, if anything was measured in it and it was not given yet."""
        if not self._builder.is_empty:
            yield self._builder.build(self._n_rows)
            self._builder = RowBuilder(self._plan)
            self._n_rows += 1

    def break_off(self, cause: str) -> Iterator[HopGap | SweepRow]:
        """End the sweep within or after the current pass: a gap that says where, and the part that was measured.

        Parameters
        ----------
        cause : str
            Put before the place, for example "stopped by the user".
        """
        last, n_hops = self._last, self._plan.n_hops
        if last is None:
            return
        if last.hop_index is None or last.hop_index == n_hops - 1:
            pass_index, n_done = last.pass_index + 1, 0
        else:
            pass_index, n_done = last.pass_index, self._n_in_pass
        dwell_ns = round(self._plan.dwell_s * 1e9)
        yield HopGap(
            pass_index=pass_index,
            hop_index=None,
            utc_ns=last.utc_ns + dwell_ns,
            monotonic_ns=last.monotonic_ns + dwell_ns,
            reason=f"{cause} at hop {n_done} of {n_hops}",
        )
        yield from self.finish()

    def _ends_pass(self, outcome: StoredHop | HopGap) -> bool:
        return outcome.hop_index is None or outcome.hop_index == self._plan.n_hops - 1
