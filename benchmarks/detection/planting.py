"""Where bugs are planted in a town: every kind over a ladder of SNRs, each in a quiet place or beside a broadcaster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from sweep.scene.loading import scene_ranges
from sweep.scene.room import stations_of
from sweep.scene.schema import AnyEmitter, Scene

__all__ = ["KINDS", "Kind", "Plant", "plant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of planted bug of the goals table.

    Attributes
    ----------
    name : str
    spec : dict
        Of the simulator's emitter.
    ladder_db : tuple of float
        SNRs while on, over the noise in the reference bandwidth.
    goals_db : dict of int to float
        SNR at a probability of detection of 0.9 that is the goal, by the sweeps judged together (``detection.md``).
    beside : bool
        Whether it snuggles up to a strong broadcaster.
    """

    name: str
    spec: dict[str, Any]
    ladder_db: tuple[float, ...]
    goals_db: dict[int, float]
    beside: bool = False


def _ladder(low: float, high: float, step: float = 1.5) -> tuple[float, ...]:
    return tuple(np.arange(low, high + step / 2, step).round(2).tolist())


KINDS = (
    Kind(
        name="nfm",
        spec={"kind": "nfm", "deviation_hz": 2500.0},
        ladder_db=_ladder(-8, 4),
        goals_db={1: 0.0, 5: -5.0},
    ),
    Kind(
        name="wfm",
        spec={"kind": "wfm", "programme": "speech", "deviation_hz": 60e3},
        ladder_db=_ladder(-9.5, 1),
        goals_db={5: -5.0},
    ),
    Kind(name="carrier", spec={"kind": "carrier"}, ladder_db=_ladder(-6, 6), goals_db={5: 0.0}),
    Kind(
        name="spread spectrum",
        spec={"kind": "dsss", "bandwidth_hz": 2e6},
        ladder_db=_ladder(-14.5, -2.5, 1.5),
        goals_db={5: -9.14},  # a rise of 0.5 dB over the floor
    ),
    Kind(
        name="snuggled",
        spec={"kind": "nfm", "deviation_hz": 2500.0},
        ladder_db=_ladder(-4, 12, 2),
        goals_db={5: 8.0},
        beside=True,
    ),
    Kind(
        name="hopper",
        spec={"kind": "hopper", "channels": 50, "spacing_hz": 50e3, "hop_s": 0.004},
        ladder_db=_ladder(-1, 11),
        goals_db={1: 5.0},
    ),
    Kind(
        name="1 ms burst",
        spec={"kind": "ook", "bit_rate_hz": 10e3, "burst_s": 0.001, "period_s": 0.013},
        ladder_db=_ladder(2, 14),
        goals_db={1: 8.0},
    ),
)  # fmt: skip

_EDGE_HZ = 3_000_000
_CLEAR_HZ = 150_000.0
_APART_HZ = 5_000_000.0  # a room has one bug or two, not one in every hop
_STRONG_DBFS = -32.0
_BESIDE_HZ = (110e3, 140e3)
_CROWDED_HZ = 250e3
_TRIES = 1000
_CHANNEL_HZ = 10e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One planted bug: the index of its kind, its SNR, and where it is."""

    kind: Kind
    snr_db: float
    bug: AnyEmitter

    @property
    def center_freq_hz(self) -> int:
        """Where it is, in Hz."""
        assert isinstance(self.bug.center_freq_hz, int)
        return self.bug.center_freq_hz

    @property
    def band_hz(self) -> tuple[float, float]:
        """Lowest and highest centre of a detection that counts as this bug: its band, at least a channel."""
        half = max(0.5 * self.bug.span_hz, _CHANNEL_HZ)
        return self.center_freq_hz - half, self.center_freq_hz + half


def plant(
    scene: Scene,
    seed: int,
    per_step: int = 1,
    *,
    ladder: Callable[[Kind], Sequence[float]] = lambda kind: kind.ladder_db,
) -> list[Plant]:
    """Plant each kind at each step of its ladder.

    Parameters
    ----------
    scene : Scene
        A town; a snuggled bug needs one of its strong broadcasters.
    seed : int
        Of the places.
    per_step : int
        Bugs of each kind and step.
    ladder : callable
        SNRs in dB of a kind; by default its own, from never to always heard.
    """
    rng = np.random.default_rng((scene.seed, seed, 1945))  # the year of the Thing
    taken = [_taken(emitter) for emitter in scene.emitters]
    busy = np.concatenate(taken) if taken else np.empty((0, 2))
    sides = iter(_sides(rng, scene))
    swept = scene_ranges(scene)
    spots: list[int] = []
    plants: list[Plant] = []
    for kind, snr_db in _wanted(rng, per_step, ladder):
        spot = next(sides, None) if kind.beside else _alone(rng, kind, busy, spots, swept)
        if spot is None:
            continue
        bug = msgspec.convert(
            {"name": f"bug-{len(plants)}", "center_freq_hz": spot, "snr_db": snr_db, **kind.spec}, AnyEmitter
        )
        spots += [] if kind.beside else [spot]
        plants.append(Plant(kind=kind, snr_db=snr_db, bug=bug))
    return plants


def _wanted(
    rng: np.random.Generator, per_step: int, ladder: Callable[[Kind], Sequence[float]]
) -> Iterator[tuple[Kind, float]]:
    """In random order of the steps: a town may have fewer broadcasters than there are steps."""
    for kind in KINDS:
        for snr_db in rng.permutation([*ladder(kind)] * per_step).tolist():
            yield kind, snr_db


def _taken(emitter: AnyEmitter) -> np.ndarray:
    half = 0.5 * (emitter.span_hz + emitter.roams_hz) + _CLEAR_HZ
    freqs = np.array([station.center_freq_hz for station in stations_of(emitter)], float)
    return np.stack([freqs - half, freqs + half], axis=1)


def _alone(
    rng: np.random.Generator, kind: Kind, busy: np.ndarray, others: list[int], swept: Sequence[tuple[int, int]]
) -> int | None:
    widths = np.array([stop - start for start, stop in swept], float)
    spec = msgspec.convert({"name": "bug", "center_freq_hz": 100_000_000, "snr_db": 0.0, **kind.spec}, AnyEmitter)
    half = 0.5 * spec.span_hz
    for _ in range(_TRIES):
        low, high = swept[int(rng.choice(len(swept), p=widths / widths.sum()))]
        spot = round(float(rng.uniform(low, high)))
        if spot - half < low + _EDGE_HZ or spot + half > high - _EDGE_HZ:
            continue
        near = any(abs(spot - other) < _APART_HZ for other in others)
        if not near and not ((busy[:, 0] < spot + half) & (busy[:, 1] > spot - half)).any():
            return spot
    return None


def _sides(rng: np.random.Generator, scene: Scene) -> list[int]:
    """A place on each free side of each strong broadcaster, in random order."""
    stations = [s for emitter in scene.emitters if emitter.name.startswith("fm-") for s in stations_of(emitter)]
    spots = [
        host.center_freq_hz + side * round(float(rng.uniform(*_BESIDE_HZ)))
        for host in stations
        if host.spec.power_dbfs is not None and host.spec.power_dbfs > _STRONG_DBFS
        for side in (-1, 1)
    ]
    swept = scene_ranges(scene)
    spots = [spot for spot in spots if any(low < spot < high for low, high in swept)]
    free = [spot for spot in spots if sum(abs(spot - s.center_freq_hz) < _CROWDED_HZ for s in stations) == 1]
    return [int(spot) for spot in rng.permutation(free)]
