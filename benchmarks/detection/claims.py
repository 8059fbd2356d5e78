"""What a visit claims that it would have found, held against emitters in the samples of later visits.

``python -m benchmarks.detection.claims [--towns N] [--visits N]``: each visit is judged as any is, and says for each
band the weakest emitter of each kind that it finds with a probability of 0.9. Then emitters of just that level are put
on the air at random frequencies of the band, busy or not, the visit is received and judged anew, and what is found is
counted. So is the level claimed for the places of a band at which no other emitters are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
import scipy.stats

from baselines.injection.signals import KINDS, Kind
from baselines.judge import make_judge
from baselines.learning import build_baseline
from baselines.model import Baseline
from benchmarks.detection.campaign import described
from benchmarks.detection.injection import SPECS
from benchmarks.detection.planting import Kind as PlantedKind
from benchmarks.detection.planting import Plant
from benchmarks.detection.towns import DRIFTING, town
from benchmarks.detection.visits import Visit, make_visit, planted, room_of
from sweep.model import SweepRow
from sweep.scene.schema import AnyEmitter

__all__ = ["BANDS", "Tried", "share_found", "try_claims"]

BANDS = {
    "FM broadcast": "88M:108M",
    "VHF, quiet": "140M:160M",
    "DAB": "174M:204M",
    "UHF radio": "440M:460M",
    "television": "506M:536M",
    "cellular 800": "796M:821M",
    "GSM 900": "935M:960M",
}
_FIRST_TOWN, _PASSES, _BASELINE_VISITS = 3000, 5, 3
_APART_HZ, _TURNS = 1_200_000.0, 4
"""Every fourth is on the air at a time: many alike, each within 2 MHz of the next, are taken for one that hops."""

_CHANNEL_HZ, _FULL_SCALE_DBFS = 10e3, -3.0
_BURST_NS = 1_000_000_000
_WANTED = 0.9
_AIR = {**SPECS, "burst_1s_per_min": SPECS["nfm"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An emitter at the level that was claimed for its band and kind.

    Attributes
    ----------
    band, kind : str
    elsewhere : bool
        Whether the level is that for the places of the band in which the room's own emitters are not.
    town, visit : int
    level_dbfs : float or None
        None of a band and kind without a claim.
    wanted : float
        Share of such emitters, put anywhere in the band, that the claim says are found.
    center_freq_hz : float
    found : bool
    """

    band: str
    kind: str
    elsewhere: bool
    town: int
    visit: int
    level_dbfs: float | None
    wanted: float
    center_freq_hz: float = 0.0
    found: bool = False


def try_claims(
    seed: int,
    visits: int,
    *,
    bands: Mapping[str, str] = BANDS,
    kinds: Sequence[Kind] = KINDS,
    passes: int = _PASSES,
) -> list[Tried]:
    """Hold the claims of some visits to a town against emitters in its samples.

    Parameters
    ----------
    seed : int
        Of the town.
    visits : int
        That are judged; three before them teach the baseline.
    bands : mapping of str to str
        Names, and the ranges that are swept; none wider than 50 MHz.
    kinds : sequence of Kind
        Of a burst, its level once it is met.
    passes : int
    """
    scene = town(seed, DRIFTING, ranges=tuple(bands.values()))
    learnt = [make_visit(scene, number, passes) for number in range(_BASELINE_VISITS)]
    baseline = build_baseline(
        [visit.summary() for visit in learnt],
        [described(visit) for visit in learnt],
        room=f"town-{seed}",
        created="2026-03-20T08:00:00Z",
    )
    tried: list[Tried] = []
    for number in range(_BASELINE_VISITS, _BASELINE_VISITS + visits):
        clean = make_visit(scene, number, passes)
        coverage = _judged(clean, baseline, with_trials=True)["coverage"]
        for kind in kinds:
            for elsewhere in (False, True):
                claims = [
                    replace(_claim(band, entry, kind, elsewhere=elsewhere), town=seed, visit=number)
                    for band, entry in zip(bands, coverage, strict=True)
                ]
                tried += _on_air(clean, baseline, kind, list(zip(claims, coverage, strict=True)))
    return tried


def share_found(tried: Sequence[Tried]) -> tuple[float, float, float]:
    """Share of emitters that were found, with its 95 % interval (Wilson 1927)."""
    found = [one.found for one in tried if one.level_dbfs is not None]
    interval = scipy.stats.binomtest(sum(found), len(found)).proportion_ci(0.95, method="wilson")
    return float(np.mean(found)), float(interval.low), float(interval.high)


def _judged(visit: Visit, baseline: Baseline, *, with_trials: bool = False) -> Mapping[str, Any]:
    return make_judge(baseline, with_trials=with_trials)(visit.layout, lambda: visit.rows, {}).document


def _claim(band: str, entry: Mapping[str, Any], kind: Kind, *, elsewhere: bool) -> Tried:
    """What is claimed for a band; of a burst once it is met."""
    detail = entry["min_detectable_detail"][kind.name]
    rest = (detail["elsewhere"] or {}) if elsewhere else {"dbfs": entry["min_detectable"][kind.name], **detail}
    return Tried(
        band=band,
        kind=kind.name,
        elsewhere=elsewhere,
        town=0,
        visit=0,
        level_dbfs=rest.get("if_met_dbfs" if kind.keyed else "dbfs"),
        wanted=_WANTED * (1 - detail["busy_share"] if elsewhere else 1),
    )


def _on_air(
    clean: Visit, baseline: Baseline, kind: Kind, claims: Sequence[tuple[Tried, Mapping[str, Any]]]
) -> Iterator[Tried]:
    """Emitters of one kind all over the bands, each at the level claimed there."""
    rng = np.random.default_rng((clean.scene.seed, clean.number, KINDS.index(kind)))
    yield from (one for one, _ in claims if one.level_dbfs is None)
    tried = [
        [replace(one, center_freq_hz=place) for place in _places(entry, kind, rng)]
        for one, entry in claims
        if one.level_dbfs is not None
    ]
    for turn in range(_TURNS if tried else 0):
        some = [one for band in tried for one in band[turn::_TURNS]]
        plants = [_plant(clean, kind, number, one) for number, one in enumerate(some)]
        received = planted(clean, plants)
        received = _keyed(clean, received, plants, rng) if kind.keyed else received
        yield from _found(_judged(received, baseline), kind, some)


def _found(document: Mapping[str, Any], kind: Kind, tried: Sequence[Tried]) -> Iterator[Tried]:
    listed = [*document["findings"], *(document["unconfirmed"] if kind.keyed else ())]
    heard = [item["center_freq_hz"] for item in listed if item["kind"] != "missing"]
    reach_hz = max(kind.span_hz / 2, _CHANNEL_HZ)
    for one in tried:
        yield replace(one, found=any(abs(place - one.center_freq_hz) <= reach_hz for place in heard))


def _places(entry: Mapping[str, Any], kind: Kind, rng: np.random.Generator) -> list[float]:
    """Frequencies drawn evenly over a band, as many as lie apart from each other."""
    chosen: list[float] = []
    margin = kind.span_hz / 2
    for drawn in rng.uniform(entry["start_hz"] + margin, entry["stop_hz"] - margin, 400):
        place = float(round(drawn))
        if all(abs(place - other) >= _APART_HZ for other in chosen):
            chosen.append(place)
    return sorted(chosen)


def _plant(clean: Visit, kind: Kind, number: int, one: Tried) -> Plant:
    """A bug that this visit receives at the level, whatever its gain and antenna are."""
    state = room_of(clean).state
    here_db = state.receiver_gain_db(one.center_freq_hz) + state.antenna_db(one.center_freq_hz)
    assert one.level_dbfs is not None
    level_dbfs = min(one.level_dbfs - here_db, _FULL_SCALE_DBFS)
    what = {"name": f"bug-{number}", "center_freq_hz": round(one.center_freq_hz), "power_dbfs": level_dbfs}
    bug = msgspec.convert({**what, **_AIR[kind.name]}, AnyEmitter)
    named = PlantedKind(name=kind.name, spec=_AIR[kind.name], ladder_db=(), goals_db={})
    return Plant(kind=named, snr_db=0.0, bug=bug)


def _keyed(clean: Visit, received: Visit, plants: Sequence[Plant], rng: np.random.Generator) -> Visit:
    """The visit as it is when each bug is on for one second of it, in which some dwell met it."""
    layout = clean.layout
    times_ns = np.array([row.hop_monotonic_ns for row in clean.rows])
    on = np.zeros(times_ns.shape, bool)
    for plant in plants:
        hop = int(np.abs(layout.freq_hz - plant.center_freq_hz).argmin()) // layout.hop_bins
        begin_ns = int(rng.choice(times_ns[:, hop])) - int(rng.integers(_BURST_NS))
        on[:, hop] |= (times_ns[:, hop] >= begin_ns) & (times_ns[:, hop] < begin_ns + _BURST_NS)
    rows = (_mixed(*pair) for pair in zip(clean.rows, received.rows, on, strict=True))
    return replace(received, rows=tuple(rows))


def _mixed(off: SweepRow, on: SweepRow, hops: np.ndarray) -> SweepRow:
    """A row of some hops with the bugs on, and of the others with them off."""
    changes: dict[str, Any] = {}
    for field in fields(SweepRow):
        values = getattr(off, field.name)
        if isinstance(values, np.ndarray):
            changed = values.copy().reshape(hops.size, -1)
            changed[hops] = getattr(on, field.name).reshape(hops.size, -1)[hops]
            changes[field.name] = changed.reshape(values.shape)
    return replace(off, **changes)


def _table(tried: Sequence[Tried]) -> str:
    head = ["band", "kind", "places", "claimed, dBFS", "no level", "planted", "said to be found", "found (95 %)", ""]
    lines = [head, ["---"] * len(head)]
    for band in dict.fromkeys(one.band for one in tried):
        for kind in KINDS:
            for elsewhere in (False, True):
                mine = [one for one in tried if (one.band, one.kind, one.elsewhere) == (band, kind.name, elsewhere)]
                lines.append([band, kind.name, "elsewhere" if elsewhere else "all", *_cells(mine)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(tried: Sequence[Tried]) -> list[str]:
    there = [one for one in tried if one.level_dbfs is not None]
    if not there:
        return ["-", str(len(tried)), "0", "-", "-", ""]
    levels = sorted({one.level_dbfs for one in there if one.level_dbfs is not None})
    share, low, high = share_found(there)
    wanted = float(np.mean([one.wanted for one in there]))
    verdict = "OPTIMISTIC" if high < wanted else "conservative" if low > wanted else "kept"
    ends, found = f"{levels[0]:.1f} to {levels[-1]:.1f}", f"{share:.2f} ({low:.2f} to {high:.2f})"
    return [ends, str(len(tried) - len(there)), str(len(there)), f"{wanted:.2f}", found, verdict]


def main() -> None:
    """Visit the towns, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection.claims", description=__doc__)
    parser.add_argument("--towns", type=int, default=4)
    parser.add_argument("--visits", type=int, default=2, help="to each town, beside three for its baseline")
    parser.add_argument("--first", type=int, default=_FIRST_TOWN, help="seed of the first town")
    parser.add_argument("--workers", type=int, default=1, help="towns visited at once")
    arguments = parser.parse_args()
    start = time.monotonic()
    tried: list[Tried] = []
    seeds = range(arguments.first, arguments.first + arguments.towns)
    with ProcessPoolExecutor(arguments.workers) as pool:
        for seed, result in zip(seeds, pool.map(partial(try_claims, visits=arguments.visits), seeds), strict=True):
            tried += result
            print(f"{time.monotonic() - start:5.0f} s  town {seed} visited", file=sys.stderr, flush=True)
    print(_table(tried))


if __name__ == "__main__":
    main()
