"""``python -m benchmarks.fuzz.worker READER INPUTS FOLDER CORPUS SEED SECONDS``: fuzz one reader, in this process.

Each input may take some seconds and the process a limited memory. What a reader raises beside its refusals is noted
and does not end the run. The figures so far are kept in ``FOLDER/result.json``, since libFuzzer leaves no last word.
"""

from __future__ import annotations

import resource
import sys
import time
import traceback
from pathlib import Path

import atheris  # type: ignore[import-not-found]

from benchmarks.fuzz.figures import Figures

with atheris.instrument_imports(include=["sweep", "baselines", "dsp"]):
    from benchmarks.fuzz.readers import READERS
    from dsp.errors import QuietroomError

_SECONDS_AN_INPUT = 10
_MEMORY_MB = 1024
_NOTE_EVERY_S = 1.0


class Watch:
    """Runs the inputs and keeps count."""

    def __init__(self, name: str, folder: Path) -> None:
        self._reader = READERS[name]
        self._folder = folder
        self._place = folder / "files"
        self._place.mkdir()
        self._found: dict[str, str] = {}
        self._inputs = self._refused = 0
        self._longest_s = 0.0
        self._start = self._noted = time.monotonic()

    def __call__(self, data: bytes) -> None:
        """Read one input."""
        begun = time.monotonic()
        try:
            self._reader.read(self._place, data)
        except QuietroomError as error:
            self._refused += 1
            text = str(error)
            if not text.isprintable() or len(text) > 1500:
                self._note("a refusal that is not one clear line", repr(text[:300]), data)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            self._note(at, "".join(traceback.format_exception(error)), data)
        now = time.monotonic()
        self._inputs += 1
        self._longest_s = max(self._longest_s, now - begun)
        if now - self._noted > _NOTE_EVERY_S:
            self.write()

    def _note(self, what: str, why: str, data: bytes) -> None:
        if what not in self._found:
            self._found[what] = why
            (self._folder / f"found-{len(self._found)}").write_bytes(data)
            self.write()

    def write(self) -> None:
        """Keep the figures so far."""
        self._noted = time.monotonic()
        Figures(
            inputs=self._inputs,
            refused=self._refused,
            seconds=self._noted - self._start,
            longest_s=self._longest_s,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
            found=self._found,
        ).write(self._folder / "result.json")


def main(name: str, n_inputs: int, folder: Path, corpus: Path, *options: str) -> None:
    """Fuzz until so many inputs are done."""
    corpus.mkdir(exist_ok=True)
    reader = READERS[name]
    for number, seed in enumerate(reader.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    watch = Watch(name, folder)

    def one(data: bytes) -> None:
        watch(data)
        if watch._inputs >= n_inputs:
            watch.write()

    arguments = [
        sys.argv[0],
        f"-runs={n_inputs}",
        f"-max_len={reader.longest}",
        f"-timeout={_SECONDS_AN_INPUT}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-artifact_prefix={folder}/stopped-",
        *options,
        "-verbosity=0",
        str(corpus),
    ]
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    _, _name, _n_inputs, _folder, _corpus, _seed, _longest_s = sys.argv
    main(_name, int(_n_inputs), Path(_folder), Path(_corpus), f"-seed={_seed}", f"-max_total_time={_longest_s}")
