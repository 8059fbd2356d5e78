"""WAV recordings of IQ: two channels, with the receiver's ``auxi`` chunk where there is one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sweep.sources.options import SourceOptions
from sweep.sources.recorded.facts import Facts, given_format, settle
from sweep.sources.recorded.files import name_errors, refuse, regular_size, shown
from sweep.sources.recorded.fixed import FixedRecording, fixed_recording
from sweep.sources.recorded.iq import Samples

__all__ = ["open_wav"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FORMATS = {(_PCM, 8): "cu8", (_PCM, 16): "ci16_le", (_FLOAT, 32): "cf32_le"}
_UNKNOWN_SIZE = 0xFFFFFFFF
_MAX_CHUNKS = 1000
_YEARS = (1970, 2261)  # what nanoseconds since 1970 hold in 64 bits


class _Chunk(NamedTuple):
    name: bytes
    start: int
    size: int


class _Format(NamedTuple):
    tag: int
    channels: int
    sample_rate_hz: int
    bits: int


class _Parts(NamedTuple):
    form: _Format
    data: _Chunk
    stated: Facts
    notes: list[str]


def open_wav(path: Path, options: SourceOptions) -> FixedRecording:
    """Open a WAV recording of IQ: 8-bit unsigned, 16-bit or 32-bit float, I left and Q right.

    The ``auxi`` chunk is the one of SpectraVue, HDSDR and SDR#: start and stop as Windows SYSTEMTIME, then the
    centre frequency as an unsigned 32-bit number of Hz.

    Parameters
    ----------
    path : Path
    options : SourceOptions
        The centre, where neither ``auxi`` chunk nor name carries it.

    Raises
    ------
    CaptureError
        It is no WAV, not IQ (one channel), of an unknown sample type, without samples, or the centre is missing.
    """
    size = regular_size(path)
    with name_errors(path), path.open("rb") as handle:
        parts = _read_parts(path, handle, size)
    sample_format = _sample_format(path, parts.form, options)
    available = size - parts.data.start
    n_bytes = min(parts.data.size, available)
    notes = list(parts.notes)
    if n_bytes < parts.data.size:
        notes.append(
            f"the header promises {parts.data.size} bytes of samples, the file holds {available}: those are used"
        )
    sample_bytes = 2 * parts.form.bits // 8
    n_samples = n_bytes // sample_bytes
    if n_samples == 0:
        raise refuse(path, "holds no samples: its data chunk is empty; record it again")
    samples = Samples(path=path, sample_format=sample_format, offset_bytes=parts.data.start, n_samples=n_samples)
    return fixed_recording(samples, settle(path, options, parts.stated), options, notes=notes)


def _sample_format(path: Path, form: _Format, options: SourceOptions) -> str:
    if form.channels != 2:
        kind = "mono audio" if form.channels == 1 else f"of {form.channels} channels"
        raise refuse(path, f"is {kind}, not IQ; IQ needs two channels, I and Q")
    found = _FORMATS.get((form.tag, form.bits))
    if found is None:
        raise refuse(
            path,
            f"has {form.bits}-bit samples of WAV type {form.tag}; supported are 8-bit, 16-bit and 32-bit float; "
            "convert it first",
        )
    if given_format(options) not in (None, found):
        raise refuse(path, f"holds {found} according to its header, not {options.sample_format}; leave --format out")
    return found


def _read_parts(path: Path, handle: BinaryIO, size: int) -> _Parts:
    """Walk the chunks; only ``fmt`` and ``auxi`` are read, samples are not."""
    form: _Format | None = None
    data: _Chunk | None = None
    stated, notes = Facts(), list[str]()
    for chunk in _chunks(path, handle, size):
        if chunk.name == b"fmt ":
            form = _parse_format(path, handle.read(min(chunk.size, 40)))
        elif chunk.name == b"auxi":
            stated, note = _parse_auxi(handle.read(min(chunk.size, 64)))
            notes.append(note)
        elif chunk.name == b"data" and data is None:
            data = chunk
    if form is None or data is None:
        raise refuse(
            path, f"has no {'fmt' if form is None else 'data'} chunk; the file is damaged or not a WAV recording"
        )
    return _Parts(form, data, _with_rate(stated, form), notes)


def _with_rate(stated: Facts, form: _Format) -> Facts:
    return Facts(
        sample_rate_hz=form.sample_rate_hz,
        center_freq_hz=stated.center_freq_hz,
        utc_ns=stated.utc_ns,
        note="the WAV header",
    )


def _chunks(path: Path, handle: BinaryIO, size: int) -> Iterator[_Chunk]:
    """Chunks of RIFF or RF64, each with the file positioned at its content."""
    head = handle.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise refuse(path, f"is no WAV file: it begins with {shown(head[:12])}")
    position, long_data = 12, None
    for _ in range(_MAX_CHUNKS):
        if position + 8 > size:
            return
        handle.seek(position)
        name, length = struct.unpack("<4sI", handle.read(8))
        if name == b"ds64":  # RF64 keeps the true 64-bit sizes here (EBU Tech 3306)
            sizes = handle.read(16)
            long_data = struct.unpack("<QQ", sizes)[1] if len(sizes) == 16 else None
        if name == b"data" and length == _UNKNOWN_SIZE:
            length = long_data if long_data is not None else size - position - 8
        handle.seek(position + 8)
        yield _Chunk(name, position + 8, length)
        position += 8 + length + length % 2
    raise refuse(path, f"has more than {_MAX_CHUNKS} chunks; the file is damaged")


def _parse_format(path: Path, content: bytes) -> _Format:
    if len(content) < 16:
        raise refuse(path, f"has a fmt chunk of {len(content)} bytes, not 16 or more; the file is damaged")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
    if tag == _EXTENSIBLE and len(content) >= 26:
        tag = struct.unpack("<H", content[24:26])[0]
    if rate == 0:
        raise refuse(path, "has a sample rate of 0 Hz in its header; the file is damaged")
    return _Format(tag, channels, rate, bits)


def _parse_auxi(content: bytes) -> tuple[Facts, str]:
    if len(content) < 36:
        return Facts(), f"an auxi chunk of {len(content)} bytes is not the one of SpectraVue and was left out"
    year, month, _, day, hour, minute, second, milli = struct.unpack("<8H", content[:16])
    center = struct.unpack("<I", content[32:36])[0]
    try:
        if not _YEARS[0] <= year <= _YEARS[1]:
            raise ValueError(year)
        start = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return Facts(), "an auxi chunk without a date is not the one of SpectraVue and was left out"
    utc_ns = int(start.timestamp()) * 1_000_000_000 + min(milli, 999) * 1_000_000
    return Facts(center_freq_hz=float(center) or None, utc_ns=utc_ns), "start time and centre from the auxi chunk"
