"""Every damaged, truncated, mislabelled or fuzzed file gives one clear error: no traceback, no hang, little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from dsp.errors import CaptureError
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures

FOLDER = Path(__file__).resolve().parents[1].parent / "shared/data/malformed"
ALLOWANCE_BYTES = 3 << 20  # what the readers and the validator of SigMF need for themselves


def _files() -> list[Any]:
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file()) if FOLDER.is_dir() else []
    return [pytest.param(path, id=str(path.relative_to(FOLDER))) for path in files] or [
        pytest.param(None, marks=pytest.mark.skip(reason="../shared/data/malformed is absent"))
    ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("told", ["nothing", "rate and centre", "everything"])
@pytest.mark.parametrize("path", _files())
def test_malformed_files_give_one_line(path: Path, told: str) -> None:
    """Whatever the user adds: also rate, centre and format do not make a recording of junk."""
    options = {
        "nothing": SourceOptions(),
        "rate and centre": SourceOptions(sample_rate_hz=250_000, center_freq_hz=433_920_000),
        "everything": SourceOptions(sample_rate_hz=250_000, center_freq_hz=433_920_000, sample_format="cu8"),
    }[told]
    tracemalloc.start()
    try:
        with pytest.raises(CaptureError) as caught:
            open_captures([path], options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.name in str(caught.value)
    assert str(caught.value).isprintable()
    assert peak < 4 * path.stat().st_size + ALLOWANCE_BYTES


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("0-1row.csv", "line 1: level 100.5 dB in column 106 is impossible"),
        ("BBD_0001.C16", "git-lfs pointer"),
        ("adsb1.bin", "is empty"),
        ("asdfsad", "does not tell what it is"),
        ("empty.wav", "holds no samples"),
        ("fissure_sigmf_test_old.sigmf-meta", "captures is .* not a list"),
        ("inputnan.cf32", "is gzip-compressed, not samples"),
        ("test1_corrupt.csv.gz", "gzip data is damaged or cut after line 10512"),
        ("fuzz/Citroen-5eb165f5.cu8", "is too short: 2016 samples"),
    ],
)
def test_the_reason_is_the_right_one(shared_data: Path, name: str, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        open_captures([shared_data / "malformed" / name], SourceOptions())


def test_one_bad_file_among_good_ones_is_named(shared_data: Path) -> None:
    good = sorted((shared_data / "iq_srd_rtlsdr").glob("*.cu8"))[:2]
    with pytest.raises(CaptureError, match=r"adsb1\.bin"):
        open_captures([*good, shared_data / "malformed/adsb1.bin"], SourceOptions())
