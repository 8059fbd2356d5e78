"""Keys that an ssh-agent holds (draft-ietf-sshm-ssh-agent): listed, and asked to sign. A key never leaves it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from dsp.errors import RecordError
from sweep.seal.public_key import KEY_TYPE, PublicKey
from sweep.seal.wire import Reader, string

__all__ = ["Agent", "AgentKey", "running_agent"]

_LIST, _LISTED, _SIGN, _SIGNED = 11, 12, 13, 14
_MAX_ANSWER = 256 << 10  # as in OpenSSH
_TIMEOUT_S = 60.0  # an agent may ask its user before it signs


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """An Ed25519 key of an agent, with the comment under which it holds it."""

    key: PublicKey
    comment: str


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that listens.

    Attributes
    ----------
    path : Path
        Its socket.
    """

    path: Path

    def held(self) -> list[AgentKey]:
        """List the Ed25519 keys that it holds.

        Raises
        ------
        RecordError
            It does not answer, or not as an agent does.
        """
        answer = self._ask(bytes([_LIST]), _LISTED)
        try:
            lines = [(answer.string(), answer.string()) for _ in range(answer.number())]
            return [
                AgentKey(key=PublicKey.from_blob(blob), comment=comment.decode("utf-8", "replace"))
                for blob, comment in lines
                if blob.startswith(string(KEY_TYPE))
            ]
        except ValueError as error:
            raise self._trouble(str(error)) from error

    def sign(self, key: PublicKey, message: bytes) -> bytes:
        """Ask for a signature, 64 bytes.

        Raises
        ------
        RecordError
            It does not answer, does not hold the key, or its user refused.
        """
        answer = self._ask(bytes([_SIGN]) + string(key.blob) + string(message) + bytes(4), _SIGNED)
        try:
            signature = Reader(answer.string())
            kind, value = signature.string(), signature.string()
        except ValueError as error:
            raise self._trouble(str(error)) from error
        if kind != KEY_TYPE or not key.signed(value, message):
            raise self._trouble("its signature is not that of the key")
        return value

    def _ask(self, request: bytes, wanted: int) -> Reader:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT_S)
                connection.connect(str(self.path))
                connection.sendall(string(request))
                size = int.from_bytes(_receive(connection, 4), "big")
                if not 0 < size <= _MAX_ANSWER:
                    raise ValueError(f"its answer has {size} bytes")
                answer = _receive(connection, size)
        except (OSError, ValueError) as error:
            raise self._trouble(str(error)) from error
        if answer[0] != wanted:
            raise self._trouble("it refused: it does not hold the key, or is locked")
        return Reader(answer[1:])

    def _trouble(self, why: str) -> RecordError:
        return RecordError(f"{self.path}: the ssh-agent did not do it ({why}); see what it holds with: ssh-add -l")


def running_agent() -> Agent | None:
    """The agent that ``SSH_AUTH_SOCK`` names, if it does."""
    path = os.environ.get("SSH_AUTH_SOCK")
    return Agent(Path(path)) if path and Path(path).is_socket() else None


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ValueError("it closed the connection")
        parts += part
    return parts
