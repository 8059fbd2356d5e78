"""Real recordings by others, through the command line: what is heard, what is not, what differs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from sweep.cli.main import run

Quietroom = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("shared_data")
_BURST_TOLERANCE_HZ = 20_000


@pytest.fixture
def quietroom(tmp_path: Path) -> Quietroom:
    """Run a command in a workspace of its own and give its JSON."""
    workspace = tmp_path / "workspace"
    run(["--workspace", str(workspace), "init"])

    def call(*command: object) -> dict[str, Any]:
        result = tmp_path / "result.json"
        run(["--workspace", str(workspace), *(str(word) for word in command), "--json", str(result)])
        document = json.loads(result.read_text())
        return document[-1] if isinstance(document, list) else document

    return call


def read_cu8(path: Path) -> NDArray[np.complex128]:
    raw = np.fromfile(path, np.uint8).astype(float) - 127.5
    return raw[: raw.size // 2 * 2 : 2] + 1j * raw[1 : raw.size // 2 * 2 : 2]


def burst_offsets_hz(samples: NDArray[np.complex128], rate_hz: int) -> tuple[float, float]:
    """Where a burst's energy is, by means of its own: peak and centroid of the spectrum of its loudest tenth."""
    _, _, spectrum = scipy.signal.stft(
        samples - samples.mean(), rate_hz, nperseg=128, return_onesided=False, boundary=None
    )
    power = np.fft.fftshift(np.abs(spectrum) ** 2, axes=0)
    freq_hz = np.fft.fftshift(np.fft.fftfreq(128, 1 / rate_hz))
    loudness = power.sum(axis=0)
    loud = power[:, loudness >= np.quantile(loudness, 0.9)].mean(axis=1)
    loud[np.abs(freq_hz) < 100] = 0  # what is left of the receiver's DC
    strong = np.where(loud > loud.max() / 10, loud, 0)
    return float(freq_hz[loud.argmax()]), float((strong * freq_hz).sum() / strong.sum())


def test_short_range_devices_are_found_where_their_energy_is(shared_data: Path, quietroom: Quietroom) -> None:
    captures = sorted((shared_data / "iq_srd_rtlsdr").glob("*.cu8"))
    assert len(captures) >= 40
    missed = []
    for capture in captures:
        center_hz = float(capture.stem.split("_")[-2].removesuffix("M")) * 1e6
        expected = [center_hz + offset for offset in burst_offsets_hz(read_cu8(capture), 250_000)]
        findings = quietroom("replay", "srd", capture)["findings"]
        found = [
            finding
            for finding in findings
            if min(abs(finding["center_freq_hz"] - freq) for freq in expected) <= _BURST_TOLERANCE_HZ
            and finding["duty_cycle"] < 0.9
        ]
        if not found:
            missed.append((capture.name, expected, [(f["center_freq_hz"], f["duty_cycle"]) for f in findings]))
    assert len(missed) <= 0.05 * len(captures), missed


def on_times_s(path: Path, rate_hz: int, dwell_s: float) -> list[float]:
    """Lengths of what is on, by a threshold half way in dB between the quietest and the loudest dwells."""
    n = round(dwell_s * rate_hz)
    samples = read_cu8(path)
    level = 10 * np.log10(np.mean(np.abs(samples[: samples.size // n * n].reshape(-1, n)) ** 2, axis=1))
    on = np.concatenate([[False], level > (np.quantile(level, 0.02) + np.quantile(level, 0.98)) / 2, [False]])
    edges = np.flatnonzero(np.diff(on.astype(int))).reshape(-1, 2)
    return [float((stop - start) * dwell_s) for start, stop in edges if start > 0 and stop < level.size]


@pytest.mark.parametrize(
    "name", ["acurite__02__gfile002", "brennstuhl_rcs_2044__01__gfile053", "dsc__01__gfile006", "waveman__01__gfile004"]
)
def test_packets_of_a_recording_have_the_length_that_they_have(
    shared_data: Path, quietroom: Quietroom, name: str
) -> None:
    (capture,) = (shared_data / "iq_srd_rtlsdr").glob(f"{name}*.cu8")
    findings = quietroom("replay", "srd", capture)["findings"]
    strongest = max(findings, key=lambda finding: finding["power_dbfs"])
    lengths = on_times_s(capture, 250_000, strongest["burst_resolution_s"] or 0.013)
    if strongest["burst_length_s"] is None:
        assert not lengths  # cut off at both ends, or always on
    else:
        assert strongest["burst_resolution_s"] == pytest.approx(0.013)
        assert strongest["burst_length_s"] == pytest.approx(np.median(lengths), abs=2 * 0.013)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("iq_cellular/f826_s1.92_bw1.2_0.08s_rtlsdr.cu8", ()),
        ("controls/lte_test_noise_1920k.cu8", ("--center", "100M")),
    ],
)
def test_nothing_is_reported_where_nothing_is(
    shared_data: Path, quietroom: Quietroom, name: str, options: tuple[str, ...]
) -> None:
    document = quietroom("replay", "control", shared_data / name, *options)
    assert document["findings"] == []
    assert document["verdict"] == "inconclusive"
    assert "nothing but noise was received: nothing shows that the antenna was connected" in document["reasons"]


def test_a_voice_channel_is_one_emitter(shared_data: Path, quietroom: Quietroom) -> None:
    capture = shared_data / "iq_rtlsdr_other/nfm_voice_2m_144.470M_280k.cu8"
    findings = quietroom("replay", "voice", capture)["findings"]
    assert len(findings) == 1
    assert findings[0]["center_freq_hz"] == pytest.approx(144_500_000, abs=3000)
    assert 8_000 <= findings[0]["occupied_bw_hz"] <= 20_000
    assert findings[0]["duty_cycle"] == pytest.approx(0.58, abs=0.1)  # the key is pressed that long


@pytest.mark.parametrize(
    ("name", "width_hz"),
    [
        ("f1815.3_s19.2_bw20_0.08s_hackrf-1.cs8", 15e6),
        ("f2585_s19.2_bw20_0.08s_hackrf_home.cs8", 15e6),
        ("f796_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1e6),
        ("f806_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1e6),
        ("f816_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1e6),
        ("f821_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1e6),
    ],
)
def test_a_cellular_carrier_is_one_wide_emitter(
    shared_data: Path, quietroom: Quietroom, name: str, width_hz: float
) -> None:
    findings = quietroom("replay", "cellular", shared_data / "iq_cellular" / name)["findings"]
    assert len(findings) <= 3
    assert max(finding["occupied_bw_hz"] for finding in findings) >= width_hz


def voice_modulated(n_samples: int, rate_hz: int, offset_hz: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    band = scipy.signal.butter(2, [300, 3000], "bandpass", fs=rate_hz, output="sos")
    speech = scipy.signal.sosfilt(band, rng.standard_normal(n_samples))
    phase = 2 * np.pi * np.cumsum(1500 * speech / speech.std()) / rate_hz
    return np.exp(1j * (phase + 2 * np.pi * offset_hz / rate_hz * np.arange(n_samples)))


@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [
        ("iq_cellular/f826_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1_920_000),
        ("iq_cellular/f796_s1.92_bw1.2_0.08s_rtlsdr.cu8", 1_920_000),
        ("iq_cellular/f2604.9_s1.92_g0_0.8s_rtlsdr.cu8", 1_920_000),
        ("iq_cellular/f1860_s1.92_g0_1s_rtlsdr.cu8", 1_920_000),
        ("controls/lte_test_noise_1920k.cu8", 1_920_000),
    ],
)
def test_a_bug_mixed_into_real_ambient_is_found_and_nothing_else(
    shared_data: Path, quietroom: Quietroom, tmp_path: Path, name: str, rate_hz: int
) -> None:
    samples = read_cu8(shared_data / name) / 128
    half = samples.size // 2
    offset_hz, center_hz = 0.17 * rate_hz, 800_000_000
    rng = np.random.default_rng(7)
    freq_hz, psd = scipy.signal.welch(samples[half:], rate_hz, nperseg=4096, return_onesided=False, detrend=False)
    ambient = psd[np.abs(freq_hz - offset_hz) < 5500].sum() * rate_hz / 4096
    bug = np.sqrt(10 * ambient) * voice_modulated(samples.size - half, rate_hz, offset_hz, rng)

    def write(stem: str, values: NDArray[np.complex128]) -> Path:
        path = tmp_path / f"{stem}_{center_hz // 10**6}M_{rate_hz // 1000}k.cf32"
        values.astype(np.complex64).tofile(path)
        return path

    quietroom("baseline", "learn", "room", write("ambient", samples[:half]))
    assert quietroom("replay", "room", write("clean", samples[half:]))["findings"] == []
    findings = quietroom("replay", "room", write("planted", samples[half:] + bug))["findings"]
    assert [abs(finding["center_freq_hz"] - center_hz - offset_hz) < 5000 for finding in findings] == [True]


def test_scans_of_one_place_list_differences_and_not_everything(shared_data: Path, quietroom: Quietroom) -> None:
    folder = shared_data / "sweeps_rtl_power"
    quietroom("baseline", "learn", "place", *sorted(folder.glob("j2ghz_test[012]_*.csv.gz")))
    later = quietroom("replay", "place", folder / "j2ghz_2_20200330.csv")
    assert later["baseline"] is not None
    covered_hz = sum(finding["occupied_bw_hz"] or 0 for finding in later["findings"])
    assert 1 <= len(later["findings"]) <= 40
    assert covered_hz < 0.3 * 976e6
    own = quietroom("replay", "place", next(folder.glob("j2ghz_test2_*.csv.gz")))
    assert len(own["findings"]) <= 2  # it was learnt from
    finer = quietroom("replay", "place", folder / "j2ghz_1_20200327.csv")
    assert finer["baseline"] is not None
    assert any("averaged" in reason for reason in finer["reasons"])


def test_a_new_carrier_in_a_real_scan_is_found(shared_data: Path, quietroom: Quietroom, tmp_path: Path) -> None:
    folder = shared_data / "sweeps_rtl_power"
    scans = sorted(folder.glob("j2ghz_test[012]_*.csv.gz"))
    quietroom("baseline", "learn", "place", *scans[:2])
    before = quietroom("replay", "place", scans[2])["findings"]
    lines = gzip.decompress(scans[2].read_bytes()).decode().splitlines()
    raised = []
    for line in lines:
        cells = line.split(", ")
        if cells[2] == "333000000":
            cells[6:] = [f"{float(cell) + 12:.2f}" for cell in cells[6:]]
        raised.append(", ".join(cells))
    planted = tmp_path / "planted.csv"
    planted.write_text("\n".join(raised) + "\n")
    after = quietroom("replay", "place", planted)["findings"]
    new = [f for f in after if abs(f["center_freq_hz"] - 333_500_000) < 1_000_000]
    assert new
    assert len(after) <= len(before) + 1
