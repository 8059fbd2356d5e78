"""Following emitters over the passes, against what the simulated room really sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from lone_emitters import BORDER_HZ, HOP_HZ, findings_of, one, passes_on, plan_around, rows_with
from visits import NOISE, make_rows, noise_layout, rows_of

from baselines.emitters import Emitter
from baselines.judge import make_judge
from baselines.tracking import follow
from sweep.plan import plan_hops
from sweep.scene.schema import AnyEmitter, Carrier, Dmr, Gsm, Nfm, Ook, Srd, Tetra, Wfm
from sweep.units import iso_utc

PASSES = 60


def planted(kind: type[Any], snr_db: float = 20.0, **more: Any) -> AnyEmitter:
    emitter: AnyEmitter = kind(name="one", center_freq_hz=BORDER_HZ + HOP_HZ // 2 + 300_000, snr_db=snr_db, **more)
    return emitter


def found(emitter: AnyEmitter) -> dict[str, Any]:
    findings, _ = findings_of([emitter], plan_around(one(emitter)), seed=3, compared=True, passes=PASSES)
    strongest = max(findings, key=lambda finding: finding["power_dbfs"])
    return dict(strongest)


@pytest.mark.parametrize(
    ("emitter", "duty", "within"),
    [
        (planted(Nfm), 1.0, 0.0), (planted(Nfm, 5), 1.0, 0.0), (planted(Wfm), 1.0, 0.0), (planted(Gsm), 1.0, 0.0),
        (planted(Nfm, duty=0.1, mean_on_s=1.0), None, 0.02), (planted(Nfm, duty=0.5, mean_on_s=3.0), None, 0.02),
        (planted(Nfm, duty=0.9, mean_on_s=2.0), None, 0.02), (planted(Carrier, duty=0.3, mean_on_s=1.0), None, 0.02),
        (planted(Tetra, slots_used=1), 0.25, 0.06), (planted(Dmr), 0.46, 0.1), (planted(Gsm, slots_used=1), 0.12, 0.04),
        (planted(Ook, 25, period_s=0.04, burst_s=0.008), 0.2, 0.05),
    ],
)  # fmt: skip
def test_duty_cycle_is_the_share_of_time_on_the_air(emitter: AnyEmitter, duty: float | None, within: float) -> None:
    """Of spells of many passes, what the passes met of them; of trains of bursts, what the standard says."""
    finding = found(emitter)
    if duty is None:
        duty = float(np.mean(passes_on(emitter, plan_around(one(emitter)), seed=3, passes=PASSES)))
    assert finding["duty_cycle"] == pytest.approx(duty, abs=within + 1e-9)
    if duty == 1.0:
        assert finding["hits"] == PASSES


def test_hits_and_times_are_those_of_the_spells() -> None:
    """Spells of about 1 s, a pass takes 0.2 s: each pass is a hit where it sent, and no other."""
    emitter = planted(Nfm, duty=0.3, mean_on_s=1.0)
    plan = plan_around(one(emitter))
    rows, _ = rows_with([emitter], plan, seed=3, passes=PASSES)
    truth = passes_on(emitter, plan, seed=3, passes=PASSES)
    (finding,) = make_judge(None)(plan.layout(), rows_of(rows), {}).document["findings"]
    assert finding["hits"] == sum(truth)
    hop = int(np.argmin([abs(center - emitter.center_freq_hz) for center in plan.hop_centers_hz]))
    seen = np.flatnonzero(truth)
    times = [int(rows[number].hop_utc_ns[hop]) for number in (seen[0], seen[-1])]
    assert [finding["first_seen"], finding["last_seen"]] == [iso_utc(time) for time in times]


def test_bursts_shorter_than_a_dwell_have_a_length_and_no_period() -> None:
    finding = found(planted(Ook, 25, period_s=0.04, burst_s=0.008))
    assert finding["burst_length_s"] == pytest.approx(0.008, rel=0.25)
    assert finding["burst_period_s"] is None
    assert finding["burst_resolution_s"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    "emitter",
    [
        planted(Nfm), planted(Dmr), planted(Gsm, slots_used=1), planted(Tetra, slots_used=1),
        planted(Srd, 25, period_s=0.15, packet_s=0.04, repeats=2),
    ],
)  # fmt: skip
def test_no_length_is_claimed_of_what_a_dwell_does_not_hold_once(emitter: AnyEmitter) -> None:
    finding = found(emitter)
    assert (finding["burst_length_s"], finding["burst_period_s"], finding["burst_resolution_s"]) == (None, None, None)


def test_a_recording_of_one_hop_gives_length_and_period() -> None:
    plan = plan_hops(((BORDER_HZ, BORDER_HZ + HOP_HZ - 2500),), gain_db=28.0)
    emitter = planted(Srd, 30, period_s=0.3, packet_s=0.1, repeats=1)
    rows, _ = rows_with([emitter], plan, seed=3, passes=150, settle_s=0.0)
    findings = make_judge(None)(plan.layout(), rows_of(rows), {}).document["findings"]
    finding = max(findings, key=lambda item: item["power_dbfs"])  # of a lone hop the receiver's offset is one as well
    assert finding["burst_resolution_s"] == pytest.approx(plan.dwell_s)
    assert finding["burst_length_s"] == pytest.approx(0.1, abs=plan.dwell_s)
    assert finding["burst_period_s"] == pytest.approx(0.3, abs=plan.dwell_s)
    assert finding["duty_cycle"] == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize("ppm", [-30.0, 0.0, 30.0])
def test_a_visit_with_a_frequency_error_is_followed_where_it_is(ppm: float) -> None:
    """30 ppm are 5 bins here; the emitter's own bins are those of the baseline."""
    layout = noise_layout(2)
    moved = round(ppm * 1e-6 * layout.freq_hz[500] / layout.bin_width_hz)
    assert abs(moved) == (5 if ppm else 0)
    power = np.full(layout.n_bins, NOISE)
    power[500 + moved : 504 + moved] *= 50
    emitter = Emitter(
        start=500, stop=504, center_freq_hz=float(layout.freq_hz[502]), occupied_bw_hz=4 * layout.bin_width_hz,
        mean_power=1.0, background_power=4 * NOISE / 1.5, floor_power=4 * NOISE / 1.5, peak_power=None,
        kurtosis_db=None, channels=("continuous",), p_value=None, confirmed=True,
    )  # fmt: skip
    (track,) = follow(layout, make_rows(layout, 6, seed=1, power=power), [emitter], ppm=ppm)
    assert (track.hits, track.duty_cycle) == (6, 1.0)
    assert track.strongest_power == pytest.approx(4 * 49 * NOISE / 1.5, rel=0.3)
    if ppm:
        (missed,) = follow(layout, make_rows(layout, 6, seed=1, power=power), [emitter])
        assert missed.strongest_power is None or missed.strongest_power < 0.1 * track.strongest_power


def test_what_is_under_its_background_still_has_a_track() -> None:
    layout = noise_layout(2)
    emitter = Emitter(
        start=500, stop=504, center_freq_hz=float(layout.freq_hz[502]), occupied_bw_hz=4 * layout.bin_width_hz,
        mean_power=1.0, background_power=1.0, floor_power=1.0, peak_power=None, kurtosis_db=None,
        channels=("burst",), p_value=None, confirmed=True,
    )  # fmt: skip
    for keyed in (300, 2000):
        rows = [replace(row, burst_8x4=np.full_like(row.burst_8x4, keyed)) for row in make_rows(layout, 6, seed=1)]
        (track,) = follow(layout, rows, [emitter])
        assert track.hits >= 1
        assert track.duty_cycle is not None
        assert 0 < track.duty_cycle <= 1
        assert track.strongest_power is None
