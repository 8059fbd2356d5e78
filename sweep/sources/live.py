"""What every live receiver has in common: hop after hop, and gaps where it fails.

A hop that could not be received is a gap with its reason, never old data. A receiver that is lost is looked for again
at the next hops, with a wait between tries; when it stays away the rest of the pass is one gap, and the next pass
starts looking again.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.errors import DeviceError
from sweep.health.checks import Check
from sweep.health.counting import Count
from sweep.health.drift import DriftWatch
from sweep.health.watch import OVERLOADED, REPEATED, HopWatch, lower_gains
from sweep.looks import LookRequest
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.tuners import nearest_gain_db
from sweep.units import format_hz

__all__ = ["LiveSource", "Receiver", "Recovery", "TuningRefusedError", "Visit"]


_OLD_SAMPLES = "the receiver gives the same samples again and again; unplug it and plug it in again, into another port"


class TuningRefusedError(DeviceError):
    """The receiver works but cannot tune to this frequency."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """Samples of one frequency.

    Attributes
    ----------
    raw : ndarray of uint8, shape (2 * n_keep,)
    utc_ns, monotonic_ns : int
        When the first of them was taken.
    dropped_samples : int
        Samples known to be lost on the way here.
    """

    raw: NDArray[np.uint8]
    utc_ns: int
    monotonic_ns: int
    dropped_samples: int = 0


class Receiver(Protocol):
    """A tunable receiver of 8-bit IQ samples."""

    def visit(self, center_freq_hz: int, n_skip: int, n_keep: int, *, then_hz: int | None = None) -> Visit:
        """Tune, throw away what was in the pipe and ``n_skip`` samples more, and give ``n_keep`` contiguous ones.

        Parameters
        ----------
        center_freq_hz : int
        n_skip, n_keep : int
        then_hz : int, optional
            What will be visited next: a receiver may tune there before it gives the samples, so that it settles while
            they are analysed. That it fails to says nothing of this visit; the next one will.

        Raises
        ------
        TuningRefusedError
            Not this frequency; others work.
        DeviceError
            The receiver is lost.
        """
        ...

    def set_gain(self, gain_db: float) -> None:
        """Set another fixed gain, in dB.

        Raises
        ------
        DeviceError
            The receiver is lost.
        """
        ...

    def count_losses(self, duration_s: float) -> Count | None:
        """Count lost samples with the chip's own counter; None where it cannot be reached.

        Raises
        ------
        DeviceError
            The receiver is lost.
        """
        ...

    def close(self) -> None:
        """Give the receiver back; a receiver that is lost closes without an error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How a lost receiver is looked for.

    Attributes
    ----------
    patience : int
        Failures in a row within a pass, after the first, before the rest of the pass is given up.
    retry_s : float
        Wait before each new try but the first.
    wait : callable
        Given the seconds; tests pass their own.
    """

    patience: int = 5
    retry_s: float = 1.0
    wait: Callable[[float], None] = time.sleep


class LiveSource:
    """A source of samples (see `sweep.model.IqSource`) over a receiver.

    Parameters
    ----------
    receiver : Receiver
        Connected.
    reconnect : callable
        Gives the same receiver anew, or raises DeviceError.
    plan : SweepPlan
    instrument : Instrument
        With the settle time, which is thrown away after each retune.
    gains_db : tuple of float
        Gains that the receiver has; empty where that is not known.
    tunes_hz : tuple of (start, stop)
        What its tuner covers; by default what the plan does.
    recovery : Recovery
    """

    def __init__(
        self,
        *,
        receiver: Receiver,
        reconnect: Callable[[], Receiver],
        plan: SweepPlan,
        instrument: Instrument,
        gains_db: tuple[float, ...] = (),
        tunes_hz: tuple[tuple[int, int], ...] = (),
        recovery: Recovery | None = None,
    ) -> None:
        self._receiver: Receiver | None = receiver
        self._reconnect = reconnect
        self._plan = plan
        self._hops: Sequence[int] = range(plan.n_hops)
        self._instrument = instrument
        self._gains_db = gains_db
        self._tunes_hz = tunes_hz or ((plan.hop_centers_hz[0], plan.hop_centers_hz[-1]),)
        self._recovery = recovery or Recovery()
        self._n_skip = round((instrument.settle_s or 0.0) * plan.sample_rate_hz)
        self._failures = 0  # in a row, over passes
        self._watch = HopWatch()
        self._drift: DriftWatch | None = None

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver."""
        return self._instrument

    @property
    def plan(self) -> SweepPlan:
        """The plan that ``blocks`` follows."""
        return self._plan

    @property
    def tunes_hz(self) -> tuple[tuple[int, int], ...]:
        """What its tuner covers, in Hz."""
        return self._tunes_hz

    @property
    def gains_db(self) -> tuple[float, ...]:
        """Gains that it has, in dB; empty where that is not known."""
        return self._gains_db

    def note_checks(self, checks: Sequence[Check]) -> None:
        """Add what was checked before the sweep to what is known of the receiver."""
        self._instrument = replace(self._instrument, checks=(*self._instrument.checks, *checks))

    def watch_drift(self, watch: DriftWatch) -> None:
        """Measure the drift of the crystal now and then between hops, and after the last one."""
        self._drift = watch

    def count_losses(self, duration_s: float) -> Count | None:
        """Count lost samples with the chip's own counter; None where it cannot be reached.

        Raises
        ------
        DeviceError
            The receiver is lost.
        """
        try:
            if self._receiver is None:
                self._receiver = self._reconnect()
            return self._receiver.count_losses(duration_s)
        except DeviceError:
            self.close()
            raise

    def take_part(self, plan: SweepPlan, hops: Sequence[int]) -> None:
        """From now on visit these hops of a plan, at this receiver's own gain; others visit the rest of them."""
        self._plan, self._hops = replace(plan, gain_db=self._plan.gain_db), hops

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        """Give hop after hop, pass after pass; for ever when passes is None."""
        for pass_index in itertools.count() if passes is None else range(passes):
            goes_on = passes is None or pass_index + 1 < passes
            yield from self._one_pass(pass_index, then_hz=self._first_hz if goes_on else None)

    def look(self, request: LookRequest) -> HopSamples:
        """Look at another tuning, at the gain nearest to the wanted one; the gain of the plan is set again after it.

        Raises
        ------
        DeviceError
            The receiver is lost or refuses the frequency.
        """
        planned_db = self._plan.gain_db
        gain_db = planned_db
        if planned_db is not None and request.gain_step_db:
            wanted_db = planned_db + request.gain_step_db
            gain_db = nearest_gain_db(self._gains_db, wanted_db) if self._gains_db else wanted_db
        visit = self._visit(request.center_freq_hz, n_keep=request.n_dwells * self._plan.hop_samples, gain_db=gain_db)
        return HopSamples(
            raw=visit.raw,
            sample_format="cu8",
            center_freq_hz=float(request.center_freq_hz),
            sample_rate_hz=self._plan.sample_rate_hz,
            gain_db=gain_db,
            utc_ns=visit.utc_ns,
            monotonic_ns=visit.monotonic_ns,
            pass_index=0,
            hop_index=0,
            dropped_samples=visit.dropped_samples,
        )

    def close(self) -> None:
        """Give the receiver back."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()

    def _one_pass(self, pass_index: int, *, then_hz: int | None) -> Iterator[HopSamples | HopGap]:
        failures = 0
        centers_hz = [self._plan.hop_centers_hz[hop_index] for hop_index in self._hops]
        for hop_index, center_hz, next_hz in zip(self._hops, centers_hz, (*centers_hz[1:], then_hz), strict=True):
            try:
                hop = self._watched(pass_index, hop_index, center_hz, next_hz)
            except TuningRefusedError as error:
                yield _gap(pass_index, hop_index, str(error))
                continue
            except DeviceError as error:
                failures += 1
                if failures > self._recovery.patience:
                    yield _gap(pass_index, None, f"rest of the pass given up: {error}")
                    return
                yield _gap(pass_index, hop_index, str(error))
                continue
            failures = 0
            yield self._with_drift(hop, is_last=then_hz is None and hop_index == self._hops[-1])

    def _with_drift(self, hop: HopSamples | HopGap, *, is_last: bool) -> HopSamples | HopGap:
        """Measure how far the crystal drifted, where it is time to."""
        if self._drift is None or isinstance(hop, HopGap) or not (is_last or self._drift.is_due):
            return hop
        return replace(hop, drift=self._drift.measure())

    def _watched(self, pass_index: int, hop_index: int, center_hz: int, then_hz: int | None) -> HopSamples | HopGap:
        """Receive a hop; with a fault it is taken again, at a lower gain where it is overloaded."""
        watch, gain_db = self._watch, self._watch.gain_db(hop_index)
        visit = self._visit(center_hz, gain_db=gain_db, then_hz=then_hz)
        hop = self._hop(pass_index, hop_index, visit, gain_db)
        fault = watch.fault(hop_index, visit.raw, hop.gain_db)
        if fault is not None and not watch.is_given_up(hop_index, fault):
            tries = lower_gains(self._gains_db, hop.gain_db) if fault == OVERLOADED else (hop.gain_db,)
            for tried_db in tries:
                with contextlib.suppress(DeviceError):
                    again = self._visit(center_hz, gain_db=tried_db, then_hz=then_hz)
                    if watch.fault(hop_index, again.raw, tried_db) is None:
                        return self._mended(self._hop(pass_index, hop_index, again, tried_db), fault)
            watch.give_up(hop_index, fault)
            hop = replace(hop, note=f"{_words(hop)} was {fault}, also when it was taken again; it is kept as it is")
        if fault == REPEATED:
            return _gap(pass_index, hop_index, _OLD_SAMPLES)
        return hop

    def _mended(self, hop: HopSamples, fault: str) -> HopSamples:
        """A hop that was taken again, with what was done."""
        note = f"{_words(hop)} was {fault} and was taken again"
        if fault == OVERLOADED and hop.gain_db is not None:
            self._watch.keep_gain(hop.hop_index, hop.gain_db)
            note += f", and is from now on, at a gain of {hop.gain_db:g} dB"
        return replace(hop, note=note)

    def _visit(
        self,
        center_freq_hz: int,
        *,
        n_keep: int | None = None,
        gain_db: float | None = None,
        then_hz: int | None = None,
    ) -> Visit:
        """Receive one frequency; another gain than that of the plan lasts for this only."""
        stepped = gain_db is not None and gain_db != self._plan.gain_db
        try:
            if self._receiver is None:
                if self._failures > 1:
                    self._recovery.wait(self._recovery.retry_s)
                self._receiver = self._reconnect()
            if stepped and gain_db is not None:
                self._receiver.set_gain(gain_db)
            try:
                n_samples = n_keep or self._plan.hop_samples
                visit = self._receiver.visit(center_freq_hz, self._n_skip, n_samples, then_hz=then_hz)
            finally:
                if stepped and self._plan.gain_db is not None:
                    self._receiver.set_gain(self._plan.gain_db)
        except TuningRefusedError:
            raise
        except DeviceError:
            self._failures += 1
            self.close()
            raise
        self._failures = 0
        return visit

    @property
    def _first_hz(self) -> int:
        return self._plan.hop_centers_hz[self._hops[0]]

    def _hop(self, pass_index: int, hop_index: int, visit: Visit, gain_db: float | None) -> HopSamples:
        return HopSamples(
            raw=visit.raw,
            sample_format="cu8",
            center_freq_hz=float(self._plan.hop_centers_hz[hop_index]),
            sample_rate_hz=self._plan.sample_rate_hz,
            gain_db=self._plan.gain_db if gain_db is None else gain_db,
            utc_ns=visit.utc_ns,
            monotonic_ns=visit.monotonic_ns,
            pass_index=pass_index,
            hop_index=hop_index,
            dropped_samples=visit.dropped_samples,
        )


def _words(hop: HopSamples) -> str:
    return f"hop {hop.hop_index} at {format_hz(hop.center_freq_hz)} of pass {hop.pass_index + 1}"


def _gap(pass_index: int, hop_index: int | None, reason: str) -> HopGap:
    return HopGap(
        pass_index=pass_index,
        hop_index=hop_index,
        utc_ns=time.time_ns(),
        monotonic_ns=time.monotonic_ns(),
        reason=reason,
    )
