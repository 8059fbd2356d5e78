"""Time tokens from a real ``openssl ts`` server."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from time_server import TimeServer, answer, make_authority, serving

from dsp.errors import ParameterError, RecordError
from sweep.seal.der import with_ordered_certificates
from sweep.seal.time_token import check_time_server, fetch_token, read_authorities, read_token

MESSAGE = b"a signature"


def test_a_token_proves_the_time(time_server: TimeServer) -> None:
    data = fetch_token(time_server.url, MESSAGE)
    token = read_token(data)
    assert abs(token.time - datetime.now(UTC)) < timedelta(seconds=30)
    authorities = read_authorities(time_server.authority)
    assert token.is_over(MESSAGE)
    assert token.why_not_trusted(MESSAGE, authorities) is None
    assert not token.is_over(MESSAGE + b"x")
    assert token.why_not_trusted(MESSAGE + b"x", authorities) is not None


def test_openssl_verifies_the_token_as_it_is_kept(time_server: TimeServer, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(MESSAGE)
    (tmp_path / "token").write_bytes(fetch_token(time_server.url, MESSAGE))
    files = ("-data", tmp_path / "data", "-in", tmp_path / "token", "-CAfile", time_server.authority)
    done = subprocess.run(["openssl", "ts", "-verify", *map(str, files)], capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr


def test_another_authority_does_not_vouch_for_it(time_server: TimeServer, tmp_path: Path) -> None:
    make_authority(tmp_path)
    token = read_token(fetch_token(time_server.url, MESSAGE))
    why = token.why_not_trusted(MESSAGE, read_authorities(tmp_path / "ca.pem"))
    assert why is not None
    assert "\n" not in why


def test_certificates_may_stand_in_any_order(authority_folder: Path, time_server: TimeServer) -> None:
    """OpenSSL puts its own first, whatever the order of DER is."""
    authorities = read_authorities(time_server.authority)
    data = fetch_token(time_server.url, MESSAGE)
    ordered = with_ordered_certificates(data)
    assert sorted(data) == sorted(ordered)
    assert with_ordered_certificates(ordered) == ordered
    assert read_token(ordered).why_not_trusted(MESSAGE, authorities) is None


def test_an_answer_about_something_else_is_refused(authority_folder: Path, time_server: TimeServer) -> None:
    other = fetch_token(time_server.url, b"something else")
    with serving(authority_folder, say=other) as server, pytest.raises(RecordError, match="is about something else"):
        fetch_token(server.url, MESSAGE)


def test_a_refusal_is_said(authority_folder: Path) -> None:
    refusal = answer(authority_folder, b"no query")
    with serving(authority_folder, say=refusal) as server, pytest.raises(RecordError, match="is no time token"):
        fetch_token(server.url, MESSAGE)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "tsa.example", "http://", ""])
def test_only_http_is_asked(url: str) -> None:
    with pytest.raises(ParameterError, match="is no http or https address"):
        check_time_server(url)


def test_nobody_there() -> None:
    with pytest.raises(RecordError, match=r"time server http://127.0.0.1:9/: .*refused; try again later"):
        fetch_token("http://127.0.0.1:9/", MESSAGE)


def test_authorities_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(ParameterError, match="holds no certificate in PEM"):
        read_authorities(tmp_path / "x.pem")
    with pytest.raises(ParameterError, match="cannot be read"):
        read_authorities(tmp_path / "y.pem")


@pytest.fixture(scope="session")
def kept_token(authority_folder: Path) -> bytes:
    with serving(authority_folder) as server:
        return fetch_token(server.url, MESSAGE)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_bit_that_matters_can_be_changed(kept_token: bytes, authority_folder: Path, data: st.DataObject) -> None:
    authorities = read_authorities(authority_folder / "ca.pem")
    changed = bytearray(kept_token)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        token = read_token(bytes(changed))
    except RecordError:
        return
    if token.is_over(MESSAGE) and token.why_not_trusted(MESSAGE, authorities) is None:
        assert token.time == read_token(kept_token).time


@pytest.mark.parametrize("number", [0, 1])
def test_a_certificate_of_no_known_version_proves_nothing(
    kept_token: bytes, authority_folder: Path, number: int
) -> None:
    third = b"\xa0\x03\x02\x01\x02"
    changed = bytearray(kept_token)
    for _ in range(number + 1):
        at = changed.index(third)
        changed[at : at + len(third)] = third[:-1] + b"\x03"
    token = read_token(bytes(changed))
    assert token.why_not_trusted(MESSAGE, read_authorities(authority_folder / "ca.pem")) is not None


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400))
def test_anything_else_is_refused(junk: bytes) -> None:
    with pytest.raises(RecordError, match="is no time token"):
        read_token(junk)
