"""Whose keys a verifier accepts: a file ``allowed_signers`` as ssh-keygen(1) describes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dsp.errors import ParameterError
from sweep.seal.public_key import PublicKey
from sweep.units import iso_utc

__all__ = ["AllowedSigner", "read_allowed_signers"]

_MAX_BYTES = 4 << 20
_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?')
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z)?")
_KNOWN = frozenset({"namespaces", "valid-after", "valid-before"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigner:
    """A line of the file.

    Attributes
    ----------
    key : PublicKey
    principals : tuple of str
        Patterns of names; one that begins with an exclamation mark excludes.
    namespaces : tuple of str or None
        Patterns of what the key may sign; None for anything.
    valid_after_ns, valid_before_ns : int or None
        In nanoseconds since 1970 UTC.
    """

    key: PublicKey
    principals: tuple[str, ...]
    namespaces: tuple[str, ...] | None
    valid_after_ns: int | None
    valid_before_ns: int | None

    def is_named(self, identity: str) -> bool:
        """Whether the line is about this name."""
        return _matches(identity, self.principals)

    def may_sign(self, namespace: str) -> bool:
        """Whether the key may sign what is of this kind."""
        return self.namespaces is None or _matches(namespace, self.namespaces)

    def why_not_at(self, utc_ns: int) -> str | None:
        """Why the key was not valid at a time; None where it was."""
        if self.valid_after_ns is not None and utc_ns < self.valid_after_ns:
            return f"valid only from {iso_utc(self.valid_after_ns)[:19]}Z on"
        if self.valid_before_ns is not None and utc_ns >= self.valid_before_ns:
            return f"valid only until {iso_utc(self.valid_before_ns)[:19]}Z"
        return None


def read_allowed_signers(path: Path) -> list[AllowedSigner]:
    """Read all lines that name an Ed25519 key; those of other keys and of authorities cannot have sealed a record.

    Raises
    ------
    ParameterError
        The file cannot be read, or a line is not as ssh-keygen wants it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read ({error}); give an allowed_signers file") from error
    if len(data) > _MAX_BYTES:
        raise ParameterError(f"{path}: is larger than {_MAX_BYTES >> 20} MiB; give an allowed_signers file")
    return list(_signers(path, text))


def _signers(path: Path, text: str) -> Iterator[AllowedSigner]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            signer = _signer(_words(line))
        except ValueError as error:
            raise ParameterError(
                f"{path}: line {number} is no line of allowed_signers ({error}); print one with: quietroom keys show"
            ) from error
        if signer is not None:
            yield signer


def _signer(words: list[str]) -> AllowedSigner | None:
    if len(words) < 3:
        raise ValueError("it needs a name, a type of key and a key")
    options: dict[str, str] = {}
    if not words[1].startswith(("ssh-", "sk-", "ecdsa-")):
        options = _options(words.pop(1))
    if "cert-authority" in options or len(words) < 3 or words[1] != "ssh-ed25519":
        return None
    namespaces = options.get("namespaces")
    return AllowedSigner(
        key=PublicKey.from_text(words[1], words[2]),
        principals=tuple(words[0].split(",")),
        namespaces=None if namespaces is None else tuple(namespaces.split(",")),
        valid_after_ns=_utc_ns(options.get("valid-after")),
        valid_before_ns=_utc_ns(options.get("valid-before")),
    )


def _words(line: str) -> list[str]:
    """Split at blanks outside of quotes, and take the quotes off the name."""
    words = re.findall(r'(?:[^\s"]|"[^"]*")+', line)
    return [words[0].replace('"', ""), *words[1:]] if words else []


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for option in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        match = _OPTION.fullmatch(option)
        name = match[1].lower() if match else ""
        if match is None or name not in _KNOWN | {"cert-authority"} or (name in _KNOWN and match[2] is None):
            raise ValueError(f"option {option[:40]!r} is unknown")
        options[name] = match[2] or ""
    return options


def _utc_ns(text: str | None) -> int | None:
    """A time of the file; without a Z it is in the zone of this computer, as ssh-keygen has it."""
    if text is None:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time; write YYYYMMDD, with HHMM or HHMMSS and a Z for UTC")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    when = datetime(year, month, day, hour, minute, second, tzinfo=UTC if match[7] else None)
    return int(when.timestamp()) * 1_000_000_000


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    """As OpenSSH matches lists of patterns: one that excludes wins."""
    if any(pattern.startswith("!") and _is_like(text, pattern[1:]) for pattern in patterns):
        return False
    return any(not pattern.startswith("!") and _is_like(text, pattern) for pattern in patterns)


def _is_like(text: str, pattern: str) -> bool:
    """Only the star and the question mark mean something in a pattern."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
