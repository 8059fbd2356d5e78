"""The simulated room as a source: same bytes for the same address, and differences only where they are asked for."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.errors import ParameterError, QuietroomError
from sweep.model import HopSamples
from sweep.scene.loading import load_scene
from sweep.scene.room import Room
from sweep.sources.options import SourceOptions
from sweep.sources.sim import SimSource, open_sim

NARROW = SourceOptions(ranges_hz=((432_000_000, 437_000_000),))


def hops(address: str, options: SourceOptions = NARROW, passes: int = 1) -> list[HopSamples]:
    source = open_sim(address, options)
    found = [block for block in source.blocks(passes) if isinstance(block, HopSamples)]
    source.close()
    return found


def decoded(hop: HopSamples) -> NDArray[np.complex64]:
    return ((hop.raw.astype(np.float32) - 127.5) / 128).view(np.complex64)


def same(one: list[HopSamples], other: list[HopSamples]) -> bool:
    return all(np.array_equal(a.raw, b.raw) for a, b in zip(one, other, strict=True))


def test_same_address_gives_same_bytes_and_times() -> None:
    one, other = hops("city-office?visit=2&bugs=all", passes=2), hops("city-office?visit=2&bugs=all", passes=2)
    assert same(one, other)
    assert [(hop.utc_ns, hop.monotonic_ns) for hop in one] == [(hop.utc_ns, hop.monotonic_ns) for hop in other]
    assert not same(one, hops("city-office?visit=2&bugs=all&seed=8", passes=2))
    assert not same(one, hops("city-office?visit=3&bugs=all", passes=2))


def test_hops_are_what_the_plan_says() -> None:
    source = open_sim("meeting-room?visit=1", NARROW)
    plan, instrument = source.plan, source.instrument
    found = [block for block in source.blocks(2) if isinstance(block, HopSamples)]
    assert [hop.center_freq_hz for hop in found] == [*plan.hop_centers_hz] * 2
    assert [(hop.pass_index, hop.hop_index) for hop in found] == list(itertools.product(range(2), range(plan.n_hops)))
    for hop in found:
        assert hop.raw.dtype == np.uint8
        assert hop.raw.shape == (2 * plan.hop_samples,)
        assert (hop.sample_format, hop.sample_rate_hz, hop.gain_db) == ("cu8", 2_400_000, 28.0)
    assert instrument.settle_s is not None
    step = (instrument.settle_s + plan.dwell_s) * 1e9
    assert np.allclose(np.diff([hop.utc_ns for hop in found]), step, atol=1)
    assert {hop.utc_ns - hop.monotonic_ns for hop in found} == {1_772_442_000_000_000_000 + 86_400_000_000_000}
    assert instrument.synthetic
    assert "visit 1" in instrument.notes[0]


def test_the_scene_gives_the_ranges_and_the_options_override_the_receiver() -> None:
    assert 100 <= open_sim("meeting-room", SourceOptions()).plan.n_hops <= 130
    assert open_sim("city-office", SourceOptions()).plan.n_hops == 908
    options = SourceOptions(
        ranges_hz=((100_000_000, 101_000_000),), sample_rate_hz=1_024_000, gain_db=20.7, n_frames=16, antenna="loop"
    )
    source = open_sim("meeting-room", options)
    hop = next(iter(source.blocks(None)))
    assert isinstance(hop, HopSamples)
    assert (hop.sample_rate_hz, hop.gain_db, hop.raw.size) == (1_024_000, 20.7, 2 * source.plan.hop_samples)
    assert source.instrument.antenna == "loop"


def test_blocks_go_on_for_ever_and_start_over() -> None:
    source = open_sim("meeting-room", NARROW)
    first = list(itertools.islice(source.blocks(None), 3 * source.plan.n_hops))
    assert isinstance(first[-1], HopSamples)
    assert first[-1].pass_index == 2
    again = next(iter(source.blocks(1)))
    assert isinstance(again, HopSamples)
    assert np.array_equal(again.raw, first[0].raw)


BUGS = {
    "nfm-bug": 167_325_000,
    "wfm-bug": 93_850_000,
    "carrier-bug": 418_012_000,
    "ook-bug": 434_420_000,
    "hopper-bug": 425_000_000,
    "dsss-bug": 903_500_000,
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_changes_nothing_but_itself(name: str) -> None:
    centre = BUGS[name]
    options = SourceOptions(ranges_hz=((centre - 6_000_000, centre + 6_000_000),))
    source = open_sim(f"meeting-room?bugs={name}", options)
    assert source.room.scene.receiver.image_rejection_db == 45
    clean = hops("meeting-room", options, passes=3)
    alone = load_scene("meeting-room")
    alone = type(alone)(**{**{f: getattr(alone, f) for f in alone.__struct_fields__}, "emitters": ()})
    bug = Room(alone, seed=1, bugs=(name,))
    heard = 0
    for before, after in zip(clean, source.blocks(3), strict=True):
        assert isinstance(after, HopSamples)
        added = bug.signals(after.center_freq_hz, after.utc_ns, after.raw.size // 2, pass_index=after.pass_index)
        difference = decoded(after) - decoded(before)
        if not added.any():
            assert np.array_equal(before.raw, after.raw)
            continue
        heard += 1
        rest = difference - added
        # two roundings of up to half a step each, and the IQ image of the bug
        allowed = 1.0 / 128 + 10 ** (-45 / 20) * np.abs(added).max() + 1e-5
        assert max(np.abs(rest.real).max(), np.abs(rest.imag).max()) <= allowed
    assert 1 <= heard < 3 * source.plan.n_hops


def floor_db(found: list[HopSamples]) -> NDArray[np.float64]:
    """Noise level of each hop: the median bin of its spectrum."""
    levels = []
    for hop in found:
        frames = decoded(hop).reshape(-1, 480)
        power = (np.abs(np.fft.fft(frames * np.hanning(480))) ** 2).mean(axis=0)
        levels.append(10 * np.log10(np.median(power[20:190])))
    return np.array(levels)


def test_visits_differ_by_gain_slope_and_ppm_as_they_say() -> None:
    wide = SourceOptions(ranges_hz=((1_010_000_000, 1_012_000_000), (1_700_000_000, 1_702_000_000)), n_frames=256)
    sources: list[SimSource] = [open_sim(f"city-office?visit={visit}", wide) for visit in range(6)]
    gains = [source.room.state.gain_db for source in sources]
    ppms = [source.room.state.ppm for source in sources]
    assert np.ptp(gains) > 1
    assert max(map(abs, gains)) <= 3
    assert np.ptp(ppms) > 0.5
    assert all(abs(ppm + 1.2) <= 2 for ppm in ppms)
    reference = floor_db(hops("city-office?visit=0", wide))
    centres = np.array(sources[0].plan.hop_centers_hz)
    for visit, source in enumerate(sources):
        measured = floor_db(hops(f"city-office?visit={visit}", wide)) - reference
        # man-made noise is 30 dB below the receiver's here, so the floor is that of the receiver and the converter
        levels = []
        for state in (source.room.state, sources[0].room.state):
            gain_db = state.gain_db + state.slope_db * ((centres - 24e6) / (1766e6 - 24e6) - 0.5)
            levels.append(10 ** ((gain_db - 103.5) / 10) + 2 / (12 * 128**2) / 2_400_000)
        stated = 10 * np.log10(levels[0] / levels[1])
        assert np.allclose(measured, stated, atol=0.25)


def test_emitters_keep_their_place_in_time_whatever_the_order_of_hops() -> None:
    alone = SourceOptions(ranges_hz=((433_000_000, 434_000_000),))
    one, other = open_sim("meeting-room?seed=4", alone), open_sim("meeting-room?seed=4&bugs=all", NARROW)
    centre = one.plan.hop_centers_hz[0]
    for start in range(1_772_442_000_000_000_000, 1_772_442_000_000_000_000 + 10**9, 10**8):
        assert np.array_equal(
            one.room.signals(centre, start, 4800, pass_index=0),
            Room(other.room.scene, seed=4).signals(centre, start, 4800, pass_index=0),
        )


def test_more_gain_overloads_beside_broadcasters() -> None:
    options = SourceOptions(ranges_hz=((96_000_000, 99_000_000),), gain_db=48.0)
    clipped = [np.mean((hop.raw == 0) | (hop.raw == 255)) for hop in hops("city-office", options)]
    normal = [
        np.mean((hop.raw == 0) | (hop.raw == 255))
        for hop in hops("city-office", SourceOptions(ranges_hz=options.ranges_hz))
    ]
    assert max(clipped) > 1e-3
    assert max(normal) < 1e-4


def test_pace_keeps_real_time() -> None:
    begun = time.monotonic()
    found = hops("meeting-room?pace=1")
    elapsed = time.monotonic() - begun
    assert elapsed >= len(found) * (found[1].monotonic_ns - found[0].monotonic_ns) / 1e9 - 0.001


def test_own_scene_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own room.toml"
    path.write_text(
        'schema = "quietroom.scene/1"\ntitle = "Own"\nstart = 2026-03-02T10:00:00+01:00\nranges = ["430M:432M"]\n'
    )
    found = hops(f"{path}?visit=1", SourceOptions())
    assert found[0].utc_ns - found[0].monotonic_ns == (1_772_442_000 + 86_400) * 10**9
    raw = found[0].raw.astype(float) - 127.5
    assert 0.4 < raw.std() < 3


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "names no scene"),
        ("?visit=1", "names no scene"),
        ("castle", "city-office, meeting-room"),
        ("meeting-room?visit", "KEY=VALUE"),
        ("meeting-room?visit=-1", "visit=-1"),
        ("meeting-room?visit=1.5", "visit=1.5"),
        ("meeting-room?visit=", "whole number"),
        ("meeting-room?visit=99999999999", "36500"),
        ("meeting-room?visit=²", "whole number"),
        ("meeting-room?seed=x", "seed=x"),
        ("meeting-room?pace=2", "pace=2"),
        ("meeting-room?weather=wet", "visit, seed, bugs, pace"),
        ("meeting-room?visit=1&visit=2", "twice"),
        ("meeting-room?bugs=flea", "nfm-bug"),
        ("meeting-room?bugs=", "nfm-bug"),
        ("meeting-room?" + "&".join(f"k{n}=1" for n in range(50)), "KEY=VALUE"),
    ],
)
def test_a_wrong_address_is_refused_in_one_line(address: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        open_sim(address, NARROW)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (SourceOptions(ranges_hz=((1_000_000, 30_000_000),)), "24M:1766M"),
        (SourceOptions(ranges_hz=((1_700_000_000, 1_800_000_000),)), "24M:1766M"),
        (SourceOptions(sample_rate_hz=10_000_000), "10000000"),
        (SourceOptions(gain_db=90.0), "90.0"),
        (SourceOptions(gain_db=float("nan")), "nan"),
        (SourceOptions(ppm=5000), "5000"),
        (SourceOptions(sample_format="cf32_le"), "cf32_le"),
        (SourceOptions(center_freq_hz=433_920_000), "--range"),
        (SourceOptions(n_frames=10**9), "fewer frames"),
        (SourceOptions(n_frames=1), "2 frames"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(options: SourceOptions, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        open_sim("meeting-room", options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_any_address_opens_or_is_refused_in_one_line(text: str) -> None:
    for address in (text, f"meeting-room?{text}", f"meeting-room?bugs={text}"):
        try:
            open_sim(address, NARROW)
        except QuietroomError as error:
            assert len(str(error).splitlines()) == 1
