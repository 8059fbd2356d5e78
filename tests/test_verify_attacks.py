"""The matrix of attacks: each must be caught, and the row must be named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import make_plan, make_row, make_start, write_journal
from seals import allowed_line, edit, forge, make_record, make_signer, seal, unseal, write_record

from baselines.disposition import decision_log, log_path, mark
from sweep.model import SweepRow
from sweep.recovery import recover
from sweep.seal.allowed_signers import AllowedSigner, read_allowed_signers
from sweep.seal.claims import Claim, Result, State
from sweep.seal.files import seal_path, signature_path
from sweep.seal.ledger import SealLedger
from sweep.seal.register import Register
from sweep.seal.sealing import head_of, load_seal
from sweep.seal.signers import Signer
from sweep.seal.verification import Verification, VerifyRequest, verify
from sweep.workspace import Workspace

N_ROWS = 5
Rows = list[SweepRow]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """A workspace with one sealed record, which each test gets a copy of."""
    workspace = Workspace.create(tmp_path_factory.mktemp("sealed") / "ws")
    seal(workspace, signer, make_record(workspace, n_rows=N_ROWS))
    return workspace.root


@pytest.fixture
def workspace(tmp_path: Path, sealed: Path) -> Workspace:
    return Workspace.open(shutil.copytree(sealed, tmp_path / "ws"))


@pytest.fixture
def allowed(tmp_path: Path, signer: Signer) -> list[AllowedSigner]:
    path = tmp_path / "allowed_signers"
    path.write_text(allowed_line(signer) + "\n")
    return read_allowed_signers(path)


@pytest.fixture
def record(workspace: Workspace) -> Path:
    return workspace.sweeps / "lab-1.h5"


def check(record: Path, **more: Any) -> Verification:
    return verify(VerifyRequest(record_path=record, decisions=decision_log(record), **more))


def claim(done: Verification, name: str) -> Claim:
    (found,) = (claim for claim in done.claims if claim.name == name)
    return found


def failures(done: Verification) -> dict[str, str]:
    return {claim.name: claim.text for claim in done.claims if claim.state is State.FAIL}


def test_what_nobody_touched(record: Path, allowed: list[AllowedSigner], workspace: Workspace) -> None:
    done = check(record, allowed_signers=allowed, workspace=workspace)
    assert failures(done) == {}
    assert {claim.name for claim in done.claims if claim.state is State.PASS} >= {
        "rows",
        "root",
        "file",
        "gaps",
        "complete",
        "signature",
        "key validity",
        "counter",
        "samples",
        "decisions",
    }
    assert done.result is Result.UNPROVEN  # there is no proof of time


# Edits with h5py by somebody who leaves the stored hashes as they are.


def flip(place: str, row: int) -> Callable[[Path], None]:
    def attack(record: Path) -> None:
        with h5py.File(record, "r+") as file:
            dataset = file[f"entry/{place}"]
            values = dataset[:]
            flat = values.view(np.uint8).reshape(N_ROWS, -1)
            flat[row, 3] ^= 0x10
            dataset[:] = values

    return attack


def swap(one: int, other: int) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    def change(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        changed = values.copy()
        changed[[one, other]] = changed[[other, one]]
        return changed

    return change


@pytest.mark.parametrize("place", ["data/mean", "data/spectral_kurtosis", "bursts/burst_8", "hops/hop_gain_db"])
@pytest.mark.parametrize("row", [0, 3, N_ROWS - 1])
def test_a_flipped_bit(record: Path, place: str, row: int) -> None:
    flip(place, row)(record)
    done = check(record)
    assert claim(done, "rows").text == f"row {row} was altered"
    assert claim(done, "rows").rows == (row,)
    assert claim(done, "file").state is State.FAIL
    assert done.result is Result.ALTERED


@pytest.mark.parametrize("name", ["utc_ns", "monotonic_ns"])
def test_an_edited_time(record: Path, name: str) -> None:
    with h5py.File(record, "r+") as file:
        file[f"entry/rows/{name}"][2] += 1
    done = check(record)
    assert (claim(done, "rows").text, claim(done, "rows").rows) == ("row 2 was altered", (2,))
    assert done.result is Result.ALTERED


@pytest.mark.parametrize("leaves", [False, True])
def test_two_rows_swapped(record: Path, leaves: bool) -> None:
    edit(record, swap(1, 3), leaves=leaves)
    done = check(record)
    assert (claim(done, "rows").text, claim(done, "rows").rows) == ("rows 1 and 3 were swapped", (1, 3))
    assert (claim(done, "root").state is State.FAIL) == leaves
    assert done.result is Result.ALTERED


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("row", [0, 2])
def test_a_row_deleted(record: Path, row: int, leaves: bool) -> None:
    edit(record, lambda values: np.delete(values, row, axis=0), leaves=leaves)
    done = check(record)
    assert (claim(done, "rows").text, claim(done, "rows").rows) == (f"row {row} was deleted", (row,))
    assert done.result is Result.ALTERED


def test_the_tail_cut(record: Path) -> None:
    edit(record, lambda values: values[:3], leaves=True)
    done = check(record)
    assert (claim(done, "rows").text, claim(done, "rows").rows) == ("rows 3 to 4 were cut from the end", (3, 4))
    assert done.result is Result.ALTERED


# Forgeries by somebody with this program, who gives the record hashes that are right for what it says then.


def altered_mean(row: SweepRow) -> SweepRow:
    mean = row.mean.copy()
    mean[5] += 1
    return replace(row, mean=mean)


FORGERIES: list[tuple[Callable[[Rows], Iterable[SweepRow]], str, tuple[int, ...]]] = [
    (lambda rows: [*rows[:2], altered_mean(rows[2]), *rows[3:]], "row 2 was altered", (2,)),
    (lambda rows: [*rows[:4], replace(rows[4], utc_ns=rows[4].utc_ns - 1)], "row 4 was altered", (4,)),
    (lambda rows: [rows[0], rows[3], rows[2], rows[1], rows[4]], "rows 1 and 3 were swapped", (1, 3)),
    (lambda rows: [*rows[:1], *rows[2:]], "row 1 was deleted", (1,)),
    (lambda rows: rows[:-1], "row 4 was cut from the end", (4,)),
    (lambda rows: rows[1:], "row 0 was deleted", (0,)),
    (lambda rows: [*rows, make_row(9, make_plan().layout(), seed=9)], "row 5 was put in", (5,)),
    (lambda rows: [*rows[:2], make_row(9, make_plan().layout(), seed=9), *rows[2:]], "row 2 was put in", (2,)),
    (lambda rows: [altered_mean(row) for row in rows], "rows 0 to 4 were altered", (0, 1, 2, 3, 4)),
]


@pytest.mark.parametrize(("change", "words", "named"), FORGERIES)
def test_a_forger_who_hashes_everything_anew(
    record: Path, change: Callable[[Rows], Iterable[SweepRow]], words: str, named: tuple[int, ...]
) -> None:
    forge(record, change)
    done = check(record)
    assert (claim(done, "rows").text, claim(done, "rows").rows) == (words, named)
    assert {"root", "file"} <= failures(done).keys()
    assert done.result is Result.ALTERED


def test_without_a_seal_such_a_forgery_goes_unnoticed_and_verify_does_not_call_it_proven(record: Path) -> None:
    forge(record, FORGERIES[0][0])
    unseal(record)
    done = check(record)
    assert claim(done, "rows").state is State.PASS
    assert done.result is Result.UNPROVEN


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bit_of_the_file(record: Path, data: st.DataObject) -> None:
    """Whatever it breaks, the answer is that the record was altered, and never a traceback."""
    before = record.read_bytes()
    changed = bytearray(before)
    changed[data.draw(st.integers(0, len(before) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    record.write_bytes(changed)
    try:
        assert check(record).result is Result.ALTERED
    finally:
        record.write_bytes(before)


def test_the_file_cut_short(record: Path) -> None:
    record.write_bytes(record.read_bytes()[:4000])
    done = check(record)
    assert {"rows", "file"} <= failures(done).keys()
    assert done.result is Result.ALTERED


def make_stays(count: int) -> list[SweepRow]:
    layout = make_plan(n_hops=3).layout()
    stays = [make_row(number, layout, seed=7) for number in range(count)]
    return [replace(stay, hop_center_freq_hz=np.full(3, 1e8)) for stay in stays]


def test_stays_are_named_as_rows_are(workspace: Workspace, signer: Signer) -> None:
    record = workspace.sweeps / "camp-1.h5"
    rows = [make_row(number, make_plan().layout()) for number in range(2)]
    start = make_start(make_plan(), record_id="camp-1")
    write_record(record, rows, start, make_stays(4))
    assert seal(workspace, signer, record).told.leaf_count == 6
    assert claim(check(record), "rows").text == "2 rows and 4 stays have the hashes that were sealed"
    with h5py.File(record, "r+") as file:
        file["entry/stays/data/mean"][2, 7] += 1
    assert claim(check(record), "rows").text == "stay 2 was altered"
    for change, words in (
        (lambda stays: [stays[0], stays[2], stays[1], stays[3]], "stays 1 and 2 were swapped"),
        (lambda stays: stays[1:], "stay 0 was deleted"),
        (lambda stays: stays[:-1], "stay 3 was cut from the end"),
    ):
        record.unlink()
        numbered = [replace(stay, sequence=number) for number, stay in enumerate(change(make_stays(4)))]
        write_record(record, rows, start, numbered)
        assert claim(check(record), "rows").text == words
        assert check(record).result is Result.ALTERED


# What is not in the rows.


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("data/frequency", "the frequencies of the bins altered"),
        ("events", "the log of events altered"),
        ("processing/data", "the plan, instrument or judgement altered"),
        ("summary/mean", "what is only shown"),
    ],
)
def test_the_part_that_was_altered_is_named(record: Path, place: str, words: str) -> None:
    with h5py.File(record, "r+") as file:
        dataset = file[f"entry/{place}"]
        values = dataset[:]
        if place == "events":
            values["text"][0] = b"nothing happened"
        elif place == "processing/data":
            values[0] = values[0].replace(b"A. Technician", b"B. Technician")
        else:
            values[1] += 1
        del file[f"entry/{place}"]
        file["entry"].create_dataset(place, data=values, chunks=True, compression=1, shuffle=True, fletcher32=True)
    done = check(record)
    assert claim(done, "rows").state is State.PASS
    assert words in claim(done, "file").text
    assert done.result is Result.ALTERED


def test_a_gap_taken_away(workspace: Workspace, signer: Signer) -> None:
    journal = workspace.sweeps / "gap-1.journal"
    write_journal(journal, baseline=False)
    record = recover(journal)
    seal(workspace, signer, record)
    assert claim(check(record), "gaps").text == "2, as sealed"
    assert check(record).result is Result.INCOMPLETE
    with h5py.File(record, "r+") as file:
        gaps = file["entry/gaps"][:]
        del file["entry/gaps"]
        file["entry"].create_dataset("gaps", data=gaps[:1], chunks=True, compression=1, shuffle=True, fletcher32=True)
    done = check(record)
    assert claim(done, "gaps").text == "1 are in the record, and 2 were sealed"
    assert done.result is Result.ALTERED


# The seal itself.


def test_a_bit_of_the_seal(record: Path, allowed: list[AllowedSigner]) -> None:
    text = seal_path(record).read_bytes()
    seal_path(record).write_bytes(text.replace(b'"n_rows":5', b'"n_rows":4'))
    done = check(record, allowed_signers=allowed)
    assert claim(done, "signature").text.startswith("it is not over this seal")
    assert done.result is Result.ALTERED
    seal_path(record).write_bytes(text.replace(b'"n_rows":5', b'"n_rows": 5'))
    done = check(record, allowed_signers=allowed)
    assert "is not in canonical form" in claim(done, "seal").text
    assert done.result is Result.ALTERED


def test_the_seal_of_another_record(workspace: Workspace, signer: Signer, record: Path) -> None:
    other = make_record(workspace, "lab-2", seed=2)
    seal(workspace, signer, other)
    shutil.copy(seal_path(record), seal_path(other))
    shutil.copy(signature_path(record), signature_path(other))
    done = check(other, workspace=workspace)
    assert {"rows", "root", "file"} <= failures(done).keys()
    assert "the seal is of lab-1.h5" in claim(done, "file").text
    assert done.result is Result.ALTERED


def test_an_old_seal_put_back(workspace: Workspace, signer: Signer, record: Path) -> None:
    """A record and its first seal are put back after they were lost and the record was sealed again."""
    old, old_signature = seal_path(record).read_bytes(), signature_path(record).read_bytes()
    unseal(record)
    assert seal(workspace, signer, record).told.seal_counter == 2
    seal_path(record).write_bytes(old)
    signature_path(record).write_bytes(old_signature)
    done = check(record, workspace=workspace)
    assert claim(done, "counter").text == "an old seal was put back: it is number 1, and the last of this record is 2"
    assert done.result is Result.ALTERED


def test_an_old_record_put_back_with_its_seal(workspace: Workspace, signer: Signer, record: Path) -> None:
    """A record that was made of an earlier sweep takes the place of a later one, seal and all."""
    later = make_record(workspace, "lab-2", seed=2)
    seal(workspace, signer, later)
    for path_of in (Path, seal_path, signature_path):
        shutil.copy(path_of(record), path_of(later))
    done = check(later, workspace=workspace)
    assert claim(done, "rows").state is State.PASS
    assert {"file"} <= failures(done).keys()
    assert done.result is Result.ALTERED


def test_a_seal_made_with_another_key(
    workspace: Workspace, record: Path, allowed: list[AllowedSigner], tmp_path: Path
) -> None:
    """The forger has no key of ours: his seal is in order, and he is nobody."""
    forge(record, FORGERIES[0][0])
    unseal(record)
    thief = make_signer()
    seal(Workspace.create(tmp_path / "his"), thief, record)
    done = check(record, allowed_signers=allowed)
    assert claim(done, "rows").state is State.PASS
    assert claim(done, "signature").state is State.FAIL
    assert "a key that the allowed signers do not have" in claim(done, "signature").text
    assert thief.key.fingerprint in claim(done, "signature").text
    assert done.result is Result.UNPROVEN
    done = check(record, allowed_signers=allowed, workspace=workspace)
    assert claim(done, "counter").text == "the list here is of another workspace"
    assert done.result is Result.ALTERED


def test_only_the_signature_by_another_key(record: Path, allowed: list[AllowedSigner]) -> None:
    thief = make_signer()
    signature_path(record).write_bytes(thief.sign(seal_path(record).read_bytes()))
    done = check(record, allowed_signers=allowed)
    assert f"{thief.key.fingerprint} signed it" in claim(done, "signature").text
    assert done.result is Result.ALTERED


def test_a_stolen_key_is_caught_by_the_register_only(
    workspace: Workspace, signer: Signer, record: Path, allowed: list[AllowedSigner], tmp_path: Path
) -> None:
    register = Register(tmp_path / "elsewhere" / "register.jsonl")
    register.add(load_seal(record), head_of(decision_log(record)))
    assert claim(check(record, register=register), "register").state is State.PASS
    forge(record, FORGERIES[0][0])
    unseal(record)
    (workspace.root / "seals.jsonl").unlink()
    seal(workspace, signer, record)  # the thief has the key, and rewrites the list of the workspace too
    everything = check(record, allowed_signers=allowed, workspace=workspace)
    assert failures(everything) == {}
    done = check(record, allowed_signers=allowed, workspace=workspace, register=register)
    assert failures(done).keys() == {"register"}
    said = claim(done, "register").text
    assert "the record was sealed anew" in said
    assert "whoever has the key, or stole it, can make one, and only the register shows it" in said
    assert done.result is Result.ALTERED


def test_the_seal_taken_away(workspace: Workspace, record: Path, tmp_path: Path) -> None:
    register = Register(tmp_path / "register.jsonl")
    register.add(load_seal(record), head_of(decision_log(record)))
    unseal(record)
    done = check(record, workspace=workspace, register=register)
    assert claim(done, "counter").text == "the list has seal number 1 of this record: the seal was taken away"
    assert claim(done, "register").text == "it has seal number 1 of this record: the seal was taken away"
    assert done.result is Result.ALTERED


def test_a_deleted_sweep_leaves_a_gap(workspace: Workspace, signer: Signer, record: Path) -> None:
    for number in (2, 3):
        seal(workspace, signer, make_record(workspace, f"lab-{number}", seed=number))
    (workspace.sweeps / "lab-2.h5").unlink()
    done = check(record, workspace=workspace)
    assert claim(done, "counter").text == (
        "number 1; not here is what was sealed as number 2 of lab-2.h5: deleted or moved away"
    )
    assert done.result is Result.INCOMPLETE


def test_a_deleted_sweep_whose_line_was_deleted_too(workspace: Workspace, signer: Signer, record: Path) -> None:
    for number in (2, 3):
        seal(workspace, signer, make_record(workspace, f"lab-{number}", seed=number))
    ledger = workspace.root / "seals.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0] + lines[2])
    done = check(record, workspace=workspace)
    assert "line 2 was line 3 when it was written" in claim(done, "counter").text
    assert done.result is Result.ALTERED
    ledger.write_bytes(b"".join(lines[:2]))
    done = check(workspace.sweeps / "lab-3.h5", workspace=workspace)
    assert "number 3, and the list of seals ends with 2: its end was cut" in claim(done, "counter").text


# What lies beside the record.


def decide(record: Path, count: int) -> None:
    for number in range(count):
        mark(record, "F1", as_="known", reason=f"because of {number}", by="A. Auditor")


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"because of 1", b"no reason"), lines[2]], "line 2 was altered"),
        (lambda lines: [lines[0], lines[2]], "line 2 was line 3 when it was written"),
        (lambda lines: [lines[0], lines[2], lines[1]], "line 2 was line 3 when it was written"),
    ],
)
def test_a_decision_changed_deleted_or_moved(
    record: Path, attack: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    decide(record, 3)
    log = log_path(record)
    log.write_bytes(b"".join(attack(log.read_bytes().splitlines(keepends=True))))
    done = check(record)
    assert told in claim(done, "decisions").text
    assert done.result is Result.ALTERED


def test_decisions_cut_at_their_end(record: Path, tmp_path: Path) -> None:
    register = Register(tmp_path / "register.jsonl")
    decide(record, 2)
    register.add(load_seal(record), head_of(decision_log(record)))
    decide(record, 1)
    lines = log_path(record).read_bytes().splitlines(keepends=True)
    done = check(record, register=register)
    assert claim(done, "decisions").state is State.PASS
    assert "after the first 2 cannot be checked" in claim(done, "decisions").text
    log_path(record).write_bytes(b"".join(lines[:2]))
    assert claim(check(record, register=register), "decisions").state is State.PASS  # said to be uncheckable above
    log_path(record).write_bytes(lines[0])
    done = check(record, register=register)
    assert claim(done, "decisions").text == "1 are here, and the register knows of 2: the end was cut"
    assert done.result is Result.ALTERED
    assert "cannot be checked: no register knows of them" in claim(check(record), "decisions").text
    log_path(record).unlink()
    decide(record, 2)
    assert "decision 2 is another one" in claim(check(record, register=register), "decisions").text


def test_samples_beside_the_record(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace, "iq-1")
    folder = record.with_suffix(".iq")
    folder.mkdir()
    for name in ("pass-0000.sigmf-data", "pass-0000.sigmf-meta"):
        (folder / name).write_bytes(name.encode())
    made = seal(workspace, signer, record)
    assert list(made.subject) == ["iq-1.h5", "iq-1.iq/pass-0000.sigmf-data", "iq-1.iq/pass-0000.sigmf-meta"]
    assert claim(check(record), "samples").text == "2 files, as sealed"
    (folder / "more").write_bytes(b"x")
    assert claim(check(record), "samples").text.startswith("iq-1.iq/more was put in")
    (folder / "more").unlink()
    (folder / "pass-0000.sigmf-data").write_bytes(b"other")
    done = check(record)
    assert claim(done, "samples").text.startswith("iq-1.iq/pass-0000.sigmf-data was altered")
    assert done.result is Result.ALTERED
    (folder / "pass-0000.sigmf-data").unlink()
    done = check(record)
    assert claim(done, "samples").state is State.NOT_CHECKED
    assert done.result is Result.INCOMPLETE


def test_a_seal_leads_nowhere_else(workspace: Workspace, signer: Signer) -> None:
    """Whoever has a key can seal any name; none outside of the record's folder is looked at."""
    record = make_record(workspace, "iq-2")
    made = seal(workspace, signer, record)
    document = json.loads(made.text)
    for name in ("../../etc/passwd", "/etc/passwd"):
        document["subject"][1:] = [{"name": name, "digest": {"sha256": "0" * 64}}]
        text = rfc8785.dumps(document)
        seal_path(record).write_bytes(text)
        signature_path(record).write_bytes(signer.sign(text))
        assert "is not beside the record" in claim(check(record), "samples").text


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bit_beside_the_record(
    record: Path, workspace: Workspace, allowed: list[AllowedSigner], data: st.DataObject
) -> None:
    """Of the seal, the signature, the list of seals: no bit of what counts can be changed, and nothing crashes."""
    ledger = SealLedger(workspace.root)
    path = data.draw(st.sampled_from([seal_path(record), signature_path(record), ledger.path]))
    before = path.read_bytes()
    changed = bytearray(before)
    changed[data.draw(st.integers(0, len(before) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        done = check(record, allowed_signers=allowed, workspace=workspace)
    finally:
        path.write_bytes(before)
    if path == signature_path(record) and bytes(changed).split() == before.split():
        return  # another kind of blank between two lines of it
    assert failures(done)
    assert done.result is not Result.PROVEN


def test_exercise_is_inside_the_seal(workspace: Workspace, signer: Signer) -> None:
    record = make_record(workspace, "sim-1", synthetic=True)
    assert seal(workspace, signer, record).told.marking == "EXERCISE"
    assert seal(workspace, signer, make_record(workspace, "real-1")).told.marking is None


def test_a_seal_needs_no_list_of_its_workspace(record: Path, tmp_path: Path, allowed: list[AllowedSigner]) -> None:
    """An auditor has copies of the files, and nothing else."""
    for path in (record, seal_path(record), signature_path(record)):
        shutil.copy(path, tmp_path)
    done = check(tmp_path / record.name, allowed_signers=allowed)
    assert failures(done) == {}
    assert claim(done, "counter").text == "number 1; the list of seals of its workspace is not here"
