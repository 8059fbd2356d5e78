"""Is the baseline that a record was judged with still the one that it was judged with?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sweep.record import SweepRecord
from sweep.seal.claims import Claim, failed, passed, unchecked
from sweep.seal.files import sha256_file
from sweep.seal.statement import Seal

__all__ = ["BaselineFile", "check_baseline"]

BaselineFile = Callable[[str, str], Path | None]
"""From the id of a baseline and the name of a room to the file, where it is there."""

_BASELINE = "baseline"


def check_baseline(record: SweepRecord, seal: Seal | None, baseline_file: BaselineFile) -> Claim:
    """Hold the file of the baseline against its sealed hash.

    Raises
    ------
    RecordError
        The file cannot be read.
    """
    if seal is None:
        return unchecked(_BASELINE, "the record is not sealed")
    sealed, room = seal.told.baseline, record.start.get("room")
    if sealed is None:
        return passed(_BASELINE, "the record was judged without one")
    if sealed.sha256 is None:
        return unchecked(_BASELINE, f"the file of {sealed.id} was gone when the record was sealed")
    path = baseline_file(sealed.id, room) if isinstance(room, str) else None
    if path is None:
        return unchecked(_BASELINE, f"the file of {sealed.id} is not here")
    digest = sha256_file(path)
    if digest != sealed.sha256:
        said = f"{path.name} is another file than was sealed: SHA-256 {digest[:16]}..., not {sealed.sha256[:16]}..."
        return failed(_BASELINE, said)
    return passed(_BASELINE, f"{path.name}, as sealed (SHA-256 {digest[:16]}...)")
