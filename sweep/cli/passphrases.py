"""The passphrase of the sealing key: from a file, the environment or the terminal, and never from the command line."""

from __future__ import annotations

import getpass
import os
import sys
from functools import cache
from pathlib import Path

from dsp.errors import ParameterError
from sweep.seal.files import read_bounded
from sweep.seal.private_key import PassphraseError

__all__ = ["new_passphrase", "passphrase"]

_VARIABLE, _FILE_VARIABLE = "QUIETROOM_KEY_PASSPHRASE", "QUIETROOM_KEY_PASSPHRASE_FILE"
_MAX_BYTES = 1024


def new_passphrase() -> str | None:
    """Get the passphrase of a key that is to be made; None for a key without one.

    Raises
    ------
    ParameterError
        Two different ones were typed.
    """
    given = _given()
    if given is not None or not _has_terminal():
        return given or None
    first = getpass.getpass("Passphrase of the new key (empty for none): ")
    if first and getpass.getpass("Once more: ") != first:
        raise ParameterError("the two passphrases differ; no key was made, try again")
    return first or None


@cache
def passphrase() -> str:
    """Get the passphrase of the key in use; a terminal is asked once.

    Raises
    ------
    PassphraseError
        Neither file nor variable has it, and there is no terminal to ask.
    """
    given = _given()
    if given is not None:
        return given
    if not _has_terminal():
        raise PassphraseError(
            "the sealing key needs its passphrase, and there is no terminal to ask; name a file that has it with "
            f"{_FILE_VARIABLE}, or use an ssh-agent"
        )
    return getpass.getpass("Passphrase of the sealing key: ")


def _given() -> str | None:
    path = os.environ.get(_FILE_VARIABLE)
    if path:
        return read_bounded(Path(path), _MAX_BYTES).decode("utf-8", "replace").rstrip("\r\n")
    return os.environ.get(_VARIABLE)


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
