"""Whole sweeps of a band by ``quietroom sweep``, ``rtl_power`` and ``soapy_power``, in wall time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import soapy_power
from benchmarks.rows import LeftOutError
from sweep.record import SweepRecord

__all__ = ["LiveSweep", "live_sweep", "rtl_power_s", "soapy_power_s"]

_TIMEOUT_S = 600
_CROP_PERCENT = 20  # what Quietroom leaves out of each hop
_STEP_HZ = 2500
_SOAPY_HIGHEST_HZ = 1_762_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSweep:
    """One sweep of one pass by ``quietroom sweep``.

    Attributes
    ----------
    program_s : float
        Wall time of the whole program: start, settle time measured, pass, judgement, record.
    capture_s : float
        Wall time of the pass, from the times of its hops; the last hop takes as long as the others do in the mean.
    processor_s : float
        Of all threads while the pass was captured.
    n_hops : int
    settle_s, dwell_s : float
        As the record tells; settling begins when the dongle has taken the command to retune.
    """

    program_s: float
    capture_s: float
    processor_s: float
    n_hops: int
    settle_s: float
    dwell_s: float


def live_sweep(
    environment: Mapping[str, str], band_hz: tuple[int, int], sources: Sequence[str] = ("rtlsdr:0",)
) -> LiveSweep:
    """Sweep a band once with Quietroom, from the dongles to a record in a workspace of its own.

    Raises
    ------
    LeftOutError
        This system does not tell the processor time of another process.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("quietroom")), "--workspace", folder]
        subprocess.run([*command, "init"], env=environment, check=True, capture_output=True)
        named = [word for source in sources for word in ("--source", source)]
        sweep = [*command, "sweep", "room", *named, "--range", f"{band_hz[0]}:{band_hz[1]}"]
        begun = time.monotonic()
        with subprocess.Popen(
            [*sweep, "--passes", "1"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as program:
            meter = _ProcessorMeter(program.pid)
            _, told = program.communicate(timeout=_TIMEOUT_S)
        program_s = time.monotonic() - begun
        if program.returncode not in (0, 3):  # 3: inconclusive, as a sweep without a baseline may be
            raise RuntimeError(f"quietroom sweep failed: {told}")
        with SweepRecord.open(next(Path(folder).rglob("*.h5"))) as record:
            [row] = record.rows()
            instrument, plan = record.instrument, record.plan
    assert plan is not None
    receivers = instrument.receivers or (instrument,)
    begin_s, end_s = float(row.hop_monotonic_ns.min()) * 1e-9, float(row.hop_monotonic_ns.max()) * 1e-9
    most_hops = math.ceil(plan.n_hops / len(receivers))  # that one of them visits
    return LiveSweep(
        program_s=program_s,
        capture_s=(end_s - begin_s) * most_hops / (most_hops - 1),
        processor_s=meter.between(begin_s, end_s),
        n_hops=plan.n_hops,
        settle_s=max(one.settle_s or 0.0 for one in receivers),
        dwell_s=plan.dwell_s,
    )


def rtl_power_s(program: str, environment: Mapping[str, str], band_hz: tuple[int, int], dwell_s: float) -> float:
    """Seconds in which ``rtl_power`` gives every bin a dwell.

    It stays for 16 KiB of samples, passes over the band again and again, and writes one line for all passes of an
    interval. Nothing is cropped, so that it has fewer hops: over 1718 MHz its cropping overflows and it dies. Two runs
    are taken and only their difference counts, so that its start does not.
    """
    short_s, short_dwell_s = _rtl_power(program, environment, band_hz, 1)
    long_s, long_dwell_s = _rtl_power(program, environment, band_hz, 1 + math.ceil(short_s))
    return dwell_s * (long_s - short_s) / (long_dwell_s - short_dwell_s)


def _rtl_power(
    program: str, environment: Mapping[str, str], band_hz: tuple[int, int], interval_s: int
) -> tuple[float, float]:
    """Wall time of one report, and the dwell of its first line."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        span = f"{band_hz[0]}:{band_hz[1]}:{_STEP_HZ}"
        options = ["-g", "28", "-i", str(interval_s), "-1"]
        seconds = _wall_s([program, "-f", span, *options, out.name], environment)
        line = Path(out.name).read_text().split("\n", 1)[0].split(",")
    return seconds, int(line[5]) / float(line[4])  # frames, and how many of them a second holds


def soapy_power_s(
    program: str, environment: Mapping[str, str], band_hz: tuple[int, int], rate_hz: int, dwell_s: float
) -> float:
    """Seconds of a whole run of ``soapy_power``: one pass of at least this dwell, with its own choice of buffers.

    Its buffer holds 55 ms, of which it keeps the samples that came before the retune as well. Its driver tunes to
    1764 MHz; what is above is left out.
    """
    n_bins = rate_hz // _STEP_HZ
    with tempfile.TemporaryDirectory() as folder:
        command = soapy_power.command(
            program,
            low_hz=band_hz[0],
            high_hz=min(band_hz[1], _SOAPY_HIGHEST_HZ),
            rate_hz=rate_hz,
            n_bins=n_bins,
            n_spectra=math.floor(dwell_s * rate_hz / n_bins),
            n_runs=1,
            out=Path(folder) / "soapy.csv",
        )
        return _wall_s([*command, "-k", str(_CROP_PERCENT)], environment)


def _wall_s(command: Sequence[str], environment: Mapping[str, str]) -> float:
    begun = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=_TIMEOUT_S)
    return time.monotonic() - begun


class _ProcessorMeter:
    """Processor time of a running process against the monotonic clock.

    Parameters
    ----------
    pid : int

    Raises
    ------
    LeftOutError
        The system does not tell.
    """

    _STEP_S = 0.05

    def __init__(self, pid: int) -> None:
        self._statistics = Path(f"/proc/{pid}/stat")
        self._readings: list[tuple[float, float]] = []
        if not self._statistics.exists():
            raise LeftOutError(f"this system has no {self._statistics}")
        threading.Thread(target=self._watch, daemon=True).start()

    def between(self, begin_s: float, end_s: float) -> float:
        """Processor seconds between two times of the monotonic clock."""
        at_s, used_s = zip(*self._readings, strict=True)
        return float(np.interp(end_s, at_s, used_s) - np.interp(begin_s, at_s, used_s))

    def _watch(self) -> None:
        ticks_per_s = os.sysconf("SC_CLK_TCK")
        try:
            while True:
                user, system = self._statistics.read_text().rpartition(")")[2].split()[11:13]
                self._readings.append((time.monotonic(), (int(user) + int(system)) / ticks_per_s))
                time.sleep(self._STEP_S)
        except OSError:
            return  # the process is gone
