"""How far a crystal strays while a sweep goes on, as it does when the receiver warms up or cools down.

What the checks before the sweep heard of carriers that keep their frequency is heard again, once a minute and after the
last hop. Each time is kept as a note, from which a judge is told the furthest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dsp.errors import DeviceError
from sweep.health.carriers import CarrierError

__all__ = ["DRIFT", "WORTH_SAYING_PPM", "Drift", "DriftWatch", "furthest_drift"]

DRIFT = "drift"
"""Kind of the notes."""

WORTH_SAYING_PPM = 2.0
"""Less is no matter: bins and the matching of emitters take it."""

_EVERY_S = 60.0
_TOLD = re.compile(r"([+-]\d+\.\d\d) ppm off the checks before the sweep, known to (\d+\.\d\d) ppm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the crystal is from where it was before the sweep.

    Attributes
    ----------
    ppm, known_to_ppm : float
        The second is what the carriers differ by, before and now.
    """

    ppm: float
    known_to_ppm: float

    @property
    def text(self) -> str:
        """For a note.

        Examples
        --------
        >>> Drift(ppm=2.5, known_to_ppm=0.1).text
        '+2.50 ppm off the checks before the sweep, known to 0.10 ppm'
        """
        return f"{self.ppm:+.2f} ppm off the checks before the sweep, known to {self.known_to_ppm:.2f} ppm"

    @property
    def sure_ppm(self) -> float:
        """What is left of it, without a sign, when what is not known is taken off."""
        return max(0.0, abs(self.ppm) - self.known_to_ppm)

    @property
    def is_worth_saying(self) -> bool:
        """Whether it is so large that somebody must hear of it."""
        return self.sure_ppm >= WORTH_SAYING_PPM


class DriftWatch:
    """Measures the drift when it is time to.

    Parameters
    ----------
    read : callable
        Measures the error of the crystal again; None where too few of the carriers are heard.
    before : CarrierError
        Of the checks before the sweep.
    every_s : float
    """

    def __init__(
        self, read: Callable[[], CarrierError | None], before: CarrierError, *, every_s: float = _EVERY_S
    ) -> None:
        self._read, self._before, self._every_s = read, before, every_s
        self._last_s = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it was long ago."""
        return time.monotonic() - self._last_s >= self._every_s

    def measure(self) -> Drift | None:
        """Listen to the carriers again; None where they are not heard, or the receiver is not there."""
        try:
            now = self._read()
        except DeviceError:  # the next hop says so
            now = None
        self._last_s = time.monotonic()
        if now is None:
            return None
        known_to = self._before.known_to_ppm + now.known_to_ppm
        return Drift(ppm=round(now.ppm - self._before.ppm, 2) + 0.0, known_to_ppm=round(known_to, 2))


def furthest_drift(texts: Iterable[str]) -> Drift | None:
    """Give the furthest drift that some notes tell.

    Examples
    --------
    >>> furthest_drift([Drift(ppm=-3.1, known_to_ppm=0.1).text, Drift(ppm=2.9, known_to_ppm=0.1).text, "else"])
    Drift(ppm=-3.1, known_to_ppm=0.1)
    """
    told = [Drift(ppm=float(found[1]), known_to_ppm=float(found[2])) for found in map(_TOLD.fullmatch, texts) if found]
    return max(told, key=lambda drift: drift.sure_ppm, default=None)
