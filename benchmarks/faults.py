"""Every fault of the virtual dongle alone, and every pair: how many end in the right words and the right verdict."""

from __future__ import annotations

import contextlib
import ctypes
import io
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.dongle import plugged_in
from benchmarks.effort import FULL, Effort
from benchmarks.rows import Goal, LeftOut, Row, Spread
from sweep.cli.main import main
from sweep.sources.live import Recovery
from tests.virtual_dongle.faults import FAULTS, PASSES, RANGE, ROOM, Ending, Fault, are_apart, complaints, spoiled
from tests.virtual_dongle.scene import Scene

__all__ = ["measure"]

_QUICK_STEP = 12  # a quick run takes one pair of so many


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Sweep a room, of which a baseline is known, with each fault and with each pair of them."""
    pairs = [pair for pair in itertools.combinations(FAULTS, 2) if are_apart(*pair)]
    with _trying() as bench:
        yield bench.row("faults, one by one", [(fault,) for fault in FAULTS])
        yield bench.row("faults, in pairs", pairs if effort is FULL else pairs[::_QUICK_STEP])
        yield bench.quiet_row()
        yield bench.calm_row([fault for fault in FAULTS if fault.ends == "as without"])


class _Bench:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._config = Path(environment["VIRTUAL_DONGLE_CONFIG"])
        self._library = ctypes.CDLL(environment["QUIETROOM_LIBRTLSDR"])
        self._n_quiet = self._n_swept = 0
        self._learnt = folder / "learnt"
        self._reads = self._learn()

    def row(self, what: str, sets: Sequence[Sequence[Fault]]) -> Row:
        """Try each set of faults; what ends wrongly is told on standard error."""
        n_right = 0
        for faults in sets:
            ending = self._ending(spoiled(faults, self._reads))
            wrong = complaints(faults, ending)
            n_right += not wrong
            self._n_swept += 1
            self._n_quiet += ending.document is not None and ending.document["verdict"] == "no_anomaly_detected"
            if wrong:
                print(f"{' + '.join(fault.name for fault in faults)}: {'; '.join(wrong)}", file=sys.stderr, flush=True)
        return _share(what, n_right, len(sets), "right verdict and words", Goal(limit=1.0))

    def quiet_row(self) -> Row:
        """How many of all that were tried ended in "no anomaly"."""
        return _share(
            "faults that end in no anomaly", self._n_quiet, self._n_swept, "none", Goal(limit=0.0, at_least=False)
        )

    def calm_row(self, faults: Sequence[Fault]) -> Row:
        """How many of the faults that are no matter raise no false alarm in a room without a bug."""
        n_calm = 0
        for fault in faults:
            ending = self._ending(spoiled((fault,), self._reads, with_bug=False))
            is_calm = ending.document is not None and ending.document["verdict"] == "no_anomaly_detected"
            n_calm += is_calm
            if not is_calm:
                print(
                    f"{fault.name}, without a bug: {ending.document and ending.document['findings']}", file=sys.stderr
                )
        return _share("faults that are no matter, no bug", n_calm, len(faults), "no false alarm", Goal(limit=1.0))

    def _learn(self) -> int:
        """Learn the room with a good dongle; gives its reads before the sweep itself."""
        self._plug(ROOM)
        self._run(self._learnt, "init")
        for seed in (1, 2):
            self._plug(replace(ROOM, seed=seed))
            self._run(self._learnt, "sweep", "lab", "--range", RANGE, "--passes", "3", "--source", "rtlsdr:Q1")
        records = sorted(str(path) for path in (self._learnt / "sweeps").glob("*.h5"))
        self._run(self._learnt, "baseline", "learn", "lab", *records)
        self._plug(ROOM)
        self._run(self._learnt, "devices", "--check")
        return int(self._library.virtual_dongle_reads())

    def _ending(self, scene: Scene) -> Ending:
        root, out = self._folder / "ws", self._folder / "out.json"
        shutil.rmtree(root, ignore_errors=True)
        out.unlink(missing_ok=True)
        shutil.copytree(self._learnt, root)
        self._plug(scene)
        words = ("sweep", "lab", "--range", RANGE, "--passes", str(PASSES), "--source", "rtlsdr:0", "--json", str(out))
        code, said = self._run(root, *words)
        return Ending(code=code, said=said, document=json.loads(out.read_text()) if out.exists() else None)

    def _run(self, root: Path, *words: str) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            code = main(["--workspace", str(root), *words])
        return code, said.getvalue()

    def _plug(self, scene: Scene) -> None:
        self._config.write_text(scene.text())
        self._library.virtual_dongle_restart()


@contextlib.contextmanager
def _trying() -> Iterator[_Bench]:
    """A bench in a folder of its own. A receiver that is lost is given up soon, and nothing is sealed or injected."""
    environment, patience = dict(os.environ), dict(Recovery.__init__.__kwdefaults__)
    with tempfile.TemporaryDirectory() as folder, plugged_in(ROOM) as plugged:
        os.environ.update(QUIETROOM_TRIALS="off", QUIETROOM_KEYS=str(Path(folder) / "keys"))
        Recovery.__init__.__kwdefaults__.update(patience=1, retry_s=0.0)
        try:
            yield _Bench(Path(folder), plugged)
        finally:
            Recovery.__init__.__kwdefaults__.update(patience)
            os.environ.clear()
            os.environ.update(environment)


def _share(what: str, hits: int, total: int, against: str, goal: Goal) -> Row:
    share = hits / total if total else 0.0
    spread = Spread(median=share, lowest=share, highest=share)
    return Row(what=what, ours=f"{hits} of {total}", against=against, ratio=spread, goal=goal)
