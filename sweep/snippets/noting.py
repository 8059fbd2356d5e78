"""Saying in a judgement which of its findings have a snippet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweep.model import Judgement

__all__ = ["with_snippets", "with_snippets_of"]

_LISTS = ("findings", "unconfirmed")


def with_snippets(
    judgement: Judgement, snippets: Mapping[str, Mapping[str, Any]], note: str | None = None
) -> Judgement:
    """Add to each finding and unconfirmed emission its snippet, or null.

    Parameters
    ----------
    judgement : Judgement
    snippets : mapping
        From the id of a finding.
    note : str, optional
        Why some have none.
    """
    document = dict(judgement.document)
    for name in _LISTS:
        if document.get(name) is not None:
            document[name] = [{**item, "iq_snippet": snippets.get(item["id"])} for item in document[name]]
    document["iq_snippets"] = {"count": len(snippets), "note": note}
    return replace(judgement, document=document)


def with_snippets_of(recorded: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    """Give the findings of a later judgement the snippets that were cut for the same emissions.

    Parameters
    ----------
    recorded : mapping
        What the record says of itself. One of before there were snippets adds nothing.
    judged : mapping
        The later judgement, in which emissions may have other ids.

    Returns
    -------
    dict
        The later judgement.
    """
    if not recorded.get("iq_snippets"):
        return dict(judged)
    kept = {_place(one): one.get("iq_snippet") for name in _LISTS for one in recorded.get(name) or ()}
    lists = {name: judged[name] for name in _LISTS if judged.get(name) is not None}
    told = {name: [{**one, "iq_snippet": kept.get(_place(one))} for one in own] for name, own in lists.items()}
    return {**judged, **told}


def _place(finding: Mapping[str, Any]) -> tuple[Any, Any]:
    return finding["center_freq_hz"], finding["occupied_bw_hz"]
