"""The grammar of the commands about seals."""

from __future__ import annotations

import os
from pathlib import Path

from sweep.cli.arguments import Commands, OneLineParser, add_command, add_json, add_record

__all__ = ["add_seal_commands", "add_time_server"]

_VERIFY_CODES = (
    "Exit codes: 0 all that bears on it passes, 1 altered, 2 incomplete or recovered, 3 identity or time unproven, "
    "4 nothing could be verified, said in one line; a wrong command line exits 2 and prints no claim."
)
_PASSPHRASE = (
    "Its passphrase is asked on the terminal, or comes from QUIETROOM_KEY_PASSPHRASE or the file that "
    "QUIETROOM_KEY_PASSPHRASE_FILE names."
)


def add_time_server(parser: OneLineParser) -> None:
    """Add where proof of time comes from."""
    parser.add_argument(
        "--time-server",
        metavar="URL",
        default=os.environ.get("QUIETROOM_TIME_SERVER") or None,
        help="get a time token (RFC 3161) over the signature there (default QUIETROOM_TIME_SERVER, or none); "
        "only a hash is sent",
    )


def add_seal_commands(commands: Commands[OneLineParser]) -> None:
    """Add ``keys``, ``seal``, ``verify`` and ``register``."""
    add_command(
        commands,
        "keys",
        None,
        "make, show or replace the key that seals records",
        "It is kept in QUIETROOM_KEYS, or in quietroom/keys of the user's configuration.",
        fill=_keys,
    )
    add_command(
        commands,
        "seal",
        "sealing:seal",
        "seal a record that was not sealed as it was closed, or add proof of time",
        "Writes RECORD.seal.json and its signature; the record itself is never changed.",
        fill=_seal,
    )
    add_command(
        commands,
        "verify",
        "verify:verify",
        "check that a record is what was sealed, by whom and when",
        _VERIFY_CODES,
        fill=_verify,
    )
    add_command(
        commands,
        "register",
        None,
        "keep digests of seals, apart from whoever holds the key",
        "An append-only file of JSON lines; keep it where the sealing computer cannot write.",
        fill=_register,
    )


def _keys(keys: OneLineParser) -> None:
    actions = keys.add_subparsers(metavar="ACTION", required=True)
    add_command(actions, "make", "keys:make", "make the key", _PASSPHRASE, fill=_new_key)
    add_command(
        actions,
        "rotate",
        "keys:rotate",
        "make a new key in place of the one in use, which is remembered with its dates",
        _PASSPHRASE,
        fill=_new_key,
    )
    add_command(
        actions, "show", "keys:show", "print fingerprints, and the lines for an allowed_signers file", fill=add_json
    )


def _new_key(parser: OneLineParser) -> None:
    parser.add_argument(
        "--identity",
        metavar="NAME",
        help="under which verifiers know the key (default: user@computer, or as before)",
    )
    parser.add_argument(
        "--agent",
        metavar="FINGERPRINT",
        nargs="?",
        const="",
        help="make none, but use an Ed25519 key that the ssh-agent holds",
    )
    add_json(parser)


def _seal(seal: OneLineParser) -> None:
    add_record(seal)
    add_time_server(seal)
    add_json(seal)


def _verify(verify: OneLineParser) -> None:
    add_record(verify)
    verify.add_argument("--allowed-signers", metavar="FILE", type=Path, help="whose keys you accept, as for ssh-keygen")
    verify.add_argument("--register", metavar="FILE", type=Path, help="the register of seals that you keep")
    verify.add_argument("--time-ca", metavar="FILE", type=Path, help="certificates of time servers you trust, in PEM")
    verify.add_argument(
        "--journal", metavar="FILE", type=Path, help="journal of the sweep (default: the one beside it, if still there)"
    )
    verify.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="report of the sweep, PDF or HTML (default: the PDF in the workspace)",
    )
    add_json(verify)


def _register(register: OneLineParser) -> None:
    actions = register.add_subparsers(metavar="ACTION", required=True)
    add_command(
        actions, "add", "register:add", "add the seals of records; nothing that is there is changed", fill=_register_add
    )
    add_command(
        actions,
        "check",
        "register:check",
        "find missing numbers, deleted and re-sealed records",
        "Exit codes as those of verify.",
        fill=_register_check,
    )
    add_command(actions, "list", "register:list_entries", "list what is registered", fill=_add_register)


def _register_add(add: OneLineParser) -> None:
    _add_register(add)
    add.add_argument("records", metavar="RECORD", nargs="+", help="path or name of a sealed record")


def _register_check(check: OneLineParser) -> None:
    _add_register(check)
    check.add_argument(
        "records", metavar="RECORD", nargs="*", help="path or name of a record (default: all of the workspace)"
    )
    check.add_argument("--head", metavar="HASH", help="hash with which the register ended when you noted it")


def _add_register(parser: OneLineParser) -> None:
    parser.add_argument("register", metavar="REGISTER", type=Path, help="file of the register")
    add_json(parser)
