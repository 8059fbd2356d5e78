"""The judgement of a record as the judge gave it, without what was added about the samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["as_judged"]


def as_judged(document: Mapping[str, Any]) -> dict[str, Any]:
    judged = {name: value for name, value in document.items() if name != "iq_snippets"}
    for name in ("findings", "unconfirmed"):
        if judged.get(name) is not None:
            judged[name] = [{k: v for k, v in item.items() if k != "iq_snippet"} for item in judged[name]]
    return judged
