"""The commands about seals, as people type them."""

from __future__ import annotations

import json
import os
import pty
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from rows import write_journal
from seals import make_record, make_signer, request_of
from time_server import TimeServer

from dsp.errors import ParameterError, RecordError
from sweep.cli import passphrases
from sweep.cli.main import main, run
from sweep.journal import JournalWriter
from sweep.record import SweepRecord
from sweep.seal.files import seal_path, signature_path, token_path
from sweep.seal.private_key import PassphraseError
from sweep.seal.sealing import seal_record
from sweep.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = "a.smith@example.org"

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUIETROOM_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(passphrases, "_has_terminal", lambda: False)
    passphrases.passphrase.cache_clear()
    return tmp_path / "keys"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


@pytest.fixture
def allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], Path]:
    def write() -> Path:
        capsys.readouterr()
        assert run(["keys", "show"]) == 0
        path = tmp_path / "allowed_signers"
        path.write_text(capsys.readouterr().out)
        return path

    return write


def command(workspace: Workspace, *words: object) -> int:
    return run(["--workspace", str(workspace.root), *map(str, words)])


def make_key(*more: str) -> None:
    assert run(["keys", "make", "--identity", IDENTITY, *more]) == 0


def sweep(workspace: Workspace, *more: object) -> Path:
    before = set(workspace.sweeps.glob("*.h5"))
    source = f"sim:meeting-room?visit={len(before)}"
    assert command(workspace, "sweep", "lab", "--source", source, "--range", "430M:432M", "--passes", 2, *more) in (
        0,
        3,
    )
    (path,) = set(workspace.sweeps.glob("*.h5")) - before
    return path


def test_without_a_key_one_line_says_how_to_make_one(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    record = sweep(workspace)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Seal: not sealed: no key to seal with; make one, once, with: quietroom keys make"
    assert not seal_path(record).exists()
    for words in (("keys", "show"), ("keys", "rotate"), ("seal", record)):
        with pytest.raises(ParameterError, match="no key to seal with; make one, once, with: quietroom keys make"):
            command(workspace, *words)


def test_a_sweep_is_sealed_as_it_is_closed(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], time_server: TimeServer, allowed: Callable[[], Path]
) -> None:
    make_key()
    record = sweep(workspace, "--time-server", time_server.url)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Seal: EXERCISE, number 1, digest ")
    assert f"by {IDENTITY}; time 20" in last
    assert command(workspace, "verify", record) == 3
    said = capsys.readouterr().out
    assert said.startswith("EXERCISE: this record holds simulated samples\n")
    assert "NOT CHECKED  signature     valid, by SHA256:" in said
    assert "No seal can exclude: signals fed to the receiver on purpose" in said
    signers = ("--allowed-signers", allowed())
    assert command(workspace, "verify", record, *signers) == 3  # nobody vouches for the time server
    authority = ("--time-ca", time_server.authority)
    assert command(workspace, "verify", record, *authority) == 3  # nor for the key
    capsys.readouterr()
    assert command(workspace, "verify", record, *signers, *authority, "--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["result"], document["exit_code"], document["marking"]) == ("proven", 0, "EXERCISE")
    states = {claim["claim"]: claim["state"] for claim in document["claims"]}
    assert {name for name, state in states.items() if state != "PASS"} == {"journal", "register", "report"}
    assert {states[name] for name in ("journal", "register", "report")} == {"NOT CHECKED"}


def test_a_replay_is_sealed_too(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    make_key()
    record = sweep(workspace, "--keep-iq")
    capsys.readouterr()
    assert command(workspace, "replay", "lab", record.with_suffix(".iq")) in (0, 3)
    assert capsys.readouterr().out.splitlines()[-1].startswith("Seal: EXERCISE, number 2, ")


def test_a_time_server_that_fails_costs_no_seal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    make_key()
    record = sweep(workspace, "--time-server", "http://127.0.0.1:9/")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "no token (" not in last
    assert "no time token (time server http://127.0.0.1:9/: " in last
    assert f"later with: quietroom seal {record} --time-server http://127.0.0.1:9/" in last
    assert seal_path(record).exists()


def test_seal_later_and_add_time_later(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], time_server: TimeServer
) -> None:
    record = make_record(workspace)
    make_key()
    before = record.read_bytes()
    assert command(workspace, "seal", record) == 0
    with pytest.raises(ParameterError, match="is sealed already, as number 1; add proof of time with --time-server"):
        command(workspace, "seal", record)
    assert command(workspace, "seal", record.stem, "--time-server", time_server.url) == 0
    assert "Time: 20" in capsys.readouterr().out
    with pytest.raises(ParameterError, match=r"is sealed already, as number 1$"):
        command(workspace, "seal", record, "--time-server", time_server.url)
    assert record.read_bytes() == before


def test_a_token_about_another_signature(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], time_server: TimeServer, allowed: Callable[[], Path]
) -> None:
    """Somebody with the key sealed again, and kept the token of the first seal."""
    make_key()
    records = [make_record(workspace, f"lab-{number}", seed=number) for number in (1, 2)]
    for record in records:
        command(workspace, "seal", record, "--time-server", time_server.url)
    shutil.copy(token_path(records[0]), token_path(records[1]))
    options = ("--allowed-signers", allowed(), "--time-ca", time_server.authority)
    assert command(workspace, "verify", records[0], *options) == 0
    capsys.readouterr()
    assert command(workspace, "verify", records[1], *options) == 1
    assert "FAIL         timestamp     the token is about another signature" in capsys.readouterr().out
    token_path(records[1]).write_bytes(b"junk")
    assert command(workspace, "verify", records[1]) == 1
    assert "FAIL         timestamp     lab-2.seal.json.tsr is no time token" in capsys.readouterr().out


def test_what_cannot_be_verified_is_no_verdict(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record(workspace)
    options = ("--allowed-signers", "--time-ca", "--register", "--journal")
    for words in (("nothing.h5",), *((record, option, "nothing") for option in options)):
        assert main(["--workspace", str(workspace.root), "verify", *map(str, words)]) == 4
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1


def test_a_register_that_is_not_there_is_no_verdict(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(workspace, "register", "check", workspace.root / "nothing") == 4
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "is no register" in err


def test_nobody_forges_a_line_of_the_answer(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever seals a record chooses the words in the seal."""
    record = make_record(workspace)
    signer = replace(make_signer(), identity="x\nPASS         signature     a.smith\x1b[2J")
    seal_record(record, request_of(workspace, signer, record))
    assert command(workspace, "verify", record) == 3
    said = capsys.readouterr().out
    assert "\nPASS         signature" not in said
    assert "\x1b" not in said


def test_verify_says_which_row(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record(workspace)
    with h5py.File(record, "r+") as file:
        file["entry/data/mean"][3, 1] += 1
    assert command(workspace, "verify", record, "--json", workspace.root / "v.json") == 1
    assert "FAIL         rows          row 3 was altered\n" in capsys.readouterr().out
    document = json.loads((workspace.root / "v.json").read_text())
    assert document["claims"][0] == {"claim": "rows", "state": "FAIL", "text": "row 3 was altered", "rows": [3]}


def test_an_interrupted_sweep_is_sealed_as_it_is_recovered(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], time_server: TimeServer, allowed: Callable[[], Path]
) -> None:
    with SweepRecord.open(sweep(workspace)) as swept:
        journal = workspace.sweeps / "lab-1.journal"
        with JournalWriter.create(journal, swept.start, swept.layout) as writer:
            for row in swept.rows():
                writer.append_row(row)
            writer.sync()
    make_key()
    with journal.open("ab") as file:
        file.write(b"\x89QRJ1 a torn record")
    capsys.readouterr()
    assert command(workspace, "recover", journal, "--baseline", "none", "--time-server", time_server.url) in (0, 3)
    assert "Seal: EXERCISE, number 1" in capsys.readouterr().out
    record = journal.with_suffix(".h5")
    options = ("--allowed-signers", allowed(), "--time-ca", time_server.authority)
    assert command(workspace, "verify", record, *options) == 2
    said = capsys.readouterr().out
    assert "PASS         journal       2 rows, the same in lab-1.journal" in said
    assert "it was interrupted and recovered later; 19 bytes of an unfinished row were left out" in said
    write_journal(workspace.sweeps / "other.journal", n_rows=2)
    assert command(workspace, "verify", record, *options, "--journal", workspace.sweeps / "other.journal") == 1
    assert "FAIL         journal       row 0 is another one in other.journal" in capsys.readouterr().out


def test_register(workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_key()
    records = [make_record(workspace, f"lab-{number}", seed=number) for number in (1, 2)]
    register = tmp_path / "register.jsonl"
    with pytest.raises(RecordError, match="is not sealed; seal it first"):
        command(workspace, "register", "add", register, records[0])
    for record in records:
        command(workspace, "seal", record)
    capsys.readouterr()
    assert command(workspace, "register", "add", register, *records) == 0
    head = capsys.readouterr().out.splitlines()[-1].split()[1]
    assert command(workspace, "register", "list", register) == 0
    assert "lab-2.h5" in capsys.readouterr().out
    assert command(workspace, "register", "check", register, "--head", head) == 0
    assert command(workspace, "verify", records[0], "--register", register) == 3
    assert "PASS         register" in capsys.readouterr().out
    seal_path(records[0]).unlink()
    signature_path(records[0]).unlink()
    assert command(workspace, "register", "check", register) == 1
    assert "it has seal number 1 of this record: the seal was taken away" in capsys.readouterr().out


def test_nothing_is_written_over_a_seal(workspace: Workspace) -> None:
    make_key()
    record = make_record(workspace)
    command(workspace, "seal", record)
    before = seal_path(record).read_bytes()
    for words in (
        ("verify", record, "--json", seal_path(record)),
        ("findings", record, "--json", seal_path(record)),
        ("export", record, "--format", "json", "-o", seal_path(record)),
    ):
        assert main(["--workspace", str(workspace.root), *map(str, words)]) in (2, 4)
    assert seal_path(record).read_bytes() == before


def test_findings_say_who_decided_what_when_and_why(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record(workspace)
    for decision in ("suspicious", "known"):
        command(workspace, "mark", record, "F1", "--as", decision, "--reason", "seen it", "--by", "A. Smith")
    capsys.readouterr()
    assert command(workspace, "findings", record) == 0
    lines = capsys.readouterr().out.splitlines()
    decided = lines[lines.index("Decisions:") + 1 :]
    for line, word in zip(decided, ("suspicious", "known"), strict=True):
        assert line.startswith(f"  F1 {word}, by A. Smith, 20")
        assert line.endswith("Z: seen it")
    assert command(workspace, "verify", record) == 3
    assert "PASS         decisions     2 in an unbroken chain" in capsys.readouterr().out


@pytest.mark.parametrize("schema", ["1.0.0", "1.1.0", "1.2.0"])
def test_records_of_older_schemas(workspace: Workspace, schema: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What an older version wrote is sealed and verified as well, and one byte of it is not changed by that."""
    record = make_record(workspace)
    with h5py.File(record, "r+") as file:
        file.attrs["quietroom_schema"] = schema
        if schema < "1.2.0":
            del file["entry/unconfirmed"]
    before = record.read_bytes()
    assert command(workspace, "verify", record) == 3
    assert "PASS         rows          5 rows have the hashes that the record gives them" in capsys.readouterr().out
    make_key()
    assert command(workspace, "seal", record) == 0
    assert f'"schema":"{schema}"' in seal_path(record).read_text()
    assert command(workspace, "verify", record) == 3
    assert "FAIL" not in capsys.readouterr().out
    assert record.read_bytes() == before


# Keys


def test_a_key_is_for_its_owner_only(keys: Path, workspace: Workspace) -> None:
    make_key()
    private = keys / "seal_key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    record = make_record(workspace)
    for mode in (0o640, 0o604, 0o660):
        private.chmod(mode)
        with pytest.raises(ParameterError, match=rf"others may read or change it \(mode {mode:04o}.*chmod 600"):
            command(workspace, "seal", record)
    private.chmod(0o400)
    assert command(workspace, "seal", record) == 0


def test_a_second_key_is_not_made_by_accident(keys: Path) -> None:
    make_key()
    before = (keys / "seal_key").read_bytes()
    with pytest.raises(ParameterError, match=r"has a key already, SHA256:.*quietroom keys rotate"):
        run(["keys", "make"])
    assert (keys / "seal_key").read_bytes() == before


@needs_ssh
def test_openssh_reads_the_key(keys: Path) -> None:
    make_key()
    done = subprocess.run(["ssh-keygen", "-y", "-f", keys / "seal_key"], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == json.loads((keys / "keys.jsonl").read_text())["key"].split()


def test_rotation_keeps_the_old_key_with_its_dates(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], allowed: Callable[[], Path]
) -> None:
    make_key()
    first = make_record(workspace, "lab-1")
    command(workspace, "seal", first)
    assert run(["keys", "rotate"]) == 0
    second = make_record(workspace, "lab-2")
    command(workspace, "seal", second)
    path = allowed()
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 2
    assert "valid-before" in lines[0]
    assert "valid-before" not in lines[1]
    assert all(line.startswith(f"{IDENTITY} namespaces=") for line in lines)
    for record in (first, second):
        command(workspace, "verify", record, "--allowed-signers", path)
        assert "PASS         key validity" in capsys.readouterr().out


def test_a_key_that_had_run_out(workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_key()
    record = make_record(workspace)
    command(workspace, "seal", record)
    capsys.readouterr()
    run(["keys", "show", "--json", "-"])
    (entry,) = json.loads(capsys.readouterr().out)
    key = entry["allowed_signer"].split(" ", 2)[2]
    allowed = tmp_path / "allowed"
    allowed.write_text(f'{IDENTITY} valid-after="20200101Z",valid-before="20210101Z" {key}\n')
    assert command(workspace, "verify", record, "--allowed-signers", allowed) == 3
    assert "FAIL         key validity  valid only until 2021-01-01T00:00:00Z" in capsys.readouterr().out
    allowed.write_text(f"somebody@else.example {key}\n")
    assert command(workspace, "verify", record, "--allowed-signers", allowed) == 3
    assert "under another name or for other uses" in capsys.readouterr().out
    allowed.write_text(f"{IDENTITY} {make_signer().key.text}\n")
    assert command(workspace, "verify", record, "--allowed-signers", allowed) == 3
    assert "a key that the allowed signers do not have" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_passphrase(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: Path, way: str
) -> None:
    (tmp_path / "passphrase").write_text("a long one\n")
    name, value = {
        "variable": ("QUIETROOM_KEY_PASSPHRASE", "a long one"),
        "file": ("QUIETROOM_KEY_PASSPHRASE_FILE", str(tmp_path / "passphrase")),
    }[way]
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        make_key()
    record = make_record(workspace)
    with pytest.raises(ParameterError, match="needs its passphrase, and there is no terminal to ask"):
        command(workspace, "seal", record)
    monkeypatch.setenv("QUIETROOM_KEY_PASSPHRASE", "another one")
    with pytest.raises(ParameterError, match="the passphrase is wrong"):
        command(workspace, "seal", record)
    monkeypatch.delenv("QUIETROOM_KEY_PASSPHRASE")
    passphrases.passphrase.cache_clear()
    monkeypatch.setenv(name, value)
    assert command(workspace, "seal", record) == 0
    assert PassphraseError.__mro__[1] is RecordError


def test_an_agent_that_died_is_no_hindrance(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUIETROOM_KEY_PASSPHRASE", "a long one")
    make_key()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "agent"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    assert command(workspace, "seal", make_record(workspace)) == 0


def test_a_key_that_cannot_be_used_does_not_keep_a_sweep_from_running(
    workspace: Workspace, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key()
    (keys / "seal_key").chmod(0o644)
    assert sweep(workspace).is_file()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Seal: not sealed: ")
    assert "others may read or change it (mode 0644" in last


def _on_a_terminal(words: list[str], typed: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal of its own, and type a line at each question."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sweep.cli.main", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    said, left = "", list(typed)
    while True:
        try:
            part = os.read(ours, 4096).decode()
        except OSError:  # the terminal was hung up
            break
        said += part
        if left and part.rstrip(" ").endswith(":"):
            os.write(ours, left.pop(0).encode() + b"\n")
    os.close(ours)
    return process.wait(30), said


def test_a_passphrase_is_asked_on_the_terminal_and_not_shown(workspace: Workspace, keys: Path) -> None:
    environment = {**os.environ, "QUIETROOM_KEYS": str(keys)}
    code, said = _on_a_terminal(["keys", "make", "--identity", IDENTITY], ["secret", "other"], environment)
    assert (code, keys.exists()) == (2, False)
    assert "the two passphrases differ; no key was made" in said
    code, said = _on_a_terminal(["keys", "make", "--identity", IDENTITY], ["secret", "secret"], environment)
    assert code == 0, said
    assert "Passphrase of the new key (empty for none):" in said
    assert "secret" not in said
    record = make_record(workspace)
    words = ["--workspace", str(workspace.root), "seal", str(record)]
    code, said = _on_a_terminal(words, ["secret"], environment)
    assert code == 0, said
    assert "Passphrase of the sealing key:" in said
    assert "secret" not in said


def test_no_option_takes_a_passphrase() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sweep.cli.main", "keys", "make", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--passphrase" not in done.stdout


@needs_ssh
@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="ssh-agent is not installed")
def test_a_key_in_an_agent(
    workspace: Workspace,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tmp_path = keys.parent
    with pytest.raises(ParameterError, match="no ssh-agent is running here"):
        run(["keys", "make", "--agent"])
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        with pytest.raises(ParameterError, match="holds these Ed25519 keys: none"):
            run(["keys", "make", "--agent"])
        for name in ("one", "two"):
            key = tmp_path / name
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], check=True, stderr=subprocess.DEVNULL)
        with pytest.raises(ParameterError, match="name one: --agent FINGERPRINT"):
            run(["keys", "make", "--agent"])
        make_key("--agent", "two")
        assert not (keys / "seal_key").exists()
        record = make_record(workspace)
        assert command(workspace, "seal", record) == 0
        command(workspace, "verify", record, "--allowed-signers", allowed())
        assert "PASS         signature" in capsys.readouterr().out
        subprocess.run(["ssh-add", "-q", "-D"], check=True, stderr=subprocess.DEVNULL)
        with pytest.raises(ParameterError, match="is held by no ssh-agent here; add it with ssh-add"):
            command(workspace, "seal", make_record(workspace, "lab-2"))
    finally:
        process.terminate()
        process.wait(10)
