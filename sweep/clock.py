"""The clock of the machine against the one that nobody can set."""

from __future__ import annotations

from sweep.events import Noted

__all__ = ["ClockWatch"]

_LEAST_NS = 500_000_000  # between the readings of the two clocks a busy machine may let some tenths of a second pass
_DRIFT = 1e-3  # twice what a clock may be slewed


class ClockWatch:
    """Notices that the clock was set while a sweep runs; the monotonic clock goes on as before.

    Examples
    --------
    >>> watch = ClockWatch()
    >>> watch.step(1_000_000_000_000, 5_000_000_000) is None
    True
    >>> print(watch.step(998_000_000_000, 6_000_000_000).text)
    the clock was set back by 3.0 s: times before and after this differ by it, durations do not
    """

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def step(self, utc_ns: int, monotonic_ns: int) -> Noted | None:
        """Take the next time by both clocks.

        Parameters
        ----------
        utc_ns, monotonic_ns : int
            Of one moment, in the order in which they came.

        Returns
        -------
        Noted or None
            What to note; None as long as both went on alike, to half a second.
        """
        last, self._last = self._last, (utc_ns, monotonic_ns)
        if last is None:
            return None
        elapsed_ns = monotonic_ns - last[1]
        step_ns = utc_ns - last[0] - elapsed_ns
        if abs(step_ns) <= _LEAST_NS + _DRIFT * abs(elapsed_ns):
            return None
        way = "forward" if step_ns > 0 else "back"
        jump = f"the clock was set {way} by {abs(step_ns) / 1e9:.1f} s"
        text = f"{jump}: times before and after this differ by it, durations do not"
        return Noted(utc_ns=utc_ns, kind="clock", text=text)
