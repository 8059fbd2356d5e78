"""Is the rest of the record what was sealed, and is it all there?"""

from __future__ import annotations

from pathlib import Path

from sweep.record import SweepRecord
from sweep.seal.claims import Claim, Result, failed, passed, unchecked
from sweep.seal.contents import PARTS, contents_of, gaps_of
from sweep.seal.files import sha256_file
from sweep.seal.statement import Seal

__all__ = ["check_complete", "check_file", "check_gaps"]


def check_file(path: Path, record: SweepRecord | None, seal: Seal | None) -> Claim:
    """Hold the bytes of the file against the sealed hash; where they differ, name the part that does."""
    if seal is None:
        return unchecked("file", "the record is not sealed")
    if seal.record != path.name:
        text = (
            f"the seal is of {seal.record}: an old seal was put here, or the record was renamed; give both their names"
        )
        return failed("file", text)
    digest, sealed = sha256_file(path), seal.subject[seal.record]
    if digest == sealed:
        return passed("file", f"every byte is as sealed (SHA-256 {digest[:16]}...)")
    differs = f"SHA-256 {digest[:16]}..., and {sealed[:16]}... was sealed"
    if record is None:
        return failed("file", differs)
    parts = contents_of(record).parts
    changed = [words for name, words in PARTS.items() if parts[name] != seal.told.parts.get(name)]
    what = " and ".join(changed) if changed else "rows, gaps, or what is only shown (tables, previews, attributes)"
    return failed("file", f"{what} altered: {differs}")


def check_gaps(record: SweepRecord, seal: Seal | None) -> Claim:
    """Hold the gaps against those that were sealed."""
    if seal is None:
        return unchecked("gaps", "the record is not sealed")
    gaps, sealed = gaps_of(record), seal.told.gaps
    if gaps == sealed:
        return passed("gaps", f"{len(gaps) or 'none'}, as sealed")
    if len(gaps) != len(sealed):
        return failed("gaps", f"{len(gaps)} are in the record, and {len(sealed)} were sealed")
    first = next(number for number, pair in enumerate(zip(gaps, sealed, strict=True)) if pair[0] != pair[1])
    return failed("gaps", f"gap {first} was altered")


def check_complete(record: SweepRecord) -> Claim:
    """Say whether the sweep is whole: closed, without gaps, with all passes that were planned."""
    planned = record.start.get("passes_planned")
    missing = [
        "it was interrupted and recovered later" if record.recovered else "",
        f"{record.torn_tail_bytes} bytes of an unfinished row were left out" if record.torn_tail_bytes else "",
        f"{record.n_rows} of {planned} passes were recorded" if planned is not None and record.n_rows < planned else "",
        f"{len(record.gaps)} gaps, the first: {record.gaps[0].reason}" if record.gaps else "",
    ]
    said = "; ".join(text for text in missing if text)
    if said:
        return failed("complete", said, Result.INCOMPLETE)
    return passed("complete", "closed in order, nothing is missing")
