"""Tests for what the receiver makes itself, on spectra of which it is known what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from visits import noise_layout

from baselines.artefacts import ArtefactTest, HeardSpectrum, Suspect, artefact_tests, vet, vet_joined
from baselines.artefacts.harmonics import fundamental_of
from baselines.artefacts.mixing import WAYS, moved_hz
from baselines.emitters import Emitter
from baselines.tracking import NEVER_HEARD, Track
from sweep.plan import Layout, plan_hops
from sweep.scene.receiver import views
from sweep.scene.schema import Receiver

LAYOUT = noise_layout(7)
WIDTH = LAYOUT.bin_width_hz
FLOOR = 1e-7
ALWAYS = Track(hits=5, duty_cycle=1.0, first_utc_ns=0, last_utc_ns=1, strongest_power=None)


def emitter(
    center_hz: float, *, width_hz: float = 12_000.0, snr_db: float = 20.0, layout: Layout = LAYOUT, **more: Any
) -> Emitter:
    """A steady emitter of the layout, at some frequency, so many dB over the floor in each bin."""
    middle = int(np.argmin(np.abs(layout.freq_hz - center_hz)))
    half = max(1, round(width_hz / WIDTH / 2))
    floor = 2 * half * FLOOR / layout.enbw_bins
    fields: dict[str, Any] = {
        "start": middle - half,
        "stop": middle + half,
        "center_freq_hz": center_hz,
        "occupied_bw_hz": width_hz,
        "mean_power": floor * 10 ** (snr_db / 10),
        "background_power": floor,
        "floor_power": floor,
        "peak_power": None,
        "kurtosis_db": 0.0,
        "channels": ("continuous",),
        "p_value": 1e-12,
        "confirmed": True,
    }
    return Emitter(**{**fields, **more})


def spectrum_of(
    emitters: Sequence[Emitter], *, layout: Layout = LAYOUT, compared: bool = False, **more: Any
) -> HeardSpectrum:
    """What a receiver would hear of these, each of even density."""
    mean = np.full(layout.n_bins, FLOOR)
    for one in emitters:
        mean[one.start : one.stop] += one.mean_power * layout.enbw_bins / (one.stop - one.start)
    flat = np.full(layout.n_bins, FLOOR)
    fields: dict[str, Any] = {
        "layout": layout,
        "groups": np.array([mean] * 5, np.float32),
        "mean": mean,
        "background": flat,
        "floor": flat,
        "kurtosis_db": None,
        "overloaded": np.zeros(layout.n_hops, bool),
        "n_rows": 5,
        "ppm": 0.0,
        "compared": compared,
        "has_hops": True,
    }
    return HeardSpectrum(**{**fields, **more})


def outcomes_of(one: Emitter, others: Sequence[Emitter] = (), **how: Any) -> dict[str, ArtefactTest]:
    everyone = [one, *others]
    tests = artefact_tests(one, everyone, spectrum_of(everyone, **how))
    assert all(test.reason for test in tests)
    return {test.test: test for test in tests}


def failed(one: Emitter, others: Sequence[Emitter] = (), **how: Any) -> set[str]:
    return {name for name, test in outcomes_of(one, others, **how).items() if test.passed is False}


def hop_center(hop: int, layout: Layout = LAYOUT) -> float:
    return float(layout.freq_hz[hop * 768 + 384])


@pytest.mark.parametrize("compared", [True, False])
def test_what_is_at_the_centre_of_every_hop_is_the_receiver(compared: bool) -> None:
    skirts = [emitter(hop_center(hop) + 2000, width_hz=30_000, snr_db=5) for hop in range(7)]
    for one in skirts:
        assert failed(one, [other for other in skirts if other is not one], compared=compared) == {"dc_offset"}
    bug = emitter(hop_center(3), width_hz=11_000, snr_db=20)
    assert failed(bug, [other for hop, other in enumerate(skirts) if hop != 3], compared=compared) == set()
    assert failed(emitter(hop_center(3), width_hz=11_000), compared=compared) == set()


def test_a_lone_hop_keeps_what_is_modulated_or_new_at_its_centre() -> None:
    layout = noise_layout(1)
    at_dc = emitter(hop_center(0), width_hz=7000, snr_db=5.0, layout=layout)
    assert failed(at_dc, layout=layout) == {"dc_offset"}
    assert failed(at_dc, layout=layout, compared=True) == {"dc_offset"}
    risen = replace(at_dc, mean_power=10 * at_dc.background_power)
    assert failed(risen, layout=layout, compared=True) == set()
    assert failed(replace(at_dc, kurtosis_db=4.0), layout=layout) == set()
    assert failed(replace(at_dc, occupied_bw_hz=20_000.0), layout=layout) == set()
    assert failed(emitter(hop_center(0) + 8000, width_hz=7000, layout=layout), layout=layout) == set()


def test_harmonics_of_the_crystal_stand_where_the_display_counts_them() -> None:
    spur = emitter(432_001_000.0, width_hz=5000, snr_db=8.0, kurtosis_db=-8.0)
    assert failed(spur) == failed(spur, compared=True) == {"crystal_spur"}
    assert failed(replace(spur, kurtosis_db=6.0)) == set()  # a burst there is no spur
    assert failed(replace(spur, occupied_bw_hz=16_000.0)) == set()
    assert failed(emitter(432_007_000.0, width_hz=5000, kurtosis_db=-8.0)) == set()  # 16 ppm beside it
    assert failed(spur, ppm=50.0) == set()  # the display counts the crystal's harmonic at 432.0216 MHz
    corrected = emitter(432e6 * (1 + 50e-6), width_hz=5000, kurtosis_db=-8.0)
    assert failed(corrected, ppm=50.0) == {"crystal_spur"}
    assert failed(corrected) == set()


def test_no_spur_rises_above_its_baseline() -> None:
    risen = emitter(432_001_000.0, width_hz=5000, snr_db=12.0, kurtosis_db=-8.0)
    assert failed(risen, compared=True) == set()
    assert "no spur rises" in outcomes_of(risen, compared=True)["crystal_spur"].reason
    assert failed(risen) == {"crystal_spur"}
    fell = np.full(LAYOUT.n_bins, -6.0, np.float32)
    assert failed(risen, compared=True, gain_db=fell) == {"crystal_spur"}  # the floor fell, and it did not
    assert failed(replace(risen, mean_power=4 * risen.mean_power), compared=True, gain_db=fell) == set()
    assert failed(risen, compared=True, gain_db=-fell) == set()


def test_the_image_of_a_strong_emitter() -> None:
    strong = emitter(hop_center(2) + 300_000, snr_db=60.0)
    image = emitter(hop_center(2) - 300_000, snr_db=20.0)
    assert failed(image, [strong]) == {"iq_image"}
    assert failed(strong, [image]) == set()
    loud = emitter(hop_center(2) - 300_000, snr_db=50.0)
    assert failed(loud, [strong]) == set()  # 10 dB below it is more than any image
    assert failed(emitter(hop_center(2) - 330_000), [strong]) == set()
    assert failed(emitter(hop_center(3) - 300_000), [strong]) == set()


def test_a_bug_at_a_mirror_place_has_another_shape() -> None:
    station = emitter(hop_center(2) + 300_000, width_hz=150_000, snr_db=50.0)
    bug = emitter(hop_center(2) - 300_000, width_hz=11_000, snr_db=15.0)
    test = outcomes_of(bug, [station])["iq_image"]
    assert test.passed
    assert "but its shape is another" in test.reason
    part = emitter(hop_center(2) - 300_000, width_hz=60_000, snr_db=15.0)
    assert "more would be heard beside it" in outcomes_of(part, [station])["iq_image"].reason
    carrier = emitter(hop_center(2) + 300_000, width_hz=5_000, snr_db=60.0)
    wide = emitter(hop_center(2) - 300_000, width_hz=120_000, snr_db=8.0)
    assert "another" in outcomes_of(wide, [carrier])["iq_image"].reason


@pytest.mark.parametrize("way", WAYS[1:], ids=["low-if-image", "third-harmonic", "third-harmonic-inverted"])
def test_ghosts_of_what_is_far_away(way: Any) -> None:
    tuned = 28_000_000 + 384 * 2500
    ghost_hz = tuned + 400_000.0
    source_hz = way.a * tuned + way.b * ghost_hz + way.offset_hz
    near = round(source_hz / 1e6) * 1_000_000
    ranges = ((28_000_000, 30_000_000), (near - 2_000_000, near + 2_000_000))
    layout = plan_hops(ranges).layout()
    strong = emitter(source_hz, width_hz=80_000, snr_db=55.0, layout=layout)
    ghost = emitter(ghost_hz, width_hz=80_000, snr_db=12.0, layout=layout)
    tests = outcomes_of(ghost, [strong], layout=layout)
    assert tests[way.test].passed is False
    assert failed(emitter(ghost_hz + 200_000, width_hz=80_000, layout=layout), [strong], layout=layout) == set()
    alone = outcomes_of(ghost, layout=plan_hops(ranges[:1]).layout())
    assert alone[way.test].passed is None
    assert "was not swept" in alone[way.test].reason


def test_what_the_ways_do_when_the_tuning_moves() -> None:
    for way in WAYS:
        tuned, shift, source = 100e6, 350e3, 123.4e6
        before = (source - way.a * tuned - way.offset_hz) / way.b
        after = (source - way.a * (tuned + shift) - way.offset_hz) / way.b
        assert after - before == pytest.approx(moved_hz(way, shift))


def pair(level_db: float = 50.0) -> list[Emitter]:
    return [emitter(hop_center(2) + offset, snr_db=level_db) for offset in (100_000, 250_000)]


def test_products_of_two_strong_emitters() -> None:
    strong = pair()
    products = [emitter(hop_center(2) + offset, snr_db=10.0) for offset in (-50_000, 400_000)]
    for one, other in (products, products[::-1]):
        assert failed(one, [*strong, other]) == {"intermodulation"}
    beside = emitter(hop_center(2) + 500_000, snr_db=10.0)
    assert failed(beside, [*strong, *products]) == set()


def test_a_bug_at_a_product_is_betrayed_by_the_others_that_are_missing() -> None:
    bug = emitter(hop_center(2) - 50_000, snr_db=20.0)
    test = outcomes_of(bug, pair())["intermodulation"]
    assert test.passed
    assert "stronger than that product can be" in test.reason
    weak = pair(level_db=30.0)
    assert outcomes_of(emitter(hop_center(2) - 50_000, snr_db=19.0), weak)["intermodulation"].passed


def test_harmonics_are_linked_and_not_rejected() -> None:
    layout = plan_hops(((100_000_000, 102_000_000), (200_000_000, 204_000_000))).layout()
    station = emitter(100.9e6, width_hz=50_000, snr_db=60.0, layout=layout)
    second = emitter(201.8e6, width_hz=50_000, snr_db=12.0, layout=layout)
    spectrum = spectrum_of([station, second], layout=layout)
    found = fundamental_of(second, spectrum)
    assert found is not None
    assert (found[0], found[1]) == (2, pytest.approx(100.9e6, abs=WIDTH))
    assert fundamental_of(station, spectrum) is None
    assert fundamental_of(replace(second, center_freq_hz=201.9e6), spectrum) is None
    suspects = [Suspect(emitter=one, track=ALWAYS, heard=True) for one in (station, second)]
    (_, vetted), cut = vet(suspects, spectrum, None)
    assert vetted.harmonic_of_hz == pytest.approx(100.9e6, abs=WIDTH)
    assert not vetted.is_artefact
    assert cut == 0


def test_dynamic_range_matters_only_without_a_baseline() -> None:
    strong, weak = emitter(hop_center(2) + 300_000, snr_db=70.0), emitter(hop_center(2) + 500_000, snr_db=10.0)
    assert failed(weak, [strong]) == {"dynamic_range"}
    assert failed(weak, [strong], compared=True) == set()


def test_what_is_not_possible_is_said() -> None:
    one = emitter(hop_center(0) + 50_000)
    spectrum = spectrum_of([one], has_hops=False)
    (vetted,), _ = vet([Suspect(emitter=one, track=ALWAYS, heard=True)], spectrum, None)
    assert [(test.test, test.passed) for test in vetted.tests] == [("crystal_spur", True), ("lo_shift", None)]
    (gone,), _ = vet([Suspect(emitter=one, track=NEVER_HEARD, heard=False)], spectrum_of([]), None)
    assert gone.tests[-1].reason == "not possible: there is nothing to look at"
    assert vet_joined(one, spectrum).tests[-1].passed is None
    assert vet([], spectrum, None) == ([], 0)


def test_the_ways_are_those_of_the_simulated_dongle() -> None:
    receiver = Receiver(low_if_image_rejection_db=40.0, third_harmonic_rejection_db=40.0)
    tuned, away = 30e6, 0.3e6
    for view in views(receiver)[1:]:
        source = view.multiple * tuned + view.offset_hz + away
        displayed = tuned + (-away if view.inverted else away)
        assert any(way.a * tuned + way.b * displayed + way.offset_hz == pytest.approx(source) for way in WAYS)
