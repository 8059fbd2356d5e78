"""The register of seals: append-only, and kept by somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from seals import make_record, make_signer, seal, unseal

from dsp.errors import ParameterError, RecordError
from sweep.chain import NO_HASH
from sweep.seal.claims import Claim, State
from sweep.seal.ledger import SealLedger
from sweep.seal.register import Register
from sweep.seal.register_check import check_whole_register
from sweep.seal.signers import Signer
from sweep.seal.statement import Head, Seal
from sweep.workspace import Workspace

NONE = Head(count=0, head=NO_HASH)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


@pytest.fixture
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "elsewhere" / "register.jsonl")


@pytest.fixture
def three(workspace: Workspace, signer: Signer) -> list[Seal]:
    return [seal(workspace, signer, make_record(workspace, f"lab-{number}", seed=number)) for number in (1, 2, 3)]


def whole(register: Register, workspace: Workspace, *, head: str | None = None) -> dict[str, Claim]:
    records = sorted(workspace.sweeps.glob("*.h5"))
    claims = check_whole_register(register, records, folder=workspace.sweeps, head=head)
    return {claim.name: claim for claim in claims}


def failures(claims: dict[str, Claim]) -> dict[str, str]:
    return {name: claim.text for name, claim in claims.items() if claim.state is State.FAIL}


def test_seals_are_added_once(register: Register, three: list[Seal], workspace: Workspace) -> None:
    for one in three:
        assert register.add(one, NONE) is not None
        assert register.add(one, NONE) is None
    assert [entry.seal for entry in register.entries()] == [one.digest for one in three]
    head = register.head
    assert failures(whole(register, workspace, head=head)) == {}
    assert register.add(three[0], Head(count=2, head="a" * 64)) is not None  # decisions came since
    assert register.head != head
    assert failures(whole(register, workspace, head=head)) == {}


def test_a_missing_number(register: Register, three: list[Seal], workspace: Workspace) -> None:
    register.add(three[0], NONE)
    register.add(three[2], NONE)
    found = failures(whole(register, workspace))
    assert "seal 2 of 3 not here: never added, or a sweep was deleted" in found["counters"]
    assert "does not have this seal" in found["lab-2.h5"]


def test_a_deleted_sweep(register: Register, three: list[Seal], workspace: Workspace) -> None:
    for one in three:
        register.add(one, NONE)
    (workspace.sweeps / "lab-2.h5").unlink()
    assert "2 (lab-2.h5)" in failures(whole(register, workspace))["deleted"]


def test_a_record_sealed_anew(register: Register, three: list[Seal], workspace: Workspace, signer: Signer) -> None:
    for one in three:
        register.add(one, NONE)
    record = workspace.sweeps / "lab-2.h5"
    unseal(record)
    again = seal(workspace, signer, record)
    assert again.told.seal_counter == 4
    assert "the record was sealed anew" in failures(whole(register, workspace))["lab-2.h5"]
    with pytest.raises(ParameterError, match="this is a second one of the same record, number 4: it was sealed anew"):
        register.add(again, NONE)


def test_another_seal_with_the_same_number(
    register: Register, three: list[Seal], workspace: Workspace, signer: Signer
) -> None:
    """The list of seals was put back to an old state, and a sweep was sealed after that."""
    for one in three:
        register.add(one, NONE)
    ledger = SealLedger(workspace.root).path
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:1]))
    other = seal(workspace, signer, make_record(workspace, "lab-9", seed=9))
    assert other.told.seal_counter == 2
    before = register.path.read_bytes()
    with pytest.raises(ParameterError, match=r"of lab-2.h5 as number 2, and this is another one.*nothing was added"):
        register.add(other, NONE)
    assert register.path.read_bytes() == before
    third = seal(workspace, signer, make_record(workspace, "lab-10", seed=10))
    with pytest.raises(ParameterError, match=r"of lab-3\.h5 as number 3, and this is another one"):
        register.add(third, NONE)


def test_a_seal_that_does_not_go_on_from_the_one_before(
    register: Register, three: list[Seal], workspace: Workspace, signer: Signer
) -> None:
    register.add(three[0], NONE)
    ledger = SealLedger(workspace.root).path
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.unlink()
    assert lines
    fork = Workspace.create(workspace.root.parent / "fork")
    first = seal(fork, signer, make_record(fork, "other", seed=5))
    second = seal(fork, signer, make_record(fork, "another", seed=6))
    forged = Seal(
        text=second.text,
        subject=second.subject,
        told=type(second.told)(
            **{name: getattr(second.told, name) for name in second.told.__struct_fields__ if name != "seal_chain"},
            seal_chain=three[0].told.seal_chain,
        ),
        leaves=second.leaves,
    )
    assert first.told.seal_counter == 1
    with pytest.raises(ParameterError, match="does not belong beside it: one of the two was made anew"):
        register.add(forged, NONE)


@pytest.mark.parametrize("attack", ["changed", "deleted", "swapped"])
def test_a_changed_register(register: Register, three: list[Seal], workspace: Workspace, attack: str) -> None:
    for one in three:
        register.add(one, NONE)
    lines = register.path.read_bytes().splitlines(keepends=True)
    if attack == "changed":
        lines[1] = lines[1].replace(b"lab-2", b"lab-7")
    elif attack == "deleted":
        del lines[1]
    else:
        lines[1:] = lines[:0:-1]
    register.path.write_bytes(b"".join(lines))
    assert "line 2 was" in failures(whole(register, workspace))["register"]
    with pytest.raises(RecordError, match="line 2 was"):
        register.add(three[0], NONE)


def test_a_cut_register_is_found_by_its_head(register: Register, three: list[Seal], workspace: Workspace) -> None:
    for one in three:
        register.add(one, NONE)
    head = register.head
    register.path.write_bytes(b"".join(register.path.read_bytes().splitlines(keepends=True)[:2]))
    assert "head" not in failures(whole(register, workspace))
    assert "lines were cut from the end" in failures(whole(register, workspace, head=head))["head"]


def test_no_register(register: Register, workspace: Workspace) -> None:
    with pytest.raises(RecordError, match="is no register; make one with: quietroom register add"):
        whole(register, workspace)
