"""Towns: seeded ambients, each a scene of the simulator over the whole band, with a dongle of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from sweep.scene.schema import AnyEmitter, Receiver, Scene, Visits

__all__ = ["DRIFTING", "STEADY", "town"]

DRIFTING = Visits(gain_spread_db=3.0, slope_spread_db=1.0, ppm_spread=2.0, antenna_sd_db=1.5)
"""How visits differ: as in the prototype's figures of ``detection.md``."""

STEADY = Visits(gain_spread_db=0.0, slope_spread_db=0.0, ppm_spread=0.0, antenna_sd_db=0.0)
"""The same dongle and antenna, left alone between visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raster:
    """Channels of a service: how many are in use is drawn between two numbers."""

    name: str
    start_hz: int
    stop_hz: int
    step_hz: int
    fewest: int
    most: int
    spacing_hz: int = 0
    spec: dict[str, Any]


def town(seed: int, visits: Visits = DRIFTING) -> Scene:
    """Draw a town.

    Parameters
    ----------
    seed : int
    visits : Visits
        How its visits differ.

    Examples
    --------
    >>> [len(town(seed).emitters) > 10 for seed in (1, 2)]
    [True, True]
    """
    rng = np.random.default_rng((seed, 1876))  # the year of the telephone
    density = float(rng.uniform(0.6, 1.4))
    emitters: list[dict[str, Any]] = []
    for service in _SERVICES:
        if freqs := _channels(rng, service, density):
            emitters.append({"name": service.name, "center_freq_hz": freqs, **_varied(rng, service.spec)})
    emitters += _clocks(rng, density)
    return Scene(
        schema="quietroom.scene/1",
        title=f"town {seed}",
        seed=seed,
        start=datetime(2026, 3, 2, 8, tzinfo=UTC),
        ranges=("24M:1766M",),
        receiver=_receiver(rng),
        visits=visits,
        emitters=tuple(msgspec.convert(emitter, AnyEmitter) for emitter in emitters),
    )


def _channels(rng: np.random.Generator, service: _Raster, density: float) -> list[int]:
    """Channels in use, no two nearer than the spacing."""
    places = np.arange(service.start_hz, service.stop_hz, service.step_hz)
    wanted = round(float(rng.integers(service.fewest, service.most + 1)) * density)
    chosen: list[int] = []
    for place in rng.permutation(places).tolist():
        if len(chosen) == wanted:
            break
        if all(abs(place - other) >= service.spacing_hz for other in chosen):
            chosen.append(int(place))
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


def _nfm(power_dbfs: float, duty: float, **more: Any) -> dict[str, Any]:
    spec = {"kind": "nfm", "power_dbfs": power_dbfs, "power_spread_db": 8.0, "duty": duty, "mean_on_s": 5.0}
    return {**spec, "deviation_hz": 2500.0, "fading_sd_db": 1.0, "visit_sd_db": 1.0, **more}


def _block(power_dbfs: float, standard: str, bandwidth_hz: float, **more: Any) -> dict[str, Any]:
    spec = {"kind": "ofdm", "power_dbfs": power_dbfs, "power_spread_db": 5.0, "standard": standard}
    return {**spec, "bandwidth_hz": bandwidth_hz, "echo_db": 9.0, "fading_sd_db": 0.4, "visit_sd_db": 1.0, **more}


def _packets(power_dbfs: float, **more: Any) -> dict[str, Any]:
    return {
        "kind": "srd",
        "power_dbfs": power_dbfs,
        "power_spread_db": 8.0,
        "fading_sd_db": 1.5,
        "visit_sd_db": 1.5,
        **more,
    }


def _service(
    name: str,
    band_mhz: tuple[float, float],
    step_khz: float,
    count: tuple[int, int],
    spec: dict[str, Any],
    spacing_khz: float = 0,
) -> _Raster:
    low, high = band_mhz
    return _Raster(
        name=name,
        start_hz=round(low * 1e6),
        stop_hz=round(high * 1e6),
        step_hz=round(step_khz * 1e3),
        fewest=count[0],
        most=count[1],
        spacing_hz=round(spacing_khz * 1e3),
        spec=spec,
    )


_UPLINK = {"duty": 0.3, "mean_on_s": 0.5, "fading_sd_db": 5.0, "visit_sd_db": 3.0, "load": 0.5}
_SERVICES = (
    _service("fm-strong", (87.6, 107.9), 100, (2, 6), {"kind": "wfm", "power_dbfs": -24.0, "power_spread_db": 4.0, "fading_sd_db": 0.2, "visit_sd_db": 1.0}, 800),
    _service("fm-far", (87.65, 107.9), 100, (6, 24), {"kind": "wfm", "power_dbfs": -44.0, "power_spread_db": 10.0, "fading_sd_db": 0.7, "visit_sd_db": 1.2}, 300),
    _service("dab", (174.928, 230), 1712, (1, 6), _block(-36.0, "dab", 1_536_000.0), 1712),
    _service("dvbt", (474, 690), 8000, (2, 8), _block(-33.0, "dvbt", 8_000_000.0), 8000),
    _service("lte-700", (763, 788), 10000, (0, 3), _block(-33.0, "lte", 10e6, load=0.4), 10000),
    _service("lte-800", (796, 821), 10000, (1, 3), _block(-32.0, "lte", 10e6, load=0.5), 10000),
    _service("lte-900", (930, 931), 1000, (0, 1), _block(-33.0, "lte", 10e6, load=0.5), 10000),
    _service("lte-1500", (1462, 1483), 20000, (0, 2), _block(-38.0, "lte", 20e6, load=0.3), 20000),
    _service("gsm-control", (935.2, 960), 200, (2, 9), {"kind": "gsm", "power_dbfs": -42.0, "power_spread_db": 7.0, "fading_sd_db": 0.8, "visit_sd_db": 1.0}, 600),
    _service("gsm-traffic", (935.4, 960), 200, (1, 6), {"kind": "gsm", "power_dbfs": -45.0, "power_spread_db": 6.0, "slots_used": 3, "duty": 0.6, "mean_on_s": 20.0, "fading_sd_db": 2.0, "visit_sd_db": 1.0}, 600),
    _service("lte-uplink-20", (840, 855), 5000, (1, 4), _block(-52.0, "lte", 1_800_000.0, roams_hz=20e6, **_UPLINK)),
    _service("lte-uplink-8", (885, 910), 5000, (1, 4), _block(-52.0, "lte", 900_000.0, roams_hz=20e6, **_UPLINK)),
    _service("lte-uplink-3", (1715, 1765), 10000, (1, 4), _block(-54.0, "lte", 1_800_000.0, roams_hz=20e6, **_UPLINK)),
    _service("gsm-uplink", (890.2, 905), 5000, (0, 3), {"kind": "gsm", "power_dbfs": -50.0, "power_spread_db": 6.0, "slots_used": 1, "duty": 0.2, "mean_on_s": 20.0, "roams_hz": 10e6, "fading_sd_db": 3.0, "visit_sd_db": 3.0}),
    _service("tetra-site", (390.0125, 395), 25, (4, 16), {"kind": "tetra", "power_dbfs": -48.0, "power_spread_db": 8.0, "fading_sd_db": 0.5, "visit_sd_db": 1.0}, 100),
    _service("tetra-mobile", (380.0125, 385), 25, (3, 10), {"kind": "tetra", "power_dbfs": -54.0, "power_spread_db": 6.0, "slots_used": 1, "duty": 0.1, "mean_on_s": 4.0, "fading_sd_db": 4.0, "visit_sd_db": 3.0}, 50),
    _service("dmr-site", (450.0125, 467), 12.5, (4, 16), {"kind": "dmr", "power_dbfs": -54.0, "power_spread_db": 8.0, "slots_used": 2, "duty": 0.5, "mean_on_s": 10.0, "fading_sd_db": 0.7, "visit_sd_db": 1.0}, 50),
    _service("dmr-mobile", (440.0125, 460), 12.5, (4, 14), {"kind": "dmr", "power_dbfs": -58.0, "power_spread_db": 6.0, "duty": 0.06, "mean_on_s": 4.0, "fading_sd_db": 4.0, "visit_sd_db": 3.0}, 50),
    _service("nfm-low", (68, 87), 20, (3, 10), _nfm(-58.0, 0.15, deviation_hz=4000.0), 60),
    _service("nfm-vhf", (146, 174), 12.5, (8, 30), _nfm(-56.0, 0.15, ctcss_hz=118.8), 50),
    _service("nfm-uhf", (441, 470), 12.5, (8, 30), _nfm(-56.0, 0.15, ctcss_hz=151.4), 50),
    _service("repeater", (438.65, 439.4), 25, (0, 5), _nfm(-54.0, 0.3, mean_on_s=15.0, ctcss_hz=88.5), 50),
    _service("cb", (26.965, 27.4), 10, (0, 8), _nfm(-58.0, 0.2, presence=0.7, fading_sd_db=3.0, visit_sd_db=3.0)),
    _service("pmr446", (446.00625, 446.19), 12.5, (0, 6), _nfm(-60.0, 0.1, presence=0.6, fading_sd_db=4.0, visit_sd_db=4.0)),
    _service("airband", (118.0, 136.9), 25, (4, 12), {"kind": "carrier", "power_dbfs": -60.0, "power_spread_db": 8.0, "duty": 0.06, "mean_on_s": 4.0, "fading_sd_db": 3.0, "visit_sd_db": 2.0}, 50),
    _service("beacon", (108.2, 117.9), 50, (0, 3), {"kind": "carrier", "power_dbfs": -60.0, "power_spread_db": 6.0, "fading_sd_db": 0.5, "visit_sd_db": 1.0}, 200),
    _service("pager", (465.97, 466.24), 25, (0, 4), _packets(-48.0, modulation="fsk", bit_rate_hz=1200.0, deviation_hz=4500.0, period_s=9.0, packet_s=4.0, repeats=1), 50),
    _service("aircraft", (1090, 1090.005), 1, (1, 5), _packets(-46.0, bit_rate_hz=1e6, period_s=0.3, packet_s=0.00012, repeats=1, fading_sd_db=4.0)),
    _service("sensor-433", (433.85, 433.98), 2.7, (4, 14), _packets(-52.0, bit_rate_hz=2000.0, period_s=40.0, packet_s=0.045, repeats=6)),
    _service("remote-433", (433.8, 434.02), 3.1, (1, 6), _packets(-48.0, presence=0.6, bit_rate_hz=1000.0, period_s=400.0, packet_s=0.06, repeats=10, fading_sd_db=4.0, visit_sd_db=3.0)),
    _service("sensor-868", (868.28, 868.32), 1.3, (3, 12), _packets(-54.0, modulation="fsk", bit_rate_hz=17_240.0, deviation_hz=30e3, period_s=25.0, packet_s=0.012, repeats=2, gap_s=0.02)),
    _service("meter-868", (868.94, 868.96), 1.3, (2, 10), _packets(-56.0, modulation="fsk", bit_rate_hz=100e3, deviation_hz=50e3, period_s=16.0, packet_s=0.005, repeats=1)),
    _service("alarm-869", (869.525, 869.66), 125, (0, 2), _packets(-54.0, modulation="fsk", bit_rate_hz=9600.0, deviation_hz=10e3, period_s=20.0, packet_s=0.05, repeats=2)),
    _service("microphone", (863.1, 864.9), 250, (0, 2), {"kind": "wfm", "programme": "speech", "deviation_hz": 25e3, "power_dbfs": -56.0, "power_spread_db": 4.0, "presence": 0.5, "fading_sd_db": 2.0, "visit_sd_db": 1.0}, 500),
)  # fmt: skip
