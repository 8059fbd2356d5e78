"""What the room's own steady emitters say of the receiver, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["witness_text"]


def witness_text(document: Mapping[str, Any]) -> str | None:
    """Say how many of the steady emitters that the baseline knows were heard; None where that was not asked.

    Examples
    --------
    >>> witness_text({"witnesses": [{"n_known": 12, "n_lost": 1}]})
    "11 of 12 steady emitters that the baseline knows were heard as in its visits: the receiver's input was alive"
    >>> witness_text({"witnesses": [{"n_known": 0, "n_lost": 0}]})[:66]
    'The baseline knows no steady emitter in this range: nothing in the'
    """
    told = document.get("witnesses")
    if not told:
        return None
    n_known, n_lost = (sum(int(one[name]) for one in told) for name in ("n_known", "n_lost"))
    if not n_known:
        return (
            "The baseline knows no steady emitter in this range: nothing in the sweep itself shows that the antenna "
            "was connected"
        )
    alive = "" if 2 * n_lost > n_known else ": the receiver's input was alive"
    heard = f"{n_known - n_lost} of {n_known} steady emitters that the baseline knows were heard as in its visits"
    return heard + alive
