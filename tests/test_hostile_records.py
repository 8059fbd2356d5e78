"""Records, baselines and journals that somebody made to harm: one line, little memory and time, nothing touched.

Each attack changes a sound file of the kept ones, and goes through the commands that would read it.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hostile_run import Outcome, Runner, check, contents
from test_old_files import VERSIONS, Old

from reports.exports.formats import FORMATS

READ = ("findings", "compare", "plot", "report", "export", "mark")
WORDS = {
    "export": ["--format", ",".join(FORMATS), "--overwrite"],
    "mark": ["F1", "--as", "known", "--reason", "because", "--by", "me"],
}


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as one:
        yield one


@pytest.fixture
def old(tmp_path: Path) -> Old:
    old = Old(VERSIONS[-1], tmp_path / "ws")
    os.mkfifo(tmp_path / "pipe")  # whoever opens it hangs
    (tmp_path / "outside.txt").write_text("secret\n")
    return old


def run(runner: Runner, old: Old, command: str, *more: str) -> Outcome:
    """Give a command on the record, and check what holds of every command on every file."""
    before = contents(old.workspace.root)
    words = [command, str(old.record if command != "recover" else old.journal), *WORDS.get(command, []), *more]
    outcome = runner.run("--workspace", str(old.workspace.root), *words, folder=old.workspace.root)
    check(outcome, old.workspace.root.parent)
    if outcome.code == 2:
        assert contents(old.workspace.root) == before
    return outcome


# records

Attack = Callable[[h5py.File, Path], object]


def replace(place: str, **how: object) -> Attack:
    """Put another dataset in the place of one."""

    def attack(file: h5py.File, _: Path) -> None:
        del file[place]
        file.create_dataset(place, **how)

    return attack


def note(change: Callable[[dict], object]) -> Attack:
    """Change what is said in JSON."""

    def attack(file: h5py.File, _: Path) -> None:
        document = json.loads(file["entry/processing/data"][0])
        change(document)
        note_text(json.dumps(document).encode())(file, _)

    return attack


def note_text(text: bytes) -> Attack:
    def attack(file: h5py.File, _: Path) -> None:
        del file["entry/processing/data"]
        data = np.array([text])
        file.create_dataset("entry/processing/data", data=data, chunks=(1,), compression=9, fletcher32=True)

    return attack


def soft_loop(file: h5py.File, _: Path) -> None:
    file["entry/a"], file["entry/b"] = h5py.SoftLink("/entry/b"), h5py.SoftLink("/entry/a")


def loop_in_place(file: h5py.File, _: Path) -> None:
    del file["entry/data"]
    file["entry/data"] = h5py.SoftLink("/entry/data")


def hard_loop(file: h5py.File, _: Path) -> None:
    file["entry/again"] = file["/"]


def external(place: str) -> Attack:
    def attack(file: h5py.File, outside: Path) -> None:
        del file[place]
        file[place] = h5py.ExternalLink(str(outside / "pipe"), "/x")

    return attack


def virtual(file: h5py.File, outside: Path) -> None:
    layout = h5py.VirtualLayout(file["entry/data/mean"].shape, "<i2")
    layout[:] = h5py.VirtualSource(str(outside / "pipe"), "x", layout.shape)
    del file["entry/data/mean"]
    file["entry/data"].create_virtual_dataset("mean", layout)


def stored_outside(file: h5py.File, outside: Path) -> None:
    shape = file["entry/data/mean"].shape
    del file["entry/data/mean"]
    file.create_dataset("entry/data/mean", shape, "<i2", external=[(str(outside / "pipe"), 0, 2 * shape[0] * shape[1])])


def deep(file: h5py.File, _: Path) -> None:
    group = file["entry"]
    for _step in range(3000):
        group = group.create_group("g")


def many_links(file: h5py.File, _: Path) -> None:
    group = file.create_group("entry/links")
    for number in range(20_000):
        group[str(number)] = file["entry"]


def strange_filter(file: h5py.File, _: Path) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((1, 192))
    plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    plist.set_fletcher32()
    del file["entry/data/mean"]
    h5py.h5d.create(file["entry/data"].id, b"mean", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((4, 192)), plist)
    file["entry/data/mean"][...] = 1


def bomb(place: str, dtype: object, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Attack:
    """Zeros that grow a thousandfold: one chunk is packed, and written everywhere."""

    def attack(file: h5py.File, _: Path) -> None:
        replace(place, shape=shape, dtype=dtype, chunks=chunks, compression=9, fletcher32=True)(file, _)
        dataset = file[place]
        dataset[tuple(slice(0, size) for size in chunks)] = np.zeros(chunks, dtype)
        _, packed = dataset.id.read_direct_chunk((0,) * len(shape))
        for at in itertools.product(*(range(0, size, chunk) for size, chunk in zip(shape, chunks, strict=True))):
            dataset.id.write_direct_chunk(at, packed)

    return attack


GAP = [("reason", "S1"), ("pass_index", "i1"), ("hop_index", "i1"), ("utc_ns", "i1"), ("monotonic_ns", "i1")]
EVENT = [("kind", "S1"), ("text", "S1"), ("utc_ns", "i1")]


def table_bomb(place: str, dtype: list[tuple[str, str]]) -> Attack:
    return bomb(place, dtype, (10 << 20,), (1 << 20,))


def others(file: h5py.File, _: Path) -> None:
    """As another program writes NeXus."""
    del file.attrs["quietroom_schema"]
    file.attrs["creator"] = "somebody"


def schema(value: object) -> Attack:
    def attack(file: h5py.File, _: Path) -> None:
        file.attrs["quietroom_schema"] = value

    return attack


def schema_of_bytes(file: h5py.File, _: Path) -> None:
    file.attrs["quietroom_schema"] = np.bytes_(b"1.\xff\x1b[2J")


def many_hops(file: h5py.File, _: Path) -> None:
    note(lambda document: document["layout"].update(n_hops=192, hop_bins=1))(file, _)
    bomb("entry/hops/hop_center_freq_hz", "<f8", (4, 1 << 24), (1, 65536))(file, _)


ANYWHERE = READ  # refused by all that read a record
ROWS = ("compare", "report")  # refused by what reads the rows
GAPS = ("plot",)
RECORDS: dict[str, tuple[Attack, str, tuple[str, ...]]] = {
    "external link": (external("entry/data/mean"), "entry/data/mean, a link to somewhere else", ANYWHERE),
    "external group": (external("entry"), "/entry, a link to somewhere else", ANYWHERE),
    "loop of soft links": (soft_loop, "entry/a, a link to somewhere else", ANYWHERE),
    "soft link to itself": (loop_in_place, "entry/data, a link to somewhere else", ANYWHERE),
    "group in itself": (hard_loop, "", ()),
    "virtual data": (virtual, "mean, whose data lie in another file", ANYWHERE),
    "data outside": (stored_outside, "mean, whose data lie in another file", ANYWHERE),
    "groups in groups": (deep, "more than 1000 objects", ANYWHERE),
    "many links": (many_links, "more than 1000 objects", ANYWHERE),
    "unknown filter": (strange_filter, "mean not in chunks with checksums", ANYWHERE),
    "a trillion rows": (
        replace("entry/rows/leaf", shape=(1 << 40, 32), dtype="u1", chunks=(1, 32), fletcher32=True),
        "leaves of shape .*1099511627776, 32.*above 4194304 rows",
        ANYWHERE,
    ),
    "a trillion bins": (
        replace("entry/data/frequency", shape=(1 << 40,), dtype="<f8", chunks=(65536,), fletcher32=True),
        "frequencies of shape .*1099511627776",
        ANYWHERE,
    ),
    "more bins than a record takes": (
        replace("entry/data/frequency", shape=((1 << 22) + 1,), dtype="<f8", chunks=(65536,), fletcher32=True),
        "frequencies of shape .*4194305,.* not 1 to 4194304 bins",
        ANYWHERE,
    ),
    "stays of a million dwells": (
        replace("entry/stays/hops/hop_flags", shape=(1, 1 << 20), dtype="u1", chunks=(1, 65536), fletcher32=True),
        "stays/rows of 1048576 hops and .* bins, above 65536 and 4194304",
        ANYWHERE,
    ),
    "a note of a terabyte": (
        replace("entry/processing/data", shape=(1,), dtype="S2147483647", chunks=(1,)),
        "processing note that is no text of up to",
        ANYWHERE,
    ),
    "bomb of rows": (bomb("entry/data/mean", "<i2", (4, 1 << 27), (1, 65536)), "data/mean", ANYWHERE),
    "bomb of bursts": (bomb("entry/bursts/burst_8", "<i2", (4, 1 << 22), (1, 65536)), "burst_8", ANYWHERE),
    "bomb of hops": (many_hops, "hop", ANYWHERE),
    "bomb of the waterfall": (
        bomb("entry/waterfall/level", "<f4", (1 << 13, 1 << 13), (512, 512)),
        "waterfall of shape .*8192, 8192",
        ("plot", "report"),
    ),
    "one chunk of everything": (
        replace(
            "entry/data/mean",
            shape=(4, 192),
            dtype="<i2",
            chunks=(4, 1 << 26),
            maxshape=(4, None),
            compression=1,
            fletcher32=True,
        ),
        "in chunks of .*67108864.*above",
        ANYWHERE,
    ),
    "bomb of gaps": (table_bomb("entry/gaps", GAP), "gaps", GAPS),
    "bomb of events": (table_bomb("entry/events", EVENT), "events", GAPS),
    "bomb of JSON": (note_text(b'{"start":[' + b"[]," * (20 << 20) + b"[]]}"), "processing note .*values", ANYWHERE),
    "nested JSON": (note_text(b"[" * 1_000_000), "processing note", ANYWHERE),
    "JSON that is none": (note_text(b"{oops"), "processing note", ANYWHERE),
    "infinite JSON": (note_text(b'{"start": Infinity}'), "processing note .*Infinity", ANYWHERE),
    "no judgement": (note(lambda document: document.pop("judgement")), "processing note .*judgement", ANYWHERE),
    "verdict of its own": (
        note(lambda document: document["judgement"].update(verdict="clean")),
        "processing note .*clean",
        ANYWHERE,
    ),
    "other frequencies": (note(lambda document: document["layout"].update(n_hops=7)), "layout of 7 hops", ANYWHERE),
    "a million hops": (note(lambda document: document["layout"].update(n_hops=1 << 40)), "layout of 109951", ANYWHERE),
    "room outside": (
        note(lambda document: document["start"].update(room="../../outside")),
        r"room name .\.\./\.\./outside. is not usable",
        ("compare",),
    ),
    "schema of others": (others, "not a Quietroom sweep record", ANYWHERE),
    "newer major": (schema("2.0.0"), "has schema 2.0.0, and this Quietroom reads 1.x: update", ANYWHERE),
    "newer minor": (schema("1.99.0"), "", ()),
    "schema in numbers": (schema(np.arange(1000)), "schema version that is no text", ANYWHERE),
    "schema that is no text": (schema_of_bytes, "schema", ()),
    "changed level": (bomb("entry/data/mean", "<i2", (4, 192), (4, 192)), "row 0, 1, 2, 3 of 4 does not match", ROWS),
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", RECORDS)
def test_hostile_records(name: str, old: Old, tmp_path: Path, runner: Runner) -> None:
    attack, reason, refusing = RECORDS[name]
    with h5py.File(old.record, "r+", libver=("v108", "v110")) as file:
        attack(file, tmp_path)
    for command in READ:
        outcome = run(runner, old, command)
        if command in refusing:
            assert outcome.code == 2
            assert old.record.name in outcome.err
            assert re.search(reason, outcome.err), outcome.err
            assert re.search("fetch|update|use an intact copy|give|start with", outcome.err), outcome.err  # what to do


PROGRAMS = [
    "\x1b[2J\x1b]0;owned\x07",
    "=cmd|' /C calc'!A0",
    "  +1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "<script>alert(1)</script>",
    "</text><image href='file:///etc/passwd'/>",
    '#read("/etc/passwd") #panic() $x$ \\ */',
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "a\r\nb",
    "\u202egpj.exe",
    "",
    "x" * 5000,
]


@pytest.mark.parametrize("text", PROGRAMS, ids=range(len(PROGRAMS)))
def test_texts_of_a_record_are_never_obeyed(text: str, old: Old, runner: Runner) -> None:
    """Neither by the terminal, nor by a spreadsheet, a browser, or the typesetter."""

    def change(document: dict) -> None:
        document["start"].update(position=text, operator=text, title=text, source=text)
        document["start"]["instrument"].update(antenna=text, serial=text, notes=[text])
        finding = document["judgement"]["findings"][0]
        finding.update(signal_type=text, allocation=text, known_as=text)
        finding["threat"]["reasons"] = [text]
        document["judgement"]["reasons"] = [text]

    with h5py.File(old.record, "r+", libver=("v108", "v110")) as file:
        note(change)(file, old.record)
    for command in ("findings", "report", "plot", "export"):
        outcome = run(runner, old, command, *(["--html"] if command == "report" else []))
        assert outcome.code in (0, 3), outcome.err
        assert all(letter.isprintable() or letter == "\n" for letter in outcome.out)
    reports, stem = old.workspace.reports, old.record.stem
    page = (reports / f"{stem}.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "root:x:" not in page
    assert "<image href" not in page
    with (reports / f"{stem}.csv").open(newline="", encoding="utf-8") as table:
        for line in csv.reader(table):
            for cell in line:
                assert not cell.lstrip().startswith(("=", "+", "-", "@")) or _is_number(cell), cell


def _is_number(cell: str) -> bool:
    """A level such as -61.2 is a number to a spreadsheet, and stays one."""
    return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell) is not None
