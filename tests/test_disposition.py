"""The disposition log: an append-only chain, kept by several people at once."""

from __future__ import annotations

import json
import multiprocessing
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785
from rows import write_journal

from baselines.disposition import DISPOSITIONS, log_path, mark, read_log
from dsp.errors import ParameterError, RecordError
from sweep.recovery import recover
from sweep.units import parse_utc


@pytest.fixture
def record(tmp_path: Path) -> Path:
    journal = tmp_path / "lab-1.journal"
    write_journal(journal)
    return recover(journal)


def decide(record: Path, number: int = 0, *, by: str = "A. Auditor") -> None:
    mark(record, "F1", as_=DISPOSITIONS[number % 4], reason=f"because of {number} — Gebäude", by=by)


def test_decisions_are_kept_in_order(record: Path) -> None:
    assert read_log(record) == []
    before = record.read_bytes()
    for number in range(4):
        decide(record, number)
    entries = read_log(record)
    assert [entry["as"] for entry in entries] == list(DISPOSITIONS)
    assert [entry["sequence"] for entry in entries] == [0, 1, 2, 3]
    assert entries[2]["reason"] == "because of 2 — Gebäude"
    assert {entry["record"] for entry in entries} == {record.name}
    times = [parse_utc(entry["time"]) for entry in entries]
    assert times == sorted(times)
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    assert record.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"as_": "fine"}, "disposition 'fine' is unknown; use one of known, explained, suspicious, device"),
        ({"reason": "  "}, "a decision needs a reason; give it in words, not as '  '"),
        ({"by": ""}, "a decision needs a name; give it in words, not as ''"),
        ({"by": "A\udcff"}, r"a decision needs a name; give it in words, not as 'A\\udcff'"),
        ({"reason": "line\nline"}, r"a decision needs a reason; give it in words, not as 'line\\nline'"),
        ({"finding": "F9"}, "has no finding 'F9'; it has F1"),
    ],
)
def test_what_cannot_be_decided(record: Path, change: dict[str, str], message: str) -> None:
    words = {"finding": "F1", "as_": "known", "reason": "ours", "by": "A", **change}
    with pytest.raises(ParameterError, match=message):
        mark(record, words["finding"], as_=words["as_"], reason=words["reason"], by=words["by"])
    assert not log_path(record).exists()


def test_a_damaged_record_takes_no_decision(record: Path) -> None:
    record.write_bytes(record.read_bytes()[:3000])
    with pytest.raises(RecordError, match=f"{record}"):
        decide(record)


def rewrite(record: Path, lines: list[bytes]) -> None:
    log_path(record).write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("edited", "line 3 was altered"),
        ("edited with its hash", "line 4 does not follow line 3, which was altered and given a new hash"),
        ("removed", "line 3 was line 4 when it was written: lines were removed, put in or reordered"),
        ("put in twice", "line 4 was line 3 when it was written"),
        ("swapped", "line 2 was line 3 when it was written"),
        ("not JSON", "line 3 was altered"),
        ("a key more", "line 3 was altered"),
        ("not an object", "line 3 was altered"),
        ("first removed", "line 1 was line 2 when it was written"),
    ],
)
def test_the_line_that_breaks_the_chain_is_named(record: Path, name: str, told: str) -> None:
    for number in range(5):
        decide(record, number)
    lines = log_path(record).read_bytes().splitlines()
    third = json.loads(lines[2])
    match name:
        case "edited":
            lines[2] = json.dumps({**third, "as": "known"}).encode()
        case "edited with its hash":
            lines[2] = json.dumps(_rehashed({**third, "as": "known"})).encode()
        case "removed":
            del lines[2]
        case "put in twice":
            lines.insert(3, lines[2])
        case "swapped":
            lines[1], lines[2] = lines[2], lines[1]
        case "not JSON":
            lines[2] = lines[2][:-1]
        case "a key more":
            lines[2] = json.dumps({**third, "note": "x"}).encode()
        case "not an object":
            lines[2] = b'"text"'
        case "first removed":
            del lines[0]
    rewrite(record, lines)
    with pytest.raises(RecordError, match=f"{told}.*; restore it from a copy"):
        read_log(record)
    held = log_path(record).read_bytes()
    with pytest.raises(RecordError, match=told):
        decide(record)
    assert log_path(record).read_bytes() == held


def _rehashed(entry: dict[str, object]) -> dict[str, object]:
    """An edit by somebody who knows how the chain is made."""
    body = {key: value for key, value in entry.items() if key != "hash"}
    return {**body, "hash": sha256(rfc8785.dumps(body)).hexdigest()}


def test_numbers_that_no_hash_is_defined_for(record: Path) -> None:
    decide(record)
    entry = json.loads(log_path(record).read_bytes())
    for forged in ({"sequence": 1 << 60, "hash": ""}, {"sequence": 1 << 60, "hash": None}, {"sequence": float("nan")}):
        rewrite(record, [json.dumps({**entry, **forged}).encode()])
        with pytest.raises(RecordError, match="line 1 was altered"):
            read_log(record)
    rewrite(record, [b"[" * 100_000])
    with pytest.raises(RecordError, match="line 1 was altered"):
        read_log(record)


@pytest.mark.parametrize("kept", [0.1, 0.9])
def test_a_line_that_a_power_cut_left_unfinished(record: Path, kept: float) -> None:
    """It was never acknowledged, so it does not count, and the next decision takes its place."""
    for number in range(3):
        decide(record, number)
    lines = log_path(record).read_bytes().splitlines(keepends=True)
    log_path(record).write_bytes(b"".join(lines[:2]) + lines[2][: int(kept * len(lines[2]))])
    assert [entry["reason"][:12] for entry in read_log(record)] == ["because of 0", "because of 1"]
    decide(record, 7)
    assert [entry["reason"][:12] for entry in read_log(record)] == ["because of 0", "because of 1", "because of 7"]


@pytest.mark.parametrize("left", [bytes(64), bytes([10, 1, 200, 10]) * 16], ids=["zeros", "other data"])
def test_a_line_of_which_a_power_cut_left_the_end_only(record: Path, left: bytes) -> None:
    """The sectors of a line reach the disk in any order; a line that a hand edited has no such hole."""
    for number in range(3):
        decide(record, number)
    lines = log_path(record).read_bytes().splitlines(keepends=True)
    log_path(record).write_bytes(b"".join(lines[:2]) + lines[2][:20] + left + lines[2][84:])
    assert len(read_log(record)) == 2
    decide(record, 7)
    assert [entry["reason"][:12] for entry in read_log(record)] == ["because of 0", "because of 1", "because of 7"]
    log_path(record).write_bytes(lines[0] + lines[1][:20] + left + lines[1][84:] + lines[2])
    with pytest.raises(RecordError, match="line 2 was altered"):
        read_log(record)


def test_a_last_line_without_its_end_counts(record: Path) -> None:
    decide(record, 0)
    log_path(record).write_bytes(log_path(record).read_bytes()[:-1])
    assert len(read_log(record)) == 1
    decide(record, 1)
    assert len(read_log(record)) == 2


def test_a_log_that_nobody_wrote(record: Path) -> None:
    with log_path(record).open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(RecordError, match="67108865 bytes is no log that people wrote; restore it from a copy"):
        read_log(record)


def _decide_often(record: Path, by: str) -> None:
    for number in range(12):
        decide(record, number, by=by)


def test_two_people_at_once_keep_one_chain(record: Path) -> None:
    context = multiprocessing.get_context("spawn")
    people = [context.Process(target=_decide_often, args=(record, by)) for by in ("Anna", "Bert")]
    for person in people:
        person.start()
    for person in people:
        person.join(30)
    assert [person.exitcode for person in people] == [0, 0]
    entries = read_log(record)
    assert [entry["sequence"] for entry in entries] == list(range(24))
    assert sorted(entry["by"] for entry in entries) == ["Anna"] * 12 + ["Bert"] * 12
