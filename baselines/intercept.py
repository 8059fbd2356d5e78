"""Probability of intercept so far: the chance that a single burst met the receiver while it listened where it was.

A burst of a length, the middle of which falls at a random time of the visit, is met by a dwell on its frequency that it
overlaps in time. The chance is therefore the share of the visit, from its first sample to its last, that the dwells
cover together once each is widened by half the length at both ends. It is taken from the times at which the hops were
measured: a gap, a pass that was cut short or a stay on a few hops counts as what it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweep.plan import Layout

__all__ = ["BURSTS_S", "Intercept"]

BURSTS_S = {"100ms": 0.1, "1s": 1.0, "10s": 10.0}
"""Lengths of the bursts in seconds, by the names that they have in a coverage."""

_HALVES_S = tuple(length_s / 2 for length_s in BURSTS_S.values())


class Intercept:
    """Adds up when each hop was listened to, in memory that does not grow with the visit.

    Parameters
    ----------
    layout : Layout
        Of the plan.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> layout = plan_hops(((400_000_000, 403_000_000),)).layout()
    >>> heard = Intercept(layout)
    >>> heard.add(slice(None), np.array([0, 2_000_000_000]), np.array([True, True]))
    >>> {name: chances.round(3).tolist() for name, chances in heard.chances().items()}
    {'100ms': [0.031, 0.031], '1s': [0.255, 0.255], '10s': [1.0, 1.0]}
    """

    def __init__(self, layout: Layout) -> None:
        averages = layout.n_averages
        self._dwell_s = None if averages is None else (averages + 1) / 2 / layout.bin_width_hz
        self._start_ns: int | None = None
        self._stop_s = 0.0
        self._covered_s = np.zeros((len(BURSTS_S), layout.n_hops))
        self._end_s = np.zeros((len(BURSTS_S), layout.n_hops))

    @property
    def dwell_s(self) -> float | None:
        """Length of a dwell in seconds; None where the maker of the spectra did not say."""
        return self._dwell_s

    def add(self, hops: slice, start_ns: NDArray[np.int64], measured: NDArray[np.bool_]) -> None:
        """Add one dwell on each of some hops; dwells of one hop come in the order of time.

        Parameters
        ----------
        hops : slice
        start_ns : ndarray of int64, shape (n,)
            First sample of each dwell, monotonic.
        measured : ndarray of bool, shape (n,)
        """
        self.add_passes(hops, start_ns[None], measured[None])

    def add_passes(self, hops: slice, start_ns: NDArray[np.int64], measured: NDArray[np.bool_]) -> None:
        """Add dwells on some hops in pass after pass, each of shape (n_passes, n); see `add`."""
        if self._dwell_s is None or not measured.any():
            return
        if self._start_ns is None:
            first = int(measured.any(axis=1).argmax())
            self._start_ns = int(start_ns[first, measured[first]].min())
        begin_s = (start_ns - self._start_ns) / 1e9
        stop_s = begin_s + self._dwell_s
        self._stop_s = max(self._stop_s, float(stop_s[measured].max()))
        for index, half_s in enumerate(_HALVES_S):
            ends = np.where(measured, stop_s + half_s, -np.inf)
            reached = np.maximum.accumulate(np.concatenate([self._end_s[index, None, hops], ends]))
            before, after = reached[:-1], reached[1:]
            gained = after - np.minimum(np.maximum(before, begin_s - half_s), after)
            self._covered_s[index, hops] += gained.sum(axis=0)
            self._end_s[index, hops] = after[-1]

    def chances(self) -> dict[str, NDArray[np.float64]] | None:
        """Chance by length of burst, each of shape (n_hops,).

        Returns
        -------
        dict of ndarray of float64, or None
            Between 0, where a hop was never measured, and 1. None where nothing was measured, or no length of a dwell
            is known.
        """
        if self._start_ns is None:
            return None
        beyond = np.maximum(self._end_s - self._stop_s, 0.0)
        share = np.clip((self._covered_s - beyond) / self._stop_s, 0.0, 1.0)
        return dict(zip(BURSTS_S, share, strict=True))
