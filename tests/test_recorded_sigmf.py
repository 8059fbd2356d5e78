"""SigMF by others: one frequency, sweeps, archives, and everything that can be wrong with metadata."""

from __future__ import annotations

import copy
import hashlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import CaptureError, ParameterError
from sweep.model import HopSamples, IqSource
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.units import parse_utc

RATE = 250_000
PLAIN = SourceOptions()


def capture(start: int, freq_hz: float | None = 433_920_000, time: str | None = None) -> dict[str, Any]:
    fields = {"core:sample_start": start, "core:frequency": freq_hz, "core:datetime": time}
    return {name: value for name, value in fields.items() if value is not None}


def metadata(*captures: dict[str, Any], **info: Any) -> dict[str, Any]:
    fixed = {"core:datatype": "cu8", "core:sample_rate": RATE, "core:version": "1.0.0"}
    renamed = {name.replace("_", ":", 1): value for name, value in info.items()}
    return {"global": fixed | renamed, "captures": list(captures), "annotations": []}


def write(folder: Path, document: object, n_samples: int = 10_000, stem: str = "rec") -> Path:
    path = folder / f"{stem}.sigmf-meta"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    np.repeat(np.arange(n_samples) // 100, 2).astype(np.uint8).tofile(folder / f"{stem}.sigmf-data")
    return path


def open_one(path: Path, options: SourceOptions = PLAIN) -> IqSource:
    (source,) = open_captures([path], options)
    assert hasattr(source, "blocks")
    return source


def hops_of(source: IqSource) -> list[HopSamples]:
    return [hop for hop in source.blocks(None) if isinstance(hop, HopSamples)]


def test_one_frequency_is_one_hop_in_passes(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0, 433_921_000, "2022-10-11T08:07:55.5Z"), core_hw="RTL-SDR v3"))
    source = open_one(path)
    assert source.plan.hop_centers_hz == (433_920_000,)
    assert source.instrument.product == "RTL-SDR v3"
    hops = hops_of(source)
    assert len(hops) == 4
    assert hops[0].center_freq_hz == 433_921_000
    assert [hop.utc_ns - parse_utc("2022-10-11T08:07:55.5Z") for hop in hops] == [0, 13_000_000, 26_000_000, 27_000_000]


def test_data_file_base_name_and_archive_are_the_same_recording(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0)))
    raw = [hop.raw.tobytes() for hop in hops_of(open_one(path))]
    with tarfile.open(tmp_path / "packed.sigmf", "w") as archive:
        for suffix in (".sigmf-data", ".sigmf-meta"):
            archive.add(path.with_suffix(suffix), f"rec/rec{suffix}")
    for name in ("rec.sigmf-data", "rec", "packed.sigmf"):
        assert [hop.raw.tobytes() for hop in hops_of(open_one(tmp_path / name))] == raw


def test_a_whole_number_may_be_written_with_a_point(tmp_path: Path) -> None:
    """JSON Schema takes 2000.0 for an integer."""
    plain, pointed = (
        hops_of(open_one(write(tmp_path, metadata(capture(kind(0)), capture(kind(2000), 868e6)), stem=kind.__name__)))
        for kind in (int, float)
    )
    assert [hop.raw.tobytes() for hop in pointed] == [hop.raw.tobytes() for hop in plain]


def test_segments_at_one_frequency_are_joined_unless_time_has_a_break(tmp_path: Path) -> None:
    joined = [
        capture(0, time="2022-10-11T08:00:00Z"),
        capture(4000, time="2022-10-11T08:00:00.016Z"),
        capture(7000),
    ]
    hops = hops_of(open_one(write(tmp_path, metadata(*joined))))
    assert len(hops) == 4
    joined[1] = capture(4000, time="2022-10-11T08:00:10Z")
    source = open_one(write(tmp_path, metadata(*joined)))
    hops = hops_of(source)
    assert [int(hop.raw[0]) for hop in hops] == [0, 7, 40, 67]
    assert [hop.monotonic_ns for hop in hops] == [0, 3_000_000, 10_000_000_000, 10_011_000_000]


def test_sweep_by_others_is_one_hop_a_segment(tmp_path: Path) -> None:
    freqs = [100e6, 100.2e6, 100.4e6, 100e6, 100.4e6]
    document = metadata(*(capture(2000 * at, freq) for at, freq in enumerate(freqs)))
    source = open_one(write(tmp_path, document))
    assert source.plan.hop_centers_hz == (100_000_000, 100_200_000, 100_400_000)
    assert (source.plan.hop_bins, source.plan.n_frames) == (80, 39)
    blocks = list(source.blocks(None))
    assert [(block.pass_index, block.hop_index) for block in blocks] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]
    assert "1 hops are missing in 2 passes: not measured" in source.instrument.notes
    assert [int(hop.raw[0]) for hop in hops_of(source)] == [0, 20, 40, 60, 80]
    assert source.plan.layout().freq_hz.size == 240


def test_hops_of_a_pass_come_in_order_of_frequency(tmp_path: Path) -> None:
    freqs = [100.4e6, 100e6, 100.2e6, 100.4e6, 100e6, 100.2e6]
    source = open_one(write(tmp_path, metadata(*(capture(1500 * at, freq) for at, freq in enumerate(freqs)))))
    assert [hop.hop_index for hop in hops_of(source)] == [0, 1, 2, 0, 1, 2]
    assert [int(hop.raw[0]) for hop in hops_of(source)] == [15, 30, 0, 60, 85, 45]


def test_long_segments_give_their_end_and_close_hops_keep_fewer_bins(tmp_path: Path) -> None:
    document = metadata(capture(0, 100e6), capture(5000, 100.1e6))
    source = open_one(write(tmp_path, document), SourceOptions(n_frames=19))
    assert source.plan.hop_bins == 40
    assert np.all(np.diff(source.plan.layout().freq_hz) > 0)
    assert [int(hop.raw[0]) for hop in hops_of(source)] == [40, 90]
    assert [hop.monotonic_ns for hop in hops_of(source)] == [16_000_000, 36_000_000]
    assert any("hops lie 40 bins apart" in note for note in source.instrument.notes)


def test_facts_that_are_missing_come_from_options(tmp_path: Path) -> None:
    document = metadata(capture(0, None))
    del document["global"]["core:sample_rate"]
    path = write(tmp_path, document)
    with pytest.raises(CaptureError, match="give --rate"):
        open_one(path)
    with pytest.raises(CaptureError, match="give --center"):
        open_one(path, SourceOptions(sample_rate_hz=RATE))
    assert open_one(path, SourceOptions(sample_rate_hz=RATE, center_freq_hz=0)).plan.hop_centers_hz == (0,)
    document["captures"] = []
    write(tmp_path, document, stem="rec_433.92M_250k")
    assert open_one(tmp_path / "rec_433.92M_250k.sigmf-meta").plan.hop_centers_hz == (433_920_000,)


def test_checksum_is_compared(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0)))
    digest = hashlib.sha512(path.with_suffix(".sigmf-data").read_bytes()).hexdigest()
    assert any("no checksum" in note for note in open_one(path).instrument.notes)
    write(tmp_path, metadata(capture(0), core_sha512=digest.upper()))
    assert not any("no checksum" in note for note in open_one(path).instrument.notes)
    with path.with_suffix(".sigmf-data").open("r+b") as handle:
        handle.seek(9999)
        handle.write(b"!")
    with pytest.raises(CaptureError, match=r"not those that were recorded: their SHA-512 begins"):
        open_one(path)


def test_headers_and_trailers_of_other_files_are_stepped_over(tmp_path: Path) -> None:
    document = metadata(capture(0) | {"core:header_bytes": 44}, core_dataset="rec.bin", core_trailing_bytes=10)
    path = write(tmp_path, document)
    content = path.with_suffix(".sigmf-data").read_bytes()
    (tmp_path / "rec.bin").write_bytes(b"h" * 44 + content + b"t" * 10)
    path.with_suffix(".sigmf-data").unlink()
    hops = hops_of(open_one(path))
    assert hops[0].raw.tobytes() == content[:6500]
    assert hops[-1].raw.tobytes() == content[-6500:]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/rec.bin", "..", "link.bin", "sub\\rec"])
def test_no_recording_names_a_file_outside_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(20_000))
    (folder / "link.bin").symlink_to(tmp_path / "secret")
    path = write(folder, metadata(capture(0), core_dataset=name))
    with pytest.raises(CaptureError, match=r"rec\.sigmf-meta: (names the samples|is not valid)"):
        open_one(path)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = write(folder, metadata(capture(0)))
    path.with_suffix(".sigmf-data").rename(tmp_path / "elsewhere")
    path.with_suffix(".sigmf-data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CaptureError, match="not a file in its own folder"):
        open_one(path)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "is not SigMF metadata"),
        ("[]", "no global object"),
        ("[" * 100_000, "is not SigMF metadata"),
        ('{"global": {}, "captures": [NaN]}', "NaN is not a number"),
        ('{"global": {}, "captures": {}}', "captures is {}, not a list"),
        ('{"global": {}, "captures": [3]}', "not a list of objects"),
        (metadata(capture(0), core_datatype="ri16_le"), "'ri16_le' is real samples, not IQ; supported are cu8"),
        (metadata(capture(0), core_datatype="ci16_be"), "'ci16_be' is not supported; supported are cu8, ci8"),
        (metadata(capture(0), core_datatype="cf64_le"), "'cf64_le' is not supported"),
        (metadata(capture(0), core_datatype=7), "core:datatype 7 is not supported"),
        (metadata(capture(0), core_num_channels=2), "has 2 channels"),
        (metadata(capture(0), core_sample_rate=250_000.5), "250000.5 is not a whole number of Hz"),
        (metadata(capture(0), core_sample_rate=-1), "not valid SigMF at global/core:sample_rate"),
        (metadata(capture(0, time="yesterday")), "not valid SigMF at captures/0/core:datetime"),
        (metadata(capture(0, time="1955-11-05T14:00:00Z")), "not between 1970 and 2262"),
        (metadata(capture(0, time="9999-01-01T00:00:00Z")), "not between 1970 and 2262"),
        (metadata(capture(5000), capture(0)), "not valid SigMF: captures has incorrect sample start ordering"),
        (metadata(capture(0), capture(10_000, 868e6)), "capture 1 begins at sample 10000, but there are 10000 samples"),
        (metadata(capture(20_000)), "capture 0 begins at sample 20000"),
        (metadata(capture(0, time="2022-10-11T08:00:00Z"), capture(5000, time="2022-10-11T07:00:00Z")), "out of order"),
        (metadata(capture(0, 100e6), capture(5000, None)), "every capture needs its core:frequency"),
        (metadata(capture(0, 100e6), capture(9990, 101e6)), "too short: 10 samples"),
        (metadata(capture(0, 100e6), capture(5000, 100.001e6)), "closer than two bins"),
        (metadata(capture(0), core_offset=100), "capture 0 begins at sample -100"),
        (metadata(capture(0), core_trailing_bytes=1), "no whole number of cu8 samples"),
        (metadata(capture(0), core_trailing_bytes=10**6), "no whole number of cu8 samples"),
        (metadata(capture(0), core_metadata_only=True), "is metadata only"),
        (metadata(capture(0), core_dataset="none.bin"), "has no samples: 'none.bin' is not in its folder"),
        (metadata(capture(0), quietroom_plan={}), "quietroom:plan is not as Quietroom writes it"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, document: object, reason: str) -> None:
    path = write(tmp_path, document)
    with pytest.raises(CaptureError) as caught:
        open_one(path)
    assert reason in str(caught.value)
    assert str(path.with_suffix("")) in str(caught.value)
    assert str(caught.value).isprintable()


def test_missing_halves_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0)))
    path.with_suffix(".sigmf-data").write_bytes(b"")
    with pytest.raises(CaptureError, match=r"sigmf-data: is empty"):
        open_one(path)
    path.with_suffix(".sigmf-data").unlink()
    with pytest.raises(CaptureError, match="has no samples"):
        open_one(path)
    (tmp_path / "alone.sigmf-data").write_bytes(bytes(9000))
    with pytest.raises(CaptureError, match=r"its metadata 'alone\.sigmf-meta' is not in the same folder"):
        open_one(tmp_path / "alone.sigmf-data")


def test_options_may_not_contradict_the_metadata(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0)))
    for options, option in (
        (SourceOptions(sample_rate_hz=1_000_000), "--rate"),
        (SourceOptions(center_freq_hz=868_000_000), "--center"),
        (SourceOptions(sample_format="ci8"), "--format"),
    ):
        with pytest.raises(CaptureError, match=f"leave {option} out"):
            open_one(path, options)
    open_one(path, SourceOptions(sample_rate_hz=RATE, center_freq_hz=433_920_000, sample_format="cu8"))


@pytest.mark.parametrize("content", [b"no tar", b"\0" * 10240, b"\x1f\x8b" + bytes(600)])
def test_archives_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.sigmf"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"a\.sigmf: "):
        open_one(path)


def test_links_in_archives_are_not_followed(tmp_path: Path) -> None:
    path = write(tmp_path, metadata(capture(0)))
    with tarfile.open(tmp_path / "a.sigmf", "w") as archive:
        archive.add(path, "a.sigmf-meta")
        link = tarfile.TarInfo("a.sigmf-data")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(CaptureError, match="1 metadata and 0 data members"):
        open_one(tmp_path / "a.sigmf")


def _kept(folder: Path) -> dict[str, Any]:
    """Metadata as the writer makes it."""
    from sweep.iq_writer import IqWriter  # noqa: PLC0415
    from sweep.model import Instrument  # noqa: PLC0415
    from sweep.plan import SweepPlan  # noqa: PLC0415

    plan = SweepPlan(
        sample_rate_hz=RATE, n_fft=100, n_frames=8, hop_bins=80, hop_centers_hz=(10**8, 100_200_000), gain_db=None
    )
    with IqWriter(folder, plan, Instrument(driver="test")) as writer:
        for hop_index, center_hz in enumerate(plan.hop_centers_hz):
            writer.write(
                HopSamples(
                    raw=np.zeros(900, np.uint8),
                    sample_format="cu8",
                    center_freq_hz=center_hz,
                    sample_rate_hz=RATE,
                    gain_db=None,
                    utc_ns=1,
                    monotonic_ns=2,
                    pass_index=0,
                    hop_index=hop_index,
                )
            )
    document: dict[str, Any] = json.loads((folder / "pass-0000.sigmf-meta").read_text())
    return document


_BREAKS: list[tuple[str, list[str | int], Any]] = [
    ("sample_rate_hz", ["global", "quietroom:plan", "sample_rate_hz"], 300_000),
    ("not a divisor", ["global", "quietroom:plan", "n_fft"], 98),
    ("zero", ["global", "quietroom:plan", "n_fft"], 0),
    ("memory", ["global", "quietroom:plan", "hop_bins"], 1 << 40),
    ("window", ["global", "quietroom:plan", "window"], "flat"),
    ("centres", ["global", "quietroom:plan", "hop_centers_hz"], [1, 2]),
    ("centres", ["global", "quietroom:plan", "hop_centers_hz"], []),
    ("instrument", ["global", "quietroom:instrument"], {}),
    ("gaps", ["global", "quietroom:gaps"], [{"pass_index": 0}]),
    (
        "gap order",
        ["global", "quietroom:gaps"],
        [{"pass_index": 0, "hop_index": 0, "utc_ns": 0, "monotonic_ns": 0, "reason": "", "before_capture": 3}],
    ),
    ("hop", ["captures", 1, "quietroom:hop_index"], 2),
    ("hop", ["captures", 1, "quietroom:hop_index"], -1),
    ("time", ["captures", 1, "quietroom:utc_ns"], 2**63),
    ("scale", ["captures", 1, "quietroom:full_scale"], 0),
    ("lock", ["captures", 1, "quietroom:tuner_locked"], "yes"),
    ("beyond", ["captures", 1, "core:sample_start"], 901),
]


@pytest.mark.parametrize(("where", "value"), [entry[1:] for entry in _BREAKS])
def test_changed_sweeps_of_our_own_are_refused(tmp_path: Path, where: list[str | int], value: Any) -> None:
    document = _kept(tmp_path / "iq")
    at: Any = document
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = value
    path = tmp_path / "iq/pass-0000.sigmf-meta"
    path.write_text(json.dumps(document))
    with pytest.raises(CaptureError, match=r"pass-0000\.sigmf-meta: .*(quietroom|capture|changed)"):
        open_one(path)


def test_options_may_not_contradict_our_own_plan(tmp_path: Path) -> None:
    _kept(tmp_path / "iq")
    for options in (SourceOptions(sample_rate_hz=1), SourceOptions(bin_width_hz=1), SourceOptions(center_freq_hz=1)):
        with pytest.raises(CaptureError, match="contradicts the plan that was recorded"):
            open_one(tmp_path / "iq", options)
    options = SourceOptions(sample_rate_hz=RATE, bin_width_hz=2500, antenna="discone")
    assert open_one(tmp_path / "iq", options).instrument.antenna == "discone"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(
    own=st.booleans(),
    section=st.sampled_from(["global", "captures"]),
    pick=st.integers(0, 40),
    value=_VALUES,
    drop=st.booleans(),
)
@settings(deadline=None, max_examples=80)
def test_changed_metadata_is_read_or_refused(own: bool, section: str, pick: int, value: Any, drop: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = (
            _kept(folder / "iq") if own else metadata(capture(0, time="2022-10-11T08:07:55Z"), capture(5000, 868e6))
        )
        document = copy.deepcopy(document)
        target = document["global"] if section == "global" else document["captures"][pick % 2]
        key = sorted(target)[pick % len(target)]
        if drop:
            del target[key]
        else:
            target[key] = value
        path = write(folder, document) if not own else folder / "iq/pass-0000.sigmf-meta"
        path.write_text(json.dumps(document))
        try:
            for source in open_captures([path], SourceOptions()):
                assert hasattr(source, "blocks")
                list(source.blocks(2))
        except (CaptureError, ParameterError) as error:
            assert str(error).isprintable()


@pytest.mark.parametrize("own", [True, False])
def test_a_null_field_is_refused(own: bool, tmp_path: Path) -> None:
    document = _kept(tmp_path / "iq") if own else metadata(capture(0), capture(5000, 868e6))
    document["global"]["core:offset"] = None
    path = tmp_path / "iq/pass-0000.sigmf-meta" if own else write(tmp_path, document)
    path.write_text(json.dumps(document))
    with pytest.raises(CaptureError, match=r"core:offset.* is null"):
        open_captures([path], SourceOptions())
