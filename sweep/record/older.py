"""Judgements of records that an earlier version wrote, read as those of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["as_of_now"]

_LISTS = ("findings", "rejected_candidates")


def as_of_now(judgement: Mapping[str, Any]) -> dict[str, Any]:
    """Give a judgement the list ``unconfirmed``, which those of before schema 1.2.0 lack.

    The ``p_value`` of those was the chance of one bin, not that of the whole report. What it is today was never
    computed for them, so it is None; the record itself keeps what it had.

    Examples
    --------
    >>> as_of_now({"verdict": "anomalies", "findings": [{"id": "F1", "p_value": 1e-12}]})
    {'verdict': 'anomalies', 'findings': [{'id': 'F1', 'p_value': None}], 'unconfirmed': []}
    """
    if judgement.get("unconfirmed") is not None:
        return dict(judgement)
    lists = {
        name: [{**item, "p_value": None} if "p_value" in item else item for item in judgement[name]]
        for name in _LISTS
        if judgement.get(name) is not None
    }
    return {**judgement, **lists, "unconfirmed": []}
