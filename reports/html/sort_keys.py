"""Numbers that the cells of a table sort by; the texts themselves are for people."""

from __future__ import annotations

import re

__all__ = ["sort_key"]

_NUMBER = re.compile(
    r"(?:(?:above|below) )?([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"  # the first number
    r"(?: to -?\d+(?:\.\d+)?)?(?: ([A-Za-z%]+))?(?![\w.:-])"  # the end of a range, and the unit of both
)
_FACTORS = {"GHz": 1e9, "MHz": 1e6, "kHz": 1e3, "Hz": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
_RANKS = {"high": 4.0, "medium": 3.0, "low": 2.0, "info": 1.0}


def sort_key(text: str) -> float | None:
    """Give the number that a cell begins with, in its base unit, or the rank of a threat level.

    Examples
    --------
    >>> sort_key("433.920 MHz"), sort_key("20.8 kHz"), sort_key("-42.2 dBFS"), sort_key("3 of 5 passes")
    (433920000.0, 20800.0, -42.2, 3.0)
    >>> sort_key("high"), sort_key("above 99 %"), sort_key("not measured"), sort_key("2026-09-21 14:13:20 UTC")
    (4.0, 99.0, None, None)
    """
    if text in _RANKS:
        return _RANKS[text]
    match = _NUMBER.match(text)
    if match is None:
        return None
    number, unit = match.groups()
    return float(number) * _FACTORS.get(unit, 1.0)
