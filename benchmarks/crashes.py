"""``python -m benchmarks.crashes [--runs 200] [--states 500]``: kill sweeps, cut their power, and count what is lost.

Runs are whole sweeps by ``quietroom sweep`` through pyrtlsdr on the virtual dongle, with stays and second looks. They
end by ``kill -9`` (or Ctrl-C twice) at a random moment: anywhere, while the record is written, while it is sealed.
States are disks that a power cut may have left of such sweeps, of replays, whose rows wait for a common sync, and of
recoveries. Each is recovered as a user would; the claims are those of ``tests/crashing/claims.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks.dongle import plugged_in
from benchmarks.rows import LeftOutError
from sweep.cli.main import main as quietroom
from tests.crashing.kills import MOMENTS, SweepBench
from tests.crashing.power import build_log_library, cuts, logged_recovery, logged_sweep
from tests.virtual_dongle.scene import Emitter, Scene

__all__ = ["Crash", "kill_sweeps", "lines", "main"]

_SCENE = Scene(
    retune_s=0.001,
    emitters=(
        Emitter(kind="fm", freq_hz=433.92e6, level_dbfs=-25, bandwidth_hz=75e3),
        Emitter(kind="noise", freq_hz=435.1e6, level_dbfs=-35, bandwidth_hz=50e3, period_s=0.05, duty=0.4),
    ),
)
_SWEEP = ("sweep", "lab", "--source", "rtlsdr:0", "--range", "433M:436M", "--passes", "40", "--camp", "2s")
_STATES_OF_ONE = 25
_REPLAY_SAMPLES = 4_800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One crash.

    Attributes
    ----------
    kind : str
        What was done, and at what moment.
    n_told : int
        Rows, stays and looks that were told to be saved before it.
    broken : tuple of str
        Claims that did not hold.
    """

    kind: str
    n_told: int
    broken: tuple[str, ...]


def kill_sweeps(bench: SweepBench, n_runs: int) -> Iterator[Crash]:
    """Kill so many sweeps; a quarter of them at each kind of moment."""
    for number in range(n_runs):
        kill = bench.kill(number, MOMENTS[number % len(MOMENTS)])
        how = "Ctrl-C twice" if kill.moment == "interrupt" else f"kill -9, {kill.moment}"
        n_told = sum(map(len, kill.told.leaves.values()))
        yield Crash(kind=how if kill.killed else f"{how}: had ended", n_told=n_told, broken=kill.broken)


def cut_power(sweeps: SweepBench, replays: SweepBench, folder: Path, n_states: int) -> Iterator[Crash]:
    """Make so many disks: of sweeps, of replays, and of recoveries of killed sweeps."""
    library = build_log_library(folder)
    made = number = 0
    while made < n_states:
        kind = ("sweep", "replay", "recovery")[number % 3]
        first, n_cuts = 0, min(_STATES_OF_ONE, n_states - made)
        name = f"power-{number}"
        if kind == "recovery":
            logged = logged_sweep(sweeps, library, name, kill_after=3 * number % 40 + 1)
            first = logged_recovery(sweeps, library, logged)
        else:
            logged = logged_sweep(sweeps if kind == "sweep" else replays, library, name)
        for cut in cuts(logged, folder / "scratch", n_cuts=n_cuts, seed=number, first=first):
            yield Crash(kind=f"power cut of a {kind}, {cut.phase}", n_told=cut.n_told, broken=cut.broken)
        made, number = made + n_cuts, number + 1


def lines(crashes: list[Crash]) -> Iterator[str]:
    """Count failures, with the 95 % interval of their rate (Clopper and Pearson); stays and looks count as rows."""
    kinds = dict.fromkeys(crash.kind for crash in crashes)
    for title, chosen in [*((kind, [one for one in crashes if one.kind == kind]) for kind in kinds), ("all", crashes)]:
        n_failed, n_told = sum(bool(one.broken) for one in chosen), sum(one.n_told for one in chosen)
        interval = binomtest(n_failed, len(chosen)).proportion_ci(0.95, method="exact")
        yield (
            f"{title:34} {n_failed:3} of {len(chosen):4} failed: {100 * n_failed / len(chosen):.1f} % "
            f"(95 %: {100 * interval.low:.1f} to {100 * interval.high:.1f} %); {n_told} rows told before"
        )


@contextlib.contextmanager
def _benches() -> Iterator[tuple[SweepBench, SweepBench, Path]]:
    with tempfile.TemporaryDirectory() as name, plugged_in(_SCENE) as environment:
        folder = Path(name)
        more = {"QUIETROOM_KEYS": str(folder / "keys"), "QUIETROOM_KEY_PASSPHRASE": ""}
        os.environ.update(more)
        with contextlib.redirect_stdout(io.StringIO()):
            quietroom(["keys", "make", "--identity", "crashes@example.org"])
        capture = folder / "noise_433920000Hz_2400000sps.cu8"
        np.random.default_rng(1).normal(127.5, 8, 2 * _REPLAY_SAMPLES).clip(0, 255).astype(np.uint8).tofile(capture)
        replay = ("replay", "lab", str(capture), "--rate", "2.4M", "--center", "433.92M")
        yield SweepBench(folder, environment | more, _SWEEP), SweepBench(folder, environment | more, replay), folder


def main() -> int:
    """Crash as often as is asked for, and print counts; gives 1 where a claim did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="sweeps that are killed (200)")
    parser.add_argument("--states", type=int, default=500, help="disks that a power cut left (500)")
    arguments = parser.parse_args()
    crashes: list[Crash] = []
    begun = time.monotonic()
    try:
        with _benches() as (sweeps, replays, folder):
            made = (kill_sweeps(sweeps, arguments.runs), cut_power(sweeps, replays, folder, arguments.states))
            for crash in (one for kind in made for one in kind):
                crashes.append(crash)
                for why in crash.broken:
                    print(f"FAILED {crash.kind}: {why}", flush=True)
                if len(crashes) % 50 == 0:
                    print(f"{time.monotonic() - begun:5.0f} s  {len(crashes)} crashes", file=sys.stderr)
    except LeftOutError as error:
        print(f"left out: {error}")
        return 0
    print("\n".join(lines(crashes)))
    return int(any(crash.broken for crash in crashes))


if __name__ == "__main__":
    sys.exit(main())
