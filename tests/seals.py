"""Sealed records for tests, and somebody who knows the format well enough to forge them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rows import make_judgement, make_plan, make_row, make_start

from baselines.disposition import decision_log
from sweep.journal import JournalWriter
from sweep.model import SweepRow
from sweep.packing import pack
from sweep.record import SweepRecord
from sweep.seal.files import seal_path, signature_path
from sweep.seal.key_folder import KeyEntry
from sweep.seal.ledger import SealLedger
from sweep.seal.private_key import public_of
from sweep.seal.sealing import SealRequest, head_of, seal_record
from sweep.seal.signers import Signer
from sweep.seal.statement import Seal
from sweep.workspace import Workspace

IDENTITY = "a.smith@example.org"


def make_signer(identity: str = IDENTITY) -> Signer:
    private = Ed25519PrivateKey.generate()
    return Signer(key=public_of(private), identity=identity, sign_bytes=private.sign)


def allowed_line(signer: Signer, since: str = "2020-01-01T00:00:00Z", until: str | None = None) -> str:
    return KeyEntry(key=signer.key, identity=signer.identity, since=since, until=until).allowed_signer


def make_record(workspace: Workspace, name: str = "lab-1", n_rows: int = 5, *, seed: int = 0, **start: Any) -> Path:
    """A record as a sweep leaves it, unsealed."""
    plan = make_plan()
    rows = [make_row(number, plan.layout(), seed=seed) for number in range(n_rows)]
    told = make_start(plan, record_id=name, room="lab", passes_planned=n_rows, **start)
    return write_record(workspace.sweeps / f"{name}.h5", rows, told)


def write_record(path: Path, rows: Iterable[SweepRow], start: dict[str, Any], stays: Iterable[SweepRow] = ()) -> Path:
    """Pack rows and stays, with hashes that are right for them."""
    layout = make_plan().layout()
    journal = path.with_suffix(".journal")
    with JournalWriter.create(journal, start, layout) as writer:
        for row in rows:
            writer.append_row(row)
        for stay in stays:
            writer.append_stay(stay)
        writer.append_note("gain lowered", utc_ns=1, kind="gain")
        writer.sync()
        writer.finish_with(make_judgement(layout, baseline=False), end_time="2026-11-18T11:10:00Z")
    pack(journal, path)
    return path


def request_of(workspace: Workspace, signer: Signer, record: Path) -> SealRequest:
    return SealRequest(
        signer=signer,
        ledger=SealLedger(workspace.root),
        baseline_file=lambda name, room: None,
        decisions=head_of(decision_log(record)),
    )


def seal(workspace: Workspace, signer: Signer, record: Path) -> Seal:
    return seal_record(record, request_of(workspace, signer, record))


def unseal(record: Path) -> None:
    for path in (seal_path(record), signature_path(record)):
        path.unlink(missing_ok=True)


def forge(record: Path, change: Callable[[list[SweepRow]], Iterable[SweepRow]]) -> None:
    """Change rows and give the whole record new hashes, as somebody with this program can."""
    with SweepRecord.open(record) as opened:
        rows = [_owned(row) for row in opened.rows()]
        start = opened.start
    record.unlink()
    numbered = (replace(row, sequence=number) for number, row in enumerate(change(rows)))
    write_record(record, numbered, start)


def _owned(row: SweepRow) -> SweepRow:
    arrays = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return replace(row, **{name: a.copy() for name, a in arrays.items() if isinstance(a, np.ndarray)})


ROWS_GROUPS = ("data", "bursts", "hops", "rows")


def edit(record: Path, change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], *, leaves: bool = False) -> None:
    """Change the order or number of rows in every array, but not their hashes, as somebody with h5py can.

    With ``leaves``, the stored hashes go with their rows.
    """
    with h5py.File(record, "r+") as file:
        entry = file["entry"]
        n_rows = entry["rows/leaf"].shape[0]
        for group in ROWS_GROUPS:
            for name in list(entry[group]):
                dataset = entry[group][name]
                if name in ("frequency",) or dataset.shape[0] != n_rows:
                    continue
                values = dataset[:]
                changed = change(values)
                if name == "leaf" and not leaves:
                    changed = values[: len(changed)]
                attributes = dict(dataset.attrs)
                del entry[group][name]
                made = entry[group].create_dataset(
                    name,
                    data=changed,
                    chunks=changed.shape,
                    compression="gzip",
                    shuffle=True,
                    fletcher32=True,
                    fillvalue=dataset.fillvalue if dataset else None,
                )
                made.attrs.update(attributes)
