"""What the machine has to say before a sweep: room on its disk, and whether its clock is kept right."""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

from sweep.health.checks import FAIL, PASS, WARN, Check, State, not_possible
from sweep.plan import SweepPlan
from sweep.stitch import row_bytes

__all__ = ["check_clock", "check_disk", "planned_bytes"]

_SPARE_FACTOR = 2.0
_UNSYNCED, _CLOCK_ERROR = 0x0040, 5  # STA_UNSYNC and TIME_ERROR of adjtimex(2)
_WRONG_US = 1_000_000
_SERVICES = {
    "chrony": Path("/run/chrony"),
    "systemd-timesyncd": Path("/run/systemd/timesync/synchronized"),
    "ntpd": Path("/run/ntpd.pid"),
}
_CURE = "start chrony or systemd-timesyncd, so that the times in the record can be believed"


class _Timex(ctypes.Structure):
    """The beginning of the kernel's ``struct timex``; the rest is room for what it fills in."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    ]


def planned_bytes(plan: SweepPlan, passes: int, *, camp_s: float = 0.0, keep_iq: bool = False) -> int:
    """How much disk a sweep may need for journal and record, and for the samples where they are kept."""
    kept = 2 * plan.hop_samples * plan.n_hops if keep_iq else 0
    of_hop = (2 * row_bytes(plan) + kept) / plan.n_hops
    return round(of_hop * (passes * plan.n_hops + camp_s / plan.dwell_s))


def check_disk(folder: Path, n_bytes: int) -> Check:
    """Whether a disk takes what a plan needs, and how often."""
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e6:.0f} MB free, {n_bytes / 1e6:.0f} MB may be needed"
    state: State = PASS
    if free < n_bytes:
        state, words = FAIL, f"{words}; make room, use another --workspace, or sweep fewer ranges or passes"
    elif free < _SPARE_FACTOR * n_bytes:
        state, words = WARN, f"{words}; make room before the next sweep"
    return Check(name="free disk", state=state, words=words, value=round(free / 1e6, 1), unit="MB")


def check_clock() -> Check:
    """Whether the system keeps its clock to another, as it says itself (adjtimex(2))."""
    name = "clock source"
    if not sys.platform.startswith("linux"):
        return not_possible(name, "this system does not tell whether its clock is kept right")
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        return not_possible(name, "the system does not tell whether its clock is kept right")
    running = [service for service, trace in _SERVICES.items() if trace.exists()]
    by = f" by {running[0]}" if running else ""
    if state == _CLOCK_ERROR or timex.status & _UNSYNCED:
        return Check(name=name, state=WARN, words=f"the clock of this machine is not kept by any other; {_CURE}")
    error_us = float(timex.maxerror)
    if error_us >= _WRONG_US:
        words = f"the clock is kept{by}, but may be {error_us * 1e-6:.1f} s wrong; {_CURE}"
        return Check(name=name, state=WARN, words=words, value=error_us * 1e-3, unit="ms")
    words = f"the clock is kept{by}, to {error_us * 1e-3:.1f} ms or better"
    return Check(name=name, state=PASS, words=words, value=error_us * 1e-3, unit="ms")
