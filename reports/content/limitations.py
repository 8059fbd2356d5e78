"""What no sweep with this hardware and method can do, in plain words."""

from __future__ import annotations

from reports.content.material import ReportContent
from reports.content.missed import level_scale

__all__ = ["limitations"]

_RTL_SDR_END_HZ = 1_800e6
_UPPER_END = (
    "Upper end.",
    "Receivers of the RTL-SDR class end near 1766 MHz. Wi-Fi, Bluetooth, DECT telephones, most mobile telephony, video "
    "links at 2.4 and 5.8 GHz and everything above cannot be heard with them.",
)


def limitations(content: ReportContent) -> list[tuple[str, str]]:
    """Pairs of a subject and what limits the sweep in that."""
    limits = [
        (
            "Not radio.",
            "A radio sweep hears transmitters. It does not find wired microphones, optical or infrared links, sound "
            "that leaves through the building, or a recorder that never transmits.",
        ),
        (
            "Levels.",
            f"They are in {level_scale(content)}. They are not dBm, and neither field strength nor distance follows "
            "from them.",
        ),
        (
            "Bursts.",
            "The receiver listens to one hop at a time. A burst sent while it listened elsewhere was not heard; the "
            "table of coverage gives the chance to catch one.",
        ),
        (
            "Middle of a hop.",
            "The receiver makes a signal of its own in the middle of every hop. A weak narrow signal within a few bins "
            "of there can be hidden by it.",
        ),
        (
            "Strong neighbours.",
            "The converter of such a receiver has 8 bits: a weak transmitter beside a strong one can go unnoticed.",
        ),
        ("Baseline.", _baseline_limit(content)),
        (
            "Meaning.",
            "Kind of signal, allocation and threat level are aids to judgement. A transmitter in a licensed band can "
            "still be a listening device, and an unknown carrier is not by itself evidence of one.",
        ),
    ]
    reaches_on = content.layout.freq_hz.size and content.layout.freq_hz[-1] > _RTL_SDR_END_HZ
    return limits if reaches_on else [_UPPER_END, *limits]


def _baseline_limit(content: ReportContent) -> str:
    if content.document.get("baseline"):
        return (
            "It is taken for the normal state of the room. A transmitter that was active whenever it was learned is "
            "part of it and is not reported."
        )
    return "There was none: the findings are what was heard, and ordinary transmitters are among them."
