"""What is kept of a room, and journals and scenes, made to harm: one line, little memory and time, nothing touched."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import rfc8785
from hostile_run import Runner, check, contents
from test_hostile_records import bomb, replace
from test_old_files import VERSIONS, Old

from sweep.journal.framing import HEADER_BYTES, MAGIC, Kind, framed, split_text, unframed, with_text

MEND = "restore|fetch|learn|keep this file|see docs|put the|use |give |delete|make it anew|check the path|save it"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as one:
        yield one


@pytest.fixture
def old(tmp_path: Path) -> Old:
    os.mkfifo(tmp_path / "pipe")  # whoever opens it hangs
    return Old(VERSIONS[-1], tmp_path / "ws")


def refused(runner: Runner, old: Old, words: list[str], path: Path, reason: str) -> None:
    """A command is refused in one line that names the file, and has changed nothing."""
    before = contents(old.workspace.root)
    outcome = runner.run("--workspace", str(old.workspace.root), *words, folder=old.workspace.root)
    check(outcome, old.workspace.root.parent)
    assert outcome.code == 2, outcome.out
    assert path.name in outcome.err
    assert re.search(reason, outcome.err), outcome.err
    assert re.search(MEND, outcome.err), outcome.err
    assert contents(old.workspace.root) == before


# baselines

Attack = Callable[[h5py.File, Path], object]


def attribute(name: str, value: object) -> Attack:
    def attack(file: h5py.File, _: Path) -> None:
        file.attrs[name] = value

    return attack


def linked(file: h5py.File, outside: Path) -> None:
    del file["log_mean"]
    file["log_mean"] = h5py.ExternalLink(str(outside / "pipe"), "/x")


def looped(file: h5py.File, _: Path) -> None:
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


def virtual(file: h5py.File, outside: Path) -> None:
    layout = h5py.VirtualLayout(file["log_mean"].shape, "<f4")
    layout[:] = h5py.VirtualSource(str(outside / "pipe"), "x", layout.shape)
    del file["log_mean"]
    file.create_virtual_dataset("log_mean", layout)


def stored_outside(file: h5py.File, outside: Path) -> None:
    del file["log_mean"]
    file.create_dataset("log_mean", (192,), "<f4", external=[(str(outside / "pipe"), 0, 768)])


def many_scales(file: h5py.File, _: Path) -> None:
    for number in range(5000):
        file[f"excess_variance/{number + 10_000}"] = file["log_mean"]


def visit(**changes: object) -> Attack:
    def attack(file: h5py.File, _: Path) -> None:
        visits = json.loads(file.attrs["visits"])
        file.attrs["visits"] = json.dumps([{**one, **changes} for one in visits])

    return attack


BASELINES: dict[str, tuple[Attack, str]] = {
    "external link": (linked, "log_mean is a link to elsewhere"),
    "loop of soft links": (looped, "a is a link to elsewhere"),
    "virtual data": (virtual, "log_mean has shape"),
    "data outside": (stored_outside, "log_mean has shape"),
    "huge shape": (
        replace("log_mean", shape=(1 << 40,), dtype="<f4", chunks=(65536,)), "log_mean has shape .*1099511627776"
    ),
    "bomb": (bomb("log_mean", "<f4", (1 << 22,), (1 << 18,)), "log_mean would grow to 16777216 bytes"),
    "one chunk of everything": (
        replace("log_mean", shape=(192,), dtype="<f4", chunks=(1 << 28,), maxshape=(None,), compression=1),
        "log_mean (lacks chunks|has chunks of .*268435456)",
    ),
    "many scales": (many_scales, "excess_variance holds 50.. objects"),
    "newer major": (attribute("quietroom_baseline_schema", "3.0.0"), "schema 3.0.0 is not 2, .*use the version that"),
    "schema in numbers": (attribute("quietroom_baseline_schema", np.arange(10_000)), "schema .* is not 2"),
    "schema that moves the cursor": (attribute("quietroom_baseline_schema", "\x1b[2J\r"), "schema .2J is not 2"),
    "fewer than no hops": (attribute("layout_n_hops", -1), "not a readable baseline"),
    "deep JSON": (attribute("visits", "[" * 60_000), "not a readable baseline"),
    "gain in words": (visit(gain_db="loud"), "Expected `float . null`, got `str`"),
    "no passes": (visit(n_passes=0), "has 0 passes"),
    "share of two": (visit(measured_share=2.0), "has a share of 2.0"),
    "others": (lambda file, _: file.attrs.clear(), "has no attribute"),
}  # fmt: skip


@pytest.mark.parametrize("name", BASELINES)
def test_hostile_baselines(name: str, old: Old, tmp_path: Path, runner: Runner) -> None:
    attack, reason = BASELINES[name]
    [path] = (old.workspace.room("lab") / "baselines").glob("*.h5")
    with h5py.File(path, "r+", libver=("v108", "v110")) as file:
        attack(file, tmp_path)
    refused(runner, old, ["compare", str(old.record)], path, reason)
    refused(runner, old, ["baseline", "show", "lab"], path, reason)


def test_a_baseline_that_is_a_pipe_is_refused(old: Old, runner: Runner) -> None:
    [path] = (old.workspace.room("lab") / "baselines").glob("*.h5")
    path.unlink()
    os.mkfifo(path)
    refused(runner, old, ["compare", str(old.record)], path, "is not a plain file|not a readable baseline")


# logs: known emitters, the register, decisions


def chained(path: Path, change: Callable[[dict], object]) -> None:
    """Change each entry, and make its hash again, as whoever wants to may."""
    lines, previous = [], "0" * 64
    for line in path.read_bytes().splitlines():
        entry = json.loads(line)
        change(entry)
        entry["previous"] = previous
        del entry["hash"]
        previous = entry["hash"] = hashlib.sha256(rfc8785.dumps(entry)).hexdigest()
        lines.append(json.dumps(entry).encode() + b"\n")
    path.write_bytes(b"".join(lines))


def log_of(old: Old, name: str) -> tuple[Path, list[str]]:
    """A log, and the command that reads it."""
    return {
        "known": (old.workspace.room("lab") / "known.jsonl", ["compare", str(old.record)]),
        "emitters": (old.workspace.room("lab") / "emitters.jsonl", ["emitters", "lab"]),
        "decisions": (old.record.with_name(old.record.name + ".dispositions.jsonl"), ["findings", str(old.record)]),
    }[name]


def of_another(entry: dict) -> None:
    entry.update({key: "den" for key in ("room", "record") if key in entry})


LOGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "junk": (lambda path: path.write_bytes(b"junk\n" * 40), "line 1 was altered"),
    "empty line": (lambda path: path.write_bytes(b"\n" + path.read_bytes()), "line 1 was altered"),
    "deep JSON": (lambda path: path.write_bytes(b"[" * 1_000_000 + b"\n"), "line 1 was altered"),
    "long number": (lambda path: path.write_bytes(b"9" * 1_000_000 + b"\n"), "line 1 was altered"),
    "much JSON": (lambda path: path.write_bytes(b"[" + b"[]," * (16 << 20) + b"[]]\n"), "line 1 "),
    "too long": (lambda path: os.truncate(path, 1 << 40), "1099511627776 bytes is no log"),
    "edited": (lambda path: path.write_bytes(path.read_bytes().replace(b"Tester", b"Nobody").replace(b"table", b"chair")
                                             ), "line 1 was altered"),
    "of another": (lambda path: chained(path, of_another), "line 1 is about den"),
}  # fmt: skip


@pytest.mark.parametrize("log", ["known", "emitters", "decisions"])
@pytest.mark.parametrize("name", LOGS)
def test_hostile_logs(name: str, log: str, old: Old, runner: Runner) -> None:
    path, words = log_of(old, log)
    LOGS[name][0](path)
    refused(runner, old, words, path, LOGS[name][1])


ENTRIES: dict[str, tuple[str, Callable[[dict], object], str]] = {
    "frequency in words": ("known", lambda entry: entry.update(center_freq_hz="high"), "is no known emitter"),
    "infinite tolerance": ("known", lambda entry: entry.update(tolerance_hz=1e300), "is no known emitter"),
    "escape in a name": ("known", lambda entry: entry.update(name="\x1b[2J"), "is no known emitter"),
    "sightings are none": ("emitters", lambda entry: entry.update(sightings=7), "holds what is no sighting"),
    "sighting outside": (
        "emitters", lambda entry: entry["sightings"][0].update(emitter="../E1"), "holds what is no sighting"
    ),
    "sighting without numbers": (
        "emitters", lambda entry: entry["sightings"][0].update(center_freq_hz=None), "holds what is no sighting"
    ),
    "level in words": (
        "emitters", lambda entry: entry["sightings"][0].update(power_dbfs="loud"), "holds what is no sighting"
    ),
    "position of lists": ("emitters", lambda entry: entry.update(position=[1]), "holds what is no sighting"),
    "decision in lists": ("decisions", lambda entry: entry.update({"as": ["known"]}), "line 1 is no decision"),
    "decision that moves the cursor": (
        "decisions", lambda entry: entry.update(reason="\x1b[2J"), "line 1 is no decision"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_hostile_entries_with_sound_hashes(name: str, old: Old, runner: Runner) -> None:
    log, change, reason = ENTRIES[name]
    path, words = log_of(old, log)
    chained(path, change)
    refused(runner, old, words, path, reason)


@pytest.mark.parametrize("log", ["known", "emitters", "decisions"])
def test_a_log_that_is_a_pipe_is_refused(log: str, old: Old, runner: Runner) -> None:
    path, words = log_of(old, log)
    path.unlink()
    os.mkfifo(path)
    refused(runner, old, words, path, "is not a plain file")


# journals


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Kind and payload of each record."""
    at, found = 0, []
    while at < len(data):
        frame = unframed(data[at : at + HEADER_BYTES], at)
        assert frame is not None
        found.append((frame.kind, data[frame.payload_offset : frame.end]))
        at = frame.end
    return found


def journal_with(kind: Kind, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A journal in which the first record of a kind has another payload, with sound checksums."""

    def attack(data: bytes) -> bytes:
        parts, done = [], False
        for number, (found, payload) in enumerate(frames(data)):
            now = change(payload) if found == kind and not done else payload
            done |= found == kind
            parts.append(framed(Kind(found), number, (now,)))
        return b"".join(parts)

    return attack


def told(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    def attack(payload: bytes) -> bytes:
        text, rest = split_text(payload)
        document = json.loads(text)
        change(document)
        return b"".join(with_text(json.dumps(document).encode(), bytes(rest)))

    return attack


JOURNALS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "holds no whole first record|is not a Quietroom journal"),
    "junk": (lambda data: b"junk" * 1000, "is not a Quietroom journal"),
    "magic only": (lambda data: MAGIC * 100_000, "no whole first record|is damaged"),
    "a header that promises": (
        lambda data: _header(0, 1 << 62), "record 0 at byte 0 is damaged .*4611686018427387904 bytes"
    ),
    "first record cut": (lambda data: data[:100], "no whole first record"),
    "flipped in a row": (lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:], "at byte .* is damaged"),
    "text longer than the record": (
        journal_with(Kind.START, lambda payload: struct.pack("<Q", 1 << 62) + payload[8:]), "its text is cut"
    ),
    "layout of others": (
        journal_with(Kind.START, told(lambda document: document["layout"].update(n_hops=1 << 40))), "layout of"
    ),
    "bomb of JSON": (
        journal_with(Kind.START, lambda payload: b"".join(with_text(b"[" + b"[]," * (8 << 20) + b"1]"))),
        "values, above",
    ),
    "nested JSON": (journal_with(Kind.START, lambda payload: b"".join(with_text(b"[" * 100_000))), "nested too deep"),
    "row of another size": (journal_with(Kind.ROW, lambda payload: payload[:-7]), "record 1 at byte .* is damaged"),
    "row that is none": (journal_with(Kind.ROW, lambda payload: b"".join(with_text(b"{}"))), "row header cannot be"),
    "verdict of its own": (
        journal_with(Kind.CLOSE, told(lambda document: document["judgement"].update(verdict="clean"))), "clean"
    ),
}  # fmt: skip


def _header(sequence: int, length: int) -> bytes:
    fields = (MAGIC, int(Kind.START), sequence, length)
    crc = zlib.crc32(struct.pack("<8sIQQII", *fields, 0, 0))
    return struct.pack("<8sIQQII", *fields, crc, 0) + bytes(100)


@pytest.mark.parametrize("name", JOURNALS)
def test_hostile_journals(name: str, old: Old, runner: Runner) -> None:
    attack, reason = JOURNALS[name]
    old.record.unlink()
    old.journal.write_bytes(attack(old.journal.read_bytes()))
    refused(runner, old, ["recover", str(old.journal)], old.journal, reason)


@pytest.mark.parametrize("room", ["../../outside", "lab\x1b[2J", "x" * 5000, "."])
def test_a_journal_of_a_room_outside_is_refused(room: str, old: Old, runner: Runner) -> None:
    old.record.unlink()
    change = journal_with(Kind.START, told(lambda document: document["start"].update(room=room)))
    data = change(old.journal.read_bytes())
    old.journal.write_bytes(data[: data.rindex(MAGIC)])
    refused(runner, old, ["recover", str(old.journal)], old.journal, "room name .* is not usable")


def test_a_journal_that_is_a_pipe_is_refused(old: Old, runner: Runner) -> None:
    pipe = old.workspace.sweeps / "a.journal"
    os.mkfifo(pipe)
    refused(runner, old, ["recover", str(pipe)], pipe, "is not a plain file")


# scenes and the workspace

SCENES: dict[str, tuple[bytes, str]] = {
    "junk": (os.urandom(1000), "is not UTF-8|is not TOML"),
    "deep": (b"a=" + b"[" * 100_000, "nested too deep|is not TOML"),
    "dotted": (b".".join([b"a"] * 100_000) + b"=1", "nested too deep|is not TOML|unknown field"),
    "too big": (b"#" * (2 << 20), "is larger than"),
    "long number": (b"seed=" + b"9" * 100_000, "is not TOML|out of range|digits"),
    "not finite": (b'schema="quietroom.scene/1"\nseed=1\n[receiver]\ngain_db=nan\n', "nan is not a finite number"),
    "path for a schema": (b'schema="../../etc/passwd"\n', "schema"),
}


@pytest.mark.parametrize("name", SCENES)
def test_hostile_scenes(name: str, old: Old, runner: Runner) -> None:
    content, reason = SCENES[name]
    path = old.workspace.root / "a.toml"
    path.write_bytes(content)
    refused(runner, old, ["sweep", "lab", "--source", f"sim:{path}", "--baseline", "none"], path, reason)


@pytest.mark.parametrize("content", [b"", b"\x1b[2J" * 10_000, b"quietroom workspace 2\n"])
def test_a_workspace_of_others_is_refused(content: bytes, old: Old, runner: Runner) -> None:
    marker = old.workspace.root / ".quietroom"
    marker.write_bytes(content)
    refused(runner, old, ["emitters", "lab"], marker, "which this version of Quietroom does not know")
