"""Visits to a town: the rows that the real FFT core makes of the samples of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import msgspec
import numpy as np

from baselines.summary import VisitSummary, summarise
from benchmarks.detection.planting import Plant
from sweep.model import HopSamples, SweepRow
from sweep.plan import Layout, SweepPlan, plan_hops
from sweep.scene.loading import scene_ranges
from sweep.scene.response import REACH
from sweep.scene.room import Room, Station
from sweep.scene.schema import Scene
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine

__all__ = ["Visit", "make_visit", "planted", "room_of", "station_heard"]

_DAY_NS = 86_400_000_000_000
_SETTLE_NS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """A visit: its rows, and what was really there."""

    scene: Scene
    number: int
    plan: SweepPlan
    rows: tuple[SweepRow, ...]

    @property
    def layout(self) -> Layout:
        """Axis of the rows."""
        return self.plan.layout()

    def first(self, passes: int) -> Visit:
        """The same visit, broken off after some passes."""
        return replace(self, rows=self.rows[:passes])

    def summary(self) -> VisitSummary:
        """What detection needs of it."""
        return summarise(self.layout, self.rows)


def make_visit(scene: Scene, number: int, passes: int) -> Visit:
    """Sweep a town.

    Parameters
    ----------
    scene : Scene
    number : int
        0, 1, 2 ... days after the start.
    passes : int
    """
    plan = plan_hops(scene_ranges(scene), gain_db=scene.receiver.gain_db)
    room = room_of(Visit(scene=scene, number=number, plan=plan, rows=()))
    assembler = PassAssembler(plan)
    rows: list[SweepRow] = []
    for pass_index in range(passes):
        for hop_index in range(plan.n_hops):
            hop = _capture(room, plan, number, pass_index, hop_index)
            rows += [item for item in assembler.take(examine(plan, hop)) if isinstance(item, SweepRow)]
    return Visit(scene=scene, number=number, plan=plan, rows=tuple(rows))


def planted(visit: Visit, plants: Sequence[Plant]) -> Visit:
    """The same visit with bugs: only the hops that they reach are received again, with the same noise.

    Images and ghosts of the bugs in other hops are left out: they lie 40 dB lower.
    """
    scene = msgspec.structs.replace(visit.scene, bugs=tuple(item.bug for item in plants))
    room = room_of(replace(visit, scene=scene))
    hops = _reached(visit.plan, plants)
    return replace(visit, scene=scene, rows=tuple(_again(row, room, visit, hops) for row in visit.rows))


def room_of(visit: Visit) -> Room:
    """The room of a visit, with all of its bugs on the air."""
    plan = visit.plan
    return Room(
        visit.scene,
        seed=visit.scene.seed,
        visit=visit.number,
        bugs=tuple(bug.name for bug in visit.scene.bugs),
        sample_rate_hz=plan.sample_rate_hz,
        gain_db=plan.gain_db,
    )


def station_heard(visit: Visit, station: Station, least_db: float = 0.0) -> bool:
    """Whether a station was on the air in any dwell of a visit at this level, over the noise in its own band."""
    plan = visit.plan
    spec = msgspec.structs.replace(station.spec, name=station.name, center_freq_hz=station.center_freq_hz)
    room = room_of(replace(visit, scene=msgspec.structs.replace(visit.scene, emitters=(spec,), bugs=())))
    half = 0.5 * plan.hop_bins * plan.bin_width_hz
    for row in visit.rows if room.stations else ():
        place = room.place_hz(station, row.sequence)
        for hop, center in enumerate(plan.hop_centers_hz):
            if abs(center - place) > half + 0.5 * spec.span_hz:
                continue
            signal = room.signals(center, int(row.hop_utc_ns[hop]), plan.hop_samples, pass_index=row.sequence)
            noise = room.state.noise_density(visit.scene, center) * min(spec.noise_bw_hz, 2 * half)
            if float(np.mean(np.abs(signal) ** 2)) > 10 ** (least_db / 10) * noise:
                return True
    return False


def _capture(room: Room, plan: SweepPlan, visit: int, pass_index: int, hop_index: int) -> HopSamples:
    center = plan.hop_centers_hz[hop_index]
    step_ns = _SETTLE_NS + round(plan.dwell_s * 1e9)
    elapsed_ns = (pass_index * plan.n_hops + hop_index) * step_ns + _SETTLE_NS
    start_ns = round(room.scene.start.timestamp()) * 1_000_000_000 + visit * _DAY_NS + elapsed_ns
    return HopSamples(
        raw=room.capture(center, start_ns, plan.hop_samples, pass_index=pass_index, hop_index=hop_index),
        sample_format="cu8",
        center_freq_hz=float(center),
        sample_rate_hz=plan.sample_rate_hz,
        gain_db=plan.gain_db,
        utc_ns=start_ns,
        monotonic_ns=elapsed_ns,
        pass_index=pass_index,
        hop_index=hop_index,
    )


def _reached(plan: SweepPlan, plants: Sequence[Plant]) -> list[int]:
    centers = np.array(plan.hop_centers_hz)
    hit = np.zeros(len(centers), bool)
    for item in plants:
        hit |= np.abs(centers - item.center_freq_hz) < REACH * plan.sample_rate_hz + 0.5 * item.bug.span_hz
    return [int(hop) for hop in np.flatnonzero(hit)]


def _again(row: SweepRow, room: Room, visit: Visit, hops: Sequence[int]) -> SweepRow:
    """A row with some of its hops received again."""
    plan = replace(visit.plan, hop_centers_hz=tuple(visit.plan.hop_centers_hz[hop] for hop in hops))
    assembler = PassAssembler(plan)
    new: SweepRow | None = None
    for index, hop in enumerate(hops):
        block = replace(_capture(room, visit.plan, visit.number, row.sequence, hop), hop_index=index)
        new = next((item for item in assembler.take(examine(plan, block)) if isinstance(item, SweepRow)), new)
    if new is None:
        return row
    changes: dict[str, np.ndarray] = {}
    for field in fields(SweepRow):
        old = getattr(row, field.name)
        if isinstance(old, np.ndarray):
            changed = old.copy().reshape(visit.plan.n_hops, -1)
            changed[list(hops)] = getattr(new, field.name).reshape(len(hops), -1)
            changes[field.name] = changed.reshape(old.shape)
    return replace(row, **changes)
