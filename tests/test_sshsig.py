"""Signatures in the form of OpenSSH, against the real ssh-keygen and ssh-agent."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seals import IDENTITY, allowed_line, make_signer

from dsp.errors import ParameterError, RecordError
from sweep.seal.agent import Agent, running_agent
from sweep.seal.allowed_signers import read_allowed_signers
from sweep.seal.public_key import PublicKey, check_identity
from sweep.seal.sshsig import NAMESPACE, read_signature
from sweep.units import parse_utc

MESSAGE = b'{"what": "a seal"}'

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
needs_agent = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("ssh-agent", "ssh-add", "ssh-keygen")),
    reason="ssh-agent is not installed",
)


def ssh_keygen(*arguments: str, message: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *arguments], input=message, capture_output=True, check=False, timeout=30)


def verified_by_ssh(folder: Path, message: bytes, namespace: str = NAMESPACE, *options: str) -> bool:
    files = ("-f", str(folder / "allowed"), "-s", str(folder / "m.sig"))
    done = ssh_keygen("-Y", "verify", *files, "-I", IDENTITY, "-n", namespace, *options, message=message)
    return done.returncode == 0


@needs_ssh
def test_ssh_keygen_accepts_our_signature_and_no_other_text(tmp_path: Path) -> None:
    signer = make_signer()
    (tmp_path / "m.sig").write_bytes(signer.sign(MESSAGE))
    (tmp_path / "allowed").write_text(allowed_line(signer) + "\n")
    assert verified_by_ssh(tmp_path, MESSAGE)
    assert not verified_by_ssh(tmp_path, MESSAGE + b" ")
    assert not verified_by_ssh(tmp_path, MESSAGE, "file")
    (tmp_path / "allowed").write_text(allowed_line(make_signer()) + "\n")
    assert not verified_by_ssh(tmp_path, MESSAGE)


@needs_ssh
def test_ssh_keygen_reads_the_dates_of_our_lines(tmp_path: Path) -> None:
    signer = make_signer()
    (tmp_path / "m.sig").write_bytes(signer.sign(MESSAGE))
    (tmp_path / "allowed").write_text(allowed_line(signer, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z") + "\n")
    assert verified_by_ssh(tmp_path, MESSAGE, NAMESPACE, "-Overify-time=20260115120000Z")
    assert not verified_by_ssh(tmp_path, MESSAGE, NAMESPACE, "-Overify-time=20251231235900Z")
    assert not verified_by_ssh(tmp_path, MESSAGE, NAMESPACE, "-Overify-time=20260201000100Z")


@needs_ssh
@pytest.mark.parametrize("hash_name", ["sha512", "sha256"])
def test_we_read_what_ssh_keygen_signed(tmp_path: Path, hash_name: str) -> None:
    key = tmp_path / "id"
    ssh_keygen("-q", "-t", "ed25519", "-N", "", "-f", str(key))
    done = ssh_keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, f"-Ohashalg={hash_name}", message=MESSAGE)
    signature = read_signature(done.stdout)
    assert signature.covers(MESSAGE)
    assert not signature.covers(MESSAGE + b"x")
    shown = ssh_keygen("-l", "-f", str(key)).stdout.decode().split()[1]
    assert signature.key.fingerprint == shown
    other = ssh_keygen("-Y", "sign", "-f", str(key), "-n", "file", message=MESSAGE)
    assert not read_signature(other.stdout).covers(MESSAGE)  # made for something else


@needs_ssh
def test_a_key_of_another_type_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "id"
    ssh_keygen("-q", "-t", "ecdsa", "-N", "", "-f", str(key))
    done = ssh_keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, message=MESSAGE)
    with pytest.raises(RecordError, match="is no SSH signature by an Ed25519 key"):
        read_signature(done.stdout)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bit_of_a_signature_can_be_changed(data: st.DataObject) -> None:
    signer = make_signer()
    text = signer.sign(MESSAGE)
    body = b"".join(text.splitlines()[1:-1])
    blob = bytearray(base64.b64decode(body))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    changed = "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()
    try:
        signature = read_signature(changed)
    except RecordError:
        return
    assert not (signature.covers(MESSAGE) and signature.key == signer.key)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_anything_else_is_refused_in_one_line(junk: bytes) -> None:
    wrapped = (
        b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(b"SSHSIG" + junk) + b"\n-----END SSH SIGNATURE-----\n"
    )
    for text in (junk, wrapped):
        with pytest.raises(RecordError, match="is no SSH signature"):
            read_signature(text)


@pytest.mark.parametrize("name", ["", "a b", "a,b", "*", 'a"b', "!a", "-a", "a" * 101, "é"])
def test_names_that_mean_something_else_there(name: str) -> None:
    with pytest.raises(ParameterError, match="is not usable"):
        check_identity(name)


def test_allowed_signers_as_openssh_describes_them(tmp_path: Path) -> None:
    one, two = make_signer(), make_signer("b@example.org")
    path = tmp_path / "allowed"
    path.write_text(
        "# a comment\n\n"
        f"*@example.org,!b@example.org {one.key.text} comment of the key\n"
        f'b@example.org namespaces="git,quietroom-*",valid-after="20260101",'
        f'valid-before="20270101000000Z" {two.key.text}\n'
        "c@example.org ecdsa-sha2-nistp256 AAAAE2VjZHNh\n"
        f"*@x.org cert-authority {one.key.text}\n"
    )
    first, second = read_allowed_signers(path)
    assert first.is_named("a@example.org")
    assert not first.is_named("b@example.org")
    assert not first.is_named("a@example.com")
    assert first.may_sign("anything")
    assert second.may_sign(NAMESPACE)
    assert not second.may_sign("file")
    assert second.why_not_at(parse_utc("2026-06-01T00:00:00Z")) is None
    assert second.why_not_at(parse_utc("2025-06-01T00:00:00Z")) is not None
    assert second.why_not_at(parse_utc("2027-01-01T00:00:00Z")) == "valid only until 2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "line",
    [
        "a@example.org",
        "a@example.org ssh-ed25519 !!!",
        "a@example.org ssh-ed25519 AAAA",
        'a@example.org valid-after="tomorrow" ssh-ed25519 {key}',
        'a@example.org valid-after="20261399" ssh-ed25519 {key}',
        "a@example.org no-such-option ssh-ed25519 {key}",
        "a@example.org namespaces ssh-ed25519 {key}",
    ],
)
def test_lines_that_are_none(tmp_path: Path, line: str) -> None:
    path = tmp_path / "allowed"
    path.write_text("# first\n" + line.format(key=make_signer().key.text.split()[1]) + "\n")
    with pytest.raises(ParameterError, match=r"line 2 is no line of allowed_signers"):
        read_allowed_signers(path)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        running = running_agent()
        assert running is not None
        yield running
    finally:
        process.terminate()
        process.wait(10)


@needs_agent
def test_a_real_agent_signs(agent: Agent, tmp_path: Path) -> None:
    assert agent.held() == []
    for name, kind in (("one", "ed25519"), ("two", "ecdsa")):
        ssh_keygen("-q", "-t", kind, "-N", "", "-C", f"key {name}", "-f", str(tmp_path / name))
        subprocess.run(["ssh-add", "-q", str(tmp_path / name)], check=True, env=os.environ, stderr=subprocess.DEVNULL)
    (held,) = agent.held()  # the other key is no Ed25519 one
    assert held.comment == "key one"
    assert held.key.signed(agent.sign(held.key, MESSAGE), MESSAGE)
    with pytest.raises(RecordError, match="it refused: it does not hold the key, or is locked"):
        agent.sign(make_signer().key, MESSAGE)
    subprocess.run(["ssh-add", "-q", "-D"], check=True, env=os.environ, stderr=subprocess.DEVNULL)
    assert agent.held() == []


def test_an_agent_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="the ssh-agent did not do it"):
        Agent(tmp_path / "nothing").held()


def test_a_public_key_is_read_as_it_is_written() -> None:
    key = make_signer().key
    assert PublicKey.from_text(*key.text.split()) == key
    with pytest.raises(ValueError, match="is of type ssh-rsa"):
        PublicKey.from_text("ssh-rsa", "AAAA")
