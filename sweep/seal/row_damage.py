"""What was done to rows that are not those that were sealed: altered, swapped, moved, deleted, cut off, put in.

Each row is hashed as if it stood in another place, after the sealed leaf of the row before that place. That finds a row
again wherever it was moved to, also where somebody gave the altered record new hashes throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dsp.errors import QuietroomError, RecordError
from sweep.leaf import NO_LEAF, encode_row, leaf
from sweep.model import SweepRow

__all__ = ["KeptRows", "RowDamage", "counted", "numbered", "row_damage"]

_MOST_NAMED = 8
_MOST_TRIES = 256
_NEAR = 9  # places up and down that are looked at before all are


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDamage:
    """What happened to rows, in words, and the numbers of those that are named."""

    words: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """Rows of a record, or stays, which are kept as rows are.

    Attributes
    ----------
    noun : str
    count : int
    read : callable
        Gives some of them, as ``SweepRecord.rows`` does.
    before : bytes
        Leaf that the first one names as the one before.
    """

    noun: str
    count: int
    read: Callable[[int, int | None], Iterator[SweepRow]]
    before: bytes = NO_LEAF


def row_damage(kept: KeptRows, wanted: Sequence[bytes]) -> RowDamage:
    """Find out what was done to the rows of a record.

    Parameters
    ----------
    kept : KeptRows
    wanted : sequence of bytes
        Leaf of each row that was sealed, in order.
    """
    found = _found(kept, wanted)
    there = {number for number in found.values() if number is not None}
    altered = [place for place, number in found.items() if number is None and place < len(wanted)]
    altered = [place for place in altered if place not in there]
    added = [place for place, number in found.items() if number is None and place not in altered]
    gone = [number for number in range(len(wanted)) if number not in there and number not in altered]
    swapped = _swapped(found)
    moved = _moved(found, gone, added, {place for pair in swapped for place in pair})
    tail = [number for number in gone if number >= len(found) and number > max(there, default=-1)]
    noun = kept.noun
    words = (
        *_said(noun, altered, "altered"),
        *(f"{noun}s {one} and {other} were swapped" for one, other in swapped[:_MOST_NAMED]),
        *(f"{noun} {place} holds what was {noun} {number}" for place, number in moved[:_MOST_NAMED]),
        *_said(noun, [number for number in gone if number not in tail], "deleted"),
        *_said(noun, tail, "cut from the end"),
        *_said(noun, added, "put in"),
    )
    named = {*altered, *gone, *added, *(place for pair in swapped for place in pair), *(place for place, _ in moved)}
    return RowDamage(words=words, rows=tuple(sorted(named)))


def _found(kept: KeptRows, wanted: Sequence[bytes]) -> dict[int, int | None]:
    """For each place in the file, the row that was sealed and lies there; None for what never was."""
    found: dict[int, int | None] = {}
    shift, tries = 0, _MOST_TRIES
    before = [kept.before, *wanted]
    for place, row in _each(kept):
        likely = [place + shift, place]
        if tries and not any(_is_row(row, number, wanted, before) for number in likely):
            tries -= 1
            likely = [place + near for step in range(1, _NEAR) for near in (step, -step)]
        number = next((number for number in likely if _is_row(row, number, wanted, before)), None)
        shift = shift if number is None else number - place
        found[place] = number
    there = set(found.values())
    far = [number for number in range(len(wanted)) if number not in there][:_MOST_TRIES]
    lost = [place for place, number in found.items() if number is None]
    for place in lost[: _MOST_TRIES // max(1, len(far))]:
        row = _row(kept, place)
        found[place] = next((number for number in far if _is_row(row, number, wanted, before)), None)
    return found


def _each(kept: KeptRows) -> Iterator[tuple[int, SweepRow | None]]:
    """All rows, and None for one that cannot be read."""
    place = 0
    while place < kept.count:
        try:
            for row in kept.read(place, None):
                yield place, row
                place += 1
        except RecordError:
            yield place, _row(kept, place)
            place += 1


def _row(kept: KeptRows, place: int) -> SweepRow | None:
    try:
        return next(kept.read(place, place + 1))
    except RecordError:
        return None


def _is_row(row: SweepRow | None, number: int, wanted: Sequence[bytes], before: Sequence[bytes]) -> bool:
    """Whether a row would have the sealed leaf of that number, after the sealed leaf of the row before."""
    if row is None or not 0 <= number < len(wanted):
        return False
    try:
        there = encode_row(replace(row, sequence=number), before[number])
    except (QuietroomError, ValueError, OverflowError, OSError):  # a time that no calendar has
        return False
    return leaf(*there) == wanted[number]


def _swapped(found: Mapping[int, int | None]) -> list[tuple[int, int]]:
    pairs = [(place, number) for place, number in found.items() if number is not None and place < number]
    return [(place, number) for place, number in pairs if found.get(number) == place]


def _moved(
    found: Mapping[int, int | None], gone: Sequence[int], added: Sequence[int], swapped: set[int]
) -> list[tuple[int, int]]:
    """Rows that are elsewhere, not just because rows before them were deleted or put in."""
    moved, shift = [], 0
    ahead = iter(sorted(gone))
    next_gone = next(ahead, None)
    for place, number in sorted(found.items()):
        if place in added:
            shift -= 1
        if number is None:
            continue
        while next_gone is not None and next_gone < number:
            shift, next_gone = shift + 1, next(ahead, None)
        if place not in swapped and number - place != shift:
            moved.append((place, number))
    return moved


def _said(noun: str, rows: Sequence[int], what: str) -> Iterator[str]:
    if rows:
        yield f"{numbered(noun, rows)} {'was' if len(rows) == 1 else 'were'} {what}"


def numbered(noun: str, numbers: Sequence[int]) -> str:
    """Name things by number, as ranges, and not all of very many.

    Examples
    --------
    >>> numbered("row", [3]), numbered("row", [1, 2, 3, 7])
    ('row 3', 'rows 1 to 3, 7')
    """
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    named = [f"{first}" if first == last else f"{first} to {last}" for first, last in spans]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f"{noun}{'s' if len(numbers) > 1 else ''} {', '.join(named[:_MOST_NAMED])}{more}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "leaf", "leaves")
    ('1 row', '2 leaves')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"
