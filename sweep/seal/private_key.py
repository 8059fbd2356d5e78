"""The file of a private key, as OpenSSH writes it: read by its owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from dsp.errors import RecordError
from sweep.seal.public_key import PublicKey

__all__ = ["PassphraseError", "load_private", "private_text", "public_of", "read_private"]

_MAX_BYTES = 64 << 10


class PassphraseError(RecordError):
    """A key needs a passphrase, and none or a wrong one was given."""


def private_text(key: Ed25519PrivateKey, passphrase: str | None) -> bytes:
    """Write a key as OpenSSH does, encrypted where there is a passphrase."""
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how)


def public_of(key: Ed25519PrivateKey) -> PublicKey:
    """The public key of a private one."""
    return PublicKey(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def read_private(path: Path) -> bytes:
    """Read the file of a private key, if nobody but its owner can.

    Raises
    ------
    RecordError
        Others may read or write it, it belongs to somebody else, or it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  what was checked is what is read
            about = os.fstat(descriptor)
            mode = stat.S_IMODE(about.st_mode)
            if not stat.S_ISREG(about.st_mode):
                raise RecordError(f"{path}: is not a plain file; give the key its place back")
            if mode & 0o077 or about.st_uid not in (os.geteuid(), 0):
                raise RecordError(
                    f"{path}: others may read or change it (mode {mode:04o}, user {about.st_uid}); "
                    f"if nobody had it, run: chmod 600 {path} (else: quietroom keys rotate)"
                )
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); check your rights") from error


def load_private(path: Path, text: bytes, passphrase: str | None) -> Ed25519PrivateKey:
    """Open a private key.

    Raises
    ------
    PassphraseError
        It is encrypted, and the passphrase is none or another one.
    RecordError
        The file holds no Ed25519 key.
    """
    try:
        key = load_ssh_private_key(text, passphrase.encode() if passphrase else None)
    except TypeError as error:
        if passphrase is None:
            raise PassphraseError(f"{path}: the key needs its passphrase") from error
        return load_private(path, text, None)
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is not None:
            raise PassphraseError(f"{path}: the passphrase is wrong, or the file is damaged") from error
        raise RecordError(f"{path}: is no private key of OpenSSH ({error}); restore it, or make a new one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RecordError(f"{path}: is no Ed25519 key; make one with: quietroom keys make")
    return key
