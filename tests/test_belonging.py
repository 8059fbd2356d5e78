"""What belongs to one emitter: lobes of a faded block, mirrored lobes, skirts, tones, channels of a hopper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import START_NS, noise_layout

from baselines.courses import Course
from baselines.emitters import Emitter
from baselines.hoppers import group_hoppers
from baselines.joining import Piece, join_pieces
from baselines.sidebands import absorb_sidebands
from baselines.tones import join_tones
from baselines.tracking import Followed, Track
from baselines.union import unite

LAYOUT = noise_layout(7)
WIDTH = LAYOUT.bin_width_hz
NO_BREAKS = np.array([], np.int64)


def followed(
    center_hz: float, heard: str, *, width_hz: float = 12_000.0, snr_db: float = 20.0, share: float = 1.0, **more: Any
) -> Followed:
    """An emitter, and a letter for each pass: x where it was heard."""
    middle, half = int(np.argmin(np.abs(LAYOUT.freq_hz - center_hz))), max(1, round(width_hz / WIDTH / 2))
    power = 1e-6 * 10 ** (snr_db / 10)
    fields: dict[str, Any] = {
        "start": middle - half, "stop": middle + half, "center_freq_hz": center_hz, "occupied_bw_hz": width_hz,
        "mean_power": power, "background_power": 1e-6, "floor_power": 1e-6, "peak_power": None, "kurtosis_db": 0.0,
        "channels": ("continuous",), "p_value": 1e-12, "confirmed": True,
    }  # fmt: skip
    hit = np.array([letter == "x" for letter in heard])
    times = START_NS + np.flatnonzero(hit)
    track = Track(
        hits=int(hit.sum()),
        duty_cycle=float(hit.mean()) * share,
        first_utc_ns=int(times[0]),
        last_utc_ns=int(times[-1]),
        strongest_power=power,
        course=Course(power=np.where(hit, power, 0.0), hit=hit, share=np.where(hit, share, 0.0)),
    )
    return Emitter(**{**fields, **more}), track


def pieces_of(*bounds: tuple[int, int]) -> list[Piece]:
    return [Piece(start=start, stop=stop, sources=(number,)) for number, (start, stop) in enumerate(bounds)]


def joined(pieces: list[Piece], excess: np.ndarray, breaks: np.ndarray = NO_BREAKS) -> list[tuple[int, int]]:
    before = excess.copy()
    found = join_pieces(pieces, excess, np.full(excess.size, 0.05), breaks)
    assert np.array_equal(excess, before)
    assert sorted(n for piece in found for n in piece.sources) == list(range(len(pieces)))
    return [(piece.start, piece.stop) for piece in found]


@given(echo=st.floats(0.4, 0.85), period=st.integers(60, 300), snr_db=st.floats(13, 40))
@settings(deadline=None, max_examples=60)
def test_lobes_of_an_echo_are_one_block(echo: float, period: int, snr_db: float) -> None:
    k = np.arange(3 * period)
    excess = 10 ** (snr_db / 10) * np.abs(1 + echo * np.exp(2j * np.pi * k / period)) ** 2
    notches = [period // 2 + n * period for n in range(3)]
    third = period // 8
    edges = [0, *(edge for notch in notches for edge in (notch - third, notch + third)), 3 * period]
    pieces = pieces_of(*zip(edges[0::2], edges[1::2], strict=True))
    if min(piece.width for piece in pieces) >= 24:
        assert joined(pieces, excess) == [(0, 3 * period)]


def test_blocks_with_nothing_between_them_stay_two() -> None:
    excess = np.full(1000, 0.0)
    excess[:400] = excess[500:900] = 50.0
    pieces = pieces_of((0, 400), (500, 900))
    assert joined(pieces, excess) == [(0, 400), (500, 900)]
    excess[400:500] = 5.0
    assert joined(pieces, excess) == [(0, 900)]
    assert joined(pieces, excess, np.array([450])) == [(0, 400), (500, 900)]  # the axis jumps there


def test_what_stands_on_a_block_is_its_crest_or_an_emitter() -> None:
    excess = np.full(600, 10.0)
    excess[300:304] = 60.0
    assert joined(pieces_of((0, 600), (300, 304)), excess) == [(0, 600)]
    excess[300:304] = 300.0
    assert joined(pieces_of((0, 600), (300, 304)), excess) == [(0, 600), (300, 304)]


def test_narrow_neighbours_are_never_joined() -> None:
    excess = np.full(60, 5.0)
    assert joined(pieces_of((10, 15), (18, 23)), excess) == [(10, 15), (18, 23)]


def kept(items: list[Followed], *, compared: bool = True) -> list[float]:
    return [emitter.center_freq_hz for emitter, _ in absorb_sidebands(items, WIDTH, compared=compared)]


def test_mirrored_lobes_go_with_their_main() -> None:
    main = followed(433.0e6, "x--x-", width_hz=20_000, snr_db=40)
    low, high = (followed(433.0e6 + away, "x--x-", snr_db=25) for away in (-100e3, 101e3))
    assert kept([low, main, high]) == kept([low, main, high], compared=False) == [433.0e6]
    assert kept([low, main]) == [432.9e6, 433.0e6]  # one side only: another emitter
    other = followed(433.101e6, "xx-x-", snr_db=25)
    assert len(kept([low, main, other])) == 3  # heard without the main
    near = followed(433.102e6, "x--x-", snr_db=36)
    assert len(kept([low, main, near])) == 3


def test_steady_neighbours_on_both_sides_are_lobes_only_of_what_is_new() -> None:
    main = followed(433.0e6, "xxxxx", width_hz=20_000, snr_db=30)
    sides = [followed(433.0e6 + away, "xxxxx", snr_db=20) for away in (-100e3, 101e3)]
    assert kept([*sides, main]) == [433.0e6]
    assert len(kept([*sides, main], compared=False)) == 3


def test_a_skirt_goes_with_a_strong_emitter() -> None:
    main = followed(433.0e6, "xxxxx", width_hz=120_000, snr_db=60)
    skirt, bug = followed(433.1e6, "xxxxx", snr_db=20), followed(433.1e6, "xxxxx", snr_db=36)
    assert kept([main, skirt], compared=False) == [433.0e6]
    assert len(kept([main, bug], compared=False)) == 2
    assert len(kept([main, followed(433.3e6, "xxxxx", snr_db=20)], compared=False)) == 2


def test_two_tones_that_come_and_go_together_are_one() -> None:
    low, high = (followed(433.0e6 + away, "x-x--", width_hz=20_000) for away in (-30e3, 30e3))
    ((one, track),) = join_tones([low, high])
    assert (one.center_freq_hz, one.occupied_bw_hz) == (433.0e6, 80_000.0)
    assert (track.hits, one.channels_heard) == (2, 1)
    assert len(join_tones([low, followed(433.03e6, "x--x-", width_hz=20_000)])) == 2
    assert len(join_tones([low, followed(433.03e6, "x-x--", width_hz=20_000, snr_db=27)])) == 2
    steady = [followed(433.0e6 + away, "xxxxx", width_hz=20_000) for away in (-30e3, 30e3)]
    assert len(join_tones(steady)) == 2
    keyed = [(replace(one, width_6db_hz=5000.0), its) for one, its in steady]
    keyed = [(replace(one, occupied_bw_hz=50_000.0), its) for one, its in keyed]
    assert len(join_tones(keyed)) == 1


def test_a_hopper_is_on_one_channel_at_a_time() -> None:
    hopping = [followed(431e6 + 50e3 * n, "----x--"[n:] + "----x--"[:n], share=0.6) for n in range(5)]
    ((one, track),) = group_hoppers(hopping, LAYOUT)
    assert one.channels_heard == 5
    assert track.hits == 5
    assert track.duty_cycle == pytest.approx(5 * 0.6 / 7)
    together = [followed(431e6 + 50e3 * n, "x--x---") for n in range(5)]
    assert len(group_hoppers(together, LAYOUT)) == 5


def test_steady_carriers_of_one_pass_are_no_hopper() -> None:
    far = [followed(430.5e6 + 1.9e6 * n, "x") for n in range(5)]  # each in a hop of its own
    assert len(group_hoppers(far, LAYOUT)) == 5
    near = [followed(431.9e6 + 25e3 * n, "x") for n in range(3)]  # on both sides of a border
    assert len(group_hoppers(near, LAYOUT)) == 3
    hopping = [followed(430.5e6 + 1.9e6 * n, "x", share=0.5 if n == 2 else 1.0) for n in range(5)]
    assert len(group_hoppers(hopping, LAYOUT)) == 1


def test_what_a_dwell_cut_short_goes_with_its_hopper() -> None:
    hopping = [followed(431e6 + 50e3 * n, "----x--"[n:] + "----x--"[:n]) for n in range(5)]
    cut = followed(431.12e6, "x------", snr_db=5, share=0.1)
    assert len(group_hoppers(sorted([*hopping, cut], key=lambda item: item[0].center_freq_hz), LAYOUT)) == 1
    strong = followed(431.12e6, "x------", snr_db=35)
    assert len(group_hoppers(sorted([*hopping, strong], key=lambda item: item[0].center_freq_hz), LAYOUT)) == 2


def test_parts_were_heard_when_any_of_them_was() -> None:
    one, track = unite([followed(431e6, "x---"), followed(431.1e6, "--x-")], channels_heard=2)
    assert track.course is not None
    assert track.course.hit.tolist() == [True, False, True, False]
    assert (track.hits, track.first_utc_ns, track.last_utc_ns) == (2, START_NS, START_NS + 2)
    assert one.mean_power == pytest.approx(2e-4)


def test_channels_side_by_side_that_came_out_as_one_widen_their_hopper() -> None:
    passes = ("x....", ".x...", "..x..", "...x.", "....x")
    channels = [followed(434e6 + 200e3 * n, heard, share=0.3) for n, heard in enumerate(passes)]
    several = followed(435.3e6, "x.x..", width_hz=300e3, share=0.6)
    alone = group_hoppers(channels, LAYOUT)
    ((emitter, track),) = group_hoppers([*channels, several], LAYOUT)
    assert emitter.occupied_bw_hz == pytest.approx(435.45e6 - (434e6 - 6e3))
    assert emitter.center_freq_hz == pytest.approx((435.45e6 + 434e6 - 6e3) / 2)
    assert emitter.mean_power == alone[0][0].mean_power
    assert emitter.channels_heard == len(channels)
    assert track.hits == 5
