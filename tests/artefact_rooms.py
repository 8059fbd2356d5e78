"""Rooms in which a dongle with faults hears strong transmitters, and what of its findings is true.

Each seed is another dongle in another room: another offset, other rejections, another intercept, other transmitters.
True transmitters stand where they are easily taken for artefacts: beside harmonics of the crystal, near images and
products of strong ones, at the centres of hops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline, BaselineVisit
from baselines.summary import summarise
from sweep.look_taking import analyse_look
from sweep.looks import MAX_LOOKS, Look, LookRequest
from sweep.model import SweepRow
from sweep.plan import plan_hops
from sweep.sources.options import SourceOptions
from sweep.sources.sim import SimSource, open_sim
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine

__all__ = ["Tally", "judge_room", "write_room"]

RANGES = ((28_000_000, 34_000_000), (88_000_000, 107_000_000), (428_500_000, 448_000_000))
PASSES = 5
_SPUR_HZ = 432_000_000
_LOW_IF_HZ = 7_140_000


@dataclass(slots=True)
class Tally:
    """How many of what the receiver made were rejected, and how many transmitters were lost.

    Attributes
    ----------
    artefacts, rejected : int
        Candidates that no transmitter explains, and those of them that a test rejected.
    transmitters, lost : int
        Transmitters that gave a candidate, and those of which every candidate was rejected.
    kept : Counter
        Kind of place at which an artefact was kept, for a look at what goes wrong.
    """

    artefacts: int = 0
    rejected: int = 0
    transmitters: int = 0
    lost: int = 0
    kept: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add another room."""
        self.artefacts += other.artefacts
        self.rejected += other.rejected
        self.transmitters += other.transmitters
        self.lost += other.lost
        self.kept += other.kept


class _Looks:
    """Looks straight from a source, without a session."""

    def __init__(self, source: SimSource) -> None:
        self._source = source
        self.taken: list[Look] = []

    def look(self, request: LookRequest) -> Look | None:
        if len(self.taken) >= MAX_LOOKS:
            return None
        self.taken.append(analyse_look(self._source.plan, request, self._source.look(request)))
        return self.taken[-1]


def write_room(path: Path, seed: int) -> Path:
    """Write the scene of a seed; its bugs are what is new to the baseline, strong transmitters among them."""
    rng = np.random.default_rng((7_140, seed))
    hops = plan_hops(RANGES).hop_centers_hz
    stations = _stations(rng)
    crowd = _crowd(rng, hops)
    weak = _weak(rng, hops, [*stations, *crowd])
    receiver: dict[str, Any] = {
        "noise_dbfs_per_hz": -103.0,
        "dc_offset_dbfs": round(rng.uniform(-48, -36), 1),
        "dc_skirt_dbfs": round(rng.uniform(-54, -46), 1),
        "spur_14_4_dbfs": round(rng.uniform(-64, -54), 1),
        "spur_28_8_dbfs": round(rng.uniform(-60, -50), 1),
        "image_rejection_db": round(rng.uniform(26, 42), 1),
        "low_if_image_rejection_db": round(rng.uniform(28, 45), 1),
        "third_harmonic_rejection_db": round(rng.uniform(22, 36), 1),
        "ip3_dbfs": round(rng.uniform(-1, 8), 1),
        "ppm": round(rng.uniform(-20, 20), 1),
    }
    head = {"schema": "quietroom.scene/1", "title": f"faulty dongle {seed}", "seed": seed}
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    lines += ["start = 2026-03-02T09:00:00Z", f"ranges = {[f'{a}:{b}' for a, b in RANGES]}", "[receiver]"]
    lines += [f"{key} = {_toml(value)}" for key, value in receiver.items()]
    half = len(crowd) // 2
    for table, emitters in (
        ("emitters", [*stations, *crowd[:half], *weak[::2]]),
        ("bugs", [*crowd[half:], *weak[1::2]]),
    ):
        for number, emitter in enumerate(emitters):
            lines += [f"[[{table}]]", f'name = "{table[0]}{number}"']
            lines += [f"{key} = {_toml(value)}" for key, value in emitter.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def judge_room(path: Path, *, compared: bool) -> Mapping[bool, Tally]:
    """Sweep a room, and judge it with second looks (True) and as a recording (False).

    Parameters
    ----------
    path : Path
        Of a scene by ``write_room``.
    compared : bool
        Against a baseline of two visits without the bugs; else without one.
    """
    baseline = _baseline(path) if compared else None
    source, rows = _swept(f"{path}?visit=5&bugs=all")
    result = {}
    for looks in (None, _Looks(source)):
        judge = make_judge(baseline)
        judgement = judge(source.plan.layout(), lambda: iter(rows), {"ppm": 0.0}, looks)
        result[looks is not None] = _tally(source, judgement.document, compared=compared)
    return result


def _stations(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Broadcasters on a raster of 100 kHz, of which the third harmonic makes ghosts below 34 MHz."""
    channels = rng.choice(np.arange(885, 1065, 8), size=7, replace=False)
    return [
        {"kind": "wfm", "center_freq_hz": int(channel) * 100_000, "power_dbfs": round(rng.uniform(-26, -16), 1)}
        for channel in sorted(channels)
    ]


def _crowd(rng: np.random.Generator, hops: Sequence[int]) -> list[dict[str, Any]]:
    """Strong narrow transmitters, two or three to a hop, so that they make images and products."""
    inside = [center for center in hops if center > 400_000_000]
    found: list[dict[str, Any]] = []
    for center in rng.choice(inside, size=4, replace=False):
        offsets = rng.choice(np.arange(-800_000, 800_000, 12_500), size=int(rng.integers(2, 4)), replace=False)
        for offset in offsets:
            kind = str(rng.choice(["nfm", "carrier", "tetra"]))
            level = round(rng.uniform(-19, -13), 1)
            found.append({"kind": kind, "center_freq_hz": int(center + offset), "power_dbfs": level})
    return found


def _weak(rng: np.random.Generator, hops: Sequence[int], strong: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Weak transmitters near places where artefacts are, and not under one, where nobody could tell them apart."""
    places = _artefact_places([int(one["center_freq_hz"]) for one in strong], hops)
    wanted = [_SPUR_HZ + int(side * rng.uniform(12_000, 40_000)) for side in (-1, 1)]
    wanted += [int(center) for center in rng.choice(hops, size=2, replace=False)]
    wanted += [int(rng.choice(places) + rng.choice([-1, 1]) * rng.uniform(26_000, 60_000)) for _ in range(6)]
    wanted += [int(rng.uniform(*band)) for band in (RANGES[0], RANGES[2], RANGES[2])]
    found: list[dict[str, Any]] = []
    for freq in wanted:
        taken = [one["center_freq_hz"] for one in found]
        if min(abs(place - freq) for place in (*places, *taken)) < 25_000:
            continue
        if min(abs(one["center_freq_hz"] - freq) - 150_000 * (one["kind"] == "wfm") for one in strong) < 80_000:
            continue
        kind = str(rng.choice(["nfm", "carrier", "nfm", "ook"]))
        emitter: dict[str, Any] = {"kind": kind, "center_freq_hz": freq, "snr_db": round(rng.uniform(14, 26), 1)}
        if kind == "ook":
            emitter |= {"period_s": 0.05, "burst_s": 0.01}
        found.append(emitter)
    return found


def _artefact_places(strong: Sequence[int], hops: Sequence[int]) -> list[int]:
    """Where images, ghosts and products of the strong transmitters are heard."""
    places: list[int] = []
    for tuned in hops:
        near = [freq for freq in strong if abs(freq - tuned) < 1_300_000]
        apparent = [2 * tuned - freq for freq in strong]
        apparent += [2 * tuned + _LOW_IF_HZ - freq for freq in strong]
        apparent += [freq - 2 * tuned - _LOW_IF_HZ for freq in strong]
        apparent += [a + b - c for a in near for b in near for c in near if c not in (a, b)]
        places += [freq for freq in apparent if abs(freq - tuned) < 960_000]
    return places


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _swept(address: str) -> tuple[SimSource, list[SweepRow]]:
    source = open_sim(address, SourceOptions())
    assembler = PassAssembler(source.plan)
    blocks = source.blocks(PASSES)
    return source, [
        item for block in blocks for item in assembler.take(examine(source.plan, block)) if isinstance(item, SweepRow)
    ]


def _baseline(path: Path) -> Baseline:
    summaries, visits = [], []
    for number in range(2):
        source, rows = _swept(f"{path}?visit={number}")
        summaries.append(summarise(source.plan.layout(), rows))
        visits.append(
            BaselineVisit(
                record_id=f"visit-{number}",
                last_leaf="00" * 32,
                start_time=f"2026-03-0{number + 2}T09:00:00Z",
                n_passes=PASSES,
                instrument={"driver": "sim"},
                plan_digest=source.plan.digest,
                gain_db=28.0,
            )
        )
    return build_baseline(summaries, visits, room="lab", created="2026-03-04T09:00:00.000000000Z")


def _tally(source: SimSource, document: Mapping[str, Any], *, compared: bool) -> Tally:
    tally = Tally()
    heard: dict[int, bool] = {}
    for item, kept in _items(document):
        number = _station_of(source, item)
        if number is None:
            tally.artefacts += 1
            tally.rejected += not kept
            if kept:
                tally.kept[_words(item)] += 1
        elif not (compared and source.room.stations[number].name.startswith("e")):
            heard[number] = heard.get(number, False) or kept
    tally.transmitters = len(heard)
    tally.lost = sum(not kept for kept in heard.values())
    return tally


def _items(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], bool]]:
    for key, kept in (("findings", True), ("rejected_candidates", False)):
        yield from ((item, kept) for item in document[key] if item["kind"] != "missing")


def _station_of(source: SimSource, item: Mapping[str, Any]) -> int | None:
    """Number of the transmitter that a candidate is, or is a part of; the strongest of those that it is made of."""
    scale = 1 / (1 + source.room.state.ppm * 1e-6)
    level_dbfs = item["power_dbfs"] if item["power_dbfs"] is not None else 0.0
    found = []
    for number, station in enumerate(source.room.stations):
        away = abs(item["center_freq_hz"] - station.center_freq_hz * scale)
        own_dbfs = source.room.power_dbfs(station, 0)
        reach = max(0.6 * station.spec.span_hz, 8_000.0)
        inside = away <= reach + 0.5 * item["occupied_bw_hz"] and own_dbfs > level_dbfs - 10
        if away <= reach or inside:
            found.append((away > reach, away / reach, number))
    return min(found)[2] if found else None


def _words(item: Mapping[str, Any]) -> str:
    said = [f"{test['test']}: {test['reason']}" for test in item["artefact_tests"] if test["passed"] is not True]
    return (
        f"{item['center_freq_hz'] / 1e6:.4f} MHz, {item['occupied_bw_hz'] / 1e3:.0f} kHz, {item['snr_db']} dB; {said}"
    )
