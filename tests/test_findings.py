"""From emitters to findings: artefacts, tracks, hoppers, lobes, threat, coverage and words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from visits import (
    N_FRAMES,
    NOISE,
    START_NS,
    baseline_of,
    make_rows,
    make_summary,
    noise_layout,
    visit_of,
    without_hop,
)

from baselines.aligned import align
from baselines.allocations import allocation
from baselines.artefacts import Vetted
from baselines.candidates import Candidate
from baselines.compatibility import check_compatibility
from baselines.coverage import coverage_of
from baselines.device_bands import DEVICE_BANDS, device_bands
from baselines.emitters import Emitter, measure_emitters
from baselines.findings import make_finding, number_findings, signal_type
from baselines.heard import floor_of
from baselines.hoppers import group_hoppers
from baselines.intercept import Intercept
from baselines.missing import missing_emitters
from baselines.sidebands import absorb_sidebands
from baselines.summary import summarise
from baselines.tracking import NEVER_HEARD, Track, follow
from sweep.model import HOP_MEASURED, HOP_OVERLOADED
from sweep.units import iso_utc

LAYOUT = noise_layout(7)
WIDTH = LAYOUT.bin_width_hz


def emitter(center_hz: float, *, width_hz: float = 12_000.0, snr_db: float = 20.0, **more: Any) -> Emitter:
    """A steady emitter of the layout, at some frequency."""
    middle = int(np.argmin(np.abs(LAYOUT.freq_hz - center_hz)))
    half = max(1, round(width_hz / WIDTH / 2))
    fields: dict[str, Any] = {
        "start": middle - half,
        "stop": middle + half,
        "center_freq_hz": center_hz,
        "occupied_bw_hz": width_hz,
        "mean_power": 1e-6 * 10 ** (snr_db / 10),
        "background_power": 1e-6,
        "floor_power": 1e-6,
        "peak_power": None,
        "kurtosis_db": 0.0,
        "channels": ("continuous",),
        "p_value": 1e-12,
        "confirmed": True,
    }
    return Emitter(**{**fields, **more})


def test_what_an_emitter_measures() -> None:
    """A flat emitter of 20 bins at 10 dB in each: its power, width and centre are known."""
    bins = slice(1000, 1020)
    power = np.full(LAYOUT.n_bins, NOISE)
    power[bins] += 10 * NOISE
    summary = make_summary(LAYOUT, n_passes=8, seed=1, power=power)
    flat = np.full(LAYOUT.n_bins, NOISE)
    candidate = Candidate(start=990, stop=1030, channels=("continuous",), p_value=1e-9, confirmed=True)
    mean_only = replace(summary, max_hold=None)
    (one,) = measure_emitters(mean_only, [candidate], flat, flat)
    assert one.center_freq_hz == pytest.approx(LAYOUT.freq_hz[1000:1020].mean(), abs=500)
    assert one.occupied_bw_hz == pytest.approx(0.99 * 20 * WIDTH, rel=0.03)
    assert one.mean_power == pytest.approx(200 * NOISE / 1.5, rel=0.03)
    assert one.floor_power == one.background_power == pytest.approx(20 * NOISE / 1.5, rel=0.1)
    assert one.peak_power is None
    assert measure_emitters(mean_only, [candidate], flat * 100, flat) == []


def test_a_missing_bin_is_no_power() -> None:
    rows = [without_hop(row, LAYOUT, 2) for row in make_rows(LAYOUT, 3, seed=1)]
    flat = np.full(LAYOUT.n_bins, NOISE)
    candidate = Candidate(start=1600, stop=1700, channels=("burst",), p_value=1e-9, confirmed=True)
    assert measure_emitters(summarise(LAYOUT, rows), [candidate], flat, flat) == []


def rows_with(bins: slice, factors: list[float]) -> list[Any]:
    power = [np.full(LAYOUT.n_bins, NOISE) for _ in factors]
    for level, factor in zip(power, factors, strict=True):
        level[bins] += factor * NOISE
    return [
        replace(make_rows(LAYOUT, 1, seed=number, power=level)[0], hop_utc_ns=np.full(7, START_NS + number))
        for number, level in enumerate(power)
    ]


def test_an_emitter_is_followed_over_the_passes() -> None:
    one = emitter(float(LAYOUT.freq_hz[1010]), width_hz=20 * WIDTH, background_power=20 * NOISE / 1.5)
    steady, half, never = (
        follow(LAYOUT, rows_with(slice(1000, 1020), factors), [one])[0]
        for factors in ([50.0] * 8, [0, 0, 50.0, 50.0, 0, 50.0, 50.0, 0], [0.0] * 8)
    )
    assert (steady.hits, steady.duty_cycle) == (8, 1.0)
    assert (steady.first_utc_ns, steady.last_utc_ns) == (START_NS, START_NS + 7)
    assert half.hits == 4
    assert (half.first_utc_ns, half.last_utc_ns) == (START_NS + 2, START_NS + 6)
    assert never.duty_cycle is not None
    assert 0 < never.duty_cycle <= 1
    gone = [without_hop(row, LAYOUT, 1) for row in rows_with(slice(1000, 1020), [50.0] * 3)]
    assert follow(LAYOUT, gone, [one]) == [NEVER_HEARD]
    assert follow(LAYOUT, gone, []) == []


def track(duty: float = 0.2, first: int | None = START_NS, strongest: float | None = None) -> Track:
    return Track(hits=3, duty_cycle=duty, first_utc_ns=first, last_utc_ns=first, strongest_power=strongest)


def channels(n: int, *, spacing_hz: float = 50_000.0) -> list[tuple[Emitter, Track]]:
    return [
        (emitter(431e6 + number * spacing_hz, width_hz=20_000, confirmed=False), track(first=START_NS + number % 2))
        for number in range(n)
    ]


def test_the_channels_of_a_hopper_become_one() -> None:
    steady = (emitter(430.5e6), track(duty=1.0))
    loud = (emitter(431.02e6, snr_db=45), track())
    joined = group_hoppers([steady, *channels(8), loud], LAYOUT)
    assert [one.channels_heard for one, _ in joined] == [1, 1, 8]
    hopper, followed = joined[-1]
    assert hopper.center_freq_hz == pytest.approx(431e6 + 175_000)
    assert hopper.occupied_bw_hz == pytest.approx(370_000)
    assert hopper.confirmed  # its channels were heard at different times
    assert followed.duty_cycle == 1.0
    assert joined[0] == steady
    assert [one.channels_heard for one, _ in group_hoppers(channels(3), LAYOUT)] == [3]
    unlike = [(replace(one, mean_power=one.mean_power * 4**n), its) for n, (one, its) in enumerate(channels(3))]
    assert len(group_hoppers(unlike, LAYOUT)) == 3
    assert len(group_hoppers(channels(2), LAYOUT)) == 2
    assert len(group_hoppers(channels(6, spacing_hz=2_500_000.0), LAYOUT)) == 6
    assert group_hoppers([], LAYOUT) == []


def test_lobes_belong_to_their_burst() -> None:
    main = (emitter(433.0e6, width_hz=30_000, snr_db=30), track())
    lobe = (emitter(433.04e6, width_hz=10_000, snr_db=20), track())
    strong = (emitter(433.04e6, width_hz=10_000, snr_db=27), track())
    far = (emitter(433.2e6, width_hz=10_000, snr_db=20), track())
    steady = (emitter(433.04e6, width_hz=10_000, snr_db=20), track(duty=1.0))
    assert absorb_sidebands([main, lobe, far], WIDTH, compared=True) == [main, far]
    assert absorb_sidebands([main, strong], WIDTH, compared=True) == [main, strong]
    assert absorb_sidebands([main, steady], WIDTH, compared=True) == [main, steady]


def test_nothing_hides_beside_a_hopper_or_a_block() -> None:
    """Their width is not that of a burst: what lies within two of it is megahertz away."""
    bug = (emitter(434.5e6, snr_db=10), track())
    for width_hz, heard in ((0.8e6, 17), (5e6, 1)):
        wide = (emitter(433.0e6, width_hz=width_hz, snr_db=30, channels_heard=heard), track())
        assert absorb_sidebands([wide, bug], WIDTH, compared=True) == [wide, bug]


@pytest.mark.parametrize(
    ("more", "duty", "words"),
    [
        ({"width_hz": 12_000.0}, 1.0, "continuous narrowband"),
        ({"width_hz": 5_000.0, "kurtosis_db": -9.0}, 1.0, "continuous carrier"),
        ({"width_hz": 5_000.0, "kurtosis_db": -9.0}, 0.5, "intermittent narrowband"),
        ({"width_hz": 120_000.0}, 0.05, "burst wideband"),
        ({"width_hz": 2_000_000.0}, 0.95, "continuous broadband block"),
        ({"channels_heard": 12}, 0.3, "frequency hopper, 12 channels heard"),
    ],
)
def test_a_signal_has_a_name(more: dict[str, Any], duty: float, words: str) -> None:
    assert signal_type(emitter(431e6, **more), track(duty), WIDTH) == words


def finding_of(one: Emitter, followed: Track, *, kind: str = "new", has_baseline: bool = True) -> dict[str, Any]:
    return make_finding(
        one, followed, Vetted(tests=()), kind=kind, visits=1, has_baseline=has_baseline, bin_width_hz=WIDTH
    )


def test_levels_of_a_finding() -> None:
    steady = finding_of(emitter(431e6, snr_db=20), track(1.0))
    assert (steady["power_dbfs"], steady["snr_db"]) == (-40.0, 20.0)
    assert steady["excess_db"] == pytest.approx(10 * np.log10(101), abs=0.01)
    burst = finding_of(emitter(431e6, snr_db=20, peak_power=1e-2), track(0.01, strongest=1e-3))
    assert burst["power_dbfs"] == -30.0  # the mean over its strongest pass, which was measured
    assert finding_of(emitter(431e6), track(1.0), has_baseline=False)["excess_db"] is None
    assert steady["first_seen"] == iso_utc(START_NS)


def test_what_was_not_measured_is_null() -> None:
    bare = emitter(431e6, mean_power=0.0, floor_power=0.0, background_power=0.0, p_value=None, kurtosis_db=None)
    finding = finding_of(bare, NEVER_HEARD)
    for key in ("power_dbfs", "snr_db", "excess_db", "p_value", "first_seen", "last_seen", "duty_cycle", "known_as"):
        assert finding[key] is None, key
    gone = finding_of(emitter(431e6, snr_db=20, background_power=1e-4), track(), kind="missing")
    assert (gone["power_dbfs"], gone["snr_db"], gone["duty_cycle"], gone["first_seen"]) == (None, None, None, None)
    assert gone["excess_db"] == -20.0
    assert gone["hits"] == 0
    assert gone["signal_type"] == "not heard"
    assert gone["threat"]["level"] == "info"
    json.dumps([finding, gone], allow_nan=False)


def test_findings_are_numbered_by_threat_then_level() -> None:
    def one(score: float, power_dbfs: float | None) -> dict[str, Any]:
        return {"id": "", "threat": {"score": score}, "power_dbfs": power_dbfs, "center_freq_hz": 1}

    given_ = [one(1.0, -50.0), one(2.0, None), one(1.0, 0.0), one(1.0, -20.0), one(2.0, -90.0)]
    numbered = number_findings(given_)
    assert [(item["id"], item["threat"]["score"], item["power_dbfs"]) for item in numbered] == [
        ("F1", 2.0, -90.0), ("F2", 2.0, None), ("F3", 1.0, 0.0), ("F4", 1.0, -20.0), ("F5", 1.0, -50.0),
    ]  # fmt: skip
    assert all(item["id"] == "" for item in given_)


def test_bands_are_in_order_and_sourced() -> None:
    for band in DEVICE_BANDS:
        assert 0 < band.start_hz < band.stop_hz
        assert band.what
        assert band.source
        assert abs(band.weight) <= 1.0  # context never decides alone
    assert [band.start_hz for band in DEVICE_BANDS] == sorted(band.start_hz for band in DEVICE_BANDS)
    assert device_bands(1.0) == ()
    assert allocation(0) is None
    assert "PMR446" in str(allocation(446_050_000))


@pytest.mark.parametrize(
    ("freq_hz", "words", "weight"),
    [
        (27.1e6, "ISM band at 27 MHz", 0.3),
        (40.68e6, "ISM band at 40.68 MHz", 0.2),
        (49.86e6, "baby monitors", 0.5),
        (145.5e6, "amateur radio, 2 m", 0.3),
        (169.45e6, "hard of hearing", 0.4),
        (399.0e6, "UHF room transmitters", 0.6),
        (433.92e6, "licence-free devices at 433 MHz", 0.3),
        (435.0e6, "amateur radio, 70 cm", 0.5),
        (864.0e6, "wireless audio", 0.6),
        (868.3e6, "alarms, meters", 0.3),
        (869.5e6, "500 mW", 0.4),
        (905.0e6, "cellular uplink, band 8", 0.6),
        (1220.0e6, "video transmitter", 0.7),
        (1575.42e6, "too weak to be heard here", 0.7),
        (1747.0e6, "cellular uplink, band 3", 0.5),
    ],
)
def test_the_band_that_says_most_counts(freq_hz: float, words: str, weight: float) -> None:
    band = device_bands(freq_hz)[-1]
    assert words in band.what
    assert band.weight == weight


def test_emitters_that_fell_silent() -> None:
    def visit(day: int, gone: tuple[int, ...] = ()) -> Any:
        power = np.full(LAYOUT.n_bins, NOISE)
        for station in range(6):
            power[500 + station * 700 : 540 + station * 700] += 0.0 if station in gone else 100 * NOISE
        return make_summary(LAYOUT, n_passes=4, seed=3, day=day, power=power)

    baseline = baseline_of([visit(0), visit(1)])
    assert missing_emitters(baseline, visit(5), align(baseline, visit(5))) == []
    (one,) = missing_emitters(baseline, visit(5, (2,)), align(baseline, visit(5, (2,))))
    assert one.center_freq_hz == pytest.approx(LAYOUT.freq_hz[1900:1940].mean(), abs=2500)
    assert one.occupied_bw_hz == pytest.approx(40 * WIDTH, rel=0.06)
    rows = [without_hop(row, LAYOUT, 2) for row in make_rows(LAYOUT, 4, seed=3)]
    unmeasured = summarise(LAYOUT, rows)
    hop_3 = LAYOUT.hop_slice(2)
    for lost in missing_emitters(baseline, unmeasured, align(baseline, unmeasured)):
        assert not hop_3.start <= lost.start < hop_3.stop  # not measured is not gone


def test_coverage_of_a_sweep() -> None:
    rows = [without_hop(row, LAYOUT, 6) for row in make_rows(LAYOUT, 8, seed=1)]
    rows = [without_hop(row, LAYOUT, 0) if number % 2 else row for number, row in enumerate(rows)]
    loud = np.array([HOP_MEASURED] * 3 + [HOP_MEASURED | HOP_OVERLOADED] + [HOP_MEASURED] * 3, np.uint8)
    rows = [replace(row, hop_flags=row.hop_flags & loud | (loud & HOP_OVERLOADED)) for row in rows]
    heard = Intercept(LAYOUT)
    summary = summarise(LAYOUT, rows, heard)
    entries = coverage_of(summary, floor_of(summary), heard, threshold_sigmas=6.5, model_sigma=0.03)
    assert [entry["state"] for entry in entries] == ["measured", "overloaded", "measured", "not_measured"]
    assert [entry["start_hz"] for entry in entries[1:]] == [entry["stop_hz"] for entry in entries[:-1]]
    assert entries[0]["start_hz"] == round(LAYOUT.freq_hz[0] - WIDTH / 2)
    assert entries[-1]["stop_hz"] == round(LAYOUT.freq_hz[-1] + WIDTH / 2)
    dwell_s = (N_FRAMES + 1) / 2 / WIDTH * 8
    assert entries[2]["dwell_s"] == pytest.approx(dwell_s, rel=1e-4)
    assert entries[0]["dwell_s"] == pytest.approx(dwell_s * (0.5 + 1 + 1) / 3, rel=1e-4)
    assert entries[2]["poi"]["100ms"] == pytest.approx(1 - 0.007 / 0.8, abs=0.01)  # a pass takes 100 ms
    assert 0.5 < entries[0]["poi"]["100ms"] < entries[0]["poi"]["1s"] == entries[2]["poi"]["1s"] == 1.0
    assert entries[0]["noise_floor_dbfs"] == pytest.approx(-60, abs=0.2)
    assert entries[0]["min_detectable_dbfs"] < -60 + 10
    blank = entries[-1]
    assert [blank[key] for key in ("noise_floor_dbfs", "min_detectable_dbfs", "dwell_s")] == [None, None, None]
    assert set(blank["poi"].values()) == {None}
    json.dumps(entries, allow_nan=False)


def test_the_weakest_detectable_emitter_is_detected_at_that_level() -> None:
    """What coverage claims for an 11 kHz emitter holds for one that is put there."""
    summary = make_summary(LAYOUT, n_passes=5, seed=1)
    entry = coverage_of(summary, floor_of(summary), Intercept(LAYOUT), threshold_sigmas=6.5, model_sigma=0.03)[0]
    per_bin = 10 ** (entry["min_detectable_dbfs"] / 10) * 1.5 / 4.4
    rise = np.log(1 + per_bin / NOISE)
    sigma = np.sqrt(summary.group_variance / 5 / 4.4 + 0.03**2)
    assert rise / sigma == pytest.approx(6.5 + 1.28, rel=0.15)


def test_compatibility() -> None:
    baseline = baseline_of([make_summary(LAYOUT, n_passes=2, seed=1)], instrument={"serial": "1", "antenna": "whip"})
    same = check_compatibility(baseline, LAYOUT, instrument={"serial": "1", "tuner": "R820T"}, gain_db=28.0)
    assert (same.verdict, same.reasons) == ("compatible", ())
    other = check_compatibility(baseline, LAYOUT, instrument={"serial": "2", "antenna": "horn"}, gain_db=20.0)
    assert other.verdict == "usable"
    assert other.reasons == (
        "serial 2 differs from the baseline's 1",
        "antenna horn differs from the baseline's whip",
        "gain 20 dB differs from the baseline's 28 dB; levels were aligned",
    )
    assert check_compatibility(baseline, noise_layout(3)).verdict == "compatible"  # in hops of the baseline
    beside = replace(LAYOUT, freq_hz=LAYOUT.freq_hz + 100 * LAYOUT.bin_width_hz)
    said = check_compatibility(baseline, beside).reasons
    assert [reason.partition(";")[0] for reason in said[:1]] == ["the plans differ"]
    assert "may be the receiver's own" in said[1]
    wide = replace(LAYOUT, bin_width_hz=5000.0)
    assert check_compatibility(baseline, wide).verdict == "incompatible"
    assert "bins of 5 kHz are wider than the baseline's 2.5 kHz" in check_compatibility(baseline, wide).reasons[0]
    narrow = replace(LAYOUT, bin_width_hz=1250.0, freq_hz=LAYOUT.freq_hz[0] + 1250.0 * np.arange(LAYOUT.n_bins))
    assert "narrower than the baseline's" in check_compatibility(baseline, narrow).reasons[0]
    assert visit_of(0).gain_db == 28.0


def test_ranges_that_enclose_each_other_but_share_nothing() -> None:
    outer = replace(LAYOUT, freq_hz=np.where(np.arange(LAYOUT.n_bins) < 2688, LAYOUT.freq_hz, LAYOUT.freq_hz + 1e8))
    baseline = baseline_of([make_summary(outer, n_passes=2, seed=1)])
    verdict = check_compatibility(baseline, noise_layout(2, start_hz=470_000_000))
    assert verdict.verdict == "incompatible"
    assert verdict.reasons == ("the sweep and the baseline share no frequency",)
