"""Emitters alone in an otherwise quiet simulated room, and how many findings each of them gives.

``python tests/lone_emitters.py [NAME ...]`` prints the table of splits, merges and misses.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import numpy as np
from visits import baseline_of, rows_of

from baselines.judge import make_judge
from baselines.model import Baseline
from baselines.summary import summarise
from sweep.model import HopSamples, SweepRow
from sweep.plan import SweepPlan, plan_hops
from sweep.scene.room import Room
from sweep.scene.schema import AnyEmitter, Carrier, Dmr, Dsss, Gsm, Hopper, Nfm, Ofdm, Ook, Scene, Srd, Tetra, Wfm
from sweep.stitch import PassAssembler
from sweep.stored_hop import examine

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SETTLE_S = 0.01
LOW_HZ = 430_000_000
HOP_HZ = 1_920_000
BORDER_HZ = LOW_HZ + 4 * HOP_HZ  # of two hops
SURE_P = 1e-3
VISIT = 7  # the visit that is judged; the baseline is of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Emitters planted together, and the SNRs in dB that they are tried at."""

    emitters: tuple[AnyEmitter, ...]
    snrs_db: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Findings beyond one each, emitters that have none of their own while another has, and emitters not found."""

    splits: int
    merges: int
    misses: int


def one(emitter: AnyEmitter, *snrs_db: float) -> Kind:
    """A kind of a single emitter."""
    return Kind(emitters=(emitter,), snrs_db=snrs_db or (10, 20, 30, 45))


def _ofdm(standard: Any, bandwidth_hz: float, **more: Any) -> Kind:
    block = Ofdm(name="block", center_freq_hz=BORDER_HZ, snr_db=0, standard=standard, bandwidth_hz=bandwidth_hz, **more)
    return one(block, 5, 10, 20, 30)


def _at(kind: type[Any], offset_hz: float = 0.0, **more: Any) -> Any:
    return kind(name=f"{kind.__name__.lower()}{offset_hz:+.0f}".replace("+", "-a").replace("--", "-b"),
                center_freq_hz=round(BORDER_HZ + offset_hz), snr_db=0, **more)  # fmt: skip


_SRD = {"period_s": 0.15, "packet_s": 0.04, "repeats": 2}
KINDS: dict[str, Kind] = {
    "wfm stereo": one(_at(Wfm), 10, 20, 30, 40, 45),
    "wfm speech": one(_at(Wfm, programme="speech"), 10, 20, 30, 45),
    "nfm": one(_at(Nfm), 8, 15, 30, 45),
    "carrier": one(_at(Carrier), 10, 20, 30, 45),
    "tetra": one(_at(Tetra), 5, 15, 30, 45),
    "tetra 1 slot": one(_at(Tetra, slots_used=1), 10, 20, 30, 45),
    "dmr": one(_at(Dmr), 10, 20, 30, 45),
    "gsm": one(_at(Gsm), 5, 15, 30, 45),
    "gsm 1 slot": one(_at(Gsm, slots_used=1), 10, 20, 30, 45),
    "lte 1.4": _ofdm("lte", 1.4e6, load=0.5, echo_db=6.0, echo_s=1e-6),
    "lte 5": _ofdm("lte", 5e6, load=0.3, echo_db=6.0, echo_s=1e-6),
    "lte 5 idle": _ofdm("lte", 5e6, load=0.0, echo_db=3.0, echo_s=2e-6),
    "lte 10": _ofdm("lte", 10e6, load=0.3, echo_db=10.0),
    "lte 20": _ofdm("lte", 20e6, load=0.3, echo_db=3.0, echo_s=5e-7),
    "dvbt 7.6": _ofdm("dvbt", 8e6, echo_db=3.0, echo_s=2e-6),
    "dab 1.5": _ofdm("dab", 1.536e6, echo_db=6.0, echo_s=3e-6),
    "srd ook": one(_at(Srd, **_SRD), 15, 20, 30, 45),
    "srd ook 10k": one(_at(Srd, bit_rate_hz=10e3, **_SRD), 15, 20, 30, 45),
    "srd fsk": one(_at(Srd, modulation="fsk", **_SRD), 15, 20, 30, 45),
    "srd fsk 50k": one(_at(Srd, modulation="fsk", bit_rate_hz=50e3, deviation_hz=50e3, **_SRD), 15, 20, 30, 45),
    "ook bug": one(_at(Ook, period_s=0.04, burst_s=0.008), 10, 20, 30, 45),
    "ook bug 2k": one(_at(Ook, period_s=0.04, burst_s=0.008, bit_rate_hz=2000), 10, 20, 30, 45),
    "hopper": one(_at(Hopper), 10, 15, 25, 40),
    "hopper slow": one(_at(Hopper, hop_s=0.02), 10, 15, 25, 40),
    "dsss": one(_at(Dsss), 0, 5, 15, 30),
    "2 nfm 25 kHz": Kind(emitters=(_at(Nfm), _at(Nfm, 25e3)), snrs_db=(10, 20, 30, 45)),
    "2 nfm 12.5 kHz": Kind(emitters=(_at(Nfm), _at(Nfm, 12.5e3)), snrs_db=(10, 20, 30)),
    "2 carriers 20 kHz": Kind(emitters=(_at(Carrier), _at(Carrier, 20e3)), snrs_db=(10, 20, 30, 45)),
    "2 wfm 200 kHz": Kind(emitters=(_at(Wfm), _at(Wfm, 200e3)), snrs_db=(10, 20, 30)),
    "3 tetra 25 kHz": Kind(emitters=(_at(Tetra), _at(Tetra, 25e3), _at(Tetra, 50e3)), snrs_db=(10, 20, 30)),
    "lte beside nfm": Kind(
        emitters=(
            _at(Ofdm, standard="lte", bandwidth_hz=3e6, load=0.5), _at(Nfm, 1.75e6),
        ), snrs_db=(10, 20)),
}  # fmt: skip


def plan_around(kind: Kind) -> SweepPlan:
    """Nine hops, or as many as a wide block needs, with quiet ones on both sides."""
    reach = max(e.span_hz / 2 + abs(_center(e) - BORDER_HZ) for e in kind.emitters) + 1.5 * HOP_HZ
    n_each = max(4, -(-int(reach) // HOP_HZ) * 2)
    return plan_hops(((BORDER_HZ - n_each * HOP_HZ, BORDER_HZ + n_each * HOP_HZ - 2500),), gain_db=28.0)


def moved(kind: Kind, snr_db: float, shift_hz: int) -> tuple[AnyEmitter, ...]:
    """The emitters of a kind at an SNR, all at another frequency."""
    return tuple(
        msgspec.structs.replace(e, snr_db=snr_db, center_freq_hz=int(_center(e)) + shift_hz) for e in kind.emitters
    )


def rows_with(
    emitters: Sequence[AnyEmitter], plan: SweepPlan, *, seed: int, visit: int = VISIT, passes: int = 5,
    settle_s: float = SETTLE_S,
) -> tuple[list[SweepRow], list[bool]]:  # fmt: skip
    """Rows of the room with these emitters, and of each whether it was on the air while its hop was looked at."""
    room = _room(emitters, seed, visit)
    alone = [_room([emitter], seed, visit) for emitter in emitters]
    heard = [False] * len(alone)
    assembler, rows = PassAssembler(plan), []
    step_ns, start_ns = round((settle_s + plan.dwell_s) * 1e9), round(START.timestamp() + 86_400 * visit) * 10**9
    for number in range(passes * plan.n_hops):
        index, hop = divmod(number, plan.n_hops)
        center, utc_ns = plan.hop_centers_hz[hop], start_ns + number * step_ns
        raw = room.capture(center, utc_ns, plan.hop_samples, pass_index=index, hop_index=hop)
        for which, single in enumerate(alone):
            if not heard[which]:
                heard[which] = bool(single.signals(center, utc_ns, plan.hop_samples, pass_index=index).any())
        block = HopSamples(
            raw=raw, sample_format="cu8", center_freq_hz=float(center), sample_rate_hz=plan.sample_rate_hz,
            gain_db=28.0, utc_ns=utc_ns, monotonic_ns=number * step_ns, pass_index=index, hop_index=hop,
        )  # fmt: skip
        rows += [item for item in assembler.take(examine(plan, block)) if isinstance(item, SweepRow)]
    return rows, heard


def passes_on(emitter: AnyEmitter, plan: SweepPlan, *, seed: int, passes: int) -> list[bool]:
    """Whether an emitter was on the air while its hop was looked at, pass by pass."""
    room = _room([emitter], seed, VISIT)
    hop = int(np.argmin([abs(center - _center(emitter)) for center in plan.hop_centers_hz]))
    step_ns, start_ns = round((SETTLE_S + plan.dwell_s) * 1e9), round(START.timestamp() + 86_400 * VISIT) * 10**9
    times = [start_ns + (number * plan.n_hops + hop) * step_ns for number in range(passes)]
    center = plan.hop_centers_hz[hop]
    return [bool(room.signals(center, time, plan.hop_samples, pass_index=n).any()) for n, time in enumerate(times)]


def _room(emitters: Sequence[AnyEmitter], seed: int, visit: int) -> Room:
    scene = Scene(
        schema="quietroom.scene/1", title="quiet", start=START, ranges=("430M:440M",), emitters=tuple(emitters)
    )
    return Room(scene, seed=seed, visit=visit)


@cache
def _quiet_baseline(plan: SweepPlan) -> Baseline:
    layout = plan.layout()
    return baseline_of([summarise(layout, rows_with((), plan, seed=1, visit=visit)[0]) for visit in range(3)])


def findings_of(
    emitters: Sequence[AnyEmitter], plan: SweepPlan, *, seed: int, compared: bool, passes: int
) -> tuple[list[Mapping[str, Any]], list[bool]]:
    """What the judge finds of these emitters, and which of them were on the air."""
    rows, heard = rows_with(emitters, plan, seed=seed, passes=passes)
    judge = make_judge(_quiet_baseline(plan) if compared else None)
    document = judge(plan.layout(), rows_of(rows), {}).document
    found = [*document["findings"], *document["unconfirmed"]]
    # At the stated rate noise gives something now and then, and says so: it is no row of the emitter.
    return [item for item in found if item["kind"] != "missing" and item["p_value"] < SURE_P], heard


def counted(emitters: Sequence[AnyEmitter], heard: Sequence[bool], findings: Sequence[Mapping[str, Any]]) -> Count:
    """Give every finding to the emitter whose band it is nearest to."""
    rows = [0] * len(emitters)
    for finding in findings:
        away = [abs(finding["center_freq_hz"] - _center(e)) / e.noise_bw_hz for e in emitters]
        rows[away.index(min(away))] += 1
    empty = sum(on and n == 0 for on, n in zip(heard, rows, strict=True))
    merged = empty if sum(rows) else 0
    return Count(splits=sum(max(0, n - 1) for n in rows), merges=merged, misses=empty - merged)


def _center(emitter: AnyEmitter) -> float:
    assert isinstance(emitter.center_freq_hz, int)
    return float(emitter.center_freq_hz)


def trials(name: str, n_seeds: int, *, compared: bool, passes: int) -> Iterator[tuple[float, Count]]:
    """Try a kind at every SNR, in the middle of a hop, across the border of two, and in between."""
    kind = KINDS[name]
    plan = plan_around(kind)
    for snr_db in kind.snrs_db:
        for seed in range(n_seeds):
            shift = (HOP_HZ // 2 + 300_000, 0, HOP_HZ // 2 - 500_000, HOP_HZ - 5000)[seed % 4] + 1300 * (seed // 4)
            emitters = moved(kind, snr_db, shift)
            findings, heard = findings_of(emitters, plan, seed=seed, compared=compared, passes=passes)
            yield snr_db, counted(emitters, heard, findings)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    print(
        "splits/merges/misses   "
        + "".join(f"{mode:>16s}" for mode in ("base M=5", "base M=1", "heard M=5", "heard M=1"))
    )
    for name in arguments.names or KINDS:
        table: dict[float, list[str]] = {}
        for compared in (True, False):
            for passes in (5, 1):
                found: dict[float, list[Count]] = {}
                for snr_db, count in trials(name, arguments.seeds, compared=compared, passes=passes):
                    found.setdefault(snr_db, []).append(count)
                for snr_db, counts in found.items():
                    sums = [sum(getattr(c, field) for c in counts) for field in ("splits", "merges", "misses")]
                    table.setdefault(snr_db, []).append("/".join(str(value) if value else "." for value in sums))
        for snr_db, cells in table.items():
            print(f"{name:18s} {snr_db:3.0f} " + "".join(f"{cell:>16s}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
