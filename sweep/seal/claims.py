"""What a verification says: claims, each of which passes, fails or was not checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum

__all__ = ["Claim", "Result", "State", "failed", "passed", "result_of", "unchecked", "unfinished"]


class State(Enum):
    """Outcome of a claim, as it is printed."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_CHECKED = "NOT CHECKED"


class Result(IntEnum):
    """What a claim, or all of them together, comes to; the numbers are exit codes."""

    PROVEN = 0
    ALTERED = 1
    INCOMPLETE = 2
    UNPROVEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes
    ----------
    name : str
    state : State
    text : str
        What was found, in one sentence.
    result : Result
        What the whole comes to because of it.
    rows : tuple of int
        Rows that it names.
    """

    name: str
    state: State
    text: str
    result: Result = Result.PROVEN
    rows: tuple[int, ...] = ()


def passed(name: str, text: str) -> Claim:
    """Make a claim that holds."""
    return Claim(name=name, state=State.PASS, text=text)


def failed(name: str, text: str, result: Result = Result.ALTERED, rows: Iterable[int] = ()) -> Claim:
    """Make a claim that does not hold."""
    return Claim(name=name, state=State.FAIL, text=text, result=result, rows=tuple(rows))


def unchecked(name: str, text: str, result: Result = Result.PROVEN) -> Claim:
    """Make a claim about which nothing can be said."""
    return Claim(name=name, state=State.NOT_CHECKED, text=text, result=result)


def unfinished(n_bytes: int) -> str:
    """Say after a claim about a log that its last line is not whole.

    Examples
    --------
    >>> unfinished(0), unfinished(17)
    ('', '; 17 bytes of an unfinished last line are passed over')
    """
    return f"; {n_bytes} bytes of an unfinished last line are passed over" if n_bytes else ""


def result_of(claims: Iterable[Claim]) -> Result:
    """What claims come to: the first of altered, incomplete and unproven that one of them says.

    Examples
    --------
    >>> result_of([unchecked("timestamp", "none", Result.UNPROVEN), failed("complete", "torn", Result.INCOMPLETE)])
    <Result.INCOMPLETE: 2>
    >>> result_of([passed("rows", "all")])
    <Result.PROVEN: 0>
    """
    return min((claim.result for claim in claims if claim.result is not Result.PROVEN), default=Result.PROVEN)
