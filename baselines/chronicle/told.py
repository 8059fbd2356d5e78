"""What one record tells for the history of its room, small enough to keep for every record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from baselines.association import Places
from baselines.disposition import read_log
from dsp.errors import RecordError
from sweep.record import SweepRecord
from sweep.room_records import describe
from sweep.seal.files import seal_path

__all__ = ["RecordTold", "drift_between", "read_told"]

_ALIGNED, _SAME_DONGLE, _ANY_DONGLE = 1e-6, 5e-6, 50e-6
"""Relative error between the frequencies of two sweeps: both brought onto the room's baseline; of one dongle, whose
crystal drifts with temperature; of dongles of which each may be 30 +- 20 ppm off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTold:
    """A record.

    Attributes
    ----------
    path : Path
    record_id, schema, verdict : str
    start_ns : int
        Nanoseconds since 1970 UTC.
    position, operator, baseline, serial : str or None
    gain_db : float or None
    synthetic, is_sealed : bool
        Whether there is a seal; whether it holds, ``quietroom verify`` says.
    bin_width_hz : float
    findings, unconfirmed : tuple of mapping
        As in the findings JSON.
    decisions : mapping
        Finding id to the latest decision about it.
    trouble : str or None
        What could not be read beside it.
    """

    path: Path
    record_id: str
    schema: str
    verdict: str
    start_ns: int
    position: str | None
    operator: str | None
    baseline: str | None
    serial: str | None
    gain_db: float | None
    synthetic: bool
    is_sealed: bool
    bin_width_hz: float
    findings: tuple[Mapping[str, Any], ...]
    unconfirmed: tuple[Mapping[str, Any], ...]
    decisions: Mapping[str, Mapping[str, Any]]
    trouble: str | None

    @property
    def emissions(self) -> tuple[Mapping[str, Any], ...]:
        """The findings, then what was not confirmed."""
        return (*self.findings, *self.unconfirmed)

    @property
    def places(self) -> Places:
        """Where the emissions are."""
        return Places(
            center_hz=np.array([float(item["center_freq_hz"]) for item in self.emissions]),
            width_hz=np.array([float(item.get("occupied_bw_hz") or 0.0) for item in self.emissions]),
            bin_width_hz=np.full(len(self.emissions), self.bin_width_hz),
        )


def drift_between(one: RecordTold, other: RecordTold) -> float:
    """Relative error that the frequencies of two sweeps may have against each other."""
    if one.baseline is not None and other.baseline is not None:
        return _ALIGNED
    return _SAME_DONGLE if one.serial is not None and one.serial == other.serial else _ANY_DONGLE


def read_told(record: SweepRecord) -> RecordTold:
    """Read what a record tells, once every row is known to be what was hashed.

    Raises
    ------
    RecordError
        It is damaged or was altered.
    ParameterError
        Its start is no time.
    """
    altered = record.altered_rows()
    if altered:
        raise RecordError(
            f"{record.path}: row {altered[0]} does not match its hash; fetch an intact copy of the record"
        )
    document, instrument, where = record.judgement.document, record.instrument, describe(record)
    decisions, trouble = {}, None
    try:
        decisions = {str(line["finding"]): line for line in read_log(record.path)}
    except RecordError as error:
        trouble = f"the decisions about {record.path.name} are left out: {error}"
    operator = record.start.get("operator")
    return RecordTold(
        path=record.path,
        record_id=where.record_id,
        schema=record.schema,
        verdict=str(document.get("verdict")),
        start_ns=where.start_ns,
        position=where.position,
        operator=None if operator is None else str(operator),
        baseline=None if document.get("baseline") is None else str(document["baseline"]),
        serial=instrument.serial,
        gain_db=instrument.gain_db,
        synthetic=bool(record.start.get("synthetic")) or instrument.synthetic,
        is_sealed=seal_path(record.path).exists(),
        bin_width_hz=record.layout.bin_width_hz,
        findings=tuple(document.get("findings") or ()),
        unconfirmed=tuple(document.get("unconfirmed") or ()),
        decisions=decisions,
        trouble=trouble,
    )
