"""What one test of an emitter says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["ArtefactTest", "is_artefact", "overruled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactTest:
    """One test: ``passed`` True speaks for a real emitter, False for an artefact, None means not possible here."""

    test: str
    passed: bool | None
    reason: str

    def as_dict(self) -> Mapping[str, Any]:
        """For the findings JSON."""
        return {"test": self.test, "passed": self.passed, "reason": self.reason}


def is_artefact(tests: Sequence[ArtefactTest]) -> bool:
    """Whether a test speaks for the receiver itself."""
    return any(test.passed is False for test in tests)


def overruled(tests: Sequence[ArtefactTest], names: frozenset[str], why: str) -> list[ArtefactTest]:
    """Let these tests pass where they failed: a stronger one spoke for a real emitter.

    Examples
    --------
    >>> dc = ArtefactTest(test="dc_offset", passed=False, reason="at the centre")
    >>> overruled([dc], frozenset({"dc_offset"}), "it stayed")[0]
    ArtefactTest(test='dc_offset', passed=True, reason='at the centre; but it stayed')
    """
    return [
        replace(test, passed=True, reason=f"{test.reason}; but {why}")
        if test.passed is False and test.test in names
        else test
        for test in tests
    ]
