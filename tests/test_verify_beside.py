"""What lies beside a record, damaged or exchanged, as ``quietroom verify`` tells it to an auditor."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rows import make_judgement, make_plan, make_row, make_start
from seals import allowed_line, make_record, make_signer, request_of, seal

from baselines.disposition import decision_log, log_path, mark
from sweep.cli.main import run
from sweep.guided.log import DONE, VisitLog, VisitPlanned
from sweep.guided.signed import sign_visit
from sweep.journal import JournalWriter
from sweep.model import Judgement
from sweep.packing import pack
from sweep.seal.files import seal_path, signature_path, token_path
from sweep.seal.ledger import SealLedger
from sweep.seal.register import Register
from sweep.seal.sealing import head_of, load_seal, seal_record
from sweep.seal.signers import Signer
from sweep.workspace import Workspace

Claims = dict[str, tuple[str, str]]
"""State and text of each claim."""

Run = Callable[..., tuple[int, Claims]]


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """A folder with a workspace of two sealed records, a register and a list of signers."""
    folder = tmp_path_factory.mktemp("sealed")
    workspace, register = Workspace.create(folder / "ws"), Register(folder / "register.jsonl")
    for number in (1, 2):
        record = make_record(workspace, f"lab-{number}", seed=number)
        register.add(seal(workspace, signer, record), head_of(decision_log(record)))
    (folder / "allowed_signers").write_text(allowed_line(signer) + "\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path, sealed: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "all")


@pytest.fixture
def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Verify ``lab-1`` by the command, and give its exit code and claims."""

    def command(name: str = "lab-1", *more: object) -> tuple[int, Claims]:
        known = ("--register", folder / "register.jsonl", "--allowed-signers", folder / "allowed_signers")
        out = folder / "out.json"
        words = ("--workspace", folder / "ws", "verify", f"{name}.h5", *known, *more, "--json", out)
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        claims = json.loads(out.read_text())["claims"]
        assert all(len(one["text"].splitlines()) == 1 for one in claims)
        return code, {one["claim"]: (one["state"], one["text"]) for one in claims}

    return command


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "junk": lambda _: b"\xff\x00junk" * 20,
    "other JSON": lambda _: b'{"a": [1]}\n',
    "deep": lambda _: b"[" * 100_000,
    "long": lambda data: data + b"x" * (2 << 20),
}


def test_nothing_touched(verified: Run) -> None:
    code, claims = verified()
    assert code == 3  # no proof of time
    assert [name for name, (state, _) in claims.items() if state == "FAIL"] == []
    assert claims["visit"] == ("PASS", "the record is of no guided visit")
    assert claims["baseline"] == ("PASS", "the record was judged without one")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_seal(folder: Path, verified: Run, damage: str) -> None:
    path = seal_path(folder / "ws/sweeps/lab-1.h5")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    code, claims = verified()
    assert code == 1
    assert claims["seal"][0] == "FAIL"
    assert path.name in claims["seal"][1]
    assert claims["rows"][0] == "PASS"  # by the hashes in the record; what these are worth stands below
    assert claims["signature"][0] == "NOT CHECKED"
    for name in ("register", "counter"):
        assert claims[name][0] == "FAIL"
        assert claims[name][1].endswith("has seal number 1 of this record: the seal was damaged")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_signature(folder: Path, verified: Run, damage: str) -> None:
    path = signature_path(folder / "ws/sweeps/lab-1.h5")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    code, claims = verified()
    assert code == 1
    state, text = claims["signature"]
    assert (state, text.count(path.name)) == ("FAIL", 1)
    assert claims["register"][0] == "PASS"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_time_token_that_is_none(folder: Path, verified: Run, damage: str) -> None:
    path = token_path(folder / "ws/sweeps/lab-1.h5")
    path.write_bytes(DAMAGE[damage](b"0\x82\x10\x00" * 20))
    code, claims = verified()
    assert code == 1
    state, text = claims["timestamp"]
    assert (state, text.count(path.name)) == ("FAIL", 1)


def test_files_of_another_record(folder: Path, verified: Run) -> None:
    one, other = folder / "ws/sweeps/lab-1.h5", folder / "ws/sweeps/lab-2.h5"
    signature = signature_path(one).read_bytes()
    shutil.copy(signature_path(other), signature_path(one))
    code, claims = verified()
    assert (code, claims["signature"][0]) == (1, "FAIL")
    assert "is not over this seal" in claims["signature"][1]
    signature_path(one).write_bytes(signature)
    shutil.copy(seal_path(other), seal_path(one))
    code, claims = verified()
    assert (code, claims["file"][0]) == (1, "FAIL")
    assert "the seal is of lab-2.h5: an old seal was put here" in claims["file"][1]
    shutil.copy(signature_path(other), signature_path(one))
    shutil.copy(other, one)  # and the record too: a sweep shown twice
    code, claims = verified()
    assert code == 1
    assert claims["file"][0] == claims["counter"][0] == "FAIL"


REGISTERS = {
    "empty": "it does not have this seal",
    "junk": "it does not have this seal",
    "other JSON": "line 1 was altered",
    "long": "is no log that people wrote",
}


@pytest.mark.parametrize("damage", REGISTERS)
def test_a_damaged_register(folder: Path, verified: Run, damage: str) -> None:
    path = folder / "register.jsonl"
    path.write_bytes(DAMAGE[damage](path.read_bytes()) + b"x" * (65 << 20) * (damage == "long"))
    code, claims = verified()
    assert code in (1, 3)
    assert claims["register"][0] == "FAIL"
    assert REGISTERS[damage] in claims["register"][1]


def test_a_register_of_other_records(folder: Path, verified: Run) -> None:
    path = folder / "register.jsonl"
    path.unlink()
    Register(path).add(load_seal(folder / "ws/sweeps/lab-2.h5"), head_of(decision_log(folder / "ws/sweeps/lab-2.h5")))
    code, claims = verified()
    assert (code, claims["register"][0]) == (3, "FAIL")


@pytest.mark.parametrize("log", ["register", "list of seals", "decisions"])
def test_an_unfinished_last_line_is_said(folder: Path, verified: Run, log: str) -> None:
    record = folder / "ws/sweeps/lab-1.h5"
    mark(record, "F1", as_="known", reason="a lamp", by="A. Auditor")
    path, name = {
        "register": (folder / "register.jsonl", "register"),
        "list of seals": (SealLedger(folder / "ws").path, "counter"),
        "decisions": (log_path(record), "decisions"),
    }[log]
    assert "unfinished" not in verified()[1][name][1]
    with path.open("ab") as file:
        file.write(b'{"by": "A')
    assert verified()[1][name][0] == "PASS"
    assert "; 9 bytes of an unfinished last line are passed over" in verified()[1][name][1]


@pytest.mark.parametrize("damage", ["cut", "junk", "other JSON", "deep"])
def test_damaged_allowed_signers_are_no_verdict(folder: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    path = folder / "allowed_signers"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert run(["--workspace", str(folder / "ws"), "verify", "lab-1.h5", "--allowed-signers", str(path)]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert str(path) in said.err


@pytest.fixture(scope="module")
def reports(sealed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PDF and HTML of both records."""
    folder = tmp_path_factory.mktemp("reports")
    for number in (1, 2):
        words = ("--workspace", sealed / "ws", "report", f"lab-{number}.h5", "--html", "-o", folder / f"{number}.pdf")
        assert run([str(word) for word in words]) == 0
    return folder


def attached_otherwise(pdf: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change what is attached to a report, as somebody with an editor of PDF can."""

    def edit(found: re.Match[bytes]) -> bytes:
        text = change(zlib.decompress(found["data"]))
        stored = zlib.compress(text)
        return b"<</Length %d%sstream\n%s\nendstream" % (len(stored), found["said"], stored)

    pattern = rb"<</Length \d+(?P<said>/Type/EmbeddedFile/Filter/FlateDecode.*?)stream\n(?P<data>.*?)\nendstream"
    return re.sub(pattern, edit, pdf, flags=re.DOTALL)


def test_reports(reports: Path, folder: Path, verified: Run) -> None:
    assert verified()[1]["report"] == ("NOT CHECKED", "none is here; name one with --report")
    for name, said in (
        ("1.pdf", "has this seal and these findings attached"),
        ("1.html", "names this seal and this file"),
    ):
        state, text = verified("lab-1", "--report", reports / name)[1]["report"]
        assert (state, text.partition(";")[0]) == ("PASS", f"{name} {said}")
    for name, said in (("2.pdf", "has another seal attached"), ("2.html", "does not name this seal")):
        code, claims = verified("lab-1", "--report", reports / name)
        assert (code, claims["report"][0]) == (1, "FAIL")
        assert f"{name} {said}" in claims["report"][1]
    shutil.copy(reports / "2.pdf", folder / "ws/reports/lab-1.pdf")  # found without being named
    assert verified()[1]["report"][0] == "FAIL"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ((b'"verdict":"anomalies"', b'"verdict":"no_anomaly_detected"'), "other findings attached than the record has"),
        ((b'"n_rows":5', b'"n_rows":4'), "another seal attached than that of the record"),
    ],
)
def test_a_report_with_something_else_attached(
    reports: Path, folder: Path, verified: Run, edit: tuple[bytes, bytes], words: str
) -> None:
    def change(text: bytes) -> bytes:
        plain = text.replace(b'": ', b'":')
        return plain.replace(*edit) if edit[0] in plain else text

    path = folder / "edited.pdf"
    path.write_bytes(attached_otherwise((reports / "1.pdf").read_bytes(), change))
    code, claims = verified("lab-1", "--report", path)
    assert (code, claims["report"][0]) == (1, "FAIL")
    assert words in claims["report"][1]
    path.write_bytes(attached_otherwise((reports / "1.pdf").read_bytes(), lambda text: text))
    assert verified("lab-1", "--report", path)[1]["report"][0] == "PASS"


@pytest.mark.parametrize("damage", [*DAMAGE, "another filter"])
def test_a_damaged_report(reports: Path, folder: Path, verified: Run, damage: str) -> None:
    path, data = folder / "damaged.pdf", (reports / "1.pdf").read_bytes()
    if damage == "another filter":
        path.write_bytes(data.replace(b"/Filter/FlateDecode", b"/Filter/XlateDecode"))
    else:
        path.write_bytes(DAMAGE[damage](data))
    state, text = verified("lab-1", "--report", path)[1]["report"]
    assert state == "PASS" if damage == "long" else state in ("FAIL", "NOT CHECKED")
    assert path.name in text


# A record of a guided visit, judged with a baseline.


def visited(workspace: Workspace, signer: Signer, visit: str | None, *, baseline: Path | None = None) -> Path:
    """A sealed record in room ``lab``."""
    plan, path = make_plan(), workspace.sweeps / "lab-3.h5"
    start = make_start(
        plan, record_id="lab-3", room="lab", passes_planned=1, **({} if visit is None else {"visit": visit})
    )
    judged = make_judgement(plan.layout())
    name = None if baseline is None else baseline.stem
    with JournalWriter.create(path.with_suffix(".journal"), start, plan.layout()) as journal:
        journal.append_row(make_row(0, plan.layout()))
        journal.finish_with(
            Judgement(document={**judged.document, "baseline": name}, noise_floor_dbfs=judged.noise_floor_dbfs)
        )
    pack(path.with_suffix(".journal"), path)
    request = request_of(workspace, signer, path)
    if baseline is not None:
        request = replace(request, baseline_file=lambda name, room: baseline)
    seal_record(path, request)
    return path


def test_the_baseline_that_a_record_was_judged_with(folder: Path, verified: Run, signer: Signer) -> None:
    workspace = Workspace.open(folder / "ws")
    baseline = workspace.room("lab") / "baselines" / "b-1.h5"
    baseline.parent.mkdir(parents=True)
    baseline.write_bytes(b"what was known of the room")
    visited(workspace, signer, None, baseline=baseline)
    code, claims = verified("lab-3")
    assert claims["baseline"][0] == "PASS"
    assert claims["baseline"][1].startswith("b-1.h5, as sealed (SHA-256 ")
    baseline.write_bytes(b"what was known of the room, and the bug")
    code, claims = verified("lab-3")
    assert (code, claims["baseline"][0]) == (1, "FAIL")
    assert "b-1.h5 is another file than was sealed" in claims["baseline"][1]
    baseline.unlink()
    assert verified("lab-3")[1]["baseline"] == ("NOT CHECKED", "the file of b-1 is not here")


def begin_visit(workspace: Workspace) -> VisitLog:
    planned = VisitPlanned(
        outside=None, positions=("table",), stimuli=(), source=(), ranges=(), passes=None, camp_s=None
    )
    log = VisitLog.begin(workspace.room("lab"), planned, by="A. Smith")
    for step in log.steps[:6]:
        log.add(step, DONE, f"{step.title}: nothing found")
    return log


def seal_visit(log: VisitLog, signer: Signer) -> None:
    (step,) = (step for step in log.steps if step.kind == "seal")
    log.add(step, DONE, "sealed", details=sign_visit(log, signer))


def test_a_visit_before_and_after_it_is_signed(folder: Path, verified: Run, signer: Signer) -> None:
    workspace = Workspace.open(folder / "ws")
    log = begin_visit(workspace)
    visited(workspace, signer, log.id)
    state, text = verified("lab-3")[1]["visit"]
    assert (state, text[:41]) == ("NOT CHECKED", "7 lines in an unbroken chain, but not sig")
    seal_visit(log, signer)
    said = f"7 lines as signed by {signer.key.fingerprint}"
    assert verified("lab-3")[1]["visit"] == ("PASS", said)
    log.add(log.steps[-1], DONE, "1 report")
    assert verified("lab-3")[1]["visit"] == ("PASS", f"{said}; 1 later in the chain, not signed")
    log.path.rename(folder / "away.jsonl")
    assert verified("lab-3")[1]["visit"] == ("NOT CHECKED", f"the log of visit {log.id} is not here")


def rewrite(log: VisitLog, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change lines, and give the whole log new hashes, as somebody with this program can."""
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    change(lines)
    log.path.unlink()
    chained = log._log
    for line in lines:
        body = {key: line[key] for key in ("step", "outcome", "text", "by", "details")}
        chained.append(lambda _, body=body: body)  # type: ignore[misc]


def set_text(lines: list[dict[str, Any]]) -> None:
    lines[3]["text"] = "thermal camera: a warm socket"


def claim_fewer(lines: list[dict[str, Any]]) -> None:
    lines[-1]["details"]["signed"]["count"] = 3


def spoil(lines: list[dict[str, Any]]) -> None:
    lines[-1]["details"]["signed"]["signature"] = "none"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_text, "the first 7 lines are not those that were signed: the log was altered"),
        (lambda lines: lines.pop(2), "the first 7 lines are not those that were signed: the log was altered"),
        (claim_fewer, "the signature at its step 'seal' is not over this visit: the log was altered"),
        (spoil, "its signature cannot be read"),
    ],
)
def test_a_visit_that_was_changed_and_hashed_anew(
    folder: Path, verified: Run, signer: Signer, change: Callable[[list[dict[str, Any]]], None], words: str
) -> None:
    workspace = Workspace.open(folder / "ws")
    log = begin_visit(workspace)
    visited(workspace, signer, log.id)
    seal_visit(log, signer)
    rewrite(log, change)
    code, claims = verified("lab-3")
    assert (code, claims["visit"][0]) == (1, "FAIL")
    assert words in claims["visit"][1]


def test_a_visit_signed_by_somebody_else(folder: Path, verified: Run, signer: Signer) -> None:
    workspace, thief = Workspace.open(folder / "ws"), make_signer("thief@example.org")
    log = begin_visit(workspace)
    visited(workspace, signer, log.id)
    seal_visit(log, thief)
    code, claims = verified("lab-3")
    assert (code, claims["visit"][0]) == (3, "FAIL")
    assert claims["visit"][1].startswith(f"signed by {thief.key.fingerprint}, neither the key of the seal")


def test_a_line_of_a_visit_changed_by_hand(folder: Path, verified: Run, signer: Signer) -> None:
    workspace = Workspace.open(folder / "ws")
    log = begin_visit(workspace)
    visited(workspace, signer, log.id)
    log.path.write_text(log.path.read_text().replace("nothing found", "something found", 1))
    code, claims = verified("lab-3")
    assert (code, claims["visit"][0]) == (1, "FAIL")
    assert "line 2 was altered" in claims["visit"][1]
