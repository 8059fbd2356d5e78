"""What a room's other records say of a sweep: which emitters were found before, how strong they are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from baselines.findings import number_findings
from baselines.positions import UNKNOWN_LEVEL, Here, LevelThere, is_outside, levels_there
from baselines.register import EmitterRegister
from baselines.summary import summarise
from baselines.threat import amended
from baselines.uncertainty import expanded_uncertainty
from dsp.errors import RecordError
from sweep.looks import Looks
from sweep.model import Judge, Judgement, Stays, SweepRow
from sweep.plan import Layout
from sweep.record import SweepRecord
from sweep.room_records import RoomRecord, same_visit

__all__ = ["RoomHistory", "with_history"]

_NATS_PER_DB, _MOST_NATS = 0.15, 2.0
"""Term of the threat score for each dB that an emitter is stronger inside than outside, and its bound either way."""

_ALWAYS_ON = 0.9
_FEWEST_DB = 1.0  # what two positions differ by anyway is no reason
_MOST_POSITIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomHistory:
    """What a judgement may look up beside the sweep itself.

    Attributes
    ----------
    register : EmitterRegister
    position : str or None
        Where the antenna stood in this sweep.
    records : callable
        From a time in nanoseconds since 1970 UTC to the room's records of that visit.
    outside : RoomRecord or None
        Record to take as that of outside, of whatever visit; by default the latest one before this sweep and of its
        visit.
    enter : bool
        Whether the register takes note of what is found. Judging an old record anew only looks up.
    """

    register: EmitterRegister
    position: str | None
    records: Callable[[int], Iterable[RoomRecord]]
    outside: RoomRecord | None = None
    enter: bool = True


Rows = Callable[[], Iterable[SweepRow]]


def with_history(judge: Judge, history: RoomHistory) -> Judge:
    """Let a judge look at the other records of the room.

    Returns
    -------
    Judge
        Its findings, and what was not confirmed, have ``emitter``, and ``first_seen`` and ``visits`` over all visits
        of the room; ``positions`` with the level at each position of the visit; ``outside_dbfs`` or
        ``outside_limit_dbfs``, ``inside_minus_outside_db`` or ``inside_minus_outside_at_least_db``; and the term of
        the threat score that follows. The judgement names the ``outside_record``.
    """

    def judged(
        layout: Layout,
        rows: Rows,
        instrument: Mapping[str, Any],
        looks: Looks | None = None,
        stays: Stays | None = None,
        /,
    ) -> Judgement:
        judgement = judge(layout, rows, instrument, looks, stays)
        first = next(iter(rows()), None)
        if first is None:
            return judgement
        document = _with_positions(
            judgement, lambda: Here.of(summarise(layout, rows()), judgement, instrument), first.utc_ns, history
        )
        found = _numbered(document, first.utc_ns, layout.bin_width_hz, history)
        return replace(judgement, document={**document, **found})

    return judged


def _numbered(
    document: Mapping[str, Any], start_ns: int, bin_width_hz: float, history: RoomHistory
) -> dict[str, list[dict[str, Any]]]:
    """Both lists at once, so that no two emissions of a sweep get one number."""
    register, n_found = history.register, len(document["findings"])
    emissions = [*document["findings"], *document["unconfirmed"]]
    if not history.enter:
        numbered = register.look_up(emissions, start_ns=start_ns, bin_width_hz=bin_width_hz)
    else:
        numbered = register.enter(
            emissions,
            start_ns=start_ns,
            position=history.position,
            bin_width_hz=bin_width_hz,
            n_unconfirmed=len(emissions) - n_found,
        )
    return {"findings": numbered[:n_found], "unconfirmed": numbered[n_found:]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    """The findings of a sweep at another position, one level for each, and the gain of the record there over it."""

    record: RoomRecord
    levels: Sequence[LevelThere]
    gain_db: float


def _with_positions(
    judgement: Judgement, read_here: Callable[[], Here], start_ns: int, history: RoomHistory
) -> dict[str, Any]:
    findings = [dict(finding) for finding in judgement.emissions]
    n_found = len(judgement.document["findings"])
    others, outside = _choose(start_ns, history) if findings else ([], None)
    elsewhere, notes = _measure(findings, others, read_here)
    reference = next((item for item in elsewhere if item.record == outside), None)
    name = "" if reference is None else reference.record.path.stem
    if reference is not None:
        notes.append(f"levels outside are those of {name}, whose gain differs by {reference.gain_db:+.1f} dB")
    placed = [
        {
            **_against_outside(finding, UNKNOWN_LEVEL if reference is None else reference.levels[index], name),
            "positions": _by_position(finding, index, elsewhere, history.position),
        }
        for index, finding in enumerate(findings)
    ]
    return {
        **judgement.document,
        "findings": number_findings(placed[:n_found]),
        "unconfirmed": number_findings(placed[n_found:], prefix="U"),
        "reasons": [*judgement.document["reasons"], *notes],
        "outside_record": None if reference is None else reference.record.path.name,
    }


def _choose(start_ns: int, history: RoomHistory) -> tuple[list[RoomRecord], RoomRecord | None]:
    """The other records of the visit, nearest first, and which of them is that of outside.

    One that begins when this sweep does, at the same position, is this sweep, or a replay of it.
    """
    own = (start_ns, history.position)
    others = [item for item in history.records(start_ns) if (item.start_ns, item.position) != own]
    others = [item for item in others if same_visit(item.start_ns, start_ns)]
    others.sort(key=lambda item: abs(item.start_ns - start_ns))
    outside = history.outside
    if outside is None and not is_outside(history.position):
        outside = next((item for item in others if item.start_ns <= start_ns and is_outside(item.position)), None)
    nearest = [item for item in others if item != outside][:_MOST_POSITIONS]
    return ([*nearest, outside] if outside is not None else nearest), outside


def _measure(
    findings: Sequence[Mapping[str, Any]],
    others: Sequence[RoomRecord],
    read_here: Callable[[], Here],
) -> tuple[list[_Elsewhere], list[str]]:
    """Levels at the other positions, and why there are none at some."""
    elsewhere: list[_Elsewhere] = []
    notes: list[str] = []
    if not others:
        return elsewhere, notes
    here = read_here()
    for other in others:
        try:
            with SweepRecord.open(other.path) as record:
                levels, gain_db = levels_there(findings, here, record)
        except RecordError as error:
            notes.append(f"{other.path.stem} ({other.position or 'position not named'}) was not compared with: {error}")
            continue
        elsewhere.append(_Elsewhere(record=other, levels=levels, gain_db=gain_db))
    return elsewhere, notes


def _by_position(
    finding: Mapping[str, Any], index: int, elsewhere: Sequence[_Elsewhere], position: str | None
) -> list[dict[str, Any]]:
    """Level at each position of the visit, this one first; it has no name yet while it is judged."""
    own = {
        "position": position,
        "record": None,
        "power_dbfs": finding["power_dbfs"],
        "power_uncertainty_db": finding.get("power_uncertainty_db"),
        "limit_dbfs": None,
    }
    return [
        own,
        *(
            {
                "position": item.record.position,
                "record": item.record.path.name,
                "power_dbfs": item.levels[index].power_dbfs,
                "power_uncertainty_db": expanded_uncertainty(statistical=item.levels[index].statistical_db),
                "limit_dbfs": item.levels[index].limit_dbfs,
            }
            for item in elsewhere
        ),
    ]


def _against_outside(finding: Mapping[str, Any], outside: LevelThere, name: str) -> dict[str, Any]:
    """A finding with its level outside, and what that says for or against a device in the room."""
    here_dbfs, power_dbfs, limit_dbfs = finding["power_dbfs"], outside.power_dbfs, outside.limit_dbfs
    difference_db = None if power_dbfs is None or here_dbfs is None else round(here_dbfs - power_dbfs, 2)
    at_least_db = None if limit_dbfs is None or here_dbfs is None else round(here_dbfs - limit_dbfs, 2)
    terms = []
    if difference_db is not None and abs(difference_db) >= _FEWEST_DB:
        nats = max(-_MOST_NATS, min(_MOST_NATS, _NATS_PER_DB * difference_db))
        words = "stronger" if difference_db > 0 else "weaker"
        terms.append((nats, f"{abs(difference_db):.1f} dB {words} here than outside ({name})"))
    elif at_least_db is not None and at_least_db >= _FEWEST_DB:
        terms.append(_silent_outside(at_least_db, finding["duty_cycle"], name))
    level = "info" if finding.get("known_as") is not None else None
    return {
        **finding,
        "threat": amended(finding["threat"], terms, level=level),
        "outside_dbfs": power_dbfs,
        "outside_uncertainty_db": expanded_uncertainty(statistical=outside.statistical_db),
        "outside_limit_dbfs": limit_dbfs,
        "inside_minus_outside_db": difference_db,
        "inside_minus_outside_at_least_db": at_least_db,
    }


def _silent_outside(at_least_db: float, duty_cycle: float | None, name: str) -> tuple[float, str]:
    """Term for an emitter that was not heard outside: it counts less where it may just have been off."""
    share = 1.0 if duty_cycle is None or duty_cycle > _ALWAYS_ON else duty_cycle
    words = f"not heard outside ({name}): at least {at_least_db:.1f} dB stronger here"
    if share < 1.0:
        words += f", or off at the time, as it is for {100 * (1 - share):.0f} % of it"
    return share * min(_MOST_NATS, _NATS_PER_DB * at_least_db), words
