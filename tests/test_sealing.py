"""Sealing: the statement, the numbered list, crashes at every step, two processes at once."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest
import rfc8785
from rows import make_plan, make_start, write_journal
from seals import IDENTITY, make_record, make_signer, request_of, seal, unseal

import sweep.seal.sealing as sealing_module
from dsp.errors import RecordError
from sweep.chain import ChainedLog
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.seal.files import seal_path, signature_path
from sweep.seal.ledger import SealLedger
from sweep.seal.sealing import load_seal, seal_record
from sweep.seal.signers import Signer
from sweep.seal.sshsig import read_signature
from sweep.seal.statement import read_seal
from sweep.units import parse_utc
from sweep.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


@pytest.fixture
def signer() -> Signer:
    return make_signer()


def test_what_a_seal_says(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace, n_rows=4)
    before = record.read_bytes()
    made = seal(workspace, signer, record)
    assert record.read_bytes() == before
    text = seal_path(record).read_bytes()
    document = json.loads(text)
    assert text == rfc8785.dumps(document)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"] == [{"name": "lab-1.h5", "digest": {"sha256": hashlib.sha256(before).hexdigest()}}]
    told = document["predicate"]
    with SweepRecord.open(record) as opened:
        assert told["leaves"] == [leaf.hex() for leaf in opened.leaves]
        assert told["schema"] == opened.schema
    assert (told["leaf_count"], told["n_rows"], told["seal_counter"], told["prev_seal"]) == (4, 4, 1, "0" * 64)
    assert told["dongle_serials"] == ["00000001"]
    assert told["signer"] == {"identity": IDENTITY, "fingerprint": signer.key.fingerprint}
    assert told["clock"]["source"] == "clock of the computer"
    assert abs(parse_utc(told["sealed_at"]) - seal_path(record).stat().st_mtime_ns) < 60e9
    assert made.digest == hashlib.sha256(text).hexdigest()
    assert read_signature(signature_path(record).read_bytes()).covers(text)
    assert sorted(path.name for path in workspace.sweeps.iterdir()) == [
        "lab-1.h5",
        "lab-1.seal.json",
        "lab-1.seal.json.sig",
    ]


def test_the_baseline_is_in_it(workspace: Workspace, signer: Signer, tmp_path: Path) -> None:
    journal = workspace.sweeps / "base-1.journal"
    write_journal(journal, baseline=True, start=make_start(make_plan()))
    record = recover(journal)
    (tmp_path / "B1.h5").write_bytes(b"a baseline")
    request = request_of(workspace, signer, record)
    asked: list[tuple[str, str]] = []

    def file_of(name: str, room: str) -> Path:
        asked.append((name, room))
        return tmp_path / "B1.h5"

    made = seal_record(record, replace(request, baseline_file=file_of))
    assert asked == [("B1", "board room")]
    assert made.told.baseline is not None
    assert (made.told.baseline.id, made.told.baseline.sha256) == ("B1", hashlib.sha256(b"a baseline").hexdigest())
    assert made.told.recovered


def test_every_receiver_is_named(workspace: Workspace, signer: Signer) -> None:
    receivers = [{"driver": "rtlsdr", "serial": serial} for serial in ("00000017", "00000042")]
    record = make_record(workspace, instrument={"driver": "rtlsdr", "serial": None, "receivers": receivers})
    assert seal(workspace, signer, record).told.dongle_serials == ("00000017", "00000042")


def test_seals_are_numbered_and_chained(workspace: Workspace, signer: Signer) -> None:
    made = [seal(workspace, signer, make_record(workspace, f"lab-{number}")) for number in range(3)]
    assert [one.told.seal_counter for one in made] == [1, 2, 3]
    assert [one.told.prev_seal for one in made[1:]] == [one.digest for one in made[:-1]]
    assert len({one.told.seal_chain for one in made}) == 1
    entries = SealLedger(workspace.root).entries()
    assert [entry.seal for entry in entries] == [one.digest for one in made]


def test_a_record_is_sealed_once(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace)
    seal(workspace, signer, record)
    with pytest.raises(RecordError, match="is sealed already, as number 1; a seal is never made anew"):
        seal(workspace, signer, record)
    assert len(SealLedger(workspace.root).entries()) == 1


def test_a_damaged_record_is_not_sealed(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace)
    with h5py.File(record, "r+") as file:
        file["entry/data/mean"][2, 0] += 1
    with pytest.raises(RecordError, match="row 2 does not match its hash, so it is not sealed"):
        seal(workspace, signer, record)
    assert not seal_path(record).exists()
    assert SealLedger(workspace.root).entries() == []


class Crash(BaseException):
    """The power goes."""


def crash(*_: object, **__: object) -> None:
    raise Crash


@pytest.mark.parametrize("step", ["sign", "first file", "second file", "list", "list written", "one name", "names"])
def test_a_crash_at_any_step(workspace: Workspace, signer: Signer, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """No number is lost or given twice, and sealing goes on from where it was."""
    seal(workspace, signer, make_record(workspace, "first"))
    record = make_record(workspace, "second")
    with monkeypatch.context() as patch, pytest.raises(Crash):
        _arm(patch, step, sealing_module.write_new)
        seal(workspace, signer, record)
    third = make_record(workspace, "third")
    seal(workspace, signer, third)
    try:
        made = seal(workspace, signer, record)
    except RecordError as error:
        assert "is sealed already, as number 2" in str(error)
        made = load_seal(record)
    numbers = [entry.place.counter for entry in SealLedger(workspace.root).entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    seals = {load_seal(path).told.seal_counter: load_seal(path).digest for path in (record, third)}
    entries = SealLedger(workspace.root).entries()
    assert all(entries[number - 1].seal == digest for number, digest in seals.items())
    assert len(entries) == 3
    assert made.digest in seals.values()
    assert read_signature(signature_path(record).read_bytes()).covers(made.text)
    assert not list(workspace.sweeps.glob("*.part"))


def _arm(patch: pytest.MonkeyPatch, step: str, write_new: Callable[[Path, bytes], None]) -> None:
    count = {"first file": 1, "second file": 2}.get(step)
    left = [count or 0]

    def write(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash
        write_new(path, data)

    if count is not None:
        patch.setattr(sealing_module, "write_new", write)
    elif step == "sign":
        patch.setattr(Signer, "sign", crash)
    elif step == "list":
        patch.setattr(ChainedLog, "_write", crash)
    elif step == "list written":
        before = sealing_module._finish
        calls: list[Path] = []

        def finish(path: Path, ledger: SealLedger) -> None:
            calls.append(path)
            if len(calls) == 2:
                raise Crash
            before(path, ledger)

        patch.setattr(sealing_module, "_finish", finish)
    else:
        rename = Path.rename
        wanted = 2 if step == "one name" else 3
        names: list[Path] = []

        def rename_or_crash(path: Path, target: Path) -> Path:
            names.append(path)
            if len(names) == wanted:
                raise Crash
            return rename(path, target)

        patch.setattr(Path, "rename", rename_or_crash)
        if step == "names":
            patch.setattr(sealing_module, "sync_folder", crash)


def _seal_many(root: Path, who: str) -> None:
    workspace, signer = Workspace.open(root), make_signer()
    for number in range(6):
        seal(workspace, signer, workspace.sweeps / f"{who}-{number}.h5")


def test_two_processes_at_once(workspace: Workspace) -> None:
    for who in ("anna", "bert"):
        for number in range(6):
            make_record(workspace, f"{who}-{number}", n_rows=1)
    context = multiprocessing.get_context("spawn")
    people = [context.Process(target=_seal_many, args=(workspace.root, who)) for who in ("anna", "bert")]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    assert [person.exitcode for person in people] == [0, 0]
    entries = SealLedger(workspace.root).entries()
    assert [entry.place.counter for entry in entries] == list(range(1, 13))
    for entry in entries:
        made = load_seal(workspace.sweeps / entry.record)
        assert (made.digest, made.told.seal_counter) == (entry.seal, entry.place.counter)


def test_a_seal_that_another_command_is_about_to_name(
    workspace: Workspace, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its number and not yet its name: the record is not sealed a second time."""
    record = make_record(workspace)
    with monkeypatch.context() as patch, pytest.raises(Crash):
        _arm(patch, "list written", sealing_module.write_new)
        seal(workspace, signer, record)
    with monkeypatch.context() as patch, pytest.raises(RecordError, match="another command seals it at this moment"):
        patch.setattr(sealing_module, "_finish", lambda *_: None)  # looked a moment before the number was given
        seal(workspace, signer, record)
    assert len(SealLedger(workspace.root).entries()) == 1


def _try_to_seal(root: Path, gate: Any, results: Any) -> None:
    workspace, signer = Workspace.open(root), make_signer()
    gate.wait()
    try:
        results.put(seal(workspace, signer, workspace.sweeps / "lab-1.h5").digest)
    except RecordError as error:
        results.put(str(error))


def test_two_processes_seal_the_same_record(workspace: Workspace) -> None:
    make_record(workspace)
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(2), context.Queue()
    people = [context.Process(target=_try_to_seal, args=(workspace.root, gate, results)) for _ in range(2)]
    for person in people:
        person.start()
    answers = [results.get(timeout=60) for _ in people]
    for person in people:
        person.join(60)
    made = load_seal(workspace.sweeps / "lab-1.h5")
    assert made.digest in answers
    (other,) = (answer for answer in answers if answer != made.digest)
    assert "is sealed already" in other or "another command seals it" in other
    assert len(SealLedger(workspace.root).entries()) == 1


def test_a_list_that_was_changed_takes_no_seal(workspace: Workspace, signer: Signer) -> None:
    seal(workspace, signer, make_record(workspace, "one"))
    path = workspace.root / "seals.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"one.h5"', b'"two.h5"'))
    with pytest.raises(RecordError, match="line 1 was altered; restore it from a copy"):
        seal(workspace, signer, make_record(workspace, "three"))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("predicate"),
        lambda told: told.update(predicateType="urn:quietroom:seal:2"),
        lambda told: told["predicate"].update(root="00"),
        lambda told: told["predicate"].update(seal_counter=0),
        lambda told: told["predicate"]["leaves"].append("0" * 64),
        lambda told: told.update(subject=[]),
        lambda told: told["subject"].append(told["subject"][0]),
    ],
)
def test_what_is_no_seal(workspace: Workspace, signer: Signer, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(seal(workspace, signer, make_record(workspace)).text)
    change(document)
    with pytest.raises(RecordError, match="is no seal of a record"):
        read_seal(rfc8785.dumps(document))


def test_a_lost_seal_can_be_made_again_with_a_new_number(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace)
    seal(workspace, signer, record)
    unseal(record)
    assert seal(workspace, signer, record).told.seal_counter == 2


def test_what_lies_beside_a_record_is_no_way_out_of_its_folder(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace)
    folder = record.with_suffix(".iq")
    folder.mkdir()
    (folder / "pass-0000.sigmf-data").symlink_to("/etc/passwd")
    with pytest.raises(RecordError, match="is not a plain file"):
        seal(workspace, signer, record)
