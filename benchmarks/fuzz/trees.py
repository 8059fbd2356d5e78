"""Edits of documents that keep them JSON, TOML or CSV: a byte changed at random seldom gets past the parser."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import rfc8785

__all__ = ["edited_canonical", "edited_csv", "edited_json", "edited_toml", "edited_tree"]

STRANGE: tuple[Any, ...] = (
    "", "x", "\0", "\u2028", "../..", "=1+1", "[", "1e999", "9" * 400, "2026-13-45T99:00:00Z", "nan", True, 0, -1, 1, 2,
    0.5, -0.0, 1e-308, 1e308, 1 << 31, 1 << 53, 1 << 63, -(1 << 63), 10**30, [], {}, [[]], {"": 0}, ["x"] * 50, [0, -1],
)  # fmt: skip


def edited_tree(document: Any, recipe: bytes) -> Any:
    """Apply the edits that a recipe names, three bytes each, to a copy of a document."""
    document = [copy.deepcopy(document)]
    for at in range(0, len(recipe) - 2, 3):
        what, where, which = recipe[at : at + 3]
        places = list(_places(document[0], document, 0))
        parent, key = places[(where + 256 * (what >> 6)) % len(places)]
        value = STRANGE[which % len(STRANGE)]
        match what % 6:
            case 0 if len(places) > 1:
                del parent[key]
            case 1 if isinstance(parent, list) and parent is not document:
                parent.extend(copy.deepcopy(parent[key]) for _ in range(1 + which % 9))
            case 2 if isinstance(parent[key], int | float):
                parent[key] = parent[key] * (which - 128) / 16
            case 3:
                other, name = places[which % len(places)]
                parent[key] = copy.deepcopy(other[name])
            case _:
                parent[key] = copy.deepcopy(value)
        if not document:
            return None
    return document[0]


def _places(value: Any, parent: Any, key: Any) -> Any:
    yield parent, key
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from _places(part, value, name)


def edited_json(sound: bytes, recipe: bytes) -> bytes:
    """Edit a JSON document; what JSON has no word for stays as Python writes it (NaN, Infinity)."""
    return json.dumps(edited_tree(json.loads(sound), recipe)).encode()


def edited_canonical(sound: bytes, recipe: bytes) -> bytes:
    """Edit a document in canonical JSON, which stays so where canonical JSON has words for it."""
    tree = edited_tree(json.loads(sound), recipe)
    try:
        return rfc8785.dumps(tree)
    except rfc8785.CanonicalizationError:
        return json.dumps(tree).encode()


def edited_toml(sound: bytes, recipe: bytes) -> bytes:
    """Edit a TOML document."""
    tree = edited_tree(tomllib.loads(sound.decode()), recipe)
    items = tree.items() if isinstance(tree, dict) else [("x", tree)]
    return "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in items).encode()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else str(value)


def edited_csv(sound: bytes, recipe: bytes) -> bytes:
    """Edit the cells of a table."""
    cells = [[cell.strip() for cell in line.split(",")] for line in sound.decode().splitlines()]
    table = edited_tree(cells, recipe)
    lines = table if isinstance(table, list) else [table]
    return "".join(", ".join(map(str, line if isinstance(line, list) else [line])) + "\n" for line in lines).encode()
