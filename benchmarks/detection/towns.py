"""Towns: seeded ambients, each a scene of the simulator over the whole band, with a dongle of its own."""

from __future__ import annotations

import functools
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sweep.scene.schema import AnyEmitter, Receiver, Scene, Visits

__all__ = ["DRIFTING", "STEADY", "town"]

DRIFTING = Visits(gain_spread_db=3.0, slope_spread_db=1.0, ppm_spread=2.0, antenna_sd_db=1.5)
"""How visits differ: as in the prototype's figures of ``detection.md``."""

STEADY = Visits(gain_spread_db=0.0, slope_spread_db=0.0, ppm_spread=0.0, antenna_sd_db=0.0)
"""The same dongle and antenna, left alone between visits."""


class _Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channels of a service: how many of its raster are in use is drawn between two numbers."""

    name: str
    band_mhz: tuple[float, float]
    raster_khz: float
    channels: tuple[int, int]
    spacing_khz: float = 0.0
    emitter: dict[str, Any]


def town(seed: int, visits: Visits = DRIFTING, *, ranges: tuple[str, ...] = ("24M:1766M",)) -> Scene:
    """Draw a town.

    Parameters
    ----------
    seed : int
    visits : Visits
        How its visits differ.
    ranges : tuple of str
        What is swept of it.

    Examples
    --------
    >>> [len(town(seed).emitters) > 10 for seed in (1, 2)]
    [True, True]
    """
    rng = np.random.default_rng((seed, 1876))  # the year of the telephone
    density = float(rng.uniform(0.6, 1.4))
    emitters: list[dict[str, Any]] = []
    for service in _services():
        if freqs := _channels(rng, service, density):
            emitters.append({"name": service.name, "center_freq_hz": freqs, **_varied(rng, service.emitter)})
    emitters += _clocks(rng, density)
    return Scene(
        schema="quietroom.scene/1",
        title=f"town {seed}",
        seed=seed,
        start=datetime(2026, 3, 2, 8, tzinfo=UTC),
        ranges=ranges,
        receiver=_receiver(rng),
        visits=visits,
        emitters=tuple(msgspec.convert(emitter, AnyEmitter) for emitter in emitters),
    )


@functools.cache
def _services() -> tuple[_Service, ...]:
    with (Path(__file__).parent / "services.toml").open("rb") as file:
        return msgspec.convert(tomllib.load(file)["services"], tuple[_Service, ...])


def _channels(rng: np.random.Generator, service: _Service, density: float) -> list[int]:
    """Channels in use, no two nearer than the spacing."""
    low, high = (1e6 * place for place in service.band_mhz)
    places = np.arange(low, high, 1e3 * service.raster_khz)
    wanted = round(float(rng.integers(service.channels[0], service.channels[1] + 1)) * density)
    chosen: list[int] = []
    for place in rng.permutation(places).tolist():
        if len(chosen) == wanted:
            break
        if all(abs(place - other) >= 1e3 * service.spacing_khz for other in chosen):
            chosen.append(round(place))
    return sorted(chosen)


def _varied(rng: np.random.Generator, spec: dict[str, Any]) -> dict[str, Any]:
    """A town's own levels and habits."""
    varied = dict(spec)
    varied["power_dbfs"] = float(np.clip(spec["power_dbfs"] + rng.uniform(-5, 5), -70, -20))
    if "duty" in spec:
        varied["duty"] = float(np.clip(spec["duty"] * rng.uniform(0.5, 1.8), 0.01, 1.0))
    if "load" in spec:
        varied["load"] = float(np.clip(spec["load"] * rng.uniform(0.5, 1.8), 0.05, 1.0))
    return varied


def _clocks(rng: np.random.Generator, density: float) -> list[dict[str, Any]]:
    """Harmonics of oscillators in the house, each with its own error."""
    found = []
    for number in range(round(float(rng.integers(2, 6)) * density)):
        base_hz = float(rng.choice([24e6, 25e6, 26e6, 27e6, 33.333e6, 48e6, 50e6, 66.666e6, 74.25e6, 125e6]))
        base_hz *= 1 + float(rng.uniform(-40e-6, 40e-6))
        harmonics = np.unique(rng.integers(2, max(3, int(1.7e9 / base_hz)), 12))
        freqs = [round(base_hz * n) for n in harmonics if 25e6 < base_hz * n < 1.765e9]
        found.append(
            {
                "name": f"clock-{number}",
                "kind": "carrier",
                "center_freq_hz": freqs,
                "power_dbfs": float(rng.uniform(-72, -58)),
                "power_spread_db": 6.0,
                "presence": float(rng.choice([1.0, 1.0, 0.8])),
                "fading_sd_db": 0.3,
                "visit_sd_db": 1.0,
            }
        )
    return found


def _receiver(rng: np.random.Generator) -> Receiver:
    return Receiver(
        gain_db=25.4,
        noise_dbfs_per_hz=float(rng.uniform(-104.5, -102.0)),
        man_made_noise_db=float(rng.uniform(-6, 6)),
        ppm=float(rng.uniform(-3, 3)),
        ip3_dbfs=float(rng.uniform(7, 12)),
        image_rejection_db=float(rng.uniform(38, 55)),
        dc_offset_dbfs=float(rng.uniform(-52, -40)),
        dc_skirt_dbfs=float(rng.uniform(-58, -50)),
        spur_14_4_dbfs=float(rng.uniform(-72, -60)),
        spur_28_8_dbfs=float(rng.uniform(-66, -54)),
        low_if_image_rejection_db=float(rng.uniform(42, 55)),
        third_harmonic_rejection_db=float(rng.uniform(32, 45)),
    )
