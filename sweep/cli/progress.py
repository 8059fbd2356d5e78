"""Progress of a sweep on standard error: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from sweep.events import Closed, Event, GapSeen, HopDone, LookTaken, Noted, Paused, RowDone, StayDone
from sweep.units import format_hz

__all__ = ["follow", "say_now"]

_LINE_INTERVAL_S = 5.0
_MAX_GAP_LINES = 5


class _Display(Protocol):
    def hop(self, event: HopDone) -> None: ...

    def row(self, n_rows: int) -> None: ...

    def stay(self, event: StayDone) -> None: ...

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


def follow(
    events: Iterable[Event], *, passes: int | None, label: str, duration_s: float | None = None
) -> Iterator[Event]:
    """Pass events through and show how far the sweep is.

    Parameters
    ----------
    events : iterable of Event
        Of one session.
    passes : int or None
        Passes that are expected; None when that is unknown.
    label : str
        Put before the progress, for example the room.
    duration_s : float, optional
        In place of passes: how long new passes begin.

    Yields
    ------
    Event
        The same, unchanged.
    """
    display: _Display = _Bar(passes, label, duration_s) if sys.stderr.isatty() else _Lines(passes, label)
    n_rows = n_gaps = n_stays = n_looks = 0
    try:
        for event in events:
            if isinstance(event, HopDone):
                display.hop(event)
            elif isinstance(event, RowDone):
                n_rows += 1
                display.row(n_rows)
            elif isinstance(event, StayDone):
                n_stays += 1
                display.stay(event)
            elif isinstance(event, GapSeen):
                n_gaps += 1
                if n_gaps <= _MAX_GAP_LINES:
                    display.say(f"{label}: gap in pass {event.gap.pass_index + 1}: {event.gap.reason}")
            elif isinstance(event, LookTaken):
                n_looks += 1
            elif isinstance(event, Paused):
                display.say(f"{label}: {event.reason}")
            elif isinstance(event, Noted) and not event.is_quiet:
                display.say(f"{label}: {event.text}")
            elif isinstance(event, Closed):
                more = f", {n_stays} stay{'s' if n_stays != 1 else ''}" if n_stays else ""
                more += f", {n_looks} second look{'s' if n_looks != 1 else ''}" if n_looks else ""
                display.say(f"{label}: {_recorded(n_rows, passes, n_gaps)}{more}")
            yield event
    finally:
        display.close()


def say_now(label: str) -> Callable[[Event], None]:
    """Make what a session tells of a pause while it judges, when its events have to wait."""

    def say(event: Event) -> None:
        if isinstance(event, Paused):
            print(f"{label}: {event.reason}", file=sys.stderr, flush=True)

    return say


def _recorded(n_rows: int, passes: int | None, n_gaps: int) -> str:
    of = f" of {passes}" if passes is not None and n_rows < passes else ""
    noun = "pass" if (passes if of else n_rows) == 1 else "passes"
    gaps = f", {n_gaps} gap{'s' if n_gaps != 1 else ''}" if n_gaps else ""
    return f"{n_rows}{of} {noun} recorded{gaps}"


def _camping(event: StayDone) -> str:
    return f"camping on {format_hz(event.center_freq_hz)}"


class _Place:
    """How far a pass is: receivers that share a plan give its hops in another order."""

    def __init__(self) -> None:
        self._pass_index = -1
        self._n_hops = 0

    def reached(self, event: HopDone) -> int:
        """Hops of its pass that came."""
        self._n_hops = 1 + (self._n_hops if event.pass_index == self._pass_index else 0)
        self._pass_index = event.pass_index
        return self._n_hops


class _Bar:
    """One bar over all hops, with rate and time left."""

    def __init__(self, passes: int | None, label: str, duration_s: float | None) -> None:
        self._passes = passes
        self._label = label
        self._duration_s = duration_s
        self._place = _Place()
        self._started = time.monotonic()
        self._bar: Any = None

    def hop(self, event: HopDone) -> None:
        done = event.pass_index * event.n_hops + self._place.reached(event)
        if self._bar is None:
            self._bar = self._make(None if self._passes is None else self._passes * event.n_hops)
            self._started = time.monotonic()
        elif self._duration_s is not None:
            self._bar.total = self._expected(done, event.n_hops)
        self._bar.update(done - self._bar.n)

    def _expected(self, done: int, n_hops: int) -> int:
        """Hops until the time is up and the pass that then runs is finished."""
        rate = (done - 1) / max(time.monotonic() - self._started, 1e-3)
        wanted = max(float(done), rate * (self._duration_s or 0.0))
        return max(1, math.ceil(wanted / n_hops)) * n_hops

    def row(self, n_rows: int) -> None:
        if self._bar is None:
            self._bar = self._make(None)
        if n_rows == self._passes:  # what comes now has no hops to count, and takes seconds
            self._bar.set_postfix_str("judging what was heard")
        else:
            self._bar.set_postfix_str(f"pass {n_rows}", refresh=False)

    def stay(self, event: StayDone) -> None:
        if event.number == 1 or self._bar is None:
            self.close()
            self._bar = self._make(event.n_stays, unit="stay")
        self._bar.set_description_str(f"{self._label}: {_camping(event)}", refresh=False)
        self._bar.update(event.number - self._bar.n)

    def say(self, text: str) -> None:
        if self._bar is None:
            print(text, file=sys.stderr)
        else:
            self._bar.write(text, file=sys.stderr)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _make(self, total: int | None, unit: str = "hop") -> Any:
        from tqdm import tqdm  # noqa: PLC0415 - only where there is a terminal

        return tqdm(desc=self._label, total=total, unit=unit, leave=False, file=sys.stderr, dynamic_ncols=True)


class _Lines:
    """A line now and then, for logs."""

    def __init__(self, passes: int | None, label: str) -> None:
        self._of = "" if passes is None else f" of {passes}"
        self._label = label
        self._place = _Place()
        self._said_at = time.monotonic()

    def hop(self, event: HopDone) -> None:
        reached = self._place.reached(event)
        if self._is_time():
            place = f"pass {event.pass_index + 1}{self._of}, hop {reached} of {event.n_hops}"
            self.say(f"{self._label}: {place}")

    def row(self, n_rows: int) -> None:
        if self._is_time():
            self.say(f"{self._label}: {n_rows}{self._of} passes")

    def stay(self, event: StayDone) -> None:
        if event.number == 1 or self._is_time():
            self.say(f"{self._label}: {_camping(event)}, stay {event.number} of {event.n_stays}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
        self._said_at = time.monotonic()

    def close(self) -> None:
        """Nothing to give back."""

    def _is_time(self) -> bool:
        return time.monotonic() - self._said_at >= _LINE_INTERVAL_S
