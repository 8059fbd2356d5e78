"""The clock is set while a sweep runs: it is noted, and what counts time goes on by the monotonic clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_clock import REAL_CLOCK
from virtual_dongle.scene import Emitter, Scene

from sweep.clock import ClockWatch
from sweep.record import SweepRecord
from sweep.workspace import Workspace

PlugIn = Callable[[Scene], dict[str, str]]
SCENE = Scene(realtime=True, emitters=(Emitter(kind="fm", freq_hz=434.1e6, level_dbfs=-15, bandwidth_hz=75e3),))
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* UTC as the file that CLOCK_STEP names says: so many seconds are added. All else is the real clock. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (clock == CLOCK_REALTIME) {
        FILE *file = fopen(getenv("CLOCK_STEP"), "r");
        long step = 0;
        if (file) {
            if (fscanf(file, "%ld", &step) == 1)
                now->tv_sec += step;
            fclose(file);
        }
    }
    return code;
}
"""


@pytest.fixture
def stepped(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Environment in which UTC can be set, and the file that sets it."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler (cc, gcc or clang) on this machine")
    source, library, step = (tmp_path / name for name in ("clock.c", "clock.so", "step"))
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_STEP": str(step)}, step


@REAL_CLOCK
def test_a_clock_that_is_set_is_noted_and_bends_no_time(
    tmp_path: Path, stepped: tuple[dict[str, str], Path], virtual_dongle: PlugIn
) -> None:
    environment, step = stepped
    workspace = Workspace.create(tmp_path / "ws")
    command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(workspace.root), "sweep", "lab", "--source"]
    process = subprocess.Popen(
        [*command, "rtlsdr:0", "--range", "433M:434.8M", "--duration", "2.5"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**virtual_dongle(SCENE), **environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        text=True,
    )
    while not list(workspace.sweeps.glob("*.journal")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    for seconds in (3600, -86400):  # an hour forward, then to a day before the first
        time.sleep(0.8)
        part = step.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(step)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 3), err
    assert "the clock was set forward by 3600" in err
    assert "the clock was set back by 90000" in err
    (path,) = (one for one in workspace.sweeps.iterdir() if one.suffix != ".snippets")
    with SweepRecord.open(path) as record:
        assert [note.kind for note in record.notes] == ["clock", "clock"]
        assert [note.text.split(":")[0] for note in record.notes] == [
            "the clock was set forward by 3600.0 s",
            "the clock was set back by 90000.0 s",
        ]
        rows = list(record.rows())
        assert [row.sequence for row in rows] == list(range(len(rows)))
        steps_s = np.diff([row.monotonic_ns for row in rows]) * 1e-9
        assert (steps_s > 0).all()
        assert (rows[-1].monotonic_ns - rows[0].monotonic_ns) * 1e-9 == pytest.approx(2.5, abs=0.5)
        utc_s = np.diff([row.utc_ns for row in rows]) * 1e-9 - steps_s
        assert sorted(np.rint(utc_s[np.abs(utc_s) > 0.5])) == [-90000, 3600]
        time_s = record.waterfall.time_s
        assert (np.diff(time_s) > 0).all()
        assert time_s[-1] < 3.5
        assert [ok for _, ok in record.verify_rows()] == [True] * len(rows)
        # a chance of interception lies between nothing and certainty whatever the clock said
        (segment,) = record.judgement.document["coverage"][:1]
        assert 0 < segment["poi"]["100ms"] <= segment["poi"]["10s"] <= 1


def test_slewing_and_slow_readings_are_no_step() -> None:
    watch = ClockWatch()
    utc_ns = monotonic_ns = 10**18
    for late_ns in (0, 300_000_000, -100_000_000):
        assert watch.step(utc_ns + late_ns, monotonic_ns) is None
    assert watch.step(utc_ns + 3_600_000_000_000 + 1_800_000_000, monotonic_ns + 3_600_000_000_000) is None
    assert watch.step(utc_ns, monotonic_ns + 3_600_000_000_000) is not None
