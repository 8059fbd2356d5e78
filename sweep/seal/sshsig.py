"""Signatures in the form of ``ssh-keygen -Y sign`` (OpenSSH, PROTOCOL.sshsig)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from dsp.errors import RecordError
from sweep.seal.public_key import KEY_TYPE, PublicKey
from sweep.seal.wire import Reader, string

__all__ = ["NAMESPACE", "SshSignature", "armored", "read_signature"]

NAMESPACE = "quietroom-seal@v1"
"""What the signatures are for, so that one made for anything else with the same key is none over a seal."""

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70
_MAX_BYTES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """A signature that was read.

    Attributes
    ----------
    key : PublicKey
        The key that it says it was made with.
    namespace : str
    hash_name : bytes
    signature : bytes
    """

    key: PublicKey
    namespace: str
    hash_name: bytes
    signature: bytes

    def covers(self, message: bytes) -> bool:
        """Whether it is its key's signature over this message, made for seals."""
        said = _to_sign(message, self.namespace, self.hash_name)
        return self.namespace == NAMESPACE and self.key.signed(self.signature, said)


def armored(message: bytes, key: PublicKey, sign: Callable[[bytes], bytes]) -> bytes:
    """Sign a message, and give the text of the signature file.

    Parameters
    ----------
    message : bytes
    key : PublicKey
    sign : callable
        Gives the key's Ed25519 signature, 64 bytes, over some bytes.

    Returns
    -------
    bytes
        ASCII, which ``ssh-keygen -Y verify`` reads.
    """
    signature = string(KEY_TYPE) + string(sign(_to_sign(message, NAMESPACE, b"sha512")))
    fields = (key.blob, NAMESPACE.encode(), b"", b"sha512", signature)
    blob = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(string, fields))
    lines = textwrap.wrap(base64.b64encode(blob).decode(), _WIDTH)
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def read_signature(text: bytes) -> SshSignature:
    """Read a signature file.

    Raises
    ------
    RecordError
        It is no SSH signature by an Ed25519 key. The message does not name the file.
    """
    try:
        return _parse(text)
    except (ValueError, UnicodeDecodeError, binascii.Error) as error:
        raise RecordError(f"is no SSH signature by an Ed25519 key ({error})") from error


def _parse(text: bytes) -> SshSignature:
    lines = text.decode("ascii").split() if len(text) <= _MAX_BYTES else []
    body = " ".join(lines)
    if not (body.startswith(_BEGIN) and body.endswith(_END)):
        raise ValueError("it does not begin and end as one")
    encoded = body[len(_BEGIN) : -len(_END)].replace(" ", "")
    reader = Reader(base64.b64decode(encoded, validate=True))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise ValueError("it is of another version")
    key, namespace, reserved, hash_name, signature = (reader.string() for _ in range(5))
    reader.end()
    inner = Reader(signature)
    kind, value = inner.string(), inner.string()
    inner.end()
    if kind != KEY_TYPE or hash_name not in _HASHES or reserved:
        raise ValueError(f"{kind!r} over {hash_name!r} is not known here")
    return SshSignature(
        key=PublicKey.from_blob(key), namespace=namespace.decode(), hash_name=hash_name, signature=value
    )


def _to_sign(message: bytes, namespace: str, hash_name: bytes) -> bytes:
    digest = _HASHES[hash_name](message).digest()
    return _MAGIC + b"".join(map(string, (namespace.encode(), b"", hash_name, digest)))
