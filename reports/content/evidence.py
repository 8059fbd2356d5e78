"""What there is of evidence, with its hashes, and what the seal says."""

from __future__ import annotations

import hashlib
from pathlib import PurePath

from reports.content.blocks import Block, bullets, facts, figure, paragraph, table
from reports.content.material import ReportContent
from reports.content.sealed import Sealed
from reports.content.wording import count, recorded, utc
from sweep.seal.statement import Seal
from sweep.seal.verification import NOT_EXCLUDED

__all__ = ["SEAL_CODE", "evidence_blocks", "seal_blocks", "seal_code"]

SEAL_CODE = "seal-code"
"""Name of the drawing of the QR code."""

_MAX_FILES = 80


def evidence_blocks(content: ReportContent) -> list[Block]:
    """Files with their SHA-256, and what the chain of hashes shows and does not show."""
    rows = _files(content)
    blocks: list[Block] = [table(("Evidence", "File or count", "SHA-256"), rows[:_MAX_FILES], widths=(15, 28, 57))]
    if len(rows) > _MAX_FILES:
        blocks.append(paragraph(f"{len(rows) - _MAX_FILES} more files are named in the seal."))
    told = facts(
        [
            ("Rows", str(content.n_rows)),
            ("Leaf of the last row", recorded(content.last_leaf)),
            ("Interrupted and recovered", "yes" if content.recovered else "no"),
            ("Synthetic samples", "yes: an exercise" if content.synthetic else "no"),
        ]
    )
    said = (
        "Each row of the record carries a hash that includes that of the row before, so a changed, moved or missing "
        "row shows. The hashes were computed from the files as this report was written; whether they are those of the "
        "sweep, quietroom verify answers."
    )
    return [*blocks, told, paragraph(said)]


def _files(content: ReportContent) -> list[tuple[str, str, str]]:
    rows = [("Sweep record", content.record_name, recorded(content.record_sha256))]
    sealed, seal = content.sealed, None if content.sealed is None else content.sealed.seal
    if sealed is not None and sealed.seal is not None:
        rows.append(("Seal", f"number {sealed.seal.told.seal_counter}", sealed.seal.digest))
    for title, data in () if sealed is None else (("Signature", sealed.signature), ("Time token", sealed.token)):
        if data is not None:
            rows.append((title, "over the seal" if title == "Signature" else "over the signature", _sha256(data)))
    if content.compared is not None:
        rows.append(("Baseline", content.compared.id, recorded(content.compared.sha256)))
    if content.dispositions:
        last = content.dispositions[-1].get("hash")
        rows.append(("Log of decisions", count(len(content.dispositions), "entry", "entries"), recorded(last)))
    if content.visit is not None:
        rows.append(("Log of the visit", content.visit.id, content.visit.digest))
    return [*rows, *_snippets(content, seal)]


def _snippets(content: ReportContent, seal: Seal | None) -> list[tuple[str, str, str]]:
    """Raw samples: those that the seal covers, or else those that the findings name."""
    if seal is not None:
        stem = PurePath(seal.record).stem
        files = [
            (name.removeprefix(f"{stem}."), digest) for name, digest in seal.subject.items() if name != seal.record
        ]
        return [("Raw samples", name, digest) for name, digest in files]
    named = [finding.get("iq_snippet") or {} for finding in content.findings]
    return [("Raw samples", str(one["file"]), recorded(one.get("sha256"))) for one in named if one.get("file")]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def seal_blocks(content: ReportContent) -> list[Block]:
    """Digest of the seal with its QR code, and what no seal can exclude."""
    excluded: list[Block] = [paragraph("What no seal can exclude:", sticky=True), bullets(NOT_EXCLUDED)]
    sealed = content.sealed
    if sealed is None:
        said = "The record is not sealed: nothing but its own chain of hashes speaks against a later change."
        return [paragraph(said), *excluded]
    if sealed.seal is None:
        return [paragraph(f"The seal is not shown: {'; '.join(sealed.troubles)}."), *excluded]
    said = (
        "Compare this digest with the register of seals, which somebody else keeps than whoever holds the key. The "
        "code holds the same digest:"
    )
    drawn = figure(SEAL_CODE, "", f"QR code of the text {seal_code(content)}", width=20)
    troubles: list[Block] = (
        [bullets([f"Not shown: {trouble}." for trouble in sealed.troubles])] if sealed.troubles else []
    )
    return [facts(_seal_facts(sealed, sealed.seal)), paragraph(said, sticky=True), drawn, *troubles, *excluded]


def _seal_facts(sealed: Sealed, seal: Seal) -> list[tuple[str, str]]:
    told = seal.told
    return [
        ("Digest of the seal", seal.digest),
        ("Number", f"{told.seal_counter} of the list of seals {told.seal_chain}"),
        ("Seal before it", told.prev_seal),
        ("Sealed", utc(told.sealed_at)),
        ("By", f"{recorded(told.signer.identity)}, key {told.signer.fingerprint}"),
        ("Signature", "Ed25519 (SSHSIG), attached" if sealed.signature is not None else "none"),
        ("Time token (RFC 3161)", "none" if sealed.token is None else utc(sealed.token_time)),
        ("Covers", f"{count(told.n_rows, 'row')}, {count(len(seal.subject), 'file')}; root {told.root}"),
        ("Marking", told.marking or "none"),
    ]


def seal_code(content: ReportContent) -> str | None:
    """Text of the QR code; None where there is no seal to print.

    It is what ``quietroom verify`` and a register call the digest of the seal, with the name of the hash before it.
    """
    seal = None if content.sealed is None else content.sealed.seal
    return None if seal is None else f"sha256:{seal.digest}"
