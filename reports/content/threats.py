"""The threat level of a finding, in a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["threat_level"]


def threat_level(finding: Mapping[str, Any]) -> str:
    """Threat level of a finding, or that it was not assessed."""
    return str((finding.get("threat") or {}).get("level") or "not assessed")
