"""Is it in the air at all? Tests for what the receiver itself makes of its oscillator, its crystal and strong signals.

Each gives True (speaks for a real emitter), False (for an artefact) or None (not possible here), with the reason.
"""

from __future__ import annotations

from baselines.artefacts.heard_spectrum import HeardSpectrum, heard_spectrum
from baselines.artefacts.outcome import ArtefactTest
from baselines.artefacts.second_look import Suspect
from baselines.artefacts.vetting import Vetted, artefact_tests, vet, vet_joined

__all__ = [
    "ArtefactTest",
    "HeardSpectrum",
    "Suspect",
    "Vetted",
    "artefact_tests",
    "heard_spectrum",
    "vet",
    "vet_joined",
]
