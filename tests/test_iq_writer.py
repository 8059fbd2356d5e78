"""Kept samples: what the writer wrote replays bit for bit, gaps and all, and is valid SigMF."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError, RecordError
from dsp.samples import SAMPLE_FORMATS
from sweep.iq_writer import IqWriter
from sweep.model import HopGap, HopSamples, Instrument, IqSource
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures

PLAN = SweepPlan(
    sample_rate_hz=256_000,
    n_fft=64,
    n_frames=8,
    hop_bins=48,
    hop_centers_hz=(100_000_000, 100_192_000, 100_384_000),
    gain_db=28.0,
)
INSTRUMENT = Instrument(driver="rtlsdr", serial="00000001", tuner="R820T", gain_db=28.0, ppm=1.0, notes=("a", "b"))
START_NS = 1_790_000_000_123_456_789


def make_hop(pass_index: int, hop_index: int, **changes: Any) -> HopSamples:
    """A hop of seeded noise; times differ by an odd number of nanoseconds."""
    seed = np.random.default_rng(1000 * pass_index + hop_index)
    at_ns = 1_000_000_007 * pass_index + 30_000_001 * hop_index
    fields: dict[str, Any] = {
        "raw": seed.integers(0, 256, 2 * PLAN.hop_samples, np.uint8),
        "sample_format": "cu8",
        "center_freq_hz": PLAN.hop_centers_hz[hop_index] + 0.1234567,
        "sample_rate_hz": PLAN.sample_rate_hz,
        "gain_db": 28.0,
        "utc_ns": START_NS + at_ns,
        "monotonic_ns": 5_000_000_000 + at_ns,
        "pass_index": pass_index,
        "hop_index": hop_index,
    }
    return HopSamples(**(fields | changes))


def make_gap(pass_index: int, hop_index: int | None, reason: str = "the dongle was pulled") -> HopGap:
    like = make_hop(pass_index, hop_index or 0)
    return HopGap(
        pass_index=pass_index,
        hop_index=hop_index,
        utc_ns=like.utc_ns,
        monotonic_ns=like.monotonic_ns,
        reason=reason,
    )


def write_all(folder: Path, entries: list[HopSamples | HopGap], instrument: Instrument = INSTRUMENT) -> None:
    with IqWriter(folder, PLAN, instrument) as writer:
        for entry in entries:
            writer.write(entry)


def replay(folder: Path) -> IqSource:
    sources = open_captures([folder], SourceOptions())
    assert len(sources) == 1
    source = sources[0]
    assert hasattr(source, "blocks")
    return source


def assert_same(found: HopSamples | HopGap, wanted: HopSamples | HopGap) -> None:
    assert type(found) is type(wanted)
    if isinstance(wanted, HopGap):
        assert found == wanted
        return
    assert isinstance(found, HopSamples)
    assert found.raw.dtype == wanted.raw.dtype
    assert found.raw.tobytes() == wanted.raw.tobytes()
    for name in HopSamples.__slots__:
        if name != "raw":
            assert getattr(found, name) == getattr(wanted, name), name


def test_kept_sweep_replays_bit_for_bit(tmp_path: Path) -> None:
    entries: list[HopSamples | HopGap] = [
        make_hop(0, 0),
        make_gap(0, 1),
        make_hop(0, 2, dropped_samples=7, tuner_locked=False, gain_db=None),
        make_gap(1, 0, "retune failed: “no lock”"),
        make_hop(1, 1),
        make_hop(1, 2),
        make_hop(2, 0),
        make_gap(2, None),
    ]
    write_all(tmp_path / "iq", entries)
    source = replay(tmp_path / "iq")
    assert source.plan == PLAN
    assert source.instrument == INSTRUMENT
    found = list(source.blocks(None))
    assert len(found) == len(entries)
    for one, wanted in zip(found, entries, strict=True):
        assert_same(one, wanted)


def test_replay_stops_after_the_passes_that_are_wanted(tmp_path: Path) -> None:
    write_all(tmp_path / "iq", [make_hop(number, hop) for number in range(4) for hop in range(3)])
    assert [hop.pass_index for hop in replay(tmp_path / "iq").blocks(2)] == [0, 0, 0, 1, 1, 1]


def test_every_way_of_naming_a_kept_sweep_is_the_same_sweep(tmp_path: Path) -> None:
    write_all(tmp_path / "iq", [make_hop(number, hop) for number in range(2) for hop in range(3)])
    base = [tmp_path / "iq" / f"pass-{number:04d}" for number in range(2)]
    ways = [
        [tmp_path / "iq"],
        [path.with_suffix(".sigmf-meta") for path in base],
        [path.with_suffix(".sigmf-data") for path in reversed(base)],
        sorted((tmp_path / "iq").iterdir()),
        base,
    ]
    for paths in ways:
        (source,) = open_captures(paths, SourceOptions())
        assert [(hop.pass_index, hop.hop_index) for hop in source.blocks(None)] == [
            (p, h) for p in (0, 1) for h in range(3)
        ]


def test_one_pass_alone_keeps_its_number(tmp_path: Path) -> None:
    write_all(tmp_path / "iq", [make_hop(number, hop) for number in range(3) for hop in range(3)])
    (source,) = open_captures([tmp_path / "iq/pass-0002.sigmf-meta"], SourceOptions())
    assert {hop.pass_index for hop in source.blocks(None)} == {2}


def test_passes_with_the_same_number_are_counted_anew(tmp_path: Path) -> None:
    later = 60_000_000_000
    write_all(tmp_path / "a", [make_hop(0, hop) for hop in range(3)])
    write_all(
        tmp_path / "b", [replace(one, utc_ns=one.utc_ns + later) for one in (make_hop(0, hop) for hop in range(3))]
    )
    (source,) = open_captures([tmp_path / "b", tmp_path / "a"], SourceOptions())
    assert [hop.pass_index for hop in source.blocks(None)] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
def test_recordings_are_valid_sigmf(tmp_path: Path, sample_format: str) -> None:
    values = np.linspace(-0.9, 0.9, 2 * PLAN.hop_samples)
    raw = (values * (1 if sample_format == "cf32_le" else 100) + 100 * (sample_format == "cu8")).astype(
        SAMPLE_FORMATS[sample_format]
    )
    write_all(tmp_path / "iq", [make_hop(0, hop, raw=raw, sample_format=sample_format) for hop in range(3)])
    recording = sigmf.fromfile(str(tmp_path / "iq/pass-0000.sigmf-meta"))
    recording.validate()
    assert recording.sample_count == 3 * PLAN.hop_samples
    assert len(recording.get_captures()) == 3
    assert recording.get_global_field("core:datatype") == sample_format
    for one in replay(tmp_path / "iq").blocks(None):
        assert isinstance(one, HopSamples)
        assert one.raw.tobytes() == raw.tobytes()


def test_a_pass_that_is_all_gap_is_kept(tmp_path: Path) -> None:
    write_all(tmp_path / "iq", [make_hop(0, 0), make_hop(0, 1), make_hop(0, 2), make_gap(1, None)])
    assert not (tmp_path / "iq/pass-0001.sigmf-data").exists()
    sigmf.fromfile(str(tmp_path / "iq/pass-0001.sigmf-meta")).validate()
    assert list(replay(tmp_path / "iq").blocks(None))[-1] == make_gap(1, None)


def test_metadata_appears_only_with_a_whole_pass(tmp_path: Path) -> None:
    folder = tmp_path / "iq"
    writer = IqWriter(folder, PLAN, INSTRUMENT)
    writer.write(make_hop(0, 0))
    assert not list(folder.glob("*.sigmf-meta*"))
    writer.write(make_hop(0, 1))
    writer.write(make_hop(0, 2))
    assert [path.name for path in folder.glob("*meta*")] == ["pass-0000.sigmf-meta"]
    assert len(list(replay(folder).blocks(None))) == 3  # readable while the sweep goes on
    writer.write(make_hop(1, 0))
    writer.close()
    assert len(list(replay(folder).blocks(None))) == 4


def test_a_hop_taken_again_is_kept_too(tmp_path: Path) -> None:
    write_all(tmp_path / "iq", [make_hop(0, 2), make_hop(0, 2, gain_db=20.7)])
    assert [hop.gain_db for hop in replay(tmp_path / "iq").blocks(None) if isinstance(hop, HopSamples)] == [28.0, 20.7]


def test_full_disk_leaves_whole_hops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "iq"
    writer = IqWriter(folder, PLAN, INSTRUMENT)
    writer.write(make_hop(0, 0))
    write = os.write

    def half_then_full(descriptor: int, content: memoryview) -> int:
        if len(content) <= PLAN.hop_samples:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[: len(content) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half_then_full)
        with pytest.raises(RecordError, match=r"pass-0000\.sigmf-data: .*No space left"):
            writer.write(make_hop(0, 1))
    assert (folder / "pass-0000.sigmf-data").stat().st_size == 2 * PLAN.hop_samples
    writer.write(make_hop(0, 2))
    writer.close()
    assert [hop.hop_index for hop in replay(folder).blocks(None)] == [0, 2]


def test_writer_refuses_what_does_not_belong(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not empty"):
        (tmp_path / "used").mkdir()
        (tmp_path / "used/file").touch()
        IqWriter(tmp_path / "used", PLAN, INSTRUMENT)
    with IqWriter(tmp_path / "iq", PLAN, INSTRUMENT) as writer:
        with pytest.raises(ParameterError, match="flat array"):
            writer.write(make_hop(0, 0, raw=np.zeros(7, np.uint8)))
        with pytest.raises(ParameterError, match="a hop at 250000 S/s in a plan of 256000 S/s"):
            writer.write(make_hop(0, 0, sample_rate_hz=250_000))
        writer.write(make_hop(1, 0))
        with pytest.raises(ParameterError, match="came after pass 1"):
            writer.write(make_hop(0, 1))
        with pytest.raises(ParameterError, match="change from cu8 to ci8"):
            writer.write(make_hop(1, 1, raw=np.zeros(2 * PLAN.hop_samples, np.int8), sample_format="ci8"))


_TIMES = st.integers(0, 2**62)


@st.composite
def _entries(draw: st.DrawFn) -> list[HopSamples | HopGap]:
    """Any passes of any hops and gaps, in order of pass."""
    entries: list[HopSamples | HopGap] = []
    for pass_index in sorted(draw(st.sets(st.integers(0, 12), min_size=1, max_size=3))):
        for hop_index in draw(st.lists(st.integers(0, PLAN.n_hops - 1), min_size=1, max_size=4)):
            times = {"utc_ns": draw(_TIMES), "monotonic_ns": draw(_TIMES)}
            if draw(st.booleans()):
                gap_index = draw(st.sampled_from([hop_index, None]))
                reason = draw(st.text(max_size=20))
                entries.append(HopGap(pass_index=pass_index, hop_index=gap_index, reason=reason, **times))
                continue
            entries.append(
                make_hop(
                    pass_index,
                    hop_index,
                    raw=np.frombuffer(2 * draw(st.binary(max_size=40)), np.uint8),  # also hops that came short
                    center_freq_hz=draw(st.floats(-1e12, 1e12)),
                    gain_db=draw(st.none() | st.floats(-100, 100)),
                    full_scale=draw(st.floats(1e-6, 1e6)),
                    dropped_samples=draw(st.integers(0, 2**31 - 1)),
                    tuner_locked=draw(st.booleans()),
                    **times,
                )
            )
    return entries


@given(entries=_entries())
@settings(deadline=None, max_examples=25)
def test_any_sweep_survives_the_round_trip(entries: list[HopSamples | HopGap]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "iq"
        write_all(folder, entries)
        found = [
            block
            for path in sorted(folder.glob("*.sigmf-meta"))
            for source in open_captures([path], SourceOptions())
            for block in source.blocks(None)
        ]
        assert len(found) == len(entries)
        for one, wanted in zip(found, entries, strict=True):
            assert_same(one, wanted)


@given(
    instrument=st.builds(
        Instrument,
        driver=st.text(max_size=9),
        serial=st.none() | st.text(max_size=9),
        gain_db=st.none() | st.floats(-50, 50),
        settle_measured=st.none() | st.booleans(),
        synthetic=st.booleans(),
        notes=st.lists(st.text(max_size=9), max_size=3, unique=True).map(tuple),
    )
)
@settings(deadline=None, max_examples=10)
def test_any_instrument_survives_the_round_trip(instrument: Instrument) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_all(Path(name) / "iq", [make_hop(0, 0)], instrument)
        assert asdict(replay(Path(name) / "iq").instrument) == asdict(instrument)
