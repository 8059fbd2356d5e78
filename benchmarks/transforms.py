"""From bytes to spectra, against the bare transform of the same frames.

The bare side transforms as somebody would who wants nothing else: the frames are there already, decoded, windowed,
complex64 and contiguous, in blocks that fit a core's cache, and may be overwritten; with FFTW by plans and in memory as
ours. It does not count the time to make the frames. Our side starts from the bytes of the receiver: decode, window,
transform, power of each frame, mean, largest and smallest over the frames; or all features of a hop. Both sides
transform the same number of frames of the same length, each sample twice, as frames overlap by half; the figures count
a sample once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.effort import Effort
from benchmarks.rows import Goal, LeftOut, Row, ratio_row
from benchmarks.samples import cu8_noise
from benchmarks.turns import alternate, million_per_second, timed
from dsp import engine
from dsp.errors import ParameterError
from dsp.frames import fill_powers, view_frames
from dsp.spectra import hop_spectra

__all__ = ["ENGINE_LABELS", "bare_transforms", "engines", "hold_spectra", "measure"]

ENGINE_LABELS = {"scipy": "scipy.fft", "fftw": "FFTW"}

_SIZES = ((1024, 64), (1024, 1024), (960, 64), (4096, 64))  # points and frames; 64 frames are the default hop
_BLOCK_SAMPLES = 1 << 16
_GOALS = {"scipy": Goal(limit=0.65), "fftw": Goal(limit=0.5)}  # of the bare transforms of the same engine
_ALL_GOAL = Goal(limit=0.4)  # of the bare scipy.fft


def measure(effort: Effort) -> Iterator[Row | LeftOut]:
    """Give the rows of mean, max and min spectra and of all features, at several lengths and with each engine."""
    usable, missing = engines()
    for n_fft, n_frames in _SIZES:
        yield from _rows_of_size(n_fft, n_frames, usable, effort)
    yield from missing


def engines() -> tuple[list[str], list[LeftOut]]:
    """Give the FFT engines of this machine, and those that it lacks."""
    usable, missing = [], []
    before = engine.engine_name()
    for name in engine.ENGINES:
        try:
            engine.use_engine(name)
            usable.append(name)
        except ParameterError as error:
            missing.append(LeftOut(what=f"engine {name}", reason=str(error)))
    engine.use_engine("fftw" if before.startswith("pyFFTW") else "scipy")
    return usable, missing


def hold_spectra(n_fft: int, n_frames: int, name: str) -> Callable[[], object]:
    """Give a function that makes the mean, max and min spectrum of one hop from its bytes with an engine.

    As a sweep does: the powers of the frames go into memory that is kept from hop to hop.
    """
    raw, sizes = _hop(n_fft, n_frames)
    power = np.empty((n_frames, sizes["hop_bins"]), np.float32)

    def work() -> object:
        engine.use_engine(name)
        frames = view_frames(raw, "cu8", **sizes, full_scale=1.0, offset_bins=0.0)
        return fill_powers(power, frames, remove_dc=True)

    return work


def _all_features(n_fft: int, n_frames: int, name: str) -> Callable[[], object]:
    raw, sizes = _hop(n_fft, n_frames)

    def work() -> object:
        engine.use_engine(name)
        return hop_spectra(raw, "cu8", **sizes)

    return work


def _hop(n_fft: int, n_frames: int) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    raw = cu8_noise((n_frames + 1) * n_fft, np.random.default_rng(1))
    return raw, {"n_fft": n_fft, "n_frames": n_frames, "hop_bins": int(n_fft * 0.8) // 2 * 2}


def _rows_of_size(n_fft: int, n_frames: int, usable: list[str], effort: Effort) -> Iterator[Row]:
    n_samples = (n_frames + 1) * n_fft // 2
    steps: dict[str, Callable[[], float]] = {}
    for name in usable:
        steps[f"bare {name}"] = bare_transforms(n_fft, n_frames, name)
        steps[f"hold {name}"] = timed(hold_spectra(n_fft, n_frames, name))
        steps[f"all {name}"] = timed(_all_features(n_fft, n_frames, name))
    sides = {name: million_per_second(step, n_samples, effort.turn_s) for name, step in steps.items()}
    figures = alternate(sides, effort.repeats)

    def row(what: str, kind: str, name: str, bare: str, goal: Goal) -> Row:
        return ratio_row(
            f"{what} of cu8, {n_fft} points x {n_frames} frames, engine {name}",
            figures[f"{kind} {name}"],
            figures[f"bare {bare}"],
            unit="MS/s",
            named=f"bare {ENGINE_LABELS[bare]}",
            goal=goal,
        )

    for name in usable:
        yield row("mean, max and min PSD", "hold", name, name, _GOALS[name])
    for name in usable:
        yield row("all features", "all", name, "scipy", _ALL_GOAL)


def bare_transforms(n_fft: int, n_frames: int, name: str) -> Callable[[], float]:
    """Give a function that tells the processor seconds of nothing but the transforms of one hop with an engine.

    The frames, which transforms overwrite, are put back between them.
    """
    rng = np.random.default_rng(2)
    block = min(n_frames, _BLOCK_SAMPLES // n_fft)
    frames = rng.standard_normal((block, 2 * n_fft), np.float32).view(np.complex64)
    counts = [min(block, n_frames - first) for first in range(0, n_frames, block)]

    def step() -> float:
        engine.use_engine(name)
        spent = 0.0
        for count in counts:
            buffer, transform = engine.workspace(count, n_fft)
            np.copyto(buffer, frames[:count])
            start = time.thread_time()
            transform()
            spent += time.thread_time() - start
        return spent

    return step
