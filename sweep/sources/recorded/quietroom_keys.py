"""Quietroom's own SigMF extension: what makes a kept sweep replay bit for bit.

Namespace ``quietroom``. Global: ``plan`` and ``instrument`` (the fields of ``SweepPlan`` and ``Instrument``) and
``gaps``; in the recording of the second looks also ``looks``, what was asked for, and in that of the stays of a sweep
that camped ``camp_dwells``, the dwells of a whole stay. In each capture, which is one hop, look or stay: its times,
pass and hop index, gain, full scale, and flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

from dsp.errors import ParameterError
from sweep.looks import MAX_LOOKS, Look, LookRequest
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan

__all__ = [
    "EXTENSION",
    "GapKeys",
    "HopKeys",
    "LookKeys",
    "capture_keys",
    "gap_keys",
    "global_keys",
    "is_kept_sweep",
    "look_keys",
    "parse_camp_dwells",
    "parse_gaps",
    "parse_hop",
    "parse_instrument",
    "parse_looks",
    "parse_plan",
]

EXTENSION = {"name": "quietroom", "version": "1.0.0", "optional": True}

_T = TypeVar("_T")
_PREFIX = "quietroom:"
_MAX_BINS = 1 << 24  # 24 to 1766 MHz at 104 Hz; beyond that a row would not fit in memory
_INT64 = 2**63 - 1

_Time = Annotated[int, msgspec.Meta(ge=0, le=_INT64)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Freq = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
_Dwells = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
_Above0 = Annotated[int, msgspec.Meta(ge=1, le=2**40)]


class HopKeys(msgspec.Struct, frozen=True, kw_only=True, rename=lambda field: _PREFIX + field):
    """What a capture says of its hop."""

    utc_ns: _Time
    monotonic_ns: _Time
    pass_index: _Count
    hop_index: _Count
    gain_db: float | None
    full_scale: Annotated[float, msgspec.Meta(gt=0)]
    dropped_samples: _Count
    tuner_locked: bool


class GapKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A gap; it came before the capture of that index."""

    pass_index: _Count
    hop_index: _Count | None
    utc_ns: _Time
    monotonic_ns: _Time
    reason: str
    before_capture: _Count


class LookKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A second look: what was asked for, and the capture that holds its samples, or why there are none."""

    center_freq_hz: _Freq
    gain_step_db: float
    n_dwells: _Dwells
    utc_ns: _Time
    monotonic_ns: _Time
    failure: str | None
    capture: _Count | None

    @property
    def request(self) -> LookRequest:
        """What was asked for."""
        return LookRequest(center_freq_hz=self.center_freq_hz, gain_step_db=self.gain_step_db, n_dwells=self.n_dwells)


class _PlanKeys(msgspec.Struct, frozen=True, kw_only=True):
    sample_rate_hz: _Above0
    n_fft: Annotated[int, msgspec.Meta(ge=2, le=1 << 20, multiple_of=2)]
    n_frames: Annotated[int, msgspec.Meta(ge=2, le=1 << 20)]
    hop_bins: Annotated[int, msgspec.Meta(ge=2, multiple_of=2)]
    hop_centers_hz: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)], ...], msgspec.Meta(min_length=1)
    ]
    gain_db: float | None
    window: str


def is_kept_sweep(global_info: Mapping[str, Any]) -> bool:
    """Tell whether a recording was made by ``IqWriter``."""
    return _PREFIX + "plan" in global_info


def global_keys(
    plan: SweepPlan,
    instrument: Instrument,
    gaps: Iterable[Mapping[str, Any]],
    looks: Iterable[Mapping[str, Any]] = (),
    camp_dwells: int | None = None,
) -> dict[str, Any]:
    """Fields of the global object."""
    asked = list(looks)
    return {
        _PREFIX + "plan": asdict(plan),
        _PREFIX + "instrument": asdict(instrument),
        _PREFIX + "gaps": list(gaps),
        **({_PREFIX + "looks": asked} if asked else {}),
        **({} if camp_dwells is None else {_PREFIX + "camp_dwells": camp_dwells}),
    }


def capture_keys(hop: HopSamples) -> dict[str, Any]:
    """Fields of the capture of one hop."""
    fields = {name: getattr(hop, name) for name in HopKeys.__struct_fields__}
    return {_PREFIX + name: value for name, value in fields.items()}


def gap_keys(gap: HopGap, before_capture: int) -> dict[str, Any]:
    """Entry of the list of gaps."""
    return {**asdict(gap), "before_capture": before_capture}


def look_keys(
    request: LookRequest, taken: HopSamples | Look, failure: str | None, capture: int | None
) -> dict[str, Any]:
    """Entry of the list of looks."""
    times = {"utc_ns": taken.utc_ns, "monotonic_ns": taken.monotonic_ns}
    return {**asdict(request), **times, "failure": failure, "capture": capture}


def parse_plan(global_info: Mapping[str, Any]) -> SweepPlan:
    """Read the plan and check that it is one.

    Raises
    ------
    ParameterError
        A field is missing or impossible.
    """
    keys = _convert(global_info.get(_PREFIX + "plan"), _PlanKeys, "plan")
    width, rest = divmod(keys.sample_rate_hz, keys.n_fft)
    centers = np.asarray(keys.hop_centers_hz, np.int64)
    if rest or keys.hop_bins > keys.n_fft or keys.window != "hann":
        raise ParameterError(
            f"quietroom:plan is impossible: {keys.sample_rate_hz} S/s, {keys.n_fft} points, {keys.hop_bins} bins a "
            "hop; the metadata was changed"
        )
    if np.any(centers % width) or np.any(np.diff(centers) < keys.hop_bins * width):
        raise ParameterError(
            "quietroom:plan has hops off the grid, overlapping or out of order; the metadata was changed"
        )
    if centers.size * keys.hop_bins > _MAX_BINS:
        raise ParameterError(f"quietroom:plan has {centers.size * keys.hop_bins} bins, at most {_MAX_BINS} are read")
    return SweepPlan(**msgspec.structs.asdict(keys))


def parse_instrument(global_info: Mapping[str, Any]) -> Instrument:
    """Read the receiver.

    Raises
    ------
    ParameterError
        A field is missing or of the wrong type.
    """
    return _convert(global_info.get(_PREFIX + "instrument"), Instrument, "instrument")


def parse_gaps(global_info: Mapping[str, Any]) -> list[GapKeys]:
    """Read the gaps.

    Raises
    ------
    ParameterError
        A field is missing or of the wrong type.
    """
    return _convert(global_info.get(_PREFIX + "gaps", []), list[GapKeys], "gaps")


def parse_looks(global_info: Mapping[str, Any], n_captures: int) -> tuple[LookKeys, ...]:
    """Read what was asked for in second looks; empty for the recording of a pass.

    Raises
    ------
    ParameterError
        A field is missing or of the wrong type, or a look names a capture that is not there.
    """
    looks = _convert(global_info.get(_PREFIX + "looks", []), tuple[LookKeys, ...], "looks")
    if len(looks) > MAX_LOOKS or any((look.capture is None) != (look.failure is not None) for look in looks):
        raise ParameterError(
            f"quietroom:looks has {len(looks)} looks, or one without samples or reason; it was changed"
        )
    if any(look.capture is not None and look.capture >= n_captures for look in looks):
        raise ParameterError(f"quietroom:looks names a capture beyond the {n_captures} that there are; it was changed")
    return looks


def parse_camp_dwells(global_info: Mapping[str, Any]) -> int | None:
    """Dwells of a whole stay; None for a recording of anything else.

    Raises
    ------
    ParameterError
        It is no number that a stay can have.
    """
    key = _PREFIX + "camp_dwells"
    return _convert(global_info[key], _Dwells, "camp_dwells") if key in global_info else None


def parse_hop(capture: Mapping[str, Any]) -> HopKeys:
    """Read what a capture says of its hop.

    Raises
    ------
    ParameterError
        A field is missing or impossible.
    """
    return _convert(capture, HopKeys, "capture")


def _convert(value: object, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ParameterError(f"quietroom:{what} is not as Quietroom writes it: {error}") from error
