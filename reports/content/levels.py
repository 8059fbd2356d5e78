"""A measured level with its uncertainty: as value and interval, and short for a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.content.wording import NOT_MEASURED, listed, number

__all__ = ["PLUS_MINUS_TEXT", "level_interval", "short_level"]

PLUS_MINUS_TEXT = (
    "The number after \u00b1 is the expanded uncertainty (k = 2, about 95 %), of the parts of it that are known."
)
"""To stand with a table of short levels."""

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


def short_level(item: Mapping[str, Any], unit: str = "", *, sign: str = "\u00b1", absent: str = NOT_MEASURED) -> str:
    """Write a level with its expanded uncertainty, where that is known.

    Parameters
    ----------
    item : mapping
        With ``power_dbfs`` and ``power_uncertainty_db``, as a finding, and its level at another position, have them.
    unit, sign : str
    absent : str
        For a level that was not measured.

    Examples
    --------
    >>> known = {"power_dbfs": -71.26, "power_uncertainty_db": {"expanded": 2.34}}
    >>> short_level(known, "dBFS"), short_level({"power_dbfs": -71.26}, "dBFS"), short_level({}, "dBFS")
    ('-71.3 \u00b1 2.3 dBFS', '-71.3 dBFS', 'not measured')
    """
    value, told = item.get("power_dbfs"), item.get("power_uncertainty_db")
    if value is None:
        return absent
    if not told:
        return number(value, unit)
    return f"{number(value)} {sign} {number(told['expanded'], unit)}"
