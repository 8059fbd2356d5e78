"""One check of a receiver, of its machine or of the plan: what was found, in one line, with the number behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["FAIL", "NOT_POSSIBLE", "PASS", "WARN", "Check", "State", "checks_of", "graded", "not_possible"]

State = Literal["PASS", "WARN", "FAIL", "NOT POSSIBLE"]

PASS: Literal["PASS"] = "PASS"
WARN: Literal["WARN"] = "WARN"
FAIL: Literal["FAIL"] = "FAIL"
NOT_POSSIBLE: Literal["NOT POSSIBLE"] = "NOT POSSIBLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Outcome of one check.

    Attributes
    ----------
    name : str
    state : str
        ``PASS``; ``WARN`` where something is to be remarked; ``FAIL`` where nothing can be concluded from a sweep;
        ``NOT POSSIBLE`` where it could not be told.
    words : str
        One line: what was found and, where it is not good, what to do.
    value : float or None
        What was measured; None where nothing was.
    unit : str or None
    """

    name: str
    state: State
    words: str
    value: float | None = None
    unit: str | None = None


def graded(value: float, *, warn: float, fail: float) -> State:
    """Grade a number of which more is worse.

    Examples
    --------
    >>> graded(0.5, warn=1, fail=2), graded(1.5, warn=1, fail=2), graded(2.0, warn=1, fail=2)
    ('PASS', 'WARN', 'FAIL')
    """
    return FAIL if value >= fail else WARN if value >= warn else PASS


def not_possible(name: str, why: str) -> Check:
    """Say that something could not be told, and why."""
    return Check(name=name, state=NOT_POSSIBLE, words=why)


def checks_of(instrument: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the checks that an instrument of a record carries, each with the serial of its receiver.

    The serial is empty where there is one receiver, and for checks of the machine.

    Examples
    --------
    >>> lone = {"checks": [{"name": "dc", "state": "PASS", "words": "small"}]}
    >>> [(serial, check["state"]) for serial, check in checks_of(lone)], list(checks_of({}))
    ([('', 'PASS')], [])
    """
    for check in _listed(instrument):
        yield "", check
    for receiver in instrument.get("receivers") or ():
        name = str(receiver.get("serial") or receiver.get("product") or receiver.get("driver") or "")
        for check in _listed(receiver):
            yield name, check


def _listed(instrument: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    checks: Iterable[Mapping[str, Any]] = instrument.get("checks") or ()
    return tuple(checks)
