"""Samples to measure with: noise as a quiet receiver gives it, no two blocks alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.special
from numpy.typing import NDArray

__all__ = ["cu8_noise", "write_cu8_noise"]

_RMS_STEPS = 8.0  # of the converter: far above its own rounding, far below clipping
_BLOCK_BYTES = 16 << 20


def cu8_noise(n_components: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw Gaussian noise as interleaved bytes, through a table of 256 quantiles."""
    quantiles = scipy.special.ndtri((np.arange(256) + 0.5) / 256)
    levels = np.rint(127.5 + _RMS_STEPS * quantiles).astype(np.uint8)
    noise: NDArray[np.uint8] = levels[np.frombuffer(rng.bytes(n_components), np.uint8)]
    return noise


def write_cu8_noise(path: Path, mib: int) -> None:
    """Write a recording of noise, block after block."""
    rng = np.random.default_rng(1)
    left = mib << 20
    with path.open("wb") as file:
        while left:
            block = min(left, _BLOCK_BYTES)
            file.write(cu8_noise(block, rng).data)
            left -= block
