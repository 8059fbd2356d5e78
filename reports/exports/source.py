"""What every format is made from: one record, its findings JSON, and what was decided about each finding."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from dsp.errors import RecordError
from reports.exports.document import findings_document, json_bytes
from sweep.record import SweepRecord
from sweep.units import iso_utc

__all__ = ["ExportSource", "Reported", "derived_uuid", "epoch_ms", "findings_json"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quietroom:exports:1")


def derived_uuid(*parts: str) -> str:
    """Give the same identifier for the same parts, whenever and wherever it is asked for (RFC 9562, version 5).

    Examples
    --------
    >>> derived_uuid("record", "F1") == derived_uuid("record", "F1") != derived_uuid("recordF", "1")
    True
    """
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts)))


def epoch_ms(text: str) -> int:
    """Give an ISO 8601 time in UTC as whole milliseconds since 1970, rounded down.

    Raises
    ------
    RecordError
        The text is none.

    Examples
    --------
    >>> epoch_ms("1970-01-01T00:00:01.123456789Z"), epoch_ms("1970-01-01T00:00:01Z")
    (1123, 1000)
    """
    try:
        whole, _, fraction = text.removesuffix("Z").partition(".")
        return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 1000 + int(f"{fraction:0<3.3}")
    except (AttributeError, ValueError, OverflowError) as error:
        raise RecordError(f"has {text!r} for a time in UTC; use an intact copy of the record") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A finding or an unconfirmed emission, with the latest decision about it.

    Attributes
    ----------
    finding : mapping
        As in the findings JSON.
    is_confirmed : bool
        False for what was heard in too few passes to be a finding.
    decision : mapping or None
        ``as``, ``reason``, ``by``, ``time``.
    uid : str
        UUID that is the same in every format and at every export of this record.
    """

    finding: Mapping[str, Any]
    is_confirmed: bool
    decision: Mapping[str, Any] | None
    uid: str

    @property
    def disposition(self) -> str:
        """The latest decision in a word; ``open`` where there is none, and ``known`` for what the room's list knows."""
        if self.decision is not None:
            return str(self.decision["as"])
        return "open" if self.finding.get("known_as") is None else "known"

    @property
    def is_harmless(self) -> bool:
        """Whether somebody decided that it is known or explained."""
        return self.disposition in ("known", "explained")

    @property
    def is_missing(self) -> bool:
        """Whether it is something that was expected and not heard."""
        return bool(self.finding.get("kind") == "missing")

    @property
    def revision(self) -> str:
        """What changes when somebody decides anew, and only then."""
        return "" if self.decision is None else str(self.decision["time"])


class ExportSource:
    """A record as the exports see it.

    Parameters
    ----------
    record : SweepRecord
        Open; formats that hold spectra read its rows.
    dispositions : sequence of mapping
        Decisions, oldest first.
    """

    def __init__(self, record: SweepRecord, dispositions: Sequence[Mapping[str, Any]] = ()) -> None:
        self.record = record
        self.document = findings_document(record, dispositions)

    @property
    def name(self) -> str:
        """File name of the record."""
        return self.record.path.name

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the record file, hexadecimal."""
        with self.record.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def synthetic(self) -> bool:
        """Whether it is an exercise: any sample was made rather than received."""
        return bool(self.document["exercise"])

    @property
    def level_unit(self) -> str:
        """``dBFS``; plain ``dB`` for spectra that another program made on a scale of its own."""
        return "dB" if self.record.plan is None else "dBFS"

    @property
    def room(self) -> str:
        """Name of the room, in one line."""
        return " ".join(str(self.document.get("room") or "").split()) or "not recorded"

    @property
    def is_compared(self) -> bool:
        """Whether there was a baseline; without one everything that was heard is listed, and nothing is anomalous."""
        return self.document.get("baseline") is not None

    def is_alert(self, item: Reported) -> bool:
        """Whether somebody should look at once: new against a baseline or held to be bad, and no exercise."""
        if self.synthetic or item.is_harmless:
            return False
        if item.disposition in ("suspicious", "device"):
            return True
        return item.is_confirmed and self.is_compared and not item.is_missing

    @property
    def begin(self) -> str:
        """Start of the sweep, ISO 8601 in UTC."""
        begun_ns = self.record.begun_utc_ns
        return self.record.end_time if begun_ns is None else iso_utc(begun_ns)

    @property
    def end(self) -> str:
        """End of the sweep, ISO 8601 in UTC; its start, where the clock was set back meanwhile."""
        return max(self.begin, self.record.end_time, key=epoch_ms)

    @cached_property
    def reported(self) -> tuple[Reported, ...]:
        """The findings, then what was not confirmed."""
        latest = {entry.get("finding"): entry for entry in self.document.get("dispositions") or ()}
        return tuple(
            Reported(
                finding=finding,
                is_confirmed=key == "findings",
                decision=latest.get(finding.get("id")),
                uid=self.uuid("finding", str(finding.get("id"))),
            )
            for key in ("findings", "unconfirmed")
            for finding in self.document.get(key) or ()
        )

    def uuid(self, *parts: str) -> str:
        """Identifier of a part of this record."""
        return derived_uuid(self.sha256, *parts)


def findings_json(source: ExportSource) -> Iterator[bytes]:
    """Write the findings JSON of a record."""
    yield json_bytes(source.document)
