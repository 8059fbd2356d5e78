"""Raw IQ: facts from names, sidecars and options; cutting into passes; full scale of floats; bounded memory."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import CaptureError, ParameterError
from dsp.samples import SAMPLE_FORMATS
from sweep.model import HopSamples, IqSource
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.recorded.facts import facts_from_name
from sweep.units import parse_utc

TUNED = SourceOptions(sample_rate_hz=250_000, center_freq_hz=433_920_000)


def open_one(path: Path, options: SourceOptions = TUNED) -> IqSource:
    (source,) = open_captures([path], options)
    assert hasattr(source, "blocks")
    return source


def hops_of(source: IqSource, passes: int | None = None) -> list[HopSamples]:
    hops = list(source.blocks(passes))
    assert all(isinstance(hop, HopSamples) for hop in hops)
    return hops  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("stem", "center_hz", "rate_hz", "time"),
    [
        ("g001_433.92M_250k", 433_920_000, 250_000, None),
        ("x10__01__record-x10-b1-on-001_310.0M_250k", 310_000_000, 250_000, None),
        ("auriol__03__gfile006_LD3091_Auriol_01-2013_24.4C_53H_433.92M_250k", 433_920_000, 250_000, None),
        ("rtlwmbus_868.950M_1600k_samples2", 868_950_000, 1_600_000, None),
        ("f2604.9_s1.92_g0_0.8s_rtlsdr", 2_604_900_000, 1_920_000, None),
        ("f1815.3_s19.2_bw20_0.08s_hackrf-1", 1_815_300_000, 19_200_000, None),
        ("lte_2645M_1920k_6x1s_stepped", 2_645_000_000, 1_920_000, None),
        ("gqrx_20200101_120000_433920000_250000_fc", 433_920_000, 250_000, "2020-01-01T12:00:00Z"),
        ("HDSDR_20221011_080755Z_433920kHz_RF", 433_920_000, None, "2022-10-11T08:07:55Z"),
        ("SDRSharp_20221011_080755Z_433920000Hz_IQ", 433_920_000, None, "2022-10-11T08:07:55Z"),
        ("IQ_433.920_2022-10-11_08-07-55", 433_920_000, None, "2022-10-11T08:07:55Z"),
        ("Model_ GT-WT03 Id_175_434037000_250000_02_03_2021 12 2 52 STEREO", 434_037_000, 250_000, None),
        ("Jtech_pager-Activate_all(457.6Mhz)", 457_600_000, None, None),
        ("relay 1.2G 2.4Msps", 1_200_000_000, 2_400_000, None),
        ("two_433.92M_868.3M_250k", None, 250_000, None),
        ("fissure_j2497_7777777", None, None, None),
        ("gqrx_20209901_120000_x", None, None, None),
        ("nothing", None, None, None),
    ],
)
def test_names_say_what_their_recorders_write(
    stem: str, center_hz: int | None, rate_hz: int | None, time: str | None
) -> None:
    facts = facts_from_name(stem)
    assert facts.center_freq_hz == center_hz
    assert facts.sample_rate_hz == rate_hz
    assert facts.utc_ns == (None if time is None else parse_utc(time))


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=300)
def test_no_name_breaks_the_reader(stem: str) -> None:
    facts_from_name(stem)


@pytest.mark.parametrize(
    ("suffix", "sample_format"),
    [
        (".cu8", "cu8"),
        (".cs8", "ci8"),
        (".CS16", "ci16_le"),
        (".cf32", "cf32_le"),
        (".C16", "ci16_le"),
        (".complex16s", "ci8"),
        (".complex16u", "cu8"),
        (".complex", "cf32_le"),
    ],
)
def test_samples_come_out_as_they_went_in(tmp_path: Path, suffix: str, sample_format: str) -> None:
    kind = SAMPLE_FORMATS[sample_format]
    raw = np.random.default_rng(1).integers(0, 100, 2 * 65 * 50 * 3).astype(kind)
    if sample_format == "cf32_le":
        raw /= 100
    path = tmp_path / f"a_433.92M_250k{suffix}"
    raw.tofile(path)
    source = open_one(path, SourceOptions())
    hops = hops_of(source)
    assert {hop.sample_format for hop in hops} == {sample_format}
    assert {hop.raw.dtype for hop in hops} == {kind}
    assert np.array_equal(np.concatenate([hop.raw for hop in hops]), raw)
    assert source.instrument.sample_format == sample_format
    assert not hops[0].raw.flags.writeable


@given(n_samples=st.integers(2048, 30_000), n_frames=st.integers(8, 80))
@settings(deadline=None, max_examples=40)
def test_passes_cover_every_sample(tmp_path_factory: pytest.TempPathFactory, n_samples: int, n_frames: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.cs16"
    np.repeat(np.arange(n_samples, dtype="<i2"), 2).tofile(path)
    source = open_one(path, SourceOptions(sample_rate_hz=250_000, center_freq_hz=1, n_frames=n_frames))
    hops = hops_of(source)
    dwell = source.plan.hop_samples
    assert {hop.raw.size for hop in hops} == {2 * dwell}
    assert [hop.pass_index for hop in hops] == list(range(len(hops)))
    starts = [int(hop.raw[0]) for hop in hops]
    assert starts[:-1] == [dwell * index for index in range(len(hops) - 1)]
    assert starts[-1] == n_samples - dwell
    assert np.unique(np.concatenate([hop.raw for hop in hops])).size == n_samples
    assert [hop.monotonic_ns for hop in hops] == [start * 4000 for start in starts]
    assert {hop.utc_ns - hop.monotonic_ns for hop in hops} == {hops[0].utc_ns}


def test_overlap_is_noted_only_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "whole.cu8").write_bytes(bytes(2 * 65 * 50 * 2))
    (tmp_path / "rest.cu8").write_bytes(bytes(2 * (65 * 50 * 2 + 1)))
    assert not any("overlaps" in note for note in open_one(tmp_path / "whole.cu8").instrument.notes)
    assert any("overlaps" in note for note in open_one(tmp_path / "rest.cu8").instrument.notes)


def test_plan_is_on_the_grid_and_the_hop_keeps_the_true_centre(tmp_path: Path) -> None:
    path = tmp_path / "a_434037000_250000_.cu8"
    path.write_bytes(bytes(20_000))
    source = open_one(path, SourceOptions())
    assert source.plan.hop_centers_hz == (434_037_500,)
    assert source.plan.hop_bins == 100
    assert hops_of(source)[0].center_freq_hz == 434_037_000


def test_short_recordings_have_fewer_frames_and_fragments_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.cu8"
    path.write_bytes(bytes(2 * 50 * 41))
    source = open_one(path)
    assert source.plan.n_frames == 40
    assert any("analysed with 40" in note for note in source.instrument.notes)
    path.write_bytes(bytes(2 * 2047))
    with pytest.raises(CaptureError, match=r"a\.cu8: is too short: 2047 samples of cu8, but 2048 are needed"):
        open_one(path)
    path.write_bytes(bytes(2 * 4400))
    with pytest.raises(CaptureError, match="4400 samples, but 4500 are needed at 1000000 S/s"):
        open_one(path, SourceOptions(sample_rate_hz=1_000_000, center_freq_hz=0, bin_width_hz=1000))


def test_odd_bytes_are_left_out_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.cs16"
    path.write_bytes(bytes(4 * 4000 + 3))
    source = open_one(path)
    assert "3 bytes after the last whole sample are left out" in source.instrument.notes


def test_missing_facts_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.cu8"
    path.write_bytes(bytes(20_000))
    with pytest.raises(CaptureError, match=r"a\.cu8: sample rate is neither .* give --rate"):
        open_one(path, SourceOptions())
    with pytest.raises(CaptureError, match="give --center"):
        open_one(path, SourceOptions(sample_rate_hz=250_000))
    (tmp_path / "a.iq").write_bytes(bytes(20_000))
    with pytest.raises(CaptureError, match="give --format with one of cu8, ci8, ci16_le, cf32_le"):
        open_one(tmp_path / "a.iq")
    options = SourceOptions(sample_rate_hz=250_000, center_freq_hz=0, sample_format="cs8")
    source = open_one(tmp_path / "a.iq", options)
    assert hops_of(source)[0].sample_format == "ci8"
    assert any("relative to an unknown centre" in note for note in source.instrument.notes)
    with pytest.raises(ParameterError, match="'cu16' is unknown"):
        open_one(tmp_path / "a.iq", SourceOptions(sample_format="cu16"))


def test_a_name_is_overruled_by_the_user_and_a_sidecar_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a_868M_1000k.cu8"
    path.write_bytes(bytes(20_000))
    source = open_one(path)
    assert source.plan.sample_rate_hz == 250_000
    assert any("the name says 868 MHz" in note for note in source.instrument.notes)
    (tmp_path / "a_868M_1000k.TXT").write_text("sample_rate=500000\ncenter_frequency=433920000\n")
    with pytest.raises(CaptureError, match=r"500 kHz according to the sidecar .*, but --rate says 250 kHz"):
        open_one(path)
    source = open_one(path, SourceOptions())
    assert (source.plan.sample_rate_hz, hops_of(source)[0].center_freq_hz) == (500_000, 433_920_000)


def test_sidecars_are_believed_only_in_their_own_folder_and_with_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "a.c16"
    path.write_bytes(bytes(20_000))
    (tmp_path / "outside.txt").write_text("sample_rate=500000\ncenter_frequency=433920000\n")
    (folder / "a.TXT").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(CaptureError, match="give --rate"):
        open_one(path, SourceOptions())
    (folder / "a.TXT").unlink()
    (folder / "a.TXT").write_text("sample_rate=fast\n")
    with pytest.raises(CaptureError, match=r"a\.TXT: sample_rate is 'fast'"):
        open_one(path, SourceOptions())


@pytest.mark.parametrize(("peak", "full_scale"), [(1.0, 1.0), (100.0, 128.0), (2047.0, 2048.0), (2049.0, 32768.0)])
def test_full_scale_of_floats_is_measured_over_the_whole_file(tmp_path: Path, peak: float, full_scale: float) -> None:
    path = tmp_path / "a.cf32"
    values = np.zeros(2 * 1_100_000, "<f4")
    values[-1] = -peak
    values.tofile(path)
    source = open_one(path)
    assert hops_of(source, 1)[0].full_scale == full_scale
    assert any("full scale taken as" in note for note in source.instrument.notes) == (full_scale != 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_floats_that_are_no_samples_are_refused(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "a.cf32"
    values = np.zeros(2 * 4000, "<f4")
    values[2 * 1234 + 1] = bad
    values.tofile(path)
    with pytest.raises(CaptureError, match="sample 1234 is " if not np.isfinite(bad) else "beyond 24-bit"):
        open_one(path)


@pytest.mark.parametrize(
    "head", [b"version https://git-lfs.github.com/spec/v1\n", b"BZh91AY&SY", b"PK\x03\x04", b"\x1f\x8b\x08"]
)
def test_other_kinds_of_file_are_named(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.cu8"
    path.write_bytes(head + bytes(20_000))
    with pytest.raises(CaptureError, match=r"a\.cu8: is .*(pointer|compressed|archive)"):
        open_one(path)


def test_what_is_no_file_is_refused_without_hanging(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cu8")
    (tmp_path / "folder.cu8").mkdir()
    for name, reason in (
        ("none.cu8", "no such file"),
        ("pipe.cu8", "not an ordinary"),
        ("folder.cu8", "without SigMF"),
    ):
        with pytest.raises(CaptureError, match=reason):
            open_one(tmp_path / name)
    with pytest.raises(ParameterError, match="name at least one"):
        open_captures([], TUNED)
    with pytest.raises(ParameterError, match="orders to a receiver"):
        open_captures([tmp_path / "a.cu8"], SourceOptions(ppm=3))


def test_errors_stay_on_one_line_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b[2J.cu8"
    path.touch()
    with pytest.raises(CaptureError) as caught:
        open_one(path)
    assert str(caught.value).isprintable()


def test_memory_stays_small_however_long_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "long.cu8"
    with path.open("wb") as handle:
        handle.truncate(4 << 30)  # sparse: it takes no room on disk
    tracemalloc.start()
    source = open_one(path)
    assert len(hops_of(source, 50)) == 50
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert getattr(source, "n_passes") == -(-(4 << 30) // (2 * source.plan.hop_samples))  # noqa: B009


def test_a_recording_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.cu8"
    path.write_bytes(bytes(40_000))
    source = open_one(path)
    path.write_bytes(bytes(10_000))
    with pytest.raises(CaptureError, match=r"a\.cu8: ends within sample 5000"):
        hops_of(source)
