"""Where the labels of a figure go so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Label", "place_labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A placed label: its leader rises at ``anchor`` to ``lane``; the text spans ``left`` to ``right``."""

    index: int
    anchor: float
    left: float
    right: float
    lane: int


def place_labels(
    anchors: Sequence[float], widths: Sequence[float], *, left: float, right: float, spacing: float = 0.0
) -> tuple[Label, ...]:
    """Put labels in lanes above a drawing; lane 0 is the lowest.

    A label stands like a flag to the right of its leader, or is pushed back where it would leave the drawing. Each
    takes the lowest lane in which it covers no other label and no leader passes through it or is cut by it.

    Parameters
    ----------
    anchors, widths : sequence of float
        Position of each leader and width of each text, in one unit.
    left, right : float
        Limits of the drawing in that unit.
    spacing : float
        Free space wanted between two labels of a lane.

    Returns
    -------
    tuple of Label
        In the order of ``anchors``.

    Examples
    --------
    >>> [label.lane for label in place_labels([10, 12, 80], [20, 20, 20], left=0, right=100)]
    [1, 0, 0]
    """
    placed: list[Label] = []
    for index in sorted(range(len(anchors)), key=lambda k: (-anchors[k], k)):
        width, anchor = widths[index], anchors[index]
        start = max(left, min(anchor, right - width))
        span = (start - spacing / 2, start + width + spacing / 2)
        lane = _lowest_lane(anchor, span, placed, spacing)
        placed.append(Label(index=index, anchor=anchor, left=start, right=start + width, lane=lane))
    return tuple(sorted(placed, key=lambda label: label.index))


def _lowest_lane(anchor: float, span: tuple[float, float], placed: list[Label], spacing: float) -> int:
    top = max((label.lane for label in placed), default=-1) + 1
    half = spacing / 2
    for lane in range(top):
        if all(_is_clear(anchor, span, lane, label, half) for label in placed):
            return lane
    return top


def _is_clear(anchor: float, span: tuple[float, float], lane: int, other: Label, half: float) -> bool:
    overlaps = span[0] < other.right + half and other.left - half < span[1]
    if other.lane == lane:
        return not overlaps
    if other.lane > lane:  # its leader rises through this lane
        return not span[0] <= other.anchor <= span[1]
    return not other.left - half <= anchor <= other.right + half
