"""Boxes of neighbouring bins: weighted means over them, at every scale from the same running sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NARROW_SCALES", "SCALES", "BoxSums", "box_correlation"]

NARROW_SCALES = (1, 2, 4, 8, 16)
SCALES = (*NARROW_SCALES, 48, 160, 512, 896)
"""Widths in bins of the boxes; the narrow ones look at the contrast inside wide emitters."""

_HANN_CORRELATION = (4 / 9, 1 / 36)  # of the powers of bins one and two apart (Harris 1978)


def box_correlation(scale: int) -> float:
    """Variance of a box mean of Hann bins over that of independent bins.

    Examples
    --------
    >>> box_correlation(1), round(box_correlation(896), 2)
    (1.0, 1.94)
    """
    return 1.0 + 2 * sum((1 - (k + 1) / scale) * rho for k, rho in enumerate(_HANN_CORRELATION) if k + 1 < scale)


@dataclass(frozen=True, slots=True, eq=False)
class BoxSums:
    """Running sums of values, from which the sum over any box is one difference.

    Parameters
    ----------
    sums : ndarray of float64, shape (n_bins + 1,)
    """

    sums: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> BoxSums:
        """Start from finite values, shape (n_bins,)."""
        sums = np.zeros(values.size + 1)
        np.cumsum(values, dtype=np.float64, out=sums[1:])
        return cls(sums)

    def over(self, scale: int) -> NDArray[np.float64]:
        """Sum over the box of so many bins about each bin, cut at the ends; shape (n_bins,).

        Examples
        --------
        >>> BoxSums.of(np.array([1.0, 2.0, 4.0, 8.0])).over(3)
        array([ 3.,  7., 14., 12.])
        """
        n = self.sums.size - 1
        before, after = scale // 2, scale - scale // 2
        padded = np.pad(self.sums, (before, after - 1), mode="edge")
        result: NDArray[np.float64] = padded[scale:] - padded[:n]
        return result

    def about(self, bins: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
        """Sum over the boxes about some bins only, shape of ``bins``."""
        n = self.sums.size - 1
        start, stop = np.maximum(bins - scale // 2, 0), np.minimum(bins + scale - scale // 2, n)
        result: NDArray[np.float64] = self.sums[stop] - self.sums[start]
        return result
