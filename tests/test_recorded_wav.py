"""WAV IQ: sample types, auxi chunk, RF64, cut and lying files."""

from __future__ import annotations

import struct
import tempfile
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
from sweep.units import parse_utc

CENTERED = SourceOptions(center_freq_hz=433_920_000)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    stated = len(content) if size is None else size
    return name + struct.pack("<I", stated) + content + b"\0" * (len(content) % 2)


def form(tag: int = 1, channels: int = 2, rate: int = 250_000, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits))


def auxi(center_hz: int, *date: int) -> bytes:
    start = struct.pack("<8H", *date)
    return chunk(b"auxi", start + start + struct.pack("<9I", center_hz, 0, 0, 0, 0, 0, 0, 0, 0))


def wav(*chunks: bytes, head: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return head + struct.pack("<I", len(body) if head == b"RIFF" else 0xFFFFFFFF) + body


def samples(kind: str = "<i2", n_samples: int = 4000) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 100, 2 * n_samples).astype(kind)


def open_wav(folder: Path, content: bytes, options: SourceOptions = CENTERED, name: str = "a.wav") -> IqSource:
    (folder / name).write_bytes(content)
    (source,) = open_captures([folder / name], options)
    assert hasattr(source, "blocks")
    return source


def first_hop(source: IqSource) -> HopSamples:
    hop = next(iter(source.blocks(1)))
    assert isinstance(hop, HopSamples)
    return hop


@pytest.mark.parametrize(("tag", "bits", "sample_format"), [(1, 8, "cu8"), (1, 16, "ci16_le"), (3, 32, "cf32_le")])
def test_sample_types(tmp_path: Path, tag: int, bits: int, sample_format: str) -> None:
    raw = samples(SAMPLE_FORMATS[sample_format].str)
    source = open_wav(tmp_path, wav(form(tag, bits=bits), chunk(b"data", raw.tobytes())))
    hop = first_hop(source)
    assert (hop.sample_format, source.plan.sample_rate_hz) == (sample_format, 250_000)
    assert np.array_equal(hop.raw, raw[: hop.raw.size])
    assert hop.full_scale == (128.0 if sample_format == "cf32_le" else 1.0)


def test_extensible_format(tmp_path: Path) -> None:
    raw = samples("<f4") / 100
    guid = struct.pack("<H", 3) + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    fields = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 250_000, 2_000_000, 8, 32, 22, 32, 3) + guid
    source = open_wav(tmp_path, wav(chunk(b"fmt ", fields), chunk(b"data", raw.tobytes())))
    assert first_hop(source).sample_format == "cf32_le"


@pytest.mark.parametrize("before", [True, False])
def test_auxi_chunk_gives_centre_and_time(tmp_path: Path, before: bool) -> None:
    tuned = auxi(868_300_000, 2022, 10, 2, 11, 8, 7, 55, 250)
    data = chunk(b"data", samples().tobytes())
    chunks = [chunk(b"LIST", b"odd"), form(), *([tuned, data] if before else [data, tuned])]
    hop = first_hop(open_wav(tmp_path, wav(*chunks), SourceOptions(), "x_433.92M.wav"))
    assert hop.center_freq_hz == 868_300_000
    assert hop.utc_ns == parse_utc("2022-10-11T08:07:55.25Z")
    with pytest.raises(CaptureError, match=r"868.3 MHz according to the WAV header, but --center says 433.92 MHz"):
        open_wav(tmp_path, wav(*chunks))


@pytest.mark.parametrize("content", [b"", b"<?xml version='1.0'?>" * 4, bytes(68), b"\xff" * 68])
def test_other_auxi_chunks_are_left_out(tmp_path: Path, content: bytes) -> None:
    body = wav(form(), chunk(b"auxi", content), chunk(b"data", samples().tobytes()))
    source = open_wav(tmp_path, body, SourceOptions(), "IQ_433.920_2022-10-11_08-07-55.wav")
    hop = first_hop(source)
    assert (hop.center_freq_hz, hop.utc_ns) == (433_920_000, parse_utc("2022-10-11T08:07:55Z"))
    assert any("not the one of SpectraVue" in note for note in source.instrument.notes)


def test_rf64(tmp_path: Path) -> None:
    raw = samples()
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, raw.nbytes, raw.size // 2, 0))
    tail = chunk(b"LIST", b"not samples")
    body = wav(sizes, form(), chunk(b"data", raw.tobytes(), 0xFFFFFFFF) + tail, head=b"RF64")
    source = open_wav(tmp_path, body)
    blocks = [hop.raw for hop in source.blocks(None) if isinstance(hop, HopSamples)]
    assert np.array_equal(blocks[-1], raw[-blocks[-1].size :])  # and nothing of what follows them


@pytest.mark.parametrize("stated", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_cut_file_gives_what_it_has(tmp_path: Path, stated: int) -> None:
    raw = samples()
    source = open_wav(tmp_path, wav(form(), chunk(b"data", raw.tobytes()[:-3], stated)))
    last = [hop.raw for hop in source.blocks(None) if isinstance(hop, HopSamples)][-1]
    assert np.array_equal(last, raw[-2 - last.size : -2])
    assert any("header promises" in note for note in source.instrument.notes) == (stated != 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (wav(form(channels=1), chunk(b"data", bytes(9000))), "mono audio, not IQ"),
        (wav(form(channels=6), chunk(b"data", bytes(9000))), "of 6 channels, not IQ"),
        (wav(form(bits=24), chunk(b"data", bytes(9000))), "24-bit samples of WAV type 1"),
        (wav(form(tag=2, bits=4), chunk(b"data", bytes(9000))), "4-bit samples of WAV type 2"),
        (wav(form(rate=0), chunk(b"data", bytes(9000))), "sample rate of 0 Hz"),
        (wav(form(), chunk(b"data", b"")), "holds no samples"),
        (wav(form(), chunk(b"data", bytes(400))), "too short: 100 samples"),
        (wav(form()), "no data chunk"),
        (wav(chunk(b"data", bytes(9000))), "no fmt chunk"),
        (wav(chunk(b"fmt ", bytes(4)), chunk(b"data", bytes(9000))), "fmt chunk of 4 bytes"),
        (wav(*[chunk(b"junk", b"")] * 1001), "more than 1000 chunks"),
        (b"RIFX" + bytes(100), "no WAV file: it begins with b'RIFX"),
        (b"RI", "no WAV file"),
    ],
)
def test_what_is_no_iq_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason) as caught:
        open_wav(tmp_path, content)
    assert "a.wav: " in str(caught.value)


def test_given_format_may_not_contradict_the_header(tmp_path: Path) -> None:
    body = wav(form(), chunk(b"data", samples().tobytes()))
    with pytest.raises(CaptureError, match="holds ci16_le according to its header, not cu8"):
        open_wav(tmp_path, body, SourceOptions(center_freq_hz=1, sample_format="cu8"))
    open_wav(tmp_path, body, SourceOptions(center_freq_hz=1, sample_format="cs16"))


_WHOLE = wav(form(), auxi(868_300_000, 2022, 10, 2, 11, 8, 7, 55, 0), chunk(b"data", samples(n_samples=2500).tobytes()))


@given(
    changes=st.lists(st.tuples(st.integers(0, 130), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(0, len(_WHOLE)),
)
@settings(deadline=None, max_examples=150)
def test_damaged_files_are_read_or_refused(changes: list[tuple[int, int]], length: int) -> None:
    content = bytearray(_WHOLE)
    for at, value in changes:
        content[at] = value
    with tempfile.TemporaryDirectory() as name:
        try:
            source = open_wav(Path(name), bytes(content[:length] if length % 3 == 0 else content))
            list(source.blocks(3))
        except (CaptureError, ParameterError) as error:
            assert "\n" not in str(error)
