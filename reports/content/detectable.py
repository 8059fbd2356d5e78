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
_BURST, _ELSEWHERE = "burst_1s_per_min", "elsewhere"


def span_text(entries: Sequence[Mapping[str, Any]], kind: str, unit: str) -> str | None:
    """Write from what level on a kind is found, best to worst over some bands; None where that is not known.

    Examples
    --------
    >>> detail = {"nfm": {"low": -70.1, "high": -67.2, "busy_share": 0.25, "elsewhere": {"dbfs": -71.0}}}
    >>> bands = [{"min_detectable": {"nfm": -68.4}, "min_detectable_detail": detail}]
    >>> span_text(bands, "nfm", "dBFS")
    'steady narrowband FM from -68.4 dBFS (95 %: -70.1 to -67.2); away from other emitters from -71.0 dBFS'
    >>> bands += [{"min_detectable": {"nfm": -66.21}}]
    >>> span_text(bands, "nfm", "dBFS")[:87]
    'steady narrowband FM from -68.4 dBFS (95 %: -70.1 to -67.2; best) to -66.2 dBFS (worst)'
    """
    told = [entry for entry in entries if entry.get("min_detectable")]
    known = [entry for entry in told if entry["min_detectable"].get(kind) is not None]
    rest = [entry for entry in told if _has_rest(_detail(entry, kind))]
    if not known and not rest:
        return None
    said = f"{KIND_NAMES[kind]} "
    said += f"from {_span([_level(entry, kind) for entry in known], unit)}" if known else "at no level tried"
    never = sum(kind in entry["min_detectable"] and entry["min_detectable"][kind] is None for entry in told)
    if known and never:
        said += f", and at no level tried in {never} of {len(told)} bands"
    if rest:
        said += f"; away from other emitters from {_span([_level(entry, kind, _ELSEWHERE) for entry in rest], unit)}"
    return said


_Level = tuple[float, float | None, float | None]


def _detail(entry: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return (entry.get("min_detectable_detail") or {}).get(kind) or {}


def _has_rest(detail: Mapping[str, Any]) -> bool:
    """Whether places without other emitters have a level of their own."""
    return bool(detail.get("busy_share")) and (detail.get(_ELSEWHERE) or {}).get("dbfs") is not None


def _level(entry: Mapping[str, Any], kind: str, of: str = "") -> _Level:
    """A level with its interval, as far as it has one."""
    detail = _detail(entry, kind)
    detail = detail[of] if of else {**detail, "dbfs": entry["min_detectable"][kind]}
    return detail["dbfs"], detail.get("low"), detail.get("high")


def _span(levels: Sequence[_Level], unit: str) -> str:
    best, worst = min(levels), max(levels)
    ends = list(dict.fromkeys(number(level[0], unit) for level in (best, worst)))
    if len(ends) == 1:
        return _with_interval(worst, unit)
    return f"{_with_interval(best, unit, 'best')} to {_with_interval(worst, unit, 'worst')}"


def _with_interval(level: _Level, unit: str, which: str = "") -> str:
    value, low, high = level
    said = [] if low is None and high is None else [f"95 %: {_end(low, 'below')} to {_end(high, 'none')}"]
    said += [which] if which else []
    return number(value, unit) + (f" ({'; '.join(said)})" if said else "")


def _end(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else number(value)


def burst_text(entries: Sequence[Mapping[str, Any]], unit: str) -> str | None:
    """Write of a burst in each minute that is not met often enough to be found, what it would take once it is met.

    Examples
    --------
    >>> told = {"met": 0.113, "if_met_dbfs": -61.52, "if_met_low": -63.0, "if_met_high": -60.1}
    >>> burst_text([{"min_detectable_detail": {"burst_1s_per_min": told}}], "dBFS").partition("; ")[2]
    'one that is met is found from -61.5 dBFS (95 %: -63.0 to -60.1)'
    """
    seldom = [entry for entry in entries if (entry.get("min_detectable") or {}).get(_BURST) is None]
    details = [_detail(entry, _BURST) for entry in seldom]
    met = [detail["met"] for detail in details if detail.get("met") is not None]
    if not met:
        return None
    said = f"{KIND_NAMES[_BURST]} is met with a chance of {chance(min(met))} only"
    levels = [_if_met(detail) for detail in details if detail.get("if_met_dbfs") is not None]
    if levels:
        return f"{said}; one that is met is found from {_span(levels, unit)}"
    rest = [detail[_ELSEWHERE] for detail in details if (detail.get(_ELSEWHERE) or {}).get("if_met_dbfs") is not None]
    if rest:
        return f"{said}; one that is met is found away from other emitters from {_span(list(map(_if_met, rest)), unit)}"
    return said


def _if_met(detail: Mapping[str, Any]) -> _Level:
    return detail["if_met_dbfs"], detail.get("if_met_low"), detail.get("if_met_high")


def masked_text(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """Say in how much of some bands known emitters can mask another one; None where that was not asked.

    Examples
    --------
    >>> masked_text([{"start_hz": 0, "stop_hz": 20, "min_detectable_detail": {"nfm": {"busy_share": 0.25}}}])
    "in 25 % of the range the room's own emitters can mask another one"
    """
    shares = [
        (float(detail["busy_share"]), float(entry["stop_hz"] - entry["start_hz"]))
        for entry in entries
        if (detail := _detail(entry, "nfm")).get("busy_share") is not None
    ]
    if not shares:
        return None
    share = sum(part * width for part, width in shares) / sum(width for _, width in shares)
    return f"in {chance(share)} of the range the room's own emitters can mask another one" if share else None


def detectable_texts(entries: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """Write all that is known of the weakest emitters, a text for each kind."""
    spans = [span_text(entries, kind, unit) for kind in KIND_NAMES]
    return [text for text in (*spans, burst_text(entries, unit), masked_text(entries)) if text]


def basis_text(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """Say how the levels are known; None in a record of before that was kept.

    Examples
    --------
    >>> basis_text([{"min_detectable_detail": {"nfm": {"basis": "theory"}}}])
    'from theory, not measured on this visit, and with no interval'
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
        return "from theory, not measured on this visit, and with no interval"
    said = f"measured by injection of {sum(told['n_injected'] for told in tried.values())} synthetic emitters"
    said += " into this visit"
    stays = [told.get("with_stays_dbfs") is not None or "stays" in told["basis"] for told in tried.values()]
    if any(stays):
        said += "; what the stays add is from theory, and not counted in"
    rest = [KIND_NAMES.get(kind, kind) for kind, told in kinds.items() if told.get("basis") == "theory"]
    return said + (f"; {listed(rest)} from theory, with no interval" if rest else "")
