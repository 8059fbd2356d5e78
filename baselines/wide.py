"""The wide emitters of a room: what of a rise they share as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from dsp.running import closed_runs

__all__ = ["GAP_BINS", "WideRuns"]

GAP_BINS = 4
"""Gaps of up to twice so many bins are inside an emitter."""

_CONTRAST_BINS = 129


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WideRuns:
    """The bins inside wide emitters, run after run.

    Attributes
    ----------
    bins : ndarray of int64, shape (m,)
        Ascending.
    starts : ndarray of int64, shape (n_runs + 1,)
        Where each run begins among these, and m.
    """

    bins: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, wide: NDArray[np.bool_]) -> WideRuns:
        """Find the runs of bins, shape (n_bins,), over short gaps."""
        bins = np.flatnonzero(wide)
        first = np.flatnonzero(np.diff(closed_runs(wide, GAP_BINS).astype(np.int8), prepend=0) > 0)
        return cls(bins=bins, starts=np.append(np.searchsorted(bins, first), bins.size))

    def median(self, rise: NDArray[np.floating]) -> NDArray[np.float64]:
        """Median of a rise over the neighbourhood of each bin, within its own run.

        Parameters
        ----------
        rise : ndarray, shape (m,)
            At the wide bins; NaN counts as 0.

        Returns
        -------
        ndarray of float64, shape (m,)

        Examples
        --------
        >>> wide = np.array([False, True, True, True, False])
        >>> WideRuns.of(wide).median(np.array([1.0, 5.0, 2.0]))
        array([1., 2., 2.])
        """
        values = np.nan_to_num(np.asarray(rise, np.float64))
        result = np.empty_like(values)
        sizes = np.diff(self.starts)
        for size in np.unique(sizes):  # runs of one size behind each other: one filter goes over all of them
            width = min(_CONTRAST_BINS, int(size))
            mine = self.starts[:-1][sizes == size, None]
            reach = np.arange(-(width // 2), size + width // 2)  # the ends go on as they are
            beside = values[mine + np.clip(reach, 0, size - 1)]
            filtered = scipy.ndimage.median_filter(beside.ravel(), width).reshape(beside.shape)
            result[mine + np.arange(size)] = filtered[:, width // 2 : width // 2 + size]
        return result
