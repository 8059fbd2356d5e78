"""The page for auditors: its commands, run as they stand, with none of our code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from seals import IDENTITY, allowed_line, forge, make_record, make_signer, seal
from time_server import TimeServer

from baselines.disposition import decision_log, log_path, mark
from sweep.seal.files import seal_path, signature_path, token_path
from sweep.seal.register import Register
from sweep.seal.sealing import head_of, load_seal
from sweep.seal.time_token import stamp
from sweep.workspace import Workspace

PAGE = Path(__file__).resolve().parents[1] / "docs/seal.md"
NAME = "boardroom-20261123T093000Z"

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("ssh-keygen", "openssl", "sha256sum", "bash")),
    reason="ssh-keygen, openssl or sha256sum is not installed",
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the page where no module of ours can be imported."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    wrapper = tools / "python3"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "$@"\n')
    wrapper.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    names, *_ = blocks("sh")
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", names + command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def handed_over(tmp_path: Path, time_server: TimeServer) -> Path:
    """What an auditor is given: files, and nothing of the computer that made them."""
    workspace, signer = Workspace.create(tmp_path / "ws"), make_signer()
    for number in (1, 2):
        seal(workspace, signer, make_record(workspace, f"before-{number}", n_rows=1))
    record = make_record(workspace, NAME, n_rows=5)
    samples = record.with_suffix(".iq")
    samples.mkdir()
    (samples / "pass-0000.sigmf-data").write_bytes(bytes(100))
    seal(workspace, signer, record)
    stamp(record, time_server.url)
    mark(record, "F1", as_="known", reason="because of — Gebäude", by="A. Auditor")
    folder = tmp_path / "audit"
    folder.mkdir()
    for path_of in (Path, seal_path, signature_path, token_path, log_path):
        shutil.copy(path_of(record), folder)
    shutil.copytree(samples, folder / samples.name)
    Register(folder / "register.jsonl").add(load_seal(record), head_of(decision_log(record)))
    shutil.copy(time_server.authority, folder / "tsa-ca.pem")
    (folder / "allowed_signers").write_text(allowed_line(signer) + "\n")
    (program,) = blocks("python")
    (folder / "check_rows.py").write_text(program)
    return folder


def test_the_names_of_the_page() -> None:
    assert blocks("sh")[0] == f"NAME={NAME}\nSIGNER={IDENTITY}\n"


def test_every_command_of_the_page_succeeds(handed_over: Path) -> None:
    _, signature, time, files, digest, rows, chain = blocks("sh")
    done = run(handed_over, signature)
    assert f'Good "quietroom-seal@v1" signature for {IDENTITY}' in done.stdout, done.stderr
    done = run(handed_over, time)
    assert "Verification: OK" in done.stdout + done.stderr
    assert "Time stamp: " in done.stdout
    done = run(handed_over, files)
    assert done.stdout.splitlines() == [f"{NAME}.h5: OK", f"{NAME}.iq/pass-0000.sigmf-data: OK"], done.stderr
    made = load_seal(handed_over / f"{NAME}.h5")
    assert run(handed_over, digest).stdout.split()[0] == made.digest
    done = run(handed_over, rows)
    assert done.stdout == f"5 rows, altered: none\nthe rows give the sealed root {made.told.root}\n", done.stderr
    assert run(handed_over, chain).stdout == f"head {Register(handed_over / 'register.jsonl').head}\n"
    decisions = run(handed_over, chain.replace("register.jsonl", f"{NAME}.h5.dispositions.jsonl"))
    assert decisions.stdout.startswith("head "), decisions.stderr


def test_they_fail_when_they_should(handed_over: Path) -> None:
    _, signature, time, files, _, rows, chain = blocks("sh")
    register = handed_over / "register.jsonl"
    register.write_bytes(register.read_bytes().replace(b'"counter": 3', b'"counter": 2'))
    assert "line 1 was altered" in run(handed_over, chain).stderr
    forge(handed_over / f"{NAME}.h5", lambda kept: [kept[0], kept[2], kept[1], *kept[3:]])
    done = run(handed_over, rows)
    assert done.returncode != 0
    assert "altered: [1, 2]" in done.stdout
    assert run(handed_over, files).returncode != 0
    sealed = handed_over / f"{NAME}.seal.json"
    sealed.write_bytes(sealed.read_bytes().replace(b'"n_rows":5', b'"n_rows":4'))
    assert run(handed_over, signature).returncode != 0
    signed = handed_over / f"{NAME}.seal.json.sig"
    signed.write_bytes(make_signer().sign(b"something else"))
    done = run(handed_over, time)
    assert "Verification: FAILED" in done.stdout + done.stderr


def test_none_of_our_code_is_needed(handed_over: Path) -> None:
    program = handed_over / "check_rows.py"
    used = set(re.findall(r"^import (\w+)", program.read_text(), re.MULTILINE))
    assert used == {"hashlib", "json", "struct", "sys", "h5py", "numpy"}
