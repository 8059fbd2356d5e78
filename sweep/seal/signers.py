"""What can sign: a key in memory, or one that an ssh-agent holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sweep.seal.public_key import PublicKey
from sweep.seal.sshsig import armored

__all__ = ["Signer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that is ready to sign, and whose it is.

    Attributes
    ----------
    key : PublicKey
    identity : str
        Name under which the key stands in an ``allowed_signers`` file.
    sign_bytes : callable
        Gives the Ed25519 signature over some bytes.
    """

    key: PublicKey
    identity: str
    sign_bytes: Callable[[bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        """Give the text of a signature file over a message."""
        return armored(message, self.key, self.sign_bytes)
