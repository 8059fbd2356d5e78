"""What ``site.toml`` and ``equipment.toml`` may say. Unknown keys are refused; what is absent is unknown."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dsp.errors import ParameterError
from sweep.units import parse_range

__all__ = ["STIMULI", "Cable", "Device", "EquipmentFile", "Person", "Receiver", "Room", "SiteFile", "VisitPlan"]

STIMULI = ("speak", "lights", "door", "call")

_PRINTED = r"^[^\x00-\x1f\x7f]+\Z"
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PRINTED)]
_Range = Annotated[str, Meta(max_length=40)]
_Passes = Annotated[int, Meta(ge=1, le=10_000)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


class Person(_Table, frozen=True, kw_only=True):
    """Somebody who is at the visit."""

    name: Text
    role: Literal["technician", "witness", "client", "other"] = "other"
    organisation: Text | None = None


class Room(_Table, frozen=True, kw_only=True):
    """What there is to say of the room."""

    title: Text | None = None
    floor: Text | None = None
    description: Text | None = None


class VisitPlan(_Table, frozen=True, kw_only=True):
    """How ``quietroom visit`` sweeps unless the command says otherwise."""

    source: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=8)] | None = None
    ranges: Annotated[tuple[_Range, ...], Meta(max_length=100)] | None = None
    passes: _Passes | None = None
    camp_s: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    outside: Text | None = None
    positions: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=50)] | None = None
    stimuli: Annotated[tuple[Literal["speak", "lights", "door", "call"], ...], Meta(max_length=4)] | None = None

    def __post_init__(self) -> None:
        for text in self.ranges or ():
            try:
                parse_range(text)
            except ParameterError as error:
                raise ValueError(f"ranges: {error}") from error
        names = self.positions or ()
        if len(set(names)) < len(names):
            raise ValueError("positions has a name twice; give every position its own")


class SiteFile(_Table, frozen=True, kw_only=True):
    """A whole ``site.toml``, of the workspace or of one room."""

    schema: Literal["quietroom.site/1"]
    name: Text | None = None
    address: Text | None = None
    client: Text | None = None
    reference: Text | None = None
    retest_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    room: Room | None = None
    people: Annotated[tuple[Person, ...], Meta(max_length=100)] | None = None
    visit: VisitPlan | None = None


class Device(_Table, frozen=True, kw_only=True):
    """A piece of equipment: an antenna, or a tool such as a thermal camera."""

    name: Text
    model: Text | None = None
    serial: Text | None = None
    calibrated: date | None = None
    calibration_due: date | None = None
    notes: Text | None = None

    def __post_init__(self) -> None:
        if self.calibrated and self.calibration_due and self.calibration_due < self.calibrated:
            raise ValueError(
                f"{self.name!r} has calibration_due {self.calibration_due} before calibrated {self.calibrated}"
            )


class Cable(Device, frozen=True, kw_only=True):
    """A cable, or what else lies between antenna and receiver."""

    length_m: Annotated[float, Meta(gt=0, le=1000)] | None = None


class Receiver(Device, frozen=True, kw_only=True):
    """A receiver, told by its serial; ``antenna`` and ``cables`` name entries of this file."""

    antenna: Text | None = None
    cables: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.serial is None:
            raise ValueError(f"{self.name!r} has no serial; write the one that 'quietroom devices' shows")


class EquipmentFile(_Table, frozen=True, kw_only=True):
    """A whole ``equipment.toml``, of the workspace or of one room."""

    schema: Literal["quietroom.equipment/1"]
    receivers: Annotated[tuple[Receiver, ...], Meta(max_length=100)] = ()
    antennas: Annotated[tuple[Device, ...], Meta(max_length=100)] = ()
    cables: Annotated[tuple[Cable, ...], Meta(max_length=100)] = ()
    tools: Annotated[tuple[Device, ...], Meta(max_length=100)] = ()

    def __post_init__(self) -> None:
        antennas, cables = {item.name for item in self.antennas}, {item.name for item in self.cables}
        serials = [receiver.serial for receiver in self.receivers]
        for receiver in self.receivers:
            if serials.count(receiver.serial) > 1:
                raise ValueError(f"receivers: serial {receiver.serial!r} is there twice; give each receiver its own")
            if receiver.antenna is not None and receiver.antenna not in antennas:
                raise ValueError(f"receivers: antenna {receiver.antenna!r} is no name of [[antennas]]")
            for name in receiver.cables:
                if name not in cables:
                    raise ValueError(f"receivers: cables: {name!r} is no name of [[cables]]")
