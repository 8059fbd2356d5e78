"""What the commands tell of a record: its findings JSON, and the receiver in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.errors import RecordError
from reports.content.calibrated import with_levels
from reports.content.wording import frequency_range
from reports.exports.document import findings_document
from sweep.model import Instrument, Judgement
from sweep.record import SweepRecord
from sweep.snippets.noting import with_snippets_of

__all__ = ["Evidence", "read_evidence", "require_intact"]

_MOST_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One record.

    Attributes
    ----------
    path : Path
    document : mapping
        The findings JSON, with the path of the record in it.
    level_unit : str
        ``dBFS``; plain ``dB`` for spectra that another program made on a scale of its own.
    receiver : str
        With what it was received, as far as that is recorded.
    remarks : tuple of str
        What the source says of itself: what it had to assume, how it settled.
    seal : str or None
        What came of sealing it, where that was tried just now.
    """

    path: Path
    document: Mapping[str, Any]
    level_unit: str
    receiver: str
    remarks: tuple[str, ...]
    seal: str | None = None

    @property
    def exit_code(self) -> int:
        """3 when the verdict is that nothing can be said, else 0."""
        return 3 if self.document["verdict"] == "inconclusive" else 0


def read_evidence(
    path: Path, *, decisions: Sequence[Mapping[str, Any]] = (), judgement: Judgement | None = None
) -> Evidence:
    """Read what there is to tell of a record, or of a later judgement of it.

    Raises
    ------
    RecordError
        The record is damaged.
    """
    with SweepRecord.open(path) as record:
        document = findings_document(record, decisions)
        start, instrument = record.start, record.instrument
        level_unit = "dB" if record.plan is None else "dBFS"
    if judgement is not None:
        judged = with_snippets_of(document, judgement.document)
        document |= {key: value for key, value in judged.items() if key in document}
        document |= {key: with_levels(start, document[key] or ()) for key in ("findings", "unconfirmed")}
    return Evidence(
        path=path,
        document=document | {"record": str(path)},
        level_unit=level_unit,
        receiver=_receiver(instrument),
        remarks=tuple(instrument.notes),
    )


def require_intact(record: SweepRecord) -> None:
    """Make sure that every row, stay and second look still has its hash, before anything is concluded from it.

    Raises
    ------
    RecordError
        A row, a stay or a look was altered or is damaged.
    """
    altered = [str(number) for number, is_intact in record.verify_rows() if not is_intact]
    if altered:
        more = f" and {len(altered) - _MOST_ROWS} more" if len(altered) > _MOST_ROWS else ""
        raise RecordError(
            f"{record.path}: row {', '.join(altered[:_MOST_ROWS])}{more} of {record.n_rows} does not match its hash: "
            "the record was altered or is damaged; use an intact copy"
        )
    for noun, verified in (("stay", record.verify_stays()), ("second look", record.verify_looks())):
        altered = [str(number) for number, is_intact in verified if not is_intact]
        if altered:
            raise RecordError(
                f"{record.path}: {noun} {altered[0]} of {len(verified)} does not match its hash: the record was "
                "altered or is damaged; use an intact copy"
            )


def _receiver(instrument: Instrument) -> str:
    if instrument.receivers:
        return "; ".join(f"{_receiver(one)}, {_ranges(one)}" for one in instrument.receivers)
    name = " ".join(part for part in (instrument.driver, instrument.serial) if part)
    tuner = f" ({instrument.tuner})" if instrument.tuner else ""
    gain = "gain not recorded" if instrument.gain_db is None else f"gain {instrument.gain_db:g} dB"
    ppm = "" if instrument.ppm is None else f", correction {instrument.ppm:g} ppm"
    antenna = f", antenna {instrument.antenna}" if instrument.antenna else ""
    return f"{name}{tuner}, {gain}{ppm}{antenna}"


def _ranges(receiver: Instrument) -> str:
    return ", ".join(frequency_range(*range_hz) for range_hz in receiver.ranges_hz)
