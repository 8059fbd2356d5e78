"""Is a report of what was sealed? The PDF has the seal and the findings attached, the HTML page names seal and file.

What a page shows is drawn from these; that nobody painted over it, only the signature of the report itself can tell.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweep.record import SweepRecord
from sweep.seal.claims import Claim, failed, passed, unchecked
from sweep.seal.files import read_bounded
from sweep.seal.statement import STATEMENT_TYPE, Seal

__all__ = ["check_report"]

_REPORT = "report"
_MAX_BYTES = 256 << 20
_MAX_ATTACHED_BYTES = 64 << 20
_MOST_ATTACHED = 64
_EMBEDDED = re.compile(rb"<<(?P<said>[^\r\n]{0,400}/EmbeddedFile[^\r\n]{0,400})>>\s*stream\r?\n")
_LENGTH = re.compile(rb"/Length (\d{1,9})\b")
_FINDINGS = "quietroom.findings/"
_COMPARED = ("id", "kind", "center_freq_hz", "power_dbfs", "excess_db", "p_value")


def check_report(record: SweepRecord, seal: Seal | None, path: Path | None) -> Claim:
    """Hold a report against the seal, and against the findings of the record.

    Parameters
    ----------
    record : SweepRecord
    seal : Seal or None
    path : Path or None
        None where there is no report.

    Raises
    ------
    RecordError
        The report cannot be read.
    """
    if path is None:
        return unchecked(_REPORT, "none is here; name one with --report")
    if seal is None:
        return unchecked(_REPORT, "the record is not sealed")
    data = read_bounded(path, _MAX_BYTES)
    if not data.startswith(b"%PDF-"):
        return _of_page(path, data, seal)
    return _of_pdf(path, data, seal, record.judgement.document)


def _of_pdf(path: Path, data: bytes, seal: Seal, judged: Mapping[str, Any]) -> Claim:
    attached = [document for text in _embedded(data) if (document := _document(text)) is not None]
    if not any(_is_seal(document) for document in attached):
        said = f"{path.name} has no seal attached that can be read: it was written before the record was sealed, or cut"
        return unchecked(_REPORT, said)
    if json.loads(seal.text) not in attached:
        return failed(_REPORT, f"{path.name} has another seal attached than that of the record")
    findings = [document for document in attached if str(document.get("schema")).startswith(_FINDINGS)]
    if not findings or any(_essence(document) != _essence(judged) for document in findings):
        return failed(_REPORT, f"{path.name} has other findings attached than the record has")
    return passed(
        _REPORT, f"{path.name} has this seal and these findings attached; what its pages show is not compared"
    )


def _of_page(path: Path, data: bytes, seal: Seal) -> Claim:
    if all(said.encode() in data for said in (seal.digest, seal.subject[seal.record])):
        return passed(_REPORT, f"{path.name} names this seal and this file; what it shows else is not compared")
    return failed(_REPORT, f"{path.name} does not name this seal, {seal.digest[:16]}..., and the file that it is of")


def _embedded(data: bytes) -> Iterator[bytes]:
    """Give what is attached to a PDF; one that was written by another program may hide it, and then has none."""
    for number, found in enumerate(_EMBEDDED.finditer(data)):
        length = _LENGTH.search(found["said"])
        if length is None or number >= _MOST_ATTACHED:
            continue
        stored = data[found.end() : found.end() + int(length[1])]
        if b"/FlateDecode" not in found["said"]:
            yield stored
            continue
        try:
            yield zlib.decompressobj().decompress(stored, _MAX_ATTACHED_BYTES)
        except zlib.error:
            continue


def _document(text: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_seal(document: Mapping[str, Any]) -> bool:
    return document.get("_type") == STATEMENT_TYPE


def _essence(judged: Mapping[str, Any]) -> tuple[object, ...]:
    """Verdict and findings, as far as every report says them alike."""
    findings = judged.get("findings")
    listed = [one for one in findings if isinstance(one, Mapping)] if isinstance(findings, list | tuple) else []
    return judged.get("verdict"), [[one.get(key) for key in _COMPARED] for one in listed]
