"""Who sealed the record, was the key his at the time, and when was that?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.x509 import Certificate

from dsp.errors import ParameterError, RecordError
from sweep.seal.allowed_signers import AllowedSigner
from sweep.seal.claims import Claim, Result, failed, passed, unchecked
from sweep.seal.files import read_bounded, signature_path, token_path
from sweep.seal.sshsig import NAMESPACE, SshSignature, read_signature
from sweep.seal.statement import Seal
from sweep.seal.time_token import MAX_TOKEN_BYTES, read_token
from sweep.units import parse_utc

__all__ = ["check_origin"]

_SIGNATURE, _VALIDITY, _TIME = "signature", "key validity", "timestamp"
_MOST_APART_S = 120.0


def check_origin(
    record_path: Path, seal: Seal | None, allowed: list[AllowedSigner] | None, authorities: list[Certificate] | None
) -> Iterator[Claim]:
    """Answer for signature, key and time."""
    if seal is None:
        yield unchecked(_SIGNATURE, "the record is not sealed", Result.UNPROVEN)
        yield unchecked(_VALIDITY, "the record is not sealed")
        yield unchecked(_TIME, "the record is not sealed", Result.UNPROVEN)
        return
    text, signature, broken = _signature(record_path, seal)
    time, time_ns = _time(record_path, seal, text, authorities)
    lines = [line for line in allowed or () if signature is not None and line.key == signature.key]
    yield broken or _signer(seal, signature, None if allowed is None else lines)
    yield _validity(lines, time_ns or _sealed_ns(seal), proven=time_ns is not None)
    yield time


def _signature(record_path: Path, seal: Seal) -> tuple[bytes, SshSignature | None, Claim | None]:
    """The file of the signature, what it says, and the claim that it is none for this seal."""
    path = signature_path(record_path)
    if not path.exists():
        return b"", None, failed(_SIGNATURE, f"{path.name} is missing", Result.UNPROVEN)
    try:
        text = read_bounded(path, MAX_TOKEN_BYTES)
        signature = read_signature(text)
    except RecordError as error:
        return b"", None, failed(_SIGNATURE, _of_file(path, error))
    if not signature.covers(seal.text):
        return text, None, failed(_SIGNATURE, f"it is not over this seal: the seal or {path.name} was altered")
    if signature.key.fingerprint != seal.told.signer.fingerprint:
        said = f"the seal names {seal.told.signer.fingerprint}, and {signature.key.fingerprint} signed it"
        return text, None, failed(_SIGNATURE, said)
    return text, signature, None


def _signer(seal: Seal, signature: SshSignature | None, lines: list[AllowedSigner] | None) -> Claim:
    told = seal.told.signer
    who = f"{told.fingerprint}, as {told.identity}"
    if lines is None:
        said = f"valid, by {who}; whose key that is, only --allowed-signers can tell"
        return unchecked(_SIGNATURE, said, Result.UNPROVEN)
    if not lines:
        said = f"valid, but by {who}, a key that the allowed signers do not have: somebody else may have sealed this"
        return failed(_SIGNATURE, said, Result.UNPROVEN)
    if not any(line.is_named(told.identity) and line.may_sign(NAMESPACE) for line in lines):
        said = f"valid, but the allowed signers have {told.fingerprint} under another name or for other uses"
        return failed(_SIGNATURE, said, Result.UNPROVEN)
    return passed(_SIGNATURE, who)


def _validity(lines: list[AllowedSigner], at_ns: int | None, *, proven: bool) -> Claim:
    if not lines or at_ns is None:
        return unchecked(_VALIDITY, "needs --allowed-signers with the key", Result.UNPROVEN)
    whose = "at the time of the token" if proven else "at the time that the computer's clock gave"
    reasons = [line.why_not_at(at_ns) for line in lines]
    if None in reasons:
        return passed(_VALIDITY, whose)
    return failed(_VALIDITY, f"{reasons[0]}, and not {whose}", Result.UNPROVEN)


def _time(
    record_path: Path, seal: Seal, signature: bytes, authorities: list[Certificate] | None
) -> tuple[Claim, int | None]:
    """The claim about time, and the proven time in nanoseconds since 1970."""
    path = token_path(record_path)
    if not path.exists():
        synchronised = seal.told.clock.synchronized
        kept = "" if synchronised is None else f" ({'' if synchronised else 'not '}set by a time service)"
        said = f"no token; the computer's clock{kept} gave {seal.told.sealed_at[:19]}Z"
        return unchecked(_TIME, said, Result.UNPROVEN), None
    try:
        token = read_token(read_bounded(path, MAX_TOKEN_BYTES))
    except RecordError as error:
        return failed(_TIME, _of_file(path, error)), None
    if not token.is_over(signature):
        return failed(_TIME, "the token is about another signature: the record was signed anew after it"), None
    said = f"{token.time:%Y-%m-%dT%H:%M:%S}Z"
    if authorities is None:
        said += ", says the token; whether its server can be trusted, only --time-ca can tell"
        return unchecked(_TIME, said, Result.UNPROVEN), None
    why = token.why_not_trusted(signature, authorities)
    if why is not None:
        return failed(_TIME, f"{said}, but not by a server that --time-ca vouches for ({why})", Result.UNPROVEN), None
    time_ns = int(token.time.timestamp()) * 1_000_000_000
    return passed(_TIME, said + _apart(seal, time_ns)), time_ns


def _of_file(path: Path, error: RecordError) -> str:
    """What is wrong with a file, named once."""
    return str(error).replace(f"{path}:", path.name) if str(path) in str(error) else f"{path.name} {error}"


def _apart(seal: Seal, time_ns: int) -> str:
    sealed_ns = _sealed_ns(seal)
    apart_s = None if sealed_ns is None else (sealed_ns - time_ns) / 1e9
    if apart_s is None or abs(apart_s) <= _MOST_APART_S:
        return ""
    if apart_s > 0:
        return f"; the computer's clock was {apart_s:.0f} s ahead of it: its times cannot be right"
    return f"; the computer's clock said {-apart_s:.0f} s earlier: sealed then, or the clock was behind"


def _sealed_ns(seal: Seal) -> int | None:
    try:
        return parse_utc(seal.told.sealed_at)
    except ParameterError:
        return None
