"""When an emitter is on, in absolute simulated time.

Everything is worked out in whole nanoseconds of UTC from the number of the time block, so any moment can be asked for
and neighbouring hops agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweep.scene.draws import Key, integer, uniform

__all__ = ["Burst", "Interval", "bursts", "intersect", "slots", "spells"]

Interval = tuple[int, int]
"""Start and stop in ns."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst; ``message`` is the same for the repetitions of one packet."""

    start_ns: int
    stop_ns: int
    message: int


def spells(key: Key, span: Interval, *, duty: float, mean_on_s: float) -> list[Interval]:
    """Switch on once in every block of ``mean_on_s / duty``, for a random time at a random place.

    Parameters
    ----------
    key : tuple
        Of the emitter.
    span : tuple of int
        Time that is asked for, in ns.
    duty : float
        Mean fraction of time on.
    mean_on_s : float
        Mean length of a spell in seconds; the lengths spread up to half around it.

    Returns
    -------
    list of tuple of int
        Times on within the span, in ns.

    Examples
    --------
    >>> spells((1, "x"), (0, 10), duty=1.0, mean_on_s=5.0)
    [(0, 10)]
    """
    if duty >= 1:
        return [span]
    cycle = round(mean_on_s / duty * 1e9)
    spread = min(0.5, 1 / duty - 1)
    found = []
    for block in range(span[0] // cycle, span[1] // cycle + 1):
        length = round(mean_on_s * 1e9 * (1 + spread * (2 * uniform(*key, "length", block) - 1)))
        start = block * cycle + integer(max(1, cycle - length), *key, "start", block)
        found.append((start, start + length))
    return intersect(found, [span])


def slots(key: Key, span: Interval, *, slot_ns: float, burst_ns: float, n_slots: int, used: int) -> list[Interval]:
    """Give the slots of a TDMA frame in which an emitter transmits: the first ``used`` of ``n_slots``.

    Where all slots are used the transmission is continuous; neighbouring slots are joined; ``burst_ns`` is shorter
    than ``slot_ns`` by the guard time.
    """
    if used == n_slots:
        return [span]
    frame = slot_ns * n_slots
    phase = uniform(*key, "frame") * frame
    first = int((span[0] - phase) // frame)
    last = int((span[1] - phase) // frame)
    starts = [round(phase + number * frame) for number in range(first, last + 1)]
    length = round((used - 1) * slot_ns + burst_ns)
    return intersect([(start, start + length) for start in starts], [span])


def bursts(
    key: Key, span: Interval, *, period_s: float, burst_s: float, repeats: int = 1, gap_s: float = 0.0
) -> list[Burst]:
    """Give the bursts that touch a span: a packet, repeated, once in every period, a little irregularly.

    The bursts are whole: the first may start before the span and the last may stop after it.
    """
    period, step = round(period_s * 1e9), round((burst_s + gap_s) * 1e9)
    room = max(1, period - repeats * step)
    home = 0.8 * uniform(*key, "phase")
    found = []
    for block in range(span[0] // period, span[1] // period + 1):
        start = block * period + int(room * (home + 0.2 * uniform(*key, "jitter", block)))
        for repeat in range(repeats):
            burst = Burst(start + repeat * step, start + repeat * step + round(burst_s * 1e9), block)
            if burst.stop_ns > span[0] and burst.start_ns < span[1]:
                found.append(burst)
    return found


def intersect(one: list[Interval], other: list[Interval]) -> list[Interval]:
    """Give the times that lie in both lists.

    Examples
    --------
    >>> intersect([(0, 5), (8, 20)], [(3, 10), (12, 13)])
    [(3, 5), (8, 10), (12, 13)]
    """
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other)
    return [(start, stop) for start, stop in pairs if stop > start]
