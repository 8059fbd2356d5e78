"""The seal of a record, as far as a report tells of it: read, not verified; ``quietroom verify`` does that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsp.errors import RecordError
from sweep.seal.files import read_bounded, seal_path, signature_path, token_path
from sweep.seal.sealing import load_seal
from sweep.seal.statement import Seal
from sweep.seal.time_token import read_token
from sweep.units import iso_utc

__all__ = ["Sealed", "read_sealed"]

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What lies beside a record of its seal.

    Attributes
    ----------
    seal : Seal or None
        None where it cannot be read.
    signature, token : bytes or None
        Of OpenSSH, in armour, and of RFC 3161, in DER; None where there is none.
    token_time : str or None
        What the token says, UTC ISO 8601.
    troubles : tuple of str
        What cannot be read, and why.
    """

    seal: Seal | None
    signature: bytes | None
    token: bytes | None
    token_time: str | None
    troubles: tuple[str, ...]


def read_sealed(record_path: Path) -> Sealed | None:
    """Read what lies beside a record; None where it was never sealed. Damage is told, not raised."""
    if not seal_path(record_path).exists():
        return None
    troubles: list[str] = []
    try:
        seal = load_seal(record_path)
    except RecordError as error:
        seal = None
        troubles.append(str(error))
    signature, token = (_beside(path, troubles) for path in (signature_path(record_path), token_path(record_path)))
    return Sealed(
        seal=seal,
        signature=signature,
        token=token,
        token_time=None if token is None else _token_time(token, troubles),
        troubles=tuple(trouble.replace(f"{record_path.parent}/", "") for trouble in troubles),
    )


def _beside(path: Path, troubles: list[str]) -> bytes | None:
    if not path.exists():
        return None
    try:
        return read_bounded(path, _MAX_BYTES)
    except RecordError as error:
        troubles.append(str(error))
        return None


def _token_time(token: bytes, troubles: list[str]) -> str | None:
    try:
        told = read_token(token).time
    except RecordError as error:
        troubles.append(f"the time token {error}")
        return None
    return iso_utc(round(told.timestamp()) * 1_000_000_000)
