"""Which dwells a snippet has, and when in them an emitter was on the air."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.model import HopSamples
from sweep.plan import SweepPlan
from sweep.snippets.choosing import choose
from sweep.snippets.heard import Band, Heard, bands_of
from sweep.snippets.timing import on_air
from sweep.units import iso_utc

DWELL_NS = 13_000_000
UTC_NS = 1_790_000_000_000_000_000
BAND = Band(finding=0, hop=2, start=10, stop=12)
PLAN = SweepPlan(
    sample_rate_hz=256_000, n_fft=64, n_frames=31, hop_bins=48, hop_centers_hz=(100_000_000,), gain_db=None
)


def heard(power: Any, gaps: Any = None) -> Heard:
    """Dwells one after another; before each there may be some time in which nothing was received."""
    power = np.asarray(power, np.float32)
    away = np.zeros(power.size) if gaps is None else np.asarray(gaps)
    start = np.cumsum(away) * DWELL_NS + np.arange(power.size) * DWELL_NS
    monotonic_ns = start.astype(np.int64)
    utc_ns = UTC_NS + monotonic_ns
    return Heard(band=BAND, power=power, monotonic_ns=monotonic_ns, first_utc_ns=utc_ns, last_utc_ns=utc_ns)


def finding(one: Heard, first: int = 0, last: int = -1) -> dict[str, Any]:
    seen = (iso_utc(int(one.first_utc_ns[first])), iso_utc(int(one.first_utc_ns[last])))
    return {"first_seen": seen[0], "last_seen": seen[1], "center_freq_hz": 1e8, "occupied_bw_hz": 5000}


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_the_strongest_dwell_is_there_with_its_neighbours(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 40))
    levels = st.one_of(st.just(np.nan), st.floats(0.125, 1e6, width=32))
    power = data.draw(st.lists(levels, min_size=n, max_size=n))
    one = heard(power, data.draw(st.lists(st.sampled_from([0, 0, 0, 3]), min_size=n, max_size=n)))
    n_dwells = data.draw(st.integers(1, 12))
    since_ns = int(one.monotonic_ns[data.draw(st.integers(0, n - 1))])
    choice = choose(finding(one), [one], since_ns=since_ns, n_dwells=n_dwells, dwell_s=DWELL_NS / 1e9)
    usable = np.isfinite(one.power) & (one.monotonic_ns >= since_ns)
    if not usable.any():
        assert choice is None
        return
    assert choice is not None
    level = dict(zip(one.monotonic_ns.tolist(), one.power.tolist(), strict=True))
    times = [monotonic_ns for _, monotonic_ns in choice.dwells]
    assert times == sorted(set(times))
    assert len(times) == min(n_dwells, np.count_nonzero(usable))
    assert set(times) <= set(one.monotonic_ns[usable].tolist())
    assert level[choice.strongest[1]] == np.nanmax(one.power[usable])
    assert choice.strongest in choice.run
    assert set(choice.run) <= set(choice.dwells)
    assert np.all(np.diff([monotonic_ns for _, monotonic_ns in choice.run]) == DWELL_NS)
    left_out = set(one.monotonic_ns[usable].tolist()) - set(times)
    others = [level[monotonic_ns] for key, monotonic_ns in choice.dwells if (key, monotonic_ns) not in choice.run]
    assert not left_out or not others or min(others) >= max(level[monotonic_ns] for monotonic_ns in left_out)


def test_a_quarter_of_the_dwells_comes_before() -> None:
    one = heard(np.r_[np.ones(50), 100, np.ones(50)])
    choice = choose(finding(one), [one], since_ns=0, n_dwells=8, dwell_s=DWELL_NS / 1e9)
    assert choice is not None
    assert [monotonic_ns // DWELL_NS for _, monotonic_ns in choice.run] == list(range(48, 56))


def test_what_was_heard_before_the_samples_that_are_held_has_no_snippet() -> None:
    one = heard([1, 50, 1, 1, 2, 1], [0, 5, 5, 5, 5, 5])
    since_ns = int(one.monotonic_ns[2])
    assert choose(finding(one, 1, 1), [one], since_ns=since_ns, n_dwells=4, dwell_s=DWELL_NS / 1e9) is None
    later = choose(finding(one, 1, 4), [one], since_ns=since_ns, n_dwells=4, dwell_s=DWELL_NS / 1e9)
    assert later is not None
    assert later.strongest[1] == one.monotonic_ns[4]


def test_a_finding_has_a_band_in_each_hop_that_it_reaches_into() -> None:
    plan = SweepPlan(
        sample_rate_hz=256_000,
        n_fft=64,
        n_frames=8,
        hop_bins=48,
        hop_centers_hz=(100_000_000, 100_192_000),
        gain_db=None,
    )
    layout = plan.layout()
    edge_hz = float(layout.freq_hz[48])
    wide, narrow, beyond = (
        {"center_freq_hz": center_hz, "occupied_bw_hz": width_hz}
        for center_hz, width_hz in ((edge_hz, 40_000), (100_000_000, None), (2e9, 4000))
    )
    bands = bands_of(layout, [wide, narrow, beyond])
    assert [(band.finding, band.hop) for band in bands] == [(0, 0), (0, 1), (1, 0), (2, 1)]
    assert [(band.start, band.stop) for band in bands] == [(43, 48), (48, 53), (24, 25), (95, 96)]


def dwells(on: slice | None, n: int = 3, amplitude: float = 0.3) -> list[HopSamples]:
    rng = np.random.default_rng(7)
    total = n * PLAN.hop_samples
    samples = 0.02 * (rng.normal(size=total) + 1j * rng.normal(size=total))
    if on is not None:
        samples[on] += amplitude * np.exp(2j * np.pi * 40_000 / 256_000 * np.arange(total))[on]
    raw = np.column_stack([samples.real, samples.imag]).astype("<f4").reshape(n, -1)
    return [
        HopSamples(
            raw=part,
            sample_format="cf32_le",
            center_freq_hz=100_000_000,
            sample_rate_hz=256_000,
            gain_db=None,
            utc_ns=0,
            monotonic_ns=0,
            pass_index=number,
            hop_index=0,
        )
        for number, part in enumerate(raw)
    ]


BINS = slice(24 + 9, 24 + 12)
NOISE_POWER = 3 * 1.5 * 2 * 0.02**2 / 64


@settings(deadline=None, max_examples=30)
@given(begin=st.integers(100, 1500), length=st.integers(200, 1200))
def test_a_burst_is_found_where_it_is(begin: int, length: int) -> None:
    when = on_air(PLAN, dwells(slice(begin, begin + length)), BINS, NOISE_POWER)
    assert when is not None
    assert when.is_burst
    assert abs(when.start - begin) <= 32
    assert abs(when.start + when.count - begin - length) <= 48


def test_what_is_always_on_is_no_burst_and_noise_is_nothing() -> None:
    when = on_air(PLAN, dwells(slice(0, None)), BINS, NOISE_POWER)
    assert when is not None
    assert (when.start, when.count, when.is_burst) == (0, 3 * PLAN.hop_samples, False)
    assert on_air(PLAN, dwells(None), BINS, NOISE_POWER) is None
    assert on_air(PLAN, dwells(None), BINS, float("nan")) is None


def test_the_longer_of_two_bursts_is_not_taken_for_the_stronger() -> None:
    parts = dwells(slice(200, 1200))
    strong = dwells(slice(2000, 2300), amplitude=0.6)
    raw = [np.asarray(one.raw) for one in parts]
    raw[1] = strong[1].raw
    raw[2] = strong[2].raw
    changed = [HopSamples(**{**_fields(one), "raw": own}) for one, own in zip(parts, raw, strict=True)]
    when = on_air(PLAN, changed, BINS, NOISE_POWER)
    assert when is not None
    assert when.start == pytest.approx(2000, abs=40)


def _fields(samples: HopSamples) -> dict[str, Any]:
    return {name: getattr(samples, name) for name in HopSamples.__slots__}
