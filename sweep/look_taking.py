"""Taking second looks: from a request of the judge through the receiver into the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Protocol, TypeGuard, TypeVar

import numpy as np

from dsp.errors import DeviceError
from dsp.spectra import hop_spectra
from sweep.events import Event, GapSeen, LookTaken, Paused
from sweep.full_disk import at_once
from sweep.health.losses import NO_LOOK
from sweep.iq_writer import IqWriter
from sweep.journal import JournalWriter
from sweep.journal.documents import one_line
from sweep.looks import LOOK_ARRAYS, MAX_LOOKS, Look, LookRequest
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED, HopGap, HopSamples, IqSource, SpectraSource
from sweep.plan import SweepPlan
from sweep.stored_hop import is_overloaded, to_centidecibels
from sweep.units import format_hz

__all__ = ["LookTaker", "RetunableSource", "analyse_look", "can_look"]

T = TypeVar("T")


class RetunableSource(IqSource, Protocol):
    """A source that can look again: a receiver, or a recording in which second looks were kept."""

    def look(self, request: LookRequest) -> HopSamples | None:
        """Tune, settle as in the sweep, and give the dwells of the request in one piece.

        Returns
        -------
        HopSamples or None
            None where a recording holds no such look. Its gain is the one that was set.

        Raises
        ------
        DeviceError
            The receiver was lost or cannot tune there.
        """
        ...


def can_look(source: IqSource | SpectraSource) -> TypeGuard[RetunableSource]:
    """Whether a source can look again."""
    return hasattr(source, "look")


def analyse_look(plan: SweepPlan, request: LookRequest, samples: HopSamples) -> Look:
    """Turn the samples of a look into spectra, dwell by dwell, as a hop of the plan is.

    Parameters
    ----------
    plan : SweepPlan
    request : LookRequest
    samples : HopSamples
        Of whole dwells.

    Returns
    -------
    Look
        With as many dwells as there are samples for.
    """
    per_dwell = 2 * plan.hop_samples
    stored: dict[str, list[np.ndarray]] = {name: [] for name in LOOK_ARRAYS}
    flags = []
    for start in range(0, samples.raw.size - per_dwell + 1, per_dwell):
        spectra = hop_spectra(
            samples.raw[start : start + per_dwell],
            samples.sample_format,
            n_fft=plan.n_fft,
            n_frames=plan.n_frames,
            hop_bins=plan.hop_bins,
            full_scale=samples.full_scale,
            offset_bins=(samples.center_freq_hz - request.center_freq_hz) / plan.bin_width_hz,
        )
        for name, values in stored.items():
            values.append(to_centidecibels(getattr(spectra, name)))
        overloaded = is_overloaded(samples, spectra)
        flags.append(HOP_MEASURED | HOP_OVERLOADED * overloaded | HOP_UNLOCKED * (not samples.tuner_locked))
    arrays: dict[str, Any] = {
        name: np.array(values, np.int16).reshape(-1, plan.hop_bins) for name, values in stored.items()
    }
    return Look(
        request=request,
        utc_ns=samples.utc_ns,
        monotonic_ns=samples.monotonic_ns,
        gain_db=samples.gain_db,
        first_bin=request.center_freq_hz // plan.bin_width_hz - plan.hop_bins // 2,
        flags=np.array(flags, np.uint8),
        failure=None,
        **arrays,
    )


class LookTaker:
    """Second looks through the receiver of a running session; each is on the disk before the judge has it.

    Parameters
    ----------
    source : RetunableSource
    journal : JournalWriter
    until_room : callable
        Writes something, and waits while the disk is full, as ``until_room`` of a sweep.
    tell : callable
        Given what cannot wait until the judge has spoken: that the disk is full.
    pass_index : int
        Number of the pass after the last one; a look that failed is a gap in it.
    is_stopping : callable
        Whether the user wants the sweep to end: then no more looks are taken.
    keep : IqWriter or None
        Keeps the samples of each look.

    Attributes
    ----------
    events : list of Event
        What happened.
    """

    def __init__(
        self,
        source: RetunableSource,
        journal: JournalWriter,
        *,
        until_room: Callable[[Callable[[], Any]], Generator[Event, None, Any]],
        tell: Callable[[Event], None],
        pass_index: int,
        is_stopping: Callable[[], bool],
        keep: IqWriter | None,
    ) -> None:
        self._source = source
        self._journal = journal
        self._until_room = until_room
        self._tell = tell
        self._pass_index = pass_index
        self._is_stopping = is_stopping
        self._keep = keep
        self._looks: list[Look] = []
        self.events: list[Event] = []

    @property
    def taken(self) -> Sequence[Look]:
        """Every look so far, in order; failed ones too."""
        return self._looks

    def look(self, request: LookRequest) -> Look | None:
        """Look; None when the user stopped the sweep, a recording has no such look, or there were enough."""
        known = next((look for look in self._looks if look.request == request), None)
        if known is not None:
            return known
        if self._is_stopping() or len(self._looks) >= MAX_LOOKS:
            return None
        try:
            samples = self._source.look(request)
        except DeviceError as error:
            look = _failed(request, one_line(error))
            self._gap(look)
        else:
            if samples is None:
                return None
            look = analyse_look(self._source.plan, request, samples)
            if self._keep is not None:
                self._insist(partial(self._keep.write_look, samples, request))
        leaf = self._insist(partial(self._journal.append_look, look))
        self._journal.sync()
        self._looks.append(look)
        self.events.append(LookTaken(look=look, leaf=leaf))
        return look

    def _insist(self, append: Callable[[], T]) -> T:
        """Write something; while the disk is full, wait: the judge waits with us."""
        result: T = at_once(self._until_room(append), self._take_event)
        return result

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Paused):
            self._tell(event)
        else:
            self.events.append(event)

    def _gap(self, look: Look) -> None:
        gap = HopGap(
            pass_index=self._pass_index,
            hop_index=None,
            utc_ns=look.utc_ns,
            monotonic_ns=look.monotonic_ns,
            reason=f"{NO_LOOK} {format_hz(look.request.center_freq_hz)}: {look.failure}",
        )
        self._insist(partial(self._journal.append_gap, gap))
        self.events.append(GapSeen(gap=gap))
        if self._keep is not None:
            self._keep.write_failed_look(look)


def _failed(request: LookRequest, failure: str) -> Look:
    nothing: dict[str, Any] = dict.fromkeys(LOOK_ARRAYS, np.empty((0, 0), np.int16))
    return Look(
        request=request,
        utc_ns=time.time_ns(),
        monotonic_ns=time.monotonic_ns(),
        gain_db=None,
        first_bin=0,
        flags=np.empty(0, np.uint8),
        failure=failure,
        **nothing,
    )
