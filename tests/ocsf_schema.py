"""Holds an event against the compiled schema of OCSF: required attributes, enums, types, constraints."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).resolve().parents[2] / "shared" / "schemas" / "ocsf-1.8.0-compiled.json.gz"
_NUMBERS = {"integer_t": (-(2**31), 2**31 - 1), "long_t": (-(2**63), 2**63 - 1)}


class OcsfSchema:
    """A compiled schema, as ``schema.ocsf.io`` exports it."""

    def __init__(self, path: Path) -> None:
        with gzip.open(path) as stream:
            self._told = json.load(stream)
        self._classes = {one["uid"]: one for one in self._told["classes"].values()}

    def faults(self, event: dict[str, Any]) -> list[str]:
        """Everything in which an event is not of its class; empty when it is."""
        chosen = self._classes.get(event.get("class_uid"))
        if chosen is None:
            return [f"class_uid: {event.get('class_uid')!r} is none"]
        used = set((event.get("metadata") or {}).get("profiles") or ())
        return [
            *(f"metadata.profiles: {name!r} is not one of the class" for name in used - set(chosen["profiles"])),
            *self._object("", chosen, event, used),
        ]

    def _object(self, where: str, kind: dict[str, Any], told: Any, used: set[str]) -> Iterator[str]:
        if not isinstance(told, dict):
            yield f"{where}: {told!r} is no object"
            return
        known = {
            name: one for name, one in kind["attributes"].items() if one["profile"] is None or one["profile"] in used
        }
        for name in told.keys() - known.keys():
            yield f"{where}.{name}: not an attribute of {kind['name']}"
        for name, one in known.items():
            if name in told:
                yield from self._attribute(f"{where}.{name}", name, one, told)
            elif one["requirement"] == "required":
                yield f"{where}.{name}: required, and missing"
        for rule, names in (kind.get("constraints") or {}).items():
            n_told = sum(name in told for name in names)
            if (rule == "at_least_one" and n_told == 0) or (rule == "just_one" and n_told != 1):
                yield f"{where}: {rule} of {names}"

    def _attribute(self, where: str, name: str, one: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
        value = told[name]
        if one["is_array"] and not isinstance(value, list):
            yield f"{where}: {value!r} is no array"
            return
        for item in value if one["is_array"] else [value]:
            if one["type"] in self._told["types"]:
                yield from self._value(where, one["type"], item)
            elif one["type"] == "object":
                yield from [] if isinstance(item, dict) else [f"{where}: {item!r} is no object"]
            else:
                yield from self._object(where, self._told["objects"][one["type"]], item, set())
            yield from self._enum(where, one, item, told)

    def _enum(self, where: str, one: dict[str, Any], item: Any, told: dict[str, Any]) -> Iterator[str]:
        if not one["enum"]:
            return
        chosen = one["enum"].get(str(item))
        if chosen is None:
            yield f"{where}: {item!r} is not one of {sorted(one['enum'])}"
        elif one["sibling"] in told and str(item) != "99" and told[one["sibling"]] != chosen["caption"]:
            yield f"{where}: {told[one['sibling']]!r} beside {item}, which is {chosen['caption']!r}"
        elif str(item) == "99" and one["sibling"] and one["sibling"] not in told:
            yield f"{where}: Other without {one['sibling']}"

    def _value(self, where: str, kind: str, value: Any) -> Iterator[str]:
        told = self._told["types"][kind]
        base = told["type"] or kind
        fits = {
            "string_t": lambda: isinstance(value, str),
            "boolean_t": lambda: isinstance(value, bool),
            "float_t": lambda: isinstance(value, (int, float)) and not isinstance(value, bool),
            "json_t": lambda: True,
        }.get(base, lambda: isinstance(value, int) and not isinstance(value, bool))
        if not fits():
            yield f"{where}: {value!r} is no {kind}"
            return
        low, high = told["range"] or _NUMBERS.get(base, (None, None))
        if low is not None and not low <= value <= high:
            yield f"{where}: {value!r} is not in {low} to {high}"
        if told["regex"] and not re.search(told["regex"], value):
            yield f"{where}: {value!r} does not look like a {kind}"
        if told["max_len"] and len(value) > told["max_len"]:
            yield f"{where}: longer than {told['max_len']}"
