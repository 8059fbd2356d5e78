"""A public Ed25519 key as OpenSSH writes it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dsp.errors import ParameterError
from sweep.seal.wire import Reader, string

__all__ = ["KEY_TYPE", "PublicKey", "check_identity"]

KEY_TYPE = b"ssh-ed25519"
"""Name of the only kind of key that seals."""

_KEY_BYTES = 32
_IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,99}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key.

    Attributes
    ----------
    raw : bytes
        The 32 bytes of RFC 8032.
    """

    raw: bytes

    @classmethod
    def from_blob(cls, blob: bytes) -> PublicKey:
        """Read a key as SSH puts it on the wire.

        Raises
        ------
        ValueError
            It is not an Ed25519 key.
        """
        reader = Reader(blob)
        kind, raw = reader.string(), reader.string()
        reader.end()
        if kind != KEY_TYPE or len(raw) != _KEY_BYTES:
            raise ValueError("it is no Ed25519 key")
        return cls(raw)

    @classmethod
    def from_text(cls, kind: str, text: str) -> PublicKey:
        """Read the two words of a line of a ``.pub`` file.

        Raises
        ------
        ValueError
            They are not an Ed25519 key.
        """
        try:
            blob = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"its key is not base64 ({error})") from error
        if kind.encode() != KEY_TYPE:
            raise ValueError(f"its key is of type {kind}, not {KEY_TYPE.decode()}")
        return cls.from_blob(blob)

    @property
    def blob(self) -> bytes:
        """The key as SSH puts it on the wire."""
        return string(KEY_TYPE) + string(self.raw)

    @property
    def text(self) -> str:
        """The first two words of a line of a ``.pub`` file."""
        return f"{KEY_TYPE.decode()} {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it.

        Examples
        --------
        >>> PublicKey(bytes(32)).fingerprint
        'SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk'
        """
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature of 64 bytes is this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def check_identity(text: str) -> str:
    """Return a name under which a key may stand in an ``allowed_signers`` file.

    Raises
    ------
    ParameterError
        It has anything but letters, digits and ``. _ + @ -``, which would mean something else there.

    Examples
    --------
    >>> check_identity("a.smith@example.org")
    'a.smith@example.org'
    """
    if _IDENTITY.fullmatch(text) is None:
        raise ParameterError(
            f"identity {text[:100]!r} is not usable; give up to 100 letters, digits and . _ + @ -, "
            "for example a.smith@example.org"
        )
    return text
