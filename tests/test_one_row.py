"""One row for one emitter: each kind alone in a quiet simulated room, and neighbours that stay two."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from lone_emitters import HOP_HZ, KINDS, Count, counted, findings_of, moved, one, plan_around

from sweep.scene.schema import AnyEmitter, Nfm, Wfm

NEIGHBOURS = ("2 nfm 25 kHz", "2 nfm 12.5 kHz", "2 carriers 20 kHz", "2 wfm 200 kHz", "3 tetra 25 kHz")
IN_HOP, ON_BORDER = HOP_HZ // 2 + 300_000, 0


def tried(name: str, snr_db: float, shift_hz: int, seed: int, *, compared: bool = True, passes: int = 5) -> Count:
    """Of the first seed from there on for which every emitter was on the air when it was looked at."""
    kind = KINDS[name]
    emitters = moved(kind, snr_db, shift_hz)
    for number in itertools.count(seed):
        findings, heard = findings_of(emitters, plan_around(kind), seed=number, compared=compared, passes=passes)
        if all(heard):
            return counted(emitters, heard, findings)
    raise AssertionError


@pytest.mark.parametrize(
    ("name", "snr_db"),
    [
        ("wfm stereo", 40), ("wfm speech", 30), ("nfm", 45), ("carrier", 45), ("tetra", 30), ("tetra 1 slot", 20),
        ("dmr", 20), ("gsm", 15), ("gsm 1 slot", 30), ("lte 5", 10), ("lte 1.4", 20), ("dab 1.5", 20),
        ("srd ook", 30), ("srd ook 10k", 20), ("srd fsk", 20), ("srd fsk 50k", 30), ("ook bug", 30),
        ("hopper", 15), ("dsss", 15),
    ],
)  # fmt: skip
def test_one_emitter_is_one_row(name: str, snr_db: float) -> None:
    nothing = Count(splits=0, merges=0, misses=0)
    assert tried(name, snr_db, IN_HOP, 0) == nothing
    assert tried(name, snr_db, ON_BORDER, 4) == nothing


@pytest.mark.parametrize("name", ["wfm stereo", "nfm", "lte 1.4", "dvbt 7.6", "ook bug", "srd ook 10k", "hopper"])
def test_without_a_baseline_too(name: str) -> None:
    assert tried(name, 20, IN_HOP, 4, compared=False) == Count(splits=0, merges=0, misses=0)


@pytest.mark.parametrize("name", ["wfm stereo", "carrier", "dmr", "gsm 1 slot", "dvbt 7.6", "dab 1.5", "hopper"])
def test_in_a_single_pass_too(name: str) -> None:
    assert tried(name, 20, IN_HOP, 4, passes=1) == Count(splits=0, merges=0, misses=0)


@pytest.mark.parametrize("name", NEIGHBOURS)
@pytest.mark.parametrize("snr_db", [10, 30])
def test_neighbours_stay_two(name: str, snr_db: float) -> None:
    """What folds back from a station beside the next hop lies far away, and is a matter of the tests of artefacts."""
    kind = KINDS[name]
    emitters = moved(kind, snr_db, IN_HOP)
    findings, heard = findings_of(emitters, plan_around(kind), seed=4, compared=True, passes=5)
    near = [finding for finding in findings if abs(finding["center_freq_hz"] - _middle(emitters)) < 1e6]
    assert all(heard)
    assert counted(emitters, heard, near) == Count(splits=0, merges=0, misses=0)


def _middle(emitters: Sequence[AnyEmitter]) -> float:
    return float(np.mean([emitter.center_freq_hz for emitter in emitters]))


@pytest.mark.parametrize("away_hz", [110_000, 140_000])
def test_a_bug_beside_a_broadcaster_is_a_row_of_its_own(away_hz: int) -> None:
    station = Wfm(name="station", center_freq_hz=one_center(0), snr_db=35)
    bug = Nfm(name="bug", center_freq_hz=one_center(away_hz), snr_db=25)
    plan = plan_around(one(station))
    for compared in (True, False):
        findings, heard = findings_of([station, bug], plan, seed=3, compared=compared, passes=5)
        assert counted([station, bug], heard, findings) == Count(splits=0, merges=0, misses=0)


def one_center(away_hz: int) -> int:
    (station,) = moved(KINDS["wfm stereo"], 0, IN_HOP)
    assert isinstance(station.center_freq_hz, int)
    return station.center_freq_hz + away_hz


def test_widths_of_known_signals() -> None:
    """A filtered block of 1.5 MHz, and 18 kBd behind a root-raised-cosine filter: -6 dB at 18 kHz."""
    for name, snr_db, low_hz, high_hz in (("tetra", 45, 15e3, 23e3), ("dab 1.5", 42, 1.4e6, 1.6e6)):
        kind = KINDS[name]
        ((finding,), _) = findings_of(moved(kind, snr_db, IN_HOP), plan_around(kind), seed=4, compared=True, passes=5)
        if name == "tetra":
            assert low_hz < finding["width_6db_hz"] < high_hz
        assert low_hz < finding["width_26db_hz"] < high_hz * 1.35
        assert low_hz < finding["occupied_bw_hz"] < high_hz * 1.2


def test_what_is_not_26_db_over_its_background_has_no_such_width() -> None:
    kind = KINDS["nfm"]
    ((finding,), _) = findings_of(moved(kind, 15, IN_HOP), plan_around(kind), seed=4, compared=True, passes=5)
    assert finding["width_26db_hz"] is None
    assert np.isfinite(finding["occupied_bw_hz"])
