"""Which dwells a snippet has: those around the one in which its finding was heard strongest, and the next strongest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from sweep.snippets.heard import Band, Heard
from sweep.snippets.held import DwellKey
from sweep.units import parse_utc

__all__ = ["Choice", "choose"]

_BEFORE_SHARE = 0.25
_CLOSE = 0.01  # of a dwell: closer than any retune


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Dwells for one snippet.

    Attributes
    ----------
    band : Band
        The hop, and where in it the finding lies.
    dwells : tuple of DwellKey
        In order of time.
    strongest : DwellKey
    run : tuple of DwellKey
        Those about the strongest that follow each other without a break, and it.
    """

    band: Band
    dwells: tuple[DwellKey, ...]
    strongest: DwellKey
    run: tuple[DwellKey, ...]


def choose(
    finding: Mapping[str, Any], heard: Sequence[Heard], *, since_ns: int, n_dwells: int, dwell_s: float
) -> Choice | None:
    """Choose the dwells for the snippet of a finding.

    Parameters
    ----------
    finding : mapping
    heard : sequence of Heard
        Its bands.
    since_ns : int
        Monotonic time from which on samples are held.
    n_dwells : int
        Most dwells of a snippet.
    dwell_s : float

    Returns
    -------
    Choice or None
        None where nothing is held of a time at which the finding was heard.
    """
    best: tuple[float, Heard, int] | None = None
    for one in heard:
        power = np.where(_was_heard(finding, one) & (one.monotonic_ns >= since_ns), np.nan_to_num(one.power), 0.0)
        index = int(np.argmax(power))
        if power[index] > (best[0] if best else 0.0):
            best = float(power[index]), one, index
    if best is None:
        return None
    _, one, index = best
    run = _run(one, index, n_dwells, since_ns, dwell_s)
    rest = np.nan_to_num(one.power).astype(np.float64)
    rest[(one.monotonic_ns < since_ns) | ~np.isfinite(one.power)] = -1.0
    rest[run] = -1.0
    strongest_first = np.argsort(-rest, kind="stable")[: n_dwells - len(run)]
    more = strongest_first[rest[strongest_first] >= 0]
    keys = [(one.band.hop, int(one.monotonic_ns[at])) for at in np.sort(np.r_[run, more])]
    return Choice(
        band=one.band,
        dwells=tuple(keys),
        strongest=(one.band.hop, int(one.monotonic_ns[index])),
        run=tuple((one.band.hop, int(one.monotonic_ns[at])) for at in run),
    )


def _was_heard(finding: Mapping[str, Any], one: Heard) -> NDArray[np.bool_]:
    """Dwells of passes and stays from the first to the last in which the finding was heard."""
    try:
        first, last = parse_utc(finding.get("first_seen") or ""), parse_utc(finding.get("last_seen") or "")
    except ParameterError:
        return np.zeros(one.power.size, np.bool_)
    return (one.last_utc_ns >= first) & (one.first_utc_ns <= last)


def _run(one: Heard, index: int, n_dwells: int, since_ns: int, dwell_s: float) -> NDArray[np.int64]:
    """Up to so many dwells without a break about one, a quarter of them before it where there are such."""
    far = np.abs(np.diff(one.monotonic_ns) / 1e9 / dwell_s - 1) > _CLOSE
    usable = np.isfinite(one.power) & (one.monotonic_ns >= since_ns)
    broken = far | ~usable[1:] | ~usable[:-1]
    before, after = np.flatnonzero(broken[:index]), np.flatnonzero(broken[index:])
    first = int(before[-1]) + 1 if before.size else 0
    stop = index + 1 + (int(after[0]) if after.size else broken.size - index)
    start = max(first, index - int(_BEFORE_SHARE * n_dwells))
    stop = min(stop, start + n_dwells)
    start = max(first, stop - n_dwells)
    return np.arange(start, stop)
