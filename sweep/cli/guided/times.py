"""How long sweeps take, for a technician who has ten minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.guided.log import VisitLog

__all__ = ["about", "sweep_seconds", "time_needed"]

_MINUTES_FROM_S = 100


def about(seconds: float) -> str:
    """Say a time as people do.

    Examples
    --------
    >>> about(0.4), about(71.3), about(150)
    ('1 s', '71 s', '2.5 min')
    """
    if seconds < _MINUTES_FROM_S:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.1f} min".replace(".0 min", " min")


def sweep_seconds(told: Sequence[Mapping[str, Any]]) -> float | None:
    """About how long a sweep takes receivers that share it evenly; None where one does not say.

    Examples
    --------
    >>> sweep_seconds([{"sweep_s": 30.0}, {"sweep_s": 30.0}]), sweep_seconds([{}])
    (15.0, None)
    """
    seconds = [one["sweep_s"] for one in told if one.get("sweep_s") is not None]
    return max(seconds) / len(seconds) if seconds and len(seconds) == len(told) else None


def time_needed(log: VisitLog) -> str:
    """Say how long a sweep takes, as far as the visit knows that by now."""
    took = [o.details["seconds"] for o in log.history if isinstance(o.details.get("seconds"), int | float)]
    if took:
        return f", about {about(took[-1])} as the last one"
    planned = [o.details["sweep_s"] for o in log.history if isinstance(o.details.get("sweep_s"), int | float)]
    return f", about {about(planned[-1])}" if planned else ""
