"""Two dongles that share a plan against one: wall time of a pass on the virtual dongles, which keep real time each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks import USER_ENVIRONMENT
from benchmarks.dongle import VARIABLES, plugged_in
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, ratio_row
from benchmarks.sweeps import LiveSweep, live_sweep
from benchmarks.turns import alternate
from tests.virtual_dongle.scene import Dongle, Emitter, Scene

__all__ = ["measure"]

_STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_hz, level_dbfs=-15, bandwidth_hz=75e3) for freq_hz in (98.3e6, 700.3e6)
)
_DONGLES = (Dongle(serial="PAIR1"), Dongle(serial="PAIR2"))
_LATENCY_S = 0.005
_TURNS = 5
_GOAL = Goal(limit=1.9)


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give how many times as fast two are.

    Raises
    ------
    LeftOutError
        There is no C compiler, or the system does not tell the processor time of a process.
    """
    band_hz = effort.live_band_hz
    scene = Scene(realtime=True, retune_s=_LATENCY_S, emitters=_STATIONS, dongles=_DONGLES)
    sweeps: list[LiveSweep] = []
    with plugged_in(scene) as dongle:
        environment = {**USER_ENVIRONMENT, **{name: dongle[name] for name in VARIABLES}}

        def speed(sources: tuple[str, ...]) -> float:
            sweep = live_sweep(environment, band_hz, sources)
            if len(sources) > 1:
                sweeps.append(sweep)
            return sweep.n_hops / sweep.capture_s

        two, one = ("rtlsdr:PAIR1", "rtlsdr:PAIR2"), ("rtlsdr:PAIR1",)
        figures = alternate({"two": partial(speed, two), "one": partial(speed, one)}, _TURNS)
    span = f"{band_hz[0] // 1_000_000}-{band_hz[1] // 1_000_000} MHz"
    what = f"two dongles, {span}, {1e3 * _LATENCY_S:g} ms retune: {sweeps[0].n_hops} hops of one pass"
    yield ratio_row(what, figures["two"], figures["one"], unit="hops/s", named="one dongle", goal=_GOAL)
