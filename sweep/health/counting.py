"""Samples lost on the way, counted with the chip's own counter: its test mode gives bytes 0, 1, 2 ... 255, 0 ..."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.health.checks import PASS, Check, graded, not_possible

__all__ = ["Count", "check_loss", "count_breaks"]

_WARN_EVENTS, _FAIL_SHARE = 1, 0.1
_NO_COUNTER_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often the counter jumped.

    Attributes
    ----------
    n_samples : int
        Samples that were looked at, in unbroken reads.
    n_breaks : int
        Places where some are missing.
    """

    n_samples: int
    n_breaks: int


def count_breaks(raw: NDArray[np.uint8]) -> int:
    """Count the places where a counter does not go on by one.

    Examples
    --------
    >>> count_breaks(np.array([254, 255, 0, 1, 9, 10], np.uint8))
    1
    """
    return int(np.count_nonzero(np.diff(raw) != 1))  # uint8: 0 - 255 is 1


def check_loss(count: Count, hop_samples: int) -> Check:
    """Judge a count: it fails where one in ten dwells or more would lack samples."""
    name = "sample loss"
    dwells = max(1.0, count.n_samples / hop_samples)
    if count.n_breaks > _NO_COUNTER_SHARE * count.n_samples:
        return not_possible(
            name, "the chip gave no counter in its test mode; losses of the sweep are told by the clock"
        )
    words = f"the chip's counter jumped {count.n_breaks} times in {count.n_samples / 1e6:.1f} million samples"
    if count.n_breaks < _WARN_EVENTS:
        words = f"none lost in {count.n_samples / 1e6:.1f} million samples, by the chip's counter"
        return Check(name=name, state=PASS, words=words, value=0.0, unit="losses")
    state = graded(count.n_breaks / dwells, warn=0.0, fail=_FAIL_SHARE)
    words += "; use another USB port without a hub, a shorter cable, or close what else keeps this machine busy"
    return Check(name=name, state=state, words=words, value=float(count.n_breaks), unit="losses")
