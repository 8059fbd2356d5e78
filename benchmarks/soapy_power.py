"""Finding and starting ``soapy_power``, and one hop against it, as against ``rtl_power``.

It is a Python program on PyPI that needs Debian's SoapySDR. The one that ``QUIETROOM_SOAPY_POWER`` names is taken, or
that on the path; else it is installed into a temporary environment of the system's Python.

Its driver reads in a thread that never waits: from a dongle that serves as fast as it is read it would throw most
samples away, and the processor time of making them would count against it. So its dongle is paced in real time; as
with ``rtl_power``, what counts are the samples that went into lines and the processor time of all its threads, beyond
those of a short run.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.rows import LeftOutError

__all__ = ["command", "soapy_power"]

_SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's packages serve no other
_PROBE = "import SoapySDR; print(any('rtlsdrSupport' in path for path in SoapySDR.listModules()))"


@functools.cache
def soapy_power() -> str:
    """Find ``soapy_power``, or install it into a folder that goes when this process ends; gives its path.

    It is started with the environment that `benchmarks.dongle.plugged_in` gives.

    Raises
    ------
    LeftOutError
        It is not there and cannot be installed; the message says what is missing.
    """
    found = os.environ.get("QUIETROOM_SOAPY_POWER") or shutil.which("soapy_power")
    return found or _installed()


def command(
    program: str, *, low_hz: int, high_hz: int, rate_hz: int, n_bins: int, n_spectra: int, n_runs: int, out: Path
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
    out : Path
        Rewritten.
    """
    sizes = {"-r": rate_hz, "-b": n_bins, "-n": n_spectra, "-u": n_runs, "-g": 28}
    options = [str(part) for pair in sizes.items() for part in pair]
    return [program, "-q", "-d", "driver=rtlsdr", "-f", f"{low_hz}:{high_hz}", *options, "-O", str(out)]


def _installed() -> str:
    if not Path(_SYSTEM_PYTHON).exists() or _output(_SYSTEM_PYTHON, "-c", _PROBE) != "True":
        raise LeftOutError("soapy_power needs SoapySDR (Debian's python3-soapysdr and soapysdr-module-rtlsdr)")
    folder = Path(_folder().name)
    try:
        _output(_SYSTEM_PYTHON, "-m", "venv", "--system-site-packages", str(folder), check=True)
        _output(str(folder / "bin/pip"), "install", "soapy_power", check=True)
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
