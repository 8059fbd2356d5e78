"""The weakest emitters that a sweep would have found, in words, with how that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.content.wording import chance, listed, number

__all__ = ["KIND_NAMES", "basis_text", "burst_text", "detectable_texts", "span_text"]

KIND_NAMES = {
    "nfm": "steady narrowband FM",
    "wfm": "steady wideband FM",
    "carrier": "a steady carrier",
    "burst_1s_per_min": "a burst of 1 s in each minute",
}
_BURST = "burst_1s_per_min"


def span_text(entries: Sequence[Mapping[str, Any]], kind: str, unit: str) -> str | None:
    """Write from what level on a kind is found, best to worst over some bands; None where that is not known.

    Examples
    --------
    >>> bands = [{"min_detectable": {"nfm": -68.4}}, {"min_detectable": {"nfm": -66.21}}]
    >>> span_text(bands, "nfm", "dBFS")
    'steady narrowband FM from -68.4 dBFS (best) to -66.2 dBFS (worst)'
    """
    told = [entry["min_detectable"] for entry in entries if entry.get("min_detectable")]
    levels = [levels[kind] for levels in told if levels.get(kind) is not None]
    if not levels:
        return None
    ends = list(dict.fromkeys(number(level, unit) for level in (min(levels), max(levels))))
    span = ends[0] if len(ends) == 1 else f"{ends[0]} (best) to {ends[1]} (worst)"
    never = sum(kind in levels and levels[kind] is None for levels in told)
    beyond = f", and at no level tried in {never} of {len(told)} bands" if never else ""
    return f"{KIND_NAMES[kind]} from {span}{beyond}"


def burst_text(entries: Sequence[Mapping[str, Any]], unit: str) -> str | None:
    """Write of a burst in each minute that is not met often enough to be found, what it would take once it is met.

    Examples
    --------
    >>> told = {"basis": "injection", "n_injected": 96, "met": 0.113, "if_met_dbfs": -61.52}
    >>> burst_text([{"min_detectable_detail": {"burst_1s_per_min": told}}], "dBFS")
    'a burst of 1 s in each minute is met with a chance of 11 % only; one that is met is found from -61.5 dBFS'
    """
    seldom = [entry for entry in entries if (entry.get("min_detectable") or {}).get(_BURST) is None]
    details = [(entry.get("min_detectable_detail") or {}).get(_BURST) or {} for entry in seldom]
    met = [detail["met"] for detail in details if detail.get("met") is not None]
    levels = [detail["if_met_dbfs"] for detail in details if detail.get("if_met_dbfs") is not None]
    if not met:
        return None
    said = f"{KIND_NAMES[_BURST]} is met with a chance of {chance(min(met))} only"
    worst = "" if len(set(levels)) < 2 else " in the worst band"
    return f"{said}; one that is met is found from {number(max(levels), unit)}{worst}" if levels else said


def detectable_texts(entries: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """Write all that is known of the weakest emitters, a text for each kind."""
    spans = [span_text(entries, kind, unit) for kind in KIND_NAMES]
    return [text for text in (*spans, burst_text(entries, unit)) if text]


def basis_text(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """Say how the levels are known; None in a record of before that was kept.

    Examples
    --------
    >>> basis_text([{"min_detectable_detail": {"nfm": {"basis": "theory"}}}])
    'from theory, not measured on this visit'
    >>> told = {"basis": "injection", "n_injected": 96}
    >>> basis_text([{"min_detectable_detail": {"nfm": told, "wfm": told}}])
    'measured by injection of 192 synthetic emitters into this visit'
    """
    details = [entry.get("min_detectable_detail") or {} for entry in entries]
    kinds = {kind: told for detail in details for kind, told in detail.items()}
    if not kinds:
        return None
    tried = {kind: told for kind, told in kinds.items() if told.get("n_injected")}
    if not tried:
        return "from theory, not measured on this visit"
    said = f"measured by injection of {sum(told['n_injected'] for told in tried.values())} synthetic emitters"
    said += " into this visit"
    if any("theory" in detail.get(kind, {}).get("basis", "") for detail in details for kind in tried):
        said += "; what the stays add is from theory"
    rest = [KIND_NAMES.get(kind, kind) for kind, told in kinds.items() if told.get("basis") == "theory"]
    return said + (f"; {listed(rest)} from theory" if rest else "")
