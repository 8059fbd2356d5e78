"""The published JSON Schema of the findings, for every JSON of that name that a test meets."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

PLACE = Path(__file__).resolve().parents[1] / "docs" / "findings.schema.json"


@cache
def findings_validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(PLACE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_printed(result: Any) -> None:
    """Validate what a command printed, where it is findings; several visits print a list of them."""
    for document in result if isinstance(result, list) else [result]:
        if str(document.get("schema")).startswith("quietroom.findings/"):
            findings_validator().validate(document)
