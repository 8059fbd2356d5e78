"""Second looks: what a judge may ask of a receiver that can still be tuned, and what it gets.

An emitter stays at its frequency when the local oscillator moves; what the receiver makes itself moves with it. The
judge therefore asks for looks at other tunings. Each is kept with the rows, so that a record is judged as the live
sweep was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOOK_ARRAYS", "MAX_LOOKS", "Look", "LookRequest", "Looks", "StoredLooks", "same_bits"]

MAX_LOOKS = 64
"""Tunings that one sweep may be asked for after its passes: some ten seconds of a dongle."""

LOOK_ARRAYS = ("mean", "max_hold", "min_hold", "spectral_kurtosis")
"""Arrays of a `Look`, in the order in which they are hashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRequest:
    """One tuning to look at.

    Attributes
    ----------
    center_freq_hz : int
        A multiple of the bin width of the plan.
    gain_step_db : float
        Tuner gain against that of the sweep; the receiver takes the nearest that it has. 0 for the same.
    n_dwells : int
        Dwells of the plan, one after another without a gap.
    """

    center_freq_hz: int
    gain_step_db: float = 0.0
    n_dwells: int = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What a receiver gave for a request, in stored units as in a ``SweepRow``.

    Attributes
    ----------
    request : LookRequest
    utc_ns, monotonic_ns : int
        Start of the first dwell.
    gain_db : float or None
        Gain that the tuner was set to.
    first_bin : int
        Number of the first bin on the global grid: bin k lies at k x bin width.
    mean, max_hold, min_hold, spectral_kurtosis : ndarray of int16, shape (n_dwells, n_bins)
        Of each dwell, in cdB(FS), kurtosis in cdB; no dwells where the receiver gave nothing.
    flags : ndarray of uint8, shape (n_dwells,)
        Bits of ``SweepRow.hop_flags``.
    failure : str or None
        Why nothing was received.
    """

    request: LookRequest
    utc_ns: int
    monotonic_ns: int
    gain_db: float | None
    first_bin: int
    mean: NDArray[np.int16]
    max_hold: NDArray[np.int16]
    min_hold: NDArray[np.int16]
    spectral_kurtosis: NDArray[np.int16]
    flags: NDArray[np.uint8]
    failure: str | None = None

    @property
    def n_bins(self) -> int:
        """Bins of each dwell."""
        return int(self.mean.shape[1])


class Looks(Protocol):
    """Where a judge gets second looks from: the receiver, or the record of a sweep that took them."""

    @property
    def taken(self) -> Sequence[Look]:
        """Every look so far, in order; failed ones too."""
        ...

    def look(self, request: LookRequest) -> Look | None:
        """Look, or find the look that was taken; None where there is none and none can be taken."""
        ...


class StoredLooks:
    """The looks of a journal or a record.

    Examples
    --------
    >>> StoredLooks(()).look(LookRequest(center_freq_hz=100_000_000)) is None
    True
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = tuple(looks)

    @property
    def taken(self) -> Sequence[Look]:
        """Every look of the sweep: also those that it took later than at this point."""
        return self._looks

    def look(self, request: LookRequest) -> Look | None:
        """Find the look that was taken for this request."""
        return next((look for look in self._looks if look.request == request), None)


def same_bits(one: Look, other: Look) -> bool:
    """Whether two looks are the same in every bit."""
    plain = ("request", "utc_ns", "monotonic_ns", "gain_db", "first_bin", "failure")
    arrays = (*LOOK_ARRAYS, "flags")
    return all(getattr(one, name) == getattr(other, name) for name in plain) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )
