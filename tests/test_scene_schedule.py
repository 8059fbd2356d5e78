"""Times on and off: duty, agreement between windows, and random numbers that depend on nothing but their key."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.scene.draws import generator, integer, normal, uniform
from sweep.scene.schedule import Interval, bursts, intersect, slots, spells

SECOND = 1_000_000_000
START = 1_772_442_000 * SECOND
quick = settings(max_examples=60, deadline=None)


def total(intervals: list[Interval]) -> int:
    return sum(stop - start for start, stop in intervals)


def assert_in_order(intervals: list[Interval], span: Interval) -> None:
    edges = [edge for interval in intervals for edge in interval]
    assert edges == sorted(edges)
    assert all(span[0] <= edge <= span[1] for edge in edges)


@quick
@given(st.integers(0, 2**62), st.floats(0.01, 1), st.floats(0.001, 100), st.integers(0, 10**11), st.integers(1, 10**10))
def test_spells_of_a_span_are_the_spells_of_its_halves(
    seed: int, duty: float, mean_on_s: float, offset: int, length: int
) -> None:
    def on(first: int, last: int) -> list[Interval]:
        if (last - first) / 1e9 > 2000 * mean_on_s / duty:  # keep the test quick
            return []
        return spells((seed, "x"), (first, last), duty=duty, mean_on_s=mean_on_s)

    span = (START + offset, START + offset + length)
    middle = (span[0] + span[1]) // 2
    whole, left, right = on(*span), on(span[0], middle), on(middle, span[1])
    assert_in_order(whole, span)
    if whole:
        assert total(whole) == total(left) + total(right)


@pytest.mark.parametrize("duty", [0.05, 0.3, 0.6, 0.9])
def test_duty_and_mean_time_on(duty: float) -> None:
    span = (START, START + 20_000 * SECOND)
    on = spells((1, "x"), span, duty=duty, mean_on_s=2.0)
    assert total(on) / (span[1] - span[0]) == pytest.approx(duty, rel=0.02)
    assert total(on) / len(on) / SECOND == pytest.approx(2.0, rel=0.02)


@quick
@given(st.integers(0, 2**62), st.integers(1, 8), st.integers(0, 10**9))
def test_slots_have_their_share_of_the_frame(seed: int, used: int, offset: int) -> None:
    frame = 8 * 577_000
    span = (START + offset, START + offset + 50 * frame)
    on = slots((seed, "x"), span, slot_ns=577_000, burst_ns=546_000, n_slots=8, used=used)
    assert_in_order(on, span)
    expected = frame if used == 8 else (used - 1) * 577_000 + 546_000
    assert total(on) == pytest.approx(50 * expected, abs=expected)


@quick
@given(st.integers(0, 2**62), st.integers(0, 10**12), st.integers(1, 4 * 10**9))
def test_bursts_do_not_depend_on_the_window(seed: int, offset: int, length: int) -> None:
    keys = {"period_s": 0.7, "burst_s": 0.05, "repeats": 3, "gap_s": 0.02}
    wide = (START, START + 10**12 + 10**10)
    span = (START + offset, START + offset + length)
    near = (max(wide[0], span[0] - SECOND), min(wide[1], span[1] + SECOND))
    inside = [
        burst
        for burst in bursts((seed, "x"), near, **keys)  # type: ignore[arg-type]
        if burst.stop_ns > span[0] and burst.start_ns < span[1]
    ]
    assert bursts((seed, "x"), span, **keys) == inside  # type: ignore[arg-type]


def test_packets_repeat_their_message_once_a_period() -> None:
    found = bursts((3, "x"), (START, START + 100 * SECOND), period_s=10.0, burst_s=0.1, repeats=4, gap_s=0.05)
    messages = [burst.message for burst in found]
    assert 36 <= len(found) <= 44
    assert max(messages.count(message) for message in messages) == 4
    assert all(burst.stop_ns - burst.start_ns == 100_000_000 for burst in found)


@quick
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5),
)
def test_intersection_is_that_of_sets(one: list[Interval], other: list[Interval]) -> None:
    def members(intervals: list[Interval]) -> set[int]:
        return {point for start, stop in intervals for point in range(start, stop)}

    assert members(intersect(one, other)) == members(one) & members(other)


def test_draws_have_their_distributions_and_keys_do_not_collide() -> None:
    even = np.array([uniform(1, "a", k) for k in range(20_000)])
    bell = np.array([normal(1, "a", k) for k in range(20_000)])
    assert even.mean() == pytest.approx(0.5, abs=0.01)
    assert even.std() == pytest.approx(12**-0.5, rel=0.02)
    assert bell.mean() == pytest.approx(0, abs=0.03)
    assert bell.std() == pytest.approx(1, rel=0.03)
    assert len({integer(10**18, 1, "a", k) for k in range(1000)}) == 1000
    assert uniform(1, "23") != uniform(12, "3") != uniform(1, 2, "3")
    assert uniform(1, "1") != uniform("1", "1")
    assert generator(1, "a").integers(0, 2**60) == generator(1, "a").integers(0, 2**60)
