"""Captures made to harm, given to ``quietroom replay``: one line, little memory and time, nothing touched."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_run import Runner, check, contents

from sweep.workspace import Workspace

Attack = Callable[[Path], Path]
INFO = {"core:datatype": "cu8", "core:sample_rate": 250_000, "core:version": "1.0.0"}
CAPTURE = {"core:sample_start": 0, "core:frequency": 433.92e6, "core:datetime": "2022-10-11T08:07:55Z"}
SWEEP = "2026-03-02, 18:00:00, 90000, 94000, 1000, 64, -60, -61, -62, -63, -63\n"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as one:
        yield one


def sigmf(captures: object = (CAPTURE,), *, n_bytes: int = 40_000, text: bytes | None = None, **info: object) -> Attack:
    def make(folder: Path) -> Path:
        fields = {**INFO, **{name.replace("_", ":", 1): value for name, value in info.items()}}
        document = {"global": fields, "captures": captures, "annotations": []}
        path = folder / "a.sigmf-meta"
        path.write_bytes(json.dumps(document).encode() if text is None else text)
        (folder / "a.sigmf-data").write_bytes(bytes(n_bytes))
        return path

    return make


def linked_samples(folder: Path) -> Path:
    path = sigmf()(folder)
    (folder / "a.sigmf-data").unlink()
    (folder / "a.sigmf-data").symlink_to(folder.parent / "pipe")
    return path


def archive(*members: tuple[str, bytes, int | None]) -> Attack:
    """Members with the size that they claim, where it is another."""

    def make(folder: Path) -> Path:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, data, claimed in members:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
                if claimed is not None:
                    head = tarfile.TarInfo(name)
                    head.size = claimed
                    whole = stream.getvalue().replace(member.tobuf(), head.tobuf())
                    stream.seek(0)
                    stream.write(whole)
        return write("a.sigmf", stream.getvalue())(folder)

    return make


def write(name: str, data: bytes) -> Attack:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def wav(*, stated: int, rate: int = 250_000, bits: int = 8, data: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", 1, 2, rate, rate, 2, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", stated) + data
    return b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + body


def sparse(name: str, size: int, head: bytes = b"") -> Attack:
    def make(folder: Path) -> Path:
        path = write(name, head)(folder)
        os.truncate(path, size)
        return path

    return make


def pipe(name: str) -> Attack:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


META = json.dumps({"global": INFO, "captures": [CAPTURE], "annotations": []}).encode()
LATER = {**CAPTURE, "core:sample_start": 10_000, "core:datetime": "2022-10-11T08:07:54Z"}
ARCHIVE = "is cut or damaged|not one of each|is not an"
FACTS = ["--rate", "250k", "--center", "433.92M"]
ATTACKS: dict[str, tuple[Attack, str]] = {
    "samples outside": (
        sigmf(core_dataset="../outside.txt"), r"names the samples '\.\./outside\.txt'.*nothing was opened"
    ),
    "samples anywhere": (sigmf(core_dataset="/etc/passwd"), "core:dataset: '/etc/passwd'"),
    "samples of a name too long": (sigmf(core_dataset="9" * 400), "has no samples: '999"),
    "samples are a link": (linked_samples, "names the samples .*nothing was opened"),
    "wrong datatype": (sigmf(core_datatype="rf64_le"), "core:datatype 'rf64_le' is real samples"),
    "datatype of objects": (sigmf(core_datatype={"x": 1}), "core:datatype .* is not supported"),
    "captures out of order": (sigmf([{**CAPTURE, "core:sample_start": 9000}, CAPTURE]), "captures?"),
    "times out of order": (sigmf([CAPTURE, LATER]), "captures out of order"),
    "beyond the samples": (sigmf([{**CAPTURE, "core:sample_start": 1 << 50}]), "but there are 20000 samples"),
    "header beyond the samples": (sigmf([{**CAPTURE, "core:header_bytes": 1 << 50}]), "no whole number"),
    "offset beyond everything": (sigmf(core_offset=1 << 60), "but there are|is not valid"),
    "rate beyond everything": (sigmf(core_sample_rate=1e308), "sample rate|core:sample_rate"),
    "rate of nothing": (sigmf(core_sample_rate=0), "core:sample_rate"),
    "many channels": (sigmf(core_num_channels=1 << 40), "channels of cu8; one is supported"),
    "wrong checksum": (sigmf(core_sha512="0" * 128), "are not those that were recorded"),
    "nested metadata": (sigmf(text=b"[" * 1_000_000), "is not SigMF metadata"),
    "much metadata": (sigmf(text=b'{"global":{},"captures":[' + b"{}," * (8 << 20) + b"{}]}"), "values, above"),
    "many captures": (sigmf([CAPTURE] * 200_000), "200000 captures"),
    "metadata of a terabyte": (sparse("a.sigmf-meta", 1 << 40), "no metadata is that long"),
    "metadata is a pipe": (pipe("a.sigmf-meta"), "is not an ordinary file"),
    "archive that lies": (
        archive(("a.sigmf-meta", META, None), ("a.sigmf-data", bytes(8000), 1 << 32)), ARCHIVE
    ),
    "archive with a long head": (
        archive(("a.sigmf-meta", META, 1 << 32), ("a.sigmf-data", bytes(8000), None)), ARCHIVE
    ),
    "archive of many": (archive(*[("x", b"", None)] * 2000), "more than 1000 members"),
    "WAV without samples": (write("a.wav", wav(stated=0xFFFFFFF0)), "holds no samples"),
    "WAV of no rate": (write("a.wav", wav(stated=8000, rate=0, data=bytes(8000))), "sample rate of 0 Hz"),
    "WAV of odd bits": (write("a.wav", wav(stated=8000, bits=65535, data=bytes(8000))), "65535-bit samples"),
    "WAV of chunks": (
        write("a.wav", b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 100_000), "more than 1000 chunks"
    ),
    "WAV that claims a format": (write("a.wav", b"RIFF" + b"\xff" * 4 + b"WAVEfmt \xff\xff\xff\xff"), "fmt chunk of 0"),
    "a million columns": (write("a.csv", b"1," * 1_000_000 + b"\n"), "line 1 is not as rtl_power"),
    "a line without end": (sparse("a.csv", 1 << 40, b"1,"), "line 1 is longer than"),
    "NaN": (write("a.csv", SWEEP.replace("90000", "nan").encode()), "covers nan to"),
    "infinite": (write("a.csv", SWEEP.replace("94000", "inf").encode()), "covers 90000 to inf"),
    "steps of nothing": (write("a.csv", SWEEP.replace(" 1000,", " 1e-300,").encode()), "levels for|steps of"),
    "steps of less than nothing": (write("a.csv", SWEEP.replace(" 1000,", " 5e-324,").encode()), "steps of 4.9"),
    "level of nothing": (write("a.csv", SWEEP.replace("-62", "1e308").encode()), "level 1e.308 dB .* is impossible"),
    "formulas": (write("a.csv", b'=cmd|"/C calc"!A0,=1+1,@x,+1,-1,=2,=3,=4\n'), "line 1 is not as rtl_power"),
    "bomb of lines": (write("a.csv.gz", gzip.compress(b"\0" * (64 << 20))), "line 1 is longer than|is not as"),
    "bomb of bands": (
        write("a.csv", "".join(SWEEP.replace("90000", f"{90_000 + step}").replace("94000", f"{94_000 + step}")
                               for step in range(20_000)).encode()), "line 4001 .* covers 98000 to 98000 Hz"
    ),
    "raw that is a pipe": (pipe("a.cu8"), "is not an ordinary file"),
    "raw of HDF5": (write("a.cu8", b"\x89HDF\r\n\x1a\n" + bytes(8000)), "is an HDF5 file, not samples"),
    "raw of nothing finite": (write("a.cf32", b"\xff" * 80_000), "sample 0 is nan, not a number within reach"),
    "a device": (lambda _: Path("/dev/zero"), "is not an ordinary file"),
}  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_captures(name: str, tmp_path: Path, runner: Runner) -> None:
    attack, reason = ATTACKS[name]
    workspace = Workspace.create(tmp_path / "ws")
    folder = tmp_path / "captures"
    folder.mkdir()
    os.mkfifo(tmp_path / "pipe")  # whoever opens it hangs
    (tmp_path / "outside.txt").write_text("secret\n" * 10_000)
    path = attack(folder)
    before = contents(tmp_path)
    told = FACTS if path.suffix in (".cu8", ".cf32") or path.name == "zero" else []
    outcome = runner.run("--workspace", str(workspace.root), "replay", "lab", str(path), *told, folder=tmp_path)
    check(outcome, tmp_path)
    assert outcome.code == 2, outcome.out
    assert path.name.partition(".")[0] in outcome.err
    assert re.search(reason, outcome.err), outcome.err
    assert contents(tmp_path) == before


def test_a_wav_that_lies_about_its_length_is_used_as_far_as_it_goes(tmp_path: Path, runner: Runner) -> None:
    """What was recorded is evidence, also where the recorder died before it wrote the sizes; a note says so."""
    workspace = Workspace.create(tmp_path / "ws")
    path = write("a.wav", wav(stated=0xFFFFFFF0, data=bytes(range(256)) * 400))(tmp_path)
    words = ["replay", "lab", str(path), "--center", "433.92M"]
    outcome = runner.run("--workspace", str(workspace.root), *words, folder=tmp_path)
    check(outcome, tmp_path)
    assert outcome.code in (0, 3)
    said = " ".join(outcome.out.split())
    assert "the header promises 4294967280 bytes of samples, the file holds 102400: those are used" in said
