"""Small sound files that fuzzing begins with; the files of earlier versions are those of the tests."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np

__all__ = ["archive_seeds", "csv_seeds", "kept", "meta_seeds", "payloads", "raw_seeds", "scene_seeds", "wav_seeds"]

_KEPT = Path(__file__).resolve().parents[2] / "tests/old"
_HEADER = struct.Struct("<8sIQQII")


def kept(pattern: str) -> list[bytes]:
    """Files that the code of each version wrote, newest first."""
    paths = sorted(_KEPT.glob(f"*/{pattern}"), reverse=True)
    return [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]


def payloads(journal: bytes) -> bytes:
    """A journal without its checksums, short: of each kind one record, its kind and length before it."""
    parts: dict[int, bytes] = {}
    at = 0
    while at < len(journal):
        _, kind, _, length, _, _ = _HEADER.unpack_from(journal, at)
        at += _HEADER.size
        parts.setdefault(kind, struct.pack("<BI", kind, length) + journal[at : at + length])
        at += length
    return b"".join(parts.values())


def meta_seeds() -> list[bytes]:
    """SigMF metadata: one frequency, a sweep, and a kept sweep of our own."""
    info = {"core:datatype": "cu8", "core:sample_rate": 250_000, "core:version": "1.0.0"}
    captures = [{"core:sample_start": 0, "core:frequency": 433.92e6, "core:datetime": "2022-10-11T08:07:55Z"}]
    swept = [*captures, {"core:sample_start": 2000, "core:frequency": 868e6}]
    keys = {"utc_ns": 1, "monotonic_ns": 2, "pass_index": 0, "hop_index": 0, "gain_db": None, "full_scale": 127.5}
    keys |= {"dropped_samples": 0, "tuner_locked": True}
    plan = {"sample_rate_hz": 250_000, "n_fft": 100, "n_frames": 8, "hop_bins": 80, "hop_centers_hz": [10**8]}
    own = {**info, "quietroom:plan": {**plan, "gain_db": None, "window": "hann"}}
    own |= {"quietroom:instrument": {"driver": "test"}, "quietroom:gaps": []}
    hop = {**captures[0], "core:frequency": 1e8, **{f"quietroom:{name}": value for name, value in keys.items()}}
    documents = [(info, captures), (info, swept), ({**info, "core:dataset": "a.sigmf-data"}, captures), (own, [hop])]
    return [
        json.dumps({"global": one, "captures": list(several), "annotations": []}).encode() for one, several in documents
    ]


def archive_seeds() -> list[bytes]:
    """A SigMF archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in (("a/a.sigmf-meta", meta_seeds()[0]), ("a/a.sigmf-data", bytes(8000))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return [stream.getvalue()]


def raw_seeds() -> list[bytes]:
    """Complex float32, as few as are taken: silence, and a tone."""
    tone = 0.5 * np.exp(2j * np.pi * 0.1 * np.arange(2100))
    return [bytes(8 * 2100), tone.astype("<c8").tobytes()]


def wav_seeds() -> list[bytes]:
    """Three sample types, one with an auxi chunk, one in RF64."""
    seeds = []
    for tag, bits, kind in ((1, 8, "u1"), (1, 16, "<i2"), (3, 32, "<f4")):
        data = np.zeros(4000, kind).tobytes()
        date = struct.pack("<8H", 2022, 10, 2, 11, 8, 7, 55, 0)
        form = struct.pack("<HHIIHH", tag, 2, 250_000, 250_000 * bits // 4, bits // 4, bits)
        chunks = [(b"fmt ", form), (b"auxi", 2 * date + struct.pack("<9I", 433_920_000, *[0] * 8)), (b"data", data)]
        body = b"WAVE" + b"".join(name + struct.pack("<I", len(content)) + content for name, content in chunks)
        seeds.append(b"RIFF" + struct.pack("<I", len(body)) + body)
    return [*seeds, b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, 100, 8000, 2000, 0) + seeds[0][12:]]


def csv_seeds() -> list[bytes]:
    """Lines of rtl_power and of hackrf_sweep, plain and zipped."""
    levels = ", ".join(["-60.5", "-61.25", "nan", "-inf", "-60"])
    line = f"2026-03-02, 18:00:00, 90000, 94000, 1000, 64, {levels}\n"
    rtl = "".join(line.replace("18:00:00", f"18:00:{10 * step:02d}") for step in range(3)).encode()
    hackrf = b"2026-03-02, 18:00:00.5, 100000000, 105000000, 1000000.00, 20, -60, -61, -62, -63, -64\n" * 2
    return [rtl, hackrf, gzip.compress(rtl, mtime=0)]


def scene_seeds() -> list[bytes]:
    """The shipped scenes."""
    folder = Path(__file__).resolve().parents[2] / "sweep/scene/scenes"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]
