"""The files of a seal: sound ones to begin with, and how each is read."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from baselines.disposition import decision_log
from benchmarks.fuzz.seeds import kept
from sweep.seal.allowed_signers import read_allowed_signers
from sweep.seal.files import seal_path, signature_path
from sweep.seal.key_folder import KeyEntry
from sweep.seal.ledger import SealLedger
from sweep.seal.private_key import public_of
from sweep.seal.sealing import SealRequest, head_of, seal_record
from sweep.seal.signers import Signer
from sweep.seal.sshsig import read_signature
from sweep.seal.statement import read_seal
from sweep.seal.time_token import read_token

__all__ = ["read_seal_file", "read_signature_file", "read_signers_file", "read_token_file", "seal_seeds"]


@cache
def seal_seeds() -> dict[str, bytes]:
    """Seal, signature and allowed_signers of a record that an earlier version wrote."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signer = Signer(key=public_of(private), identity="a@example.org", sign_bytes=private.sign)
    with tempfile.TemporaryDirectory() as place:
        record = Path(place) / "lab-20260304T090000Z.h5"
        record.write_bytes(kept("sweeps/*.h5.gz")[0])
        request = SealRequest(
            signer=signer,
            ledger=SealLedger(Path(place)),
            baseline_file=lambda *_: None,
            decisions=head_of(decision_log(record)),
        )
        seal_record(record, request)
        entry = KeyEntry(key=signer.key, identity=signer.identity, since="2020-01-01T00:00:00Z", until=None)
        return {
            "seal": seal_path(record).read_bytes(),
            "signature": signature_path(record).read_bytes(),
            "signers": entry.allowed_signer.encode() + b"\n",
        }


def read_seal_file(_: Path, data: bytes) -> None:
    """Read a seal."""
    read_seal(data)


def read_signature_file(_: Path, data: bytes) -> None:
    """Read a signature."""
    read_signature(data).covers(b"a seal")


def read_token_file(_: Path, data: bytes) -> None:
    """Read a time token."""
    read_token(data)


def read_signers_file(folder: Path, data: bytes) -> None:
    """Read the keys of those who may sign."""
    path = folder / "allowed_signers"
    path.write_bytes(data)
    for signer in read_allowed_signers(path):
        signer.why_not_at(0)
        signer.is_named("a@example.org")
