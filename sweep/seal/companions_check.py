"""What lies beside a record: its journal, the samples that were kept, the snippets, the log of decisions."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from dsp.errors import RecordError
from sweep.chain import ChainedLog
from sweep.journal import JournalReader
from sweep.record import SweepRecord
from sweep.seal.claims import Claim, Result, failed, passed, unchecked, unfinished
from sweep.seal.files import covered_files, sha256_file
from sweep.seal.register import Register
from sweep.seal.statement import Head, Seal
from sweep.snippets.places import snippet_folder, snippet_parts

__all__ = ["check_decisions", "check_journal", "check_samples", "check_snippets"]


def check_journal(record: SweepRecord, journal_path: Path | None) -> Claim:
    """Hold the record against the journal that it was made of, where that is still there."""
    path = journal_path or record.path.with_suffix(".journal")
    if journal_path is None and not path.exists():
        return unchecked("journal", "gone, as it is once the record is in its place")
    with JournalReader(path) as journal:
        for noun, ours, theirs in (
            ("row", list(record.leaves), journal.leaves),
            ("stay", list(record.stay_leaves), journal.stay_leaves),
            ("second look", list(record.look_leaves), journal.look_leaves),
        ):
            if ours != theirs:
                same = [one == other for one, other in zip(ours, theirs, strict=False)]
                first = same.index(False) if False in same else len(same)
                return failed("journal", f"{noun} {first} is another one in {path.name}", rows=(first,))
        if record.start != journal.start:
            return failed("journal", f"{path.name} begins with another plan or instrument")
        judgement = json.loads(record.processing)["judgement"]  # as it was written, also by an older version
        if journal.judgement is not None and judgement != journal.judgement.document:
            return failed("journal", f"{path.name} was closed with another judgement")
        return passed("journal", f"{journal.n_rows} rows, the same in {path.name}")


def check_samples(record_path: Path, seal: Seal | None) -> Claim:
    """Hold the samples beside the record against their sealed hashes."""
    if seal is None:
        return unchecked("samples", "the record is not sealed")
    sealed = {name: digest for name, digest in seal.subject.items() if name != seal.record}
    if not sealed:
        return passed("samples", "none were kept")
    strange = [name for name in sealed if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if strange:
        return failed("samples", f"the seal names {strange[0]!r}, which is not beside the record")
    folder = record_path.parent
    here = {path.relative_to(folder).as_posix(): path for path in covered_files(record_path)}
    altered = [name for name, path in here.items() if name in sealed and sha256_file(path) != sealed[name]]
    folders = {name.partition("/")[0] for name in sealed}
    added = [name for name in here if name not in sealed and name.partition("/")[0] in folders]
    missing = [name for name in sealed if name not in here]
    if altered or added:
        what = f"{altered[0]} was altered" if altered else f"{added[0]} was put in"
        return failed("samples", f"{what} ({len(altered)} altered, {len(added)} put in, of {len(sealed)})")
    if missing:
        said = f"{len(missing)} of {len(sealed)} files are not here, such as {missing[0]}"
        return unchecked("samples", said, Result.INCOMPLETE)
    return passed("samples", f"{len(sealed)} files, as sealed")


def check_snippets(record: SweepRecord) -> Claim:
    """Hold the IQ snippets beside a record against the hashes in its judgement."""
    judgement, folder = record.judgement, snippet_folder(record.path)
    named = {folder / name: digest for one in judgement.emissions for name, digest in snippet_parts(one)}
    if not named:
        told = judgement.document.get("iq_snippets") or {}
        return passed("snippets", told.get("note") or "none were cut")
    here = [path for path in named if path.is_file() and not path.is_symlink() and not folder.is_symlink()]
    altered = [path.name for path in here if sha256_file(path) != named[path]]
    if altered:
        return failed("snippets", f"{altered[0]} was altered ({len(altered)} of {len(named)} files)")
    if len(here) < len(named):
        first = next(path.name for path in named if path not in here)
        said = f"{len(named) - len(here)} of {len(named)} files are not in {folder.name}, such as {first}"
        return unchecked("snippets", said, Result.INCOMPLETE)
    return passed("snippets", f"{len(named)} files, as the judgement names them")


def check_decisions(log: ChainedLog, seal: Seal | None, register: Register | None) -> Claim:
    """Check the chain of decisions, and that it has all that the seal and the register know of."""
    entries = log.read()
    heads = [("seal", seal.told.decisions)] if seal is not None else []
    heads += [("register", head) for head in _registered(seal, register)]
    for who, head in heads:
        if head.count > len(entries):
            return failed("decisions", f"{len(entries)} are here, and the {who} knows of {head.count}: the end was cut")
        if head.count and entries[head.count - 1]["hash"] != head.head:
            return failed("decisions", f"decision {head.count} is another one than the {who} knows of")
    known = max((head.count for _, head in heads), default=0)
    if not entries:
        return passed("decisions", f"none, as far as is known{unfinished(log.unfinished_bytes)}")
    said = f"{len(entries)} in an unbroken chain{unfinished(log.unfinished_bytes)}"
    if known < len(entries):
        after = f"after the first {known}" if known else "at all"
        said += f"; that none were cut from the end {after} cannot be checked: no register knows of them"
    return passed("decisions", said)


def _registered(seal: Seal | None, register: Register | None) -> list[Head]:
    if seal is None or register is None:
        return []
    try:
        return [entry.decisions for entry in register.entries() if entry.seal == seal.digest]
    except RecordError:  # its own claim says so
        return []
