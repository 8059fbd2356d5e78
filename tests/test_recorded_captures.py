"""Every good recording in ../shared/data opens with the rate and centre that its maker states."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from dsp.errors import CaptureError, ParameterError
from sweep.model import HopSamples
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.recorded.csv_spectra import CsvSource
from sweep.units import parse_utc

DATA = Path(__file__).resolve().parents[1].parent / "shared/data"
MANIFEST = DATA / "MANIFEST_public.tsv"
IQ_FOLDERS = {
    "iq_srd_rtlsdr",
    "iq_rtlsdr_other",
    "iq_cellular",
    "iq_long",
    "controls",
    "iq_hackrf_usrp",
    "iq_urh",
    "iq_wav",
}
SAYS_ITSELF = {"iq_srd_rtlsdr", "iq_cellular", "iq_long"}
REFUSED = {
    "iq_hackrf_usrp/fissure_j2497_7777777.cs8": "no bin width of whole hertz",
    "iq_urh/esaver.coco": "is bzip2-compressed",
    "iq_urh/fsk_live.coco": "is bzip2-compressed",
    "iq_wav/NBFM_433.920_2022-10-11_08-04-58.wav": "is mono audio, not IQ",
    "sigmf/iqengine_0x0.sigmf-data": "not valid SigMF",
    "sigmf/iqengine_0x1.sigmf-data": "not valid SigMF",
    "sigmf/sigmf_logo.sigmf-data": "'ri16_le' is real samples",
    "sigmf/ntia_meta.sigmf-meta": "'rf16' is real samples",
    "sigmf/ntia_meta.v20.sigmf-meta": "'rf16' is real samples",
    "sweeps_other/wwb_572-636.csv": "a pair of frequency and level",
    "sweeps_other/wwb_572-636.sdb2": "does not tell what it is",
    "sweeps_other/rtlsdr_scanner_BBCR2.rfs": "does not tell what it is",
}


def _manifest() -> list[dict[str, str]]:
    if not MANIFEST.is_file():
        return []
    with MANIFEST.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def _good_iq() -> list[Any]:
    entries = [
        entry
        for entry in _manifest()
        if entry["path"].split("/")[0] in IQ_FOLDERS
        and entry["path"] not in REFUSED
        and not entry["path"].endswith(".TXT")
    ]
    return [pytest.param(entry, id=entry["path"]) for entry in entries] or [
        pytest.param(None, marks=pytest.mark.skip(reason="../shared/data is absent"))
    ]


def _known(entry: dict[str, str]) -> SourceOptions:
    """Facts of the manifest, where the recording itself is silent."""
    if entry["path"].split("/")[0] in SAYS_ITSELF:
        return SourceOptions()
    return SourceOptions(
        sample_rate_hz=int(entry["sample_rate_hz"]) or 192_000, center_freq_hz=int(entry["center_hz"] or 0)
    )


@pytest.mark.parametrize("entry", _good_iq())
def test_good_recordings_open_with_their_rate_and_centre(entry: dict[str, str]) -> None:
    path = DATA / entry["path"]
    (source,) = open_captures([path], _known(entry))
    assert hasattr(source, "blocks")
    n_samples = 0
    for hop in source.blocks(None):
        assert isinstance(hop, HopSamples)
        assert hop.sample_rate_hz == (int(entry["sample_rate_hz"]) or 192_000)
        assert hop.center_freq_hz == int(entry["center_hz"] or 0)
        assert hop.raw.size == 2 * source.plan.hop_samples
        n_samples += hop.raw.size // 2
        sample_bytes = 2 * hop.raw.itemsize
    header = 44 if path.suffix == ".wav" else 0
    held = (path.stat().st_size - header) // sample_bytes
    assert held - 2 <= n_samples < held + source.plan.hop_samples


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_cannot_be_read_says_why(shared_data: Path, name: str, reason: str) -> None:
    options = SourceOptions(sample_rate_hz=7_777_777, center_freq_hz=0) if "j2497" in name else SourceOptions()
    with pytest.raises((CaptureError, ParameterError), match=reason) as caught:
        open_captures([shared_data / name], options)
    assert Path(name).stem in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "n_rows", "n_bins", "first_hz", "last_hz", "start"),
    [
        ("sweeps_rtl_power/j2ghz_1_20200327.csv", 90, 120, 90_000_000, 109_833_328, "2020-03-27T18:45:24Z"),
        ("sweeps_rtl_power/j2ghz_2_20200330.csv", 14, 976, 24_500_000, 999_500_000, "2020-03-30T23:46:32Z"),
        ("sweeps_rtl_power/j2ghz_test0_20200531_2140.csv.gz", 1, 1000, 24.5e6, 1023.5e6, "2020-05-31T21:40:24Z"),
        ("sweeps_rtl_power/j2ghz_test1_20200531_2100.csv.gz", 6, 1752, 24.5e6, 1775.5e6, "2020-05-31T21:00:15Z"),
        ("sweeps_rtl_power/jj1bdx_cocolo3.csv", 299, 128, 76_450_000, 76_549_219, "2018-11-18T12:40:07Z"),
        ("sweeps_rtl_power/johnpenny_small.csv", 30, 128, 890_000_000, 899_921_875, "2022-08-11T11:38:20Z"),
        ("sweeps_rtl_power/johnpenny_small3.csv", 13, 1152, 1_050_000_000, 1_149_913_000, "2022-08-21T21:13:20Z"),
        (
            "sweeps_rtl_power/austinmesh_MRBh-2_slot18_20241128101401.csv",
            338,
            2,
            906.25e6,
            906.375e6,
            "2024-11-28T10:14:11Z",
        ),
        (
            "sweeps_other/hackrf_sweep_danielken_sweep.csv",
            1,
            2040,
            2_300_049_020,
            2_499_950_980,
            "2019-07-08T13:22:53.532179Z",
        ),
    ],
)
def test_good_sweeps(
    *, shared_data: Path, name: str, n_rows: int, n_bins: int, first_hz: float, last_hz: float, start: str
) -> None:
    (source,) = open_captures([shared_data / name], SourceOptions())
    assert isinstance(source, CsvSource)
    assert source.layout.n_bins == n_bins
    assert abs(source.layout.freq_hz[0] - first_hz) < 2
    assert abs(source.layout.freq_hz[-1] - last_hz) < 200  # steps are written to 0.01 Hz
    assert (source.layout.freq_hz[1:] > source.layout.freq_hz[:-1]).all()
    assert source.utc_ns == parse_utc(start)
    assert source.n_passes == n_rows


def test_scans_of_one_evening_are_one_visit_and_those_of_another_day_another(shared_data: Path) -> None:
    folder = shared_data / "sweeps_rtl_power"
    names = ["j2ghz_test2_20200531_2147.csv.gz", "j2ghz_test0_20200531_2140.csv.gz"]
    (source,) = open_captures([folder / name for name in names], SourceOptions())
    assert isinstance(source, CsvSource)
    assert source.n_passes == 20
    names = ["austinmesh_MRBh_slot17_20241126173450.csv", "austinmesh_MRBh_slot17_20241126234251.csv"]
    assert len(open_captures([folder / name for name in names], SourceOptions())) == 2
