"""Reading ahead and analysing in threads: order, errors, and where it stops."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from dsp.errors import DeviceError
from sweep.analysis import READ_AHEAD, analysed
from sweep.model import HopGap, HopSamples
from sweep.plan import plan_hops
from sweep.stored_hop import StoredHop, examine

PLAN = plan_hops(((430_000_000, 436_000_000),), sample_rate_hz=2_400_000, bin_width_hz=10_000, n_frames=8)


def hops(count: int) -> Iterator[HopSamples | HopGap]:
    for number in range(count):
        pass_index, hop_index = divmod(number, PLAN.n_hops)
        moment = {"pass_index": pass_index, "hop_index": hop_index, "utc_ns": number, "monotonic_ns": number}
        if number % 7 == 5:
            yield HopGap(**moment, reason="the dongle was unplugged")
            continue
        yield HopSamples(
            raw=np.random.default_rng(number).integers(100, 156, 2 * PLAN.hop_samples).astype(np.uint8),
            sample_format="cu8",
            center_freq_hz=PLAN.hop_centers_hz[hop_index],
            sample_rate_hz=PLAN.sample_rate_hz,
            gain_db=None,
            **moment,
        )


def test_threads_change_no_number_and_no_order() -> None:
    items = list(analysed(hops(150), PLAN))
    for (block, outcome), expected in zip(items, hops(150), strict=True):
        alone = examine(PLAN, expected)
        assert (block.utc_ns, type(outcome)) == (expected.utc_ns, type(alone))
        if isinstance(outcome, StoredHop) and isinstance(alone, StoredHop):
            np.testing.assert_array_equal(outcome.levels, alone.levels)
            np.testing.assert_equal(dict(outcome.facts), dict(alone.facts))


def test_what_came_before_an_error_is_given_first() -> None:
    def failing() -> Iterator[HopSamples | HopGap]:
        yield from hops(30)
        raise DeviceError("the dongle was unplugged")

    items = analysed(failing(), PLAN)
    assert [next(items).block.utc_ns for _ in range(30)] == list(range(30))
    with pytest.raises(DeviceError, match="unplugged"):
        next(items)


def test_a_source_runs_ahead_so_far_and_no_further() -> None:
    given: list[int] = []

    def counted() -> Iterator[HopSamples | HopGap]:
        for block in hops(1000):
            given.append(block.utc_ns)
            yield block

    with contextlib.closing(analysed(counted(), PLAN)) as items:
        next(items)
        time.sleep(0.2)
        assert 1 < len(given) <= READ_AHEAD + 2
    count, threads = len(given), [thread.name for thread in threading.enumerate()]
    time.sleep(0.05)
    assert len(given) == count  # nothing reads on behind the back of whoever left
    assert not [name for name in threads if name == "source" or name.startswith("analysis")]


def test_a_stop_reads_no_more_and_loses_nothing() -> None:
    given: list[int] = []
    stop = threading.Event()

    def counted() -> Iterator[HopSamples | HopGap]:
        for block in hops(1000):
            given.append(block.utc_ns)
            if block.utc_ns == 40:
                stop.set()
            yield block

    seen = [item.block.utc_ns for item in analysed(counted(), PLAN, is_stopping=stop.is_set)]
    assert seen == given == list(range(41))
