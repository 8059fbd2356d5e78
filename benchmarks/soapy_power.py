"""One hop against ``soapy_power``; how it is found and started.

It is a Python program on PyPI that needs Debian's SoapySDR. The one that ``QUIETROOM_SOAPY_POWER`` names is taken, or
that on the path; else it is installed into a temporary environment of the system's Python, with scipy and without
pyFFTW, with which it takes twice the processor time here.

Its driver reads in a thread that never waits: from a dongle that serves as fast as it is read it would throw most
samples away, and the processor time of making them would count against it. So its dongle is paced in real time; as
with ``rtl_power``, what counts are the samples that went into lines and the processor time of all its threads beyond
its start, here from its first line to its last. It too transforms overlapping Hann frames, so each sample twice.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.dongle import plugged_in
from benchmarks.effort import Effort
from benchmarks.one_hop import CENTER_HZ, RATE_HZ, STEP_HZ, alone, tuned
from benchmarks.rows import Goal, LeftOut, LeftOutError, Row, ratio_row
from benchmarks.transforms import engines
from benchmarks.turns import alternate, processor_seconds
from tests.virtual_dongle.scene import Scene

__all__ = ["command", "measure", "soapy_power"]

_N_LINES = 9  # of 0.4 s each
_N_SPECTRA = 1024
_GOAL = Goal(limit=5)

_SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's packages serve no other
_PROBE = "import SoapySDR; print(any('rtlsdrSupport' in path for path in SoapySDR.listModules()))"


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the rows against ``soapy_power``.

    Raises
    ------
    LeftOutError
        There is no C compiler, or no soapy_power.
    """
    program = soapy_power()
    usable, _ = engines()
    with plugged_in(Scene(realtime=True)) as environment:
        with tuned() as source:
            ours = {what: side for name in usable for what, side in alone(source, name, effort.turn_s).items()}
        sides = {what: side for what, (side, n_threads) in ours.items() if n_threads == 1}
        figures = alternate({"soapy_power": partial(_soapy_power, program, environment)} | sides, effort.repeats)
    theirs = figures.pop("soapy_power")
    for what, mine in figures.items():
        goal = None if what.startswith("bare") else _GOAL
        yield ratio_row(f"one hop, 1024 points: {what}", mine, theirs, unit="MS/s", named="soapy_power", goal=goal)


@functools.cache
def soapy_power() -> str:
    """Find ``soapy_power``, or install it into a folder that goes when this process ends; gives its path.

    It is started with the environment that `benchmarks.dongle.plugged_in` gives.

    Raises
    ------
    LeftOutError
        It is not there and cannot be installed; the message says what is missing.
    """
    named = os.environ.get("QUIETROOM_SOAPY_POWER")
    found = shutil.which(named or "soapy_power")
    if named and found is None:
        raise LeftOutError(f"QUIETROOM_SOAPY_POWER names {named}, which is no program")
    return found or _installed()


def command(
    program: str,
    *,
    low_hz: int,
    high_hz: int,
    rate_hz: int,
    n_bins: int,
    n_spectra: int,
    n_runs: int,
    out: Path | None = None,
) -> list[str]:
    """Put the command together that sweeps a range so many times and writes lines like those of ``rtl_power``.

    Parameters
    ----------
    program : str
        As `soapy_power` gives it.
    low_hz, high_hz, rate_hz : int
        One hop where the range is narrower than the rate.
    n_bins, n_spectra : int
        Points of the transform, and points received for each line over that: it overlaps frames by half.
    n_runs : int
        Passes over the range.
    out : Path, optional
        Rewritten; by default lines go to standard output.
    """
    sizes = {"-r": rate_hz, "-b": n_bins, "-n": n_spectra, "-u": n_runs, "-g": 28}
    options = [str(part) for pair in sizes.items() for part in pair]
    target = [] if out is None else ["-O", str(out)]
    return [program, "-q", "-d", "driver=rtlsdr", "-f", f"{low_hz}:{high_hz}", *options, *target]


def _soapy_power(program: str, environment: dict[str, str]) -> float:
    """Samples per processor second, in millions, from the first line to the last."""
    arguments = command(
        program,
        low_hz=CENTER_HZ - RATE_HZ // 2 + STEP_HZ,  # a range as wide as the rate would be two hops
        high_hz=CENTER_HZ + RATE_HZ // 2 - STEP_HZ,
        rate_hz=RATE_HZ,
        n_bins=RATE_HZ // STEP_HZ,
        n_spectra=_N_SPECTRA,
        n_runs=_N_LINES,
    )
    n_samples, marks_s = 0, []
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in filter(bytes.strip, process.stdout or ()):
            marks_s.append(processor_seconds(process.pid))
            n_samples = int(line.split(b",")[5])
            if len(marks_s) == _N_LINES:
                break
    if len(marks_s) < _N_LINES:
        raise RuntimeError(f"{' '.join(arguments)} gave {len(marks_s)} lines of {_N_LINES}")
    return n_samples * (_N_LINES - 1) / (marks_s[-1] - marks_s[0]) / 1e6


def _installed() -> str:
    if not Path(_SYSTEM_PYTHON).exists() or _output(_SYSTEM_PYTHON, "-c", _PROBE) != "True":
        raise LeftOutError("soapy_power needs SoapySDR (Debian's python3-soapysdr and soapysdr-module-rtlsdr)")
    folder = Path(_folder().name)
    try:
        _output(_SYSTEM_PYTHON, "-m", "venv", "--system-site-packages", str(folder), check=True)
        _output(str(folder / "bin/pip"), "install", "soapy_power", "scipy", check=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or error.stdout.strip()).splitlines()[-1]
        raise LeftOutError(f"soapy_power cannot be installed: {reason}") from error
    return str(folder / "bin/soapy_power")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # kept here, it goes when this process ends


def _output(*command: str, check: bool = False) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=check, timeout=300)
    return result.stdout.strip()
