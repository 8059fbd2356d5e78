"""Proof of time: a token of a time server (RFC 3161) over the signature, kept as the server gave it."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from cryptography.x509 import (
    Certificate,
    DuplicateExtension,
    ExtensionNotFound,
    InvalidVersion,
    UnsupportedGeneralNameType,
    load_pem_x509_certificates,
)
from rfc3161_client import TimestampRequestBuilder, TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client import VerificationError as _ChainError
from rfc3161_client.base import HashAlgorithm as _RequestHash

from dsp.errors import ParameterError, RecordError
from sweep.journal.documents import one_line
from sweep.seal.der import with_ordered_certificates
from sweep.seal.files import read_bounded, signature_path, token_path, write_new

__all__ = ["TimeToken", "check_time_server", "fetch_token", "read_authorities", "read_token", "stamp"]

MAX_TOKEN_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_HASHES: dict[str, type[HashAlgorithm]] = {
    "2.16.840.1.101.3.4.2.1": SHA256,
    "2.16.840.1.101.3.4.2.2": SHA384,
    "2.16.840.1.101.3.4.2.3": SHA512,
}

_UNSOUND = (DuplicateExtension, ExtensionNotFound, InvalidVersion, UnsupportedAlgorithm, UnsupportedGeneralNameType)
"""What a certificate that somebody altered may raise; none of them is a ValueError."""


@dataclass(frozen=True, slots=True)
class TimeToken:
    """A token that was read.

    Attributes
    ----------
    response : TimeStampResponse
    """

    response: TimeStampResponse

    @property
    def time(self) -> datetime:
        """When the server says that it saw the signature."""
        return self.response.tst_info.gen_time

    def is_over(self, message: bytes) -> bool:
        """Whether the token is about these bytes."""
        imprint = self.response.tst_info.message_imprint
        kind = _HASHES.get(imprint.hash_algorithm.dotted_string)
        if kind is None:
            return False
        digest = Hash(kind())
        digest.update(message)
        return digest.finalize() == imprint.message

    def why_not_trusted(self, message: bytes, authorities: list[Certificate]) -> str | None:
        """Why the token is no proof to whoever trusts these authorities; None where it is."""
        builder = VerifierBuilder()
        for authority in dict.fromkeys(authorities):
            builder = builder.add_root_certificate(authority)
        try:
            builder.build().verify_message(self.response, message)
        except (_ChainError, *_UNSOUND, ValueError) as error:
            return one_line(error)
        return None


def check_time_server(url: str) -> str:
    """Return the address of a time server, if it can be one.

    Raises
    ------
    ParameterError
        It is no address that begins with http or https.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ParameterError(
            f"time server {url!r} is no http or https address; write for example http://tsa.example/tsr"
        )
    return url


def fetch_token(url: str, message: bytes) -> bytes:
    """Ask a time server for a token over some bytes.

    Only their hash is sent.

    Raises
    ------
    RecordError
        The server does not answer, refuses, or answers about something else.
    """
    request = TimestampRequestBuilder().data(message).hash_algorithm(_RequestHash.SHA512).build()
    asked = urllib.request.Request(
        check_time_server(url), data=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read(MAX_TOKEN_BYTES + 1)
    except (URLError, OSError, ValueError) as error:
        raise RecordError(f"time server {url}: {one_line(getattr(error, 'reason', error))}; try again later") from error
    try:
        token = read_token(data)
        if token.response.tst_info.nonce != request.nonce or not token.is_over(message):
            raise RecordError("is about something else")
    except RecordError as error:
        raise RecordError(f"time server {url}: its answer {error}; try another one") from error
    return data


def read_token(data: bytes) -> TimeToken:
    """Read what a time server answered.

    Raises
    ------
    RecordError
        It is no token, or a refusal. The message does not name the file.
    """
    try:
        response = decode_timestamp_response(with_ordered_certificates(data))
        if response.status != 0:
            raise ValueError(f"a refusal with status {response.status}, {' '.join(response.status_string)}")
        _ = response.tst_info.gen_time
    except ValueError as error:
        raise RecordError(f"is no time token ({one_line(error)})") from error
    return TimeToken(response)


def read_authorities(path: Path) -> list[Certificate]:
    """Read the certificates of time authorities that a verifier trusts, in PEM.

    Raises
    ------
    ParameterError
        The file cannot be read or holds none.
    """
    try:
        return load_pem_x509_certificates(read_bounded(path, MAX_TOKEN_BYTES))
    except RecordError as error:
        raise ParameterError(str(error)) from error
    except ValueError as error:
        raise ParameterError(f"{path}: holds no certificate in PEM ({one_line(error)[:60]}); give the CA's") from error


def stamp(record_path: Path, url: str) -> TimeToken:
    """Get a token over the signature of a sealed record, and keep it beside it.

    Raises
    ------
    RecordError
        There is no signature, a token is there already, or the server gives none.
    """
    path = token_path(record_path)
    if path.exists():
        raise RecordError(f"{path}: a time token is there already; it is never replaced")
    signature = read_bounded(signature_path(record_path), MAX_TOKEN_BYTES)
    data = fetch_token(url, signature)
    part = path.with_name(path.name + ".part")
    write_new(part, data)
    part.rename(path)
    return read_token(data)
