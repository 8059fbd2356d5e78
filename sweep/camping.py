"""Camping: after its fast passes a receiver stays for about a second at a time where bursts are most to be feared.

A stay is some contiguous dwells on one hop of the plan, and is kept as a row is: what a pass is to the hops of the
plan, a stay is to its dwells. The receiver is retuned between stays only.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dsp.errors import DeviceError, ParameterError
from sweep.health.losses import NO_STAY
from sweep.journal.documents import one_line
from sweep.look_taking import RetunableSource
from sweep.looks import LookRequest
from sweep.model import HOP_MEASURED, HopGap, HopSamples, IqSource, SpectraSource, SweepRow
from sweep.plan import Layout, SweepPlan
from sweep.stitch import RowBuilder
from sweep.stored_hop import examine
from sweep.units import format_hz

__all__ = [
    "CampPlan",
    "CampRequest",
    "CampedSource",
    "dwells_of",
    "holds_stays",
    "hop_of_stay",
    "stay_dwells",
    "stay_on",
    "stay_row",
]

_STAY_S = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class CampPlan:
    """Where to camp, by hops of the plan.

    Attributes
    ----------
    candidates : tuple of int
        Hops in which the passes heard something and could not settle what; the most urgent first.
    bands : tuple of tuple of int
        Hops of each band where devices are found. No hop is in two of them.

    Examples
    --------
    >>> plan = CampPlan(candidates=(7,), bands=((1, 2), (5,)))
    >>> list(itertools.islice(plan.hops(), 9))
    [7, 1, 7, 5, 7, 2, 7, 5, 7]
    """

    candidates: tuple[int, ...]
    bands: tuple[tuple[int, ...], ...]

    def hops(self) -> Iterator[int]:
        """Hop after hop, for ever: candidates and bands by turns, so that wherever it is cut each has a fair share.

        Every second stay is on a candidate, as these are few. The bands take turns, whatever their width; within a
        band the hops do.
        """
        by_band = [itertools.cycle(hops) for hops in self.bands if hops]
        turns = [
            *([itertools.cycle(self.candidates)] if self.candidates else []),
            *([(next(band) for band in itertools.cycle(by_band))] if by_band else []),
        ]
        for turn in itertools.cycle(turns):
            yield next(turn)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampRequest:
    """That a receiver is to camp after its passes.

    Attributes
    ----------
    duration_s : float
        Time in all that is to be listened.
    where : callable
        From the layout, the rows and the instrument of the passes to where to camp.
    """

    duration_s: float
    where: Callable[[Layout, Callable[[], Iterable[SweepRow]], Mapping[str, Any]], CampPlan]


class CampedSource(IqSource, Protocol):
    """A recording in which stays were kept."""

    @property
    def n_stays(self) -> int:
        """Stays and failed stays."""
        ...

    @property
    def stay_dwells(self) -> int:
        """Dwells of a whole stay."""
        ...

    def stays(self) -> Iterator[HopSamples | HopGap]:
        """Give what was kept, as `stay_on` gave it."""
        ...


def holds_stays(source: IqSource | SpectraSource) -> TypeGuard[CampedSource]:
    """Whether a source is a recording in which stays were kept."""
    return getattr(source, "n_stays", 0) > 0


def stay_dwells(plan: SweepPlan) -> int:
    """Dwells of one stay: 0.8 s of them, or one where a dwell is longer.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> stay_dwells(plan_hops(((433_000_000, 434_000_000),)))
    62
    """
    return max(1, round(_STAY_S / plan.dwell_s))


def stay_on(source: RetunableSource, hop_index: int, pass_index: int) -> HopSamples | HopGap:
    """Stay on one hop.

    Parameters
    ----------
    source : RetunableSource
    hop_index : int
    pass_index : int
        Number that the stay has, or its gap.

    Returns
    -------
    HopSamples or HopGap
        All dwells in one piece; a gap where the receiver was lost.
    """
    plan = source.plan
    request = LookRequest(center_freq_hz=plan.hop_centers_hz[hop_index], n_dwells=stay_dwells(plan))
    try:
        samples = source.look(request)
        failure = "nothing came"
    except DeviceError as error:
        samples, failure = None, one_line(error)
    if samples is not None:
        return replace(samples, pass_index=pass_index, hop_index=hop_index)
    utc_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
    return HopGap(
        pass_index=pass_index,
        hop_index=hop_index,
        utc_ns=utc_ns,
        monotonic_ns=monotonic_ns,
        reason=f"{NO_STAY} {format_hz(request.center_freq_hz)}: {failure}",
    )


def stay_row(plan: SweepPlan, samples: HopSamples, *, sequence: int, n_dwells: int) -> SweepRow | HopGap:
    """Analyse a stay dwell by dwell, each as a hop of a pass is.

    Parameters
    ----------
    plan : SweepPlan
    samples : HopSamples
        From `stay_on`.
    sequence : int
        Number of the stay within its record.
    n_dwells : int
        Of a whole stay.

    Returns
    -------
    SweepRow or HopGap
        What a row has for each hop, this has for each dwell; dwells that did not come are not measured. A gap where
        none can be used.
    """
    center_hz = plan.hop_centers_hz[samples.hop_index]
    builder = RowBuilder(replace(plan, hop_centers_hz=(center_hz,) * n_dwells))
    refused: HopGap | None = None
    for number, dwell in enumerate(itertools.islice(dwells_of(plan, samples), n_dwells)):
        outcome = examine(plan, dwell)
        if isinstance(outcome, HopGap):
            refused = refused or outcome
        else:
            builder.add(replace(outcome, hop_index=number))
    return refused if refused is not None and builder.is_empty else builder.build(sequence)


def dwells_of(plan: SweepPlan, samples: HopSamples) -> Iterator[HopSamples]:
    """Cut the samples of a hop or a stay into whole dwells; where there is not one, they are given as they are."""
    for number in range(max(1, samples.raw.size // (2 * plan.hop_samples))):
        first = number * plan.hop_samples
        later_ns = first * 1_000_000_000 // plan.sample_rate_hz
        yield replace(
            samples,
            raw=samples.raw[2 * first : 2 * (first + plan.hop_samples)],
            utc_ns=samples.utc_ns + later_ns,
            monotonic_ns=samples.monotonic_ns + later_ns,
            dropped_samples=0 if number else samples.dropped_samples,  # where in the stay they were lost is not known
        )


def hop_of_stay(layout: Layout, stay: SweepRow) -> int:
    """Hop of the plan that a stay was on.

    Parameters
    ----------
    layout : Layout
        Of the plan.
    stay : SweepRow

    Raises
    ------
    ParameterError
        No dwell of it was measured.
    """
    measured = stay.hop_center_freq_hz[(stay.hop_flags & HOP_MEASURED) > 0]
    if not measured.size:
        raise ParameterError(f"stay {stay.sequence} has no dwell that was measured; fetch an intact copy of the record")
    centers: NDArray[np.float64] = layout.freq_hz[layout.hop_bins // 2 :: layout.hop_bins]
    return int(np.abs(centers - measured[0]).argmin())
