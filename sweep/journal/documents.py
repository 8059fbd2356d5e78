"""The JSON in a journal and in the record made of it: checked when written and when read, so that all that is shown
of a sweep can rely on its types.

The fields of a judgement are those of the findings JSON. A reader ignores fields that it does not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from dsp.errors import RecordError
from sweep.journal.layout_json import LayoutDocument
from sweep.journal.start_document import Int64, StartDocument

__all__ = [
    "CloseDocument",
    "FindingDocument",
    "GapDocument",
    "Int64",
    "JudgementDocument",
    "Note",
    "StartDocument",
    "SweepDocument",
    "check_judgement",
    "one_line",
    "parse_document",
    "write_document",
]

T = TypeVar("T")

_LINE = 300
_MAX_VALUES = 1 << 21  # a judgement of the whole band has some 100,000; each takes up to 100 bytes of memory

_Index = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Period = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._]{1,32}\Z")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that happened during a sweep and is neither row, gap nor finding."""

    utc_ns: Int64
    kind: str
    text: str


class GapDocument(msgspec.Struct, frozen=True):
    """A ``HopGap``."""

    pass_index: Int64
    hop_index: _Index | None
    utc_ns: Int64
    monotonic_ns: Int64
    reason: str


class _Threat(msgspec.Struct, frozen=True):
    level: str
    reasons: tuple[str, ...]
    score: float | None = None


class _ArtefactTest(msgspec.Struct, frozen=True):
    test: str
    passed: bool | None
    reason: str | None = None


class _LevelUncertainty(msgspec.Struct, frozen=True):
    expanded: float
    coverage_factor: float
    statistical: float | None
    gain: float | None
    antenna: float | None


class _PositionLevel(msgspec.Struct, frozen=True):
    position: str | None
    record: str | None
    power_dbfs: float | None
    limit_dbfs: float | None
    power_uncertainty_db: _LevelUncertainty | None = None


class _IqSnippet(msgspec.Struct, frozen=True):
    file: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][0-9]{1,9}\.sigmf-meta\Z")]
    sha256: _Sha256
    data_sha256: _Sha256
    start: str | None = None
    duration_s: float | None = None
    pre_trigger_s: float | None = None


class _IqSnippets(msgspec.Struct, frozen=True):
    count: _Index
    note: str | None


class FindingDocument(msgspec.Struct, frozen=True):
    """A finding, an emission that was not confirmed, or a candidate that was rejected."""

    id: str
    kind: str
    center_freq_hz: float
    occupied_bw_hz: float | None
    power_dbfs: float | None
    excess_db: float | None
    duty_cycle: float | None
    threat: _Threat
    power_uncertainty_db: _LevelUncertainty | None = None
    width_6db_hz: float | None = None
    width_26db_hz: float | None = None
    snr_db: float | None = None
    p_value: float | None = None
    hits: float | None = None
    passes: float | None = None
    visits: float | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    burst_length_s: float | None = None
    burst_period_s: float | None = None
    burst_resolution_s: float | None = None
    camp_hits: float | None = None
    camp_dwells: float | None = None
    signal_type: str | None = None
    allocation: str | None = None
    known_as: str | None = None
    confirmed: bool | None = None
    channels: tuple[str, ...] | None = None
    emitter: str | None = None
    outside_dbfs: float | None = None
    outside_uncertainty_db: _LevelUncertainty | None = None
    outside_limit_dbfs: float | None = None
    inside_minus_outside_db: float | None = None
    inside_minus_outside_at_least_db: float | None = None
    positions: tuple[_PositionLevel, ...] | None = None
    artefact_tests: tuple[_ArtefactTest, ...] | None = None
    harmonic_of_hz: float | None = None
    iq_snippet: _IqSnippet | None = None


class _KnownEmitter(msgspec.Struct, frozen=True):
    id: str
    name: str
    center_freq_hz: float
    tolerance_hz: float
    bandwidth_hz: float | None
    bandwidth_factor: float | None
    power_dbfs: float | None
    tolerance_db: float | None
    reason: str
    by: str
    expires: str | None
    added: str


class _Levels(msgspec.Struct, frozen=True):
    dbfs: float | None = None
    low: float | None = None
    high: float | None = None
    met: float | None = None
    if_met_dbfs: float | None = None
    if_met_low: float | None = None
    if_met_high: float | None = None


class _Detectable(_Levels, frozen=True, kw_only=True):
    basis: str
    n_injected: int | None = None
    busy_share: float | None = None
    elsewhere: _Levels | None = None
    with_stays_dbfs: float | None = None
    with_stays_basis: str | None = None


class _Coverage(msgspec.Struct, frozen=True):
    start_hz: float
    stop_hz: float
    state: str
    min_detectable_dbfs: float | None
    dwell_s: float | None
    visits: float | None
    poi: dict[_Period, float | None]
    noise_floor_dbfs: float | None = None
    camp_s: float | None = None
    min_detectable: dict[_Period, float | None] | None = None
    min_detectable_detail: dict[_Period, _Detectable] | None = None


class _Witnesses(msgspec.Struct, frozen=True):
    n_known: int
    n_lost: int
    fall_db: float | None = None
    where: str | None = None


class JudgementDocument(msgspec.Struct, frozen=True):
    """What a judge says of a sweep."""

    verdict: Literal["anomalies", "no_anomaly_detected", "inconclusive"]
    reasons: tuple[str, ...]
    coverage: tuple[_Coverage, ...]
    findings: tuple[FindingDocument, ...]
    baseline: str | None = None
    false_alarms_per_sweep: float | None = None
    unconfirmed: tuple[FindingDocument, ...] | None = None
    rejected_candidates: tuple[FindingDocument, ...] | None = None
    known_emitters: tuple[_KnownEmitter, ...] | None = None
    outside_record: str | None = None
    not_heard: tuple[str, ...] | None = None
    witnesses: tuple[_Witnesses, ...] | None = None
    iq_snippets: _IqSnippets | None = None


class SweepDocument(msgspec.Struct, frozen=True):
    """First record of a journal."""

    start: StartDocument
    layout: LayoutDocument


class CloseDocument(msgspec.Struct, frozen=True):
    """Last record of a journal."""

    judgement: JudgementDocument
    end_time: str | None
    has_baseline: bool
    has_threshold: bool = False


def write_document(document: Mapping[str, Any], schema: type[T]) -> bytes:
    """Write a document as JSON, once it is known that it can be read again.

    Raises
    ------
    RecordError
        A field is missing or has another type than the schema says.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    parse_document(text, schema)
    return text


def parse_document(text: bytes, schema: type[T]) -> tuple[dict[str, Any], T]:
    """Read JSON, as it stands and as the schema has it.

    Raises
    ------
    RecordError
        The text is no JSON, a number in it is not finite, or a field is missing or of another type than in the schema.

    Examples
    --------
    >>> parse_document(b'{"utc_ns": 0, "kind": "gain", "text": "lowered"}', Note)[1]
    Note(utc_ns=0, kind='gain', text='lowered')
    >>> parse_document(b'{"utc_ns": "0"}', Note)
    Traceback (most recent call last):
    ...
    dsp.errors.RecordError: Expected `int`, got `str` - at `$.utc_ns`
    """
    n_values = sum(map(text.count, (b"[", b"{", b",")))  # at least as many as there are
    if n_values > _MAX_VALUES:
        raise RecordError(f"its JSON has some {n_values} values, above {_MAX_VALUES}")
    try:
        document = json.loads(text, parse_constant=_refuse_number, parse_float=_finite)
        return document, msgspec.convert(document, schema)
    except RecursionError as error:
        raise RecordError("its JSON is nested too deep") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordError(one_line(error)) from error


def check_judgement(document: Mapping[str, Any]) -> None:
    """Refuse a judgement that no record could keep.

    Raises
    ------
    RecordError
        A field is missing or has another type than the findings JSON says.
    """
    try:
        write_document(dict(document), JudgementDocument)
    except RecordError as error:
        raise RecordError(f"the judgement cannot be kept ({error}); judge the rows again") from error


def one_line(error: object) -> str:
    """Cut what may quote a file to one line that a terminal can show.

    Examples
    --------
    >>> one_line("no field a\\x1b[2J\\nb")
    'no field a [2J b'
    """
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())
    return text if len(text) <= _LINE else f"{text[: _LINE - 3]}..."


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text[:20]} is not a finite number")
