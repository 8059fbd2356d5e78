"""One visit of a room, from an open source to a record: what sweep, replay, baseline learn and demo share."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from baselines.camping import where_to_camp
from baselines.judge import make_judge
from baselines.known import room_list, site_list
from baselines.store import BaselineStore
from dsp.errors import ParameterError, RecordError
from sweep.camping import CampRequest
from sweep.cli.arguments import DEFAULT_FALSE_ALARMS
from sweep.cli.evidence import Evidence, read_evidence
from sweep.cli.progress import follow, say_now
from sweep.cli.room_history import in_room, ready_register
from sweep.cli.sealing import Sealer
from sweep.events import Closed
from sweep.health.machine import planned_bytes
from sweep.model import IqSource, Judge, SpectraSource
from sweep.plan import Layout, SweepPlan
from sweep.session import SweepSession
from sweep.workspace import Workspace, require_free_space

__all__ = ["NO_BASELINE", "Comparison", "Visit", "VisitRequest", "bytes_needed", "record_visit", "wants_trials"]

_REPLAY_SYNC_INTERVAL_S = 0.2
NO_BASELINE = "none"
"""What ``--baseline`` says to compare with nothing."""

TRIALS_VARIABLE = "QUIETROOM_TRIALS"
"""``off`` for work on many records: what each would have found then comes from theory, and says so."""

_STDERR = 2
_STOPPING = b"\nstopping after this hop; once more leaves the journal as it is\n"


def wants_trials() -> bool:
    """Whether a visit is told what it would have found by trying: two seconds a record, unless the user says off.

    Raises
    ------
    ParameterError
        ``QUIETROOM_TRIALS`` is neither on nor off.
    """
    value = os.environ.get(TRIALS_VARIABLE) or "on"
    if value not in ("on", "off"):
        raise ParameterError(f"{TRIALS_VARIABLE}={value} is neither on nor off; set one of them, or unset it")
    return value == "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Which baseline of the room a visit is compared with, and how strictly.

    Attributes
    ----------
    baseline_id : str or None
        None when the room has none, or none is wanted: then every emitter that is heard is listed.
    false_alarms_per_sweep : float
    judge : Judge
    scout : Judge
        The same, in less time: what a visit would have found is not measured.
    layout : Layout or None
        Of the baseline.
    """

    baseline_id: str | None
    false_alarms_per_sweep: float
    judge: Judge
    scout: Judge
    layout: Layout | None = None

    @classmethod
    def choose(
        cls,
        workspace: Workspace,
        room: str,
        baseline_id: str | None = None,
        false_alarms_per_sweep: float = DEFAULT_FALSE_ALARMS,
        *,
        with_trials: bool | None = None,
    ) -> Comparison:
        """Load the wanted baseline of a room, by default the latest one, and what is known to be heard there.

        ``with_trials`` is as for `make_judge`; by default as `wants_trials` says.

        Raises
        ------
        RecordError
            The room has no such baseline, or what is kept of it is damaged.
        """
        folder = workspace.room(room)
        store = BaselineStore(folder)
        wanted = baseline_id != NO_BASELINE and (baseline_id is not None or bool(store.list()))
        baseline = store.load(baseline_id) if wanted else None
        known = (*room_list(folder).entries(), *site_list(workspace.root).entries())
        judge = partial(make_judge, baseline, false_alarms_per_sweep=false_alarms_per_sweep, known=known)
        return cls(
            baseline_id=None if baseline is None else baseline.id,
            false_alarms_per_sweep=false_alarms_per_sweep,
            judge=judge(with_trials=wants_trials() if with_trials is None else with_trials),
            scout=judge(with_trials=False),
            layout=None if baseline is None else baseline.layout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRequest:
    """What a command asks of a visit.

    Attributes
    ----------
    context : mapping
        Position, operator and where the samples come from, for the record.
    live : bool
        Each row is synced to disk at once.
    passes, duration_s, keep_iq
        As for `SweepSession`.
    camp_s : float or None
        How long to camp after the passes, where the judge says.
    time_server : str or None
        Where proof of time for the seal comes from.
    """

    workspace: Workspace
    room: str
    comparison: Comparison
    context: Mapping[str, Any]
    live: bool
    passes: int | None = None
    duration_s: float | None = None
    keep_iq: bool = False
    camp_s: float | None = None
    time_server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A record that was made.

    Attributes
    ----------
    evidence : Evidence
    stopped : bool
        Whether the user ended it early.
    """

    evidence: Evidence
    stopped: bool


def record_visit(source: IqSource | SpectraSource, request: VisitRequest) -> Visit:
    """Record one visit; Ctrl-C closes the record properly.

    Raises
    ------
    QuietroomError
        Of the source, the journal or the record.
    KeyboardInterrupt
        The user interrupted twice; the journal is left, and the message says how to recover it.
    """
    passes = request.passes or getattr(source, "n_passes", None)
    try:
        require_free_space(request.workspace.sweeps, bytes_needed(source, request, passes))
    except RecordError:
        source.close()
        raise
    ready_register(request.workspace, request.room)
    sealer = Sealer.ready(request.workspace, request.time_server)
    session = _session(source, request)
    closed: Closed | None = None
    with _stop_on_interrupt(session.stop):
        for event in follow(session.events(), passes=passes, duration_s=request.duration_s, label=request.room):
            if isinstance(event, Closed):
                closed = event
    assert closed is not None  # the session raises or closes
    path = Path(closed.record_path)
    sealed = sealer.seal_closed(path)
    return Visit(evidence=replace(read_evidence(path), seal=sealed), stopped=session.is_stopping)


def _session(source: IqSource | SpectraSource, request: VisitRequest) -> SweepSession:
    workspace, room, comparison = request.workspace, request.room, request.comparison
    start = {
        "room": room,
        **request.context,
        "baseline": comparison.baseline_id,
        "false_alarms_per_sweep": comparison.false_alarms_per_sweep,
    }
    return SweepSession(
        source,
        start=start,
        name_record=lambda utc_ns: workspace.new_record(room, utc_ns),
        judge=in_room(comparison.judge, workspace, room, position=request.context.get("position")),
        passes=request.passes,
        duration_s=request.duration_s,
        keep_iq=request.keep_iq,
        camp=None if request.camp_s is None else _camp(request.camp_s, comparison),
        tell=say_now(room),
        sync_interval_s=0.0 if request.live else _REPLAY_SYNC_INTERVAL_S,
    )


def _camp(duration_s: float, comparison: Comparison) -> CampRequest:
    """The judge that says where to camp writes nothing into the register of the room."""
    return CampRequest(duration_s=duration_s, where=where_to_camp(comparison.scout))


def bytes_needed(source: IqSource | SpectraSource, request: VisitRequest, passes: int | None) -> int:
    """Journal, record, and the samples where they are kept; nothing where the plan is not known."""
    plan: SweepPlan | None = getattr(source, "plan", None)
    if plan is None:
        return 0
    if request.duration_s is not None:
        passes = 1 + int(request.duration_s / (plan.n_hops * plan.dwell_s))
    return planned_bytes(plan, passes or 1, camp_s=request.camp_s or 0.0, keep_iq=request.keep_iq)


@contextlib.contextmanager
def _stop_on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) stops the sweep in order; the second one interrupts whatever is running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        stop()
        os.write(_STDERR, _STOPPING)  # print may not be called while another print is interrupted

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
