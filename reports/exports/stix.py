"""Findings as a bundle of STIX 2.1 (OASIS Standard, 10 June 2021).

What was heard is `observed-data` of a `radio-emission`, an observable of our own that an extension definition in the
bundle describes; what it may mean is a `note`, and so is each decision, with who made it. A `report` names them all
and says the verdict and what could have been missed. There is an `indicator`, with a `sighting`, only of what
somebody decided to be a device: an unknown carrier is no indicator of malice. In an exercise there is none, and every
object has the label `exercise`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stix2 import v21

from reports.exports.hypotheses import Hypothesis, hypotheses
from reports.exports.source import ExportSource, Reported, derived_uuid, epoch_ms
from reports.exports.stix_emission import EXTENSION_ID, emission, extension_definition
from reports.exports.telling import coverage_text, decision_text, description, sweep_text, title
from sweep import __version__

__all__ = ["stix_json"]

_TOOL_TIME = "2026-01-01T00:00:00.000Z"  # of what is the same in every bundle
_MOST_OBSERVED = 999_999_999


def stix_json(source: ExportSource) -> Iterator[bytes]:
    """Write the bundle."""
    maker = _Maker(source)
    for item in source.reported:
        maker.add_item(item)
    bundle = v21.Bundle(*maker.finished(), id=f"bundle--{source.uuid('bundle', maker.state)}", allow_custom=True)
    yield f"{bundle.serialize(indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()


class _Maker:
    """Makes the objects of a bundle, each with an identifier that is the same at every export."""

    def __init__(self, source: ExportSource) -> None:
        self._source = source
        self._tool = v21.Identity(
            id=f"identity--{derived_uuid('tool')}",
            created=_TOOL_TIME,
            modified=_TOOL_TIME,
            name="Quietroom",
            identity_class="system",
            description="Logs and compares technical surveillance counter-measures (TSCM) radio sweeps.",
        )
        self._fixed = [self._tool, extension_definition(self._tool.id, _TOOL_TIME)]
        self._objects: list[Any] = []

    @property
    def state(self) -> str:
        """What was decided so far: another state is another bundle."""
        return "\0".join(item.revision for item in self._source.reported)

    def finished(self) -> list[Any]:
        """All objects, with a report of them and of what the sweep could have missed."""
        source = self._source
        latest = _latest(source.end, *(item.revision for item in source.reported))
        refs = [one.id for one in self._objects] or [self._tool.id]
        report = v21.Report(
            **self._common("report", source.uuid("report"), modified=latest),
            name=sweep_text(source),
            description=coverage_text(source.document, source.level_unit),
            report_types=["observed-data"],
            published=_stix_time(latest),
            object_refs=refs,
            external_references=[self._record()],
        )
        return [*self._fixed, *self._objects, report]

    def add_item(self, item: Reported) -> None:
        """Add what is to be said of a finding."""
        source = self._source
        radio = emission(source, item)
        self._objects.append(radio)
        refs = [radio.id]
        if not item.is_missing:
            observed = self._observed(item, radio.id)
            self._objects.append(observed)
            refs.append(observed.id)
        told = {"abstract": title(source, item), "content": description(source, item)}
        self._note(refs, source.uuid("note", item.uid), source.end, told)
        for entry in source.document.get("dispositions") or ():
            if entry.get("finding") == item.finding.get("id"):
                self._decision(refs, item, entry)
        for hypothesis in hypotheses(source, item):
            self._hypothesis(refs, item, hypothesis)
        if item.disposition == "device" and not source.synthetic and not item.is_missing:
            self._indicate(item, refs)

    def _common(
        self, kind: str, uid: str, *, created: str | None = None, modified: str | None = None
    ) -> dict[str, Any]:
        begun = _stix_time(created or self._source.end)
        return {
            "id": f"{kind}--{uid}",
            "created_by_ref": self._tool.id,
            "created": begun,
            "modified": begun if modified is None else _stix_time(modified),
            **({"labels": ["exercise"]} if self._source.synthetic else {}),
        }

    def _observed(self, item: Reported, radio: str) -> Any:
        first, last = (item.finding.get(key) for key in ("first_seen", "last_seen"))
        first, last = sorted((first or self._source.begin, last or self._source.end), key=epoch_ms)
        return v21.ObservedData(
            **self._common("observed-data", self._source.uuid("observed-data", item.uid)),
            first_observed=_stix_time(first),
            last_observed=_stix_time(last),
            number_observed=min(max(int(item.finding.get("hits") or 1), 1), _MOST_OBSERVED),
            object_refs=[radio],
        )

    def _note(self, refs: list[str], uid: str, time: str, told: Mapping[str, Any], modified: str | None = None) -> None:
        common = self._common("note", uid, created=time, modified=modified)
        self._objects.append(v21.Note(**common, object_refs=refs, **told))

    def _decision(self, refs: list[str], item: Reported, entry: Mapping[str, Any]) -> None:
        told = {
            "abstract": f"Disposition of {item.finding.get('id')}: {entry['as']}",
            "content": str(entry["reason"]),
            "authors": [str(entry["by"])],
        }
        self._note(refs, self._source.uuid("decision", item.uid, str(entry["time"])), str(entry["time"]), told)

    def _hypothesis(self, refs: list[str], item: Reported, held: Hypothesis) -> None:
        told = {
            "abstract": f"Hypothesis, confidence {held.confidence_word}: {held.technique} {held.name}",
            "content": f"{held.text}. A hypothesis to be tested, not a finding.",
            "confidence": held.confidence,
            "external_references": [
                {"source_name": "mitre-attack", "external_id": held.technique},
            ],
        }
        uid = self._source.uuid("hypothesis", item.uid, held.technique)
        self._note(refs, uid, self._source.end, told, modified=_latest(self._source.end, item.revision))

    def _indicate(self, item: Reported, refs: list[str]) -> None:
        assert item.decision is not None  # somebody decided that it is a device
        time, finding = str(item.decision["time"]), item.finding
        reach_hz = max(int(finding.get("occupied_bw_hz") or 0) // 2, 1)
        low_hz, high_hz = finding["center_freq_hz"] - reach_hz, finding["center_freq_hz"] + reach_hz
        field = "radio-emission:center_freq_hz"
        indicator = v21.Indicator(
            **self._common("indicator", self._source.uuid("indicator", item.uid, time), created=time),
            name=title(self._source, item),
            description=decision_text(item),
            indicator_types=["anomalous-activity"],
            pattern=f"[{field} >= {low_hz} AND {field} <= {high_hz}]",
            pattern_type="stix",
            valid_from=_stix_time(time),
        )
        sighting = v21.Sighting(
            **self._common("sighting", self._source.uuid("sighting", item.uid, time), created=time),
            sighting_of_ref=indicator.id,
            observed_data_refs=[ref for ref in refs if ref.startswith("observed-data--")],
        )
        self._objects += [indicator, sighting]

    def _record(self) -> dict[str, Any]:
        return {
            "source_name": "Quietroom sweep record",
            "external_id": self._source.name,
            "description": f"Written by Quietroom {__version__}; extension {EXTENSION_ID}",
            "hashes": {"SHA-256": self._source.sha256},
        }


def _latest(*times: str) -> str:
    return max((time for time in times if time), key=epoch_ms)


def _stix_time(text: str) -> str:
    """Cut a time to the milliseconds of STIX."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<3.3}Z"
