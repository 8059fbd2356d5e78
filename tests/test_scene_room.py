"""What the simulated room puts on the air, measured with scipy as an independent instrument."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from sweep.scene.emitters import EMITTERS
from sweep.scene.response import Response
from sweep.scene.room import Room
from sweep.scene.schema import KINDS, Scene

RATE = 2_400_000
TUNED = 400_300_000
START = 1_772_442_000_000_000_000
QUIET = {"noise_dbfs_per_hz": -125.0, "dc_offset_dbfs": -120.0, "dc_skirt_dbfs": -120.0, "image_rejection_db": 120.0}
STILL = {"gain_spread_db": 0.0, "slope_spread_db": 0.0, "ppm_spread": 0.0, "antenna_sd_db": 0.0}


def make_scene(*emitters: dict[str, Any], **tables: Any) -> Scene:
    named = [{"name": f"e{k}", "center_freq_hz": TUNED, **emitter} for k, emitter in enumerate(emitters)]
    document = {
        "schema": "quietroom.scene/1",
        "title": "test",
        "start": "2026-03-02T09:00:00Z",
        "ranges": ["24M:1766M"],
        "receiver": QUIET,
        "visits": STILL,
        "emitters": named,
        **tables,
    }
    return msgspec.convert(document, Scene)


def make_room(*emitters: dict[str, Any], gain_db: float | None = None, rate: int = RATE, **tables: Any) -> Room:
    return Room(make_scene(*emitters, **tables), seed=11, gain_db=gain_db, sample_rate_hz=rate)


def signals(room: Room, seconds: float, tuned: float = TUNED, rate: int = RATE) -> NDArray[np.complex64]:
    return room.signals(tuned, START, round(seconds * rate), pass_index=0)


def capture(room: Room, seconds: float, tuned: float = TUNED, hop: int = 0) -> NDArray[np.complex64]:
    raw = room.capture(tuned, START, round(seconds * RATE), pass_index=0, hop_index=hop)
    return ((raw.astype(np.float32) - 127.5) / 128).view(np.complex64)


def instantaneous_hz(iq: NDArray[np.complex64]) -> NDArray[np.float64]:
    turn = np.angle(iq[1:] * np.conj(iq[:-1])).astype(np.float64)
    return turn * RATE / (2 * np.pi)


def spectrum(
    iq: NDArray[np.complex64], rbw_hz: float, rate: int = RATE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Density per Hz over ascending baseband frequency."""
    n = round(rate / rbw_hz)
    freqs, density = welch(iq, rate, nperseg=n, return_onesided=False, detrend=False, scaling="density")
    order = np.argsort(freqs)
    return freqs[order], density[order]


def power_db(iq: NDArray[np.complex64], centre: float, width: float, rbw_hz: float, rate: int = RATE) -> float:
    freqs, density = spectrum(iq, rbw_hz, rate)
    inside = np.abs(freqs - centre) <= width / 2
    return float(10 * np.log10(density[inside].sum() * (freqs[1] - freqs[0])))


def occupied_hz(iq: NDArray[np.complex64], rbw_hz: float, rate: int = RATE) -> float:
    """Occupied bandwidth, 99 % (ITU-R SM.443)."""
    freqs, density = spectrum(iq, rbw_hz, rate)
    total = np.cumsum(density) / density.sum()
    low, high = np.interp([0.005, 0.995], total, freqs)
    return float(high - low)


def main_lobe_99(chip_rate: float) -> float:
    freqs = np.linspace(-chip_rate, chip_rate, 200_001)
    total = np.cumsum(np.sinc(freqs / chip_rate) ** 2)
    low, high = np.interp([0.005, 0.995], total / total[-1], freqs)
    return float(high - low)


# kind, extra keys, sample rate, seconds, resolution in Hz, least and largest 99 % bandwidth in Hz and where those
# bounds come from
CONTINUOUS = [
    ("wfm", {}, RATE, 1.0, 1000, 100e3, 264e3),  # Carson: 2 (75 + 57) kHz
    ("wfm", {"programme": "speech", "deviation_hz": 60e3}, 1_000_000, 4.0, 1000, 60e3, 126e3),  # Carson: 2 (60 + 3) kHz
    ("nfm", {"deviation_hz": 2500.0}, 250_000, 4.0, 100, 4e3, 11e3),  # Carson: 2 (2.5 + 3) kHz
    ("nfm", {"deviation_hz": 5000.0, "ctcss_hz": 88.5}, 1_024_000, 2.0, 100, 6e3, 16e3),  # Carson: 2 (5 + 3) kHz
    ("carrier", {}, 250_000, 1.0, 20, 20, 200),
    ("tetra", {}, 300_000, 0.5, 100, 19e3, 24.3e3),  # (1 + 0.35) 18 kHz at most
    ("dmr", {"slots_used": 2}, 250_000, 0.5, 50, 6e3, 9e3),  # emission designator 7K60FXE
    (
        "gsm",
        {},
        2_048_000,
        0.2,
        1000,
        0.88 * 270.833e3,
        0.96 * 270.833e3,
    ),  # Murota & Hirade 1981, BT 0.3: 0.92 of the bit rate
    ("ofdm", {"standard": "lte", "bandwidth_hz": 1.4e6}, RATE, 0.1, 2000, 1.23e6, 1.27e6),  # 90 % of the channel
    ("ofdm", {"standard": "dvbt", "bandwidth_hz": 1.7e6}, 3_200_000, 0.1, 2000, 1.57e6, 1.63e6),
    ("dsss", {}, RATE, 0.2, 2000, 0.97 * main_lobe_99(1e6), 1.03 * main_lobe_99(1e6)),
]


@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: f"{case[0]}-{case[2]}")
def test_power_and_bandwidth_of_continuous_kinds(
    case: tuple[str, dict[str, Any], int, float, float, float, float],
) -> None:
    kind, keys, rate, seconds, rbw, least, largest = case
    iq = signals(make_room({"kind": kind, "power_dbfs": -23.0, **keys}, rate=rate), seconds, rate=rate)
    assert power_db(iq, 0, rate, rbw, rate) == pytest.approx(-23, abs=0.3)
    assert least <= occupied_hz(iq, rbw, rate) <= largest


def on_samples(iq: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Samples within bursts: those with signal less than 1 ms away."""
    block = RATE // 1000
    blocks = iq[: iq.size // block * block].reshape(-1, block)
    return blocks[(np.abs(blocks) > 0).mean(axis=1) > 0.3].ravel()


BURSTS = [
    ("tetra", {"slots_used": 1}, 0.4, 13.5e-3 / 56.667e-3),
    ("dmr", {"slots_used": 1}, 0.6, 27.5 / 60),
    ("gsm", {"slots_used": 3}, 0.2, (2 * 0.5769 + 0.5465) / 4.615),
    ("ofdm", {"standard": "dab", "bandwidth_hz": 1.536e6}, 0.3, 1 - 1.297 / 96),
    ("ook", {"period_s": 0.05, "burst_s": 0.02}, 0.5, 0.4),
    ("srd", {"period_s": 0.25, "packet_s": 0.05, "repeats": 2, "gap_s": 0.01}, 0.5, 0.4),
    ("srd", {"modulation": "fsk", "period_s": 0.25, "packet_s": 0.05, "repeats": 2, "gap_s": 0.01}, 0.5, 0.4),
    ("hopper", {"channels": 40, "hop_s": 0.004}, 0.4, 1.0),
    ("nfm", {"duty": 0.5, "mean_on_s": 0.002}, 0.8, 0.5),
]


@pytest.mark.parametrize(("kind", "keys", "seconds", "duty"), BURSTS)
def test_power_while_on_and_duty_of_bursts(kind: str, keys: dict[str, Any], seconds: float, duty: float) -> None:
    iq = signals(make_room({"kind": kind, "power_dbfs": -23.0, **keys}), seconds)
    mean_db = power_db(iq, 0, 2.4e6, 2000)
    assert mean_db == pytest.approx(-23 + 10 * np.log10(duty), abs=0.5)
    if kind not in ("gsm", "nfm"):  # their bursts are shorter than the blocks of the measurement
        assert power_db(on_samples(iq), 0, 2.4e6, 2000) == pytest.approx(-23, abs=0.5)


def test_every_kind_is_measured() -> None:
    assert set(KINDS) == set(EMITTERS) == {case[0] for case in CONTINUOUS} | {case[0] for case in BURSTS}


def test_fsk_packet_fits_carson() -> None:
    keys = {"modulation": "fsk", "period_s": 0.05, "packet_s": 0.04, "repeats": 1, "bit_rate_hz": 17_240.0}
    iq = signals(make_room({"kind": "srd", "power_dbfs": -20.0, "deviation_hz": 30e3, **keys}), 0.2)
    assert 60e3 <= occupied_hz(iq, 500) <= 1.2 * 2 * (30e3 + 17_240 / 2)


def test_manchester_ook_has_a_carrier_and_nulls() -> None:
    keys = {"period_s": 0.1, "burst_s": 0.1, "bit_rate_hz": 10e3}
    freqs, density = spectrum(signals(make_room({"kind": "ook", "power_dbfs": -20.0, **keys}), 0.5), 200)
    assert density[np.abs(freqs) < 300].sum() / density.sum() == pytest.approx(
        0.25 / 0.475, abs=0.01
    )  # slopes of 10 us
    lobe = density[np.abs(np.abs(freqs) - 8e3) < 2e3].mean()
    null = density[np.abs(np.abs(freqs) - 20e3) < 400].mean()
    assert null < 0.05 * lobe


def test_hopper_stays_in_its_channels_and_uses_them() -> None:
    room = make_room({"kind": "hopper", "power_dbfs": -20.0, "channels": 20, "hop_s": 0.004})
    iq = signals(room, 0.6)
    used = set()
    first = -START % 4_000_000 * RATE // 10**9
    for dwell in np.split(iq[first:], np.arange(9600, iq.size - first, 9600))[:-1]:
        freqs, density = spectrum(dwell, 1000)
        centre = float((freqs * density).sum() / density.sum())
        channel = centre / 50e3 + 9.5
        assert abs(channel - round(channel)) < 0.1  # 38 bits are not balanced
        assert density[np.abs(freqs - centre) < 12.5e3].sum() > 0.99 * density.sum()
        used.add(round(channel))
    assert len(used) > 15
    assert used <= set(range(20))


def test_stereo_multiplex_has_pilot_and_rds() -> None:
    iq = signals(make_room({"kind": "wfm", "power_dbfs": -20.0}), 1.0)
    freq_hz = instantaneous_hz(iq)
    freqs, density = welch(freq_hz, RATE, nperseg=RATE // 50)
    pilot = np.sqrt(density[np.abs(freqs - 19e3) < 150].sum() * 50 * 2)
    assert pilot == pytest.approx(0.09 * 75e3, rel=0.05)
    around = density[(np.abs(freqs - 54e3) < 300) | (np.abs(freqs - 60e3) < 300)].mean()
    assert density[np.abs(freqs - 57e3) < 2000].mean() > 30 * around
    assert 50e3 < np.abs(freq_hz).max() < 80e3
    assert 12e3 < freq_hz.std() < 30e3  # multiplex power of a compressed programme (ITU-R BS.412: 0 dBr is 13.4 kHz)


def test_speech_pauses_but_repeats_only_after_four_seconds() -> None:
    iq = signals(make_room({"kind": "nfm", "power_dbfs": -20.0}), 4.5)
    freq_hz = instantaneous_hz(iq)
    loud = np.abs(freq_hz[: 4 * RATE]).reshape(40, -1).max(axis=1)
    assert loud.min() < 0.3 * loud.max()
    assert loud.max() == pytest.approx(2500, rel=0.02)
    assert np.allclose(freq_hz[1000 : RATE // 4], freq_hz[4 * RATE + 1000 : 4 * RATE + RATE // 4], atol=100)
    assert abs(np.corrcoef(freq_hz[:RATE], freq_hz[RATE : 2 * RATE])[0, 1]) < 0.2


def test_windows_of_one_time_line_join_without_a_seam() -> None:
    room = make_room(
        {"kind": "nfm", "power_dbfs": -20.0, "center_freq_hz": TUNED + 300_037},
        {"kind": "tetra", "power_dbfs": -20.0, "slots_used": 2, "center_freq_hz": TUNED - 300_041},
        {"kind": "wfm", "power_dbfs": -20.0, "center_freq_hz": TUNED + 20_013},
    )
    n = 24_000  # 10 ms, a whole number of ns
    whole = signals(room, 0.05)
    parts = [room.signals(TUNED, START + k * 10_000_000, n, pass_index=0) for k in range(5)]
    assert np.abs(whole - np.concatenate(parts)).max() < 2e-3


@pytest.mark.parametrize("offset", [-1_000_000, 950_000, 1_300_000])
def test_wideband_signal_at_the_edge_is_filtered_not_folded(offset: int) -> None:
    bug = {"kind": "dsss", "power_dbfs": -20.0}
    inside = signals(make_room(bug), 0.05)
    moved = signals(make_room({**bug, "center_freq_hz": TUNED + offset}), 0.05)
    freqs, density = spectrum(moved, 20e3)
    _, wanted = spectrum(inside, 20e3)
    usable = np.abs(freqs) < 0.4 * RATE
    here = np.interp(freqs[usable] - offset, freqs, wanted, left=0, right=0)
    strong = here > 0.05 * wanted.max()
    assert np.allclose(10 * np.log10(density[usable][strong] / here[strong]), 0, atol=2.0)
    assert abs(10 * np.log10(density[usable][strong].mean() / here[strong].mean())) < 0.4
    assert density[usable][here < 1e-9 * wanted.max()].max(initial=0) < 3e-3 * wanted.max()


def test_ofdm_block_edges_and_density_across_hops() -> None:
    block = {"kind": "ofdm", "standard": "lte", "bandwidth_hz": 10e6, "power_dbfs": -20.0}
    room = make_room(block)
    edge_freqs, edge = spectrum(signals(room, 0.03, tuned=TUNED + 4_500_000), 10e3)
    _, middle = spectrum(signals(room, 0.03, tuned=TUNED + 1_000_000), 10e3)
    usable = np.abs(edge_freqs) < 0.4 * RATE
    expected = 10 * np.log10(0.01 / 9e6)
    assert 10 * np.log10(middle[usable].mean()) == pytest.approx(expected, abs=0.3)
    below = usable & (edge_freqs < -50e3)
    above = usable & (edge_freqs > 150e3)
    assert 10 * np.log10(edge[below].mean()) == pytest.approx(expected, abs=0.3)
    assert 10 * np.log10(edge[above].mean() / edge[below].mean()) == pytest.approx(-46, abs=3)


def test_lte_load_changes_the_power_of_resource_blocks() -> None:
    block = {"kind": "ofdm", "standard": "lte", "bandwidth_hz": 1.4e6, "power_dbfs": -20.0}
    full = signals(make_room({**block, "load": 1.0}), 0.1)
    idle = signals(make_room({**block, "load": 0.0}), 0.1)
    # 1 symbol of 14 is full, in 3 more every third carrier is a reference signal
    assert (np.abs(idle) ** 2).mean() / (np.abs(full) ** 2).mean() == pytest.approx((1 + 3 / 3) / 14, rel=0.05)


def test_echo_makes_a_ripple_of_its_own_depth() -> None:
    block = {"kind": "ofdm", "standard": "dvbt", "bandwidth_hz": 8e6, "power_dbfs": -20.0}
    room = make_room({**block, "echo_db": 6.0, "echo_s": 1e-6})
    freqs, density = spectrum(signals(room, 0.2), 20e3)
    usable = density[np.abs(freqs) < 0.4 * RATE]
    depth = 10 * np.log10(np.quantile(usable, 0.98) / np.quantile(usable, 0.02))
    assert depth == pytest.approx(20 * np.log10(1.5 / 0.5), abs=1.0)


def peak_hz(iq: NDArray[np.complex64]) -> float:
    """Frequency of a lone carrier, from its phase."""
    rough = np.argmax(np.abs(np.fft.fft(iq)))
    freq = float(np.fft.fftfreq(iq.size, 1 / RATE)[rough])
    down = iq * np.exp(-2j * np.pi * freq * np.arange(iq.size) / RATE)
    low = down[: iq.size // 100 * 100].reshape(100, -1).mean(axis=1)
    slope = np.polyfit(np.arange(100), np.unwrap(np.angle(low)), 1)[0]
    return freq + float(slope) * RATE / (iq.size // 100) / (2 * np.pi)


@pytest.mark.parametrize(("ppm", "correction"), [(0.0, 0), (25.0, 0), (-40.0, 0), (30.0, 30), (30.0, 20)])
def test_position_follows_the_crystal(ppm: float, correction: int) -> None:
    scene = make_scene(
        {"kind": "carrier", "power_dbfs": -20.0, "center_freq_hz": TUNED + 200_000}, receiver={**QUIET, "ppm": ppm}
    )
    room = Room(scene, seed=1, ppm=correction)
    expected = (TUNED + 200_000) * (1 + correction * 1e-6) / (1 + ppm * 1e-6) - TUNED
    assert peak_hz(signals(room, 0.1)) == pytest.approx(expected, abs=2)


def test_noise_is_flat_gaussian_and_at_its_stated_level() -> None:
    room = make_room(receiver={**QUIET, "noise_dbfs_per_hz": -100.0})
    iq = capture(room, 0.5)
    freqs, density = spectrum(iq, 10e3)
    usable = np.abs(freqs) < 0.4 * RATE
    quantisation = 2 / (12 * 128**2) / RATE
    stated = 10 * np.log10(1e-10 + quantisation)
    assert 10 * np.log10(density[usable].mean()) == pytest.approx(stated, abs=0.05)
    ripple = 10 * np.log10(np.convolve(density[usable], np.ones(16) / 16, "valid"))
    assert np.ptp(ripple) < 0.6
    assert 10 * np.log10(density[np.abs(np.abs(freqs) - 1.19e6) < 10e3].mean()) < stated - 0.5
    frames = iq[: iq.size // 960 * 960].reshape(-1, 960)
    power = np.abs(np.fft.fft(frames * np.hanning(960))) ** 2
    m = power.shape[0]
    kurtosis = (m + 1) / (m - 1) * (m * (power**2).sum(axis=0) / power.sum(axis=0) ** 2 - 1)
    assert kurtosis.mean() == pytest.approx(1, abs=0.01)
    assert kurtosis.std() == pytest.approx(2 / np.sqrt(m), rel=0.15)


def test_noise_of_different_hops_is_not_the_same() -> None:
    room = make_room(receiver={**QUIET, "noise_dbfs_per_hz": -100.0})
    flat = Response(RATE).over(np.fft.fftfreq(960, 1 / RATE)) ** 2
    rows = []
    for hop in range(60):
        frames = capture(room, 0.0128, hop=hop).reshape(-1, 960)
        rows.append(np.log((np.abs(np.fft.fft(frames)) ** 2).mean(axis=0) / flat)[100:380])
    correlation = np.corrcoef(rows)[np.triu_indices(60, 1)]
    assert abs(correlation.mean()) < 0.02
    assert np.abs(correlation).max() < 0.5


def test_dc_spike_moves_with_the_tuning_and_the_spur_does_not() -> None:
    receiver = {**QUIET, "dc_offset_dbfs": -40.0, "dc_skirt_dbfs": -55.0, "spur_28_8_dbfs": -50.0, "ppm": 20.0}
    room = make_room(receiver=receiver)
    spur = 14 * 28_800_000
    levels = []
    for tuned in (spur - 200_000, spur + 450_000):
        iq = capture(room, 0.1, tuned)
        assert 10 * np.log10(np.abs(iq.mean()) ** 2) == pytest.approx(-40, abs=0.5)
        levels.append(power_db(iq, spur - tuned, 1000, 100))
        assert power_db(iq, 5e3, 2000, 100) > power_db(iq, 100e3, 2000, 100) + 3  # the skirt
    assert levels[0] == pytest.approx(levels[1], abs=0.5)
    assert -57 < levels[0] < -43


def test_spurs_ignore_the_error_of_the_crystal_but_not_its_correction() -> None:
    scene = make_scene(receiver={**QUIET, "spur_28_8_dbfs": -30.0, "ppm": 40.0})
    for correction, shift in ((0, 0.0), (40, 40e-6 * 14 * 28.8e6)):
        raw = Room(scene, seed=1, ppm=correction).capture(402_900_000, START, RATE // 10, pass_index=0, hop_index=0)
        iq = ((raw.astype(np.float32) - 127.5) / 128).view(np.complex64)
        assert peak_hz(iq - iq.mean()) == pytest.approx(300e3 + shift, abs=5)


def test_spurs_of_14_4_mhz_lie_at_every_multiple() -> None:
    room = make_room(receiver={**QUIET, "spur_14_4_dbfs": -40.0})
    for multiple in (3, 10, 31):
        assert -47 < power_db(capture(room, 0.02, multiple * 14.4e6 + 300e3), -300e3, 4000, 1000) < -33


def test_image_appears_mirrored_and_as_weak_as_stated() -> None:
    room = make_room(
        {"kind": "carrier", "power_dbfs": -6.0, "center_freq_hz": TUNED + 300_000},
        receiver={**QUIET, "image_rejection_db": 35.0, "ip3_dbfs": 60.0},
    )
    iq = capture(room, 0.1)
    assert power_db(iq, 300e3, 4000, 1000) == pytest.approx(-6, abs=0.3)
    assert power_db(iq, -300e3, 4000, 1000) == pytest.approx(-41, abs=0.7)


def test_intermodulation_rises_three_times_as_fast_as_the_gain() -> None:
    tones = [
        {"kind": "carrier", "power_dbfs": -22.0, "center_freq_hz": TUNED + offset, "phase_noise_rad": 0.0}
        for offset in (200_000, 300_000)
    ]
    receiver = {**QUIET, "ip3_dbfs": 0.0, "gain_db": 20.0, "noise_dbfs_per_hz": -108.0}
    products = []
    for gain_db in (20.0, 24.0):
        iq = capture(make_room(*tones, gain_db=gain_db, receiver=receiver), 0.1)
        products.append(power_db(iq, 400e3, 1000, 200))
    assert products[0] == pytest.approx(3 * -22, abs=1.0)
    assert products[1] - products[0] == pytest.approx(12, abs=1.2)


def test_too_much_gain_clips() -> None:
    room = make_room({"kind": "nfm", "power_dbfs": -6.0}, gain_db=48.0, receiver={**QUIET, "gain_db": 28.0})
    raw = room.capture(TUNED, START, 31_200, pass_index=0, hop_index=0)
    assert np.mean((raw == 0) | (raw == 255)) > 0.1


def test_gain_raises_signals_and_noise_alike() -> None:
    emitter = {"kind": "tetra", "power_dbfs": -50.0, "center_freq_hz": TUNED + 400_000}
    receiver = {"noise_dbfs_per_hz": -95.0, "gain_db": 20.0}
    low = capture(make_room(emitter, receiver=receiver), 0.1)
    high = capture(make_room(emitter, receiver=receiver, gain_db=30.0), 0.1)
    for centre, width in ((400e3, 20e3), (-500e3, 200e3)):
        assert power_db(high, centre, width, 2000) - power_db(low, centre, width, 2000) == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("kind", ["nfm", "wfm", "carrier", "tetra", "dsss"])
def test_snr_is_over_the_noise_that_is_measured(kind: str) -> None:
    widths = {"nfm": 11e3, "wfm": 120e3, "carrier": 3e3, "tetra": 25e3, "dsss": 2e6}
    receiver = {
        "noise_dbfs_per_hz": -103.0,
        "man_made_noise_db": 6.0,
        "dc_offset_dbfs": -100.0,
        "dc_skirt_dbfs": -100.0,
    }
    visits = {**STILL, "gain_spread_db": 3.0, "antenna_sd_db": 1.5}
    tables = {"receiver": receiver, "visits": visits}
    room = make_room({"kind": kind, "snr_db": 12.0, "center_freq_hz": TUNED}, **tables)
    freqs, density = spectrum(capture(make_room(**tables), 0.3), 10e3)
    noise = density[np.abs(freqs) < 0.3 * RATE].mean() * widths[kind]
    signal = float((np.abs(signals(room, 0.3)) ** 2).mean())
    assert 10 * np.log10(signal / noise) == pytest.approx(12, abs=0.3)


def test_low_if_image_is_inverted_and_third_harmonic_is_not() -> None:
    tone = {"kind": "carrier", "power_dbfs": -10.0}
    receiver = {**QUIET, "low_if_image_rejection_db": 30.0, "third_harmonic_rejection_db": 25.0}
    image = make_room({**tone, "center_freq_hz": TUNED + 7_140_000 + 250_000}, receiver=receiver)
    assert power_db(signals(image, 0.02), -250e3, 4000, 1000) == pytest.approx(-40, abs=0.3)
    harmonic = make_room({**tone, "center_freq_hz": 98_400_000}, receiver=receiver)
    tuned = round((98_400_000 - 7_140_000) / 3)
    for step in (0, 100_000):  # a ghost slides three times as fast through the passband
        iq = signals(harmonic, 0.02, tuned=tuned + step)
        assert power_db(iq, -3 * step, 4000, 1000) == pytest.approx(-35, abs=0.3)


def test_fading_spreads_as_stated_between_passes_and_visits() -> None:
    scene = make_scene({"kind": "nfm", "power_dbfs": -40.0, "fading_sd_db": 2.0, "visit_sd_db": 3.0})
    rooms = [Room(scene, seed=5, visit=visit) for visit in range(200)]
    levels = np.array([[room.power_dbfs(room.stations[0], k) for k in range(30)] for room in rooms])
    assert levels.std(axis=1).mean() == pytest.approx(2, rel=0.05)
    assert levels.mean(axis=1).std() == pytest.approx(3, rel=0.15)
    assert levels.mean() == pytest.approx(-40, abs=0.7)


def test_rayleigh_fading_keeps_the_mean_power() -> None:
    room = make_room({"kind": "nfm", "power_dbfs": -40.0, "rayleigh": True})
    powers = 10 ** (np.array([room.power_dbfs(room.stations[0], k) for k in range(4000)]) / 10)
    assert powers.mean() == pytest.approx(1e-4, rel=0.06)
    assert powers.std() == pytest.approx(1e-4, rel=0.1)


def test_presence_is_drawn_for_each_visit() -> None:
    scene = make_scene({"kind": "nfm", "power_dbfs": -40.0, "presence": 0.3})
    present = [len(Room(scene, seed=5, visit=visit).stations) for visit in range(400)]
    assert np.mean(present) == pytest.approx(0.3, abs=0.07)


BAND_HZ = 20e6


def roaming(seed: int = 5, visit: int = 0, **more: Any) -> Room:
    carrier = {"kind": "carrier", "power_dbfs": -20.0, "roams_hz": BAND_HZ, **more}
    return Room(make_scene(carrier), seed=seed, visit=visit)


def places(room: Room, n_passes: int = 400) -> NDArray[np.float64]:
    return np.array([room.place_hz(room.stations[0], k) for k in range(n_passes)]) - TUNED


def test_what_roams_is_elsewhere_in_each_pass_and_stays_in_its_band() -> None:
    place = places(roaming())
    assert np.abs(place).max() <= BAND_HZ / 2
    assert len(set(place)) == place.size
    assert place.std() == pytest.approx(BAND_HZ / np.sqrt(12), rel=0.1)  # evenly, over all of the band
    assert place.mean() == pytest.approx(0, abs=BAND_HZ / 20)
    np.testing.assert_array_equal(places(roaming()), place)
    for other in (roaming(seed=6), roaming(visit=1)):
        assert not np.isin(places(other), place).any()
    assert not places(roaming(roams_hz=0.0)).any()


def test_members_of_a_group_roam_by_themselves() -> None:
    room = roaming(center_freq_hz=[TUNED, TUNED])
    one, other = ([room.place_hz(station, k) for k in range(20)] for station in room.stations)
    assert not set(one) & set(other)


@pytest.mark.parametrize("kind", ["carrier", "ofdm"])  # one is added as it is, the other through a filter
def test_what_roams_is_received_where_it_is_and_nowhere_else(kind: str) -> None:
    block = {"standard": "lte", "bandwidth_hz": 400e3} if kind == "ofdm" else {}
    room = roaming(kind=kind, **block)
    for number in range(3):
        at_hz = room.place_hz(room.stations[0], number)
        there = room.signals(at_hz - 300e3, START, 48_000, pass_index=number)
        assert power_db(there, 300e3, 600e3, 5e3) == pytest.approx(-20, abs=1)
        away_hz = at_hz + (4e6 if at_hz < TUNED else -4e6)
        assert not room.signals(away_hz, START, 4_800, pass_index=number).any()
