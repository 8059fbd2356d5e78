"""What of a sweep was lost to faults, as the judge of its rows is told: it sees neither gaps nor what was planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweep.health.drift import DRIFT, furthest_drift
from sweep.journal.documents import Note
from sweep.model import HopGap

__all__ = ["NO_LOOK", "NO_STAY", "STOPPED", "judged_instrument"]

STOPPED, NO_STAY, NO_LOOK = "stopped by the user", "no stay at", "no second look at"
"""How the reason of a gap begins that is no fault, or that took nothing from a pass."""


def judged_instrument(
    start: Mapping[str, Any],
    gaps: Iterable[HopGap],
    n_hops: int,
    n_rows: int,
    notes: Iterable[Note] = (),
) -> dict[str, Any]:
    """Give the instrument of a record with ``lost``, ``drift`` and ``profiles``.

    ``lost`` is the share of the hops of all passes, and the first reason; ``drift`` how far the crystal strayed at most
    from where it was before the sweep, and how well that is known. Each is None where there is nothing to tell.
    ``profiles`` are those of the receivers, as they were when the sweep began.

    Parameters
    ----------
    start : mapping
        Of the record, with its ``instrument`` and ``calibration`` where it has them.
    gaps : iterable of HopGap
    n_hops, n_rows : int
        Of the plan, and rows that there are.
    notes : iterable of Note

    Examples
    --------
    >>> gap = HopGap(pass_index=1, hop_index=None, utc_ns=0, monotonic_ns=0, reason="it was unplugged")
    >>> judged_instrument({"instrument": {"driver": "rtlsdr"}}, [gap], n_hops=5, n_rows=1)["lost"]
    {'share': 0.5, 'reason': 'it was unplugged'}
    """
    whole: set[int] = set()
    single: set[tuple[int, int]] = set()
    reason = None
    for gap in gaps:
        if gap.reason.startswith((STOPPED, NO_STAY, NO_LOOK)):
            continue
        reason = reason or gap.reason
        if gap.hop_index is None:
            whole.add(gap.pass_index)
        else:
            single.add((gap.pass_index, gap.hop_index))
    n_lost = len(whole) * n_hops + sum(pass_index not in whole for pass_index, _ in single)
    touched = whole | {pass_index for pass_index, _ in single}
    n_passes = max(n_rows, max(touched, default=-1) + 1)
    lost = {"share": round(n_lost / (n_passes * n_hops), 4), "reason": reason} if reason else None
    drift = furthest_drift(note.text for note in notes if note.kind == DRIFT)
    told = None if drift is None else {"ppm": drift.ppm, "known_to_ppm": drift.known_to_ppm}
    profiles = start.get("calibration") or ()
    return {**(start.get("instrument") or {}), "lost": lost, "drift": told, "profiles": profiles}
