"""Pieces of one wide emitter: lobes that a fade or a border between hops has cut apart are one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Piece", "join_pieces"]

_LOBE_BINS, _BLOCK_BINS = 24, 100
_NOTCH_SHARE, _EDGE_SHARE = 0.6, 0.25
_NOTCH_RATIO, _WIDE_NOTCH_RATIO = 10**-1.7, 10**-1.4
_WIDE_NOTCH_BINS, _WIDEST_NOTCH_BINS = 96, 320  # over wide gaps an error of the background looks like power
_LOBE_RATIO, _CREST_RATIO = 10**1.5, 10.0
_SIGMAS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of bins [start, stop) of a row, and the numbers of the candidates that it was found in."""

    start: int
    stop: int
    sources: tuple[int, ...]

    @property
    def width(self) -> int:
        """Bins."""
        return self.stop - self.start


def join_pieces(
    pieces: Sequence[Piece],
    excess: NDArray[np.float64],
    sigma: NDArray[np.float64],
    breaks: NDArray[np.int64],
) -> list[Piece]:
    """Join neighbours of which one is wide where power fills the gap between them.

    A block of many carriers that an echo fades has lobes with notches between them. A notch is narrower than the
    lobes and never empty: half way between its edges it holds, for an echo of a on a direct path of 1, from
    (1 - a)^2 to about a tenth of the power of a lobe. Between two emitters there is nothing.

    Parameters
    ----------
    pieces : sequence of Piece
        Ascending by start; they may overlap.
    excess : ndarray of float64, shape (n_bins,)
        Linear mean power over the background; 0 where not measured.
    sigma : ndarray of float64, shape (n_bins,)
        Standard deviation of the excess of a bin that holds the background only.
    breaks : ndarray of int64
        Bins after which the frequency axis jumps, ascending.

    Returns
    -------
    list of Piece
        Ascending by start.
    """
    joined = sorted(pieces, key=lambda one: (one.start, one.stop))
    n_before = len(joined) + 1
    while len(joined) < n_before:  # what has grown may reach further
        n_before = len(joined)
        joined = _joined_once(joined, excess, sigma, breaks)
    return joined


def _joined_once(
    pieces: Sequence[Piece], excess: NDArray[np.float64], sigma: NDArray[np.float64], breaks: NDArray[np.int64]
) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and _are_one(joined[-1], piece, excess, sigma, breaks):
            last = joined[-1]
            joined[-1] = Piece(
                start=last.start,
                stop=max(last.stop, piece.stop),
                sources=tuple(dict.fromkeys(last.sources + piece.sources)),
            )
        else:
            joined.append(piece)
    return joined


def _are_one(
    left: Piece, right: Piece, excess: NDArray[np.float64], sigma: NDArray[np.float64], breaks: NDArray[np.int64]
) -> bool:
    if np.searchsorted(breaks, left.stop - 1) != np.searchsorted(breaks, right.start):
        return False
    narrow, wide = sorted((left, right), key=lambda piece: piece.width)
    density = {id(piece): float(np.median(excess[piece.start : piece.stop])) for piece in (left, right)}
    if left.stop >= right.stop:  # a crest of a block, or an emitter that stands on it
        return wide.width >= _BLOCK_BINS and density[id(narrow)] <= _CREST_RATIO * density[id(wide)]
    gap = right.start - left.stop
    share = _NOTCH_SHARE if narrow.width >= _LOBE_BINS else _EDGE_SHARE if wide.width >= _BLOCK_BINS else -np.inf
    low, high = sorted(density.values())
    return (
        gap <= min(share * wide.width, _WIDEST_NOTCH_BINS)
        and 0 < high <= _LOBE_RATIO * low
        and _is_filled(left, right, low, excess, sigma)
    )


def _is_filled(
    left: Piece, right: Piece, density: float, excess: NDArray[np.float64], sigma: NDArray[np.float64]
) -> bool:
    quarter = max(0, right.start - left.stop) // 4
    middle = slice(left.stop + quarter, max(left.stop + quarter + 1, right.start - quarter))
    ratio = _NOTCH_RATIO if right.start - left.stop <= _WIDE_NOTCH_BINS else _WIDE_NOTCH_RATIO
    needed = max(ratio * density * (middle.stop - middle.start), _SIGMAS * _norm(sigma[middle]))
    return float(excess[middle].sum()) > needed


def _norm(sigma: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.sum(np.square(sigma))))
