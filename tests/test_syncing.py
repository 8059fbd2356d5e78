"""Events are told once the disk has what they tell of, and not before."""

from __future__ import annotations

import threading
import time

import pytest
from real_clock import REAL_CLOCK

from dsp.errors import RecordError
from sweep.events import Event, GapSeen
from sweep.model import HopGap
from sweep.syncing import Syncing


class Disk:
    """Knows which events were appended when a sync began, and were kept when it was done."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.appended: list[Event] = []
        self.kept = 0
        self.n_syncs = 0
        self.threads: set[int] = set()
        self._delay_s = delay_s

    def sync(self) -> None:
        n_appended = len(self.appended)
        time.sleep(self._delay_s)
        self.kept = n_appended
        self.n_syncs += 1
        self.threads.add(threading.get_ident())


def gap(number: int) -> GapSeen:
    return GapSeen(gap=HopGap(pass_index=number, hop_index=None, utc_ns=0, monotonic_ns=0, reason="lost"))


@pytest.mark.parametrize(("interval_s", "delay_s"), [(0.0, 0.001), (0.01, 0.0), (0.005, 0.02), (60.0, 0.0)])
def test_no_event_is_told_before_the_disk_has_it(interval_s: float, delay_s: float) -> None:
    disk, told = Disk(delay_s), []
    events = [gap(number) for number in range(60)]

    def check(event: Event) -> None:
        told.append(event)
        assert len(told) <= disk.kept

    with Syncing(disk.sync, interval_s) as syncing:
        for event in events:
            disk.appended.append(event)
            for done in syncing.add(event):
                check(done)
            assert len(told) == len(disk.appended) or interval_s > 0
            time.sleep(0.001)
        for done in syncing.finish():
            check(done)
    assert told == events
    assert threading.get_ident() not in disk.threads
    assert disk.n_syncs == 61 or interval_s > 0


@REAL_CLOCK
def test_a_slow_disk_holds_events_back_and_nobody_up() -> None:
    """One late sync may be waited for; while it lasts, all that comes is taken at once."""
    disk, n_told = Disk(0.4), 0
    with Syncing(disk.sync, 0.0) as syncing:
        for number in range(50):
            disk.appended.append(gap(number))
            begun = time.monotonic()
            n_told += len(list(syncing.add(disk.appended[-1])))
            assert time.monotonic() - begun < 0.3
            assert n_told <= disk.kept
            time.sleep(0.01)
        n_told += len(list(syncing.finish()))
    assert n_told == 50
    assert disk.n_syncs < 10


def test_events_that_are_held_back_are_bounded() -> None:
    disk = Disk(0.3)
    with Syncing(disk.sync, 0.0) as syncing:
        told = [event for number in range(2500) for event in syncing.add(gap(number))]
        told += syncing.finish()
    assert len(told) == 2500
    assert disk.n_syncs >= 3


def test_a_disk_that_fails_is_told_at_the_next_event() -> None:
    def fail() -> None:
        raise RecordError("the disk failed")

    with Syncing(fail, 0.0) as syncing, pytest.raises(RecordError, match="failed"):
        list(syncing.add(gap(0)))
    with Syncing(fail, 60.0) as syncing:
        assert list(syncing.add(gap(0))) == []
        with pytest.raises(RecordError, match="failed"):
            list(syncing.finish())
