"""``keys``: the key that seals records."""

from __future__ import annotations

import getpass
import socket
from argparse import Namespace
from collections.abc import Sequence

from dsp.errors import ParameterError
from sweep.cli.passphrases import new_passphrase
from sweep.cli.printing import Printer, short_time
from sweep.cli.sealing import NO_KEY
from sweep.seal.agent import AgentKey, running_agent
from sweep.seal.key_folder import KeyEntry, KeyFolder, default_key_folder
from sweep.seal.public_key import check_identity

__all__ = ["make", "rotate", "show"]


def make(arguments: Namespace) -> int:
    """Make the first key."""
    folder = KeyFolder(default_key_folder())
    current = folder.current()
    if current is not None or folder.private_path.exists():
        named = "" if current is None else f", {current.key.fingerprint}"
        raise ParameterError(f"{folder.path}: has a key already{named}; make one in its place: quietroom keys rotate")
    return _new(arguments, folder, arguments.identity or _who())


def rotate(arguments: Namespace) -> int:
    """Make a new key in place of the one in use, which is remembered with its dates."""
    folder = KeyFolder(default_key_folder())
    current = folder.current()
    if current is None:
        raise ParameterError(NO_KEY)
    return _new(arguments, folder, arguments.identity or current.identity)


def show(arguments: Namespace) -> int:
    """Print all keys as an ``allowed_signers`` file, with comments for people."""
    printer = Printer(arguments.json)
    folder = KeyFolder(default_key_folder())
    entries = folder.entries()
    if not entries:
        raise ParameterError(NO_KEY)
    _tell(printer, folder, entries)
    return 0


def _new(arguments: Namespace, folder: KeyFolder, identity: str) -> int:
    printer = Printer(arguments.json)
    identity = check_identity(identity)
    if arguments.agent is not None:
        folder.adopt(_held(arguments.agent), identity)
    else:
        folder.make(identity, new_passphrase())
    _tell(printer, folder, folder.entries())
    return 0


def _held(wanted: str) -> AgentKey:
    """The key of the agent that was asked for, by its fingerprint, or the only one."""
    agent = running_agent()
    if agent is None:
        raise ParameterError("no ssh-agent is running here (SSH_AUTH_SOCK); start one, and add a key with ssh-add")
    held = [key for key in agent.held() if wanted in ("", key.key.fingerprint, key.comment)]
    if len(held) != 1:
        names = ", ".join(key.key.fingerprint for key in agent.held()) or "none"
        raise ParameterError(f"the ssh-agent holds these Ed25519 keys: {names}; name one: --agent FINGERPRINT")
    return held[0]


def _who() -> str:
    try:
        return check_identity(f"{getpass.getuser()}@{socket.gethostname()}")
    except (OSError, KeyError, ParameterError) as error:
        raise ParameterError("this user or computer has no usable name; give one with --identity") from error


def _tell(printer: Printer, folder: KeyFolder, entries: Sequence[KeyEntry]) -> None:
    for entry in entries:
        until = "in use" if entry.until is None else f"until {short_time(entry.until)}"
        printer.line(f"# {entry.key.fingerprint}, since {short_time(entry.since)}, {until}")
        printer.line(entry.allowed_signer)
    printer.line(f"# keys are in {folder.path}; give the lines above to whoever verifies, as a file allowed_signers")
    printer.document(
        [
            {
                "fingerprint": entry.key.fingerprint,
                "identity": entry.identity,
                "since": entry.since,
                "until": entry.until,
                "allowed_signer": entry.allowed_signer,
            }
            for entry in entries
        ]
    )
