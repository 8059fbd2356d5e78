"""What a live receiver gives while it sweeps: hops that are overloaded, repeated or deaf are noticed as they come."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweep.health.samples import level_dbfs

__all__ = ["DEAF", "OVERLOADED", "REPEATED", "Fault", "HopWatch", "lower_gains"]

Fault = Literal["overloaded", "repeated", "deaf"]
OVERLOADED: Literal["overloaded"] = "overloaded"
REPEATED: Literal["repeated"] = "repeated"
DEAF: Literal["deaf"] = "deaf"

_CLIP_FRACTION = 1e-4
_RMS_DBFS = float(20 * np.log10(0.3))
_HEAD_BYTES, _PACKET_BYTES = 64, 512
_EVERY = 8  # of the samples is enough for a level: it scatters by less than 0.1 dB, and the dongle does not wait
_DEAF_DB = 3.0
_STEPS_DB = (10.0, 20.0)


class HopWatch:
    """Remembers of each hop the level that it began with, and the gain that it needs."""

    def __init__(self) -> None:
        self._gains_db: dict[int, float] = {}
        self._first_dbfs: dict[tuple[int, float | None], float] = {}
        self._given_up: set[tuple[int, Fault]] = set()
        self._last_head = b""

    def gain_db(self, hop_index: int) -> float | None:
        """Gain to take a hop at; None for that of the plan."""
        return self._gains_db.get(hop_index)

    def keep_gain(self, hop_index: int, gain_db: float) -> None:
        """From now on take a hop at this gain, so that its passes can be compared."""
        self._gains_db[hop_index] = gain_db

    def give_up(self, hop_index: int, fault: Fault) -> None:
        """Take a hop with this fault again no more: it did not help."""
        self._given_up.add((hop_index, fault))

    def is_given_up(self, hop_index: int, fault: Fault) -> bool:
        """Whether taking the hop again did not help before."""
        return (hop_index, fault) in self._given_up

    def fault(self, hop_index: int, raw: NDArray[np.uint8], gain_db: float | None) -> Fault | None:
        """What is wrong with the samples of a hop, if anything is.

        Parameters
        ----------
        hop_index : int
        raw : ndarray of uint8, shape (2 * n_samples,)
        gain_db : float or None
            That they were taken at.
        """
        head, last = raw[:_HEAD_BYTES].tobytes(), self._last_head
        self._last_head = head
        if head == last or _comes_again(raw):  # noise never repeats so much
            return REPEATED
        n_rails = np.count_nonzero(raw == 0) + np.count_nonzero(raw == 255)
        level = level_dbfs(np.ascontiguousarray(raw.view(np.uint16)[::_EVERY]).view(np.uint8))
        if n_rails > _CLIP_FRACTION * raw.size or level > _RMS_DBFS:
            return OVERLOADED
        first = self._first_dbfs.setdefault((hop_index, gain_db), level)
        return DEAF if level < first - _DEAF_DB else None


def _comes_again(raw: NDArray[np.uint8]) -> bool:
    """Whether a USB packet begins as the first one does."""
    starts = raw[: raw.size // _PACKET_BYTES * _PACKET_BYTES].view(np.uint64)[:: _PACKET_BYTES // 8]
    likely = _PACKET_BYTES * np.flatnonzero(starts[1:] == starts[:1]) + _PACKET_BYTES
    return any(np.array_equal(raw[at : at + _HEAD_BYTES], raw[:_HEAD_BYTES]) for at in likely)


def lower_gains(gains_db: tuple[float, ...], gain_db: float | None) -> tuple[float, ...]:
    """Give the gains to try where a hop is overloaded, next lower first.

    Examples
    --------
    >>> lower_gains((0.0, 8.7, 16.6, 19.7, 28.0), 28.0), lower_gains((), 28.0), lower_gains((0.0,), 0.0)
    ((16.6, 8.7), (), ())
    """
    if not gains_db or gain_db is None:
        return ()
    near = [min(gains_db, key=lambda one: abs(one - (gain_db - step_db))) for step_db in _STEPS_DB]
    return tuple(dict.fromkeys(one for one in near if one < gain_db))
