"""The readers of outside bytes by name: what they begin with, and how each reads an input."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema
import rfc8785
import sigmf

from baselines.disposition import log_path, read_log
from baselines.known import room_list
from baselines.register import EmitterRegister
from baselines.store import BaselineStore
from benchmarks.fuzz import seeds
from benchmarks.fuzz.edits import edited
from benchmarks.fuzz.images import slim_baseline, slim_records
from benchmarks.fuzz.seals import (
    read_seal_file,
    read_signature_file,
    read_signers_file,
    read_token_file,
    seal_seeds,
)
from benchmarks.fuzz.trees import edited_canonical, edited_csv, edited_json, edited_toml
from dsp.errors import QuietroomError
from sweep.journal import JournalReader
from sweep.journal.framing import Kind, framed
from sweep.record import SweepRecord
from sweep.scene.loading import load_scene
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.rtltcp_stream import RtlTcpStream

__all__ = ["READERS", "Reader"]

_TOLD = SourceOptions(sample_rate_hz=250_000, center_freq_hz=433_920_000)
_NOTHING = SourceOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader.

    Attributes
    ----------
    seeds : callable
        Gives the sound inputs.
    read : callable
        Takes a folder of its own and an input; writes the input to a file where the reader wants one, and reads all
        that it offers. A refusal is a ``QuietroomError``.
    longest : int
        Bytes of the longest input.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path, bytes], None]
    longest: int


def _put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _record(folder: Path, data: bytes) -> None:
    with SweepRecord.open(_put(folder, "a.h5", data)) as record:
        for part in (_spectra, _told, lambda record: record.verify_rows(), lambda record: record.verify_looks()):
            with contextlib.suppress(QuietroomError):  # one part refused is no reason to leave the others alone
                part(record)


def _spectra(record: SweepRecord) -> None:
    _ = record.waterfall, record.summary_mean_dbfs, record.summary_max_dbfs


def _told(record: SweepRecord) -> None:
    _ = record.plan, record.instrument, record.judgement, record.gaps, record.notes, record.looks


def _baseline(folder: Path, data: bytes) -> None:
    _put(folder, "lab/baselines/a.h5", data)
    BaselineStore(folder / "lab").load()


def _journal(folder: Path, data: bytes) -> None:
    with JournalReader(_put(folder, "a.journal", data)) as journal:
        for part in (lambda: list(journal.rows()), lambda: journal.leaves, lambda: journal.look_leaves):
            with contextlib.suppress(QuietroomError):
                part()


def _payloads(folder: Path, data: bytes) -> None:
    """The same with sound checksums, so that the input reaches what is behind them."""
    parts, at = [], 0
    while at + 5 <= len(data):
        kind, length = struct.unpack_from("<BI", data, at)
        payload = data[at + 5 : at + 5 + min(length, 1 << 20)]
        parts.append(framed(Kind(1 + (kind - 1) % len(Kind)), len(parts), (payload,)))
        at += 5 + len(payload)
    _journal(folder, b"".join(parts))


def _capture(name: str, options: SourceOptions = _TOLD) -> Callable[[Path, bytes], None]:
    def read(folder: Path, data: bytes) -> None:
        _replay(_put(folder, name, data), options)

    return read


@cache
def _sigmf_validator() -> Any:
    return jsonschema.validators.validator_for(schema := sigmf.schema.get_schema())(schema)


def _validate(instance: object, schema: object) -> None:
    """What the package sigmf calls, without checking its own schema against that of schemas for every input."""
    if (error := jsonschema.exceptions.best_match(_sigmf_validator().iter_errors(instance))) is not None:
        raise error


def _replay(path: Path, options: SourceOptions) -> None:
    with mock.patch("jsonschema.validators.validate", _validate):
        captures = open_captures([path], options)
    for source in captures:
        try:
            blocks = source.blocks(2) if hasattr(source, "blocks") else source.rows()
            for _ in islice(blocks, 4):
                pass
        finally:
            source.close()


def _meta(folder: Path, data: bytes) -> None:
    if not (folder / "a.sigmf-data").exists():
        (folder / "a.sigmf-data").write_bytes(bytes(8000))
    _replay(_put(folder, "a.sigmf-meta", data), _NOTHING)


def _sidecar(folder: Path, data: bytes) -> None:
    if not (folder / "a.C8").exists():
        (folder / "a.C8").write_bytes(bytes(8000))
    _put(folder, "a.TXT", data)
    _replay(folder / "a.C8", SourceOptions(sample_format="ci8"))


def _scene(folder: Path, data: bytes) -> None:
    load_scene(str(_put(folder, "a.toml", data)))


def _log(folder: Path, data: bytes) -> None:
    """Lines with the hashes that they should have: the entries themselves are what nobody vouches for."""
    lines, previous = [], "0" * 64
    for line in data.splitlines():
        with contextlib.suppress(ValueError, RecursionError, rfc8785.CanonicalizationError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                entry = {**entry, "sequence": len(lines), "previous": previous}
                entry.pop("hash", None)
                previous = entry["hash"] = hashlib.sha256(rfc8785.dumps(entry)).hexdigest()
                line = json.dumps(entry).encode()  # noqa: PLW2901 - the line with its hash
        lines.append(line)
    room = folder / "lab"
    whole = b"".join(line + b"\n" for line in lines)
    _put(folder, "lab/known.jsonl", whole)
    _put(folder, "lab/emitters.jsonl", whole)
    record = folder / "lab-20260304T090000Z.h5"
    log_path(record).write_bytes(whole)
    for read in (room_list(room).entries, EmitterRegister(room).sightings, lambda: read_log(record)):
        with contextlib.suppress(QuietroomError):
            read()


def _rtl_tcp(_: Path, data: bytes) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    sender = threading.Thread(target=_serve, args=(theirs, data))
    sender.start()
    try:
        with mock.patch("socket.create_connection", lambda *_: ours):
            stream = RtlTcpStream("fuzz", 1234, sample_rate_hz=2_400_000, timeout_s=0.02)
        try:
            stream.collect(0, 100)
        finally:
            stream.close()
    finally:
        theirs.close()
        sender.join()


def _serve(theirs: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)


def _edited(
    edit: Callable[[bytes, bytes], bytes], read: Callable[[Path, bytes], None], sound: Callable[[], list[bytes]]
) -> Reader:
    """Reads what a recipe of edits makes of a sound input; its last byte says of which."""
    sounds = sound()

    def run(folder: Path, data: bytes) -> None:
        read(folder, edit(sounds[sum(data[-1:]) % len(sounds)], data[:-1]))

    return Reader(seeds=_recipes, read=run, longest=33)


def _sound_records() -> list[bytes]:
    return list(dict.fromkeys(slim for whole in seeds.kept("sweeps/*.h5.gz") for slim in slim_records(whole)))


def _sound_baselines() -> list[bytes]:
    return [slim_baseline(whole) for whole in seeds.kept("rooms/lab/baselines/*.h5.gz")[:-1]]


def _lines() -> list[bytes]:
    return seeds.kept("rooms/lab/*.jsonl") + seeds.kept("sweeps/*.jsonl")


def _recipes() -> list[bytes]:
    """One edit to four, and the number of the file that they change."""
    return [bytes(range(start, start + 4 * (1 + start % 4) + 1)) for start in range(0, 230, 5)]


_JOURNALS = "sweeps/*.journal.gz"


def _readers() -> Iterator[tuple[str, Reader]]:
    yield "record", Reader(seeds=_sound_records, read=_record, longest=1 << 17)
    yield "record-edited", _edited(edited, _record, _sound_records)
    yield "baseline", Reader(seeds=_sound_baselines, read=_baseline, longest=1 << 17)
    yield "baseline-edited", _edited(edited, _baseline, _sound_baselines)
    yield "journal", Reader(seeds=lambda: seeds.kept(_JOURNALS), read=_journal, longest=1 << 17)
    yield (
        "journal-payloads",
        Reader(seeds=lambda: [seeds.payloads(one) for one in seeds.kept(_JOURNALS)], read=_payloads, longest=1 << 16),
    )
    yield "sigmf-meta", Reader(seeds=seeds.meta_seeds, read=_meta, longest=1 << 13)
    yield "sigmf-edited", _edited(edited_json, _meta, seeds.meta_seeds)
    yield "sigmf-archive", Reader(seeds=seeds.archive_seeds, read=_capture("a.sigmf", _NOTHING), longest=1 << 15)
    yield "raw", Reader(seeds=seeds.raw_seeds, read=_capture("a.cf32"), longest=1 << 15)
    yield (
        "sidecar",
        Reader(seeds=lambda: [b"sample_rate=500000\ncenter_frequency=433920000\n"], read=_sidecar, longest=1 << 10),
    )
    yield "wav", Reader(seeds=seeds.wav_seeds, read=_capture("a.wav"), longest=1 << 15)
    yield "csv", Reader(seeds=seeds.csv_seeds, read=_capture("a.csv"), longest=1 << 13)
    yield "csv-edited", _edited(edited_csv, _capture("a.csv"), lambda: seeds.csv_seeds()[:2])
    yield "scene-edited", _edited(edited_toml, _scene, seeds.scene_seeds)
    yield "seal-edited", _edited(edited_canonical, read_seal_file, lambda: [seal_seeds()["seal"]])
    yield "scene", Reader(seeds=seeds.scene_seeds, read=_scene, longest=1 << 14)
    yield "logs", Reader(seeds=_lines, read=_log, longest=1 << 13)
    yield (
        "rtl_tcp",
        Reader(seeds=lambda: [b"RTL0" + struct.pack(">II", 5, 29) + bytes(300)], read=_rtl_tcp, longest=1 << 10),
    )
    for name, read in (("seal", read_seal_file), ("signature", read_signature_file), ("signers", read_signers_file)):
        yield name, Reader(seeds=lambda name=name: [seal_seeds()[name]], read=read, longest=1 << 13)
    yield "time-token", Reader(seeds=lambda: [bytes.fromhex("30053003020100")], read=read_token_file, longest=1 << 12)


READERS: dict[str, Reader] = dict(_readers())
