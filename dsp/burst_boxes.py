"""Burst features: the largest mean of relative power over boxes of bins and frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BURST_WIDTHS", "BurstBoxes", "box_count", "largest_boxes"]

BURST_WIDTHS = (8, 64, 512)
"""Widths in bins of the burst boxes; a box starts every half width."""


_ONES = np.ones(8, np.float32)


class BurstBoxes(NamedTuple):
    """Largest box means of some frames, float32 of shape (box_count(hop_bins, width),)."""

    by_8: NDArray[np.float32]
    by_8x4: NDArray[np.float32]
    by_64: NDArray[np.float32]
    by_512: NDArray[np.float32]

    def or_larger(self, other: BurstBoxes) -> BurstBoxes:
        """Take the larger of two, box by box; NaN is less than any."""
        return BurstBoxes(*map(np.fmax, self, other))


def box_count(hop_bins: int, width: int) -> int:
    """Boxes of a width, one every half width, that fit in a hop.

    Examples
    --------
    >>> [box_count(768, width) for width in BURST_WIDTHS]
    [191, 23, 2]
    """
    return max(0, hop_bins // (width // 2) - 1)


def largest_boxes(
    relative: NDArray[np.float32], before: NDArray[np.float32] | None = None
) -> tuple[BurstBoxes, NDArray[np.float32]]:
    """Largest box means over the frames of a hop, or of a block of them.

    Boxes of 8, 64 and 512 bins are built from sums of 4, 32 and 256.

    Parameters
    ----------
    relative : ndarray of float32, shape (n, hop_bins)
        Power over its mean, a frame a row.
    before : ndarray of float32, optional
        What came with the block before: boxes of four frames may begin in it.

    Returns
    -------
    BurstBoxes
        Boxes of four frames are NaN where there are fewer.
    ndarray of float32
        For the next block.

    Examples
    --------
    >>> boxes, last = largest_boxes(np.full((4, 16), 2, np.float32))
    >>> boxes.by_8.tolist(), boxes.by_8x4.tolist(), boxes.by_64.size
    ([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], 0)
    """
    by_4 = _sum_groups(relative, 4)
    by_32 = _sum_groups(by_4, 8)
    by_8 = _neighbours_added(by_4)
    run = by_8 if before is None else np.concatenate([before, by_8])
    pairs = run[:-1] + run[1:]
    largest = BurstBoxes(
        by_8=_box_max(by_8, 8),
        by_8x4=_box_max(pairs[:-2] + pairs[2:], 32),
        by_64=_box_max(_neighbours_added(by_32), 64),
        by_512=_box_max(_neighbours_added(_sum_groups(by_32, 8)), 512),
    )
    return largest, run[-3:]


def _sum_groups(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    n_groups = values.shape[1] // size
    grouped = values[:, : n_groups * size].reshape(values.shape[0], n_groups, size)
    result: NDArray[np.float32] = grouped @ _ONES[:size]
    return result


def _neighbours_added(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each with the one to its right, all rows as one, which takes half the time; the last column means nothing."""
    boxes = np.empty_like(sums)
    flat = sums.ravel()
    np.add(flat[:-1], flat[1:], out=boxes.ravel()[:-1])
    boxes[-1:, -1:] = 0
    return boxes


def _box_max(box_sums: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    if len(box_sums) == 0:
        return np.full(max(0, box_sums.shape[1] - 1), np.nan, np.float32)
    largest: NDArray[np.float32] = np.maximum.reduce(box_sums)[:-1]
    largest *= 1 / size
    return largest
