"""The JSON of what was known as a sweep began, as far as anything depends on it; all of it is optional."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sweep.model import Instrument
from sweep.plan import SweepPlan

__all__ = ["CalibrationDocument", "EquipmentDocument", "Int64", "StartDocument"]

_Index = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A whole number that the tables of a record can hold."""


class EquipmentDocument(msgspec.Struct, frozen=True):
    """A piece of equipment that was in use, as ``equipment.toml`` describes it."""

    kind: str
    name: str
    model: str | None = None
    serial: str | None = None
    calibrated: str | None = None
    calibration_due: str | None = None
    calibration_expired: bool | None = None
    length_m: float | None = None
    notes: str | None = None


class _KnownLevel(msgspec.Struct, frozen=True):
    at_hz: _Index
    gain_db: float
    offset_db: float
    measured: str
    expires: str


class _OwnLines(msgspec.Struct, frozen=True):
    """Lines that the receiver heard without an antenna, as far as they lie within the plan."""

    gain_db: float
    bin_width_hz: Annotated[int, msgspec.Meta(gt=0, le=(1 << 63) - 1)]
    freq_hz: tuple[_Index, ...]
    dbfs: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.freq_hz) != len(self.dbfs):
            raise ValueError("has lines and levels that are not as many")


class _GainTable(msgspec.Struct, frozen=True):
    gain_db: tuple[float, ...]
    relative_db: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.gain_db) != len(self.relative_db):
            raise ValueError("has settings and gains that are not as many")


class CalibrationDocument(msgspec.Struct, frozen=True):
    """The profile of a receiver, and the known levels that held as the sweep began."""

    serial: str
    profile: str
    sha256: str
    made: str
    ppm: float | None
    absolute: tuple[_KnownLevel, ...]
    expired: tuple[str, ...]
    lines: _OwnLines | None = None
    gains: _GainTable | None = None


class StartDocument(msgspec.Struct, frozen=True):
    """What was known as a sweep began, as far as anything depends on it."""

    record_id: str | None = None
    title: str | None = None
    room: str | None = None
    site: str | None = None
    position: str | None = None
    operator: str | None = None
    people: tuple[str, ...] | None = None
    address: str | None = None
    client: str | None = None
    reference: str | None = None
    retest_days: Int64 | None = None
    room_title: str | None = None
    room_floor: str | None = None
    room_description: str | None = None
    equipment: tuple[EquipmentDocument, ...] | None = None
    calibration: tuple[CalibrationDocument, ...] | None = None
    visit: str | None = None
    source: str | None = None
    software: str | None = None
    fft_engine: str | None = None
    synthetic: bool | None = None
    start_time: str | None = None
    baseline: str | None = None
    false_alarms_per_sweep: float | None = None
    passes_planned: Int64 | None = None
    camp_planned_s: float | None = None
    plan: SweepPlan | None = None
    instrument: Instrument | None = None
