"""A sweep as SigMF metadata without samples, in the words of the extensions of NTIA (github.com/NTIA/sigmf-ns-ntia).

`core:metadata_only`: the levels themselves are in the sweep record. `core:sample_start` counts them there, row after
row in ``entry/data/mean``, so that a capture, one hop of one pass, is ``hop_bins`` values from it on. Used are
ntia-core 2.0.0 (which demands a classification; none is recorded), ntia-sensor 2.0.0 for the receiver and
ntia-algorithm 2.0.1 for how the spectra were made. NTIA's ``overload`` and ``gain`` are those of each hop. A finding
is an annotation of the passes in which it was heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reports.exports.source import ExportSource, Reported, epoch_ms
from reports.exports.telling import coverage_text, decision_text, description, title
from sweep import __version__
from sweep.model import HOP_MEASURED, HOP_OVERLOADED, SweepRow
from sweep.snippets.places import edges_hz
from sweep.sources.recorded.quietroom_keys import EXTENSION
from sweep.units import iso_utc

__all__ = ["SIGMF_VERSION", "annotation_edges", "annotation_words", "sweep_facts", "sweep_metadata"]

SIGMF_VERSION = "1.2.6"
_NTIA = (("ntia-core", "v2.0.0"), ("ntia-sensor", "v2.0.0"), ("ntia-algorithm", "v2.0.1"))


def sweep_metadata(source: ExportSource) -> dict[str, Any]:
    """Give the metadata of the sweep.

    Raises
    ------
    RecordError
        A row of the record is damaged.
    """
    captures: list[dict[str, Any]] = []
    rows_ms: list[int] = []
    for number, row in enumerate(source.record.rows()):
        rows_ms.append(row.utc_ns // 1_000_000)
        captures += _captures(source, number, row)
    return {
        "global": _global(source, captures),
        "captures": captures,
        "annotations": sorted(_annotations(source, rows_ms), key=lambda one: int(one["core:sample_start"])),
    }


def sweep_facts(source: ExportSource) -> dict[str, Any]:
    """Say to which record something belongs, and what the sweep found and could have missed."""
    document = source.document
    told = {key: document.get(key) for key in ("room", "position", "baseline", "verdict", "reasons")}
    told |= {"record": source.name, "record_sha256": source.sha256, "exercise": source.synthetic}
    told["could_have_missed"] = coverage_text(document, source.level_unit)
    return {f"quietroom:{key}": value for key, value in told.items()}


def annotation_words(source: ExportSource, item: Reported) -> dict[str, Any]:
    """Say in an annotation what a finding is, and what was decided about it."""
    return {
        "core:label": str(item.finding.get("id")),
        "core:comment": f"{title(source, item)}. {description(source, item)} {decision_text(item)}",
        "core:generator": f"Quietroom {__version__}",
        "core:uuid": item.uid,
        "quietroom:disposition": item.disposition,
        "quietroom:exercise": source.synthetic,
    }


def annotation_edges(source: ExportSource, finding: Mapping[str, Any]) -> dict[str, int]:
    """Give the edges of a finding in whole hertz."""
    return {key: round(value) for key, value in edges_hz(finding, source.record.layout.bin_width_hz).items()}


def _global(source: ExportSource, captures: list[dict[str, Any]]) -> dict[str, Any]:
    instrument, plan = source.record.instrument, source.record.plan
    hardware = " ".join(text for text in (instrument.product, instrument.serial) if text)
    return {
        "core:datatype": "ri16_le",
        "core:metadata_only": True,
        "core:num_channels": 1,
        "core:version": SIGMF_VERSION,
        "core:recorder": f"Quietroom {__version__}",
        "core:description": "Levels of a radio sweep, in hundredths of a dB; they are in the sweep record.",
        "core:extensions": [
            EXTENSION,
            *({"name": name, "version": version, "optional": True} for name, version in _NTIA),
        ],
        **({"core:hw": hardware} if hardware else {}),
        **({} if plan is None else {"core:sample_rate": plan.sample_rate_hz}),
        "ntia-core:classification": "NOT RECORDED",
        "ntia-sensor:sensor": _sensor(source),
        **_algorithm(source, captures),
        **sweep_facts(source),
        "quietroom:coverage": source.document.get("coverage"),
        "quietroom:not_heard": source.document.get("not_heard"),
    }


def _sensor(source: ExportSource) -> dict[str, Any]:
    instrument = source.record.instrument
    serial = instrument.serial or "not recorded"
    spec = {"id": serial, "model": instrument.product, "description": instrument.driver}
    analyzer = {"id": serial, "model": instrument.tuner}
    return {
        "sensor_spec": {key: value for key, value in spec.items() if value is not None},
        **({"signal_analyzer": {"sigan_spec": analyzer}} if instrument.tuner else {}),
        **({"antenna": [{"antenna_spec": {"id": instrument.antenna}}]} if instrument.antenna else {}),
    }


def _algorithm(source: ExportSource, captures: list[dict[str, Any]]) -> dict[str, Any]:
    """How the spectra were made; nothing for those of another program, which does not say."""
    plan, layout = source.record.plan, source.record.layout
    if plan is None or not captures:
        return {}
    first = np.array([one["core:sample_start"] % layout.n_bins for one in captures])
    starts_hz = layout.freq_hz[first]
    stops_hz = starts_hz + (layout.hop_bins - 1) * layout.bin_width_hz
    transform = {
        "type": "DFT",
        "id": "hop",
        "equivalent_noise_bandwidth": layout.enbw_bins * layout.bin_width_hz,
        "samples": plan.n_fft,
        "dfts": plan.n_frames,
        "window": plan.window,
        "baseband": False,
        "description": "transforms overlap by half",
    }
    product = {
        "name": "power of each bin",
        "series": ["mean"],
        "length": layout.hop_bins,
        "x_units": "Hz",
        "x_start": [round(value) for value in starts_hz],
        "x_stop": [round(value) for value in stops_hz],
        "x_step": [round(layout.bin_width_hz)] * len(captures),
        "y_units": "dBFS",
        "processing": ["hop"],
        "reference": "full scale of the analogue-to-digital converter",
        "description": "mean over the transforms of a hop; a full-scale complex tone at the centre of a bin reads 0",
    }
    return {"ntia-algorithm:processing_info": [transform], "ntia-algorithm:data_products": [product]}


def _captures(source: ExportSource, number: int, row: SweepRow) -> Iterator[dict[str, Any]]:
    layout, plan = source.record.layout, source.record.plan
    for hop in np.flatnonzero(row.hop_flags & HOP_MEASURED):
        gain_db = float(row.hop_gain_db[hop])
        yield {
            "core:sample_start": number * layout.n_bins + int(hop) * layout.hop_bins,
            "core:frequency": round(float(row.hop_center_freq_hz[hop])),
            "core:datetime": iso_utc(int(row.hop_utc_ns[hop])),
            "ntia-sensor:overload": bool(row.hop_flags[hop] & HOP_OVERLOADED),
            **({} if plan is None else {"ntia-sensor:duration": round(1000 * plan.dwell_s)}),
            **({"ntia-sensor:sigan_settings": {"gain": round(gain_db, 2)}} if np.isfinite(gain_db) else {}),
        }


def _annotations(source: ExportSource, rows_ms: list[int]) -> Iterator[dict[str, Any]]:
    """Name what was heard in the passes in which it was heard; what was missing, in all of them."""
    n_bins = source.record.layout.n_bins
    for item in source.reported if rows_ms else ():
        first, last = 0, len(rows_ms) - 1
        if item.finding.get("first_seen") and item.finding.get("last_seen"):
            begun, ended = epoch_ms(item.finding["first_seen"]), epoch_ms(item.finding["last_seen"])
            first = max(int(np.searchsorted(rows_ms, begun, side="right")) - 1, 0)
            last = max(int(np.searchsorted(rows_ms, ended, side="right")) - 1, first)
        yield {
            "core:sample_start": first * n_bins,
            "core:sample_count": (last + 1 - first) * n_bins,
            **annotation_edges(source, item.finding),
            **annotation_words(source, item),
            "quietroom:finding": dict(item.finding),
        }
