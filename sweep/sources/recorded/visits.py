"""Which recordings belong to one visit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["VISIT_GAP_NS", "split_visits"]

VISIT_GAP_NS = 30 * 60 * 1_000_000_000
"""Recordings further apart in time than this are of different visits."""

_T = TypeVar("_T")


def split_visits(items: Iterable[_T], span: Callable[[_T], tuple[int, int]]) -> list[list[_T]]:
    """Split items into visits by their times.

    Parameters
    ----------
    items : iterable
    span : callable
        From an item to its begin and end in nanoseconds of UTC.

    Returns
    -------
    list of list
        Both levels in order of time; items that begin together keep their order.

    Examples
    --------
    >>> split_visits([0, 90 * 60, 20 * 60], lambda s: (s * 10**9, s * 10**9))
    [[0, 1200], [5400]]
    """
    visits: list[list[_T]] = []
    end_ns = 0
    for item in sorted(items, key=lambda item: span(item)[0]):
        begin, end = span(item)
        if not visits or begin - end_ns > VISIT_GAP_NS:
            visits.append([])
            end_ns = end
        visits[-1].append(item)
        end_ns = max(end_ns, end)
    return visits
