"""Boxes of neighbouring bins: weighted means over them, at every scale from the same running sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NARROW_SCALES", "SCALES", "BoxSums", "BoxesAbout", "box_correlation"]

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
        result = np.full(n, self.sums[-1])
        result[: max(0, n + 1 - after)] = self.sums[after:]
        result[before:] -= self.sums[: max(0, n - before)]
        return result

    def within(self, bins: slice, scale: int) -> NDArray[np.float64]:
        """Sum over the boxes about a run of bins of which no box reaches beyond the ends."""
        before, after = scale // 2, scale - scale // 2
        last, first = (slice(bins.start + away, bins.stop + away) for away in (after, -before))
        return np.asarray(self.sums[last] - self.sums[first])

    def about(self, bins: NDArray[np.int64], scale: int) -> NDArray[np.float64]:
        """Sum over the boxes about some bins only, shape of ``bins``."""
        start, stop = np.maximum(bins - scale // 2, 0), np.minimum(bins + scale - scale // 2, self.sums.size - 1)
        return np.asarray(self.sums[stop] - self.sums[start])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoxesAbout:
    """The boxes about some bins only.

    Attributes
    ----------
    covered : ndarray of int64, shape (m,)
        Bins that lie in any of them, ascending.
    first, last : ndarray of int64, shape of the bins
        Where each box begins and ends among these.
    """

    covered: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, bins: NDArray[np.int64], scale: int, n_bins: int) -> BoxesAbout:
        """Boxes of so many bins, cut at the ends of the row, about bins that ascend."""
        start, stop = np.maximum(bins - scale // 2, 0), np.minimum(bins + scale - scale // 2, n_bins)
        apart = np.flatnonzero(start[1:] > stop[:-1]) + 1  # overlapping boxes make one run
        runs = zip(start[np.r_[0, apart]], stop[np.r_[apart - 1, -1]], strict=True) if bins.size else ()
        covered = np.concatenate([np.arange(*run) for run in runs] or [np.empty(0, np.int64)])
        return cls(covered=covered, first=np.searchsorted(covered, start), last=np.searchsorted(covered, stop - 1) + 1)

    def sums(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sum over each box of finite values of the covered bins, shape (..., m); gives the shape (..., n).

        Examples
        --------
        >>> about = BoxesAbout.of(np.array([1, 9]), 3, 10)
        >>> about.covered, about.sums(np.arange(10.0)[about.covered])
        (array([0, 1, 2, 8, 9]), array([ 3., 17.]))
        """
        sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
        np.cumsum(values, axis=-1, dtype=np.float64, out=sums[..., 1:])
        return np.asarray(sums[..., self.last] - sums[..., self.first])
