"""What a listening device at a frequency could be used for, in the words of MITRE ATT&CK: never more than a hypothesis.

A radio sweep hears that something transmits. It does not hear who placed it, nor what it carries, so each technique
comes with a confidence and what that rests on, and none is given for what is known, explained, unconfirmed or
missing, nor, without a baseline, for what nobody holds to be bad. Confidence in words and numbers follows the scale
None, Low, Med, High of STIX 2.1, appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.exports.source import ExportSource, Reported

__all__ = ["LOW", "MEDIUM", "Hypothesis", "hypotheses"]

LOW, MEDIUM = 15, 50
_WORDS = {LOW: "low", MEDIUM: "medium"}
_VOICE = ("narrowband", "wideband", "carrier")
_DATA = ("hopper", "broadband", "burst", "intermittent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One technique.

    Attributes
    ----------
    technique, name : str
        Identifier and name in ATT&CK for Enterprise.
    confidence : int
        Of 100, on the scale of STIX 2.1.
    basis : str
        What it rests on.
    """

    technique: str
    name: str
    confidence: int
    basis: str

    @property
    def confidence_word(self) -> str:
        """``low`` or ``medium``."""
        return _WORDS[self.confidence]

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.technique} {self.name}: hypothesis, confidence {self.confidence_word} ({self.basis})"


def hypotheses(source: ExportSource, item: Reported) -> tuple[Hypothesis, ...]:
    """Give the techniques that would fit a finding.

    Parameters
    ----------
    source : ExportSource
        None are given for an exercise: what is simulated has no user.
    item : Reported
    """
    if item.is_missing or not item.is_confirmed or not source.is_alert(item):
        return ()
    signal, found = str(item.finding.get("signal_type")), item.disposition == "device"
    given = []
    if found or item.finding.get("kind") == "new":
        basis = "somebody decided that it is a device" if found else "a transmitter that was not here before"
        confidence = MEDIUM if found else LOW
        given.append(Hypothesis(technique="T1200", name="Hardware Additions", confidence=confidence, basis=basis))
    basis = f"a signal such as analogue voice transmitters send ({signal}); what it carries was not examined"
    if any(word in signal for word in _VOICE):
        given.append(Hypothesis(technique="T1123", name="Audio Capture", confidence=LOW, basis=basis))
    basis = f"a signal such as data radios send ({signal}); what it carries was not examined"
    if any(word in signal for word in _DATA):
        name = "Exfiltration Over Other Network Medium"
        given.append(Hypothesis(technique="T1011", name=name, confidence=LOW, basis=basis))
    return tuple(given)
