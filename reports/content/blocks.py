"""The few kinds of block that a report is made of; PDF and HTML each draw the same blocks.

A block is a plain dict of strings, so that it can be handed to a template as data. Nothing in it is markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Block", "bullets", "facts", "figure", "paragraph", "section", "subheading", "table", "together"]

Block = dict[str, Any]


def paragraph(text: str, *, sticky: bool = False) -> Block:
    """Running text; a sticky one stays on the page of what follows it."""
    return {"kind": "paragraph", "text": text, "sticky": sticky}


def bullets(items: Sequence[str] | Sequence[tuple[str, str]]) -> Block:
    """Make a list of statements; a pair is a bold lead and what follows it."""
    pairs = [("", item) if isinstance(item, str) else item for item in items]
    return {"kind": "bullets", "items": [{"lead": lead, "text": text} for lead, text in pairs]}


def facts(rows: Sequence[tuple[str, str]], *, columns: int = 1) -> Block:
    """Names and values, one pair to a line, in one or two columns."""
    return {"kind": "facts", "rows": [list(row) for row in rows], "columns": columns}


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], right: Sequence[int] = ()
) -> Block:
    """Make a table.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequence of str
    widths : sequence of int
        Share of the page width of each column.
    right : sequence of int
        Columns of numbers, aligned right.
    """
    return {
        "kind": "table",
        "head": list(head),
        "rows": [list(row) for row in rows],
        "widths": list(widths),
        "right": list(right),
    }


def figure(name: str, caption: str, description: str) -> Block:
    """Refer to a drawing by name, with a caption (or none) and a description for those who cannot see it."""
    return {"kind": "figure", "name": name, "caption": caption, "description": description}


def subheading(title: str, badge: str = "") -> Block:
    """Head what follows within a section; ``badge`` is a threat level that gets a colour."""
    return {"kind": "subheading", "title": title, "badge": badge}


def section(title: str, blocks: Sequence[Block]) -> dict[str, Any]:
    """Group blocks under a heading."""
    return {"title": title, "blocks": list(blocks)}


def together(blocks: Sequence[Block]) -> Block:
    """Keep blocks on one page where they fit."""
    return {"kind": "together", "blocks": list(blocks)}
