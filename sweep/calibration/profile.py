"""What is kept of a dongle, and the folder of its profiles. None is ever changed; measuring again makes a new one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dsp.errors import ParameterError, RecordError
from sweep.journal.files import sync_folder
from sweep.toml_files import read_toml

__all__ = [
    "Absolute",
    "DongleProfile",
    "Frequency",
    "Gains",
    "StoredProfile",
    "Terminated",
    "find_profile",
    "keep_profile",
]

_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HINT = "profiles are written by 'quietroom calibrate'; restore it from a copy, or measure again"
_Level = Annotated[float, Meta(ge=-250, le=100)]
_Hz = Annotated[int, Meta(ge=0, le=10_000_000_000)]
_Gain = Annotated[float, Meta(ge=-50, le=100)]
_Text = Annotated[str, Meta(max_length=200)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a profile, with when it was measured."""

    measured: datetime


class Terminated(_Part, frozen=True, kw_only=True):
    """The receiver without an antenna: floor of each hop, and the lines that are there all the same."""

    gain_db: _Gain
    bin_width_hz: Annotated[int, Meta(gt=0)]
    passes: Annotated[int, Meta(gt=0)]
    center_freq_hz: Annotated[tuple[_Hz, ...], Meta(min_length=1, max_length=100_000)]
    floor_dbfs: Annotated[tuple[_Level, ...], Meta(max_length=100_000)]
    spur_freq_hz: Annotated[tuple[_Hz, ...], Meta(max_length=100_000)]
    spur_dbfs: Annotated[tuple[_Level, ...], Meta(max_length=100_000)]

    def __post_init__(self) -> None:
        if len(self.center_freq_hz) != len(self.floor_dbfs) or len(self.spur_freq_hz) != len(self.spur_dbfs):
            raise ValueError("terminated has lists of lengths that do not fit")


class Frequency(_Part, frozen=True, kw_only=True):
    """Error of the crystal, as the correction that ``--ppm`` takes."""

    ppm: Annotated[float, Meta(ge=-1000, le=1000)]
    carrier_hz: _Hz
    carrier_snr_db: float


class Gains(_Part, frozen=True, kw_only=True):
    """Gain of the steps of the tuner against that of the profile, as far as they could be measured."""

    method: Literal["carrier", "noise"]
    at_hz: _Hz
    reference_gain_db: _Gain
    gain_db: Annotated[tuple[_Gain, ...], Meta(max_length=100)]
    relative_db: Annotated[tuple[_Level, ...], Meta(max_length=100)]

    def __post_init__(self) -> None:
        if len(self.gain_db) != len(self.relative_db):
            raise ValueError("gains has lists of lengths that do not fit")


class Absolute(_Part, frozen=True, kw_only=True):
    """A known level, and how it read: dBm are dBFS plus the difference, near its frequency and at its gain."""

    at_hz: _Hz
    gain_db: _Gain
    level_dbm: _Level
    level_dbfs: _Level
    expires: date

    @property
    def offset_db(self) -> float:
        """What is added to dBFS, in dB."""
        return self.level_dbm - self.level_dbfs


class DongleProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole profile."""

    schema: Literal["quietroom.dongle/1"]
    serial: Annotated[str, Meta(min_length=1, max_length=64)]
    made: datetime
    software: _Text
    synthetic: bool
    driver: _Text
    tuner: _Text | None = None
    terminated: Terminated | None = None
    frequency: Frequency | None = None
    gains: Gains | None = None
    absolute: Annotated[tuple[Absolute, ...], Meta(max_length=100)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """A profile and its file.

    Attributes
    ----------
    path : Path
    id : str
        Serial and time, as a record names it.
    sha256 : str
        Of the file.
    profile : DongleProfile
    """

    path: Path
    id: str
    sha256: str
    profile: DongleProfile


def find_profile(workspace: Path, serial: str) -> StoredProfile | None:
    """Read the latest profile of a dongle; None where there is none.

    Raises
    ------
    ParameterError
        The file is not a profile, or that of another dongle.
    """
    if _SERIAL.fullmatch(serial) is None:
        return None
    paths = sorted((workspace / "dongles" / serial).glob("*.toml"))
    return _read(paths[-1], serial) if paths else None


def keep_profile(workspace: Path, profile: DongleProfile) -> StoredProfile:
    """Write a profile beside the earlier ones, synced to disk.

    Raises
    ------
    ParameterError
        The serial cannot be the name of a folder.
    RecordError
        One was made this second.
    """
    serial = profile.serial
    if _SERIAL.fullmatch(serial) is None:
        raise ParameterError(
            f"serial {serial!r} cannot name a folder; give the dongle one of letters, digits, dots and dashes with: "
            "rtl_eeprom -s SERIAL"
        )
    folder = workspace / "dongles" / serial
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{profile.made:%Y%m%dT%H%M%SZ}.toml"
    part = path.with_suffix(".part")
    if path.exists():
        raise RecordError(f"{path} is there already; try again in a second")
    with part.open("wb") as file:
        file.write(_toml(msgspec.to_builtins(profile, builtin_types=(datetime, date))).encode())
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    for place in (folder, folder.parent, workspace):
        sync_folder(place)
    return _read(path, serial)


def _read(path: Path, serial: str) -> StoredProfile:
    profile = read_toml(path, DongleProfile, hint=_HINT)
    if profile.serial != serial:
        raise ParameterError(
            f"{path}: serial = {profile.serial!r}, in the folder of {serial!r}; put it where it belongs"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return StoredProfile(path=path, id=f"{serial}/{path.stem}", sha256=digest, profile=profile)


def _toml(document: dict[str, Any]) -> str:
    """Write plain values, then tables, then lists of tables: all that a profile has."""
    plain = {key: value for key, value in document.items() if not _is_table(value)}
    text = _lines(plain)
    for key, value in document.items():
        if isinstance(value, dict):
            text += f"\n[{key}]\n{_lines(value)}"
        elif _is_table(value):
            text += "".join(f"\n[[{key}]]\n{_lines(item)}" for item in value)
    return text


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value))


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
