"""What a sweep shows, and does not show, towards the controls that an auditor asks about.

NIST SP 800-53 Rev. 5, RA-6 (technical surveillance countermeasures survey), and the physical controls of ISO/IEC
27001:2022, Annex A (7.1 to 7.14), as ISO/IEC 27002:2022 explains them. Only those for which a sweep is evidence at all
are mapped; the titles are theirs, the words are ours.
"""

from __future__ import annotations

from reports.content.blocks import Block, paragraph, table
from reports.content.material import ReportContent
from reports.content.missed import heard_text
from reports.content.recommendations import retest
from reports.content.visit import check_outcomes, checks_done
from reports.content.wording import NOT_RECORDED, recorded, utc
from sweep.guided.log import DONE

__all__ = ["control_blocks"]

_INTRO = (
    "An auditor may take this report as evidence towards the controls below, within the limits of the last column. It "
    "is no statement of conformity."
)
_NOT_MAPPED = (
    "Of the other physical controls (7.1, 7.2, 7.4, 7.5, 7.7 to 7.11, 7.13 and 7.14) this report is no evidence: a "
    "sweep is a sample in time, and neither monitors a room nor shows who entered it."
)


def control_blocks(content: ReportContent) -> list[Block]:
    """Each control with what the sweep shows and what it does not."""
    head = ("Control", "What this sweep shows", "What it does not show")
    rows = [_ra_6(content), _offices(content), _secure_areas(content), _cabling(content)]
    return [paragraph(_INTRO), table(head, rows, widths=(20, 42, 38)), paragraph(_NOT_MAPPED)]


def _ra_6(content: ReportContent) -> tuple[str, str, str]:
    start = content.start
    shows = (
        f"That a radio sweep of {recorded(start.get('room'))} was carried out on {utc(start.get('start_time'))[:10]} "
        f"by {recorded(start.get('operator'))}, over {heard_text(content)}, with the findings of this annex. Other "
        f"parts of a survey that were done: {checks_done(content)}. Next survey: {retest(content)}."
    )
    lacks = (
        "A survey by this control also takes a visual and a physical examination, by qualified personnel, and an "
        "evaluation of technical weaknesses. Qualification of the people, the locations and the frequency that the "
        "organisation has defined, and the events that call for a survey, are for the organisation to show."
    )
    return "NIST SP 800-53 Rev. 5, RA-6: Technical Surveillance Countermeasures Survey", shows, lacks


def _offices(content: ReportContent) -> tuple[str, str, str]:
    compared = "against the room's baseline" if content.document.get("baseline") else "without a baseline"
    shows = (
        f"Whether a transmitter that does not belong to the room was on the air while it was swept, {compared}; from "
        "what level on it would have been noticed is in Coverage."
    )
    lacks = (
        "Sound or sight that leaves the room through walls, ducts or windows; emanation of equipment; shielding; and "
        "any time but that of the sweep."
    )
    return "ISO/IEC 27001:2022, A.7.3: Securing offices, rooms and facilities", shows, lacks


def _secure_areas(content: ReportContent) -> tuple[str, str, str]:
    shows = (
        "Whether equipment that transmits sound, pictures or data was on the air in the area during the sweep. "
        f"Physical search: {_check(content, 'search')}. Telephones and conference equipment: "
        f"{_check(content, 'phones')}."
    )
    lacks = (
        "Recorders that do not transmit, and devices that were off. Whether rules for bringing in telephones and "
        "recording equipment exist and are kept."
    )
    return "ISO/IEC 27001:2022, A.7.6: Working in secure areas", shows, lacks


def _cabling(content: ReportContent) -> tuple[str, str, str]:
    shows = (
        f"Check of telephone, network, mains and alarm wiring: {_check(content, 'lines')}. The radio sweep itself "
        "shows only what a device on a cable radiates into the room."
    )
    lacks = "Taps that do not radiate, and cables outside the room. The receiver does not hear carriers below 24 MHz."
    return "ISO/IEC 27001:2022, A.7.12: Cabling security", shows, lacks


def _check(content: ReportContent, name: str) -> str:
    outcome = check_outcomes(content).get(name)
    if outcome is None:
        return NOT_RECORDED
    text = f" ({outcome.text})" if outcome.text else ""
    return f"{'done' if outcome.outcome == DONE else 'not done'}{text}"
