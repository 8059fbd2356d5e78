"""A measured level with its uncertainty, as value and interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.content.wording import listed, number

__all__ = ["level_interval"]

_PARTS = (("statistical", "statistics"), ("gain", "gain"), ("antenna", "antenna"))


def level_interval(finding: Mapping[str, Any], unit: str) -> str | None:
    """Write the level of a finding with its interval and the parts of the uncertainty; None where it has none.

    Examples
    --------
    >>> parts = {"statistical": 0.4, "gain": None, "antenna": 1.1}
    >>> known = {"expanded": 2.34, "coverage_factor": 2.0, **parts}
    >>> level_interval({"power_dbfs": -71.26, "power_uncertainty_db": known}, "dBFS")
    '-71.3 dBFS +- 2.3 dB, -73.6 to -68.9 dBFS (k = 2; statistics 0.4 dB, antenna 1.1 dB; gain not known)'
    >>> level_interval({"power_dbfs": -71.26}, "dBFS") is None
    True
    """
    value, told = finding.get("power_dbfs"), finding.get("power_uncertainty_db")
    if value is None or not told:
        return None
    expanded = float(told["expanded"])
    known = [f"{words} {told[name]:.1f} dB" for name, words in _PARTS if told.get(name) is not None]
    unknown = [words for name, words in _PARTS if told.get(name) is None]
    detail = f"k = {told['coverage_factor']:g}; {', '.join(known)}"
    detail += f"; {listed(unknown)} not known" if unknown else ""
    ends = f"{number(value - expanded)} to {number(value + expanded, unit)}"
    return f"{number(value, unit)} +- {expanded:.1f} dB, {ends} ({detail})"
