"""What a sweep listened to, how well, and what it did not hear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.content.material import ReportContent
from reports.content.services import SERVICES, Service, covered_fraction, merge_ranges
from reports.segments import contiguous_slices
from sweep.plan import Layout

__all__ = ["heard_ranges", "not_heard", "pooled", "service_states", "span_hz"]

POI_KEYS = ("100ms", "1s", "10s")
_BLOCK_HZ = 100_000_000
_WHOLE, _NONE = 0.995, 0.005


def heard_ranges(content: ReportContent) -> list[tuple[float, float]]:
    """Ranges in Hz that were measured without overload; by the coverage, or by the bins where there is none."""
    layout = content.layout
    entries = content.document.get("coverage") or ()
    if entries:
        ranges = [(float(e["start_hz"]), float(e["stop_hz"])) for e in entries if e.get("state") == "measured"]
        return merge_ranges(ranges, tolerance_hz=2 * layout.bin_width_hz)
    if not content.n_rows:
        return []
    return [_span(layout, bins) for bins in contiguous_slices(layout.freq_hz, layout.bin_width_hz)]


def not_heard(content: ReportContent, state: str) -> list[tuple[float, float]]:
    """Planned ranges in Hz that are in this state: ``overloaded`` or ``not_measured``."""
    entries = content.document.get("coverage") or ()
    ranges = [(float(e["start_hz"]), float(e["stop_hz"])) for e in entries if e.get("state") == state]
    return merge_ranges(ranges, tolerance_hz=2 * content.layout.bin_width_hz)


def span_hz(ranges_hz: Iterable[tuple[float, float]]) -> float:
    """Sum of the widths of ranges in Hz."""
    return sum(stop - start for start, stop in ranges_hz)


def service_states(content: ReportContent) -> list[tuple[Service, str]]:
    """Each service with ``listened to``, ``in part``, ``overloaded`` or ``not listened to``."""
    heard, overloaded = heard_ranges(content), not_heard(content, "overloaded")
    return [(service, _service_state(service, heard, overloaded)) for service in SERVICES]


def _service_state(
    service: Service, heard: Sequence[tuple[float, float]], overloaded: Sequence[tuple[float, float]]
) -> str:
    part = covered_fraction(service, heard)
    if part > _WHOLE:
        return "listened to"
    if part > _NONE:
        return "in part"
    return "overloaded" if covered_fraction(service, overloaded) > _NONE else "not listened to"


def pooled(content: ReportContent) -> list[dict[str, Any]]:
    """Coverage in a table that one can read: neighbours in one state joined, up to 100 MHz to a line.

    What was camped on has lines of its own. Of several numbers the line holds the worst; the noise floor is given from
    lowest to highest.
    """
    groups: list[list[Mapping[str, Any]]] = []
    for entry in sorted(content.document.get("coverage") or (), key=lambda e: float(e["start_hz"])):
        if groups and _belongs(entry, groups[-1], 2 * content.layout.bin_width_hz):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [_pool(group) for group in groups]


def worst(entries: Sequence[Mapping[str, Any]], key: str, *, highest: bool) -> Any:
    """Highest or lowest number under a key; None where none was measured."""
    values = [entry[key] for entry in entries if entry.get(key) is not None]
    return (max(values) if highest else min(values)) if values else None


def _belongs(entry: Mapping[str, Any], group: Sequence[Mapping[str, Any]], tolerance_hz: float) -> bool:
    return (
        entry.get("state") == group[-1].get("state")
        and bool(entry.get("camp_s")) == bool(group[-1].get("camp_s"))
        and float(entry["start_hz"]) <= float(group[-1]["stop_hz"]) + tolerance_hz
        and float(entry["start_hz"]) // _BLOCK_HZ == float(group[0]["start_hz"]) // _BLOCK_HZ
    )


def _pool(group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    chances = [entry.get("poi") or {} for entry in group]
    return {
        "start_hz": float(group[0]["start_hz"]),
        "stop_hz": max(float(entry["stop_hz"]) for entry in group),
        "state": group[0].get("state"),
        "lowest_floor_dbfs": worst(group, "noise_floor_dbfs", highest=False),
        "highest_floor_dbfs": worst(group, "noise_floor_dbfs", highest=True),
        "min_detectable_dbfs": worst(group, "min_detectable_dbfs", highest=True),
        "dwell_s": worst(group, "dwell_s", highest=False),
        "camp_s": worst(group, "camp_s", highest=False),
        "poi": {key: worst(chances, key, highest=False) for key in POI_KEYS},
    }


def _span(layout: Layout, bins: slice) -> tuple[float, float]:
    half = layout.bin_width_hz / 2
    return float(layout.freq_hz[bins.start]) - half, float(layout.freq_hz[bins.stop - 1]) + half
