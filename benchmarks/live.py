"""A live sweep of the whole band on the virtual dongle, which keeps real time, with and without a retune latency.

A hop cannot take less than its retune, what is thrown away to settle, and its dwell. Against that stands the time from
the first hop of a pass to its end, as the record tells it; and against the tools that sweep as well, for the same bins
and the same dwell.

The dongle makes its samples in the process that reads them. Its part of the processor time is measured by itself, with
reads of the same length of a dongle that does not wait, and is counted as ours in the goal.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from statistics import median

from benchmarks import USER_ENVIRONMENT
from benchmarks.dongle import VARIABLES, dongle_seconds, plugged_in
from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, Spread, ratio_row
from benchmarks.soapy_power import soapy_power
from benchmarks.sweeps import LiveSweep, live_sweep, rtl_power_s, soapy_power_s
from tests.virtual_dongle.scene import Emitter, Scene

__all__ = ["measure"]

_RATE_HZ = 2_400_000
_LATENCIES_S = (0.0, 0.005)
_STATION = Emitter(kind="fm", freq_hz=98.3e6, level_dbfs=-15, bandwidth_hz=75e3)  # to settle against
_TURNS = 5
_PHYSICS, _SHORTER, _PROCESSOR = (Goal(limit=limit, at_least=False) for limit in (1.05, 1.0, 0.6))


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the rows of each latency.

    Raises
    ------
    LeftOutError
        There is no C compiler, or the system does not tell the processor time of a process.
    """
    rtl_power = shutil.which("rtl_power")
    if rtl_power is None:
        yield LeftOut(what="live sweep against rtl_power", reason="it is not installed (Debian's package rtl-sdr)")
    try:
        soapy: str | None = soapy_power()
    except LeftOutError as error:
        soapy = None
        yield LeftOut(what="live sweep against soapy_power", reason=str(error))
    for latency_s in _LATENCIES_S:
        yield from _rows(latency_s, effort.live_band_hz, rtl_power, soapy)


def _rows(latency_s: float, band_hz: tuple[int, int], rtl_power: str | None, soapy: str | None) -> Iterator[Row]:
    scene = Scene(realtime=True, retune_s=latency_s, emitters=(_STATION,))
    sweeps: list[LiveSweep] = []
    theirs: list[float] = []
    soapy_s: float | None = None
    with plugged_in(scene) as dongle:
        environment = {**USER_ENVIRONMENT, **{name: dongle[name] for name in VARIABLES}}
        for _ in range(_TURNS):
            sweeps.append(live_sweep(environment, band_hz))
            if rtl_power is not None:
                theirs.append(rtl_power_s(rtl_power, environment, band_hz, sweeps[-1].dwell_s))
        if soapy is not None:
            soapy_s = soapy_power_s(soapy, environment, band_hz, _RATE_HZ, sweeps[-1].dwell_s)
    capture_s, program_s = [one.capture_s for one in sweeps], [one.program_s for one in sweeps]
    least_s = [one.n_hops * (latency_s + one.settle_s + one.dwell_s) for one in sweeps]
    what = f"sweep of {band_hz[0] // 1_000_000}-{band_hz[1] // 1_000_000} MHz, {1e3 * latency_s:g} ms retune"
    name = f"{sweeps[0].n_hops} hops x (retune + settle + dwell)"
    yield ratio_row(f"{what}: capture", capture_s, least_s, unit="s", named=name, goal=_PHYSICS)
    if theirs:
        yield ratio_row(f"{what}: capture", capture_s, theirs, unit="s", named="rtl_power", goal=_SHORTER)
        yield ratio_row(f"{what}: whole program", program_s, theirs, unit="s", named="rtl_power without its start")
    if soapy_s is not None:
        named = "soapy_power with its start, once,"
        yield ratio_row(f"{what}: capture", capture_s, [soapy_s] * _TURNS, unit="s", named=named, goal=_SHORTER)
    share = [one.processor_s / one.capture_s for one in sweeps]
    hop_s = sweeps[0].settle_s + sweeps[0].dwell_s
    own = dongle_seconds(scene, sweeps[0].n_hops, hop_s, _RATE_HZ) / median(capture_s)
    yield Row(
        what=f"{what}: processor time of the capture",
        ours=f"{100 * median(share):.1f} %",
        against=f"one core; the virtual dongle itself {100 * own:.1f} %",
        ratio=Spread.of(share),
        goal=_PROCESSOR,
    )
