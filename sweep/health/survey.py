"""A short tour over what a receiver tunes, which most checks of it rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.health.counting import Count
from sweep.health.drift import DriftWatch
from sweep.health.samples import SampleFacts, sample_facts
from sweep.looks import LookRequest
from sweep.model import HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.live import TuningRefusedError
from sweep.sources.settle import probe_frequencies

__all__ = ["CheckedSource", "Heard", "Survey", "listen", "survey_of"]

_SURVEY_S, _DOUBTFUL_S = 0.04, 0.25
FM_BAND_HZ = (87_500_000, 108_000_000)


class CheckedSource(Protocol):
    """A live receiver that can be checked."""

    @property
    def instrument(self) -> Instrument:
        """What is known of it."""
        ...

    @property
    def plan(self) -> SweepPlan:
        """What it is to sweep."""
        ...

    @property
    def gains_db(self) -> tuple[float, ...]:
        """Gains that it has; empty where that is not known."""
        ...

    @property
    def tunes_hz(self) -> tuple[tuple[int, int], ...]:
        """What its tuner covers."""
        ...

    def look(self, request: LookRequest) -> HopSamples:
        """Tune, settle as in the sweep, and give some dwells in one piece."""
        ...

    def count_losses(self, duration_s: float) -> Count | None:
        """Count lost samples with the chip's own counter; None where the driver has none."""
        ...

    def watch_drift(self, watch: DriftWatch) -> None:
        """Measure the drift of the crystal while sweeping."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one tuning gave at the gain of the sweep."""

    freq_hz: int
    facts: SampleFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a tour gave.

    Attributes
    ----------
    heard : tuple of Heard
    refused_hz : tuple of int
        Tunings that the receiver refused, of those of the plan.
    n_planned : int
        Tunings of the plan that were tried.
    """

    heard: tuple[Heard, ...]
    refused_hz: tuple[int, ...]
    n_planned: int

    @property
    def weakest(self) -> Heard:
        """The tuning with the least power."""
        return min(self.heard, key=lambda one: one.facts.level_dbfs)

    @property
    def strongest(self) -> Heard:
        """The tuning with the most power."""
        return max(self.heard, key=lambda one: one.facts.level_dbfs)


def survey_of(source: CheckedSource) -> Survey:
    """Listen for a moment here and there in the plan and in the FM band.

    Where the settle time could not be measured what comes first may still be of the tuning before: the last moment of a
    longer look is taken.

    Raises
    ------
    DeviceError
        The receiver was lost.
    """
    planned = set(source.plan.hop_centers_hz)
    heard, refused, n_planned = [], [], 0
    for freq_hz in _tunings(source):
        n_planned += freq_hz in planned
        try:
            raw = listen(source, freq_hz, _SURVEY_S if source.instrument.settle_measured else _DOUBTFUL_S)
            kept = raw[-2 * round(_SURVEY_S * source.plan.sample_rate_hz) :]
            heard.append(Heard(freq_hz=freq_hz, facts=sample_facts(kept)))
        except TuningRefusedError:
            refused += [freq_hz] if freq_hz in planned else []
    return Survey(heard=tuple(heard), refused_hz=tuple(refused), n_planned=n_planned)


def listen(source: CheckedSource, freq_hz: int, duration_s: float, *, gain_step_db: float = 0.0) -> NDArray[np.uint8]:
    """Give the samples of one tuning, shape (2 * n_samples,).

    Raises
    ------
    DeviceError
        The receiver was lost or refuses the frequency.
    """
    n_dwells = math.ceil(duration_s / source.plan.dwell_s)
    request = LookRequest(center_freq_hz=freq_hz, gain_step_db=gain_step_db, n_dwells=n_dwells)
    return source.look(request).raw


def _tunings(source: CheckedSource) -> Iterator[int]:
    lowest, highest = source.tunes_hz[0][0], source.tunes_hz[-1][1]
    for freq_hz in probe_frequencies(source.plan.hop_centers_hz, lowest, highest):
        if any(start <= freq_hz <= stop for start, stop in source.tunes_hz):
            yield freq_hz
