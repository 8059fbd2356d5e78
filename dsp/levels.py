"""Level of the samples of a hop: their mean, which is DC, and their rms about it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleLevel"]


class SampleLevel:
    """Sums over samples that come block by block; float32 within a row, float64 across rows.

    Examples
    --------
    >>> level = SampleLevel()
    >>> level.take(np.array([[1, 2, 3, 2]], np.float32))
    >>> level.mean, level.rms
    ((2+2j), 1.0)
    """

    def __init__(self) -> None:
        self._n_samples = 0
        self._sum = 0j
        self._square = 0.0

    def take(self, rows: NDArray[np.float32]) -> None:
        """Take the next samples, I and Q in turn, shape (n, 2 * n_samples)."""
        self._n_samples += rows.size // 2
        by_column = np.add.reduce(rows)  # bytes add up without rounding
        self._sum += complex(np.add.reduce(by_column.view(np.complex64), dtype=np.complex128))
        self._square += float(np.add.reduce(np.vecdot(rows, rows), dtype=np.float64))

    @property
    def mean(self) -> complex:
        """Mean of the samples, in their unit."""
        return self._sum / self._n_samples

    @property
    def rms(self) -> float:
        """Root of the mean square of the samples about their mean, in their unit."""
        mean = self.mean
        return math.sqrt(max(self._square / self._n_samples - mean.real**2 - mean.imag**2, 0.0))
