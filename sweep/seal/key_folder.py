"""The user's sealing key, and the history of all that there were."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dsp.errors import ParameterError, RecordError
from sweep.chain import ChainedLog
from sweep.journal.files import sync_folder
from sweep.seal.agent import Agent, AgentKey
from sweep.seal.private_key import PassphraseError, load_private, private_text, public_of, read_private
from sweep.seal.public_key import PublicKey, check_identity
from sweep.seal.signers import Signer
from sweep.seal.sshsig import NAMESPACE
from sweep.units import iso_utc, parse_utc

__all__ = ["KeyEntry", "KeyFolder", "default_key_folder"]

_PRIVATE, _HISTORY = "seal_key", "keys.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key that seals, or sealed.

    Attributes
    ----------
    key : PublicKey
    identity : str
    since : str
        ISO 8601 in UTC.
    until : str or None
        When the next key took its place; None for the one in use.
    """

    key: PublicKey
    identity: str
    since: str
    until: str | None

    @property
    def allowed_signer(self) -> str:
        """The line that lets a verifier accept it, for an ``allowed_signers`` file of OpenSSH."""
        until = f',valid-before="{_compact(self.until, up=True)}"' if self.until else ""
        options = f'namespaces="{NAMESPACE}",valid-after="{_compact(self.since)}"{until}'
        return f"{self.identity} {options} {self.key.text}"


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """A folder of the user, apart from any workspace, since workspaces are handed on.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def private_path(self) -> Path:
        """The private key in use; absent where an ssh-agent holds it."""
        return self.path / _PRIVATE

    def entries(self) -> list[KeyEntry]:
        """All keys that there were, oldest first; the last one is in use.

        Raises
        ------
        RecordError
            The history is damaged.
        """
        log = self._history.read()
        ends = [str(entry["time"]) for entry in log[1:]]
        return [_entry(line, until) for line, until in zip(log, [*ends, None], strict=True)] if log else []

    def current(self) -> KeyEntry | None:
        """The key in use, if one was ever made."""
        entries = self.entries()
        return entries[-1] if entries else None

    def make(self, identity: str, passphrase: str | None) -> KeyEntry:
        """Make a new key, in place of the one in use if there is one.

        Raises
        ------
        RecordError
            The folder cannot be written.
        """
        key = Ed25519PrivateKey.generate()
        try:
            self._write_private(private_text(key, passphrase))
        except OSError as error:
            raise RecordError(
                f"{self.path}: cannot keep a key ({error.strerror}); name another folder with QUIETROOM_KEYS"
            ) from error
        return self._note(public_of(key), check_identity(identity))

    def adopt(self, held: AgentKey, identity: str) -> KeyEntry:
        """Seal with a key that an ssh-agent holds from now on; a private key that lies here is removed.

        Raises
        ------
        RecordError
            The folder cannot be written.
        """
        entry = self._note(held.key, check_identity(identity))
        self.private_path.unlink(missing_ok=True)
        return entry

    def signer(self, passphrase: Callable[[], str], agent: Agent | None) -> Signer | None:
        """Make the key in use ready to sign; None where there is none.

        Parameters
        ----------
        passphrase : callable
            Asked for the passphrase of a key that has one, unless an agent holds the key.
        agent : Agent or None

        Raises
        ------
        RecordError
            The key cannot be used: others can read it, its passphrase is wrong, nobody holds it.
        """
        entry = self.current()
        if entry is None:
            return None
        path = self.private_path
        text = read_private(path) if path.exists() else None
        private: Ed25519PrivateKey | None = None
        if text is not None:
            with suppress(PassphraseError):
                private = load_private(path, text, None)
        if private is None and agent is not None and _holds(agent, entry.key):
            return Signer(
                key=entry.key, identity=entry.identity, sign_bytes=lambda message: agent.sign(entry.key, message)
            )
        if text is None:
            raise RecordError(
                f"{self.path}: the key {entry.key.fingerprint} is held by no ssh-agent here; add it with ssh-add, "
                "or make a new key: quietroom keys rotate"
            )
        private = private or load_private(path, text, passphrase())
        if public_of(private) != entry.key:
            raise RecordError(f"{path}: is not the key that {_HISTORY} names last; make one: quietroom keys rotate")
        return Signer(key=entry.key, identity=entry.identity, sign_bytes=private.sign)

    @property
    def _history(self) -> ChainedLog:
        return ChainedLog(
            path=self.path / _HISTORY,
            fields=frozenset({"key", "identity"}),
            about=("log", "sealing keys"),
            noun="history of keys",
        )

    def _note(self, key: PublicKey, identity: str) -> KeyEntry:
        entry = self._history.append(lambda _: {"key": key.text, "identity": identity})
        assert entry is not None  # a body was composed
        return _entry(entry, None)

    def _write_private(self, text: bytes) -> None:
        """Put a key in its place whole, and never where others can read it."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self.path / f"{_PRIVATE}.part"
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123  the mode is set as it is made
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.rename(self.private_path)
        sync_folder(self.path)


def default_key_folder() -> Path:
    """Where the keys are: ``QUIETROOM_KEYS``, or ``quietroom/keys`` in the user's configuration.

    Raises
    ------
    ParameterError
        There is neither, nor a home.
    """
    named = os.environ.get("QUIETROOM_KEYS")
    if named:
        return Path(named)
    try:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError as error:
        raise ParameterError("this user has no home for a key; name a folder with QUIETROOM_KEYS") from error
    return home / "quietroom" / "keys"


def _holds(agent: Agent, key: PublicKey) -> bool:
    """Whether an agent holds a key; one that does not answer holds none."""
    with suppress(RecordError):
        return any(held.key == key for held in agent.held())
    return False


def _entry(line: dict[str, object], until: str | None) -> KeyEntry:
    kind, _, text = str(line["key"]).partition(" ")
    try:
        key = PublicKey.from_text(kind, text)
    except ValueError as error:
        raise RecordError(f"{_HISTORY}: holds what is no key ({error}); restore it from a copy") from error
    return KeyEntry(key=key, identity=str(line["identity"]), since=str(line["time"]), until=until)


def _compact(iso: str, *, up: bool = False) -> str:
    """A time as ``allowed_signers`` has it, in UTC to the second, the next whole one with ``up``.

    Examples
    --------
    >>> _compact("2026-11-23T07:11:59.123456789Z"), _compact("2026-11-23T07:11:59.123456789Z", up=True)
    ('20261123071159Z', '20261123071200Z')
    """
    seconds, rest = divmod(parse_utc(iso), 1_000_000_000)
    whole = iso_utc((seconds + (up and rest > 0)) * 1_000_000_000)
    return "".join(letter for letter in whole[:19] if letter.isdigit()) + "Z"
