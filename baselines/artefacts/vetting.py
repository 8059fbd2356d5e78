"""Vetting: every test that the data and the receiver allow, on every emitter of a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.artefacts.gain_step import STRONG_DB, gain_step
from baselines.artefacts.harmonics import fundamental_of
from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.intermodulation import intermodulation, may_be_product
from baselines.artefacts.mixing import ALIAS, WAYS, mixing_tests
from baselines.artefacts.outcome import ArtefactTest, is_artefact, overruled
from baselines.artefacts.own_lines import own_line
from baselines.artefacts.receiver import crystal_spur, dc_offset, decibels, dynamic_range, level_of
from baselines.artefacts.second_look import Suspect, lo_shift
from baselines.artefacts.tunings import NOT_TAKEN, LookBook
from baselines.emitters import Emitter
from sweep.looks import Looks

__all__ = ["Vetted", "artefact_tests", "vet", "vet_joined"]

_BY_TUNING = frozenset({"dc_offset", ALIAS, *(way.test for way in WAYS)})
_BY_GAIN = frozenset({"intermodulation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Vetted:
    """What the tests say of one emitter.

    Attributes
    ----------
    tests : tuple of ArtefactTest
    harmonic_of_hz : float or None
        The strong emitter whose harmonic it may be.
    """

    tests: tuple[ArtefactTest, ...]
    harmonic_of_hz: float | None = None

    @property
    def is_artefact(self) -> bool:
        """Whether a test speaks for the receiver itself."""
        return is_artefact(self.tests)

    @property
    def heard_again(self) -> bool:
        """Whether a second look at another tuning heard it."""
        return any(test.test == "lo_shift" and test.passed for test in self.tests)


def artefact_tests(emitter: Emitter, others: Sequence[Emitter], spectrum: HeardSpectrum) -> list[ArtefactTest]:
    """Run every test that the rows of a visit allow.

    Parameters
    ----------
    emitter : Emitter
    others : sequence of Emitter
        All emitters of the same visit, this one included.
    spectrum : HeardSpectrum
    """
    tests = [_spur(emitter, spectrum)]
    of_profile = own_line(emitter, spectrum)
    if of_profile is not None:
        tests.append(of_profile)
    if not spectrum.has_hops:
        return tests
    tests += [
        dc_offset(emitter, others, spectrum),
        *mixing_tests(emitter, spectrum),
        intermodulation(emitter, spectrum),
    ]
    if not spectrum.compared:
        tests.append(dynamic_range(emitter, others, spectrum))
    return tests


def vet(suspects: Sequence[Suspect], spectrum: HeardSpectrum, looks: Looks | None) -> tuple[list[Vetted], int]:
    """Test every emitter; those that need a second look get it, the strongest first, as long as there are any.

    Looks go to what no test speaks against before they go to what they could only save.

    Parameters
    ----------
    suspects : sequence of Suspect
    spectrum : HeardSpectrum
    looks : Looks or None

    Returns
    -------
    list of Vetted
        One for each suspect, in their order.
    int
        Emitters that got no look because the most that a sweep takes were taken.
    """
    emitters = [suspect.emitter for suspect in suspects]
    found = {number: artefact_tests(emitter, emitters, spectrum) for number, emitter in enumerate(emitters)}
    book = LookBook(looks)
    cut = 0

    def urgency(number: int) -> tuple[bool, float]:
        return is_artefact(found[number]), -level_of(emitters[number])

    for number in sorted(found, key=urgency):
        found[number] = _looked_at(suspects[number], found[number], spectrum, book)
        cut += book.n_cut > 0
        book.n_cut = 0
    return [Vetted(tests=tuple(found[number]), **_harmonic(emitters[number], spectrum)) for number in found], cut


def _looked_at(
    suspect: Suspect, tests: list[ArtefactTest], spectrum: HeardSpectrum, book: LookBook
) -> list[ArtefactTest]:
    if not suspect.heard or not spectrum.has_hops:
        why = NOT_TAKEN if suspect.heard else "not possible: there is nothing to look at"
        return [*tests, ArtefactTest(test="lo_shift", passed=None, reason=why)]
    failed = {test.test for test in tests if test.passed is False}
    moved = lo_shift(suspect, spectrum, book, explained=bool(failed & _BY_TUNING))
    if moved.passed is True:
        tests = overruled(tests, _BY_TUNING, "it stayed where it is when the tuning moved")
    tests = [*tests, moved]
    emitter = suspect.emitter
    strong = decibels(level_of(emitter)) - decibels(emitter.floor_power) >= STRONG_DB
    if moved.passed is not True or not (strong or may_be_product(emitter, spectrum)):
        return tests
    stepped = gain_step(suspect, spectrum, book, explained=bool(failed & _BY_GAIN))
    if stepped.passed is True:
        tests = overruled(tests, _BY_GAIN | {"dynamic_range"}, "its level fell as the gain did")
    return [*tests, stepped]


def _harmonic(emitter: Emitter, spectrum: HeardSpectrum) -> dict[str, float]:
    found = fundamental_of(emitter, spectrum) if spectrum.has_hops else None
    return {} if found is None else {"harmonic_of_hz": found[1]}


def vet_joined(emitter: Emitter, spectrum: HeardSpectrum) -> Vetted:
    """Test what was joined of several emitters, each of which was tested before."""
    spur = _spur(emitter, spectrum)
    reason = "not possible: it was joined of several, each of which was looked at by itself"
    return Vetted(tests=(spur, ArtefactTest(test="lo_shift", passed=None, reason=reason)))


def _spur(emitter: Emitter, spectrum: HeardSpectrum) -> ArtefactTest:
    ppm = spectrum.correction_ppm(emitter.center_freq_hz)
    fell_db = spectrum.fall_db(emitter)
    return crystal_spur(emitter, spectrum.layout, ppm=ppm, compared=spectrum.compared, fell_db=fell_db)
