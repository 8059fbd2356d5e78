"""What follows from a sweep: steps for people, each with the fact that it rests on. The report decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reports.content.coverage import not_heard
from reports.content.material import ReportContent
from reports.content.threats import threat_level
from reports.content.visit import check_outcomes
from reports.content.wording import NOT_RECORDED, count, frequency, frequency_range, listed
from sweep.guided.log import DONE
from sweep.guided.steps import CHECKS
from sweep.units import iso_utc, parse_utc

__all__ = ["CLOSED", "Recommendation", "named", "recommendations", "retest", "to_do"]

CLOSED = frozenset({"known", "explained"})
"""Decisions after which a finding needs nobody any more."""

_MOST_NAMES, _MOST_RANGES = 6, 4
_PRESSING = frozenset({"high", "medium", "not assessed"})
_LEAVE_ALONE = "Do not switch off, move or touch a suspected device, and do not speak of it in the room."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A step, why it follows, and whether the client's page names it."""

    text: str
    basis: str
    for_client: bool = True


def to_do(content: ReportContent) -> list[str]:
    """Steps for the client."""
    return [step.text for step in recommendations(content) if step.for_client]


def recommendations(content: ReportContent) -> list[Recommendation]:
    """Every step that follows, the most pressing first."""
    return [*_about_findings(content), *_about_sweep(content), *_about_rest(content), *_about_records(content)]


def retest(content: ReportContent) -> str:
    """When the room is to be swept again, where that was agreed; never a date of our own."""
    days, begun = content.start.get("retest_days"), content.start.get("start_time")
    if not isinstance(days, int) or not begun:
        return f"{NOT_RECORDED}: no interval was agreed"
    due = parse_utc(str(begun)) + round(timedelta(days=days).total_seconds()) * 1_000_000_000
    return f"{iso_utc(due)[:10]}, {count(days, 'day')} after this sweep as agreed"


def named(findings: Sequence[Mapping[str, Any]]) -> str:
    """Ids with frequencies; the first few where there are many."""
    return listed([f"{item['id']} ({frequency(item['center_freq_hz'])})" for item in findings], most=_MOST_NAMES)


def _about_findings(content: ReportContent) -> Iterator[Recommendation]:
    still_open = [
        finding
        for finding in content.findings
        if threat_level(finding) in _PRESSING and not _is_closed(content, str(finding["id"]))
    ]
    if still_open:
        names, is_one = named(still_open), len(still_open) == 1
        first = f"Hold no confidential talk in the room until {names} {'has' if is_one else 'have'} been located or "
        first += "explained."
        if not content.document.get("baseline"):
            first = (
                f"Find out first whether {names} {'belongs' if is_one else 'belong'} to the surroundings; without a "
            )
            first += "baseline the sweep cannot tell."
        basis = f"{count(len(still_open), 'finding')} of high or medium level, or not assessed, without an explanation"
        yield Recommendation(text=first, basis=basis)
        yield Recommendation(text=_LEAVE_ALONE, basis="whoever planted a device may watch what becomes of it")
        text = "Sweep again from several positions in the room: the level rises towards a transmitter."
        yield Recommendation(text=text, basis="one position tells no direction")
    elif content.findings:
        text = "Confirm or explain the findings that are still open, and record who decided and why."
        yield Recommendation(text=text, basis="findings of low level, or decided in part")
    seldom = [item for item in content.unconfirmed if content.decision_on(item) not in CLOSED]
    if seldom:
        text = (
            f"Find out whether {named(seldom)} {'comes' if len(seldom) == 1 else 'come'} back: sweep again, with more "
        )
        text += "passes, or leave the receiver on the frequency for some minutes."
        yield Recommendation(text=text, basis=f"{count(len(seldom), 'emission')} heard in too few passes to judge")


def _about_sweep(content: ReportContent) -> Iterator[Recommendation]:
    if content.document.get("verdict") == "inconclusive":
        text = "Remove the cause named in the answer and sweep again; this sweep neither accuses nor relieves."
        yield Recommendation(text=text, basis="the verdict is inconclusive")
    if not content.document.get("baseline"):
        text = "Learn a baseline of the room on two or more visits when it is known to be in order; compare with that."
        yield Recommendation(text=text, basis="no baseline was compared with")
    for state, cure in (("overloaded", "with less gain or a filter"), ("not_measured", "once the cause is found")):
        ranges = not_heard(content, state)
        if ranges:
            where = listed([frequency_range(*pair) for pair in ranges], most=_MOST_RANGES)
            text = f"Sweep {where} again {cure}."
            yield Recommendation(text=text, basis=f"{state.replace('_', ' ')} in this sweep", for_client=False)
    health = None if content.compared is None else content.compared.health
    if health is not None and health.verdict != "good":
        text = "Renew the baseline on visits when the room is known to be in order."
        yield Recommendation(text=text, basis="; ".join(health.reasons), for_client=False)


def _about_rest(content: ReportContent) -> Iterator[Recommendation]:
    text = "Have the frequencies that were not listened to swept with a receiver that reaches them."
    yield Recommendation(text=text, basis="see Coverage: what this hardware cannot hear")
    missing = _checks_missing(content)
    if missing:
        text = "Complete the picture with a physical search, and checks of wiring, telephones and conference equipment."
        yield Recommendation(text=text, basis=f"not done, or not recorded: {listed(missing)}")
    text = "Repeat the sweep before confidential meetings and after building work, deliveries or a change of staff."
    yield Recommendation(text=text, basis=f"a sweep holds for its time only; retest date: {retest(content)}")


def _checks_missing(content: ReportContent) -> list[str]:
    known = check_outcomes(content)
    return [title for name, (title, _) in CHECKS.items() if name not in known or known[name].outcome != DONE]


def _about_records(content: ReportContent) -> Iterator[Recommendation]:
    for item in content.start.get("equipment") or ():
        if item.get("calibration_expired"):
            yield Recommendation(
                text=f"Have the {item.get('kind')} {item.get('name')} calibrated.",
                basis=f"its calibration was due on {item.get('calibration_due')}",
                for_client=False,
            )
    if content.sealed is None:
        text = "Seal the record, and have the digest of the seal registered by somebody else."
        yield Recommendation(text=text, basis="the record is not sealed", for_client=False)
    elif content.sealed.token is None:
        text = "Add proof of time to the seal (quietroom seal, with a time server)."
        yield Recommendation(text=text, basis="no time token vouches for the date", for_client=False)


def _is_closed(content: ReportContent, finding_id: str) -> bool:
    decided = content.disposition_of(finding_id)
    return decided is not None and decided.get("as") in CLOSED
